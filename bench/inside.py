"""Parts of the way of a job, measured alone in a process of their own: `python -m bench.inside FOLDER LEAVES`.

Makes a house in the folder and prints one JSON object: what, then its unit and number.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import frisket.programs  # noqa: F401  readies the framework: before it no room with tables can be imported
from bench import messages
from bench.documents import pdf
from bench.load import percentile
from frisket import audit, prepress, spool
from frisket.plumbing import db, work
from frisket.plumbing.scope import HOUSE
from frisket.programs import house
from frisket.wire import ipp

__all__: list[str] = []

KIND = "bench.echo"


def _each(act: Callable[[], object], rounds: int) -> float:
    """Microseconds of one round, the best of five: the others measure the neighbours."""
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(rounds):
            act()
        best = min(best, (time.perf_counter() - began) / rounds)
    return best * 1e6


def _all(folder: Path, leaves: int) -> dict[str, tuple[str, float]]:
    told: dict[str, tuple[str, float]] = {}
    data = folder / "data"
    house.make(data, config=None, ephemeral_ports=True)
    with house.opened(data):
        told["New job key, wrapped"] = ("µs", _each(lambda: spool.new_key(uuid4()), 500))
        key, document = spool.new_key(uuid4()), pdf(20_480).numbered(1)
        told["Seal 20 kB"] = ("µs", _each(lambda: spool.seal_octets(document, key), 500))
        request = messages.request("print-job", 7, "ipp://localhost:631/ipp/print/secure", "load")
        told["Parse a Print-Job"] = ("µs", _each(lambda: _parse(request), 2000))
        told["Count the pages of 20 kB, sandboxed"] = ("ms", _each(lambda: _count(document), 3) / 1000)
        told |= _log(leaves)
        told |= _engine()
    return told


def _parse(request: bytes) -> None:
    reader = ipp.Reader()
    reader.feed(request)
    assert reader.message is not None


def _count(document: bytes) -> None:
    assert prepress.facts(iter((document,)), "application/pdf").pages == 1


def _log(leaves: int) -> dict[str, tuple[str, float]]:
    """Recording, sequencing and verifying, for one leaf or a million."""
    began = time.perf_counter()
    for _ in range(leaves // 1000):
        new = [audit.NewLeaf("job.accept", uuid4(), HOUSE, {"number": n, "octets": 20_480}) for n in range(1000)]
        with db.transaction() as tx:
            audit.record_many(new, tx=tx)
    recorded = time.perf_counter()
    audit.Sequencer().run_once()
    sequenced = time.perf_counter()
    verdict = audit.verify()
    verified = time.perf_counter()
    assert verdict.ok and verdict.size >= leaves
    return {
        "Record a leaf": ("µs", (recorded - began) * 1e6 / leaves),
        "Sequence and sign a leaf": ("µs", (sequenced - recorded) * 1e6 / leaves),
        "Verify the log, a million leaves": ("s", (verified - sequenced) * 1e6 / leaves),
    }


_done: list[float] = []


@work.handles(KIND)
def _echo(item: work.Item) -> None:
    _done.append(time.perf_counter())


def _engine() -> dict[str, tuple[str, float]]:
    """From the commit that queues work to its handler, one piece at a time."""
    engine = work.open_engine(4)
    engine.start()
    found = []
    for _ in range(200):
        _done.clear()
        with db.transaction() as tx:
            work.enqueue(KIND, {}, tx=tx)
        began = time.perf_counter()
        while not _done and time.perf_counter() - began < 5:
            time.sleep(0.0002)
        if _done:
            found.append(max(0.0, _done[0] - began))
    engine.stop()
    found.sort()
    return {"Work engine, queued to begun, p95": ("ms", percentile(found, 95) * 1000)}


if __name__ == "__main__":
    os.umask(0o077)
    print(json.dumps(_all(Path(sys.argv[1]), int(sys.argv[2]))))
