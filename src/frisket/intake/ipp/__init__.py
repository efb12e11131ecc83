"""The IPP door: RFC 8010, RFC 8011 and the CUPS discovery operations over HTTP/1.1."""

from frisket.intake.ipp.door import IppDoor
from frisket.intake.ipp.operations import Commands

__all__ = ["Commands", "IppDoor"]
