"""Lists of jobs: what is on them, how they are cut, and that the database need not sort them."""

from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests.job.conftest import Desk

from frisket import job
from frisket.job.models import Job
from frisket.plumbing import db
from frisket.plumbing.scope import Purpose, Scope

HELD = (job.State.HELD,)


def own_of(desk: Desk) -> Scope:
    return Scope(desk.actor(desk.alice), desk.house.tenant, Purpose.OWN)


def numbers(scope: Scope, where: job.Filter, at_once: int) -> list[int]:
    """Of all slices, one after the other."""
    found, after = [], None
    while True:
        page = job.find(scope, where, after=after, limit=at_once)
        found += [view.number for view in page.rows]
        if page.after is None:
            return found
        after = page.after


@pytest.mark.parametrize("at_once", [1, 2, 3, 5, 100])
@pytest.mark.parametrize("oldest_first", [False, True])
def test_held_and_stored_jobs_make_one_list_however_it_is_cut(desk: Desk, at_once: int, oldest_first: bool) -> None:
    waiting = [desk.new() for _ in range(5)]
    stored = [desk.new() for _ in range(4)]
    Job.objects.filter(pk__in=[view.id for view in stored]).update(state="ended", over=1, stored=1)
    Job.objects.filter(pk=waiting[2].id).update(stored=1)  # both at once is listed once
    desk.new(job.State.RELEASED)
    where = job.Filter(person=desk.alice.id, states=HELD, stored=True, oldest_first=oldest_first)
    expected = sorted((view.number for view in waiting + stored), reverse=not oldest_first)
    assert numbers(own_of(desk), where, at_once) == expected


@pytest.mark.skipif(not db.is_sqlite(), reason="reads the plans of SQLite")
@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("states", [HELD, job.LIVE, tuple(set(job.State) - set(job.LIVE))])
def test_no_list_of_a_person_or_a_queue_is_sorted_by_the_database(
    desk: Desk, states: tuple[job.State, ...], stored: bool
) -> None:
    every = job.Filter(states=tuple(states), stored=stored)
    wheres = [replace(every, person=desk.alice.id)] + ([] if stored else [replace(every, queue=desk.queue.id)])
    for where in wheres:
        with CaptureQueriesContext(connection) as asked:
            job.find(desk.house.scope, where, limit=10)
        for query in asked.captured_queries:
            with connection.cursor() as cursor:
                cursor.execute("EXPLAIN QUERY PLAN " + query["sql"])
                plan = [row[3] for row in cursor.fetchall()]
            assert not any("TEMP B-TREE" in step for step in plan), (where, plan)
