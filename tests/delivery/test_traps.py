"""Traps and informs of net-snmp's senders: a device that says something is asked at once, a stranger is not heard."""

import asyncio
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest

from frisket import delivery, device
from frisket.delivery import traps, watching
from frisket.plumbing import work
from frisket.plumbing.db import transaction
from frisket.plumbing.settings import Settings, may_open
from tests.delivery.conftest import Post, wait_for
from tests.delivery.test_status import ask_by_snmp
from tests.peers.agents import ReplayAgent, office
from tests.peers.served import serving, until
from tests.wire.test_snmp_notices import pdu, plain

ALERT = "1.3.6.1.2.1.43.18.2.0.1"
V3 = ["-v3", "-e", "0x8000000001020304", "-u", "mon"]
SECRET = ["-l", "authPriv", "-a", "SHA-256", "-A", "authentic enough", "-x", "AES", "-X", "private enough"]
WAYS = {
    "v1 trap": ["snmptrap", "-v1", "-c", "any", "{at}", ALERT.removesuffix(".0.1"), "127.0.0.1", "6", "1", "1"],
    "v2c trap": ["snmptrap", "-v2c", "-c", "any", "{at}", "", ALERT],
    "v2c inform": ["snmpinform", "-v2c", "-c", "any", "-t", "{patience}", "-r", "0", "{at}", "", ALERT],
    "v3 trap in clear": ["snmptrap", *V3, "-l", "noAuthNoPriv", "{at}", "", ALERT],
    "v3 trap, encrypted": ["snmptrap", *V3, *SECRET, "{at}", "", ALERT],
}
real = [
    pytest.mark.peer("snmptrap"),
    pytest.mark.skipif(shutil.which("snmptrap") is None, reason="snmptrap is not installed"),
]


def by_snmptrap(test: Callable[..., None]) -> Callable[..., None]:
    for mark in real:
        test = mark(test)
    return test


def say(way: str, port: int, folder: Path, patience: int = 30) -> None:
    """What a device would send. snmpinform ends with 0 only when it was acknowledged."""
    command = [word.format(at=f"127.0.0.1:{port}", patience=patience) for word in WAYS[way]]
    environment = {"MIBS": "", "SNMP_PERSISTENT_DIR": str(folder), "SNMPCONFPATH": str(folder), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()


@contextmanager
def opened(pause_s: float = 0.01) -> Iterator[traps.TrapDoor]:
    """The door in a loop of its own, as in a served house."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    door = delivery.TrapDoor(pause_s=pause_s)
    try:
        asyncio.run_coroutine_threadsafe(door.open("127.0.0.1", 0), loop).result(20)
        yield door
        asyncio.run_coroutine_threadsafe(door.close(), loop).result(20)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[set[UUID]]:
    """Who is asked to be looked at, in place of the durable work; a served house does that below."""
    seen: list[set[UUID]] = []
    monkeypatch.setattr(traps, "look_soon", lambda ids: seen.append(set(ids)))
    return seen


@by_snmptrap
@pytest.mark.requirement("PREP-59")
@pytest.mark.parametrize("way", WAYS)
def test_a_device_that_says_something_is_asked_at_once(
    post: Post, asked: list[set[UUID]], tmp_path: Path, way: str
) -> None:
    there = post.adopted("socket://127.0.0.1:9", probe=False)
    with opened() as door:
        say(way, door.port, tmp_path)
        wait_for(lambda: {there.id} in asked, 60)
        assert door.dropped == 0


@by_snmptrap
def test_nobody_else_is_heard_and_nothing_is_said_to_them(post: Post, asked: list[set[UUID]], tmp_path: Path) -> None:
    there = post.adopted("socket://192.0.2.7:9", probe=False)  # a known device, elsewhere
    here = post.adopted("socket://127.0.0.1:9", "two", probe=False)
    with transaction() as tx:
        device.change_device(
            post.house.scope, here.id, device.DeviceChange(active=False), by=post.house.administrator, tx=tx
        )
    with opened() as door:
        say("v2c trap", door.port, tmp_path)
        wait_for(lambda: door.dropped == 1, 60)
        with pytest.raises(AssertionError):
            say("v2c inform", door.port, tmp_path, patience=2)
    assert not asked and there.active


def test_what_is_no_notification_wakes_nobody(post: Post, asked: list[set[UUID]]) -> None:
    post.adopted("socket://127.0.0.1:9", probe=False)
    with opened() as door, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for octets in (b"", b"\x30\x03\x02\x01\x01", bytes(2000)):
            sender.sendto(octets, ("127.0.0.1", door.port))
        wait_for(lambda: door.dropped == 3, 60)
    assert not asked


def test_a_flood_asks_a_device_once_in_a_while_and_its_last_word_is_not_lost(
    post: Post, asked: list[set[UUID]]
) -> None:
    there = post.adopted("socket://127.0.0.1:9", probe=False)
    trap = plain(1, pdu(0xA7))
    began = time.monotonic()
    with opened(pause_s=0.5) as door, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:

        def too_many() -> bool:
            for _ in range(100):
                sender.sendto(trap, ("127.0.0.1", door.port))
            return door.dropped > 100

        wait_for(too_many, 60)
        wait_for(lambda: len(asked) >= 2 and not door._due, 60)
    assert asked[0] == {there.id}
    assert len(asked) <= (time.monotonic() - began) / 0.5 + 1


def test_a_look_asks_the_device_and_keeps_what_it_says(post: Post) -> None:
    with ReplayAgent(office()) as agent:
        there = ask_by_snmp(post, post.adopted("socket://127.0.0.1:9", probe=False), agent.port)
        agent.walk |= office(state=1, host=5, errors=b"\x04")
        item = work.Item.__new__(work.Item)
        object.__setattr__(item, "payload", {"device": there.id.hex})
        watching.handle_look(item)
        assert device.device(post.house.scope, there.id).state_reasons == ("media-jam-error",)


@pytest.mark.parametrize(
    ("level", "opens"), [("normal", True), ("medium", True), ("medium-high", False), ("high", False)]
)
def test_the_level_closes_it(level: str, opens: bool) -> None:
    settings = Settings.model_validate({"house": {"level": level}})
    assert may_open(settings, "traps") is opens
    assert not settings.doors.traps.on and settings.doors.traps.port == 162


@by_snmptrap
@pytest.mark.requirement("PREP-59")
def test_a_served_house_knows_of_a_jam_within_moments_not_at_its_next_round(tmp_path: Path) -> None:
    told = {"DOORS__TRAPS__ON": "true", "DOORS__TRAPS__PORT": "0", "DOORS__TRAPS__ADDRESS": "127.0.0.1"}
    with ReplayAgent(office()) as agent, serving(told) as served:
        served.ask("device.add", name="raw", uri="socket://127.0.0.1:9")
        served.ask("device.snmp", name="raw", version="2c", port=agent.port, community="public")
        served.ask("device.show", name="raw", ask=True)
        agent.walk |= office(state=1, host=5, errors=b"\x04")
        port, began = int(served.urls["traps"].rpartition(":")[2]), time.monotonic()

        def known(reason: str) -> bool:
            say("v2c trap", port, tmp_path)
            return reason in served.ask("device.show", name="raw")["status"]["reasons"]

        for turn in range(1, 20):
            errors, reason = ((b"\x04", "media-jam-error"), (b"\x08", "door-open-error"))[turn % 2]
            agent.walk |= office(state=1, host=5, errors=errors)
            until(lambda: known(reason), within_s=60, every_s=0.5)
            # More changes are known than rounds of thirty seconds have been: it was asked in between.
            if turn > (time.monotonic() - began) / watching.EVERY_S + 1.5:
                return
        raise AssertionError("every change waited for a round")
