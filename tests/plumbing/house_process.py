"""A house in a process of its own, so that a test can kill it: ``house_process.py <data folder> <role>``.

``queue`` queues one item; ``work`` runs a worker whose handler writes "begun-<attempt>" and "done" to the
log file and sleeps in between for as long as a file called ``slow`` is there.
"""

import os
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import cast
from uuid import uuid4

from frisket.programs import framework  # isort: skip  (readies the framework, before any table)
from frisket.plumbing import db, parts, work
from frisket.plumbing.clock import HouseClock
from frisket.plumbing.keys import KeyStore
from frisket.plumbing.settings import Settings

LEASE_S = 2.0


def say(data: Path, line: str) -> None:
    with (data / "log").open("a") as out:
        out.write(f"{os.getpid()} {line} {time.time()}\n")


def main(data: Path, role: str) -> None:
    url = os.environ.get("FRISKET_TEST_DATABASE", "")
    settings = Settings.model_validate({"database": {"url": url}})
    framework.use(settings, data, secret_key="a key of the tests")
    # No keys: nothing here is secret, and making a store costs a second.
    keys = cast(KeyStore, None)
    parts.install(parts.Parts(data, settings, HouseClock(data / "clock"), keys, uuid4(), uuid4()))

    @work.handles("t.killed", lease=timedelta(seconds=LEASE_S))
    def do(item: work.Item) -> None:
        say(data, f"begun-{item.attempt}")
        while (data / "slow").exists():
            time.sleep(0.05)
        say(data, "done")

    if role == "queue":
        with db.transaction() as tx:
            work.enqueue("t.killed", {}, tx=tx)
        return
    work.open_engine(2).start()
    say(data, "ready")
    time.sleep(60)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
