"""Tables of the doors."""

from frisket.intake.sources.models import PickUp, Source

__all__ = ["PickUp", "Source"]
