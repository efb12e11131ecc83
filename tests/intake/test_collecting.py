"""Rounds of one hot folder, and what they make of what an earlier life left: by the record, never by guessing."""

import asyncio
import threading
from datetime import timedelta

import pytest
from tests.intake.conftest import Desk

from frisket import identity, job
from frisket.intake.sources import handing, local, pickups, register, thread, views
from frisket.intake.sources.errors import SameAgain
from frisket.intake.sources.place import Look, Opened, Seen
from frisket.plumbing.db import transaction
from frisket.plumbing.scope import HOUSE, Purpose, Scope

LETTER = b"%PDF-1.4 a letter\n"


def put(desk: Desk, *names: str) -> None:
    for name in names:
        (desk.folder / name).write_bytes(LETTER)


def claim(desk: Desk, name: str) -> pickups.Claim:
    """As a life does that dies right after it."""
    (seen,) = [each for each in local.LocalPlace(desk.folder).look(100, False).files if each.path == name]
    return pickups.claim(desk.source.id, [seen])[0]


def set_aside(desk: Desk, claimed: pickups.Claim) -> None:
    local.LocalPlace(desk.folder).set_aside(claimed.path, claimed.token)


def hand_in(desk: Desk, claimed: pickups.Claim, *, left: bool = False) -> job.JobView:
    """The part up to the commit, without what comes after."""
    place = local.LocalPlace(desk.folder)
    person = identity.get(Scope(HOUSE, desk.house.tenant, Purpose.STAGE), desk.source.person)  # type: ignore[arg-type]
    collector = desk.collector()

    async def act() -> job.JobView:
        opened = place.open(claimed.path) if left else place.open_aside(claimed.token)
        errand = handing.Errand(claimed, person, collector._wish(), left)
        try:
            return await handing.hand_in(desk.doors, thread.OwnThread("test", 30), opened, errand)
        finally:
            opened.close()

    return asyncio.run(act())


def test_a_round_takes_in_what_rests_and_the_record_says_so(desk: Desk) -> None:
    put(desk, "b.pdf", "a.pdf")
    desk.rounds()
    assert desk.jobs() == ["a.pdf", "b.pdf"] and desk.private() == []
    assert {(each.state, each.path) for each in desk.log()} == {("cleared", "a.pdf"), ("cleared", "b.pdf")}


def test_what_was_claimed_and_never_touched_is_taken_by_the_next_life(desk: Desk) -> None:
    put(desk, "a.pdf")
    claim(desk, "a.pdf")
    desk.rounds()
    assert desk.jobs() == ["a.pdf"] and desk.private() == []


def test_what_was_set_aside_and_not_handed_in_is_handed_in(desk: Desk) -> None:
    put(desk, "a.pdf")
    set_aside(desk, claim(desk, "a.pdf"))
    desk.rounds()
    assert desk.jobs() == ["a.pdf"] and desk.private() == []


def test_what_was_handed_in_and_not_put_away_is_only_put_away(desk: Desk) -> None:
    put(desk, "a.pdf")
    claimed = claim(desk, "a.pdf")
    set_aside(desk, claimed)
    hand_in(desk, claimed)
    assert desk.private() == [claimed.token]
    desk.rounds()
    assert desk.jobs() == ["a.pdf"] and desk.private() == []


def test_a_file_without_a_record_is_put_aside_with_the_reason_and_never_printed(desk: Desk) -> None:
    """The database was restored, or a disk gave back what had been deleted."""
    put(desk, "a.pdf")
    claimed = claim(desk, "a.pdf")
    set_aside(desk, claimed)
    hand_in(desk, claimed)
    pickups.clear([claimed.id])
    desk.rounds()
    assert desk.jobs() == ["a.pdf"] and desk.private() == []
    assert "may have been printed" in (desk.folder / "refused" / f"{claimed.token}.reason.txt").read_text()


def test_a_claim_is_handed_in_once_whoever_tries_twice(desk: Desk) -> None:
    put(desk, "a.pdf")
    claimed = claim(desk, "a.pdf")
    set_aside(desk, claimed)
    hand_in(desk, claimed)
    with pytest.raises(pickups.TakenMeanwhile):
        hand_in(desk, claimed)
    assert desk.jobs() == ["a.pdf"]


def test_a_sender_who_takes_a_file_back_is_not_printed_from_memory(desk: Desk) -> None:
    put(desk, "a.pdf")
    claim(desk, "a.pdf")
    (desk.folder / "a.pdf").unlink()
    desk.rounds()
    assert desk.jobs() == []
    put(desk, "a.pdf")  # the same name again: it is the file of that claim now
    desk.rounds()
    assert desk.jobs() == ["a.pdf"]


def test_the_same_name_octets_and_inode_again_is_a_new_document(desk: Desk) -> None:
    """Whoever copies the same file in twice wants it twice; a file system may give it the same inode."""
    for _ in range(3):
        put(desk, "a.pdf")
        desk.rounds()
    assert desk.jobs() == ["a.pdf"] * 3


def test_what_is_left_where_it_lies_is_known_by_name_and_content(desk: Desk) -> None:
    put(desk, "a.pdf")
    hand_in(desk, claim(desk, "a.pdf"), left=True)
    (desk.folder / "a.pdf").touch()
    with pytest.raises(SameAgain):
        hand_in(desk, claim(desk, "a.pdf"), left=True)
    (desk.folder / "a.pdf").write_bytes(LETTER + b"changed")
    hand_in(desk, claim(desk, "a.pdf"), left=True)
    assert desk.jobs() == ["a.pdf", "a.pdf"]
    seen = local.LocalPlace(desk.folder).look(10, False).files
    assert pickups.known(desk.source.id, seen) == []
    assert pickups.known(desk.source.id, [Seen("other.pdf", 1, "x")]) == [Seen("other.pdf", 1, "x")]
    pickups.gone(desk.source.id, [])
    assert pickups.known(desk.source.id, [Seen("other.pdf", 1, "x"), *seen])[0].path == "other.pdf"


def test_the_record_shows_who_and_why_and_goes_in_time(desk: Desk) -> None:
    put(desk, "a.pdf", "b.xyz")
    desk.rounds()
    states = {each.path: (each.state, each.reason != "", each.number is not None) for each in desk.log()}
    assert states == {"a.pdf": ("cleared", False, True), "b.xyz": ("cleared", False, True)}
    assert [each.path for each in pickups.history(desk.house.scope, desk.source.id, limit=1).rows] == [
        desk.log()[0].path
    ]
    desk.forget(timedelta(minutes=30))
    assert len(desk.log()) == 2
    desk.forget(timedelta(hours=2))
    assert desk.log() == []


def test_names_and_secrets_are_sealed_in_the_tables(desk: Desk) -> None:
    put(desk, "Very private.pdf")
    desk.rounds()
    with transaction() as tx:
        change = views.SourceChange(user="a secret user", password="a secret word")
        register.change(desk.house.scope, desk.source.id, change, by=desk.house.administrator, tx=tx)
    kept = b"".join(
        str(value).encode() if not isinstance(value, bytes | memoryview) else bytes(value)
        for model in (register.Source, pickups.PickUp)
        for row in model.objects.values_list()
        for value in row
    )
    assert b"Very private" not in kept and b"a secret" not in kept
    assert register.password_of(desk.source.id) == "a secret word"


def test_a_place_that_hangs_holds_up_nobody_and_is_left_behind() -> None:
    stuck = threading.Event()

    async def act() -> None:
        there = thread.OwnThread("test", 0.05)
        for _ in range(thread.MOST_HUNG):
            with pytest.raises(thread.Hung):
                await there(stuck.wait)
        with pytest.raises(thread.Hung, match="long time"):
            await there(lambda: None)
        stuck.set()
        for _ in range(100):
            try:
                assert await there(lambda: "back") == "back"
                break
            except thread.Hung:
                await asyncio.sleep(0.02)
        else:
            pytest.fail("it never came back")
        there.end()

    asyncio.run(act())


class Broken:
    """A place that fails with an error nobody foresaw."""

    moves = True

    def look(self, most: int, deep: bool) -> Look:
        raise RuntimeError("a title that must not be logged")

    def all_aside(self) -> list[str]:
        return []

    def close(self) -> None:
        pass

    def open(self, path: str) -> Opened:
        raise NotImplementedError


def test_an_error_nobody_foresaw_is_told_without_its_words_and_tried_again(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    collector = desk.collector()
    collector._place = Broken()  # type: ignore[assignment]
    assert asyncio.run(collector.round()) > 0
    told = register.get(desk.source.id)
    assert told is not None and (told.state, told.note) == ("waiting", "The print server failed. Its log says where.")
    assert "RuntimeError" in caplog.text and "title" not in caplog.text
