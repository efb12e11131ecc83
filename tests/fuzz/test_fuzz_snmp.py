"""Hostile answers of SNMP agents: readings end in values or in our own errors, and no reading outlasts its time."""

import asyncio
import random
from typing import Any

import pytest
from tests.fuzz.campaign import bounded_memory, forms
from tests.fuzz.mutating import bent
from tests.peers.agents import Counter, ReplayAgent

from frisket.plumbing import snmp

PRT = "1.3.6.1.2.1.43"
SERIAL, MARKED, SUPPLIES = f"{PRT}.5.1.1.17.1", f"{PRT}.10.2.1.4.1.1", f"{PRT}.11.1.1"
WALK: dict[str, int | str | bytes] = {
    SERIAL: b"EX0815",
    MARKED: Counter(4711),
    f"{SUPPLIES}.6.1.1": b"Black toner",
    f"{SUPPLIES}.8.1.1": 100,
    f"{SUPPLIES}.9.1.1": -3,
    f"{PRT}.12.1.1.4.1.1": "1.3.6.1.4.1.9",
}
UPSETTING = (
    b"\x30", b"\x30\x80", b"\x02\x01", b"\x02\x84\xff\xff\xff\xff", b"\x06\x00", b"\x41\x09", b"\x46\x08", b"\x05\x00",
    b"\x04\x82\x03\xe8", b"\x80\x00", b"\x82\x00", b"\xa2\x00", b"\xff" * 9, b"\x09\x03\x40",
    b"\x06\x0a" + b"\xff" * 10,
)  # fmt: skip
LIMITS = snmp.Limits(timeout_s=30.0, retries=0, seconds=60.0, values=50)
ASKING = 8  # at once


class _Agent(asyncio.DatagramProtocol):
    """Answers with a bent answer, and counts them. The true one follows: nobody's patience is put to the test."""

    def __init__(self, seed: int) -> None:
        self.bent = 0
        self._source = random.Random(seed)
        self._model = ReplayAgent(WALK)

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, peer: Any) -> None:
        answer = self._model._answer(data)
        assert answer is not None
        self.bent += 1
        self._transport.sendto(bent(self._source, answer, UPSETTING) or b"\0", peer)
        self._transport.sendto(answer, peer)

    def connection_lost(self, error: Exception | None) -> None:
        self._model._socket.close()


async def _ask(port: int, version: int, *, walking: bool) -> bool:
    asking = snmp.Walker("127.0.0.1", port, snmp.Community("public", version), LIMITS)
    try:
        async with asyncio.timeout(LIMITS.seconds):
            found = await (asking.walk(SUPPLIES) if walking else asking.get([SERIAL, MARKED]))
    except (snmp.NoAnswer, snmp.Denied, snmp.Garbled, TimeoutError):
        return False
    assert len(found) <= LIMITS.values
    assert all(value is None or isinstance(value, int | str | bytes) for value in found.values())
    return True


@forms(1_000)
async def test_mutated_answers_of_agents_raise_only_our_own_errors(times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The short form is shorter than others: this decoder is only reached over a socket."""
    monkeypatch.setenv("RUST_BACKTRACE", "0")  # the decoder's panics are many here, and each is told at length
    transport, agent = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Agent(161), local_addr=("127.0.0.1", 0)
    )
    port, read, asked = transport.get_extra_info("sockname")[1], 0, 0

    async def client() -> None:
        nonlocal read, asked
        while agent.bent < times:
            asked += 1
            read += await _ask(port, 1 + asked % 2, walking=bool(asked % 3))

    try:
        with bounded_memory():
            await asyncio.gather(*[client() for _ in range(ASKING)])
    finally:
        transport.close()
    assert 0 < read < asked
