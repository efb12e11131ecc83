"""What senders ask about times, release, storage and proofs, kept by the house."""

import asyncio
import hashlib
import json
import threading
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from tests.flow.conftest import Way

from frisket import delivery, device, flow, identity, intake, job, release, spool
from frisket.job import Outcome, Reason, State, Terms
from frisket.plumbing import parts, work
from frisket.plumbing.db import transaction
from frisket.plumbing.scope import Actor, ActorKind, Purpose, Scope


def later(way: Way, seconds: float) -> None:
    way.house.clock.pass_time(timedelta(seconds=seconds))
    flow.look_at_the_clock()


def ahead(way: Way, seconds: float) -> datetime:
    return way.house.clock.now() + timedelta(seconds=seconds)


def at_device(way: Way, person: identity.PersonView | None = None) -> Actor:
    return Actor(ActorKind.PERSON, (person or way.alice).id, role="person", at=f"terminal:{copier(way).id}")


def from_afar(way: Way) -> Actor:
    return Actor(ActorKind.PERSON, way.alice.id, role="person", at="web")


def copier(way: Way) -> device.DeviceView:
    return device.device_by_name(way.house.scope, "copy-1")


def let(way: Way, view: job.JobView, by: Actor, **wish: Any) -> release.Outcome:
    scope = Scope(by, way.house.tenant, Purpose.OWN)
    return release.release(scope, [view.id], copier(way).id, release.Wish(**wish), by=by)[0]


def printed(way: Way, view: job.JobView) -> job.JobView:
    """As if its device had confirmed it."""
    with transaction() as tx:
        job.move(view.id, State.SENDING, expected=State.RELEASED, why=Reason.STAGE, by=at_device(way), tx=tx)
        job.move(view.id, State.DELIVERED, expected=State.SENDING, why=Reason.CONFIRMED, by=at_device(way), tx=tx)
    flow.NEXT_STAGE[State.DELIVERED](way.now(view))
    return way.now(view)


def run_copies(way: Way) -> list[job.JobView]:
    """Do the work of copying that waits, as the worker does; the jobs it made."""
    before = {view.id for view in everything(way)}
    flow.copies_through(way.doors)
    try:
        for payload in waiting_copies():
            for _ in range(2):  # done at least once: twice makes no second copy
                flow.make_copy(work.Item(1, job.COPY, payload, 1, 1, threading.Event()))
    finally:
        flow.copies_through(None)
    return [view for view in everything(way) if view.id not in before]


def everything(way: Way) -> list[job.JobView]:
    return list(job.find(way.house.scope, job.Filter(), limit=100).rows)


def waiting_copies() -> list[dict[str, Any]]:
    """Take the payloads of copies off the table of work, on either engine."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT payload FROM plumbing_workitem WHERE kind = %s", [job.COPY])
            rows = [row[0] for row in cursor.fetchall()]
            cursor.execute("DELETE FROM plumbing_workitem WHERE kind = %s", [job.COPY])
        else:
            cursor.execute("DELETE FROM procrastinate_jobs WHERE task_name = %s RETURNING args", [job.COPY])
            rows = [row[0] for row in cursor.fetchall()]
    found = [json.loads(row) if isinstance(row, str) else row for row in rows]
    return [each.get("payload", each) for each in found]


# -- times


def test_a_job_that_waits_for_a_time_outlives_the_holding_time_of_its_queue(way: Way) -> None:
    held_s = way.queues["straight"].held_s
    view = way.accept(queue="straight", hold="until", hold_until=ahead(way, held_s + 7200))
    later(way, held_s + 3600)
    assert way.now(view).state is State.HELD
    later(way, 3601)
    assert way.now(view).state is State.RELEASED


def test_a_job_does_not_print_by_a_time_that_came_with_a_jump_of_the_clock(way: Way) -> None:
    view, clock = way.accept(queue="straight", hold="until", hold_until=ahead(way, 7200)), way.house.clock
    clock.set_wall(clock.now() + timedelta(days=1))
    flow.look_at_the_clock()
    assert way.now(view).state is State.HELD
    clock.confirm()
    flow.look_at_the_clock()
    assert way.now(view).state is State.RELEASED


def test_a_time_that_has_come_leaves_the_last_word_to_the_pin(way: Way) -> None:
    verifier = release.make_verifier(b"4711", "none")
    view = way.accept(queue="straight", hold="until", hold_until=ahead(way, 60), password_verifier=verifier)
    later(way, 61)
    now = way.now(view)
    assert (now.state, now.why, now.outcome) == (State.HELD, Reason.PASSWORD, Outcome.NONE)
    assert let(way, view, at_device(way), password="4711").ok


def test_what_prints_for_too_long_is_stopped_by_house_seconds_not_by_the_wall(way: Way, monkeypatch: Any) -> None:
    asked: list[Reason] = []
    monkeypatch.setattr(delivery, "cancel", lambda identifier, *, why, by, tx: asked.append(why) or True)
    view = way.accept(queue="straight", terms=Terms(cancel_after_s=100))
    with transaction() as tx:
        job.move(view.id, State.SENDING, expected=State.RELEASED, why=Reason.STAGE, by=at_device(way), tx=tx)
    way.house.clock.set_wall(way.house.clock.now() + timedelta(minutes=50))
    flow.look_at_the_clock()
    later(way, 99)
    assert asked == []
    later(way, 2)
    later(way, 2)
    assert asked == [Reason.TIMED_OUT], "once"


def test_a_job_that_waits_for_another_try_beyond_its_time_is_given_up(way: Way) -> None:
    view = way.accept(queue="straight", terms=Terms(cancel_after_s=100))
    with transaction() as tx:
        job.move(view.id, State.SENDING, expected=State.RELEASED, why=Reason.STAGE, by=at_device(way), tx=tx)
        job.move(view.id, State.RELEASED, expected=State.SENDING, why=Reason.RETRY, by=at_device(way), tx=tx)
    later(way, 101)
    now = way.now(view)
    assert (now.state, now.why, now.outcome) == (State.ERASED, Reason.TIMED_OUT, Outcome.CANCELLED)


@pytest.mark.parametrize(
    ("terms", "kept_s"),
    [
        (Terms(retain_s=3600), 3600),
        (Terms(retain="end-of-day"), 15 * 3600),  # the clock of these tests begins at nine
        (Terms(retain_s=400 * 86400), 31 * 86400),  # never beyond what the house allows
    ],
)
def test_a_printed_job_is_kept_as_long_as_its_sender_asked(way: Way, terms: Terms, kept_s: float) -> None:
    view = printed(way, way.accept(queue="straight", terms=terms))
    assert view.due_at is not None and view.completed_at is not None
    assert (view.due_at - view.completed_at).total_seconds() == kept_s
    assert view.stored == 0


def test_a_job_whose_sender_wants_nothing_kept_is_destroyed_when_it_has_printed(way: Way) -> None:
    view = printed(way, way.accept(queue="straight", terms=Terms(retain="none")))
    while stage := flow.NEXT_STAGE.get(way.now(view).state):
        stage(way.now(view))
    assert (way.now(view).state, way.now(view).outcome) == (State.ERASED, Outcome.PRINTED)


# -- release


def test_a_job_for_its_owner_at_a_device_goes_nowhere_else(way: Way) -> None:
    with transaction() as tx:
        bob, _ = identity.add(way.house.scope, identity.NewPerson("bob"), by=way.house.administrator, tx=tx)
    view = way.accept(queue="straight", hold="owner", terms=Terms(release="owner-authorized"))
    assert (view.state, view.why) == (State.HELD, Reason.OWNER_ONLY)
    release.let_go(Scope(from_afar(way), way.house.tenant, Purpose.OWN), view.id, by=from_afar(way))
    for by in (from_afar(way), way.house.administrator, at_device(way, bob)):
        scope = Scope(by, way.house.tenant, Purpose.OPERATE)
        said = release.release(scope, [view.id], copier(way).id, by=by)[0]
        assert not said.ok
    operator = Actor(ActorKind.PERSON, bob.id, role="administrator", at=f"terminal:{copier(way).id}")
    scope = Scope(operator, way.house.tenant, Purpose.OPERATE)
    said = release.release(scope, [view.id], copier(way).id, by=operator)[0]
    assert not said.ok and "owner only" in said.text
    assert way.now(view).state is State.HELD
    assert let(way, view, at_device(way)).ok


def test_a_job_for_a_button_press_goes_at_a_device_only(way: Way) -> None:
    view = way.accept(queue="straight", hold="button-press", terms=Terms(release="button-press"))
    said = let(way, view, from_afar(way))
    assert not said.ok and "Sign in at a device" in said.text
    assert let(way, view, at_device(way)).ok


def test_a_release_that_failed_at_its_device_asks_for_everything_again(way: Way) -> None:
    verifier = release.make_verifier(b"4711", "none")
    view = way.accept(hold="password", password_verifier=verifier)
    assert let(way, view, at_device(way), password="4711").ok
    with transaction() as tx:
        job.move(view.id, State.HELD, expected=State.RELEASED, why=Reason.DEVICE_FAILED, by=at_device(way), tx=tx)
    assert way.now(view).has_password
    assert not let(way, view, at_device(way)).ok
    assert let(way, view, at_device(way), password="4711").ok


def test_the_verifier_of_a_pin_goes_when_its_job_ends(way: Way) -> None:
    verifier = release.make_verifier(b"4711", "none")
    view = way.accept(hold="password", password_verifier=verifier)
    assert job.password_verifier(view.id) == verifier and b"4711" not in verifier
    release.cancel(way.house.scope, view.id, by=way.house.administrator)
    assert job.password_verifier(view.id) is None


@pytest.mark.parametrize("kept", ["none", "sha2-256"])
def test_release_job_takes_the_password_and_counts_every_guess(way: Way, kept: str) -> None:
    octets = b"4711" if kept == "none" else hashlib.sha256(b"4711").digest()
    verifier = release.make_verifier(octets, kept)
    by = from_afar(way)
    scope, place = Scope(by, way.house.tenant, Purpose.OWN), identity.Place("ipp", "192.0.2.7")

    def attempt(view: job.JobView, password: bytes, encryption: str = "none") -> None:
        release.let_go(scope, view.id, by=by, password=release.Password(password, encryption, place))

    view = way.accept(queue="straight", hold="password", password_verifier=verifier)
    for wrong, encryption in ((b"0000", "none"), (b"\xff\xfe", "none"), (b"4711", "sha2-512")):
        with pytest.raises(release.WrongPin):
            attempt(view, wrong, encryption)
    attempt(view, octets, kept)
    assert way.now(view).state is State.RELEASED

    other = way.accept(queue="straight", hold="password", password_verifier=verifier)
    for _ in range(5):
        with pytest.raises(release.WrongPin):
            attempt(other, b"0000")
    with pytest.raises(identity.Throttled):
        attempt(other, octets, kept)
    assert not let(way, other, at_device(way), password="4711").ok, "one count for every way in"


# -- storage


def test_a_stored_job_prints_again_and_again_as_jobs_of_their_own_until_it_is_deleted(way: Way) -> None:
    view = way.accept(b"%PDF-1.4 the form", hold="stored", terms=Terms(store="store-only", access="owner"))
    assert (view.state, view.outcome, view.stored, view.due_at) == (State.ENDED, Outcome.STORED, 1, None)
    later(way, 365 * 86400)
    assert [each.job.id for each in release.waiting(way.house.own(way.alice.id), way.alice.id).rows] == [view.id]

    made = []
    for copies in (1, 3):
        assert let(way, view, at_device(way), copies=copies).ok
        made += run_copies(way)
    assert [(each.state, each.copies, each.person, each.door) for each in made] == [
        (State.RELEASED, 1, way.alice.id, "copy"),
        (State.RELEASED, 3, way.alice.id, "copy"),
    ]
    assert {each.terms.parent for each in made} == {view.number} and view.id not in {each.id for each in made}
    assert way.now(view).stored == 1

    release.cancel(way.house.own(way.alice.id), view.id, by=at_device(way))
    flow.NEXT_STAGE[State.ENDED](way.now(view))
    assert way.now(view).state is State.ERASED
    assert spool.receipt(way.house.scope, view.id).e1_at is not None
    assert not let(way, view, at_device(way)).ok


def test_a_job_sent_in_two_steps_is_stored_when_its_last_document_is_here_and_counted_then(way: Way) -> None:
    terms = Terms(store="store-only", access="owner")
    view = way.create(hold="stored", terms=terms)

    async def pieces() -> AsyncIterator[bytes]:
        yield b"this is no PDF at all"

    part = intake.Part(pieces(), "application/pdf")
    asyncio.run(way.doors.add(way.now(view), way.offer(hold="stored", terms=terms), part, last=True))
    now = way.now(view)
    assert (now.state, now.outcome, now.stored, now.counted) == (State.ENDED, Outcome.STORED, 1, "due")
    assert now.completed_at is not None
    flow.count(now)
    assert way.now(view).counted == "unknown"


def test_print_and_store_prints_once_and_stays(way: Way) -> None:
    view = printed(way, way.accept(queue="straight", terms=Terms(store="print-and-store", access="owner")))
    assert (view.state, view.outcome, view.stored, view.due_at) == (State.ENDED, Outcome.PRINTED, 1, None)


def test_what_was_cancelled_instead_of_printed_is_not_stored(way: Way) -> None:
    view = way.accept(terms=Terms(store="print-and-store", access="owner"))
    release.cancel(way.house.scope, view.id, by=way.house.administrator)
    assert way.now(view).stored == 0 and way.now(view).due_at is not None


def test_the_house_may_limit_how_long_anything_is_stored(way: Way) -> None:
    settings = parts.settings()
    limited = settings.model_copy(update={"keeping": settings.keeping.model_copy(update={"stored_s": 86400})})
    house = parts.installed()
    parts.install(parts.Parts(house.data, limited, house.clock, house.keys, house.tenant, house.site))
    view = way.accept(hold="stored", terms=Terms(store="store-only", access="owner"))
    later(way, 86399)
    assert way.now(view).state is State.ENDED
    later(way, 2)
    assert way.now(view).state is State.ERASED


def test_a_stored_job_with_a_pin_asks_for_it_every_time(way: Way) -> None:
    verifier = release.make_verifier(b"4711", "none")
    view = way.accept(hold="stored", terms=Terms(store="store-only", access="owner"), password_verifier=verifier)
    for _ in range(2):
        assert not let(way, view, at_device(way)).ok
        assert let(way, view, at_device(way), password="4711").ok
    assert len(run_copies(way)) == 2


def test_what_is_stored_for_everybody_prints_for_whoever_asks_and_counts_for_them(way: Way) -> None:
    with transaction() as tx:
        bob, _ = identity.add(way.house.scope, identity.NewPerson("bob"), by=way.house.administrator, tx=tx)
    own = way.accept(hold="stored", terms=Terms(store="store-only", access="owner"))
    shared = way.accept(hold="stored", terms=Terms(store="store-only", access="public"))
    assert not_there(way, own, bob)
    seen = job.get(way.house.own(bob.id), shared.id)
    assert seen.title == "A letter"
    assert let(way, shared, at_device(way, bob)).ok
    assert [each.person for each in run_copies(way)] == [bob.id]
    with pytest.raises(identity.NotAllowed):
        release.cancel(way.house.own(bob.id), shared.id, by=at_device(way, bob))


def not_there(way: Way, view: job.JobView, person: identity.PersonView) -> bool:
    try:
        job.get(way.house.own(person.id), view.id)
    except job.NotFound:
        return True
    return False


# -- proofs


def test_a_proof_prints_first_and_the_rest_waits_for_a_word(way: Way) -> None:
    view = way.accept(queue="straight", copies=40, hold="proof", terms=Terms(proof_copies=2))
    assert (view.state, view.why) == (State.HELD, Reason.PROOF)
    assert [(each.state, each.copies) for each in run_copies(way)] == [(State.RELEASED, 2)]
    later(way, 60)
    assert way.now(view).state is State.HELD
    by = from_afar(way)
    release.let_go(Scope(by, way.house.tenant, Purpose.OWN), view.id, by=by)
    now = way.now(view)
    assert (now.state, now.copies) == (State.RELEASED, 40)
    assert run_copies(way) == []


def test_on_a_queue_that_holds_the_first_release_is_the_proof_and_the_second_the_job(way: Way) -> None:
    view = way.accept(copies=40, hold="proof", terms=Terms(proof_copies=1))
    assert (view.state, view.why) == (State.HELD, Reason.FOR_RELEASE)
    assert run_copies(way) == []
    assert let(way, view, at_device(way)).ok
    assert [each.copies for each in run_copies(way)] == [1]
    assert (way.now(view).state, way.now(view).why) == (State.HELD, Reason.PROOF)
    assert let(way, view, at_device(way)).ok
    assert (way.now(view).state, way.now(view).copies) == (State.RELEASED, 40)


def test_a_proof_of_a_job_sent_in_two_steps_is_made_when_the_last_document_is_here(way: Way) -> None:
    view = way.create(queue="straight", hold="proof", terms=Terms(proof_copies=1), copies=5)
    assert run_copies(way) == []
    offer = way.offer("straight", hold="proof", terms=Terms(proof_copies=1))

    async def pieces() -> AsyncIterator[bytes]:
        yield b"%PDF-1.4 whole"

    part = intake.Part(pieces(), "application/pdf")
    asyncio.run(way.doors.add(way.now(view), offer, part, last=True))
    now = way.now(view)
    assert (now.state, now.why, now.terms.proof_made) == (State.HELD, Reason.PROOF, True)
    assert [each.copies for each in run_copies(way)] == [1]


def test_what_was_asked_is_said_in_the_explanation(way: Way) -> None:
    proof = way.accept(queue="straight", hold="proof", terms=Terms(proof_copies=1))
    until = way.accept(queue="straight", hold="until", hold_until=ahead(way, 3600))
    stored = way.accept(hold="stored", terms=Terms(store="store-only", access="owner"))
    own = way.accept(hold="owner", terms=Terms(release="owner-authorized"))
    told = {view.id: job.explain(way.house.stage, way.now(view)) for view in (proof, until, stored, own)}
    assert "Look at the proof" in told[proof.id].next
    assert "That is 2026-03-02 10:00 UTC." in told[until.id].now
    assert "stored without printing" in told[stored.id].now and "as often as you like" in told[stored.id].next
    assert "Its owner has to sign in" in told[own.id].next
