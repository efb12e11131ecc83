"""Getting leaves into the log: once each, whatever breaks on the way."""

import os
import threading
import time

import pytest
from django.db import DatabaseError, connections

from frisket import audit
from frisket.audit import files, sequencing
from frisket.audit.errors import InsideTransaction
from frisket.audit.log import SEGMENT, Log, Places, entries_from
from frisket.audit.models import Leaf
from frisket.plumbing import db, parts


class Crash(BaseException):
    """The process ends here; nobody catches this."""


class BreakingOs:
    """The operating system, until the n-th call that changes something; that one is half done."""

    CHANGING = ("pwrite", "write", "fdatasync", "fsync", "ftruncate", "replace", "open", "unlink", "mkdir")

    def __init__(self, left, error):
        self.left, self.error = left, error

    def __getattr__(self, name):
        real = getattr(os, name)
        if name not in self.CHANGING:
            return real

        def call(*args):
            self.left -= 1
            if self.left == 0:
                if name in ("pwrite", "write"):
                    real(args[0], bytes(args[1])[: len(args[1]) // 2], *args[2:])
                raise self.error
            return real(*args)

        return call


def positions():
    return sorted(position for position in Leaf.objects.values_list("position", flat=True))


def test_each_row_is_told_its_position(log):
    log.grow(300, 20)
    assert positions() == list(range(320))


def test_sequencing_without_leaves_signs_nothing(log):
    log.grow(3)
    before = (log.folder / "checkpoints").read_bytes()
    assert log.sequencer.run_once() == 0
    assert (log.folder / "checkpoints").read_bytes() == before


def test_nothing_is_signed_that_could_still_be_rolled_back(log):
    log.write(1)
    with pytest.raises(InsideTransaction), db.transaction():
        log.sequencer.run_once()
    assert audit.overview() == audit.Overview(0, 1)


def test_there_is_a_checkpoint_for_every_256_leaves(log):
    log.grow(1000)
    sizes = [int(line) for line in (log.folder / "checkpoints").read_text().split("\n") if line.isdigit()]
    assert sizes == [256, 512, 768, 1000]


def test_a_crash_at_any_point_loses_and_doubles_nothing(log, monkeypatch):
    log.grow(250)
    for point in range(1, 200):
        log.write(20)
        with monkeypatch.context() as patched:
            breaking = BreakingOs(point, Crash())
            patched.setattr(files, "os", breaking)
            try:
                log.sequencer.run_once()
            except Crash:
                pass
        if breaking.left > 0:
            break
        verdict = audit.verify()
        assert verdict.ok, (point, verdict.problems)
        log.sequencer.run_once()
        verdict = audit.verify()
        assert verdict.ok and verdict.size == log.count and verdict.waiting == 0, (point, verdict)
        assert positions() == list(range(log.count))
    assert point > 15


def test_a_crash_while_beginning_the_log_leaves_nothing_behind(house, log, monkeypatch):
    log.write(3)
    for point in range(1, 200):
        with monkeypatch.context() as patched:
            breaking = BreakingOs(point, Crash())
            patched.setattr(files, "os", breaking)
            try:
                log.sequencer.run_once()
            except Crash:
                pass
        if breaking.left > 0:
            break
        assert audit.verify().ok, point
    log.sequencer.run_once()
    assert audit.verify() == audit.Verdict(True, 3, 1, 0, [])


def test_rows_that_a_crash_kept_from_their_positions_get_them_without_doubles(log, monkeypatch):
    log.grow(5)
    log.write(300)

    def crash(pairs):
        raise Crash

    with monkeypatch.context() as patched, pytest.raises(Crash):
        patched.setattr(sequencing, "_place", crash)
        log.sequencer.run_once()
    assert audit.overview() == audit.Overview(5, 300)
    log.write(2)
    assert log.sequencer.run_once() == 2
    assert audit.verify() == audit.Verdict(True, 307, 4, 0, [])


def test_equal_leaves_are_kept_apart_when_a_crash_is_mended(house, log, monkeypatch):
    with db.transaction() as tx:
        audit.record_many([audit.NewLeaf("clock.jump", None, house.administrator, {})] * 4, tx=tx)
    with monkeypatch.context() as patched, pytest.raises(Crash):
        patched.setattr(sequencing, "_place", lambda pairs: (_ for _ in ()).throw(Crash()))
        log.sequencer.run_once()
    log.sequencer.run_once()
    assert positions() == [0, 1, 2, 3] and audit.verify().ok


@pytest.mark.parametrize("name", ["entries/000000", "level-0/000000", "level-1/000000", "checkpoints"])
def test_what_lies_beyond_the_last_signature_is_cut_off(log, name):
    log.grow(300)
    log.write(5)
    with (log.folder / name).open("ab") as file:
        file.write(bytes(100))
    log.sequencer.run_once()
    assert audit.verify() == audit.Verdict(True, 305, 3, 0, [])


@pytest.mark.parametrize("name", ["entries/000000", "level-0/000000", "level-1/000000", "checkpoints"])
def test_a_log_shorter_than_what_was_signed_is_not_added_to(log, name):
    log.grow(300)
    log.write(5)
    path = log.folder / name
    path.write_bytes(path.read_bytes()[:-1])
    before = {file: file.read_bytes() for file in log.files()}
    with pytest.raises(audit.LogDamaged):
        log.sequencer.run_once()
    assert {file: file.read_bytes() for file in log.files()} == before
    assert audit.overview() == audit.Overview(300, 5)


def test_a_log_whose_witness_is_gone_is_not_begun_anew(log, house):
    log.grow(3)
    (house.data / "keys" / "log-head").unlink()
    with pytest.raises(audit.LogDamaged):
        log.sequencer.run_once()


def test_a_row_that_becomes_visible_late_is_not_passed_over(house, log):
    """On PostgreSQL ids are given before the commit, so the lower one may come second."""
    log.write(2)
    late = Leaf.objects.order_by("id")[0]
    number = late.id
    late.delete()
    assert log.sequencer.run_once() == 1
    late.id = number
    late.save(force_insert=True)
    assert log.sequencer.run_once() == 1
    assert audit.verify() == audit.Verdict(True, 2, 2, 0, [])
    assert Leaf.objects.get(id=number).position == 1


def test_two_who_sequence_at_once_do_not_double_anything(log):
    log.write(900)
    counts = []

    def sequence():
        counts.append(sequencing.sequence())
        connections.close_all()

    threads = [threading.Thread(target=sequence) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 900 and audit.verify().size == 900


def wait_for(condition):
    deadline = time.monotonic() + 8
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_running_sequencer_is_woken_by_a_full_tile(log):
    sequencer = audit.Sequencer()
    sequencer.start()
    try:
        time.sleep(0.1)
        log.write(256)
        wait_for(lambda: audit.overview().size == 256)
    finally:
        sequencer.stop()


def test_a_database_without_room_delays_the_log_and_stops_nothing(log, monkeypatch):
    real, told, faults = sequencing._place, [], []

    def full(rows):
        if told:
            return real(rows)
        raise db.StorageFull("the disk of the database is full")

    monkeypatch.setattr(sequencing, "_place", full)
    log.write(256)
    sequencer = audit.Sequencer(on_fault=faults.append, on_full=lambda: told.append("full"))
    sequencer.start()
    try:
        wait_for(lambda: told)
    finally:
        sequencer.stop()
    assert (faults, sequencer.fault, told) == ([], None, ["full"])
    assert audit.overview() == audit.Overview(256, 0) and audit.verify().size == 256


def test_a_sequencer_that_is_stopped_leaves_nothing_waiting(log):
    sequencer = audit.Sequencer()
    sequencer.start()
    log.write(3)
    sequencer.stop()
    assert audit.overview() == audit.Overview(3, 0)


def test_after_a_failed_sync_nothing_is_tried_again(log, monkeypatch):
    log.grow(3)
    log.write(1)
    told = []
    sequencer = audit.Sequencer(on_fault=told.append)
    refusal = OSError("the disk is gone")
    with monkeypatch.context() as patched:
        patched.setattr(files, "os", BreakingOs(4, refusal))
        sequencer.start()
        wait_for(lambda: told)
        sequencer.stop()
    assert told == [refusal] and sequencer.fault is refusal
    assert audit.overview() == audit.Overview(3, 1)


def test_a_database_that_is_away_for_a_moment_only_delays(log, monkeypatch):
    log.write(1)
    sequencer = audit.Sequencer()
    real = sequencing.sequence

    def once():
        monkeypatch.setattr(sequencing, "sequence", real)
        raise DatabaseError("away")

    monkeypatch.setattr(sequencing, "sequence", once)
    sequencer.start()
    wait_for(lambda: sequencing.sequence is real)
    sequencer.stop()
    assert sequencer.fault is None and audit.overview() == audit.Overview(1, 0)


def bodies(start, count):
    return [b'{"act":"%d"}' % number for number in range(start, start + count)]


def test_a_log_goes_on_in_a_second_file(house):
    places = Places.of(house.data)
    files.make_folder(places.folder)
    log = Log.open(places, parts.keys(), parts.tenant())
    first = SEGMENT - 300
    log.append(bodies(0, first))
    log = Log.open(places, parts.keys(), parts.tenant())
    assert log.append(bodies(first, 500)) == first
    log = Log.open(places, parts.keys(), parts.tenant())
    assert log.append(bodies(first + 500, 7)) == first + 500
    end = first + 507
    assert list(entries_from(places, 0, end)) == bodies(0, end)
    assert list(entries_from(places, SEGMENT - 2, SEGMENT + 2)) == bodies(SEGMENT - 2, 4)
    assert places.level(0, 0).stat().st_size == SEGMENT * 32
    assert places.level(0, 1).stat().st_size == (end - SEGMENT) * 32
    assert places.level(2, 0).stat().st_size == 32


def test_a_crash_where_a_new_file_begins_is_mended(house, monkeypatch):
    places = Places.of(house.data)
    files.make_folder(places.folder)
    Log.open(places, parts.keys(), parts.tenant()).append(bodies(0, SEGMENT - 10))
    kept = list(bodies(0, SEGMENT - 10))
    for point in range(1, 60):
        log = Log.open(places, parts.keys(), parts.tenant())
        before = log.size
        with monkeypatch.context() as patched:
            breaking = BreakingOs(point, Crash())
            patched.setattr(files, "os", breaking)
            try:
                log.append(bodies(before, 10))
            except Crash:
                pass
        kept = bodies(0, Log.open(places, parts.keys(), parts.tenant()).size)
        assert len(kept) in (before, before + 10)
        if point % 7 == 0:
            assert list(entries_from(places, before - 3, len(kept))) == kept[before - 3 :]
        if breaking.left > 0:
            break
    assert list(entries_from(places, 0, len(kept))) == kept
