"""T46: how far an erased job is gone, level by level, looked at from outside the house."""

import json
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from frisket.plumbing import keys
from tests.crash.canaries import found_in_folder, found_in_image
from tests.crash.clocks import faked_time
from tests.crash.lives import QUEUE, House, until
from tests.crash.load import LARGE, SMALL, Record
from tests.crash.look import database, settle
from tests.crash.mounts import ext4_image, mounted, needs_loop_devices
from tests.crash.test_points import maintenance_is_due

E1_WITHIN_S, E2_WITHIN_S = 5.0, 60.0


@dataclass(frozen=True, slots=True)
class Remains:
    """What a disk may not hold any more once a job is gone, each when its level is reached."""

    sealed: dict[str, str | bytes]  # pieces of its objects: when they are overwritten
    wrapped: dict[str, str | bytes]  # its wrapped key: at E2
    history: dict[str, str | bytes]  # sealed title and owner: with the history


def remains_of(house: House, numbers: list[int]) -> Remains:
    sealed: dict[str, str | bytes] = {}
    wrapped: dict[str, str | bytes] = {}
    history: dict[str, str | bytes] = {}
    query = """
        SELECT j.number, k.wrapped, j.history, o.place, o.name, o."offset", o.octets FROM job_job j
        JOIN spool_jobkey k ON k.job_id = j.id JOIN spool_sealedobject o ON o.job_id = j.id
    """
    with database(house) as rows:
        found = [row for row in rows.execute(query) if row[0] in numbers]
    for number, key, told, place, name, offset, octets in found:
        pattern = f"segments/{name}.seg" if place == "segment" else f"files/*/{name}.sealed"
        (file,) = (house.data / "spool").glob(pattern)
        with file.open("rb") as out:
            out.seek(offset)
            whole = out.read(keys.sealed_length(octets))
        # The salt, the middle and the end: were any block left, one of them would be.
        for at in (keys.HEADER_LENGTH, len(whole) // 2, len(whole) - 48):
            sealed[f"job {number} at {at}"] = whole[at : at + 48]
        wrapped[f"key of {number}"] = key[keys.HEADER_LENGTH :]
        history[f"history of {number}"] = told[keys.HEADER_LENGTH :]
    return Remains(sealed, wrapped, history)


def receipt_of(house: House, number: int) -> dict[str, Any]:
    return house.command("job.show", job=str(number))["receipt"] or {}


def _signed(receipt: dict[str, Any], *levels: str) -> bool:
    """The house's signature is under exactly these levels."""
    body = bytes.fromhex(receipt["body"])
    genuine = keys.verify_signature(bytes.fromhex(receipt["public_key"]), body, bytes.fromhex(receipt["signature"]))
    said = json.loads(body)
    return genuine and [level for level in ("e1", "overwritten", "e2", "e3") if said[level]] == list(levels)


def _ended_at(house: House, number: int) -> datetime:
    with database(house) as rows:
        (at,) = rows.execute("SELECT completed_at FROM job_job WHERE number = ?", (number,)).fetchone()
    return datetime.fromisoformat(at + "+00:00")


def erase_and_look(house: House, image: Path | None) -> list[str]:
    """Print one job, cancel one, and hold what is left of them against their receipts, level by level."""
    house.environment["FRISKET_SPACE__SEGMENT_BYTES"] = "100000000"  # nothing is gone because its segment went
    assert house.start(), house.words()
    house.command("queue.set", name=QUEUE, history_s=86400)
    record = Record()
    with house.sender() as sender:
        jobs = [record.print_job(sender, size) for size in (SMALL, LARGE, SMALL, LARGE, SMALL)]
        numbers = [job.number for job in jobs[:4] if job.number is not None]
        remains = remains_of(house, numbers)
        problems = _lie_where(house, image, remains, there=True)
        began = time.monotonic()
        record.cancel(sender, jobs[0])
        record.cancel(sender, jobs[1])
        record.release(house, "net", jobs[2])
        record.release(house, "port", jobs[3])
    settle(house)
    problems += _first_level(house, numbers)
    problems += _lie_where(house, image, Remains(remains.sealed, {}, {}), there=False)
    left = E2_WITHIN_S - (time.monotonic() - began)
    until(lambda: all(receipt_of(house, each)["e2_at"] for each in numbers), "E2", within_s=left, every_s=0.5)
    gone = found_in_folder(house.data, remains.wrapped, "house.db*")
    problems += [f"E2: {name} is in the database's files" for name in sorted(gone)]
    problems += [
        "E2: a receipt does not say so" for each in numbers if not _says(house, each, "e1", "overwritten", "e2")
    ]
    house.kill()
    return problems


def _says(house: House, number: int, *levels: str) -> bool:
    return _signed(receipt_of(house, number), *levels)


def _first_level(house: House, numbers: list[int]) -> list[str]:
    problems = []
    for number in numbers:
        receipt = receipt_of(house, number)
        if not receipt:
            problems.append(f"E1: job {number} has no receipt")
            continue
        lasted = (datetime.fromisoformat(receipt["e1_at"]) - _ended_at(house, number)).total_seconds()
        if not 0 <= lasted <= E1_WITHIN_S:
            problems.append(f"E1: job {number} took {lasted:.1f} s")
        if not receipt["overwritten_at"]:
            problems.append(f"job {number} is not overwritten")
    return problems


def _lie_where(house: House, image: Path | None, remains: Remains, *, there: bool) -> list[str]:
    """Pieces of sealed objects are on the disk while the job is there, and nowhere on it afterwards."""
    found = found_in_image(image, remains.sealed) if image else found_in_folder(house.data, remains.sealed)
    if there:
        return [f"the search does not see {name}" for name in sorted(remains.sealed.keys() - found)]
    return [f"overwritten: {name} is still there" for name in sorted(found)]


@pytest.mark.requirement("OCE-131", "SAFEQ-99")
def test_an_erased_job_is_gone_from_the_disk_level_by_level(furnished, tmp_path):
    needs_loop_devices()
    image = tmp_path / "disk.img"
    ext4_image(image, 192)
    with mounted(image, tmp_path / "disk") as disk, furnished.copy(disk / "house") as house:
        assert erase_and_look(house, image) == []


@pytest.mark.requirement("SPM-36")
def test_two_days_later_no_copy_of_the_database_opens_it_and_its_title_is_gone(house):
    assert house.start(), house.words()
    house.command("queue.set", name=QUEUE, history_s=30 * 86400)
    record = Record()
    with house.sender() as sender:
        first, second = (record.print_job(sender, SMALL) for _ in range(2))
        remains = remains_of(house, [number for job in (first, second) if (number := job.number)])
        record.cancel(sender, first)
        record.cancel(sender, second)
    settle(house)
    keys_before = {file.name for file in house.data.glob("keys/**/*")}
    house.kill()
    maintenance_is_due(house)
    assert house.start(environment=faked_time(days=2), plainly=True), house.words()
    until(lambda: bool(receipt_of(house, first.number or 0)["e3_at"]), "E3", within_s=60, every_s=0.3)
    assert _says(house, first.number or 0, "e1", "overwritten", "e2", "e3")
    assert keys_before - {file.name for file in house.data.glob("keys/**/*")}
    # Now the history runs out: title and owner go, and what they were sealed in.
    assert found_in_folder(house.data, remains.history, "house.db*")
    house.command("queue.set", name=QUEUE, history_s=60)
    with house.sender() as sender:
        record.cancel(sender, record.print_job(sender, SMALL))
    house.kill()
    maintenance_is_due(house)
    assert house.start(environment=faked_time(days=40), plainly=True), house.words()
    house.command("clock.confirm")

    def forgotten() -> bool:
        return not found_in_folder(house.data, remains.history, "house.db*")

    until(forgotten, "the history is gone from the database's files", within_s=60, every_s=1)
