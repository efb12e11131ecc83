"""The LPD door (RFC 1179): jobs come in, the queue's state goes out, a person's own jobs are removed (boundary B2).

The acknowledgement of the file that makes a job whole goes out when the job is sealed, durable and committed;
the files before it are acknowledged when they are sealed. Nothing the peer says of itself is proved: see
``whose``. Where the level allows no status dialogue, the peer is told so instead.
"""

import logging
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

from frisket import device, identity, job, spool
from frisket.errors import FrisketError
from frisket.intake.accept import Ahead, Intake
from frisket.intake.capabilities import formats_of
from frisket.intake.errors import CutOff, NotWelcome, Unfit
from frisket.intake.framed import Framed
from frisket.intake.ipp import Commands
from frisket.intake.offers import Offer, Part
from frisket.intake.origin import Known
from frisket.intake.sensing import UNSTATED
from frisket.intake.whose import Peer, actor, offer, somebody_may, whose
from frisket.plumbing import parts
from frisket.plumbing.scope import Actor, Purpose, Scope
from frisket.plumbing.streams import BrokenOff, Stream
from frisket.wire import lpd, pjl
from frisket.wire.errors import WireError

__all__ = ["LpdDoor"]

log = logging.getLogger("frisket.intake")
_MOST_LISTED = 200
_ALL = frozenset({"all", "-"})  # lprm ALL of LPRng, lprm - of BSD: all that is the asking person's
_NOT_TOLD = b"The state of queues is not told over LPD at this security level.\n"


class LpdDoor:
    """tells: whether the level allows the status dialogue: the state of queues, and removing."""

    def __init__(self, intake: Intake, commands: Commands, *, tells: bool) -> None:
        self._intake = intake
        self._commands = commands
        self._tells = tells

    async def serve(self, stream: Stream) -> None:
        """Raises what a job was refused for after the peer was told; WireError for what is no LPD at all."""
        talk = _Talk(stream)
        event = await talk.next()
        if event is None:
            return  # somebody looked whether we are here
        stream.served()
        try:
            if isinstance(event, lpd.ReceiveJob):
                await _Receiving(self._intake, self._commands, talk, event.queue).jobs()
            elif isinstance(event, lpd.SendQueue):
                stream.write(await self._state(event, stream.address))
            elif isinstance(event, lpd.RemoveJobs):
                talk.answer(await self._remove(event, stream.address))
            else:
                talk.answer(lpd.Answer.ACCEPTED)
        except FrisketError as error:
            log.warning("an LPD connection was refused: %s", error)
            talk.answer(_answer_to(error))
        await stream.part()

    async def _state(self, asked: lpd.SendQueue, address: str) -> bytes:
        if not self._tells:
            return _NOT_TOLD
        queue = device.queue_by_name(asked.queue)
        if queue is None:
            return b"There is no such queue.\n"
        return await self._intake.ask(_listing, queue, Peer("lpd", address), asked)

    async def _remove(self, asked: lpd.RemoveJobs, address: str) -> lpd.Answer:
        queue = device.queue_by_name(asked.queue)
        if not self._tells or queue is None:
            return lpd.Answer.NOT_ACCEPTED
        peer = Peer("lpd", address)
        known = await self._intake.ask(whose, queue, peer, asked.agent)
        removed = await self._intake.ask(_remove, self._commands, queue, known, peer, asked)
        return lpd.Answer.ACCEPTED if removed else lpd.Answer.NOT_ACCEPTED


def _answer_to(error: FrisketError) -> lpd.Answer:
    if isinstance(error, WireError | Unfit | CutOff):
        return lpd.Answer.BAD_JOB
    return lpd.Answer.LATER if error.retry else lpd.Answer.NOT_ACCEPTED


class _Talk:
    """The conversation of one connection, an event at a time."""

    def __init__(self, stream: Stream) -> None:
        limits = parts.settings().limits
        self.stream = stream
        self._talk = lpd.Conversation(lpd.Limits(control=limits.lpd_control_bytes, data=limits.job_bytes))
        self._events: deque[lpd.Event] = deque()
        self._over = False

    async def next(self) -> lpd.Event | None:
        """None at the end. Raises WireError, CutOff."""
        while not self._events:
            if self._over:
                return None
            try:
                data = await self.stream.read()
            except BrokenOff as error:
                raise CutOff("the connection broke off") from error
            self._over = not data
            self._events += self._talk.feed(data) if data else self._talk.end()
        return self._events.popleft()

    async def file(self) -> AsyncIterator[bytes]:
        """The octets of the data file that has begun, up to its end."""
        while isinstance(event := await self.next(), lpd.Data):
            yield event.octets
        if not isinstance(event, lpd.DataEnds):
            raise CutOff("the connection ended within a file")

    def answer(self, said: lpd.Answer) -> None:
        self.stream.write(bytes((said,)))


class _Receiving:
    """Jobs for one queue, one after the other."""

    def __init__(self, intake: Intake, commands: Commands, talk: _Talk, queue: str) -> None:
        self._intake = intake
        self._commands = commands
        self._talk = talk
        self._peer = Peer("lpd", talk.stream.address)
        found = device.queue_by_name(queue)
        if found is None:
            raise device.NoSuchQueue("there is no such queue")
        self._queue = found
        self._code_page = parts.settings().doors.lpd.code_page
        self._begin()

    def _begin(self) -> None:
        """Forget the job before."""
        self._ahead: Ahead | None = None
        self._control: lpd.ControlFile | None = None
        self._known: Known | None = None
        self._files: list[str] = []
        self._told = pjl.Job()

    async def jobs(self) -> None:
        """Raises what the last one was refused for; nothing of it is kept then."""
        if not somebody_may(self._queue, self._peer):
            raise NotWelcome("no job of this peer can be anybody's on this queue")
        self._intake.admit_to(self._queue, UNSTATED, None)
        spool.room_for(UUID(int=0), None)
        self._talk.answer(lpd.Answer.ACCEPTED)
        try:
            while (event := await self._talk.next()) is not None:
                await self._take(event)
                if self._is_whole():
                    await self._accept()
                self._talk.answer(lpd.Answer.ACCEPTED)
            # Clients without a zero behind their last file, or with fewer files than they name, just close.
            if self._files and (self._control is not None or self._queue.default_person is not None):
                await self._accept()
                self._talk.answer(lpd.Answer.ACCEPTED)
        finally:
            await self._give_up()

    async def _take(self, event: lpd.Event) -> None:
        if isinstance(event, lpd.Abort):
            await self._give_up()
        elif isinstance(event, lpd.ControlFile):
            if self._control is not None:
                raise Unfit("a second control file for one job")
            self._control = event
            stated = lpd.text(event.first("P"), self._code_page)
            if stated:  # else the frame of the document may name somebody
                self._known = await self._intake.ask(whose, self._queue, self._peer, stated)
        elif isinstance(event, lpd.DataBegins):
            await self._data(event)
        elif not isinstance(event, lpd.ControlBegins):
            raise Unfit("a subcommand out of its place")

    async def _data(self, begins: lpd.DataBegins) -> None:
        """Seal a data file; acknowledge its beginning, not its end."""
        if begins.octets is not None:
            spool.room_for(UUID(int=0), begins.octets)
        self._talk.answer(lpd.Answer.ACCEPTED)
        ahead = self._ahead = self._ahead or self._intake.ahead(self._queue)
        source = self._talk.file()
        framed = Framed(
            source,
            most=parts.settings().limits.pjl_bytes,
            code_page=self._code_page,
            to_the_end=begins.octets is None,
        )
        name = self._name_of(begins.name)
        while (found := await framed.next()) is not None:
            if found.format == UNSTATED and UNSTATED not in formats_of(self._queue):
                raise Unfit("nothing tells what the document is, and no device of the queue takes just anything")
            if not ahead.documents:
                self._told = found.told
            elif self._known is None and found.told.user not in ("", self._told.user):
                raise Unfit("documents of several people in one job")
            await ahead.add(Part(found.data, found.format, name, bare=True))
        self._files.append(begins.name)

    def _name_of(self, file: str) -> str:
        prints = self._control.prints if self._control is not None else ()
        source = next((each.source for each in prints if each.file == file), b"")
        return device.clean(lpd.text(source, self._code_page), 255)

    def _is_whole(self) -> bool:
        """Every data file that the control file names has come; by their number, for names differ."""
        return self._control is not None and len(self._files) >= max(1, len(self._control.prints))

    async def _accept(self) -> None:
        """Commit the job; an empty one is none. Raises what it is refused for."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead.documents:
            try:
                stated = self._said("P") or self._told.user
                known = self._known or await self._intake.ask(whose, self._queue, self._peer, stated)
                told = replace(self._told, copies=max(self._told.copies, self._copies()))
                title = self._said("J") or self._said("T") or self._said("N")
                offered = await self._intake.ask(self._offer, known, told, title)
            except BaseException:
                await ahead.give_up()
                raise
            await ahead.accept(offered)
        self._begin()

    def _offer(self, known: Known, told: pjl.Job, title: str) -> Offer:
        return offer(self._queue, known, self._peer, told, self._commands.password_verifier, title=title)

    def _said(self, letter: str) -> str:
        return lpd.text(self._control.first(letter), self._code_page) if self._control is not None else ""

    def _copies(self) -> int:
        """Raises Unfit where files of one job are wanted in different numbers: a job has one number of copies."""
        prints = self._control.prints if self._control is not None else ()
        wanted = {each.copies for each in prints} or {1}
        if len(wanted) > 1:
            raise Unfit("files of one job in different numbers of copies")
        return wanted.pop()

    async def _give_up(self) -> None:
        if self._ahead is not None:
            await self._ahead.give_up()
        self._begin()


# -- the state of a queue, and removing: in threads


def _listing(queue: device.QueueView, peer: Peer, asked: lpd.SendQueue) -> bytes:
    """The queue in one line for everybody; jobs to those alone whose they are."""
    numbers = {word for word in asked.wanted if word.isdecimal()}
    persons: dict[UUID, Known] = {}
    for word in [word for word in asked.wanted if word not in numbers] or [""]:
        try:
            known = whose(queue, peer, word)
        except NotWelcome:
            continue
        persons[known.person.id] = known
    views = [view for known in persons.values() for view in _own(queue, known, peer)]
    views.sort(key=lambda view: view.number)
    listed = [
        lpd.Listed(_rank(view, at), view.owner or "", view.number, (view.title or "",), view.octets)
        for at, view in enumerate(views, 1)
        if not numbers or str(view.number) in numbers
    ]
    takes = "takes jobs" if queue.accepting else "takes no jobs at the moment"
    return lpd.listing(f"{queue.name} {takes}; {job.count_live(queue.id)} waiting in all", listed, long=asked.long)


def _rank(view: job.JobView, at: int) -> int:
    return 0 if view.state is job.State.SENDING else at


def _own(queue: device.QueueView, known: Known, peer: Peer) -> list[job.JobView]:
    """What this person has in this queue, the oldest first."""
    where = job.Filter(person=known.person.id, queue=queue.id, states=job.LIVE, oldest_first=True)
    return list(job.find(_scope(actor(known, peer)), where, limit=_MOST_LISTED).rows)


def _scope(by: Actor) -> Scope:
    return Scope(by, parts.tenant(), Purpose.OWN)


def _remove(commands: Commands, queue: device.QueueView, known: Known, peer: Peer, asked: lpd.RemoveJobs) -> int:
    """How many of the asking person's own jobs in this queue were deleted; none when anything else is wanted."""
    own = _own(queue, known, peer)
    wanted: set[int] = set()
    for word in asked.wanted:
        mine = {view.number for view in own}
        if word.isdecimal() and int(word) in mine:
            wanted.add(int(word))
        elif word.lower() in _ALL or _is_name_of(known, word):
            wanted |= mine
        else:
            raise job.NotFound("not one of the asking person's jobs in this queue")
    if not asked.wanted:
        wanted = {view.number for view in own[:1]}
    by = actor(known, peer)
    removed = 0
    for view in own:
        if view.number in wanted:
            try:
                commands.cancel(_scope(by), view.id, by=by)
            except job.WrongState:
                continue  # it ended meanwhile
            removed += 1
    return removed


def _is_name_of(known: Known, word: str) -> bool:
    try:
        return identity.canonical(word) == identity.canonical(known.person.name)
    except identity.BadName:
        return False
