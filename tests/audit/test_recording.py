"""Recording and reading back."""

import json
import time
from datetime import timedelta
from uuid import uuid4

import pytest

from frisket import audit
from frisket.audit import NewLeaf, NotAFact
from frisket.plumbing import db
from frisket.plumbing.scope import HOUSE, Actor, ActorKind


class Undone(Exception):
    pass


def write(act, on=None, by=HOUSE, **facts):
    with db.transaction() as tx:
        audit.record(act, on, by=by, tx=tx, facts=facts)


def test_an_act_is_read_back_as_it_was_recorded(house):
    job = uuid4()
    write("job.move", job, by=house.administrator, to="held", number=7, hot=True, device=None, lease=job)
    (entry,) = audit.history(house.scope, job)
    assert entry.act == "job.move" and entry.subject == job
    assert entry.actor == house.administrator
    assert entry.at == house.clock.now()
    assert entry.facts == {"to": "held", "number": 7, "hot": True, "device": None, "lease": job.hex}


def test_a_history_is_oldest_first_and_of_one_subject_only(house):
    job = uuid4()
    for step in ("received", "held", "released"):
        write("job.move", job, to=step)
        write("job.move", uuid4(), to="elsewhere")
        house.clock.pass_time(timedelta(seconds=1))
    assert [entry.facts["to"] for entry in audit.history(house.scope, job)] == [
        "received",
        "held",
        "released",
    ]


def test_an_act_undone_leaves_no_leaf(house):
    job = uuid4()
    with pytest.raises(Undone), db.transaction() as tx:
        audit.record("job.move", job, by=HOUSE, tx=tx)
        raise Undone
    assert audit.history(house.scope, job) == []


def test_another_tenant_sees_nothing(house):
    job = uuid4()
    write("job.move", job)
    other = type(house.scope)(house.administrator, uuid4(), house.scope.purpose)
    assert audit.history(other, job) == [] and audit.recent(other) == []


def test_a_person_learns_what_happened_to_their_job_but_not_who_did_it(house):
    job, alice = uuid4(), uuid4()
    write("job.move", job, by=Actor(ActorKind.PERSON, alice, role="person", at="terminal"))
    write("job.move", job, by=house.administrator)
    mine, theirs = audit.history(house.own(alice), job)
    assert mine.actor.id == alice
    assert theirs.actor.id is None and theirs.actor.role == "administrator"


def test_pages_of_the_record_follow_one_another_without_gap(house):
    for number in range(25):
        write("sign-in", uuid4(), number=number)
    seen, after = [], None
    while page := audit.recent(house.scope, after, limit=10):
        seen += [entry.facts["number"] for entry in page]
        after = page[-1].id
    assert seen == list(reversed(range(25)))


def test_the_record_is_searched_by_act_actor_subject_and_time(house):
    job = uuid4()
    write("job.move", job, by=house.administrator)
    house.clock.pass_time(timedelta(hours=1))
    write("job.accept", job)
    write("jobless")
    start = house.clock.now()

    def acts(act=None, **where):
        return [entry.act for entry in audit.recent(house.scope, act=act, where=audit.Search(**where))]

    assert acts("job.move") == ["job.move"]
    assert acts("job.") == ["job.accept", "job.move"]
    assert acts(actor=house.administrator.id) == ["job.move"]
    assert acts(subject=job) == ["job.accept", "job.move"]
    assert acts(since=start) == ["jobless", "job.accept"]
    assert acts(until=start) == ["job.move"]


def test_a_person_finds_only_their_own_acts(house):
    alice = Actor(ActorKind.PERSON, uuid4(), role="person")
    write("job.move", uuid4(), by=alice)
    write("job.move", uuid4(), by=house.administrator)
    write("clock.jump")
    assert [entry.actor for entry in audit.recent(house.own(alice.id))] == [alice]
    nobody = type(house.scope)(HOUSE, house.tenant, house.own(alice.id).purpose)
    assert audit.recent(nobody) == []


@pytest.mark.parametrize("text", ["Quarterly report", "ann@example.org", 'a"b', "a\\b", "zeile\n", "Müller", "x" * 201])
def test_free_text_is_refused_before_it_is_written(house, text):
    with pytest.raises(NotAFact), db.transaction() as tx:
        audit.record("job.move", uuid4(), by=HOUSE, tx=tx, facts={"title": text})
    assert audit.recent(house.scope) == []


@pytest.mark.parametrize("act", ["", "Job", "job move", "job.", "a" * 41, "job\n"])
def test_an_act_is_dotted_words(house, act):
    with pytest.raises(NotAFact), db.transaction() as tx:
        audit.record(act, None, by=HOUSE, tx=tx)


def test_a_body_is_canonical_json(house):
    subject = uuid4()
    leaf = NewLeaf("queue.add", subject, house.administrator, {"b": 2, "a": True, "c": None})
    body = audit.leaves.body_of(leaf, at="2026-03-02T09:00:00.000000Z", tenant=house.tenant)
    again = json.dumps(json.loads(body), sort_keys=True, separators=(",", ":")).encode()
    assert body == again
    start, end = audit.leaves.edges_of(
        "queue.add",
        house.administrator.id.hex,
        "2026-03-02T09:00:00.000000Z",
        subject.hex,
        house.tenant.hex,
    )
    assert body.startswith(start) and body.endswith(end)


def test_many_leaves_in_one_commit_are_cheap(house):
    jobs = [uuid4() for _ in range(128)]
    leaves = [
        NewLeaf("job.accept", job, house.administrator, {"to": "held", "octets": 20_000, "door": "ipp"}) for job in jobs
    ]
    best = float("inf")
    with db.transaction() as tx:
        for _ in range(20):
            start = time.thread_time()
            audit.record_many(leaves, tx=tx)
            best = min(best, time.thread_time() - start)
    # The bound is wide: a machine shared with others must not fail this; bench has the true number.
    assert best / len(leaves) < 150e-6
    assert len(audit.history(house.scope, jobs[0])) == 20
