"""What becomes of the key of a job once nothing more is sealed under it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from tests.intake.conftest import Way

from frisket import intake, job, spool
from frisket.plumbing import keys
from frisket.plumbing.db import transaction

PDF = "application/pdf"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[spool.HeldKey]]:
    """Every key that a door makes, held on to as a traceback or a log would."""
    new_key, made = spool.new_key, list[spool.HeldKey]()

    def remembered(job_id: UUID) -> spool.HeldKey:
        made.append(new_key(job_id))
        return made[-1]

    monkeypatch.setattr(spool, "new_key", remembered)
    yield made


def is_overwritten(held: spool.HeldKey) -> bool:
    try:
        return not held.key.octets()
    except keys.Sealed:
        return True


async def _broken_off() -> AsyncIterator[bytes]:
    yield b"%PDF-1.4 and then "
    raise ConnectionResetError


def _unfinished(way: Way) -> None:
    async def parts() -> AsyncIterator[intake.Part]:
        yield intake.Part(_broken_off(), PDF)

    with pytest.raises(ConnectionResetError):
        asyncio.run(way.doors.accept(way.offer(), parts()))


def _dropped(way: Way) -> None:
    async def sent() -> None:
        async def parts() -> AsyncIterator[intake.Part]:
            yield intake.Part(_whole(), PDF)

        await way.doors.drop(await way.doors.hold(way.offer(), parts()))

    asyncio.run(sent())


def _before_its_owner_was_known(way: Way) -> None:
    async def sent() -> None:
        ahead = way.doors.ahead(way.queues["secure"])
        await ahead.add(intake.Part(_whole(), PDF))
        await ahead.give_up()

    asyncio.run(sent())


async def _whole() -> AsyncIterator[bytes]:
    yield b"%PDF-1.4 small"


@pytest.mark.parametrize("gives_up", [_unfinished, _dropped, _before_its_owner_was_known])
def test_a_job_that_came_to_nothing_holds_no_key_and_no_epoch(
    way: Way, made: list[spool.HeldKey], gives_up: Callable[[Way], None]
) -> None:
    gives_up(way)
    (held,) = made
    assert is_overwritten(held)
    way.house.clock.pass_time(timedelta(days=1))
    assert held.epoch in spool.destroy_dead_epochs()


def test_the_key_of_a_whole_job_is_overwritten_once_its_row_is_there(way: Way, made: list[spool.HeldKey]) -> None:
    way.accept()
    assert [is_overwritten(held) for held in made] == [True]


def test_the_key_of_a_job_lies_ready_only_until_its_last_document(way: Way, made: list[spool.HeldKey]) -> None:
    view = way.create()
    way.add(view, b"%PDF-1.4 one", last=False)
    assert not is_overwritten(made[0])
    way.add(view, b"%PDF-1.4 two", last=True)
    assert is_overwritten(made[0])
    assert way.now(view).documents == 2


def test_a_document_that_comes_after_its_job_was_deleted_is_refused_as_late(
    way: Way, made: list[spool.HeldKey]
) -> None:
    view = way.create()
    with transaction() as tx:
        spool.shred(view.id, tx=tx)
    assert is_overwritten(made[0])
    with pytest.raises((job.WrongState, spool.NotHere)):
        way.add(view, b"%PDF-1.4 late", last=True)
