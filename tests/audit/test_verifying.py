"""Whoever changes the record is found, whatever they change."""

import random
import shutil

import pytest
from django.db import connection

from frisket import audit
from frisket.audit import ProblemKind


def sql(text, *values):
    with connection.cursor() as cursor:
        cursor.execute(text, values)
        return cursor.rowcount


def kinds():
    return {problem.kind for problem in audit.verify().problems}


def test_a_log_nobody_touched_is_whole(log):
    log.grow(1, 3, 252, 256, 1, 100)
    verdict = audit.verify()
    assert verdict == audit.Verdict(True, 613, 6, 0, [])


def test_a_house_without_any_act_is_whole(house):
    assert audit.verify().ok


def test_leaves_that_wait_for_their_checkpoint_are_no_problem(log):
    log.grow(5)
    log.write(3)
    verdict = audit.verify()
    assert verdict.ok and (verdict.size, verdict.waiting) == (5, 3)


def test_each_of_a_thousand_changed_octets_is_found(log):
    log.grow(300, 17, 256, 27)
    sizes = {path: path.stat().st_size for path in log.files()}
    assert {path.parent.name for path in sizes} == {"audit", "entries", "level-0", "level-1", "keys"}
    dice = random.Random(20_260_302)
    missed = []
    for _ in range(1000):
        path = dice.choices(list(sizes), list(sizes.values()))[0]
        at, change = dice.randrange(sizes[path]), dice.randrange(1, 256)
        with path.open("r+b") as file:
            file.seek(at)
            was = file.read(1)
            file.seek(at)
            file.write(bytes([was[0] ^ change]))
            file.flush()
            verdict = audit.verify()
            file.seek(at)
            file.write(was)
        named = "keys/log-head" if path.name == "log-head" else f"audit/{path.relative_to(log.folder)}"
        if verdict.ok or not any(problem.place.startswith(named) for problem in verdict.problems):
            missed.append((named, at, change, verdict.problems[:2]))
    assert missed == []
    assert audit.verify().ok


def test_every_octet_of_the_small_files_counts(log):
    log.grow(1, 1)
    for path in log.files():
        whole = path.read_bytes()
        for at in range(len(whole)):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            assert not audit.verify().ok, (path.name, at)
        path.write_bytes(whole)
    assert audit.verify().ok


def test_a_changed_entry_is_named_alone(log):
    log.grow(300, 40)
    path = log.folder / "entries" / "000000"
    octets = path.read_bytes()
    at = octets.index(b'"number":123')
    path.write_bytes(octets[:at] + b'"number":124' + octets[at + 12 :])
    (problem,) = audit.verify().problems
    assert problem.kind is ProblemKind.EDITED
    assert (problem.place, "entry 123 " in problem.text) == ("audit/entries/000000", True)


def test_a_changed_length_does_not_hide_the_entries_behind_it(log):
    log.grow(300)
    path = log.folder / "entries" / "000000"
    octets = path.read_bytes()
    for change in (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\x08", b"\0\0\x02\0"):
        path.write_bytes(change + octets[4:])
        (problem,) = audit.verify().problems
        assert "entry 0 " in problem.text


@pytest.mark.parametrize(
    "column, value",
    [
        ("act", "job.other"),
        ("actor", None),
        ("subject", None),
        ("tenant", "00000000000000000000000000000000"),
        ("at", "2026-03-02 09:00:00.000001+00"),
        ("body", b"{}"),
    ],
)
def test_an_edited_row_is_found_in_every_column(log, column, value):
    log.grow(300)
    if column == "at" and connection.vendor == "sqlite":
        value = value[:-3]
    assert sql(f"UPDATE audit_leaf SET {column} = %s WHERE position = 123", value) == 1
    (problem,) = audit.verify().problems
    assert (problem.kind, problem.place) == (ProblemKind.EDITED, "rows") and " 123 " in problem.text


def test_deleted_rows_are_found(log):
    log.grow(300)
    sql("DELETE FROM audit_leaf WHERE position BETWEEN 100 AND 102")
    (problem,) = audit.verify().problems
    assert problem.kind is ProblemKind.DELETED and "100 to 102" in problem.text


def test_reordered_rows_are_found(log):
    log.grow(300)
    sql("UPDATE audit_leaf SET position = 1000000 WHERE position = 10")
    sql("UPDATE audit_leaf SET position = 10 WHERE position = 200")
    sql("UPDATE audit_leaf SET position = 200 WHERE position = 1000000")
    assert kinds() == {ProblemKind.REORDERED}
    assert len(audit.verify().problems) == 2


def test_truncated_rows_are_found(log):
    log.grow(300)
    sql("DELETE FROM audit_leaf WHERE position >= 290")
    (problem,) = audit.verify().problems
    assert problem.kind is ProblemKind.TRUNCATED and "290 to 299" in problem.text


def test_reordered_entries_are_found(log):
    log.grow(300)
    path = log.folder / "entries" / "000000"
    octets = path.read_bytes()
    frames, at = [], 0
    while at < len(octets):
        end = at + 4 + int.from_bytes(octets[at : at + 4], "big")
        frames.append(octets[at:end])
        at = end
    frames[5], frames[9] = frames[9], frames[5]
    path.write_bytes(b"".join(frames))
    assert kinds() == {ProblemKind.REORDERED}


@pytest.mark.parametrize("name", ["entries/000000", "level-0/000000", "level-1/000000", "checkpoints", "checkpoint"])
@pytest.mark.parametrize("left", [0.0, 0.5, None])
def test_truncated_files_are_found(log, name, left):
    log.grow(300, 300)
    path = log.folder / name
    if left is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: int(left * path.stat().st_size)])
    verdict = audit.verify()
    assert any(problem.place.startswith(f"audit/{name}") for problem in verdict.problems)
    assert ProblemKind.TRUNCATED in kinds() or name == "checkpoint"


def test_a_log_cut_back_to_an_older_checkpoint_everywhere_is_found_by_the_witness_and_by_the_rows(log, house):
    log.grow(300)
    shutil.copytree(log.folder, house.data / "older")
    witness = house.data / "keys" / "log-head"
    older_witness = witness.read_bytes()
    log.grow(100)
    shutil.rmtree(log.folder)
    (house.data / "older").rename(log.folder)
    assert kinds() == {ProblemKind.TRUNCATED}
    sql("DELETE FROM audit_leaf WHERE position >= 300")
    assert kinds() == {ProblemKind.TRUNCATED}  # the witness alone
    sql("UPDATE audit_leaf SET position = position")
    witness.write_bytes(older_witness)
    log.write(1)
    sql("UPDATE audit_leaf SET position = 300 WHERE position IS NULL")
    assert kinds() == {ProblemKind.TRUNCATED}  # the rows alone


def test_a_log_that_vanished_with_its_witness_is_missed_by_the_rows(log, house):
    log.grow(10)
    shutil.rmtree(log.folder)
    (house.data / "keys" / "log-head").unlink()
    assert kinds() == {ProblemKind.TRUNCATED}


def test_a_checkpoint_taken_out_of_the_history_is_missed(log):
    log.grow(10, 10, 10)
    path = log.folder / "checkpoints"
    notes = path.read_bytes()
    border = notes.index(b"\nfrisket-audit/") + 1
    path.write_bytes(notes[border:])
    assert not audit.verify().ok


def test_a_checkpoint_signed_by_somebody_else_is_forged(log, house):
    log.grow(10)
    path = log.folder / "checkpoints"
    lines = path.read_text().split("\n")
    lines[1] = "9"
    path.write_text("\n".join(lines))
    assert ProblemKind.FORGED in kinds()


@pytest.mark.parametrize("name", ["entries/000001", "level-3/000000", "notes", "level-0/x", "checkpoint.new"])
def test_a_file_that_does_not_belong_to_the_log_is_found(log, name):
    log.grow(10)
    path = log.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x")
    (problem,) = audit.verify().problems
    assert problem.kind is ProblemKind.FORGED and problem.place.startswith(f"audit/{name}")


@pytest.mark.parametrize("name", ["entries/000000", "level-0/000000", "checkpoints", "checkpoint"])
def test_octets_added_at_the_end_of_a_file_are_found(log, name):
    log.grow(10)
    with (log.folder / name).open("ab") as file:
        file.write(b"more")
    assert not audit.verify().ok


def test_problems_beyond_the_list_are_counted(log):
    log.grow(300)
    sql("UPDATE audit_leaf SET act = 'job.other'")
    verdict = audit.verify()
    assert len(verdict.problems) == 200 and verdict.unlisted == 100
