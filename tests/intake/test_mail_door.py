"""The mail door against peers that are wrong, slow, many or hostile (T13, T22, T23)."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from tests.intake.conftest import PDF, Post, a_mail
from tests.peers.client import trusting_anybody

from frisket import identity, intake
from frisket.intake.mail import smtp_door
from frisket.intake.mail.models import Mail
from frisket.plumbing import keys, parts
from frisket.plumbing.db import transaction


@dataclass
class Peer:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def answer(self) -> str:
        """One whole answer; "" when the connection has ended."""
        lines = b""
        while line := await asyncio.wait_for(self.reader.readline(), 10):
            lines += line
            if line[3:4] == b" ":
                break
        return lines.decode()

    async def say(self, *lines: str) -> str:
        """Send commands in one packet; the last answer."""
        self.writer.write("".join(f"{line}\r\n" for line in lines).encode())
        said = ""
        for _ in lines:
            said = await self.answer()
        return said

    async def encrypt(self, more: bytes = b"") -> None:
        self.writer.write(b"STARTTLS\r\n" + more)
        assert (await self.answer()).startswith("220")
        await self.writer.start_tls(trusting_anybody())

    async def send(self, mail: bytes) -> str:
        assert (await self.say("DATA")).startswith("354")
        self.writer.write(mail + b".\r\n")
        return await self.answer()


@dataclass
class Stand:
    post: Post
    door: intake.MailDoor

    @asynccontextmanager
    async def peer(self, *, tls: bool = False) -> AsyncIterator[Peer]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.door.port)
        found = Peer(reader, writer)
        try:
            assert (await found.answer()).startswith("220")
            assert "250" in await found.say("EHLO tests")
            if tls:
                await found.encrypt()
                assert "AUTH" in await found.say("EHLO tests")
            yield found
        finally:
            writer.close()

    @property
    def mine(self) -> str:
        return f"secure+{self.post.secret}@print.lab"


def standing(post: Post, act: Callable[[Stand], Awaitable[None]]) -> None:
    """Open the door, act, and see that it closes with nobody left."""
    context = certificates(post).server_context(want_client_certificate=False)

    async def run() -> None:
        door = intake.MailDoor(post.doors, context)
        await door.open("127.0.0.1", 0)
        try:
            await act(Stand(post, door))
        finally:
            await door.close()
        assert not door._tasks

    asyncio.run(run())


def certificates(post: Post) -> keys.Certificates:
    return keys.Certificates.create(parts.keys(), ["localhost"], [])


def impatient(post: Post, **values: float) -> None:
    post.choose(limits={"idle_s": 0.3, **values})


def test_a_mail_inside_tls_becomes_a_job_and_is_acknowledged_after_it(post: Post):
    async def act(stand: Stand) -> None:
        async with stand.peer(tls=True) as peer:
            said = await peer.say("MAIL FROM:<x@y.example> SIZE=1000", f"RCPT TO:<{stand.mine}>")
            assert said.startswith("250")
            assert "Jobs: 1, refused: 0" in await peer.send(a_mail(("a.pdf", PDF)))
            assert (await peer.say("QUIT")).startswith("221")

    standing(post, act)
    assert len(post.jobs()) == 1


def test_commands_sent_in_clear_behind_starttls_are_forgotten(post: Post):
    async def act(stand: Stand) -> None:
        async with stand.peer() as peer:
            peer.writer.write(b"STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@evil.example>\r\n")
            assert (await peer.answer()).startswith("220")
            await peer.writer.start_tls(trusting_anybody())
            assert (await peer.say("RCPT TO:<x@print.lab>")).startswith("503")
            assert (await peer.say("MAIL FROM:<a@b.example>")).startswith("503")  # not even greeted

    standing(post, act)


def test_nothing_is_smuggled_behind_another_end_of_a_mail(post: Post):
    hidden = b"MAIL FROM:<e@vil.example>\r\nRCPT TO:<x@print.lab>\r\nDATA\r\nx\r\n.\r\n"

    async def act(stand: Stand) -> None:
        for end in (b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\n", b"\r.\r\n"):
            async with stand.peer(tls=True) as peer:
                await peer.say("MAIL FROM:<x@y.example>", f"RCPT TO:<{stand.mine}>")
                said = await peer.send(a_mail(("a.pdf", PDF)) + end + hidden)
                assert said.startswith("521"), said
                assert await peer.answer() == ""

    standing(post, act)
    assert post.jobs() == [] and not Mail.objects.filter(jobs__gt=0).exists()


def test_text_that_comes_before_it_was_asked_for_ends_the_connection(post: Post):
    async def act(stand: Stand) -> None:
        async with stand.peer(tls=True) as peer:
            await peer.say("MAIL FROM:<x@y.example>", f"RCPT TO:<{stand.mine}>")
            peer.writer.write(b"DATA\r\nSubject: too early\r\n\r\nx\r\n.\r\n")
            assert (await peer.answer()).startswith("503")
            assert await peer.answer() == ""

    standing(post, act)


def test_a_password_is_taken_inside_tls_only_and_guesses_end_the_connection(post: Post):
    with transaction() as tx:
        shown = identity.set_password(post.house.scope, post.alice.id, None, by=post.house.administrator, tx=tx)
    right = base64.b64encode(f"\0alice\0{shown.password}".encode()).decode()
    wrong = base64.b64encode(b"\0alice\0not her password").decode()

    async def act(stand: Stand) -> None:
        async with stand.peer() as peer:
            assert (await peer.say(f"AUTH PLAIN {right}")).startswith("538")
        async with stand.peer(tls=True) as peer:
            assert (await peer.say("AUTH PLAIN")).startswith("334")
            assert (await peer.say(right)).startswith("235")
            assert (await peer.say("MAIL FROM:<>", "RCPT TO:<secure@print.lab>")).startswith("250")
        async with stand.peer(tls=True) as peer:
            assert (await peer.say("AUTH PLAIN !", "AUTH PLAIN =")).startswith("501")
            said = [await peer.say(f"AUTH PLAIN {wrong}") for _ in range(4)]
            assert [each[:3] for each in said] == ["535", "535", "535", "421"]

    standing(post, act)


def test_what_is_said_out_of_turn_is_refused(post: Post):
    async def act(stand: Stand) -> None:
        async with stand.peer(tls=True) as peer:
            assert (await peer.say("RCPT TO:<secure@print.lab>")).startswith("503")
            assert (await peer.say("DATA")).startswith("503")
            assert (await peer.say("MAIL FROM:<a@b.example> SIZE=999999999999")).startswith("552")
            assert (await peer.say("MAIL FROM:<a@b.example> X=1")).startswith("555")
            assert (await peer.say("MAIL FROM:a@b.example")).startswith("501")
            assert (await peer.say("MAIL FROM:<a@b.example>", "MAIL FROM:<a@b.example>")).startswith("503")
            assert (await peer.say(f"RCPT TO:<{stand.mine}>", "RCPT TO:<secure@print.lab>")).startswith("452")
            assert (await peer.say("RSET", "VRFY alice")).startswith("252")
            assert (await peer.say("STARTTLS")).startswith("503")

    standing(post, act)


def test_endless_commands_and_endless_lines_are_cut_off(post: Post):
    async def act(stand: Stand) -> None:
        async with stand.peer() as peer:
            peer.writer.write(b"NOOP\r\n" * 5000)
            said = ""
            while line := await peer.answer():
                said = line
            assert said.startswith("421")
        async with stand.peer() as peer:
            peer.writer.write(b"X" * 100_000)
            assert (await peer.answer()).startswith("521")
        async with stand.peer() as peer:
            assert (await peer.say(*["WHAT"] * 6)).startswith(("500", "421"))

    standing(post, act)


def test_a_silent_peer_is_left_and_a_slow_one_too(post: Post, monkeypatch: pytest.MonkeyPatch):
    impatient(post, slowest_bytes_per_s=1_000_000, idle_s=1.5)  # a busy machine shakes hands slowly
    monkeypatch.setattr(smtp_door, "_GRACE_S", 1.0)

    async def act(stand: Stand) -> None:
        async with stand.peer() as peer:
            assert (await peer.answer()).startswith("421")
            assert await peer.answer() == ""
        async with stand.peer(tls=True) as peer:
            await peer.say("MAIL FROM:<x@y.example>", f"RCPT TO:<{stand.mine}>", "DATA")
            for _ in range(400):
                peer.writer.write(b"Subject: x\r\n")
                await asyncio.sleep(0.05)
                if peer.reader.at_eof() or peer.writer.is_closing():
                    break
            assert (await peer.answer()).startswith("421")

    standing(post, act)
    assert post.jobs() == []


def test_commands_that_come_octet_by_octet_are_cut_off(post: Post):
    """Each octet is in time, the command is not; the same for an answer of AUTH."""
    post.choose(limits={"idle_s": 2.0})  # a busy machine greets and shakes hands within it

    async def drip(peer: Peer) -> str:
        for _ in range(2000):
            peer.writer.write(b"X")
            await asyncio.sleep(0.05)
            if peer.reader.at_eof() or peer.reader.exception() or peer.reader._buffer:  # type: ignore[attr-defined]
                break
        try:
            return await peer.answer()
        except ConnectionError:  # an octet that came behind the end resets the connection, and its last words are lost
            return "421"

    async def act(stand: Stand) -> None:
        async with stand.peer() as peer:
            assert (await drip(peer)).startswith("421")
        async with stand.peer(tls=True) as peer:
            await peer.say("AUTH LOGIN")
            assert (await drip(peer)).startswith("421")

    standing(post, act)


def test_too_many_connections_are_told_so(post: Post):
    post.choose(limits={"waiting_connections_per_address": 3})

    async def act(stand: Stand) -> None:
        opened = [await asyncio.open_connection("127.0.0.1", stand.door.port) for _ in range(5)]
        said = [(await asyncio.wait_for(reader.readline(), 5))[:3] for reader, _ in opened]
        assert said.count(b"421") == 2 and said.count(b"220") == 3
        for _, writer in opened:
            writer.close()

    standing(post, act)


def test_a_mail_that_is_too_large_is_read_refused_and_the_connection_goes_on(post: Post):
    post.choose(mail={"message_bytes": 50_000, "domains": ["print.lab"]})

    async def act(stand: Stand) -> None:
        async with stand.peer(tls=True) as peer:
            await peer.say("MAIL FROM:<x@y.example>", f"RCPT TO:<{stand.mine}>")
            assert (await peer.send(a_mail(("a.pdf", PDF + bytes(60_000))))).startswith("552")
            await peer.say("MAIL FROM:<x@y.example>", f"RCPT TO:<{stand.mine}>")
            assert (await peer.send(a_mail(("a.pdf", PDF)))).startswith("250")

    standing(post, act)
    assert len(post.jobs()) == 1


def test_a_peer_that_hangs_up_in_the_middle_leaves_nothing(post: Post):
    async def act(stand: Stand) -> None:
        async with stand.peer(tls=True) as peer:
            await peer.say("MAIL FROM:<x@y.example>", f"RCPT TO:<{stand.mine}>", "DATA")
            peer.writer.write(a_mail(("a.pdf", PDF * 100))[:20_000])
            await peer.writer.drain()
        async with asyncio.timeout(10):
            while stand.door._tasks:
                await asyncio.sleep(0.02)

    standing(post, act)
    assert post.jobs() == [] and not Mail.objects.exists()


def test_nothing_printed_and_no_way_to_answer_is_told_to_the_senders_own_server(post: Post):
    async def act(stand: Stand) -> None:
        async with stand.peer(tls=True) as peer:
            await peer.say("MAIL FROM:<x@y.example>", f"RCPT TO:<{stand.mine}>")
            assert (await peer.send(a_mail(("a.zip", b"PK\x03\x04" + bytes(50))))).startswith("554")

    standing(post, act)


def test_a_full_disk_asks_the_sender_to_try_again(post: Post):
    post.choose(limits={"house_jobs": 1}, mail={"domains": ["print.lab"]})

    async def act(stand: Stand) -> None:
        async with stand.peer(tls=True) as peer:
            for number, code in ((1, "250"), (2, "452")):
                await peer.say("MAIL FROM:<x@y.example>", f"RCPT TO:<{stand.mine}>")
                assert (await peer.send(a_mail(("a.pdf", PDF), Message_ID=f"<{number}@x>"))).startswith(code)

    standing(post, act)
    assert len(post.jobs()) == 1


def test_garbage_at_the_handshake_ends_one_connection_and_not_the_door(post: Post):
    async def act(stand: Stand) -> None:
        async with stand.peer() as peer:
            assert (await peer.say("STARTTLS")).startswith("220")
            peer.writer.write(b"\x16\x03\x01garbage" * 50)
            assert await peer.reader.read() is not None
        async with stand.peer(tls=True) as peer:
            assert (await peer.say("NOOP")).startswith("250")

    standing(post, act)
