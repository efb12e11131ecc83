import asyncio
import json
import os
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection
from tests.spool.conftest import Spooler, next_day, pieces_of

from frisket import audit, job, spool
from frisket.plumbing import crashpoints, db, parts, work
from frisket.plumbing.db import transaction
from frisket.plumbing.keys import EpochGone, Sealed
from frisket.plumbing.scope import HOUSE
from frisket.spool import epochs, shredding
from frisket.spool.models import JobKey, ReceiptRow, SealedObject, SpoolMark
from frisket.spool.store import store

MiB = 1 << 20
only_sqlite = pytest.mark.skipif(not db.is_sqlite(), reason="looks into the files of SQLite")


def acts(house, job_id) -> list[str]:
    return [entry.act for entry in audit.history(house.scope, job_id)]


def database_octets() -> bytes:
    name = Path(connection.settings_dict["NAME"])
    return b"".join(file.read_bytes() for file in (name, Path(f"{name}-wal")) if file.exists())


def test_from_the_commit_on_nothing_opens_the_job(spooler: Spooler, house):
    job_id = spooler.accept(b"one")
    with transaction() as tx:
        ticket = spool.ticket(job_id, "deliver", by=HOUSE, tx=tx)
    spooler.shred(job_id)
    with pytest.raises(spool.NotHere):
        spool.read_sync(job_id, ticket=ticket)
    with pytest.raises(spool.NotHere):
        spooler.read(job_id)
    assert not JobKey.objects.filter(pk=job_id).exists()
    assert spool.receipt(house.scope, job_id).e1_at == house.clock.now()
    assert acts(house, job_id)[-1] == "erase.e1"


def test_the_key_of_a_job_still_being_received_is_overwritten_in_memory_too(spooler: Spooler):
    key = spool.new_key(uuid4())
    spooler.keep(key, [spool.seal_octets(b"one", key)])
    spool.keep_ready(key)
    with pytest.raises(ZeroDivisionError):
        with transaction() as tx:
            spool.shred(key.job, tx=tx)
            raise ZeroDivisionError
    assert spool.ready_key(key.job) is key
    live = key.key.octets()
    spooler.shred(key.job)
    assert spool.ready_key(key.job) is None
    assert not any(live)
    with pytest.raises(Sealed):
        spool.seal_octets(b"more", key)


def test_a_shred_that_is_rolled_back_destroyed_nothing(spooler: Spooler, house):
    job_id = spooler.accept(b"one")
    with pytest.raises(ZeroDivisionError):
        with transaction() as tx:
            spool.shred(job_id, tx=tx)
            raise ZeroDivisionError
    assert spooler.read(job_id) == b"one"
    assert spool.held_by(spooler.person) == (1, 3)
    with pytest.raises(spool.NotHere):
        spool.receipt(house.scope, job_id)


def test_shredding_twice_is_shredding_once(spooler: Spooler, house):
    job_id = spooler.accept(b"one")
    spooler.shred(job_id)
    before = spool.receipt(house.scope, job_id)
    house.clock.pass_time(timedelta(hours=1))
    spooler.shred(job_id)
    assert spool.receipt(house.scope, job_id) == before
    assert acts(house, job_id).count("erase.e1") == 1
    assert spool.held_by(spooler.person) == (0, 0)


def test_the_overwriting_is_queued_with_the_shred_and_done_by_the_engine(spooler: Spooler, house):
    job_id = spooler.accept(os.urandom(500), os.urandom(MiB))
    spooler.shred(job_id)
    assert SealedObject.objects.filter(job_id=job_id, state="doomed").count() == 2
    engine = work.open_engine(2)
    engine.start()
    try:
        for _ in range(500):
            if spool.receipt(house.scope, job_id).overwritten_at is not None:
                break
            engine_turn()
        shown = spool.receipt(house.scope, job_id)
    finally:
        engine.stop()
    assert shown.overwritten_at is not None
    assert not SealedObject.objects.filter(job_id=job_id).exists()


def engine_turn() -> None:
    asyncio.run(asyncio.sleep(0.01))


def test_every_octet_of_every_object_is_overwritten_in_place_once(spooler: Spooler, house):
    job_id = spooler.accept(os.urandom(20_000), os.urandom(MiB), os.urandom(1))
    other = spooler.accept(b"other" * 1000)
    (file,) = (house.data / "spool").glob("files/*/*.sealed")
    held = os.open(file, os.O_RDONLY)
    (segment,) = (house.data / "spool/segments").iterdir()
    spooler.shred(job_id)
    assert spool.overwrite_doomed() == 3
    assert not file.exists()
    assert set(os.pread(held, 2 * MiB, 0)) == {0}
    os.close(held)
    live = spooler.read(other)
    assert live == b"other" * 1000
    place = SealedObject.objects.get(job_id=other)
    raw = segment.read_bytes()
    kept = raw[place.offset : place.offset + 5000 + 64 + 56 + 16]
    assert set(raw[: place.offset]) == {0} and set(raw[place.offset + len(kept) :]) <= {0}
    shown = spool.receipt(house.scope, job_id)
    assert shown.overwritten_at == house.clock.now()
    assert shown.pieces == 3
    assert acts(house, job_id)[-1] == "erase.overwritten"


@pytest.mark.requirement("OCE-142")
def test_a_name_however_long_changes_neither_the_files_nor_their_destruction(spooler: Spooler, house):
    spooler.title = "x" * 300 + "/../" + "y" * 300
    job_id = spooler.accept(os.urandom(200_000))
    (file,) = (house.data / "spool").glob("files/*/*.sealed")
    assert len(file.name) == 32 + len(".sealed") and "xx" not in file.name
    held = os.open(file, os.O_RDONLY)
    spooler.shred(job_id)
    spool.overwrite_doomed()
    assert not file.exists()
    assert set(os.pread(held, MiB, 0)) == {0}
    os.close(held)


def test_the_receipt_says_what_the_storage_cannot_prove(spooler: Spooler, house, monkeypatch):
    job_id = spooler.accept(b"one")
    monkeypatch.setattr("frisket.plumbing.blobs.disk._file_system", lambda numbers: "btrfs")
    spooler.shred(job_id)
    spool.overwrite_doomed()
    assert "btrfs" in spool.receipt(house.scope, job_id).note


def test_the_history_row_can_go_once_everything_is_overwritten(spooler: Spooler, house):
    job_id = spooler.accept(b"one")
    with transaction() as tx:
        job.move(job_id, job.State.ENDED, expected=job.State.HELD, why=job.Reason.EXPIRED, by=HOUSE, tx=tx)
        job.move(job_id, job.State.ERASED, expected=job.State.ENDED, why=job.Reason.SHREDDED, by=HOUSE, tx=tx)
        spool.shred(job_id, tx=tx)
    spool.overwrite_doomed()
    with transaction() as tx:
        job.forget(job_id, tx=tx)
    assert spool.receipt(house.scope, job_id).e1_at is not None, "the receipt outlives it"


def test_many_jobs_go_in_one_commit(spooler: Spooler, house):
    jobs = [spooler.accept(b"x" * size) for size in range(1, 20)]
    with transaction() as tx:
        spool.shred_many([*jobs, jobs[0]], tx=tx)
    assert spool.held_by(spooler.person) == (0, 0)
    assert spool.overwrite_doomed() == 19
    assert all(spool.receipt(house.scope, one).overwritten_at for one in jobs)


def test_a_job_that_never_got_a_document_has_a_receipt_too(spooler: Spooler, house):
    job_id = spooler.accept()
    spooler.shred(job_id)
    shown = spool.receipt(house.scope, job_id)
    assert (shown.pieces, shown.octets) == (0, 0)
    assert shown.overwritten_at == shown.e1_at


def test_a_closed_segment_goes_with_its_last_object(spooler: Spooler, house):
    jobs = [spooler.accept(os.urandom(500)) for _ in range(3)]
    (segment,) = (house.data / "spool/segments").iterdir()
    for one in jobs[:2]:
        spooler.shred(one)
    spool.overwrite_doomed()
    spooler.restart()
    assert segment.exists() and spool.tidy() == 0
    spooler.shred(jobs[2])
    spool.overwrite_doomed()
    assert not segment.exists()


def test_the_open_segment_stays_for_what_comes(spooler: Spooler):
    spooler.shred(spooler.accept(b"one"))
    spool.overwrite_doomed()
    assert spooler.read(spooler.accept(b"two")) == b"two"


# -- receipts ------------------------------------------------------------------------------------


def test_a_receipt_is_signed_and_any_change_shows(spooler: Spooler, house):
    job_id = spooler.accept(b"one")
    spooler.shred(job_id)
    shown = spool.receipt(house.scope, job_id)
    public = parts.keys().public_key()
    assert spool.is_genuine(shown, public)
    assert json.loads(shown.body)["job"] == str(job_id)
    ReceiptRow.objects.filter(pk=job_id).update(octets=7)
    assert not spool.is_genuine(spool.receipt(house.scope, job_id), public)
    ReceiptRow.objects.filter(pk=job_id).update(octets=shown.octets, body=shown.body.replace(b"1", b"2"))
    assert not spool.is_genuine(spool.receipt(house.scope, job_id), public)


def test_a_receipt_of_one_job_is_none_for_another(spooler: Spooler, house):
    first, second = spooler.accept(b"one"), spooler.accept(b"two")
    spooler.shred(first)
    spooler.shred(second)
    stolen = ReceiptRow.objects.get(pk=first)
    ReceiptRow.objects.filter(pk=second).update(body=bytes(stolen.body), signature=bytes(stolen.signature))
    assert not spool.is_genuine(spool.receipt(house.scope, second), parts.keys().public_key())


def test_only_its_person_and_the_house_see_a_receipt(spooler: Spooler, house):
    job_id = spooler.accept(b"one")
    spooler.shred(job_id)
    assert spool.receipt(house.own(spooler.person), job_id).job == job_id
    with pytest.raises(spool.NotHere):
        spool.receipt(house.own(uuid4()), job_id)


# -- the database's own files --------------------------------------------------------------------


@only_sqlite
def test_after_e2_the_files_of_the_database_hold_nothing_of_the_key(spooler: Spooler, house):
    for _ in range(5):
        spooler.accept(os.urandom(100))
    job_id = spooler.accept(b"one")
    wrapped = bytes(JobKey.objects.values_list("wrapped", flat=True).get(pk=job_id))
    secret = wrapped[64:]  # the header is ids, which history and receipt keep
    assert secret in database_octets()
    spooler.shred(job_id)
    assert secret in database_octets(), "the log of the database still has it: E1 is not E2"
    assert spool.receipt(house.scope, job_id).e2_at is None
    assert spool.database_clean() == 1
    assert secret not in database_octets()
    shown = spool.receipt(house.scope, job_id)
    assert shown.e2_at == house.clock.now()
    assert spool.is_genuine(shown, parts.keys().public_key())
    assert acts(house, job_id)[-1] == "erase.e2"


def test_cleaning_without_a_receipt_does_nothing(spooler: Spooler):
    spooler.accept(b"one")
    assert spool.database_clean() == 0


@only_sqlite
def test_a_reader_in_the_way_puts_the_cleaning_off(spooler: Spooler, house, monkeypatch):
    monkeypatch.setattr(epochs, "_PATIENCE_MS", 50)
    job_id = spooler.accept(b"one")
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT count(*) FROM spool_jobkey").fetchone()
            spooler.shred(job_id)
            assert spool.database_clean() == 0
            assert spool.receipt(house.scope, job_id).e2_at is None
            cursor.execute("ROLLBACK")
    finally:
        other.close()
    assert spool.database_clean() == 1


# -- epochs --------------------------------------------------------------------------------------


def test_keys_move_under_the_epoch_of_today_and_the_documents_stay(spooler: Spooler, house):
    octets = os.urandom(200_000)
    jobs = [spooler.accept(octets) for _ in range(3)]
    files = {file: file.read_bytes() for file in (house.data / "spool").glob("files/*/*.sealed")}
    next_day(house)
    assert spool.rewrap() == spool.Rewrapped(3, [])
    assert spool.rewrap() == spool.Rewrapped(0, [])
    assert set(JobKey.objects.values_list("epoch", "version")) == {(parts.keys().current_epoch(house.tenant), 2)}
    assert {file: file.read_bytes() for file in files} == files
    assert spooler.read(jobs[0]) == octets


def test_more_keys_than_one_batch_are_all_wrapped_again(spooler: Spooler, house, monkeypatch):
    monkeypatch.setattr(epochs, "_AT_ONCE", 2)
    jobs = [spooler.accept(b"%d" % number) for number in range(5)]
    JobKey.objects.filter(pk=sorted(jobs)[1]).update(wrapped=bytes(168))
    next_day(house)
    assert spool.rewrap() == spool.Rewrapped(4, [sorted(jobs)[1]])


def test_an_epoch_without_a_job_is_destroyed_and_the_receipts_say_so(spooler: Spooler, house):
    gone, kept = spooler.accept(b"gone"), spooler.accept(b"kept")
    row = JobKey.objects.get(pk=gone)
    spooler.shred(gone)
    next_day(house)
    assert spool.destroy_dead_epochs() == [], "one job is still wrapped under it"
    spool.rewrap()
    assert row.epoch in spool.destroy_dead_epochs()
    shown = spool.receipt(house.scope, gone)
    assert shown.e3_at == house.clock.now()
    assert spool.is_genuine(shown, parts.keys().public_key())
    assert acts(house, gone)[-1] == "erase.e3"
    with pytest.raises(EpochGone):
        parts.keys().unwrap_job_key(house.tenant, gone, bytes(row.wrapped), row.epoch, row.version)
    assert spooler.read(kept) == b"kept"


def test_the_epoch_of_today_is_never_destroyed(spooler: Spooler, house):
    spooler.shred(spooler.accept(b"one"))
    house.clock.pass_time(timedelta(hours=5))
    assert parts.keys().current_epoch(house.tenant) not in spool.destroy_dead_epochs()


def test_nothing_is_destroyed_in_the_first_hour_of_a_day(spooler: Spooler, house):
    spooler.shred(spooler.accept(b"one"))
    house.clock.pass_time(timedelta(hours=15, minutes=30))  # 00:30
    assert spool.destroy_dead_epochs() == []


def test_a_clock_that_was_set_ahead_destroys_nothing(spooler: Spooler, house):
    spooler.shred(spooler.accept(b"one"))
    house.clock.set_wall(house.clock.now() + timedelta(days=3))
    assert spool.destroy_dead_epochs() == []
    house.clock.confirm()
    assert spool.destroy_dead_epochs() != []


def test_an_epoch_destroyed_just_before_a_crash_still_reaches_the_receipts(spooler: Spooler, house):
    job_id = spooler.accept(b"one")
    spooler.shred(job_id)
    next_day(house)
    crashpoints.arm("spool.after-destroy-epoch:1:EIO")
    with pytest.raises(OSError):
        spool.destroy_dead_epochs()
    assert spool.receipt(house.scope, job_id).e3_at is None
    crashpoints.arm("")
    spool.destroy_dead_epochs()
    assert spool.receipt(house.scope, job_id).e3_at is not None


def test_the_house_does_all_this_by_itself(spooler: Spooler, house):
    gone, kept = spooler.accept(b"gone"), spooler.accept(b"kept")
    spooler.shred(gone)
    next_day(house)
    engine = work.open_engine(2)
    engine.start()
    try:
        for _ in range(500):
            shown = spool.receipt(house.scope, gone)
            if shown.e3_at and shown.e2_at and shown.overwritten_at:
                break
            engine_turn()
    finally:
        engine.stop()
    assert shown.e1_at and shown.overwritten_at and shown.e2_at and shown.e3_at
    assert spooler.read(kept) == b"kept"


# -- sweeping ------------------------------------------------------------------------------------


def test_a_clean_house_has_nothing_to_sweep(spooler: Spooler):
    jobs = [spooler.accept(os.urandom(size)) for size in (10, 200_000)]
    spooler.restart()
    swept = spool.sweep()
    assert (swept.damaged, swept.checked, swept.erased, swept.unfinished) == ([], 2, 0, 0)
    assert swept.reserve
    assert all(len(spooler.read(one)) for one in jobs)


def test_objects_without_a_row_are_erased(spooler: Spooler, house):
    kept = spooler.accept(b"kept" * 100, os.urandom(200_000))
    key = spool.new_key(uuid4())
    orphans = [
        asyncio.run(spool.seal(pieces_of(b"orphan" * 50_000), key, limit=MiB)),
        spool.seal_octets(b"orphan" * 100, key, document=2),
    ]
    spool.place_many(orphans)
    places = [doc.place for doc in orphans]
    spooler.restart()
    swept = spool.sweep()
    assert (swept.damaged, swept.erased) == ([], 2)
    assert len(list((house.data / "spool").glob("files/*/*.sealed"))) == 1
    assert set(b"".join(store().read(places[1]))) == {0}
    assert spooler.read(kept) == b"kept" * 100


def test_a_segment_with_nothing_but_orphans_goes(spooler: Spooler, house):
    spool.place_many([spool.seal_octets(b"orphan", spool.new_key(uuid4()))])
    spooler.restart()
    assert spool.sweep().erased == 1
    assert list((house.data / "spool/segments").iterdir()) == []


def test_what_this_process_is_just_writing_is_not_swept(spooler: Spooler):
    key = spool.new_key(uuid4())
    sealed = [
        asyncio.run(spool.seal(pieces_of(b"a" * 200_000), key, limit=MiB)),
        spool.seal_octets(b"b", key, document=2),
    ]
    spool.place_many(sealed)
    assert spool.sweep().erased == 0
    spooler.keep(key, sealed)
    assert spooler.read(key.job) == b"a" * 200_000
    assert spooler.read(key.job, 2) == b"b"


@pytest.mark.parametrize(
    ("size", "how"),
    [(500, "missing"), (500, "cut"), (500, "header")]
    + [(200_000, how) for how in ("missing", "cut", "longer", "header")],
)
def test_rows_without_their_object_are_found(spooler: Spooler, house, size, how):
    whole = spooler.accept(os.urandom(200_000))
    job_id = spooler.accept(os.urandom(size))
    row = SealedObject.objects.get(job_id=job_id)
    (path,) = (house.data / "spool").rglob(f"{row.name}.*")
    octets = bytearray(path.read_bytes())
    spooler.restart()
    if how == "missing":
        path.unlink()
    elif how == "cut":
        path.write_bytes(octets[:-1])
    elif how == "longer":
        path.write_bytes(octets + b"x")
    else:
        octets[row.offset + 33] ^= 1
        path.write_bytes(octets)
    assert spool.sweep().damaged == [job_id]
    assert spool.sweep(headers=False).damaged == ([] if how == "header" else [job_id])
    assert spooler.read(whole)


def test_doomed_objects_that_are_gone_already_are_no_damage(spooler: Spooler, house):
    job_id = spooler.accept(os.urandom(200_000))
    spooler.shred(job_id)
    crashpoints.arm("spool.after-overwrite:1:EIO")
    with pytest.raises(OSError):
        spool.overwrite_doomed()
    crashpoints.arm("")
    spooler.restart()
    assert spool.sweep().damaged == []
    assert spool.overwrite_doomed() == 1
    assert spool.receipt(house.scope, job_id).overwritten_at is not None


def test_objects_whose_key_vanished_without_a_shred_are_an_alarm(spooler: Spooler):
    job_id = spooler.accept(b"one")
    JobKey.objects.filter(pk=job_id).delete()
    assert spool.sweep().damaged == [job_id]


def test_unfinished_uploads_of_a_dead_process_are_removed(spooler: Spooler, house):
    store()
    (house.data / "spool/files/00").mkdir()
    (house.data / "spool/files/00" / ("0" * 32 + ".part")).write_bytes(b"x")
    assert spool.sweep().unfinished == 1
    assert list((house.data / "spool").rglob("*.part")) == []


def test_a_folder_of_another_database_is_not_touched(spooler: Spooler, house):
    job_id = spooler.accept(os.urandom(200_000))
    spool.sweep()
    mark = SpoolMark.objects.get()
    spooler.restart()
    before = sorted((house.data / "spool/files").rglob("*.sealed"))
    for change in ({"mark": "f" * 32}, None):
        if change:
            SpoolMark.objects.update(**change)
        else:
            SpoolMark.objects.all().delete()
        with pytest.raises(spool.WrongSpool):
            spool.sweep()
    assert sorted((house.data / "spool/files").rglob("*.sealed")) == before
    SpoolMark.objects.create(mark=mark.mark)
    assert spool.sweep().damaged == []
    assert len(spooler.read(job_id)) == 200_000


def test_stopping_in_the_middle_leaves_the_rest_doomed(spooler: Spooler, monkeypatch):
    monkeypatch.setattr(shredding, "_AT_ONCE", 1)
    for _ in range(3):
        spooler.shred(spooler.accept(b"x"))
    answers = iter([False, True])
    assert spool.overwrite_doomed(stop=lambda: next(answers)) == 1
    assert SealedObject.objects.filter(state="doomed").count() == 2
