"""Where every door ends: seal while receiving, then one group commit, then the acknowledgement.

The order is that of security-design section 6: durable octets, durable row, answer.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar
from uuid import UUID

from frisket import device, job, policy, spool
from frisket.intake.capabilities import capabilities_of, formats_of
from frisket.intake.errors import RefusedByRule
from frisket.intake.guarding import Guarded, guarded, heeding
from frisket.intake.offers import Accepted, Beside, Offer, Part, Walk, Walker, WalkIn
from frisket.intake.sensing import Protection, watched
from frisket.plumbing import crashpoints, keys, parts
from frisket.plumbing.db import GroupWriter, Tx, transaction
from frisket.plumbing.rows import rising_id
from frisket.plumbing.scope import Actor
from frisket.wire import pjl

__all__ = ["Ahead", "Held", "Intake"]

BEFORE_COMMIT = crashpoints.point("intake.before-commit")
INSIDE_COMMIT = crashpoints.point("intake.inside-commit")
AFTER_COMMIT = crashpoints.point("intake.after-commit")

Result = TypeVar("Result")
_MOST_COMING = 4096  # jobs of Create-Job whose documents are not all there
_NOBODY = UUID(int=0)  # holds nothing, so only the house and its disk are asked


@dataclass(frozen=True, slots=True)
class _New:
    job: job.NewJob
    key: spool.HeldKey
    sealed: tuple[spool.SealedDoc, ...]
    by: Actor
    beside: Beside | None = None


Held = _New  # sealed, and nothing promised yet


@dataclass(frozen=True, slots=True)
class _More:
    """A further document of a job made by Create-Job, or its end."""

    of: UUID
    person: UUID
    key: spool.HeldKey | None
    document: job.NewDocument | None
    sealed: tuple[spool.SealedDoc, ...]
    by: Actor
    first: bool
    end: Walk | None
    asked: job.Changes | None = None  # by the frame around a document


@dataclass(slots=True)
class _Coming:
    """What is known of a job by the documents that it has so far."""

    protected: bool = False  # an encrypted PDF is among them
    told: pjl.Job | None = None  # what the frame around the first asks for


class Intake:
    """The one place where jobs come in. Built by programs, shared by all doors of a process."""

    def __init__(self, walker: Walker, *, on_failed_sync: Callable[[BaseException], None]) -> None:
        self._walker = walker
        self._writer: GroupWriter[_New | _More, job.JobView] = GroupWriter(
            _write, before=_make_durable, on_failed_sync=on_failed_sync, name="intake-writer"
        )
        self._threads = ThreadPoolExecutor(8, thread_name_prefix="doors")
        self._coming: dict[UUID, _Coming] = {}

    def start(self) -> None:
        self._writer.start()

    def stop(self) -> None:
        self._writer.stop()
        self._threads.shutdown(wait=True)

    async def ask(self, question: Callable[..., Result], *values: object) -> Result:
        """Run a database question of a door in one of its threads."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, question, *values)

    def admit(self, offer: Offer, format: str, octets: int | None, documents: int = 1) -> None:
        """Raises RefusedByRule."""
        self.admit_to(offer.queue, format, octets, documents)

    def admit_to(self, queue: device.QueueView, format: str, octets: int | None, documents: int = 1) -> None:
        """The same while it is not known yet whose the job is. Raises RefusedByRule."""
        limits = parts.settings().limits
        verdict = policy.admission(
            policy.Facts(
                queue_accepting=queue.accepting,
                format=format,
                formats=formats_of(queue),
                octets=octets,
                most_octets=limits.job_bytes,
                documents=documents,
                most_documents=limits.documents_per_job,
            )
        )
        if isinstance(verdict, policy.Refuse):
            raise RefusedByRule(verdict)

    async def accept(self, offer: Offer, documents: AsyncIterator[Part]) -> Accepted:
        """Take a whole job. Returns after the group commit: from then on it is never lost.

        Raises RefusedByRule, CutOff, spool.SpoolFull, spool.OverQuota, spool.TooLarge, StorageFailed; after
        any of them nothing of the job is kept.
        """
        if offer.client_key is not None:
            first = await self.ask(job.by_client_key, offer.person, offer.client_key)
            if first is not None:
                return Accepted(first, again=True)
        return await self.keep(await self.hold(offer, documents))

    async def hold(self, offer: Offer, documents: AsyncIterator[Part]) -> Held:
        """The first half of accept(): seal the documents and promise nothing. Raises as accept()."""
        identifier = rising_id(parts.clock().now())
        key = spool.new_key(identifier)
        sealed: list[spool.SealedDoc] = []
        new: list[job.NewDocument] = []
        protection = Protection()
        try:
            async for offered in documents:
                number = len(sealed) + 1
                found = await self._looked_at(offer, offered, number)
                part = watched(found.part, protection)
                if found.told is not None and number == 1:
                    offer = heeding(offer, found.told)
                self.admit(offer, part.format, part.expected, number)
                sealed.append(await self._seal(offer, key, part, number, sealed))
                new.append(job.NewDocument(number, part.format, sealed[-1].octets, part.name))
            walk = self._walk(offer, [each.format for each in new], protected=protection.seen)
        except BaseException:
            key.give_up()
            await self._discard(sealed)
            raise
        row = _new_job(identifier, offer, tuple(new), walk)
        return _New(row, key, tuple(sealed), offer.by, offer.beside)

    async def keep(self, held: Held) -> Accepted:
        """The second half: one group commit; from then on the job is never lost."""
        kept = Accepted(await self._commit(held))
        held.key.wipe()
        return kept

    async def drop(self, held: Held) -> None:
        """Nothing came of it: what was sealed goes."""
        held.key.give_up()
        await self._discard(held.sealed)

    def ahead(self, queue: device.QueueView) -> "Ahead":
        """A job whose documents come before it is known whose they are."""
        return Ahead(self, queue)

    async def documents_again(self, view: job.JobView, *, by: Actor) -> AsyncIterator[Part]:
        """The documents of a job that was kept, for a new job: opened and sealed anew under its own key.

        Raises spool.NotHere when they are destroyed meanwhile.
        """
        opening = await self.ask(_reading, view.id, by)
        for kept in await self.ask(job.documents, view.id):
            data = spool.read(view.id, document=kept.number, ticket=opening)
            yield Part(data, kept.format, kept.name, kept.octets)

    async def create(self, offer: Offer) -> Accepted:
        """Create-Job: a row in state receiving; its documents come by add()."""
        self.admit(offer, offer.format, None)
        spool.room_for(offer.person, None)
        identifier = rising_id(parts.clock().now())
        key = spool.new_key(identifier)
        walk = Walk(job.State.RECEIVING, (), job.Reason.NONE)
        row = _new_job(identifier, offer, (), walk)
        accepted = Accepted(await self._commit(_New(row, key, (), offer.by)))
        spool.keep_ready(key)
        return accepted

    async def add(self, view: job.JobView, offer: Offer, part: Part | None, *, last: bool) -> job.JobView:
        """Send-Document and Close-Job: one more document, or none; ``last`` ends the receiving."""
        sealed: tuple[spool.SealedDoc, ...] = ()
        document = None
        key = None
        if part is not None:
            protection = Protection()
            number = view.documents + 1
            found = await self._looked_at(offer, part, number)
            part = watched(found.part, protection)
            if found.told is not None and number == 1:
                self._of(view.id).told = found.told
            self.admit(offer, part.format, part.expected, number)
            known = spool.ready_key(view.id)
            if known is None:
                known = await self.ask(_key_again, view.id, offer.by)
            key = known
            try:
                doc = await self._seal(offer, known, part, number, [], before=view.octets)
            except keys.Sealed as error:  # whoever erased the job overwrote its key
                raise job.WrongState("the job was deleted while its document came in") from error
            sealed = (doc,)
            if protection.seen:
                self._of(view.id).protected = True
            document = job.NewDocument(number, part.format, doc.octets, part.name)
        end, asked = None, None
        if last:
            if (told := self._of(view.id).told) is not None:
                offer = heeding(replace(offer, copies=view.copies, options=view.options, title=view.title or ""), told)
                asked = job.Changes(copies=offer.copies, options=offer.options)
            end = await self._end_of(view, offer, document)
            if end.why is job.Reason.EMPTY:
                asked = replace(asked or job.Changes(), outcome=job.Outcome.FAILED)
        done = await self._commit(
            _More(view.id, view.person, key, document, sealed, offer.by, view.documents == 0, end, asked)
        )
        if last:
            spool.forget_keys([view.id])
            self._coming.pop(view.id, None)
        return done

    def _of(self, job_id: UUID) -> "_Coming":
        """Of jobs whose last document never comes the oldest are forgotten one day."""
        while job_id not in self._coming and len(self._coming) >= _MOST_COMING:
            del self._coming[next(iter(self._coming))]
        return self._coming.setdefault(job_id, _Coming())

    async def _looked_at(self, offer: Offer, part: Part, number: int) -> Guarded:
        """What can be refused by what was announced is refused before an octet travels."""
        self.admit(offer, part.format, part.expected, number)
        spool.room_for(offer.person, part.expected)
        return await _guarded(offer.queue, part)

    async def _end_of(self, view: job.JobView, offer: Offer, document: job.NewDocument | None) -> Walk:
        """Where a job walks whose last document has come."""
        formats = [each.format for each in await self.ask(job.documents, view.id)] if view.documents else []
        if document is not None:
            formats.append(document.format)
        if not formats:  # nothing came: no device is asked to print nothing
            return Walk(job.State.ENDED, (), job.Reason.EMPTY)
        return self._walk(offer, formats, protected=self._of(view.id).protected)

    async def _seal(
        self,
        offer: Offer,
        key: spool.HeldKey,
        part: Part,
        number: int,
        so_far: Sequence[spool.SealedDoc],
        *,
        before: int = 0,
    ) -> spool.SealedDoc:
        most = spool.room_for(offer.person, part.expected)
        left = most - before - sum(doc.octets for doc in so_far)
        return await spool.seal(part.data, key, limit=left, document=number, expected=part.expected)

    async def _discard(self, sealed: Sequence[spool.SealedDoc]) -> None:
        if sealed:
            await self.ask(spool.discard, sealed)

    async def _commit(self, item: _New | _More) -> job.JobView:
        crashpoints.pass_(BEFORE_COMMIT)
        try:
            view = await self._writer.commit(item)
        except BaseException:
            if isinstance(item, _New):
                item.key.give_up()
            await self._discard(item.sealed)
            raise
        crashpoints.pass_(AFTER_COMMIT)
        return view

    def _walk(self, offer: Offer, formats: Sequence[str], *, protected: bool) -> Walk:
        first = formats[0] if formats else offer.format
        now, all_of_them = parts.clock().now(), tuple(formats)
        return self._walker(
            WalkIn(
                offer.queue,
                offer.hold,
                first,
                now,
                offer.hold_until,
                offer.device,
                all_of_them,
                protected,
                offer.exports,
            )
        )


class Ahead:
    """A job whose documents come before it is known whose they are, as LPD may send them.

    They are sealed as they come. What the person may hold is asked at the end, what the house may hold at once.
    """

    def __init__(self, intake: Intake, queue: device.QueueView) -> None:
        self._intake = intake
        self._queue = queue
        self._id = rising_id(parts.clock().now())
        self._key = spool.new_key(self._id)
        self._sealed: list[spool.SealedDoc] = []
        self._new: list[job.NewDocument] = []
        self._protection = Protection()

    @property
    def documents(self) -> int:
        return len(self._new)

    async def add(self, part: Part) -> None:
        """Raises RefusedByRule, CutOff, spool.SpoolFull, spool.TooLarge, StorageFailed."""
        part = watched((await _guarded(self._queue, part)).part, self._protection)
        number = len(self._new) + 1
        self._intake.admit_to(self._queue, part.format, part.expected, number)
        most = spool.room_for(_NOBODY, part.expected) - sum(doc.octets for doc in self._sealed)
        doc = await spool.seal(part.data, self._key, limit=most, document=number, expected=part.expected)
        self._sealed.append(doc)
        self._new.append(job.NewDocument(number, part.format, doc.octets, part.name))

    async def accept(self, offer: Offer) -> Accepted:
        """As Intake.accept, and raises what it does; nothing is kept then."""
        octets = sum(doc.octets for doc in self._sealed)
        try:
            self._intake.admit(offer, self._new[0].format, octets, len(self._new))
            if octets > spool.room_for(offer.person, octets):
                raise spool.TooLarge("the job is larger than it may be")
            walk = self._intake._walk(offer, [each.format for each in self._new], protected=self._protection.seen)
        except BaseException:
            await self.give_up()
            raise
        sealed, self._sealed = tuple(self._sealed), []
        row = _new_job(self._id, offer, tuple(self._new), walk)
        return await self._intake.keep(_New(row, self._key, sealed, offer.by))

    async def give_up(self) -> None:
        """Leave nothing of it; also after accept, which it does not undo."""
        self._key.give_up()
        sealed, self._sealed = self._sealed, []
        await self._intake._discard(sealed)


async def _guarded(queue: device.QueueView, part: Part) -> Guarded:
    printed = capabilities_of(queue).formats
    return await guarded(part, lambda format: device.must_convert(format, printed))


def _new_job(identifier: UUID, offer: Offer, documents: tuple[job.NewDocument, ...], walk: Walk) -> job.NewJob:
    return job.NewJob(
        id=identifier,
        queue=offer.queue.id,
        person=offer.person,
        door=offer.door,
        title=offer.title,
        owner=offer.owner,
        state=walk.state,
        why=walk.why,
        passed=walk.passed,
        documents=documents,
        format=documents[0].format if documents else offer.format,
        copies=offer.copies,
        options=offer.options,
        hold=offer.hold,
        hold_until=offer.hold_until,
        password_verifier=offer.password_verifier,
        client_key=offer.client_key,
        printer_uri=offer.printer_uri,
        terms=offer.terms,
        device=walk.device,
        conversion=walk.conversion,
    )


def _make_durable(batch: Sequence[_New | _More]) -> None:
    small = [doc for item in batch for doc in item.sealed]
    if small:
        spool.place_many(small)


def _write(batch: Sequence[_New | _More], tx: Tx) -> list[job.JobView]:
    new = [item for item in batch if isinstance(item, _New)]
    views: dict[UUID, job.JobView] = {}
    if new:
        for view in job.create_many([item.job for item in new], by=[item.by for item in new], tx=tx):
            views[view.id] = view
    spool.keep_many([keep for item in batch if (keep := _keep(item)) is not None], tx=tx)
    for item in batch:
        if isinstance(item, _More):
            views[item.of] = _write_more(item, tx)
        elif item.beside is not None:
            item.beside(views[item.job.id], tx)
    crashpoints.pass_(INSIDE_COMMIT)
    return [views[item.job.id if isinstance(item, _New) else item.of] for item in batch]


def _write_more(item: _More, tx: Tx) -> job.JobView:
    if item.document is not None:
        job.add_document(
            item.of,
            item.document,
            expected=job.State.RECEIVING,
            format=item.document.format if item.first else None,
            by=item.by,
            tx=tx,
        )
    if item.end is None:
        return job.get_for_stage(item.of)
    return job.move(
        item.of,
        item.end.state,
        expected=job.State.RECEIVING,
        why=item.end.why,
        by=item.by,
        tx=tx,
        passed=item.end.passed,
        changes=replace(item.asked or job.Changes(), device=item.end.device, conversion=item.end.conversion or None),
    )


def _keep(item: _New | _More) -> spool.Keep | None:
    if isinstance(item, _New):
        return spool.Keep(item.job.person, item.key, item.sealed)
    return spool.Keep(item.person, item.key, item.sealed, new=False) if item.key is not None else None


def _key_again(identifier: UUID, by: Actor) -> spool.HeldKey:
    """The key of a job that another process, or this one before a restart, began to receive."""
    with transaction() as tx:
        return spool.key_to_add(identifier, by=by, tx=tx)


def _reading(identifier: UUID, by: Actor) -> spool.Ticket:
    with transaction() as tx:
        return spool.ticket(identifier, "prepare", by=by, tx=tx)
