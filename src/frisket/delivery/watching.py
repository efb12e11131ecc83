"""Asking devices how they are, and what they are before somebody adopts them."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from frisket import device
from frisket.delivery import loop
from frisket.delivery.drivers import driver_for, times
from frisket.delivery.ipp_driver import IppDriver
from frisket.delivery.sending import stage_scope
from frisket.delivery.values import Condition, Probe
from frisket.device import UNKNOWN, Address, Adoption, DeviceView
from frisket.plumbing import db, parts, work
from frisket.plumbing.db import Tx
from frisket.plumbing.scope import Actor, Scope

__all__ = ["EVERY_S", "WATCH", "adopt", "adoption_of", "condition", "handle_watch", "identify", "probe"]

WATCH = "delivery.watch"
EVERY_S = 30.0
AT_ONCE = 16
IDENTIFY_S = 5.0  # somebody waits for the answer
NOBODY = UUID(int=0)


def probe(uri: str) -> Probe:
    """Ask whatever is at an address what it is. Nothing is kept.

    On a RAW port this opens a connection and asks by PJL, which a device without PJL may print.
    Raises device.BadAddress, DeviceUnreachable, ConnectionLost, DeviceAnswered, keys.TlsRefused.
    """
    return loop.start().run(driver_for(_stranger(Address.read(uri)), times()).probe())


def adoption_of(found: Probe) -> Adoption:
    """What a person says yes to (R13)."""
    return Adoption(found.capabilities, found.certificate_sha256, found.printer_uuid)


def adopt(scope: Scope, device_id: UUID, *, by: Actor) -> DeviceView:
    """Ask a device that is known already and take over what is found, its certificate too.

    The person whose act this is has compared the fingerprint. Raises as ``probe``, and device.NoSuchDevice.
    """
    found = probe(device.device(scope, device_id).uri)
    with db.transaction() as tx:
        adopted = device.adopt(scope, device_id, adoption_of(found), by=by, tx=tx)
        _keep(device_id, found.condition, tx)
        return adopted


def condition(scope: Scope, device_id: UUID) -> Condition:
    """Ask a device how it is, and keep what it says."""
    found = loop.start().run(driver_for(device.device(scope, device_id), times()).condition())
    with db.transaction() as tx:
        _keep(device_id, found, tx)
    return found


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

    A device behind a bare RAW port is not asked, because to it a connection is a print: what is known of
    it is what the last job found.
    """
    asked = [
        each
        for each in device.devices(stage_scope())
        if each.active and (each.address.scheme != "socket" or each.capabilities.pjl)
    ]
    for each, found in zip(asked, loop.start().run(_ask_all(asked)), strict=True):
        with db.transaction() as tx:
            _keep(each.id, found, tx)


async def _ask_all(asked: list[DeviceView]) -> list[Condition]:
    some = asyncio.Semaphore(AT_ONCE)

    async def ask(one: DeviceView) -> Condition:
        async with some:
            return await driver_for(one, times()).condition()

    return await asyncio.gather(*(ask(each) for each in asked))


def _keep(device_id: UUID, found: Condition, tx: Tx) -> None:
    device.set_state(device_id, found.state, found.reasons, found.message, tx=tx)


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
