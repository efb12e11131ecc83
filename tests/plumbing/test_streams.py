"""The listener for plain octets against peers that are slow, endless, many or gone."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import uvloop
from tests.plumbing.hand_time import standing

from frisket.plumbing import listening, streams

pytestmark = pytest.mark.filterwarnings("ignore:Overriding the .event_loop_policy:DeprecationWarning")
LIMITS = streams.Bounds(
    first_s=0.5,
    patience_s=0.6,
    slowest_bytes_per_s=1000,
    stall_s=0.6,
    connections=100,
    waiting_per_address=64,
    per_address=80,
)
SOON_S = 30.0


@pytest.fixture(scope="module")
def event_loop_policy() -> Any:
    return uvloop.EventLoopPolicy()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "SWEEP_S", 0.05)
    monkeypatch.setattr(streams, "LINGER_S", 1.0)


@dataclass
class Told:
    """A handler that keeps what comes up to the peer's end, and then says so."""

    got: list[bytes] = field(default_factory=list)
    failed: list[Exception] = field(default_factory=list)
    act: Callable[[streams.Stream], Awaitable[None]] | None = None

    async def __call__(self, stream: streams.Stream) -> None:
        try:
            await (self.act or self.take)(stream)
        except Exception as error:
            self.failed.append(error)
            raise

    async def take(self, stream: streams.Stream) -> None:
        whole = b""
        while data := await stream.read():
            stream.served()
            whole += data
        self.got.append(whole)
        stream.write(b"taken")


@dataclass
class Open:
    listener: streams.Listener
    told: Told

    async def peer(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.listener.port)


@asynccontextmanager
async def listening_to(
    act: Callable[[streams.Stream], Awaitable[None]] | None = None, **other: Any
) -> AsyncIterator[Open]:
    told = Told(act=act)
    listener = streams.Listener(told, replace(LIMITS, **other))
    await listener.open("127.0.0.1", 0)
    try:
        yield Open(listener, told)
    finally:
        await listener.close(patience_s=0.2)


async def until(good: Callable[[], Any]) -> None:
    async with asyncio.timeout(SOON_S):
        while not good():
            await asyncio.sleep(0.01)


async def what_came(reader: asyncio.StreamReader) -> tuple[bytes, bool]:
    """Octets up to the end, and whether that end was a reset."""
    got = b""
    try:
        async with asyncio.timeout(SOON_S):
            while piece := await reader.read(65536):
                got += piece
    except ConnectionError:
        return got, True
    return got, False


async def test_what_a_peer_sends_up_to_its_end_is_read_and_answered() -> None:
    async with listening_to() as door:
        reader, writer = await door.peer()
        body = bytes(range(256)) * 8192
        writer.write(body)
        writer.write_eof()
        assert await what_came(reader) == (b"taken", False)
        assert door.told.got == [body]


async def test_a_peer_that_breaks_off_is_told_from_one_that_ends() -> None:
    async with listening_to() as door:
        peer = socket.create_connection(("127.0.0.1", door.listener.port))
        peer.sendall(b"half")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        await asyncio.sleep(0.05)
        peer.close()
        await until(lambda: door.told.failed)
        assert type(door.told.failed[0]) is streams.BrokenOff
        assert door.told.got == []


async def test_a_handler_that_fails_resets_the_connection() -> None:
    async def refuse(stream: streams.Stream) -> None:
        await stream.read()
        raise streams.BrokenOff("no")

    async with listening_to(refuse) as door:
        reader, writer = await door.peer()
        writer.write(b"x")
        assert await what_came(reader) == (b"", True)


async def test_a_peer_that_says_nothing_is_cut_off() -> None:
    async with listening_to(patience_s=60) as door:
        reader, _ = await door.peer()
        assert await what_came(reader) == (b"", True)
        assert type(door.told.failed[0]) is streams.TooSlow


async def test_a_peer_slower_than_allowed_is_cut_off_and_a_steady_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: Counter[bytes] = Counter()  # by what each sends
    async with listening_to(counting(taken)) as door:
        slow, slow_out = await door.peer()
        steady, steady_out = await door.peer()
        with standing(monkeypatch, streams) as clock:
            for turn in range(1, 31):
                with suppress(ConnectionError, RuntimeError):
                    slow_out.write(b"s" * 5)
                steady_out.write(b"x" * 300)
                await until(lambda turn=turn: taken[b"x"] == 300 * turn)
                clock.pass_time(0.1)
                await asyncio.sleep(2 * streams.SWEEP_S)
            steady_out.write_eof()
            assert await what_came(steady) == (b"taken", False)
            assert (await what_came(slow))[0] == b""
        assert [type(each) for each in door.told.failed] == [streams.TooSlow]


def counting(taken: Counter[bytes]) -> Callable[[streams.Stream], Awaitable[None]]:
    async def take(stream: streams.Stream) -> None:
        while data := await stream.read():
            stream.served()
            taken[data[:1]] += len(data)
        stream.write(b"taken")

    return take


async def test_a_peer_may_rest_again_after_it_was_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: Counter[bytes] = Counter()
    async with listening_to(counting(taken)) as door:
        reader, writer = await door.peer()
        with standing(monkeypatch, streams) as clock:
            for turn in range(1, 5):
                writer.write(b"x" * 5000)
                await until(lambda turn=turn: taken[b"x"] == 5000 * turn)
                clock.pass_time(0.35)
                await asyncio.sleep(2 * streams.SWEEP_S)
            writer.write_eof()
            assert await what_came(reader) == (b"taken", False)


async def test_the_clock_of_a_peer_stands_still_while_the_handler_is_at_work() -> None:
    async def ponder(stream: streams.Stream) -> None:
        await stream.read()
        stream.served()
        await asyncio.sleep(1.5)  # longer than any patience
        while await stream.read():
            pass
        stream.write(b"taken")

    async with listening_to(ponder) as door:
        reader, writer = await door.peer()
        writer.write(bytes(3 << 20))
        writer.write_eof()
        assert await what_came(reader) == (b"taken", False)


async def test_octets_nobody_reads_yet_stay_with_the_peer() -> None:
    go_on = asyncio.Event()
    held: list[streams.Stream] = []

    async def wait(stream: streams.Stream) -> None:
        held.append(stream)
        await go_on.wait()

    async with listening_to(wait) as door:
        _, writer = await door.peer()
        writer.write(bytes(64 << 20))
        await until(lambda: held and len(held[0]._held) > streams.MOST_HELD)
        await asyncio.sleep(0.2)
        assert len(held[0]._held) < streams.MOST_HELD + (1 << 20)
        go_on.set()


async def test_a_peer_that_does_not_read_its_answer_is_cut_off_and_offers_to_it_are_dropped() -> None:
    async def talk(stream: streams.Stream) -> None:
        stream.served()
        for _ in range(1000):
            stream.offer(bytes(1 << 16))
        assert stream._transport.get_write_buffer_size() < 1 << 20
        await stream.drain()

    async with listening_to(talk) as door:
        peer = socket.socket()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.connect(("127.0.0.1", door.listener.port))
        with peer:
            await until(lambda: door.told.failed)
            assert type(door.told.failed[0]) is streams.BrokenOff


async def test_a_refused_peer_reads_why_although_it_goes_on_sending() -> None:
    async def refuse(stream: streams.Stream) -> None:
        await stream.read()
        stream.write(b"\1")
        await stream.part()

    async with listening_to(refuse) as door:
        reader, writer = await door.peer()
        writer.write(bytes(100_000))
        await asyncio.sleep(0.1)
        writer.write(bytes(100_000))
        writer.write_eof()
        assert await what_came(reader) == (b"\1", False)


async def test_a_refused_peer_cannot_send_for_ever() -> None:
    async def refuse(stream: streams.Stream) -> None:
        await stream.read()
        stream.write(b"\1")
        await stream.part()

    async with listening_to(refuse) as door:
        _, writer = await door.peer()
        async with asyncio.timeout(SOON_S):
            with suppress(ConnectionError):
                while True:
                    writer.write(bytes(1 << 16))
                    await writer.drain()
        assert not door.listener._streams


async def test_of_an_address_the_connection_that_waited_longest_makes_room() -> None:
    async with listening_to(waiting_per_address=3, first_s=30, patience_s=30) as door:
        peers = [await door.peer() for _ in range(5)]
        await until(lambda: len(door.told.failed) == 2)
        for reader, _ in peers[:2]:
            assert await what_came(reader) == (b"", True)
        for _, writer in peers[2:]:
            writer.write_eof()
        for reader, _ in peers[2:]:
            assert await what_came(reader) == (b"taken", False)


async def test_an_address_has_no_more_connections_than_allowed_and_working_ones_stay() -> None:
    async with listening_to(per_address=3) as door:
        workers = [await door.peer() for _ in range(3)]
        for _, writer in workers:
            writer.write(b"work" * 200)
        await until(lambda: len(door.listener._streams) == 3 and all(each._working for each in door.listener._streams))
        extra, _ = await door.peer()
        assert await what_came(extra) == (b"", True)
        for _, writer in workers:
            writer.write_eof()
        for reader, _ in workers:
            assert await what_came(reader) == (b"taken", False)
        await until(lambda: not door.listener._by_address)
        reader, writer = await door.peer()
        writer.write_eof()
        assert await what_came(reader) == (b"taken", False)


async def test_closing_lets_work_finish_and_leaves_nothing_behind() -> None:
    done: list[bytes] = []

    async def work(stream: streams.Stream) -> None:
        done.append(await stream.read())
        stream.served()
        await asyncio.sleep(0.3)
        stream.write(b"taken")

    async with listening_to(work) as door:
        reader, writer = await door.peer()
        idle, _ = await door.peer()
        writer.write(b"x")
        await until(lambda: done)
        closing = asyncio.create_task(door.listener.close(patience_s=5))
        assert await what_came(reader) == (b"taken", False)
        assert (await what_came(idle))[0] == b""
        await asyncio.wait_for(closing, SOON_S)
    assert not door.listener._streams
    assert not [each for each in listening.CROWD.all if isinstance(each, streams.Stream)]
