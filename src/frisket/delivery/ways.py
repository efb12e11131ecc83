"""The connections of one device in order: the next one only while not one octet has left by those before.

What never leads to another connection: a certificate that is not the adopted one (somebody may stand in
between and wish for exactly that), and a device that answers and says no.
"""

from collections.abc import Iterator
from dataclasses import replace

from frisket.delivery.drivers import driver_for
from frisket.delivery.values import Condition, Driver, End, Ending, PrintTicket, Source, Times, Watch
from frisket.device import DeviceView
from frisket.plumbing import parts

__all__ = ["by_way", "condition", "print_by_ways", "ways_of"]

GUARDED = frozenset({"medium-high", "high"})  # security levels at which nothing goes out in the clear
# How a try ended that says of the connection, and of nothing else, that it leads nowhere just now.
LEADS_NOWHERE = frozenset({"DeviceUnreachable", "ConnectionLost", "Stalled"})
MARK = "|"  # between the number of a way and the device's own name of a job


def ways_of(there: DeviceView) -> Iterator[DeviceView]:
    """The device as each of its connections sees it, the first one first.

    A device whose first connection is encrypted is at the higher levels never reached by one that is not.
    """
    yield there
    guarded = there.address.secure and parts.settings().house.level in GUARDED
    for way in there.ways:
        if guarded and not way.address.secure:
            continue
        plain = way.address.scheme not in ("ipp", "ipps")
        yield replace(
            there,
            uri=way.uri,
            pinned_sha256=way.pinned_sha256,
            capabilities=replace(there.capabilities, pjl=False) if plain else there.capabilities,
            silence_is_done=there.silence_is_done or plain,  # without a way back it can only be silent
        )


async def print_by_ways(there: DeviceView, times: Times, ticket: PrintTicket, source: Source, watch: Watch) -> Ending:
    """Send a job by the first connection that takes it. One octet by any of them, and no other is tried."""
    ways = list(ways_of(there))
    fell_back = ""
    for number, way in enumerate(ways):
        ending = await driver_for(way, times).print(ticket, source, _Way(watch, number))
        if number:
            fell_back = f" way={number + 1}"
        leads_nowhere = ending.end is End.RETRY and ending.evidence in LEADS_NOWHERE
        if not leads_nowhere or watch.octets or watch.cancelled():
            break
    return replace(ending, evidence=f"{ending.evidence}{fell_back}") if ending.end is not End.RETRY else ending


class _Way:
    """The line back, with the number of the connection in front of the device's own name of the job."""

    def __init__(self, watch: Watch, number: int) -> None:
        self._watch = watch
        self._number = number

    @property
    def octets(self) -> int:
        return self._watch.octets

    async def leaving(self, device_job: str = "") -> None:
        marked = f"{self._number}{MARK}{device_job}" if device_job and self._number else device_job
        await self._watch.leaving(marked)

    def sent(self, octets: int) -> None:
        self._watch.sent(octets)

    def cancelled(self) -> bool:
        return self._watch.cancelled()


def by_way(there: DeviceView, device_job: str, times: Times) -> tuple[Driver, str]:
    """Whom to ask of a job, and by which name: always the connection it went by. The numbers two connections
    give to jobs have nothing to do with each other."""
    number, mark, name = device_job.partition(MARK)
    ways = list(ways_of(there))
    if not mark or not number.isdecimal():
        return driver_for(there, times), device_job
    chosen = int(number)
    # A connection that was taken away since cannot be asked; an empty name says that nobody knows.
    return (driver_for(ways[chosen], times), name) if chosen < len(ways) else (driver_for(there, times), "")


async def condition(there: DeviceView, times: Times) -> Condition:
    """How the device is, asked by the first connection that answers. One that must not be asked without printing
    keeps a device from counting as unreachable."""
    first, *others = ways_of(there)
    found = await driver_for(first, times).condition()
    for way in others:
        if found.state != "unreachable":
            break
        if way.address.scheme in ("ipp", "ipps"):
            found = await driver_for(way, times).condition()
        else:
            found = Condition("unknown")
    return found
