"""What a house left behind when it died, held against what it had promised: the invariants I1 to I12.

Everything is read from outside: the database file, the spool folder, the devices' trays, and the commands
that whoever runs a house would use.
"""

import json
import sqlite3
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from frisket.plumbing import keys
from tests.crash.client import Gone
from tests.crash.lives import OWNER, House, Paper
from tests.crash.load import Document, Job, Record

__all__ = ["database", "inspect", "log_problems", "settle", "spool_problems"]

_BUSY = ("released", "sending", "delivered", "ended", "received", "admitted", "prepared")
_PERIODIC = ("audit.", "delivery.watch", "flow.count", "flow.timers", "spool.clean", "spool.round", "spool.overwrite")


@contextmanager
def database(house: House) -> Iterator[sqlite3.Connection]:
    """The house's own file as it is at one moment, read beside it and only briefly: a reader holds up its cleaning."""
    with closing(sqlite3.connect(f"file:{house.data}/house.db?mode=ro", uri=True, timeout=10)) as rows:
        rows.execute("BEGIN")  # else a job may move on between its row and its leaves
        yield rows


def settle(house: House, *, within_s: float = 60) -> None:
    """Wait until nothing moves by itself any more. Raises Gone when the house dies before."""
    end = time.monotonic() + within_s
    while moving := _moving(house):
        if not house.lives:
            raise Gone("it died")
        assert time.monotonic() < end, f"it does not come to rest: {moving}; {house.words()}"
        time.sleep(0.03)


def _moving(house: House) -> list[tuple[str, ...]]:
    marks = ",".join("?" * len(_BUSY))
    with database(house) as rows:
        busy = rows.execute(f"SELECT 'job', number, state, why FROM job_job WHERE state IN ({marks})", _BUSY).fetchall()
        doomed = rows.execute("SELECT 'doomed', name FROM spool_sealedobject WHERE state = 'doomed'").fetchall()
        work = rows.execute("SELECT kind, state, last_error FROM plumbing_workitem WHERE state <> 'dead'").fetchall()
    return [*busy, *doomed, *(row for row in work if not row[0].startswith(_PERIODIC))]


@dataclass(slots=True)
class _Row:
    """A job as the database has it. leaves: (from, to, passed, why) of each, oldest first."""

    id: str
    number: int
    state: str
    why: str
    outcome: str
    documents: int
    has_key: bool
    kept: int
    open_attempts: int
    entries: int
    leaves: list[tuple[str, str, tuple[str, ...], str]] = field(default_factory=list)

    def moves(self, start: str, end: str) -> int:
        return sum(1 for leaf in self.leaves if leaf[:2] == (start, end))


_JOBS = """
    SELECT j.id, j.number, j.state, j.why, j.outcome, j.documents,
        EXISTS (SELECT 1 FROM spool_jobkey k WHERE k.job_id = j.id),
        (SELECT COUNT(*) FROM spool_sealedobject o WHERE o.job_id = j.id AND o.state = 'kept'),
        (SELECT COUNT(*) FROM delivery_attempt a WHERE a.job_id = j.id AND a.ended_at IS NULL),
        (SELECT COUNT(*) FROM ledger_entry e WHERE e.job = j.id)
    FROM job_job j WHERE j.number > ? ORDER BY j.number
"""


def _jobs(house: House, after: int) -> dict[int, _Row]:
    with database(house) as rows:
        found = {row[1]: _Row(row[0], *row[1:6], bool(row[6]), *row[7:]) for row in rows.execute(_JOBS, (after,))}
        by_id = {row.id: row for row in found.values()}
        first = min((row.id for row in found.values()), default="")
        if first:
            subjects = list(by_id)
            for start in range(0, len(subjects), 500):
                some = subjects[start : start + 500]
                marks = ",".join("?" * len(some))
                told = rows.execute(
                    f"SELECT subject, body FROM audit_leaf WHERE act IN ('job.accept', 'job.create', 'job.move')"
                    f" AND subject IN ({marks}) ORDER BY id",
                    some,
                )
                for subject, body in told:
                    by_id[subject].leaves.append(_leaf(json.loads(body)["facts"]))
    return found


def _leaf(facts: dict[str, Any]) -> tuple[str, str, tuple[str, ...], str]:
    passed = tuple(filter(None, str(facts.get("passed") or "").split("+")))
    return str(facts.get("from") or ""), str(facts.get("to") or facts.get("state")), passed, str(facts["why"])


def inspect(house: House, record: Record, *, verify: bool = True) -> list[str]:
    """What is wrong with this running house. Then everything held is printed, and looked at once more.

    The jobs of the record that ended are taken out of it: they have been looked at. Raises Gone.
    """
    settle(house)
    first = min((job.number for job in record.jobs if job.number is not None), default=0) - 1
    problems = _wrong_jobs(house, record, _jobs(house, first))
    problems += _print_what_is_held(house)
    settle(house)
    rows = _jobs(house, first)
    problems += _wrong_papers(house, record, rows)
    problems += spool_problems(house)
    problems += _stuck(house)
    if verify:
        problems += log_problems(house)
    record.jobs = [job for job in record.jobs if not _is_over(job, rows)]
    return problems


def _is_over(job: Job, rows: dict[int, _Row]) -> bool:
    return job.number is None or job.number not in rows or rows[job.number].state in ("erased", "uncertain")


# -- one job ---------------------------------------------------------------------------------------


def _wrong_jobs(house: House, record: Record, rows: dict[int, _Row]) -> list[str]:
    problems = []
    for job in record.jobs:
        if job.number is None:
            continue
        row = rows.get(job.number)
        if row is None:
            problems.append(f"I1: job {job.number} was acknowledged and is lost")
            continue
        problems += [f"job {job.number}: {words}" for words in (*_wrong_end(job, row), *_wrong_prints(house, job, row))]
    for row in rows.values():
        problems += [f"job {row.number}: {words}" for words in _wrong_row(row)]
    ghosts = rows.keys() - record.known
    if len(ghosts) > record.unanswered:
        problems.append(f"{len(ghosts)} jobs nobody was told of, and {record.unanswered} requests without an answer")
    return problems


def _wrong_end(job: Job, row: _Row) -> Iterator[str]:
    """I1, and that what was answered with yes came true."""
    if row.state == "quarantined":
        yield f"I1: its octets are damaged ({row.why})"
        return
    if row.documents < len(job.documents):
        yield "I1: an acknowledged document is missing"
    if row.state == "receiving":
        if job.closed:
            yield "I1: its acknowledged end is forgotten"
        return
    if not job.closed and not job.documents and (row.state, row.outcome) == ("erased", "failed"):
        return  # its sender never came back with a document (RFC 8011 section 4.3.1)
    cancelled = (row.state, row.outcome) == ("erased", "cancelled")
    printed = (row.state, row.outcome) == ("erased", "printed")
    untouched = row.state == "held" and row.why != "device-failed"
    if "cancel" in job.told and not cancelled:
        yield f"it was cancelled, and is {row.state} {row.outcome}"
    elif "cancel" in job.asked and not (cancelled or untouched):
        yield f"I1: after a cancel without an answer it is {row.state} {row.outcome}"
    elif "release" in job.told and untouched:
        yield "its release was acknowledged and is forgotten"
    elif "release" in job.asked and not (printed or untouched or row.state in ("uncertain", "held")):
        yield f"I1: after its release it is {row.state} {row.outcome}"
    elif not job.asked and not untouched:
        yield f"I1: nobody asked anything of it, and it is {row.state} {row.outcome} ({row.why})"


def _papers_of(house: House, job: Job) -> Iterator[tuple[Document, list[Paper]]]:
    for document in job.documents:
        yield document, [paper for paper in house.works.papers(document.mark) if paper.printed]


def _wrong_prints(house: House, job: Job, row: _Row) -> Iterator[str]:
    """I2, I4 and I8: as many prints as releases and decisions, and what came out is what went in."""
    decisions = row.moves("sending", "held") + row.moves("uncertain", "held")
    allowed = 1 + decisions if row.moves("held", "released") else 0
    for document, papers in _papers_of(house, job):
        if len(papers) > allowed:
            yield f"I4: a silent second print: {len(papers)} papers, {allowed} allowed"
        if row.outcome == "printed" and not any(paper.whole and document.digest in paper.digests for paper in papers):
            yield "I8: it is said to be printed, and no device has all of it"
        if row.state == "held" and any(paper.whole for paper in papers) and not row.moves("uncertain", "held"):
            yield "I4: it was printed and waits for a second print"
    if row.outcome == "printed" and row.entries != 1:
        yield f"I8: printed once and entered {row.entries} times"
    if row.outcome != "printed" and row.entries:
        yield "I8: entered as printed, and not printed"


def _wrong_row(row: _Row) -> Iterator[str]:
    """I3, I5, I7, I10, I12."""
    if row.has_key != (row.state != "erased"):
        yield f"I5: it is {row.state} and its key is {'there' if row.has_key else 'gone'}"
    if row.state == "erased" and row.kept:
        yield "I5: an object of an erased job is kept"
    if row.state != "erased" and row.kept != row.documents:
        yield f"I5: {row.documents} documents and {row.kept} objects"
    if row.open_attempts:
        yield "I3: an attempt that nobody ends"
    state = ""
    for start, end, _, _ in row.leaves:
        if start != state:
            yield f"I7: the log goes from {state} to {start}"
        if state == "erased":
            yield "I10: it came back after it was erased"
        state = end
    if state != row.state:
        yield f"I12: the log ends in {state}, the job is {row.state}"


# -- printing what is held -------------------------------------------------------------------------


def _print_what_is_held(house: House) -> list[str]:
    """On both devices; mostly on the one that is quicker."""
    listed = house.command("job.list", state=["held"], limit=1000)["jobs"]
    numbers = [str(row["number"]) for row in listed if row["documents"]]
    problems = []
    for device, some in (("net", numbers[::4]), ("port", [each for at, each in enumerate(numbers) if at % 4])):
        if some:
            answer = house.command("job.release", jobs=some, person=OWNER, device=device)
            refused = [each for each in answer["jobs"] if not each["released"]]
            problems += [f"job {each['number']}: I1: it cannot be released: {each['text']}" for each in refused]
    return problems


def _wrong_papers(house: House, record: Record, rows: dict[int, _Row]) -> list[str]:
    """What was held when we looked has now been printed; its octets are those that were sent."""
    problems = []
    for job in record.jobs:
        row = rows.get(job.number or -1)
        if row is None or row.state in ("receiving", "uncertain", "quarantined") or row.outcome == "cancelled":
            continue
        if row.state == "held" and not job.closed and not row.moves("held", "released"):
            continue  # its sender's time ran out between our two looks; the next one prints it
        if row.state != "erased":
            problems.append(f"job {row.number}: I1: released at last, it is {row.state} ({row.why})")
        problems += [f"job {row.number}: {words}" for words in _wrong_prints(house, job, row)]
    for row in rows.values():
        problems += [f"job {row.number}: {words}" for words in _wrong_row(row)]
    return problems


# -- the house as a whole --------------------------------------------------------------------------


def _stuck(house: House) -> list[str]:
    with database(house) as rows:
        dead = rows.execute("SELECT kind, last_error FROM plumbing_workitem WHERE state = 'dead'").fetchall()
    return [f"dead work: {kind} after {error}" for kind, error in dead]


def log_problems(house: House) -> list[str]:
    verdict = house.command("audit.verify")
    if verdict["ok"]:
        return []
    return [f"I7: the log: {problem['kind']} {problem['place']}" for problem in verdict["problems"]]


def spool_problems(house: House) -> list[str]:
    """Orphans: objects without a row, rows without an object, uploads nobody ends, octets nobody owns."""
    with database(house) as rows:
        held = rows.execute('SELECT place, name, "offset", octets FROM spool_sealedobject').fetchall()
    places: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for _, name, offset, octets in held:
        places[name].append((offset, offset + keys.sealed_length(octets)))
    spool = house.data / "spool"
    files = {file.stem: file for file in (*spool.glob("files/*/*.sealed"), *spool.glob("segments/*.seg"))}
    problems = [f"orphan: an upload of a dead process: {file.name}" for file in spool.glob("files/*/*.part")]
    problems += [f"I5: a row without its object: {name}" for name in places.keys() - files.keys()]
    for name, file in files.items():
        if file.suffix == ".sealed":
            if name not in places:
                problems.append(f"orphan: a file without a row: {name}")
        elif any(_octets_outside(file, places.get(name, []))):
            problems.append(f"orphan: octets of nobody in the segment {name}")
    return problems


def _octets_outside(segment: Path, live: list[tuple[int, int]]) -> Iterator[bool]:
    octets = segment.read_bytes()
    at = 0
    for start, stop in (*sorted(live), (len(octets), len(octets))):
        gap = octets[at:start]
        yield gap.count(0) != len(gap)
        at = max(at, stop)
