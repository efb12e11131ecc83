"""What outlives the houses: devices and the forge, once for the whole folder; and a furnished house to copy."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.lives import House, Works


@pytest.fixture(scope="session")
def works() -> Iterator[Works]:
    folder = Path(tempfile.mkdtemp(prefix="crash-works-"))
    running = Works(folder)
    yield running
    running.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def furnished(works: Works) -> House:
    """Never started again: tests copy it, which is much quicker than making one."""
    return House.made(works, works.folder / "furnished")


@pytest.fixture
def house(furnished: House, tmp_path: Path) -> Iterator[House]:
    with furnished.copy(tmp_path / "house") as here:
        yield here


@pytest.fixture(scope="session")
def rounds() -> int:
    """How many rounds the long forms have."""
    return int(os.environ.get("FRISKET_CRASH_ROUNDS", "1000"))
