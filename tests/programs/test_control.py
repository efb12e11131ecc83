"""The control socket: commands in frames, and whatever else somebody writes to it."""

import asyncio
import json
import os
import socket
import stat
import struct
import time
from collections.abc import AsyncIterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frisket.errors import Blame, FrisketError
from frisket.programs import control
from frisket.programs.control import ControlServer, Remote, ask


class Trouble(FrisketError):
    blame = Blame.PERSON
    remedy = "Do it another way."


async def _run(name: str, values: Mapping[str, Any], document: AsyncIterator[bytes]) -> Any:
    if name == "count":
        return sum([len(piece) async for piece in document])
    if name == "trouble":
        raise Trouble("it does not work so")
    if name == "bug":
        raise ZeroDivisionError("a bug of ours, with a /path/of/ours")
    return {"name": name, "values": dict(values)}


def served(data: Path, act: Any) -> Any:
    """What ``act`` gives, called in a thread while the socket is served."""

    async def whole() -> Any:
        server = ControlServer(data, _run)
        await server.open()
        try:
            return await asyncio.to_thread(act)
        finally:
            await server.close()

    return asyncio.run(whole())


def test_a_command_and_its_values_come_through(tmp_path: Path) -> None:
    found = served(tmp_path, lambda: ask(tmp_path, "hello", {"who": "Zoë", "n": 3}))
    assert found == (True, {"name": "hello", "values": {"who": "Zoë", "n": 3}})


def test_a_document_follows_its_command_in_pieces(tmp_path: Path) -> None:
    assert served(tmp_path, lambda: ask(tmp_path, "count", {}, BytesIO(bytes(3_500_000)))) == (True, 3_500_000)


def test_an_error_keeps_its_words_its_blame_and_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(Remote, match="it does not work so") as caught:
        served(tmp_path, lambda: ask(tmp_path, "trouble", {}))
    assert (caught.value.blame, caught.value.remedy) == (Blame.PERSON, "Do it another way.")


def test_a_bug_of_ours_shows_nothing_of_our_inside(tmp_path: Path) -> None:
    with pytest.raises(Remote) as caught:
        served(tmp_path, lambda: ask(tmp_path, "bug", {}))
    assert caught.value.blame is Blame.HOUSE and "/path" not in str(caught.value)


def test_where_nobody_serves_nobody_answers(tmp_path: Path) -> None:
    assert ask(tmp_path, "hello", {}) == (False, None)


def test_the_socket_is_for_its_owner_alone_and_goes_with_the_house(tmp_path: Path) -> None:
    mode = served(tmp_path, lambda: stat.S_IMODE(os.stat(tmp_path / "control.sock").st_mode))
    assert mode == 0o600
    assert not (tmp_path / "control.sock").exists()


def test_a_long_path_of_the_data_folder_is_no_trouble(tmp_path: Path) -> None:
    deep = tmp_path / ("a-folder-with-a-long-name" * 4) / ("another" * 8)
    deep.mkdir(parents=True)
    assert served(deep, lambda: ask(deep, "hello", {}))[0]


def begun(data: Path, *frames: bytes) -> socket.socket:
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(30)
    peer.connect(str(data / "control.sock"))
    peer.sendall(b"".join(struct.pack(">I", len(each)) + each for each in frames))
    return peer


COUNT = b'{"command": "count", "values": {}}'


def test_a_document_that_breaks_off_is_the_senders_fault_and_no_bug_of_ours(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def act() -> Any:
        with begun(tmp_path, COUNT, b"half of it") as peer:
            peer.shutdown(socket.SHUT_WR)
            return json.loads(peer.recv(65536)[4:])

    said = served(tmp_path, act)
    assert "broke off" in said["error"] and said["blame"] != Blame.HOUSE.value
    assert not [each for each in caplog.records if each.exc_info]


def test_whoever_rests_before_or_within_what_is_to_be_said_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "_FIRST_S", 0.2)
    monkeypatch.setattr(control, "_PAUSE_S", 0.2)

    def act() -> Any:
        with begun(tmp_path) as silent, begun(tmp_path) as slow, begun(tmp_path, COUNT, b"half of it") as resting:
            slow.sendall(b"\0\0")
            assert _ended(silent) and _ended(slow)
            assert "too long" in json.loads(resting.recv(65536)[4:])["error"]
        return ask(tmp_path, "hello", {})

    assert served(tmp_path, act) == (True, {"name": "hello", "values": {}})


def _ended(peer: socket.socket) -> bool:
    try:
        return peer.recv(1) == b""
    except ConnectionError:
        return True


def test_whoever_does_not_take_the_answer_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "_PAUSE_S", 0.2)

    def act() -> Any:
        name = "x" * (8 << 20)
        with begun(tmp_path, json.dumps({"command": name, "values": {}}).encode()) as peer:
            answered = ask(tmp_path, "hello", {})
            until = time.monotonic() + 30
            while not (gone := _cut(peer)) and time.monotonic() < until:
                time.sleep(0.02)
        return answered, gone

    assert served(tmp_path, act) == ((True, {"name": "hello", "values": {}}), True)


def _cut(peer: socket.socket) -> bool:
    """Without reading: whether the other side is gone."""
    try:
        peer.send(b"x")
    except OSError:
        return True
    return False


@pytest.mark.requirement("PREP-38")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(st.binary(max_size=200), min_size=1, max_size=5))
def test_whatever_is_written_to_the_socket_the_next_command_is_answered(tmp_path: Path, writes: list[bytes]) -> None:
    def act() -> Any:
        for octets in writes:
            for framed in (octets, struct.pack(">I", len(octets)) + octets, struct.pack(">I", 2**31) + octets):
                with socket.socket(socket.AF_UNIX) as peer:
                    peer.connect(str(tmp_path / "control.sock"))
                    peer.sendall(framed)
        return ask(tmp_path, "hello", {})

    assert served(tmp_path, act) == (True, {"name": "hello", "values": {}})


@pytest.mark.parametrize("request_", [b"[]", b'"x"', b"{}", b'{"command": "hello"}', b"null", b"\xff\xfe"])
def test_json_that_is_no_command_is_answered_or_dropped(tmp_path: Path, request_: bytes) -> None:
    def act() -> bytes:
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(10)
            peer.connect(str(tmp_path / "control.sock"))
            peer.sendall(struct.pack(">I", len(request_)) + request_)
            return peer.recv(65536)

    said = served(tmp_path, act)
    assert said == b"" or "error" in json.loads(said[4:])
