"""What a lab consists of."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from frisket.errors import Blame, FrisketError

__all__ = ["BadPlan", "DevicePlan", "Door", "LabPlan", "Make"]


class BadPlan(FrisketError):
    blame = Blame.OPERATOR
    remedy = "Give each virtual device its own name of letters, digits, dots, dashes: ipp, ipps, raw or lpd."


class Door(StrEnum):
    IPP = "ipp"
    IPPS = "ipps"
    RAW = "raw"
    LPD = "lpd"


class Make(StrEnum):
    """Which kind of device it plays."""

    COLOUR = "colour"  # an A3 colour multifunction device with finisher
    MONO = "mono"  # an A4 black-and-white desktop printer
    PRESS = "press"  # a colour press: every resolution of PWG Raster, four separations


@dataclass(frozen=True, slots=True)
class DevicePlan:
    """One virtual device.

    port: 0 takes any free one. pages_per_minute: 0 prints at once.
    talks: whether a RAW device answers PJL; one that does not is mute whatever it is sent.
    pages: what it counts for every document; None counts as well as it can.
    """

    name: str
    door: Door = Door.IPP
    make: Make = Make.COLOUR
    port: int = 0
    host: str = "127.0.0.1"
    pages_per_minute: float = 0
    talks: bool = True
    pages: int | None = None

    def __post_init__(self) -> None:
        plain = self.name.replace(".", "").replace("-", "").replace("_", "")
        if not (plain.isascii() and plain.isalnum()) or self.name.startswith(".") or len(self.name) > 63:
            raise BadPlan(f"not a name for a virtual device: {self.name!r}")
        if self.pages_per_minute < 0 or (self.pages is not None and self.pages < 0):
            raise BadPlan(f"{self.name}: speed and pages are never negative")


@dataclass(frozen=True, slots=True)
class LabPlan:
    """A whole lab; `standard` is what `frisket lab` starts when nothing else is asked for."""

    devices: Sequence[DevicePlan]

    def __post_init__(self) -> None:
        names = [device.name for device in self.devices]
        if len(set(names)) != len(names):
            raise BadPlan("two virtual devices with one name")

    @classmethod
    def standard(cls, *, host: str = "127.0.0.1", pages_per_minute: float = 0) -> "LabPlan":
        """An encrypted colour device, a plain black-and-white one, and one behind a raw port and an LPD port each."""
        return cls(
            (
                DevicePlan("colour", Door.IPPS, Make.COLOUR, 0, host, pages_per_minute),
                DevicePlan("mono", Door.IPP, Make.MONO, 0, host, pages_per_minute),
                DevicePlan("raw", Door.RAW, Make.MONO, 0, host, pages_per_minute),
                DevicePlan("lpd", Door.LPD, Make.MONO, 0, host, pages_per_minute),
            )
        )
