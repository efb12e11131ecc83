"""From what came to what devices print: states, words, locks, viruses; the converter itself is tested elsewhere."""

import asyncio
import io
import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pikepdf
import pytest
from tests.flow.conftest import Way
from tests.samples import office
from tests.samples.make import pdf

from frisket import device, flow, intake, job, prepress, release, spool
from frisket.flow import preparing
from frisket.plumbing import parts, work
from frisket.plumbing.db import transaction
from frisket.plumbing.scope import HOUSE
from frisket.plumbing.settings import Antivirus, Convert

ODT = "application/vnd.oasis.opendocument.text"
PDF = "application/pdf"
State, Reason = job.State, job.Reason


@pytest.fixture(autouse=True)
def converter() -> Iterator[None]:
    device.can_convert({ODT, "image/png"})
    yield
    device.can_convert(())


Made = Callable[..., "prepress.Converted | prepress.Failed"]


@pytest.fixture
def makes(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Stands for the sandboxes: says what they would say, so that every answer is tried."""

    def say(answer: Any) -> None:
        def made(source: Iterator[bytes], *values: Any, password: str = "", **more: Any) -> Any:
            b"".join(source)
            said = answer(password) if callable(answer) else answer
            return _converted(said) if isinstance(said, bytes) else said

        monkeypatch.setattr(prepress, "convert", made)
        monkeypatch.setattr(prepress, "unlock", made)

    return say


def _converted(document: bytes) -> prepress.Converted:
    memory = prepress.Memory(_memfd(document))
    return prepress.Converted(memory, prepress.PageFacts(2, True, "iso_a4_210x297mm"))


def _memfd(document: bytes) -> int:
    descriptor = os.memfd_create("made")
    os.write(descriptor, document)
    return descriptor


def take(way: Way, *documents: tuple[bytes, str], queue: str = "secure", **more: object) -> job.JobView:
    async def one(octets: bytes) -> AsyncIterator[bytes]:
        yield octets

    async def offered() -> AsyncIterator[intake.Part]:
        for octets, format in documents:
            yield intake.Part(one(octets), format)

    offer = replace(way.offer(queue, **more), door="upload", format=documents[0][1])
    return asyncio.run(way.doors.accept(offer, offered())).job


def read(view: job.JobView, kind: spool.Kind | None = None, document: int = 1) -> bytes:
    with transaction() as tx:
        opening = spool.ticket(view.id, "deliver", by=HOUSE, tx=tx)
    return b"".join(spool.read_sync(view.id, kind, document, ticket=opening))


def explained(way: Way, view: job.JobView) -> job.Explanation:
    return job.explain(way.house.scope, way.now(view))


def use(monkeypatch: pytest.MonkeyPatch, **sections: Any) -> None:
    parts.install(replace(parts.installed(), settings=parts.settings().model_copy(update=sections)))


def test_what_devices_do_not_print_is_admitted_and_becomes_pdf(way: Way, makes: Any) -> None:
    makes(b"%PDF made")
    view = take(way, (b"an office file", ODT))
    assert (view.state, view.conversion) == (State.ADMITTED, "due")
    assert "PDF is being made" in explained(way, view).now
    done = way.settle(view)
    assert (done.state, done.why, done.conversion) == (State.HELD, Reason.FOR_RELEASE, "done")
    assert (done.format, done.pages, done.colour, done.media) == (PDF, 2, True, "iso_a4_210x297mm")
    assert read(done) == b"%PDF made" and read(done, spool.Kind.ORIGINAL) == b"an office file"
    assert job.documents(done.id)[0].came_as == ODT
    assert any("PDF was made" in step.text for step in explained(way, done).steps)


def test_what_devices_print_themselves_goes_untouched(way: Way, makes: Any) -> None:
    makes(prepress.Failed("damaged"))
    assert take(way, (b"%PDF-1.4 small", PDF)).state is State.HELD
    device.can_convert(())
    with pytest.raises(intake.RefusedByRule):
        take(way, (b"an office file", ODT))


def test_each_document_of_a_job_becomes_what_it_has_to(way: Way, makes: Any) -> None:
    makes(lambda password: b"%PDF made")
    view = take(way, (b"%PDF-1.4 plain", PDF), (b"an office file", ODT), (b"picture", "image/png"))
    assert view.state is State.ADMITTED
    done = way.settle(view)
    assert [each.came_as for each in job.documents(done.id)] == [PDF, ODT, "image/png"]
    assert done.pages == 6


def test_a_queue_that_holds_nothing_prints_what_was_made(way: Way, makes: Any) -> None:
    makes(b"%PDF made")
    by = way.house.administrator
    with transaction() as tx:
        there = device.device_by_name(way.house.scope, "copy-1")
        change = device.QueueChange(devices=(there.id,))
        device.change_queue(way.house.scope, way.queues["straight"].id, change, by=by, tx=tx)
    way.queues["straight"] = device.queue(way.queues["straight"].id)
    done = way.settle(take(way, (b"an office file", ODT), queue="straight"))
    assert (done.state, done.device) == (State.RELEASED, there.id)


@pytest.mark.parametrize(
    ("problem", "why", "words"),
    [
        ("damaged", Reason.UNREADABLE, "damaged"),
        ("empty", Reason.UNREADABLE, "damaged"),
        ("archive", Reason.TOO_MUCH, "more than a document may have"),
        ("pixels", Reason.TOO_MUCH, "more than a document may have"),
        ("pages", Reason.TOO_MUCH, "more than a document may have"),
        ("large", Reason.TOO_MUCH, "more than a document may have"),
        ("slow", Reason.TOO_SLOW, "time"),
        ("unavailable", Reason.NO_CONVERTER, "Nothing here can make"),
    ],
)
def test_a_document_nobody_can_make_ready_ends_its_job_with_a_reason(
    way: Way, makes: Any, problem: str, why: job.Reason, words: str
) -> None:
    makes(prepress.Failed(problem))
    done = way.settle(take(way, (b"a broken file", ODT)))
    assert (done.state, done.outcome, done.why) == (State.ERASED, job.Outcome.FAILED, why)
    told = explained(way, done)
    assert words in told.now and told.next
    with pytest.raises(spool.NotHere):
        read(done)


@pytest.mark.requirement("PREP-47")
def test_a_locked_document_waits_for_its_password_and_prints_not_before(way: Way, makes: Any, caplog: Any) -> None:
    def opens(password: str) -> Any:
        if password == "open sesame":
            return b"%PDF open"
        return prepress.Failed("wrong-password" if password else "password")

    makes(opens)
    held = way.settle(take(way, (b"a locked file", ODT)))
    assert (held.state, held.why, held.conversion) == (State.HELD, Reason.LOCKED, "locked")
    assert "password" in explained(way, held).next
    scope, by = way.house.own(way.alice.id), replace(way.house.own(way.alice.id).actor)
    there = device.device_by_name(way.house.scope, "copy-1")
    outcome = release.release(scope, [held.id], there.id, by=by)[0]
    assert not outcome.ok and "password" in outcome.text
    with pytest.raises(job.WrongState), transaction() as tx:
        release.let_print(held, there.id, Reason.TIME_CAME, by=HOUSE, tx=tx)
    with pytest.raises(flow.DocumentLocked):
        flow.unlock(scope, held.id, "guess", by=by)
    flow.unlock(scope, held.id, "open sesame", by=by)
    done = way.settle(held)
    assert (done.state, done.conversion, read(done)) == (State.HELD, "done", b"%PDF open")
    assert release.release(scope, [held.id], there.id, by=by)[0].ok
    assert "sesame" not in caplog.text
    with pytest.raises(flow.NothingToUnlock):
        flow.unlock(scope, held.id, "open sesame", by=by)


def test_a_password_of_somebody_elses_document_is_not_taken(way: Way, makes: Any) -> None:
    makes(prepress.Failed("password"))
    held = way.settle(take(way, (b"a locked file", ODT)))
    other = way.house.own(way.house.administrator.id)
    with pytest.raises(job.NotFound):
        flow.unlock(other, held.id, "x", by=other.actor)


def test_what_its_author_does_not_let_print_says_so(way: Way, makes: Any) -> None:
    makes(prepress.Failed("forbidden"))
    held = way.settle(take(way, (b"%PDF-1.7 << /Encrypt 5 0 R >>", PDF)))
    assert (held.state, held.why) == (State.HELD, Reason.FORBIDDEN)
    assert "author" in explained(way, held).now


def test_a_pdf_that_says_it_is_encrypted_is_looked_at_before_it_waits(way: Way, makes: Any) -> None:
    makes(prepress.Converted(None, prepress.PageFacts()))
    view = take(way, (b"%PDF-1.7 << /Encrypt 5 0 R >>", PDF))
    assert view.state is State.ADMITTED
    done = way.settle(view)
    assert (done.state, done.conversion) == (State.HELD, "") and read(done).startswith(b"%PDF-1.7")


def test_an_original_is_destroyed_where_the_house_does_not_keep_it(
    way: Way, makes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, convert=Convert(keep_original=False))
    makes(b"%PDF made")
    done = way.settle(take(way, (b"an office file", ODT)))
    assert read(done) == b"%PDF made"
    with pytest.raises(spool.NotHere):
        read(done, spool.Kind.ORIGINAL)
    assert spool.overwrite_doomed() == 1
    assert way.now(done).state is State.HELD


def test_a_slow_document_goes_on_in_a_lane_of_its_own(way: Way, makes: Any) -> None:
    makes(prepress.Failed("slow", "wall"))
    view = take(way, (b"a slow file", ODT))
    preparing.prepare(way.now(view), quick=True)
    assert way.now(view).state is State.ADMITTED
    assert "flow.prepare-slowly" in {each.kind for each in work.overview()}
    preparing.prepare(way.now(view))
    assert way.now(view).why is Reason.TOO_SLOW


def test_a_job_whose_sender_fell_silent_is_made_ready_too(way: Way, makes: Any) -> None:
    makes(b"%PDF made")
    created = way.create(format=ODT)

    async def one() -> AsyncIterator[bytes]:
        yield b"an office file"

    offer = way.offer(format=ODT)
    asyncio.run(way.doors.add(way.now(created), offer, intake.Part(one(), ODT), last=False))
    way.house.clock.pass_time(timedelta(seconds=600))
    flow.look_at_the_clock()
    assert way.now(created).state is State.ADMITTED
    done = way.settle(created)
    assert (done.state, done.format) == (State.HELD, PDF)


def test_a_job_that_is_being_made_ready_is_not_held_half_ready(way: Way, makes: Any) -> None:
    makes(b"%PDF made")
    view = take(way, (b"an office file", ODT))
    with pytest.raises(job.WrongState):
        release.hold(way.house.scope, view.id, by=way.house.administrator)
    assert way.settle(view).state is State.HELD


def test_a_job_deleted_while_it_is_made_ready_leaves_nothing(way: Way, makes: Any) -> None:
    view = take(way, (b"an office file", ODT))

    def deleted(password: str) -> bytes:
        flow.cancel(way.house.scope, view.id, by=way.house.administrator)
        return b"%PDF made"

    makes(deleted)
    with pytest.raises(job.WrongState):
        preparing.prepare(way.now(view))
    assert way.now(view).state is State.ENDED
    with pytest.raises(spool.NotHere):
        read(view, spool.Kind.PAGES)


def test_pages_are_counted_anew_where_only_some_documents_changed(way: Way, makes: Any) -> None:
    device.can_convert({ODT})
    makes(b"%PDF made")
    view = take(way, (b"line after line", "application/octet-stream"), (b"an office file", ODT))
    assert job.uncounted() == []
    done = way.settle(view)
    assert done.counted == "due" and [each.id for each in job.uncounted()] == [view.id]


# -- beside holds, storing and copies --------------------------------------------------------------


def test_what_is_only_stored_is_made_ready_first(way: Way, makes: Any) -> None:
    makes(b"%PDF made")
    view = take(way, (b"an office file", ODT), hold="stored", terms=job.Terms(store="store-only"))
    assert view.state is State.ADMITTED
    preparing.prepare(way.now(view))
    flow.NEXT_STAGE[State.PREPARED](way.now(view))
    done = way.now(view)
    assert (done.state, done.outcome, done.stored) == (State.ENDED, job.Outcome.STORED, 1)
    assert done.format == PDF and read(done) == b"%PDF made"


def test_a_copy_for_a_device_carries_the_printable_pages(way: Way, makes: Any) -> None:
    makes(b"%PDF made of /Encrypt")
    held = way.settle(take(way, (b"an office file", ODT)))
    there = device.device_by_name(way.house.scope, "copy-1")
    again = way.doors.documents_again(held, by=HOUSE)
    copy = asyncio.run(way.doors.accept(way.offer(device=there.id), again)).job
    assert (copy.state, copy.device, copy.format) == (State.RELEASED, there.id, PDF)
    assert read(copy) == b"%PDF made of /Encrypt"


def test_no_proof_of_a_locked_document_is_printed(way: Way, makes: Any) -> None:
    makes(prepress.Failed("forbidden"))
    held = way.settle(take(way, (b"a locked file", ODT), hold="proof", terms=job.Terms(proof_copies=1)))
    assert (held.state, held.why, held.terms.proof_due) == (State.HELD, Reason.FORBIDDEN, True)
    there = device.device_by_name(way.house.scope, "copy-1")
    for ask in (
        lambda tx: release.let_print(held, there.id, Reason.BY_PERSON, by=HOUSE, tx=tx),
        lambda tx: job.ask_for_copy(held, there.id, by=HOUSE, tx=tx),
    ):
        with pytest.raises(job.WrongState), transaction() as tx:
            ask(tx)
    assert "flow.copy" not in {each.kind for each in work.overview()}


def test_what_somebody_took_back_waits_on_after_another_look(way: Way, makes: Any) -> None:
    makes(b"%PDF mended")
    view = take(way, (b"%PDF-1.4 small", PDF), queue="straight")
    release.hold(way.house.scope, view.id, by=way.house.administrator)
    with transaction() as tx:
        why = way.now(view).why
        change = job.Changes(conversion="due")
        job.move(view.id, State.ADMITTED, expected=State.HELD, why=why, by=HOUSE, tx=tx, changes=change)
    done = way.settle(view)
    assert (done.state, done.why, done.conversion) == (State.HELD, Reason.WITHDRAWN, "done")


def test_a_job_that_comes_before_its_sender_is_looked_at_as_well(way: Way, makes: Any) -> None:
    makes(b"%PDF made")

    async def one(octets: bytes) -> AsyncIterator[bytes]:
        yield octets

    async def send() -> job.JobView:
        ahead = way.doors.ahead(way.queues["secure"])
        await ahead.add(intake.Part(one(b"%PDF-1.4 plain"), PDF))
        await ahead.add(intake.Part(one(b"%PDF-1.7 << /Encrypt 5 0 R >>"), PDF))
        return (await ahead.accept(way.offer())).job

    view = asyncio.run(send())
    assert (view.state, view.conversion) == (State.ADMITTED, "due")


# -- viruses ---------------------------------------------------------------------------------------


@pytest.fixture
def scanner(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Stands for the scanner; the real one is asked in tests of prepress."""

    def say(answer: str | Exception) -> None:
        def look(source: Iterator[bytes], scanner: prepress.Scanner) -> prepress.Verdict:
            b"".join(source)
            if isinstance(answer, Exception):
                raise answer
            return prepress.Verdict(answer)

        monkeypatch.setattr(prepress, "look_for_viruses", look)

    return say


def test_an_infected_job_is_stopped_and_can_only_be_deleted(
    way: Way, scanner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, antivirus=Antivirus(by="clamd"))
    scanner("Eicar-Test")
    stopped = way.settle(take(way, (b"%PDF-1.4 bad", PDF)))
    assert (stopped.state, stopped.why, stopped.note) == (State.QUARANTINED, Reason.INFECTED, "Eicar-Test")
    told = explained(way, stopped)
    assert "virus" in told.now and any("Eicar-Test" in step.text for step in told.steps)
    with pytest.raises(job.WrongState), transaction() as tx:
        job.move(stopped.id, State.HELD, expected=stopped.state, why=Reason.REVIEWED, by=HOUSE, tx=tx)
    flow.cancel(way.house.scope, stopped.id, by=way.house.administrator)
    assert way.now(stopped).state is State.ENDED


def test_a_clean_job_goes_on(way: Way, scanner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, antivirus=Antivirus(by="clamd"))
    scanner("")
    view = take(way, (b"%PDF-1.4 good", PDF))
    assert view.state is State.ADMITTED
    assert way.settle(view).state is State.HELD


def test_while_the_scanner_is_down_jobs_wait_and_say_why(
    way: Way, scanner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, antivirus=Antivirus(by="clamd"))
    scanner(prepress.ScannerDown("nobody there"))
    view = take(way, (b"%PDF-1.4 good", PDF))
    preparing.prepare(way.now(view))
    waiting = way.now(view)
    assert waiting.state is State.ADMITTED and "scanner does not answer" in explained(way, waiting).now
    scanner("")
    assert way.settle(view).state is State.HELD and way.now(view).note == ""


def test_a_house_may_choose_to_go_on_without_the_scanner(
    way: Way, scanner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, antivirus=Antivirus(by="clamd", when_down="pass"))
    scanner(prepress.ScannerDown("nobody there"))
    assert way.settle(take(way, (b"%PDF-1.4 good", PDF))).state is State.HELD


# -- with the real converter -----------------------------------------------------------------------


def test_a_picture_becomes_the_page_that_prints(way: Way) -> None:
    if not prepress.available().possible:
        pytest.skip("no sandbox here")
    done = way.settle(take(way, (office.picture(), "image/png")))
    assert (done.state, done.format, done.pages, done.colour) == (State.HELD, PDF, 1, True)
    with pikepdf.open(io.BytesIO(read(done))) as document:
        assert len(document.pages) == 1


def test_a_locked_pdf_is_found_by_the_page_count_too(way: Way) -> None:
    """Its word /Encrypt is written another way, so the door did not see it."""
    if not prepress.available().possible:
        pytest.skip("no sandbox here")
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf(1))) as document:
        document.save(out, encryption=pikepdf.Encryption(user="u", owner="o"))
    hidden = out.getvalue().replace(b"/Encrypt ", b"/Encryp#74 ")
    view = take(way, (hidden, PDF))
    assert view.state is State.HELD
    flow.count(view)
    assert way.now(view).state is State.ADMITTED
    assert way.settle(view).why is Reason.LOCKED
