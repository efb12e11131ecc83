"""The IPP door: RFC 8010, RFC 8011 and the CUPS discovery operations over HTTP/1.1."""

from frisket.intake.ipp.commands import Commands
from frisket.intake.ipp.door import IppDoor

__all__ = ["Commands", "IppDoor"]
