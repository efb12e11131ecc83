"""The stage that makes a job printable: a virus scanner sees it, and what devices do not take becomes PDF.

Durable work of its own kind: a document that takes long, or is made to, holds up neither the other stages nor, after
its first seconds, the other documents.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from django.utils.translation import gettext_noop

from frisket import audit, device, identity, intake, job, prepress, release, spool
from frisket.flow.errors import DocumentLocked, NothingToUnlock, TooMuchAtOnce
from frisket.flow.exporting import Exporting
from frisket.flow.walking import KEPT_BACK
from frisket.plumbing import parts, work
from frisket.plumbing.db import Tx, again_when_full, transaction
from frisket.plumbing.scope import HOUSE, Actor, Scope
from frisket.prepress import Problem

__all__ = ["needs_preparing", "prepare", "ready", "unlock"]

State, Reason = job.State, job.Reason
PDF = "application/pdf"
SLOWLY = "flow.prepare-slowly"
_LEASE = timedelta(seconds=120)
_AGAIN = timedelta(seconds=10)
_LIMITS = frozenset({"wall", "cpu", "memory", "output", "document", "crashed"})  # of the sandbox
_REASONS = {
    Problem.DAMAGED: Reason.UNREADABLE,
    Problem.EMPTY: Reason.UNREADABLE,
    Problem.ARCHIVE: Reason.TOO_MUCH,
    Problem.PIXELS: Reason.TOO_MUCH,
    Problem.PAGES: Reason.TOO_MUCH,
    Problem.LARGE: Reason.TOO_MUCH,
    Problem.SLOW: Reason.TOO_SLOW,
    Problem.UNAVAILABLE: Reason.NO_CONVERTER,
}
_NO_DESTINATION = gettext_noop(
    "The folder its printed form is to be written to cannot be used. Nothing is lost; it is tried again and again."
)
_NO_ANSWER = gettext_noop("The virus scanner does not answer. Nothing is lost; it is asked again and again.")
_LOCKS = {Problem.PASSWORD: Reason.LOCKED, Problem.FORBIDDEN: Reason.FORBIDDEN}


class _Stopped(Exception):
    """A document of the job cannot be made ready; problem: of prepress.Problem."""

    def __init__(self, problem: str, limit: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.limit = limit


class _Made(NamedTuple):
    number: int
    sealed: spool.SealedDoc | None  # None: the document stays as it came
    facts: prepress.PageFacts


@dataclass(frozen=True, slots=True)
class _Form:
    """What the documents of a job have become, and the key it is sealed under."""

    made: list[_Made]
    key: spool.HeldKey

    @property
    def changed(self) -> list[tuple[_Made, spool.SealedDoc]]:
        return [(each, each.sealed) for each in self.made if each.sealed is not None]


@dataclass(frozen=True, slots=True)
class _Wish:
    """How one job is prepared."""

    bounds: prepress.Bounds
    password: str = ""
    export: Exporting | None = None


def ready() -> None:
    """Handle preparing from now on, as many at once as the settings say. Once, when a process starts."""
    work.handles(job.PREPARE, at_once=parts.settings().convert.at_once, lease=_LEASE)(_next)


@work.handles(job.PREPARE, at_once=2, lease=_LEASE)
def _next(item: work.Item) -> None:
    _work(item, quick=True)


@work.handles(SLOWLY, at_once=1, lease=_LEASE)
def _next_slow(item: work.Item) -> None:
    _work(item, quick=False)


def _work(item: work.Item, *, quick: bool) -> None:
    with suppress(job.NotFound, job.WrongState):  # somebody moved it first
        view = job.get_for_stage(UUID(str(item.payload["job"])))
        if view.state is State.ADMITTED:
            prepare(view, quick=quick)


def needs_preparing(view: job.JobView) -> bool:
    """Whether a job that just came whole has something to be done to its documents."""
    if parts.settings().antivirus.by:
        return True
    formats = _formats(view)
    return any(device.must_convert(each.format, formats) for each in job.documents(view.id))


def _formats(view: job.JobView) -> tuple[str, ...]:
    """What all devices behind its queue take as it is."""
    return device.merge([each.capabilities for each in device.behind(device.queue(view.queue))]).formats


def prepare(view: job.JobView, *, quick: bool = False) -> None:
    """Scan it, convert what has to be, and move it on: prepared, waiting for its password, or ended with a reason.

    quick: give up after the first seconds; it then goes on in the slow lane, one at a time.
    """
    if not _seen_by_scanner(view):
        return
    if not view.conversion:
        _onward(view, None)
        return
    settings = parts.settings().convert
    bounds = _bounds()
    if quick and settings.quick_s < bounds.wall_s:
        bounds = replace(bounds, wall_s=settings.quick_s)
    export = Exporting.of(view)
    try:
        form = _form_of(view, _Wish(bounds, export=export))
        if export is not None:
            export.done(form.made[0].facts if form.made else None)
    except _Stopped as stop:
        if quick and stop.problem == Problem.SLOW and settings.quick_s < settings.wall_s:
            with transaction() as tx:
                work.enqueue(SLOWLY, {"job": view.id.hex}, tx=tx, once=f"{SLOWLY}:{view.id.hex}")
            return
        if export is None or _try_to_say(view, export, stop):
            _stop(view, stop)
        return
    except spool.NotHere:
        return  # erased meanwhile
    except (intake.sources.PlaceGone, intake.sources.PlaceRefuses, intake.sources.ClosedByLevel):
        _wait(view, _NO_DESTINATION)
        return
    _keep(form, lambda: _onward(view, form))


def _bounds() -> prepress.Bounds:
    told = parts.settings().convert
    return prepress.Bounds(
        wall_s=told.wall_s,
        cpu_s=told.cpu_s,
        memory=told.memory_bytes,
        document=told.document_bytes,
        output=told.output_bytes,
        pages=told.pages,
        pixels=told.pixels,
        unpacked=told.unpacked_bytes,
        entries=told.entries,
        ratio=told.ratio,
        ahead=told.ahead,
        ahead_s=told.ahead_s,
    )


# -- making ----------------------------------------------------------------------------------------


def _form_of(view: job.JobView, wish: _Wish) -> _Form:
    """What becomes of each document, sealed already. Raises _Stopped, spool.NotHere; nothing is left behind then."""
    formats = _formats(view)
    sheet = _sheet(view)
    with transaction() as tx:
        key = spool.key_to_add(view.id, by=HOUSE, tx=tx)
        opening = spool.ticket(view.id, "prepare", by=HOUSE, tx=tx)
    made: list[_Made] = []
    try:
        for document in job.documents(view.id):
            again = _Again(view.id, document.number)
            if wish.export is not None:
                wish.export.original(again, document)
            if document.format != PDF and not device.must_convert(document.format, formats):
                continue
            source = spool.read_sync(view.id, spool.Kind.ORIGINAL, document.number, ticket=opening)
            found = _one(source, again, document.came_as or document.format, wish, sheet)
            made.append(_sealed(found, document.number, key, wish.export))
    except BaseException:
        spool.discard([each.sealed for each in made if each.sealed is not None])
        raise
    finally:
        key.wipe()
    return _Form(made, key)


class _Again:
    """Reads a document once more, with a ticket of its own."""

    def __init__(self, job_id: UUID, document: int) -> None:
        self._job, self._document = job_id, document

    def __call__(self) -> Iterator[bytes]:
        with transaction() as tx:
            opening = spool.ticket(self._job, "prepare", by=HOUSE, tx=tx)
        return spool.read_sync(self._job, spool.Kind.ORIGINAL, self._document, ticket=opening)


def _one(
    source: Iterator[bytes], again: Callable[[], Iterator[bytes]], format: str, wish: _Wish, sheet: tuple[float, float]
) -> prepress.Converted:
    if format != PDF:
        found = prepress.convert(source, format, bounds=wish.bounds, password=wish.password, sheet=sheet)
    else:
        found = prepress.unlock(source, bounds=wish.bounds, password=wish.password)
        if isinstance(found, prepress.Failed) and found.problem == Problem.DAMAGED:
            # Another reader may make more of it, and its own PDF is whole.
            mended = prepress.convert(again(), PDF, bounds=wish.bounds, sheet=sheet)
            found = mended if isinstance(mended, prepress.Converted) else found
    if isinstance(found, prepress.Failed):
        raise _Stopped(found.problem, found.limit)
    return found


def _sealed(found: prepress.Converted, number: int, key: spool.HeldKey, export: Exporting | None) -> _Made:
    if found.pdf is None:
        return _Made(number, None, found.facts)
    with found.pdf as pdf:
        if export is not None:
            export.printed(pdf.pieces())
        limit = parts.settings().limits.job_bytes
        sealed = spool.seal_pieces(pdf.pieces(), key, kind=spool.Kind.PAGES, document=number, limit=limit)
    return _Made(number, sealed, found.facts)


def _sheet(view: job.JobView) -> tuple[float, float]:
    """Points: the sheet that was asked for, else the queue's own; for what has no pages of its own."""
    queue = device.queue(view.queue)
    usual = device.merge([each.capabilities for each in device.behind(queue)]).media_default
    return prepress.sheet_of(view.options.media) or prepress.sheet_of(usual) or prepress.A4


# -- what became of it -----------------------------------------------------------------------------


def _try_to_say(view: job.JobView, export: Exporting, stop: _Stopped) -> bool:
    """False: the destination cannot be used now, so the same is tried again later."""
    try:
        export.stopped(stop.problem)
    except (intake.sources.PlaceGone, intake.sources.PlaceRefuses, intake.sources.ClosedByLevel):
        _wait(view, _NO_DESTINATION)
        return False
    return True


def _keep(form: _Form, move: Callable[[], None]) -> None:
    """Make it durable, then move; when the job has gone meanwhile, nothing of it stays."""
    sealed = [each for _, each in form.changed]
    try:
        if sealed:
            spool.place_many(sealed)
        move()
    except BaseException:
        spool.discard(sealed)
        raise


def _onward(
    view: job.JobView,
    form: _Form | None,
    *,
    why: job.Reason | None = None,
    by: Actor = HOUSE,
    passed: Sequence[job.State] = (),
) -> None:
    """The documents' new form, the facts found on the way and the move are one commit."""
    changed = form is not None and bool(form.changed)
    if why is None:
        why = Reason.CONVERTED if changed else Reason.STAGE
        why = view.why if view.why in KEPT_BACK else why
    with transaction() as tx:
        if form is not None and changed:
            _write(view, form, tx)
        job.move(
            view.id,
            State.PREPARED,
            expected=view.state,
            why=why,
            by=by,
            tx=tx,
            passed=passed,
            changes=job.Changes(note="", conversion="done" if changed else ""),
        )


def _write(view: job.JobView, form: _Form, tx: Tx) -> None:
    made, sealed = [each for each, _ in form.changed], [each for _, each in form.changed]
    spool.keep_many([spool.Keep(view.person, form.key, sealed, new=False)], tx=tx)
    job.converted(view.id, [(each.number, doc.octets, each.facts.pages) for each, doc in form.changed], PDF, tx=tx)
    if len(made) == view.documents:
        colours = [each.facts.colour for each in made]
        colour = True if True in colours else None if None in colours else False
        media = next((each.facts.media for each in made if each.facts.media), "")
        job.record_facts(view.id, sum(each.facts.pages or 0 for each in made), colour, media, [])
    if not parts.settings().convert.keep_original:
        spool.destroy(view.id, spool.Kind.ORIGINAL, [each.number for each in made], tx=tx)


def _stop(view: job.JobView, stop: _Stopped) -> None:
    """It waits for its password, or it is over; its person reads why."""
    with transaction() as tx:
        if stop.limit in _LIMITS:
            audit.record("sandbox.killed", view.id, by=HOUSE, tx=tx, facts={"limit": stop.limit})
        lock = _LOCKS.get(stop.problem)
        if lock is None:
            why = _REASONS.get(stop.problem, Reason.UNREADABLE)
            release.end(view, why, job.Outcome.FAILED, by=HOUSE, tx=tx)
            return
        changes = job.Changes(conversion="locked")
        job.move(view.id, State.HELD, expected=view.state, why=lock, by=HOUSE, tx=tx, changes=changes)


# -- a password ------------------------------------------------------------------------------------

_one_at_a_time = threading.BoundedSemaphore(2)


def unlock(scope: Scope, identifier: UUID, password: str, *, by: Actor) -> None:
    """Open the documents of a job that waits for their password. The password is used here and kept nowhere.

    Raises DocumentLocked, NothingToUnlock, TooMuchAtOnce, job.NotFound, identity.NotAllowed.
    """
    view = job.get(scope, identifier)
    if view.person != by.id:
        identity.require(by, identity.Permission.JOBS_ALL)
    if view.state is not State.HELD or view.conversion != "locked":
        raise NothingToUnlock("This job does not wait for a password.")
    if not _one_at_a_time.acquire(timeout=5):
        raise TooMuchAtOnce("Other documents are being opened.")
    try:
        again_when_full(lambda: _unlock(view, password, by))
    finally:
        _one_at_a_time.release()


def _unlock(view: job.JobView, password: str, by: Actor) -> None:
    bounds = replace(_bounds(), wall_s=min(20.0, _bounds().wall_s))
    try:
        form = _form_of(view, _Wish(bounds, password))
    except _Stopped as stop:
        if stop.problem in (Problem.WRONG_PASSWORD, Problem.PASSWORD):
            raise DocumentLocked("This password does not open the document.") from stop
        if stop.problem == Problem.FORBIDDEN:
            raise DocumentLocked("This password opens the document, but does not allow printing it.") from stop
        with transaction() as tx:
            why = _REASONS.get(stop.problem, Reason.UNREADABLE)
            release.end(view, why, job.Outcome.FAILED, by=HOUSE, tx=tx)
        return
    _keep(form, lambda: _onward(view, form, why=Reason.UNLOCKED, by=by, passed=(State.ADMITTED,)))


# -- viruses ---------------------------------------------------------------------------------------


def _seen_by_scanner(view: job.JobView) -> bool:
    """False: it was stopped, or waits until the scanner answers."""
    told = parts.settings().antivirus
    if not told.by:
        return True
    scanner = prepress.Scanner(
        told.by, told.clamd, told.signatures, told.time_s, told.memory_bytes, parts.settings().convert.document_bytes
    )
    try:
        with transaction() as tx:
            opening = spool.ticket(view.id, "scan", by=HOUSE, tx=tx)
        for document in job.documents(view.id):
            source = spool.read_sync(view.id, spool.Kind.ORIGINAL, document.number, ticket=opening)
            virus = prepress.look_for_viruses(source, scanner).virus
            if virus:
                _infected(view, virus)
                return False
    except spool.NotHere:
        return False  # erased meanwhile
    except prepress.ScannerDown:
        if told.when_down == "pass":
            with transaction() as tx:
                audit.record("scanner.passed-over", view.id, by=HOUSE, tx=tx)
            return True
        _wait(view, _NO_ANSWER)  # fail closed: nobody prints what nobody looked at
        return False
    return True


def _infected(view: job.JobView, virus: str) -> None:
    with transaction() as tx:
        job.move(
            view.id,
            State.QUARANTINED,
            expected=view.state,
            why=Reason.INFECTED,
            by=HOUSE,
            tx=tx,
            changes=job.Changes(note=virus, forget_device=True, facts={"virus": virus}),
        )


def _wait(view: job.JobView, note: str) -> None:
    """It is tried again a little later, and nobody has to send it again. note: translated where it is shown."""
    job.note(view.id, note)
    with transaction() as tx:
        at = parts.clock().now() + _AGAIN
        once = f"{job.PREPARE}:{view.id.hex}:{int(time.time())}"
        work.enqueue(job.PREPARE, {"job": view.id.hex}, tx=tx, at=at, once=once)
