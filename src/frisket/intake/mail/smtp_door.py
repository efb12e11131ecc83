"""The mail door: SMTP (RFC 5321) with STARTTLS, one print address for each queue (boundary B3).

Every connection has deadlines, a bound of commands and of octets that wait, and one mail at a time. A mail is
acknowledged after all that was taken of it is durable (R27). What came in clear text behind STARTTLS is dropped.
"""

import asyncio
import base64
import binascii
import logging
import ssl
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import cast

from frisket import identity
from frisket.errors import Blame, FrisketError
from frisket.intake.accept import Intake
from frisket.intake.errors import CutOff
from frisket.intake.mail import ledger
from frisket.intake.mail.addresses import Target, target_of
from frisket.intake.mail.errors import MailRefused
from frisket.intake.mail.senders import Envelope, Proof
from frisket.intake.mail.taking import Taken, take
from frisket.plumbing import httpd, networks, parts
from frisket.plumbing.places import places
from frisket.wire import mime, smtp

__all__ = ["MailDoor"]

log = logging.getLogger("frisket.mail")
_LONGEST_LINE = 12_288  # RFC 4954 section 4: an answer to AUTH; other commands need 512
_AT_ONCE = 1 << 16  # octets that may wait unread
_MOST_COMMANDS = 200  # between two mails
_MOST_FAULTS = 10
_MOST_MAILS = 100
_GRACE_S = 10.0
_REFUSALS_PER_MINUTE = 30  # written down; more are only answered


class _Gone(Exception):
    """The connection ends here; what is to be said was said."""


@dataclass(frozen=True, slots=True)
class _Answer:
    code: int  # 0: said already
    lines: tuple[str, ...]


def _say(code: int, *lines: str) -> _Answer:
    return _Answer(code, lines)


class _Line(asyncio.Protocol):
    """The octets of one connection, with a bound on those that wait."""

    def __init__(self, opened: "MailDoor") -> None:
        self._door = opened
        self._pieces: deque[bytes] = deque()
        self._waiting = 0
        self._over = False
        self._wake = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self.transport: asyncio.Transport | None = None
        self.peer = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        first = self.transport is None
        self.transport = cast(asyncio.Transport, transport)
        if first:
            self.peer = (transport.get_extra_info("peername") or ("",))[0]
            self._door.enter(self)

    def data_received(self, data: bytes) -> None:
        self._pieces.append(data)
        self._waiting += len(data)
        if self._waiting >= _AT_ONCE and self.transport is not None:
            self.transport.pause_reading()
        self._wake.set()

    def eof_received(self) -> None:
        self._over = True
        self._wake.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._over = True
        self._wake.set()
        self._drained.set()

    def pause_writing(self) -> None:
        self._drained.clear()

    def resume_writing(self) -> None:
        self._drained.set()

    async def read(self, within_s: float) -> bytes:
        """What came; b"" at the end. Raises TimeoutError."""
        while not self._pieces:
            if self._over:
                return b""
            self._wake.clear()
            async with asyncio.timeout(within_s):
                await self._wake.wait()
        data = b"".join(self._pieces)
        self._pieces.clear()
        self._waiting = 0
        if self.transport is not None and not self._over:
            self.transport.resume_reading()
        return data

    async def write(self, data: bytes) -> None:
        if self.transport is None or self._over:
            raise _Gone
        self.transport.write(data)
        async with asyncio.timeout(parts.settings().limits.idle_s):
            await self._drained.wait()

    async def encrypt(self, context: ssl.SSLContext, ready: bytes) -> None:
        """Answer and shake hands; nothing that was sent in clear text outlives this."""
        assert self.transport is not None
        self.transport.pause_reading()
        self._pieces.clear()
        self._waiting = 0
        self.transport.write(ready)
        loop = asyncio.get_running_loop()
        encrypted = await loop.start_tls(
            self.transport, self, context, server_side=True, ssl_handshake_timeout=_GRACE_S
        )
        assert encrypted is not None
        self.transport = encrypted
        encrypted.resume_reading()

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()


@dataclass(slots=True)
class _Session:
    """What one connection has said so far."""

    encrypted: bool = False
    greeted: str = ""
    person: identity.PersonView | None = None
    sender: str | None = None  # after MAIL FROM
    target: Target | None = None  # after RCPT TO
    commands: int = 0
    faults: int = 0
    mails: int = 0

    def new_mail(self) -> None:
        self.sender, self.target = None, None


@dataclass
class MailDoor:
    """The listener. refused: since the start, by keyword."""

    intake: Intake
    tls: ssl.SSLContext
    welcome: Callable[[str], bool] = lambda address: True  # whether an address may connect; others get no answer
    port: int = 0
    _servers: list[asyncio.Server] = field(default_factory=list)
    _tasks: dict["asyncio.Task[None]", _Line] = field(default_factory=dict)
    _of_address: Counter[str] = field(default_factory=Counter)
    _written: deque[float] = field(default_factory=deque)

    async def open(self, address: str, port: int) -> None:
        """Listen; port 0 takes any free one. Raises httpd.CannotListen."""
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(lambda: _Line(self), address or None, port, backlog=128)
        except OSError as error:
            raise httpd.CannotListen(f"port {port} for mail: {error.strerror}") from error
        self._servers.append(server)
        self.port = server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening, let mails under way end for a short while, then close what is open."""
        for server in self._servers:
            server.close()
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=0.5)
        for task, line in list(self._tasks.items()):
            line.close()
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def enter(self, line: _Line) -> None:
        if not self.welcome(line.peer):
            line.close()
            return
        settings = parts.settings()
        full = len(self._tasks) >= settings.mail.connections
        if full or self._of_address[line.peer] >= settings.limits.waiting_connections_per_address:
            assert line.transport is not None
            line.transport.write(smtp.reply(421, "4.3.2 Too many connections, try again later"))
            line.close()
            return
        self._of_address[line.peer] += 1
        task = asyncio.create_task(self._serve(line))
        self._tasks[task] = line
        task.add_done_callback(self._left)

    def _left(self, task: "asyncio.Task[None]") -> None:
        line = self._tasks.pop(task)
        self._of_address[line.peer] -= 1
        if self._of_address[line.peer] <= 0:
            del self._of_address[line.peer]

    async def _serve(self, line: _Line) -> None:
        try:
            await _Talk(self, line).run()
        except TimeoutError:
            if line.transport is not None:
                line.transport.write(smtp.reply(421, "4.4.2 Too slow, good bye"))
        except (_Gone, OSError, asyncio.CancelledError):
            pass  # the peer left, or spoke no TLS
        except Exception as error:  # the top of a connection: it ends, the door stays
            log.error("a mail connection failed: %s", places(error))
        finally:
            line.close()

    async def refused(self, why: str) -> None:
        """Write a refusal down for the operator, a bounded number of them a minute."""
        now = time.monotonic()
        while self._written and now - self._written[0] > 60:
            self._written.popleft()
        if len(self._written) < _REFUSALS_PER_MINUTE:
            self._written.append(now)
            await self.intake.ask(ledger.note_refusal, "smtp", why)


class _Talk:
    """One conversation."""

    def __init__(self, opened: MailDoor, line: _Line) -> None:
        self._door = opened
        self._line = line
        self._talk = smtp.Conversation(longest_line=_LONGEST_LINE)
        self._said = _Session()
        self._name = next(iter(parts.settings().house.host_names), "localhost")
        self._idle_s = parts.settings().limits.idle_s

    async def run(self) -> None:
        await self._line.write(smtp.reply(220, f"{self._name} ESMTP"))
        while True:
            try:
                command = await self._command()
            except smtp.BareLineEnd:
                await self._end(521, "5.5.2 Lines end in CRLF here")
            except smtp.LineTooLong:
                await self._end(521, "5.5.2 Line too long")
            else:
                await self._bounded(command)

    async def _end(self, code: int, words: str) -> None:
        await self._line.write(smtp.reply(code, words))
        raise _Gone

    async def _bounded(self, command: smtp.Command) -> None:
        self._said.commands += 1
        if self._said.commands > _MOST_COMMANDS or self._said.faults > _MOST_FAULTS:
            await self._end(421, "4.7.0 Too many commands, good bye")
        answer = await self._act(command)
        if answer.code >= 500:
            self._said.faults += 1
        if answer.code:
            await self._line.write(smtp.reply(answer.code, *answer.lines))
        if answer.code in (221, 421):
            raise _Gone

    async def _command(self) -> smtp.Command:
        """Whole within the idle time, however its octets drip. Raises TimeoutError."""
        async with asyncio.timeout(self._idle_s):
            while (found := self._talk.command()) is None:
                await self._more()
        return found

    async def _more(self) -> None:
        data = await self._line.read(self._idle_s)
        if not data:
            raise _Gone
        self._talk.feed(data)

    async def _act(self, command: smtp.Command) -> _Answer:
        match command.verb:
            case "EHLO" | "HELO":
                return self._hello(command)
            case "STARTTLS":
                return await self._start_tls(command)
            case "AUTH":
                return await self._auth(command)
            case "MAIL":
                return self._mail(command)
            case "RCPT":
                return await self._rcpt(command)
            case "DATA":
                return await self._data(command)
            case "RSET":
                self._said.new_mail()
                return _say(250, "2.0.0 Forgotten")
            case "NOOP":
                return _say(250, "2.0.0 Here")
            case "VRFY":
                return _say(252, "2.5.2 Send it and see")
            case "QUIT":
                return _say(221, "2.0.0 Good bye")
        self._said.faults += 1
        return _say(500, "5.5.1 No such command")

    def _hello(self, command: smtp.Command) -> _Answer:
        if not command.argument:
            return _say(501, "5.5.4 Say your name")
        self._said.greeted = command.argument[:255]
        self._said.new_mail()
        if command.verb == "HELO":
            return _say(250, self._name)
        offered = [self._name, "PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"]
        offered.append(f"SIZE {parts.settings().mail.message_bytes}")
        offered.append("AUTH PLAIN LOGIN" if self._said.encrypted else "STARTTLS")
        return _say(250, *offered)

    async def _start_tls(self, command: smtp.Command) -> _Answer:
        if self._said.encrypted:
            return _say(503, "5.5.1 This is TLS already")
        if command.argument:
            return _say(501, "5.5.4 STARTTLS stands alone")
        self._talk.forget()
        await self._line.encrypt(self._door.tls, smtp.reply(220, "2.0.0 Go ahead"))
        commands, faults = self._said.commands, self._said.faults
        self._talk = smtp.Conversation(longest_line=_LONGEST_LINE)
        self._said = _Session(encrypted=True, commands=commands, faults=faults)
        return _say(0)

    # -- signing in (RFC 4954)

    async def _auth(self, command: smtp.Command) -> _Answer:
        if not self._said.encrypted:
            return _say(538, "5.7.11 A password is taken inside TLS only")
        if self._said.person is not None or self._said.sender is not None or not self._said.greeted:
            return _say(503, "5.5.1 Not now")
        mechanism, _, first = command.argument.partition(" ")
        try:
            if mechanism.upper() == "PLAIN":
                _, name, password = (await self._answered(first, "")).split("\0")
            elif mechanism.upper() == "LOGIN":
                name = await self._answered(first, "VXNlcm5hbWU6")
                password = await self._answered("", "UGFzc3dvcmQ6")
            else:
                return _say(504, "5.5.4 PLAIN or LOGIN")
        except (ValueError, binascii.Error):
            return _say(501, "5.5.2 That cannot be read")
        place = identity.Place("mail", self._line.peer)
        try:
            self._said.person = await self._door.intake.ask(_check, name, password, place)
        except identity.Throttled:
            return _say(454, "4.7.0 Too many wrong attempts, try again later")
        except identity.Refused:
            self._said.faults += 2
            return _say(535, "5.7.8 Name or password is wrong")
        return _say(235, "2.7.0 Signed in")

    async def _answered(self, first: str, question: str) -> str:
        if not first:
            await self._line.write(smtp.reply(334, question))
            async with asyncio.timeout(self._idle_s):
                while (line := self._talk.line()) is None:
                    await self._more()
            first = line.decode("ascii")
        if first == "*":
            raise ValueError("the client gave up")
        return base64.b64decode("" if first == "=" else first, validate=True).decode("utf-8")

    # -- a mail

    def _mail(self, command: smtp.Command) -> _Answer:
        if not self._said.encrypted and parts.settings().house.level != "normal":
            return _say(530, "5.7.0 Must issue a STARTTLS command first")
        if not self._said.greeted or self._said.sender is not None:
            return _say(503, "5.5.1 Bad sequence of commands")
        path = smtp.path_of(command.argument, "FROM")
        if path is None:
            return _say(501, "5.1.7 That is no sender")
        size = path.options.get("SIZE", "")
        if size and (not size.isdigit() or int(size[:18]) > parts.settings().mail.message_bytes):
            return _say(552, "5.3.4 The mail is too large")
        if set(path.options) - {"SIZE", "BODY", "AUTH"} or path.options.get("BODY", "7BIT").upper() not in (
            "7BIT",
            "8BITMIME",
        ):
            return _say(555, "5.5.4 That option is not offered")
        if self._said.mails >= _MOST_MAILS:
            return _say(421, "4.7.0 Enough mails for one connection")
        self._said.sender = path.address
        return _say(250, "2.1.0 Go on")

    async def _rcpt(self, command: smtp.Command) -> _Answer:
        if self._said.sender is None:
            return _say(503, "5.5.1 Bad sequence of commands")
        if self._said.target is not None:
            return _say(452, "4.5.3 One print address at a time, send the others after this mail")
        path = smtp.path_of(command.argument, "TO")
        if path is None or path.options:
            return _say(501, "5.1.3 That is no recipient")
        try:
            target = await self._door.intake.ask(target_of, path.address, self._line.peer)
        except identity.Throttled:
            return _say(451, "4.7.0 Too many wrong addresses, try again later")
        if target is None:
            await self._door.refused("no-address")
            return _say(550, "5.1.1 No queue prints mail to this address")
        chosen = parts.settings().mail
        relays = [*chosen.believe_relays, *(chosen.results_relays if chosen.results_servers else [])]
        proved = target.person is not None or self._said.person is not None
        if not proved and not networks.within(self._line.peer, networks.read(relays)):
            await self._door.refused("not-believed")
            return _say(550, "5.7.1 Nobody vouches for you here: sign in, or use your personal print address")
        self._said.target = target
        return _say(250, "2.1.5 Go on")

    async def _data(self, command: smtp.Command) -> _Answer:
        target = self._said.target
        if target is None or self._said.sender is None or command.argument:
            return _say(503, "5.5.1 Bad sequence of commands")
        if self._talk.unread:  # text that comes before it was asked for is another program's idea of where mails end
            await self._end(503, "5.5.0 Wait for the answer to DATA")
        await self._line.write(smtp.reply(354, "Send it, and end with a line that is a dot"))
        self._talk.begin_content()
        content = _Content(self._line, self._talk)
        chosen, envelope = parts.settings().mail, self._envelope(target)
        try:
            async with asyncio.timeout(chosen.transfer_s):
                answer = await self._taken(envelope, content)
                await content.drain(chosen.message_bytes)
        except smtp.BareLineEnd:
            await self._end(521, "5.5.2 Lines of a mail end in CRLF")
        self._said.mails += 1
        self._said.commands = 0
        self._said.new_mail()
        return answer

    def _envelope(self, target: Target) -> Envelope:
        chosen, said = parts.settings().mail, self._said
        person, proof = target.person, Proof.ADDRESS
        if said.person is not None:
            person, proof = said.person, Proof.SIGNED_IN
        return Envelope(
            source="smtp",
            queue=target.queue,
            person=person,
            proof=proof if person is not None else None,
            relay_believed=networks.within(self._line.peer, networks.read(chosen.believe_relays)),
            results_believed=networks.within(self._line.peer, networks.read(chosen.results_relays)),
            sender=said.sender,
        )

    async def _taken(self, envelope: Envelope, content: "_Content") -> _Answer:
        try:
            return _words(await take(self._door.intake, envelope, content.pieces()))
        except MailRefused as error:
            await self._door.refused(error.why)
            return _say(550, f"5.7.1 Not printed: {error}")
        except mime.MimeError as error:
            await self._door.refused(error.why)
            return _say(552 if error.why == "too-large" else 554, f"5.6.0 Not printed: {error}")
        except (CutOff, smtp.BareLineEnd):
            raise
        except FrisketError as error:
            if not error.retry:
                log.error("a mail failed: %s", places(error))
            code = 452 if error.blame is Blame.OPERATOR else 451
            words = "This server failed" if error.blame is Blame.HOUSE else str(error)
            return _say(code, f"4.3.0 {words}, try again later")


def _words(taken: Taken) -> _Answer:
    """The answer to a mail that was read to its end."""
    jobs = sum(1 for each in taken.outcomes if each.number)
    if taken.again:
        return _say(250, "2.0.0 This mail was taken before")
    if jobs or taken.answered:
        return _say(250, f"2.0.0 Jobs: {jobs}, refused: {len(taken.outcomes) - jobs}")
    return _say(554, f"5.6.0 Nothing of it was printed: {taken.outcomes[0].why}")


def _check(name: str, password: str, place: identity.Place) -> identity.PersonView:
    return identity.check(identity.PasswordOffered(name, password), at=place)


class _Content:
    """The text after DATA, watched: not slower than the house's slowest, and read to its end in any case."""

    def __init__(self, line: _Line, talk: smtp.Conversation) -> None:
        self._line = line
        self._talk = talk
        self._ended = False
        self._since = time.monotonic()
        self._octets = 0

    async def pieces(self) -> AsyncIterator[bytes]:
        limits = parts.settings().limits
        while not self._ended:
            data = await self._line.read(limits.idle_s)
            if not data:
                raise _Gone
            self._octets += len(data)
            spent = time.monotonic() - self._since
            if spent > _GRACE_S and self._octets < spent * limits.slowest_bytes_per_s:
                raise TimeoutError
            self._talk.feed(data)
            text, self._ended = self._talk.content()
            if text:
                yield text

    async def drain(self, most: int) -> None:
        """Read what nobody wanted, so that the refusal is heard; a peer that goes on for ever is left."""
        async for _ in self.pieces():
            if self._octets > 2 * most:
                raise _Gone
