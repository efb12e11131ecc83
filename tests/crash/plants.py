"""Bugs to be planted in a copy of the source, each with the part of the harness that has to find it."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.crash.lives import ROOT

__all__ = ["PLANTS", "Plant", "planted"]


@dataclass(frozen=True, slots=True)
class Plant:
    """found_by: a function of test_planted_bugs; tells: what it has to say.

    at: for it, the crash point where the bug shows best.
    changes: file below src/frisket, what stands there, what stands there instead.
    """

    name: str
    found_by: str
    tells: str
    changes: tuple[tuple[str, str, str], ...]
    at: str = ""


def planted(plant: Plant, folder: Path) -> Path:
    """A source tree with this bug in it."""
    source = folder / "src"
    shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
    for name, there, instead in plant.changes:
        file = source / "frisket" / name
        text = file.read_text()
        assert text.count(there) == 1, f"{plant.name}: the bug no longer fits into {name}"
        file.write_text(text.replace(there, instead))
    return source


PLANTS = (
    Plant(
        "acknowledged-before-the-commit",
        "kills",
        "is lost",
        (
            (
                "plumbing/db.py",
                '                    raise ValueError(f"{len(results)} results for {len(batch)} items")\n',
                '                    raise ValueError(f"{len(results)} results for {len(batch)} items")\n'
                "                _tell([(w, r, None) for w, r in zip(batch, results, strict=True)])\n"
                "                threading.Event().wait(0.05)\n",
            ),
        ),
    ),
    Plant(
        "no-sync-of-segments-and-files",
        "cuts",
        "its octets are damaged",
        (("plumbing/blobs/durable.py", "                os.fdatasync(fd)\n", "                pass\n"),),
    ),
    Plant(
        "the-database-does-not-sync",
        "cuts",
        "is lost",
        (("plumbing/sqlite/base.py", '"synchronous=FULL"', '"synchronous=OFF"'),),
    ),
    Plant(
        "that-an-octet-may-leave-is-not-recorded",
        "points",
        "a silent second print",
        (
            (
                "delivery/sending.py",
                '                now["first_octet_at"] = parts.clock().now()\n',
                "                pass\n",
            ),
        ),
        at="delivery.before-outcome:1",
    ),
    Plant(
        "printed-again-after-a-restart",
        "points",
        "a silent second print",
        (
            (
                "delivery/recovery.py",
                "    if row.first_octet_at is None:\n",
                "    if row.ended_at is None:\n",
            ),
        ),
        at="delivery.before-outcome:1",
    ),
    Plant(
        "the-key-of-a-destroyed-job-stays",
        "points",
        "its key is there",
        (
            (
                "spool/rows.py",
                '"DELETE FROM spool_jobkey WHERE job_id IN ({}) RETURNING job_id, tenant, person, epoch, octets"',
                '"SELECT job_id, tenant, person, epoch, octets FROM spool_jobkey WHERE job_id IN ({})"',
            ),
        ),
        at="spool.after-shred-rows:1",
    ),
    Plant(
        "uploads-of-the-dead-stay",
        "points",
        "an upload of a dead process",
        (
            (
                "plumbing/blobs/folder.py",
                "            part.unlink(missing_ok=True)\n",
                "            pass\n",
            ),
        ),
        at="blobs.before-rename:1",
    ),
    Plant(
        "objects-without-a-row-stay",
        "points",
        "a file without a row",
        (
            (
                "spool/sweeping.py",
                "            _erase(stray)\n",
                "            pass\n",
            ),
        ),
        at="blobs.after-keep:1",
    ),
    Plant(
        "a-move-without-its-leaf",
        "points",
        "the log goes from sending to delivered",
        (
            (
                "job/store.py",
                '    audit.record(\n        "job.move",',
                '    (audit.record if to is not State.DELIVERED else lambda *_, **__: None)(\n        "job.move",',
            ),
        ),
        at="delivery.after-outcome:1",
    ),
    Plant(
        "printed-and-not-entered",
        "points",
        "entered 0 times",
        (("flow/stages.py", "        ledger.write(_entry(view, said), tx=tx)\n", "        _entry(view, said)\n"),),
        at="delivery.after-outcome:1",
    ),
    Plant(
        "the-house-lives-on-after-a-failed-sync",
        "failed_sync",
        "it lives on",
        (("programs/serve.py", "    os._exit(SYNC_FAILED)\n\n\ndef _log_broken", "    return\n\n\ndef _log_broken"),),
        at="blobs.before-append-sync:1:EIO",
    ),
    Plant(
        "the-title-is-logged",
        "words",
        "title in",
        (
            (
                "intake/accept.py",
                "    return job.NewJob(\n",
                '    __import__("logging").getLogger("frisket").warning("a job: %s", offer.title)\n'
                "    return job.NewJob(\n",
            ),
        ),
    ),
    Plant(
        "the-title-is-in-the-database",
        "words",
        "title in",
        (
            (
                "job/store.py",
                '        new.why.value,\n        "",\n        first_outcome(new).value,',
                "        new.why.value,\n        new.title,\n        first_outcome(new).value,",
            ),
        ),
    ),
    Plant(
        "a-document-in-a-temporary-file",
        "words",
        "document in",
        (
            (
                "spool/sealing.py",
                "        with self._lock:\n            self._write(data)\n",
                "        with self._lock:\n"
                '            (parts.data() / "upload.tmp").write_bytes(data)\n'
                "            self._write(data)\n",
            ),
        ),
    ),
    Plant(
        "nothing-is-overwritten",
        "erased",
        "is still there",
        (
            (
                "plumbing/blobs/erasing.py",
                "        start += durable.write(fd, [piece], start, at=_BEFORE_OVERWRITE)\n",
                "        start += len(piece)\n",
            ),
        ),
    ),
    Plant(
        "deleted-rows-stay-in-the-database",
        "erased",
        "is in the database's files",
        (
            ("plumbing/sqlite/base.py", '"secure_delete=ON"', '"secure_delete=OFF"'),
            ("spool/epochs.py", "PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA wal_checkpoint(PASSIVE)"),
        ),
    ),
    Plant(
        "a-clock-set-ahead-is-believed",
        "clock",
        "deleted a held job",
        (("flow/timers.py", "    if _jumped():\n", "    if _jumped() and not parts.clock().now():\n"),),
    ),
)
