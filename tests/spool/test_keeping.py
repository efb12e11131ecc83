import asyncio
import gc
import os
import time
from pathlib import Path
from uuid import uuid4

import pytest
from tests.spool.conftest import Spooler, next_day, pieces_of, set_settings

from frisket import audit, spool
from frisket.job import StaleLease
from frisket.plumbing import crashpoints, parts
from frisket.plumbing.blobs.durable import Durable
from frisket.plumbing.db import transaction
from frisket.plumbing.scope import HOUSE
from frisket.spool.models import JobKey, SealedObject
from frisket.spool.reading import place_of
from frisket.spool.store import store

MiB = 1 << 20


def raw(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())


@pytest.mark.parametrize("size", [0, 1, 16_383, 16_384, 20_000, 131_072, 131_073, 300_000, 3 * MiB + 5])
def test_what_was_sealed_is_read_again_octet_by_octet(spooler: Spooler, size):
    octets = os.urandom(size)
    assert spooler.read(spooler.accept(octets)) == octets


def test_every_document_of_a_job_is_itself(spooler: Spooler):
    documents = [os.urandom(size) for size in (10, 200_000, 20_000)]
    job = spooler.accept(*documents)
    assert [spooler.read(job, number) for number in (1, 2, 3)] == documents


def test_small_documents_share_a_segment_and_large_ones_have_a_file(spooler: Spooler):
    spooler.accept(b"x" * 131_072, b"x" * 131_073, b"x" * 10)
    found = dict(SealedObject.objects.values_list("document", "place"))
    assert found == {1: "segment", 2: "file", 3: "segment"}


@pytest.mark.requirement("SAFEQ-40", "SPM-30")
def test_nothing_readable_reaches_the_disk(spooler: Spooler, house):
    canary = b"%PDF-1.7 the salaries of everybody "
    spooler.accept(canary * 100, canary * 20_000)
    everything = raw(house.data)
    assert len(everything) > 700_000
    assert canary not in everything
    assert b"salaries" not in everything


def test_two_jobs_with_one_content_have_nothing_in_common_on_disk(spooler: Spooler):
    content = os.urandom(40_000)
    first, second = spooler.accept(content), spooler.accept(content)
    stored = [b"".join(store().read(place)) for place in (spool_place(job) for job in (first, second))]
    assert not {stored[0][at : at + 16] for at in range(64, 40_000, 16)} & {
        stored[1][at : at + 16] for at in range(64, 40_000, 16)
    }


def spool_place(job):
    return place_of(*SealedObject.objects.values_list("place", "name", "offset", "octets").get(job_id=job))


async def test_an_event_loop_reads_the_same(spooler: Spooler):
    octets = os.urandom(2 * MiB + 17)
    job = await spooler.accepting(octets)
    ticket = await asyncio.to_thread(make_ticket, job)
    pieces = [piece async for piece in spool.read(job, ticket=ticket)]
    assert b"".join(pieces) == octets
    assert max(len(piece) for piece in pieces) <= 256 * 1024


async def test_a_reader_that_stops_early_leaves_nothing_open(spooler: Spooler):
    job = await spooler.accepting(os.urandom(3 * MiB))
    reading = spool.read(job, ticket=await asyncio.to_thread(make_ticket, job))
    async for _ in reading:
        assert open_objects() == 1
        break
    await reading.aclose()
    for _ in range(100):
        if open_objects() == 0:
            break
        await asyncio.sleep(0.01)
    assert open_objects() == 0


def open_objects() -> int:
    links = (Path("/proc/self/fd") / fd for fd in os.listdir("/proc/self/fd"))
    return sum(link.is_symlink() and os.readlink(link).endswith(".sealed") for link in links)


def make_ticket(job, purpose="deliver", **more):
    with transaction() as tx:
        return spool.ticket(job, purpose, by=HOUSE, tx=tx, **more)


@pytest.mark.parametrize("size", [100, 5 * MiB])
def test_what_is_longer_than_allowed_is_refused_and_nothing_of_it_stays(spooler: Spooler, house, size):
    key = spool.new_key(uuid4())
    with pytest.raises(spool.TooLarge):
        asyncio.run(spool.seal(pieces_of(bytes(size)), key, limit=size - 1))
    assert left_of_uploads(house) == []


def left_of_uploads(house) -> list[Path]:
    spool.close()  # waits for what its threads still do
    return list((house.data / "spool").glob("files/*/*"))


def test_an_announced_length_is_refused_before_an_octet_is_read(spooler: Spooler):
    async def unread():
        pytest.fail("read")
        yield b""

    with pytest.raises(spool.TooLarge):
        asyncio.run(spool.seal(unread(), spool.new_key(uuid4()), limit=10, expected=11))


@pytest.mark.parametrize("size", [100, 2 * MiB])
def test_a_document_of_another_length_than_announced_is_refused(spooler: Spooler, house, size):
    for announced in (size - 1, size + 1):
        with pytest.raises(spool.Incomplete):
            key = spool.new_key(uuid4())
            asyncio.run(spool.seal(pieces_of(bytes(size)), key, limit=MiB * 100, expected=announced))
    assert left_of_uploads(house) == []


def test_an_upload_that_breaks_off_leaves_nothing(spooler: Spooler, house):
    async def broken():
        yield bytes(3 * MiB)
        yield bytes(MiB)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        asyncio.run(spool.seal(broken(), spool.new_key(uuid4()), limit=100 * MiB))
    assert left_of_uploads(house) == []


def test_an_upload_that_is_cancelled_leaves_nothing(spooler: Spooler, house):
    async def endless():
        while True:
            yield bytes(MiB)
            await asyncio.sleep(0)

    async def cancelled():
        task = asyncio.create_task(spool.seal(endless(), spool.new_key(uuid4()), limit=1 << 40))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert left_of_uploads(house) == []


def test_a_failed_accept_can_be_discarded(spooler: Spooler, house):
    key = spool.new_key(uuid4())
    sealed = [
        asyncio.run(spool.seal(pieces_of(os.urandom(size)), key, limit=MiB * 9, document=number))
        for number, size in enumerate((500, MiB), 1)
    ]
    spool.place_many(sealed)
    spool.discard(sealed)
    assert left_of_uploads(house) == []
    (segment,) = (house.data / "spool/segments").iterdir()
    assert set(segment.read_bytes()) == {0}


def test_a_large_upload_over_a_slow_disk_holds_few_octets_and_never_the_loop(spooler: Spooler, monkeypatch):
    real = Durable.write

    def slow(*given, **more):
        time.sleep(0.02)
        return real(*given, **more)

    monkeypatch.setattr(Durable, "write", slow)
    piece = os.urandom(MiB)

    async def upload():
        for _ in range(80):
            yield piece

    async def measured() -> tuple[int, int]:
        turns, ended = 0, False

        async def watch() -> None:
            nonlocal turns
            while not ended:
                await asyncio.sleep(0.001)
                turns += 1

        watching = asyncio.create_task(watch())
        await spool.seal(upload(), spool.new_key(uuid4()), limit=1 << 40)
        ended = True
        await watching
        return turns, memory_kib("VmHWM")

    Path("/proc/self/clear_refs").write_text("5")  # the peak begins again from here (proc(5))
    before = memory_kib("VmRSS")
    turns, peak = asyncio.run(measured())
    assert peak - before < 20 * 1024, "a fast sender has to wait for the disk"
    assert turns > 200, "others get their turns while the disk is written to"


def memory_kib(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise AssertionError("the kernel does not say")


def test_tiny_pieces_are_as_good_as_large_ones(spooler: Spooler):
    octets = os.urandom(150_000)
    assert spooler.read(spooler.accept(octets, piece=7)) == octets


def test_documents_can_be_added_to_a_job_later(spooler: Spooler):
    job = spooler.accept(b"first")
    with transaction() as tx:
        key = spool.key_to_add(job, by=HOUSE, tx=tx)
    more = spool.seal_octets(b"second", key, document=2)
    spool.place_many([more])
    with transaction() as tx:
        spool.keep_many([spool.Keep(spooler.person, key, [more], new=False)], tx=tx)
    assert [spooler.read(job, number) for number in (1, 2)] == [b"first", b"second"]
    assert spool.held_by(spooler.person) == (1, 11)


def test_a_document_added_to_an_erased_job_is_refused(spooler: Spooler):
    job = spooler.accept(b"first")
    with transaction() as tx:
        key = spool.key_to_add(job, by=HOUSE, tx=tx)
    more = spool.seal_octets(b"second", key, document=2)
    spool.place_many([more])
    spooler.shred(job)
    with pytest.raises(spool.NotHere):
        with transaction() as tx:
            spool.keep_many([spool.Keep(spooler.person, key, [more], new=False)], tx=tx)


def test_the_newest_version_of_an_object_counts(spooler: Spooler):
    job = spooler.accept(b"original")
    for version in (1, 2):
        with transaction() as tx:
            key = spool.key_to_add(job, by=HOUSE, tx=tx)
        pages = spool.seal_pieces(
            [b"pages %d" % version], key, kind=spool.Kind.PAGES, document=1, limit=99, version=version
        )
        spool.place_many([pages])
        with transaction() as tx:
            spool.keep_many([spool.Keep(spooler.person, key, [pages], new=False)], tx=tx)
    found = spool.read_sync(job, spool.Kind.PAGES, ticket=make_ticket(job))
    assert b"".join(found) == b"pages 2"
    assert spool.held_by(spooler.person) == (1, 8), "only what the client sent counts"


@pytest.mark.parametrize("size", [0, 131_072, 131_073, 5 * MiB])
def test_a_thread_seals_the_same(spooler: Spooler, size):
    octets = os.urandom(size)
    key = spool.new_key(uuid4())
    pieces = [octets[at : at + 100_000] for at in range(0, size, 100_000)]
    sealed = spool.seal_pieces(pieces, key, kind=spool.Kind.ORIGINAL, document=1, limit=size)
    spooler.keep(key, [sealed])
    assert spooler.read(key.job) == octets


def test_a_thread_that_seals_too_much_leaves_nothing(spooler: Spooler, house):
    key = spool.new_key(uuid4())
    with pytest.raises(spool.TooLarge):
        spool.seal_pieces([bytes(MiB)] * 4, key, kind=spool.Kind.PAGES, document=1, limit=3 * MiB)
    assert left_of_uploads(house) == []


def test_an_upload_over_midnight_survives_the_end_of_its_epoch(spooler: Spooler, house):
    key = spool.new_key(uuid4())
    sealed = asyncio.run(spool.seal(pieces_of(b"long " * 100), key, limit=MiB))
    next_day(house)
    assert spool.destroy_dead_epochs() == [], "a key in hand is still wrapped under it"
    spooler.keep(key, [sealed])
    epoch = JobKey.objects.get(pk=key.job).epoch
    assert epoch == parts.keys().current_epoch(house.tenant)
    gc.collect()  # keys that other tests gave up
    assert spool.destroy_dead_epochs() == [epoch - 1]
    assert spooler.read(key.job) == b"long " * 100


def test_a_rolled_back_accept_leaves_no_row_and_no_count(spooler: Spooler):
    key = spool.new_key(uuid4())
    sealed = [spool.seal_octets(b"x", key)]
    spool.place_many(sealed)
    with pytest.raises(ZeroDivisionError):
        with transaction() as tx:
            spooler.write_job(key.job, sealed, spooler.person, tx=tx)
            spool.keep_many([spool.Keep(spooler.person, key, sealed)], tx=tx)
            raise ZeroDivisionError
    assert not JobKey.objects.exists() and not SealedObject.objects.exists()
    assert spool.held_by(spooler.person) == (0, 0)


def test_an_object_that_was_never_placed_cannot_be_kept(spooler: Spooler):
    key = spool.new_key(uuid4())
    with pytest.raises(ValueError):
        with transaction() as tx:
            sealed = [spool.seal_octets(b"x", key)]
            spooler.write_job(key.job, sealed, spooler.person, tx=tx)
            spool.keep_many([spool.Keep(spooler.person, key, sealed)], tx=tx)


def test_a_failed_sync_refuses_everything_that_follows(spooler: Spooler):
    crashpoints.arm("blobs.before-append-sync:1:EIO")
    with pytest.raises(spool.SyncFailed):
        spooler.accept(b"x")
    with pytest.raises(spool.SyncFailed):
        spooler.accept(b"x")
    with pytest.raises(spool.SyncFailed):
        spooler.accept(bytes(MiB))


@pytest.mark.parametrize("point", ["append-sync", "file-sync", "overwrite-sync"])
def test_whoever_runs_the_process_is_told_once_of_a_failed_sync(spooler: Spooler, point, monkeypatch):
    told: list[spool.SyncFailed] = []
    monkeypatch.setattr("frisket.spool.store._when_broken", None)
    spool.when_broken(told.append)
    job = spooler.accept(b"before", bytes(MiB))
    crashpoints.arm(f"blobs.before-{point}:1:EIO")
    for _ in range(2):
        with pytest.raises(spool.SyncFailed):
            if point == "overwrite-sync":
                spooler.shred(job)
                spool.overwrite_doomed()
            else:
                spooler.accept(bytes(MiB if point == "file-sync" else 1))
    assert [type(failure) for failure in told] == [spool.SyncFailed]


@pytest.mark.parametrize("size", [100, 3 * MiB])
def test_a_full_disk_is_a_temporary_refusal(spooler: Spooler, size, monkeypatch):
    told: list[spool.SyncFailed] = []
    monkeypatch.setattr("frisket.spool.store._when_broken", None)
    spool.when_broken(told.append)
    crashpoints.arm(f"blobs.before-{'append' if size == 100 else 'write'}:1:ENOSPC")
    with pytest.raises(spool.SpoolFull) as refused:
        spooler.accept(bytes(size))
    assert refused.value.retry
    assert told == []
    assert spooler.read(spooler.accept(b"after")) == b"after"


# -- tickets -------------------------------------------------------------------------------------


def test_a_ticket_opens_each_object_once(spooler: Spooler):
    job = spooler.accept(b"one", b"two")
    ticket = make_ticket(job)
    assert b"".join(spool.read_sync(job, document=1, ticket=ticket)) == b"one"
    assert b"".join(spool.read_sync(job, document=2, ticket=ticket)) == b"two"
    with pytest.raises(spool.TicketSpent):
        spool.read_sync(job, document=1, ticket=ticket)


def test_a_ticket_is_for_its_own_job(spooler: Spooler):
    mine, other = spooler.accept(b"one"), spooler.accept(b"two")
    with pytest.raises(spool.TicketSpent):
        spool.read_sync(other, ticket=make_ticket(mine))


def test_a_ticket_that_was_rolled_back_opens_nothing(spooler: Spooler):
    job = spooler.accept(b"one")
    with pytest.raises(ZeroDivisionError):
        with transaction() as tx:
            ticket = spool.ticket(job, "deliver", by=HOUSE, tx=tx)
            raise ZeroDivisionError
    with pytest.raises(spool.TicketSpent):
        spool.read_sync(job, ticket=ticket)


def test_a_voided_ticket_opens_nothing(spooler: Spooler):
    job = spooler.accept(b"one")
    ticket = make_ticket(job)
    ticket.void()
    with pytest.raises(spool.TicketSpent):
        spool.read_sync(job, ticket=ticket)


def test_every_ticket_is_in_the_audit_log(spooler: Spooler, house):
    job = spooler.accept(b"one")
    make_ticket(job, "count")
    (entry,) = [entry for entry in audit.history(house.scope, job) if entry.act == "key.unwrap"]
    assert entry.facts["purpose"] == "count"


def test_a_ticket_of_an_old_lease_is_refused(spooler: Spooler):
    job = spooler.accept(b"one")
    with pytest.raises(StaleLease):
        make_ticket(job, fence=7)


def test_another_tenant_has_no_such_job_and_its_keys_do_not_open_it(spooler: Spooler, house):
    job = spooler.accept(b"one")
    other = uuid4()
    parts.keys().add_tenant(other)
    parts.keys().current_epoch(other)
    with pytest.raises(spool.NotHere):
        make_ticket(job, tenant=other)
    # Even with the row changed in the database the key of the other tenant does not fit.
    JobKey.objects.filter(pk=job).update(tenant=other)
    with pytest.raises(spool.Damaged):
        list(spool.read_sync(job, ticket=make_ticket(job, tenant=other)))


def test_a_job_without_documents_has_nothing_to_read(spooler: Spooler):
    job = spooler.accept()
    with pytest.raises(spool.NotHere):
        spool.read_sync(job, ticket=make_ticket(job))


# -- damage --------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [0, 63, 64, 100, 130, 20_000, 99_999, -1])
def test_one_changed_octet_is_found_and_nothing_after_it_is_handed_over(spooler: Spooler, house, at):
    octets = os.urandom(200_000)
    job = spooler.accept(octets)
    (file,) = (house.data / "spool").glob("files/*/*.sealed")
    changed = bytearray(file.read_bytes())
    changed[at] ^= 1
    file.write_bytes(changed)
    seen = b""
    with pytest.raises(spool.Damaged):
        for piece in spool.read_sync(job, ticket=make_ticket(job)):
            seen += piece
    assert octets.startswith(seen)
    assert len(seen) <= max(at, 0) or at == -1


def test_a_cut_or_missing_file_is_damage(spooler: Spooler, house):
    job = spooler.accept(os.urandom(200_000))
    (file,) = (house.data / "spool").glob("files/*/*.sealed")
    whole = file.read_bytes()
    for change in (lambda: file.write_bytes(whole[:-1]), lambda: file.write_bytes(whole + b"x"), file.unlink):
        change()
        with pytest.raises(spool.Damaged):
            list(spool.read_sync(job, ticket=make_ticket(job)))


def test_two_objects_exchanged_on_disk_do_not_open(spooler: Spooler):
    first, second = spooler.accept(b"a" * 500), spooler.accept(b"b" * 500)
    one, two = (SealedObject.objects.get(job_id=job) for job in (first, second))
    one.offset, two.offset = two.offset, one.offset
    one.save()
    two.save()
    with pytest.raises(spool.Damaged):
        spooler.read(first)


# -- limits --------------------------------------------------------------------------------------


def test_a_person_may_hold_so_many_jobs_and_octets(spooler: Spooler):
    set_settings(limits={"person_jobs": 2, "person_bytes": 1000})
    assert spool.room_for(spooler.person, None) == 1000
    spooler.accept(b"x" * 400)
    assert spool.room_for(spooler.person, 600) == 600
    with pytest.raises(spool.OverQuota):
        spool.room_for(spooler.person, 601)
    spooler.accept(b"x")
    with pytest.raises(spool.OverQuota):
        spool.room_for(spooler.person, None)
    assert spool.room_for(uuid4(), 1000) == 1000, "others are not touched"


def test_the_house_may_hold_so_many_jobs_and_octets(spooler: Spooler):
    set_settings(limits={"house_jobs": 2, "house_bytes": 1000})
    spooler.accept(b"x" * 400)
    stranger = uuid4()
    assert spool.room_for(stranger, None) == 600
    with pytest.raises(spool.SpoolFull) as full:
        spool.room_for(stranger, 601)
    assert full.value.retry
    spooler.accept(b"x")
    with pytest.raises(spool.SpoolFull):
        spool.room_for(stranger, 1)


def test_a_job_may_be_so_large(spooler: Spooler):
    set_settings(limits={"job_bytes": 1000})
    assert spool.room_for(spooler.person, None) == 1000
    with pytest.raises(spool.TooLarge):
        spool.room_for(spooler.person, 1001)


def test_a_disk_that_is_too_full_takes_no_new_work(spooler: Spooler):
    set_settings(space={"warn_at": 0.0000001, "refuse_at": 0.0000002})
    spooler.restart()
    with pytest.raises(spool.SpoolFull):
        spool.room_for(spooler.person, None)


def test_destroying_makes_room_again(spooler: Spooler):
    job = spooler.accept(b"x" * 400)
    assert spool.held_by(spooler.person) == (1, 400)
    spooler.shred(job)
    assert spool.held_by(spooler.person) == (0, 0)
    assert spool.held_in_all() == (0, 0)


def test_counters_are_the_same_after_a_restart(spooler: Spooler):
    spooler.accept(b"x" * 400, b"y" * 200_000)
    spooler.accept(b"x")
    before = spool.held_by(spooler.person), spool.held_in_all()
    spool.load_counters()
    assert (spool.held_by(spooler.person), spool.held_in_all()) == before == ((2, 200_401), (2, 200_401))
