"""A run of hostile inputs: what became of them, and that none of them takes memory that a peer could decide about."""

import random
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

__all__ = ["ADOPTED", "Tally", "at_once", "bounded_memory", "forms", "run"]

Result = TypeVar("Result")
SHORT, ADOPTED, LONG = 50_000, 10_000, 1_000_000
MOST_MB = 64  # more than a run's own noise, less than a count in a message can ask for


def forms(short: int = SHORT) -> pytest.MarkDecorator:
    """The two sizes of a run. short: less for what only devices and servers say that a person adopted."""
    return pytest.mark.parametrize(
        "times", [pytest.param(short, id="short"), pytest.param(LONG, id="a-million", marks=pytest.mark.long)]
    )


@dataclass(frozen=True, slots=True)
class Tally:
    read: int  # inputs that were taken to their end
    refused: int  # with an error that is documented


def run(
    times: int,
    seed: int,
    make: Callable[[random.Random], bytes],
    digest: Callable[[random.Random, bytes], bool],
) -> Tally:
    """make: one input. digest: whether it was read; it takes the documented errors, all others fail the run."""
    source, read = random.Random(seed), 0
    with bounded_memory():
        for number in range(times):
            octets = make(source)
            try:
                read += digest(source, octets)
            except BaseException as error:
                error.add_note(f"input {number} of seed {seed}: {octets!r}")
                raise
    return Tally(read, times - read)


@contextmanager
def bounded_memory(most_mb: int = MOST_MB) -> Iterator[None]:
    """Fails where this process took so much more at any moment within, as the kernel counted it."""
    with suppress(OSError):  # where it may not be set back, an earlier peak hides a lower one
        Path("/proc/self/clear_refs").write_text("5")
    before = _highest_kb()
    yield
    grown = (_highest_kb() - before) / 1024
    assert grown <= most_mb, f"memory rose by {grown:.0f} MB"


def _highest_kb() -> int:
    told = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in told if line.startswith("VmHWM:"))


def at_once(act: Coroutine[Any, Any, Result]) -> Result:
    """The result of a coroutine that has nothing to wait for: a loop for each input would cost more than the input."""
    try:
        act.send(None)
    except StopIteration as end:
        result: Result = end.value
        return result
    act.close()
    raise AssertionError("it waits for something that never comes")
