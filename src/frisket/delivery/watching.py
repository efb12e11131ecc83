"""Asking devices how they are, and what they are before somebody adopts them."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

from frisket import device
from frisket.delivery import loop, ways
from frisket.delivery.agents import Agent, agent_of
from frisket.delivery.drivers import driver_for, times
from frisket.delivery.errors import ConnectionLost, DeviceAnswered, DeviceUnreachable
from frisket.delivery.ipp_driver import IppDriver
from frisket.delivery.sending import stage_scope
from frisket.delivery.values import Condition, Probe, Times
from frisket.device import UNKNOWN, Address, Adoption, DeviceView, Facts, Status
from frisket.plumbing import db, keys, parts, work
from frisket.plumbing.db import Tx
from frisket.plumbing.scope import Actor, Scope

__all__ = [
    "EVERY_S",
    "LOOK",
    "WATCH",
    "adopt",
    "adoption_of",
    "condition",
    "handle_look",
    "handle_watch",
    "identify",
    "keep",
    "look_at_ways",
    "look_soon",
    "probe",
]

WATCH = "delivery.watch"
LOOK = "delivery.look"
EVERY_S = 30.0
AT_ONCE = 16
IDENTIFY_S = 5.0  # somebody waits for the answer
NOBODY = UUID(int=0)
_SOURCES = {"ipp": "ipp", "ipps": "ipp", "lpd": "lpd", "socket": "pjl"}  # by what a device is asked, by scheme


def probe(uri: str) -> Probe:
    """Ask whatever is at an address what it is. Nothing is kept.

    On a RAW port this opens a connection and asks by PJL, which a device without PJL may print.
    Raises device.BadAddress, DeviceUnreachable, ConnectionLost, DeviceAnswered, keys.TlsRefused.
    """
    return loop.start().run(driver_for(_stranger(Address.read(uri)), times()).probe())


def adoption_of(found: Probe, ways: Mapping[str, bytes | None] | None = None) -> Adoption:
    """What a person says yes to (R13). ways: what ``look_at_ways`` found."""
    return Adoption(found.capabilities, found.certificate_sha256, found.printer_uuid, ways or {})


def look_at_ways(there: DeviceView) -> dict[str, bytes | None]:
    """The certificates that a device's further encrypted connections show now, by address. Nothing is kept.

    One that does not answer is not among them.
    """
    found: dict[str, bytes | None] = {}
    for way in there.ways:
        if way.address.secure:
            with suppress(DeviceUnreachable, ConnectionLost, DeviceAnswered, keys.TlsRefused):
                found[way.uri] = probe(way.uri).certificate_sha256
    return found


def adopt(scope: Scope, device_id: UUID, *, by: Actor) -> DeviceView:
    """Ask a device that is known already and take over what is found, its certificate too.

    The person whose act this is has compared the fingerprint. Raises as ``probe``, and device.NoSuchDevice.
    """
    there = device.device(scope, device_id)
    found = probe(there.uri)
    adoption = adoption_of(found, look_at_ways(there))
    with db.transaction() as tx:
        adopted = device.adopt(scope, device_id, adoption, by=by, tx=tx)
        keep(adopted, found.condition, tx=tx)
        return adopted


def condition(scope: Scope, device_id: UUID, *, patience_s: float | None = None) -> Status:
    """Ask a device how it is, by every source that can say, and keep what they say.

    patience_s: where somebody stands and waits for the answer.
    """
    there = device.device(scope, device_id)
    _keep_all(there, loop.start().run(_ask(there, agent_of(there), patience_s)))
    return device.status(scope, device_id)


def identify(devices: Sequence[DeviceView], actions: Sequence[str], message: str) -> int:
    """Have these devices show themselves, all at once; how many did. Only over IPP can they be asked to."""
    asked = [
        (each, [action for action in actions if action in each.capabilities.identify])
        for each in devices
        if each.active and each.address.scheme != "socket"
    ]
    return loop.start().run(_identify_all([(each, wanted) for each, wanted in asked if wanted], message))


async def _identify_all(asked: Sequence[tuple[DeviceView, Sequence[str]]], message: str) -> int:
    async def show(each: DeviceView, wanted: Sequence[str]) -> bool:
        try:
            async with asyncio.timeout(IDENTIFY_S):
                return await IppDriver(each, times()).identify(wanted, message)
        except TimeoutError:
            return False

    return sum(await asyncio.gather(*(show(each, wanted) for each, wanted in asked[:AT_ONCE])))


def handle_watch(item: work.Item) -> None:
    """The work ``delivery.watch``, every 30 s: all active devices, some at a time.

    A device behind a bare RAW port is asked by its SNMP agent alone, because to its port a connection is a
    print: without an agent, what is known of it is what the last job found.
    """
    asked = [(each, agent_of(each)) for each in device.devices(stage_scope()) if each.active]
    for (each, _), found in zip(asked, loop.start().run(_ask_all(asked)), strict=True):
        _keep_all(each, found)


def look_soon(devices: Iterable[UUID]) -> None:
    """Have these asked at once, because somebody says that something happened there."""
    with db.transaction() as tx:
        for each in devices:
            work.enqueue(LOOK, {"device": each.hex}, tx=tx, once=f"{LOOK}:{each.hex}")


def handle_look(item: work.Item) -> None:
    """The work ``delivery.look``: one device, as in a round of ``delivery.watch``."""
    with suppress(device.NoSuchDevice):
        there = device.device(stage_scope(), UUID(str(item.payload["device"])))
        if there.active:
            _keep_all(there, loop.start().run(_ask(there, agent_of(there))))


async def _ask_all(asked: list[tuple[DeviceView, Agent | None]]) -> list[list[Facts]]:
    some = asyncio.Semaphore(AT_ONCE)

    async def ask(one: DeviceView, agent: Agent | None) -> list[Facts]:
        async with some:
            return await _ask(one, agent)

    return await asyncio.gather(*(ask(*each) for each in asked))


async def _ask(there: DeviceView, agent: Agent | None, patience_s: float | None = None) -> list[Facts]:
    """What the print port and the agent say, both at once."""
    waits = times()
    if patience_s is not None:
        waits = replace(waits, connect_s=min(waits.connect_s, patience_s), stall_s=min(waits.stall_s, patience_s))
    questions: list[Awaitable[Facts]] = [agent.facts()] if agent is not None else []
    if _may_be_asked(there):
        questions.append(_port(there, waits))
    return await asyncio.gather(*questions)


async def _port(there: DeviceView, waits: Times) -> Facts:
    return _facts(there, await ways.condition(there, waits))


def _may_be_asked(there: DeviceView) -> bool:
    return there.address.scheme != "socket" or there.capabilities.pjl


def _facts(there: DeviceView, found: Condition) -> Facts:
    return found.facts(_SOURCES[there.address.scheme], parts.clock().now())


def _keep_all(there: DeviceView, found: list[Facts]) -> None:
    if found:
        with db.transaction() as tx:
            device.keep_facts(there.id, found, tx=tx)


def keep(there: DeviceView, found: Condition, *, tx: Tx) -> None:
    """What a device just said of itself, so that nobody waits for the next round."""
    device.keep_facts(there.id, [_facts(there, found)], tx=tx)


def _stranger(address: Address) -> DeviceView:
    """A device nobody knows yet, as the drivers want to see it."""
    return DeviceView(
        id=NOBODY,
        tenant=parts.tenant(),
        name="",
        uri=address.uri,
        location="",
        pinned_sha256=None,
        uuid_seen="",
        capabilities=UNKNOWN,
        silence_is_done=False,
        shows_owner=False,
        active=False,
        state="unknown",
        state_reasons=(),
        state_message="",
        state_at=None,
        adopted_at=parts.clock().now(),
    )
