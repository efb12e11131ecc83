"""What a device's own counter says of a job: read before the first octet and after the last page.

It is one source of three for what was printed, and the only one of a device that says nothing else. It never
turns a job that may have printed into one that did not: other people walk up to a device too.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from frisket import device
from frisket.delivery import loop
from frisket.delivery.agents import Agent, Counted, agent_of
from frisket.delivery.drivers import times
from frisket.delivery.raw_driver import RawDriver
from frisket.delivery.values import End, Ending, PrintTicket, Source, Watch
from frisket.delivery.ways import print_by_ways
from frisket.device import DeviceView
from frisket.plumbing import parts
from frisket.plumbing.scope import HOUSE, Purpose, Scope

__all__ = ["counted_print"]

PAUSE_S = 0.5
SETTLES_S = 5.0  # a counter that has not moved for so long at a device at rest does not move any more
WRAPS = 1 << 32  # Counter32
NO_JOB = 1_000_000  # a rise like this is another device, or a counter set anew


Ask = Callable[[], Awaitable[Counted | None]]


async def counted_print(there: DeviceView, ticket: PrintTicket, source: Source, watch: Watch) -> Ending:
    """Print, and read the counter around it where the device may be asked for it and answers."""
    ask = await _counter_of(there)
    before = await ask() if ask is not None else None
    ending = await print_by_ways(there, times(), ticket, source, watch)
    if ask is None or before is None or ending.end in (End.RETRY, End.DAMAGED) or not watch.octets:
        return ending
    if ending.end is End.DELIVERED:
        return await _delivered(ask, before, ending)
    return _with(ending, before, await ask())


async def _counter_of(there: DeviceView) -> Ask | None:
    """By SNMP; else by PJL where the settings allow it: that is a connection of its own before and after each job,
    to a port that takes one at a time."""
    if there.snmp is not None:
        agent, index = await loop.in_rows_thread(lambda: _agent(there))
        if agent is not None:
            return partial(agent.counted, index)
    if there.capabilities.pjl and there.address.scheme == "socket" and parts.settings().delivery.pjl_counter:
        return partial(_by_pjl, RawDriver(there, times()))
    return None


async def _by_pjl(driver: RawDriver) -> Counted | None:
    count = await driver.page_count()
    return Counted(count, "impressions", True) if count is not None else None


def _agent(there: DeviceView) -> tuple[Agent | None, int]:
    """The agent if it answered when it was last asked: nobody's print waits for one that is silent."""
    said = device.status(Scope(HOUSE, parts.tenant(), Purpose.STAGE), there.id).of("snmp")
    if said is not None and said.problem:
        return None, 1
    return agent_of(there), said.index if said is not None else 1


async def _delivered(ask: Ask, before: Counted, ending: Ending) -> Ending:
    """Wait for the counter: until it agrees with the device's word, or has come to rest (SPM-26).

    A device that took a document in silence is asked as long as it is at work, at most ``delivery.follow_s``.
    """
    limit = times().follow_s if ending.silent else SETTLES_S
    began = changed = time.monotonic()
    last: Counted | None = None
    while (now := await ask()) is not None:
        if last is None or now.count != last.count or not now.at_rest:
            changed = time.monotonic()
        last, rose = now, _rise(before, now)
        if rose and now.unit == "impressions" and rose == ending.impressions:
            break
        still = time.monotonic() - changed
        if now.at_rest and still >= (2 * PAUSE_S if rose else SETTLES_S):
            break
        if time.monotonic() - began > limit:
            break
        await asyncio.sleep(PAUSE_S)
    counted = _with(ending, before, last)
    if counted.silent and counted.counter and last is not None and last.at_rest:
        return replace(counted, silent=False, evidence=f"{counted.evidence} counter=+{counted.counter}")
    return counted


def _with(ending: Ending, before: Counted, after: Counted | None) -> Ending:
    rose = _rise(before, after) if after is not None else None
    return ending if rose is None else replace(ending, counter=rose, counter_unit=before.unit)


def _rise(before: Counted, after: Counted) -> int | None:
    rose = (after.count - before.count) % WRAPS
    return rose if rose < NO_JOB and before.unit == after.unit else None
