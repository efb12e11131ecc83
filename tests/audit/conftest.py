"""A log with leaves in it, and an eye for its files."""

from pathlib import Path
from uuid import UUID, uuid5

import pytest

from frisket import audit
from frisket.audit import NewLeaf
from frisket.plumbing import db

NAMESPACE = UUID("11111111-2222-4333-8444-555555555555")


def leaf(house, number):
    """Unequal lengths, actors and subjects, so that nothing looks like its neighbour."""
    by = house.administrator
    subject = uuid5(NAMESPACE, str(number)) if number % 7 else None
    return NewLeaf("job.move", subject, by, {"number": number, "to": "held" * (number % 5)})


class Log:
    def __init__(self, house):
        self._house = house
        self.folder: Path = house.data / "audit"
        self.sequencer = audit.Sequencer()
        self.count = 0

    def write(self, count):
        """Record, without sequencing."""
        with db.transaction() as tx:
            numbers = range(self.count, self.count + count)
            audit.record_many([leaf(self._house, number) for number in numbers], tx=tx)
        self.count += count

    def grow(self, *counts):
        """Record and sequence, one batch after the other."""
        for count in counts:
            self.write(count)
            assert self.sequencer.run_once() == count

    def files(self):
        """Every file that belongs to the log and has octets, the sealed witness too."""
        found = [path for path in sorted(self.folder.rglob("*")) if path.is_file() and path.stat().st_size]
        return [*found, self._house.data / "keys" / "log-head"]


@pytest.fixture
def log(house):
    return Log(house)
