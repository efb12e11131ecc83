"""The FTP door against peers that are wrong, slow, endless or hostile (T15, T22, T23, T26)."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

import pytest
from tests.intake.conftest import PDF, Post
from tests.intake.test_stream_doors import Commands
from tests.peers.client import trusting_anybody

from frisket import identity, intake
from frisket.intake.ftp import lobby
from frisket.plumbing import keys, parts, streams
from frisket.plumbing.db import transaction

PASSWORD = "a quiet walk by the river"
SOON_S = 20.0
WHOLE = PDF + b"\n%%EOF\n"


@dataclass
class Peer:
    stand: "Stand"
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def answer(self) -> str:
        """One whole answer; "" when the connection has ended."""
        lines = b""
        with suppress(ConnectionError):
            while line := await asyncio.wait_for(self.reader.readline(), SOON_S):
                lines += line
                if line[3:4] == b" " and line[:3].isdigit():
                    break
        return lines.decode()

    async def say(self, *lines: str) -> str:
        """Send commands in one packet; the last answer."""
        with suppress(ConnectionError):
            self.writer.write("".join(f"{line}\r\n" for line in lines).encode())
        said = ""
        for _ in lines:
            said = await self.answer()
        return said

    async def sign_in(self) -> None:
        assert (await self.say("USER alice", f"PASS {PASSWORD}")).startswith("230")

    async def data(self) -> asyncio.StreamWriter:
        """Asked for and made."""
        found = re.search(r"\|\|\|(\d+)\|", await self.say("EPSV"))
        assert found is not None and int(found[1]) == self.stand.passive
        return (await asyncio.open_connection("127.0.0.1", self.stand.passive))[1]

    async def begin(self, name: str = "a.pdf") -> asyncio.StreamWriter:
        data = await self.data()
        assert (await self.say(f"STOR /secure/{name}")).startswith("150")
        return data


@dataclass
class Stand:
    post: Post
    port: int
    passive: int

    @asynccontextmanager
    async def peer(self, *, signed_in: bool = True) -> AsyncIterator[Peer]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        found = Peer(self, reader, writer)
        try:
            assert (await found.answer()).startswith("220")
            if signed_in:
                await found.sign_in()
            yield found
        finally:
            writer.close()


Act = Callable[[Stand], Awaitable[None]]


def bounds(pause_s: float) -> streams.Bounds:
    return streams.Bounds(pause_s, pause_s, 1024, pause_s, 1000, 500, 500)


def standing(post: Post, act: Act, *, clear: bool = True, control_s: float = 60.0, data_s: float = 60.0) -> None:
    """Open the door, act, and see that it closes with nobody left."""
    with transaction() as tx:
        identity.set_password(post.house.scope, post.alice.id, PASSWORD, by=post.house.administrator, tx=tx)
    certificates = keys.Certificates.create(parts.keys(), ["localhost"], [])

    async def run() -> None:
        door = intake.FtpDoor(
            post.doors,
            Commands(),  # type: ignore[arg-type]
            tls=lambda: certificates.server_context(want_client_certificate=False, resumes=True),
            clear=clear,
        )
        control = streams.Listener(door.serve, bounds(control_s))
        data = streams.Listener(door.arrived, bounds(data_s), invite=door.invite)
        await data.open("127.0.0.1", 0)
        await control.open("127.0.0.1", 0)
        door.passive_port = data.port
        try:
            await act(Stand(post, control.port, data.port))
        finally:
            await control.close(patience_s=0.2)
            await data.close(patience_s=0.2)
        assert not control._streams and not data._streams and not door.lobby._expected

    asyncio.run(run())


def test_a_file_is_a_job_when_its_connection_has_ended_and_not_before(post: Post) -> None:
    async def act(stand: Stand) -> None:
        async with stand.peer() as peer:
            data = await peer.begin("Brief an alle.pdf")
            data.write(WHOLE[:-10])
            await data.drain()
            assert await asyncio.to_thread(post.jobs) == []
            data.write(WHOLE[-10:])
            data.close()
            assert (await peer.answer()).startswith("226 Job ")

    standing(post, act)
    [view] = post.jobs()
    assert (view.title, view.owner, view.door, view.octets) == ("Brief an alle.pdf", "alice", "ftp", len(WHOLE))


def test_no_octet_of_a_document_or_its_name_is_on_the_disk_in_clear_while_it_comes(post: Post) -> None:
    marker, name = b"MARKER-OF-A-SECRET", b"a-name-to-hide"

    async def act(stand: Stand) -> None:
        async with stand.peer() as peer:
            data = await peer.begin(f"{name.decode()}.pdf")
            piece = WHOLE * 3000  # far more than what shares a segment
            data.write(piece)
            await data.drain()
            for file in (path for path in parts.installed().data.rglob("*") if path.is_file()):
                octets = file.read_bytes()
                assert marker not in octets and name not in octets, file
            data.close()
            assert (await peer.answer()).startswith("226")

    standing(post, act)
    for file in (path for path in post.house.data.rglob("*") if path.is_file()):
        octets = file.read_bytes()
        assert marker not in octets and name not in octets, file


async def given_up_by_command(stand: Stand) -> None:
    async with stand.peer() as peer:
        data = await peer.begin()
        data.write(WHOLE)
        await data.drain()
        peer.writer.write(b"\xff\xf4\xff\xf2ABOR\r\n")
        assert (await peer.answer()).startswith("426")
        assert (await peer.answer()).startswith("226")
        assert (await peer.say("NOOP")).startswith("200")


async def given_up_by_leaving(stand: Stand) -> None:
    async with stand.peer() as peer:
        data = await peer.begin()
        data.write(WHOLE)
        await data.drain()
        peer.writer.close()
        data.close()


async def fewer_than_announced(stand: Stand) -> None:
    async with stand.peer() as peer:
        assert (await peer.say(f"ALLO {len(WHOLE) + 1}")).startswith("200")
        data = await peer.begin()
        data.write(WHOLE)
        data.close()
        assert "fewer octets" in await peer.answer()


@pytest.mark.requirement("OCE-60")
@pytest.mark.parametrize("way", [given_up_by_command, given_up_by_leaving, fewer_than_announced])
def test_an_upload_that_was_given_up_is_no_job_and_leaves_nothing(post: Post, way: Act) -> None:
    standing(post, way)
    assert post.jobs() == []


def test_too_much_is_refused_before_it_travels_where_it_is_announced_and_else_when_it_is(post: Post) -> None:
    post.choose(limits={"job_bytes": 100_000})

    async def act(stand: Stand) -> None:
        async with stand.peer() as peer:
            await peer.say("ALLO 100001")
            await peer.data()
            assert (await peer.say("STOR /secure/a.pdf")).startswith("552 Not printed: the document is larger")
            data = await peer.begin()
            data.write(WHOLE * 1000)
            assert (await peer.answer()).startswith("552 Not printed")
            data.close()
            assert (await peer.say("NOOP")).startswith("200")

    standing(post, act)
    assert post.jobs() == []


def test_a_document_that_rests_too_long_is_none_and_its_session_goes_on(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "SWEEP_S", 0.05)

    async def act(stand: Stand) -> None:
        async with stand.peer() as peer:
            data = await peer.begin()
            data.write(WHOLE)
            assert (await peer.answer()).startswith("426")
            assert (await peer.say("NOOP")).startswith("200")

    standing(post, act, data_s=0.5)
    assert post.jobs() == []


def test_a_session_that_rests_too_long_is_ended(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "SWEEP_S", 0.05)

    async def act(stand: Stand) -> None:
        async with stand.peer(signed_in=False) as peer:
            assert (await peer.answer()).startswith("421")
            assert await peer.answer() == ""

    standing(post, act, control_s=0.5)


def test_whoever_does_not_sign_in_is_ended_however_busy(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "SWEEP_S", 0.05)

    async def act(stand: Stand) -> None:
        async with stand.peer(signed_in=False) as peer:
            said = "200"
            while said.startswith("200"):
                said = await peer.say("NOOP")
            assert said.startswith("421") or said == ""

    standing(post, act, control_s=0.5)


@pytest.mark.parametrize("flood", [b"NOOP\r\n" * 400, b"NONE\r\n" * 20, b"x" * 10_000, b"NOOP\n"])
def test_endless_commands_and_lines_end_the_connection(post: Post, flood: bytes) -> None:
    async def act(stand: Stand) -> None:
        async with stand.peer() as peer:
            peer.writer.write(flood)
            said = last = await peer.answer()
            while said:
                said, last = await peer.answer(), said or last
            assert last[:3] in ("421", "500")

    standing(post, act)


def test_commands_beside_a_document_wait_and_a_flood_of_them_is_bounded(post: Post) -> None:
    async def act(stand: Stand) -> None:
        async with stand.peer() as peer:
            data = await peer.begin()
            data.write(WHOLE)
            peer.writer.write(b"NOOP\r\nPWD\r\n")
            data.close()
            assert (await peer.answer()).startswith("226 Job")
            assert (await peer.answer()).startswith("200")
            assert (await peer.answer()).startswith('257 "/"')
            data = await peer.begin()
            peer.writer.write(b"NOOP\r\n" * 100_000)
            said = await peer.answer()
            assert said.startswith("426"), said
            data.close()

    standing(post, act)
    assert len(post.jobs()) == 1


def test_what_was_said_in_clear_behind_auth_is_forgotten(post: Post) -> None:
    async def act(stand: Stand) -> None:
        async with stand.peer(signed_in=False) as peer:
            assert (await peer.say("USER alice")).startswith("530")  # not even the name
            peer.writer.write(b"AUTH TLS\r\nUSER alice\r\nPASS " + PASSWORD.encode() + b"\r\n")
            assert (await peer.answer()).startswith("234")
            await peer.writer.start_tls(trusting_anybody())
            assert (await peer.say("PWD")).startswith("530")
            await peer.sign_in()
            assert (await peer.say("EPSV")).startswith("521")  # PROT P is missing
            assert (await peer.say("PROT C")).startswith("534")

    standing(post, act, clear=False)


@pytest.mark.parametrize("command", ["PORT 127,0,0,1,0,25", "EPRT |1|127.0.0.1|25|"])
def test_the_house_connects_nowhere_for_a_client(post: Post, command: str) -> None:
    async def act(stand: Stand) -> None:
        async with stand.peer() as peer:
            assert (await peer.say(command)).startswith("502")
            assert (await peer.say("STOR /secure/a.pdf")).startswith("425")

    standing(post, act)


def test_a_data_connection_that_nobody_asked_for_is_reset_and_one_that_never_comes_ends(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lobby, "ARRIVE_S", 0.3)

    async def act(stand: Stand) -> None:
        with suppress(ConnectionError):
            reader, writer = await asyncio.open_connection("127.0.0.1", stand.passive)
            assert await asyncio.wait_for(reader.read(), SOON_S) == b""
            writer.close()
        async with stand.peer() as peer:
            await peer.say("EPSV")
            assert (await peer.say("STOR /secure/a.pdf")).startswith("425 no data connection came")
            monkeypatch.setattr(lobby, "ARRIVE_S", SOON_S)
            data = await peer.begin()  # and the next one is served again
            data.write(WHOLE)
            data.close()
            assert (await peer.answer()).startswith("226")

    standing(post, act)


def switched_off(post: Post) -> None:
    with transaction() as tx:
        identity.set_active(post.house.scope, post.alice.id, False, by=post.house.administrator, tx=tx)


def test_somebody_who_is_switched_off_puts_nothing_more(post: Post) -> None:
    async def act(stand: Stand) -> None:
        async with stand.peer() as peer:
            await asyncio.to_thread(switched_off, post)
            post.house.clock.pass_time(timedelta(seconds=2))
            await peer.data()
            assert (await peer.say("STOR /secure/a.pdf")).startswith("530")

    standing(post, act)


def test_guesses_are_counted_by_the_person_and_told_apart_by_nothing(post: Post) -> None:
    async def act(stand: Stand) -> None:
        said = ""
        for _ in range(6):
            async with stand.peer(signed_in=False) as peer:
                said = await peer.say("USER alice", "PASS not this one, surely")
                assert said.startswith("530")
        assert "Too many" in said
        async with stand.peer(signed_in=False) as peer:
            assert (await peer.say("USER alice", f"PASS {PASSWORD}")).startswith("530 Too many")

    standing(post, act)
