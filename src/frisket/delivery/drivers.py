"""Which driver talks to which device."""

from frisket.delivery.ipp_driver import IppDriver
from frisket.delivery.lpr_driver import LprDriver
from frisket.delivery.raw_driver import RawDriver
from frisket.delivery.values import Driver, DriverMaker, Times
from frisket.device import DeviceView
from frisket.plumbing import parts

__all__ = ["driver_for", "times"]

_MAKERS: dict[str, DriverMaker] = {"ipp": IppDriver, "ipps": IppDriver, "lpd": LprDriver, "socket": RawDriver}


def driver_for(device: DeviceView, times: Times) -> Driver:
    return _MAKERS[device.address.scheme](device, times)


def times() -> Times:
    """The waits of the settings."""
    set_to = parts.settings().delivery
    return Times(set_to.connect_s, set_to.stall_s, set_to.follow_s)
