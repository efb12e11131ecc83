"""The control connection (RFC 959): who it is, where they stand, what they put (boundary B2).

The root has a folder for each queue. A file put into one is a job of the person who signed in, acknowledged by 226
after its commit. Passive mode only: no client has a connection made to somewhere else. Nothing is given out but
the names of queues and of the person's own waiting jobs. Where the level asks for TLS, no name, no password and no
document is taken outside it.
"""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from frisket import device, identity, job
from frisket.errors import FrisketError
from frisket.intake.accept import Held, Intake
from frisket.intake.errors import CutOff
from frisket.intake.ftp.lobby import Expected, Lobby, NoDataConnection
from frisket.intake.ftp.taking import Put, code_of, held, look_at, words_of
from frisket.intake.ipp import Commands
from frisket.plumbing import parts
from frisket.plumbing.scope import HOUSE, Purpose, Scope
from frisket.plumbing.streams import BrokenOff, Stream, TooSlow
from frisket.wire import ftp_control as ftp
from frisket.wire.errors import WireError

__all__ = ["FtpDoor"]

log = logging.getLogger("frisket.intake")
Result = TypeVar("Result")
_LONGEST_LINE = 2048
_MOST_COMMANDS = 300  # between two jobs
_MOST_FAULTS = 10
_MOST_LISTED = 500
_CATCH_UP_S = 0.05  # a client that was killed closes both connections: the end of this one may come a little later
_LISTS = {"LIST": ftp.full_list, "NLST": ftp.name_list, "MLSD": ftp.machine_list}
_BEFORE_SIGN_IN = {"USER", "PASS", "AUTH", "PBSZ", "PROT", "FEAT", "OPTS", "SYST", "NOOP", "HELP"}
_FEATURES = ("AUTH TLS", "PBSZ", "PROT", "EPSV", "PASV", "MLST type*;size*;modify*;", "TVFS", "UTF8")
# What this server does not do, in words: a client shows them to a person.
_NEVER = {
    "PORT": (502, "Passive mode only: choose PASV or EPSV"),
    "EPRT": (502, "Passive mode only: choose PASV or EPSV"),
    "RETR": (550, "Documents are printed here, not given out"),
    "DELE": (550, "Delete a waiting job on its page or at the device"),
    "RMD": (550, "Folders are queues"),
    "MKD": (550, "Folders are queues"),
    "RNFR": (550, "What was put here is printing already; send it under its own name"),
    "APPE": (502, "A job is sent whole"),
    "STOU": (502, "Give the document a name"),
    "SIZE": (550, "Only the list tells sizes"),
    "MDTM": (550, "Only the list tells times"),
    "CCC": (534, "What is encrypted stays so"),
    "ACCT": (202, "Not needed"),
    "SITE": (502, "There is nothing of this kind here"),
    "SMNT": (502, "There is nothing of this kind here"),
    "REIN": (502, "Connect again"),
}


class Aborted(FrisketError):
    """The client said ABOR, or went."""


class FtpDoor:
    """tls: makes a context for one session, so that its data connections can be told by it.

    clear: whether the level lets people sign in and send outside TLS.
    """

    def __init__(
        self,
        intake: Intake,
        commands: Commands,
        *,
        tls: Callable[[], ssl.SSLContext],
        clear: bool,
        passive_port: int = 0,
    ) -> None:
        self.intake = intake
        self.commands = commands
        self.tls = tls
        self.clear = clear
        self.passive_port = passive_port
        self.lobby = Lobby()

    async def serve(self, stream: Stream) -> None:
        """A control connection."""
        session = _Session(self, stream)
        try:
            await session.run()
        except TooSlow:
            stream.write(ftp.reply(421, "Too slow, good bye"))
        except WireError:
            stream.write(ftp.reply(500, "A command is one short line that ends in CRLF; good bye"))
        finally:
            session.drop_expected()

    def invite(self, address: str) -> Expected | None:
        """Whether a connection to the passive port is expected."""
        return self.lobby.invite(address)

    async def arrived(self, stream: Stream) -> None:
        """Such a connection."""
        assert isinstance(stream.invitation, Expected)
        stream.served()
        await stream.invitation.serve(stream)


class _Session:
    def __init__(self, door: FtpDoor, stream: Stream) -> None:
        settings = parts.settings()
        self._door = door
        self._stream = stream
        self._talk = ftp.Conversation(longest_line=_LONGEST_LINE, code_page=settings.doors.ftp.code_page)
        self._settings = settings.doors.ftp
        self._waiting: list[ftp.Command] = []  # came while a document did
        self._name: str | None = None
        self._person: identity.PersonView | None = None
        self._context: ssl.SSLContext | None = None  # inside TLS
        self._protected = False  # PROT P
        self._text = False  # TYPE A
        self._folder: tuple[str, ...] = ()
        self._announced: int | None = None
        self._expected: Expected | None = None
        self._commands = 0
        self._faults = 0
        self._acts = self._table()

    def _table(self) -> dict[str, Callable[[str], Awaitable[None]]]:
        table: dict[str, Callable[[str], Awaitable[None]]] = {
            "USER": self._user,
            "PASS": self._pass,
            "AUTH": self._auth,
            "PBSZ": self._pbsz,
            "PROT": self._prot,
            "FEAT": self._feat,
            "OPTS": self._opts,
            "SYST": self._plainly(215, "UNIX Type: L8"),
            "NOOP": self._plainly(200, "Here"),
            "HELP": self._plainly(214, "Put a document into the folder of a queue; it becomes your job there"),
            "STAT": self._plainly(211, "Put a document into the folder of a queue; it becomes your job there"),
            "ABOR": self._plainly(226, "Nothing is under way"),
            "TYPE": self._type,
            "MODE": self._only("S", "Streams only"),
            "STRU": self._only("F", "Files only"),
            "REST": self._rest,
            "ALLO": self._allo,
            "PWD": self._pwd,
            "CWD": self._cwd,
            "CDUP": lambda argument: self._cwd(".."),
            "PASV": self._pasv,
            "EPSV": self._epsv,
            "LIST": lambda argument: self._list("LIST", argument),
            "NLST": lambda argument: self._list("NLST", argument),
            "MLSD": lambda argument: self._list("MLSD", argument),
            "MLST": self._mlst,
            "STOR": self._stor,
        }
        return table | {"XPWD": table["PWD"], "XCWD": table["CWD"], "XCUP": table["CDUP"]}

    def _say(self, code: int, *lines: str) -> None:
        if code >= 500:
            self._faults += 1
        self._stream.write(ftp.reply(code, *lines))

    def _plainly(self, code: int, words: str) -> Callable[[str], Awaitable[None]]:
        async def act(argument: str) -> None:
            self._say(code, words)

        return act

    def _only(self, value: str, words: str) -> Callable[[str], Awaitable[None]]:
        async def act(argument: str) -> None:
            self._say(*((200, "So it is") if argument.upper() == value else (504, words)))

        return act

    # -- the conversation

    async def run(self) -> None:
        """Raises WireError, BrokenOff, TooSlow."""
        self._say(220, "A folder for each queue: what you put there is your job")
        while (command := await self._next()) is not None:
            self._commands += 1
            if self._commands > _MOST_COMMANDS or self._faults > _MOST_FAULTS:
                self._say(421, "Too many commands, good bye")
                return
            if command.verb == "QUIT":
                self._say(221, "Good bye")
                return
            await self._act(command)
            await self._stream.drain()

    async def _next(self) -> ftp.Command | None:
        """None at the end."""
        if self._waiting:
            return self._waiting.pop(0)
        while (found := self._talk.command()) is None:
            self._stream.resting = True
            data = await self._stream.read()
            self._stream.resting = False
            if not data:
                return None
            self._talk.feed(data)
        self._stream.again()
        return found

    async def _act(self, command: ftp.Command) -> None:
        if command.verb not in self._acts and command.verb not in _NEVER:
            self._say(500, "There is no such command")
        elif self._person is None and command.verb not in _BEFORE_SIGN_IN:
            self._say(530, "Sign in first")
        elif command.verb in _NEVER:
            self._say(*_NEVER[command.verb])
        else:
            await self._acts[command.verb](command.argument)

    # -- TLS (RFC 4217) and signing in

    async def _auth(self, argument: str) -> None:
        if self._context is not None:
            return self._say(503, "This is TLS already")
        if argument.upper() not in ("TLS", "TLS-C"):
            return self._say(504, "AUTH TLS only")
        self._context = await self._door.intake.ask(self._door.tls)
        self._talk.forget()
        self._name = self._person = None
        self.drop_expected()
        await self._stream.encrypt(self._context, first=ftp.reply(234, "Go on in TLS"))

    async def _pbsz(self, argument: str) -> None:
        self._say(*((200, "PBSZ=0") if self._context is not None else (503, "AUTH TLS first")))

    async def _prot(self, argument: str) -> None:
        if self._context is None:
            return self._say(503, "AUTH TLS first")
        if argument.upper() not in ("P", "C"):
            return self._say(536, "PROT P only")
        if argument.upper() == "C" and not self._door.clear:
            return self._say(534, "Documents travel inside TLS only: PROT P")
        self._protected = argument.upper() == "P"
        self.drop_expected()
        self._say(200, "So it is")

    async def _user(self, argument: str) -> None:
        if self._person is not None:
            return self._say(503, "You are signed in; connect again for somebody else")
        if self._context is None and not self._door.clear:
            return self._say(530, "Names and passwords are taken inside TLS only: choose explicit FTP over TLS")
        self._name = argument
        self._say(331, "And the password")

    async def _pass(self, argument: str) -> None:
        name, self._name = self._name, None
        if name is None:
            return self._say(503, "Say the name first")
        place = identity.Place("ftp", self._stream.address)
        try:
            self._person = await self._door.intake.ask(_check, name, argument, place)
        except identity.Throttled:
            self._faults += 1
            return self._say(530, "Too many wrong attempts, try again later")
        except identity.Refused:
            self._faults += 1
            return self._say(530, "Name or password is wrong")
        self._stream.served()
        self._say(230, "Signed in. Choose the folder of a queue")

    # -- small things

    async def _feat(self, argument: str) -> None:
        self._say(211, "What is there", *_FEATURES, "End")

    async def _opts(self, argument: str) -> None:
        words = argument.upper().split()
        known = words[:2] == ["UTF8", "ON"] or words[:1] == ["MLST"]
        self._say(*((200, "So it is") if known else (501, "There is no such option")))

    async def _type(self, argument: str) -> None:
        kind = argument.upper()
        if kind not in ("A", "A N", "I", "L 8"):
            return self._say(504, "TYPE I, or A for lists")
        self._text = kind.startswith("A")
        self._say(200, "So it is")

    async def _rest(self, argument: str) -> None:
        self._say(*((350, "From the beginning") if argument == "0" else (501, "A job is sent whole")))

    async def _allo(self, argument: str) -> None:
        octets = argument.split(" ")[0]
        if not octets.isascii() or not octets.isdigit() or len(octets) > 18:
            return self._say(501, "Say how many octets")
        self._announced = int(octets)
        self._say(200, "So many octets")

    async def _pwd(self, argument: str) -> None:
        self._say(257, ftp.quoted(self._folder))

    async def _cwd(self, argument: str) -> None:
        try:
            where = ftp.resolve(self._folder, argument)
        except ftp.BadPath:
            where = ("", "")
        if len(where) > 1 or (where and device.queue_by_name(where[0]) is None):
            return self._say(550, "There is no such queue")
        self._folder = where
        self._say(250, "Here you are")

    # -- data connections

    def drop_expected(self) -> None:
        expected, self._expected = self._expected, None
        if expected is not None:
            expected.end(well=False)
            self._door.lobby.forget(expected)

    async def _expect(self) -> bool:
        """Ask for a data connection; whether that could be done, for it is said where not."""
        if not self._protected and not self._door.clear:
            self._say(521, "Documents travel inside TLS only: PROT P first")
            return False
        self.drop_expected()
        context = self._context if self._protected else None
        try:
            self._expected = await self._door.lobby.expect(
                self._stream.address, context, same_session=self._settings.same_session
            )
        except NoDataConnection as error:
            self._say(425, str(error))
            return False
        return True

    async def _pasv(self, argument: str) -> None:
        address = self._settings.passive_address or self._stream.local
        if ":" in address:
            return self._say(425, "This connection is IPv6: choose EPSV")
        if await self._expect():
            self._say(227, ftp.passive_port(address, self._door.passive_port))

    async def _epsv(self, argument: str) -> None:
        if argument.upper() == "ALL":
            return self._say(200, "So it is")
        family = "2" if ":" in self._stream.local else "1"
        if argument not in ("", family):
            return self._say(522, f"Another network protocol, use ({family})")
        if await self._expect():
            self._say(229, ftp.extended_port(self._door.passive_port))

    async def _connected(self) -> tuple[Expected, Stream] | None:
        """The data connection that was asked for, after 150; None where there is none, which is said."""
        expected, self._expected = self._expected, None
        if expected is None:
            self._say(425, "Choose passive mode first: PASV or EPSV")
            return None
        good = False
        try:
            await expected.come()
            self._say(150, "Go on")
            data = await self._beside(expected.ready())
            good = True
        except (NoDataConnection, Aborted) as error:
            self._say(425, str(error))
            return None
        finally:
            if not good:
                expected.end(well=False)
                self._door.lobby.forget(expected)
        return expected, data

    async def _beside(self, work: Awaitable[Result]) -> Result:
        """Do it, and listen for ABOR and for the end of this connection. Raises Aborted, and what it raises."""
        doing, listening = asyncio.ensure_future(work), asyncio.ensure_future(self._told_to_stop())
        try:
            await asyncio.wait((doing, listening), return_when=asyncio.FIRST_COMPLETED)
            if not doing.done():
                raise Aborted("the transfer was given up")
            return doing.result()
        finally:
            for each in (doing, listening):
                each.cancel()
            await asyncio.gather(doing, listening, return_exceptions=True)

    async def _told_to_stop(self) -> None:
        while not self._is_stopped():
            await self._stream.stirred()
            if not self._stream.ended or self._stream.unread:
                self._talk.feed(await self._stream.read())
            while (command := self._talk.command()) is not None:
                self._waiting.append(command)
            if len(self._waiting) > _MOST_COMMANDS:
                return  # nobody sends so much beside a document

    def _is_stopped(self) -> bool:
        return self._stream.ended or any(command.verb == "ABOR" for command in self._waiting)

    # -- lists

    def _members(self, where: Sequence[str]) -> list[ftp.Member]:
        """In a thread: queues at the root; in a queue the person's own jobs that are not printed yet."""
        assert self._person is not None
        if not where:
            now = parts.clock().now()
            scope = Scope(HOUSE, parts.tenant(), Purpose.STAGE)
            return [ftp.Member(queue.name, True, 0, now) for queue in device.queues(scope)]
        queue = device.queue_by_name(where[0])
        if queue is None or len(where) > 1:
            raise device.NoSuchQueue("There is no such queue.")
        by = replace(identity.actor_for(self._person, "ftp"), role=identity.Role.PERSON.value)
        wanted = job.Filter(person=self._person.id, queue=queue.id, states=job.LIVE, oldest_first=True)
        found = job.find(Scope(by, parts.tenant(), Purpose.OWN), wanted, limit=_MOST_LISTED).rows
        return [
            ftp.Member(f"{view.number} {(view.title or '').replace('/', '_')}", False, view.octets, view.created_at)
            for view in found
        ]

    async def _listed(self, argument: str) -> list[ftp.Member] | None:
        words = [word for word in argument.split(" ") if not word.startswith("-")]  # options of ls
        try:
            return await self._door.intake.ask(self._members, ftp.resolve(self._folder, " ".join(words)))
        except (ftp.BadPath, device.NoSuchQueue):
            self._say(550, "There is no such queue")
            return None

    async def _list(self, verb: str, argument: str) -> None:
        members = await self._listed(argument)
        if members is None or (found := await self._connected()) is None:
            return
        expected, data = found
        well = False
        try:
            data.write(_LISTS[verb](members))
            await data.drain()
            well = True
        except BrokenOff:
            return self._say(426, "The data connection broke off")
        finally:
            expected.end(well=well)
        self._say(226, "That is all")

    async def _mlst(self, argument: str) -> None:
        if await self._listed(argument) is None:
            return
        folder = ftp.Member(ftp.quoted(ftp.resolve(self._folder, argument))[1:-1], True, 0, parts.clock().now())
        self._say(250, "It is", ftp.machine_fact(folder), "End")

    # -- documents

    async def _stor(self, argument: str) -> None:
        announced, self._announced = self._announced, None
        try:
            put = await self._put(argument, announced)
        except FrisketError as error:
            self.drop_expected()
            return self._say(code_of(error), words_of(error))
        if put is None or (found := await self._connected()) is None:
            return self.drop_expected()
        await self._take(put, *found)

    async def _put(self, argument: str, announced: int | None) -> Put | None:
        """What is about to come; None where it is no use, which is said. Raises what it is refused for."""
        try:
            where = ftp.resolve(self._folder, argument)
        except ftp.BadPath:
            where = ("",)
        queue = device.queue_by_name(where[0]) if where else None
        if len(where) != 2 or queue is None:
            self._say(553, "Put it into the folder of a queue; the list of / shows them")
            return None
        if self._text:
            self._say(553, "Choose binary (TYPE I) first: text mode changes documents")
            return None
        assert self._person is not None
        person = await self._door.intake.ask(identity.standing, self._person.id, self._person.stamp)
        if person is None:
            self._person = None
            self._say(530, "Sign in again")
            return None
        put = Put(queue, where[1], person, announced)
        await self._door.intake.ask(look_at, self._door.intake, put)
        return put

    async def _take(self, put: Put, expected: Expected, data: Stream) -> None:
        """A job, or nothing: its end has to be sure, and whoever sent it still there."""
        intake = self._door.intake
        try:
            kept = await self._beside(held(intake, self._door.commands, put, data))
            if await self._went():
                await intake.drop(kept)
                raise Aborted("the transfer was given up")
            number = await self._keep(kept)
        except Aborted:
            expected.end(well=False)
            self._say(426, "Given up; nothing is printed")
        except FrisketError as error:
            log.warning("an FTP upload to %s was refused: %s", put.queue.name, error)
            self._say(code_of(error), words_of(error))
            if not isinstance(error, CutOff):
                await data.part()  # so that the client reads why
            expected.end(well=False)
        else:
            expected.end(well=True)
            self._commands = 0
            self._say(226, f"Job {number} is in the queue {put.queue.name}")
        finally:
            expected.end(well=False)

    async def _went(self) -> bool:
        """The document came to its end; was that what the client meant?"""
        with_patience = asyncio.ensure_future(self._told_to_stop())
        await asyncio.wait((with_patience,), timeout=_CATCH_UP_S)
        with_patience.cancel()
        await asyncio.gather(with_patience, return_exceptions=True)
        return self._is_stopped()

    async def _keep(self, kept: Held) -> int:
        return (await self._door.intake.keep(kept)).job.number


def _check(name: str, password: str, place: identity.Place) -> identity.PersonView:
    return identity.check(identity.PasswordOffered(name, password), at=place)
