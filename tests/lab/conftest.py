import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from frisket import lab


@pytest.fixture
def devices(tmp_path: Path) -> Iterator[Callable[..., lab.Running]]:
    """Starts a lab with these devices in a folder of the test; it stops with the test."""
    with ExitStack() as stack:
        yield lambda *plans: stack.enter_context(lab.running(tmp_path, *plans))


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    def wait(condition: Callable[[], object]) -> None:
        end = time.monotonic() + 5
        while not condition():
            assert time.monotonic() < end, "it never came to be"
            time.sleep(0.01)

    return wait
