"""Sandboxes that make one document out of another, and those that are started ahead.

Boundary B8. A cell is one process behind the walls of `sandbox`, for one document: the task and the document go in
by a pipe, the result comes out in memory that nobody can change any more. A cell that waits has seen no document;
one that has seen a document ends. So nothing of one person ever meets the process of another.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from frisket.prepress.errors import SandboxUnavailable
from frisket.prepress.sandbox import Answer, Limits, Room, Talk, command_line, end
from frisket.prepress.seccomp import filter_program

__all__ = ["Ahead", "Cell", "Memory"]

_PIECE = 256 << 10
_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


class Memory:
    """A document in memory that has no name anywhere: written by a cell, then read by the house."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @property
    def octets(self) -> int:
        return os.fstat(self._descriptor).st_size

    def pieces(self) -> Iterator[bytes]:
        at = 0
        while piece := os.pread(self._descriptor, _PIECE, at):
            yield piece
            at += len(piece)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Memory:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _TooLarge(Exception):
    """The document has more octets than it may."""


class Cell:
    """A process that waits for its one document. Raises SandboxUnavailable when it does not even start."""

    def __init__(self, program: str, arguments: Sequence[str], room: Room, limits: Limits) -> None:
        self._limits = limits
        self._result = os.memfd_create("result", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            # The kernel ends a child with the very thread that started it, so that thread has to stay.
            started = _starter.submit(_start, program, [*arguments, str(self._result)], room, limits, self._result)
            self._child: subprocess.Popen[bytes] = started.result()
        except BaseException:
            os.close(self._result)
            raise

    def waits(self) -> bool:
        """Whether it is still there to take a document."""
        return self._child.poll() is None

    def make(
        self, task: Mapping[str, object], source: Iterator[bytes], *, whatever_it_says: bool = False
    ) -> tuple[Answer, Memory | None]:
        """Give it its document; what it said, and what it made. The cell is over then, whatever happened.

        The memory is None when nothing was made, or, unless ``whatever_it_says``, when it did not end well.
        """
        frame = json.dumps(task).encode()
        fed = itertools.chain((len(frame).to_bytes(4) + frame,), _at_most(source, self._limits.document))
        try:
            answer = Talk(self._child, fed, self._limits).finish()
        except _TooLarge:
            answer = Answer({}, "document")
        finally:
            end(self._child)
        made = self._taken() if whatever_it_says or not answer.stopped else None
        self.close()
        return answer, made

    def _taken(self) -> Memory | None:
        """What was made, as it will stay; None for nothing, or where something still holds it open for writing."""
        descriptor, self._result = self._result, -1
        memory = Memory(descriptor)
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
            if memory.octets:
                return memory
        memory.close()
        return None

    def close(self) -> None:
        """Give up a cell that was not used."""
        end(self._child)
        if self._result >= 0:
            os.close(self._result)
            self._result = -1


_starter = ThreadPoolExecutor(1, thread_name_prefix="sandboxes")


def _start(program: str, arguments: Sequence[str], room: Room, limits: Limits, result: int) -> subprocess.Popen[bytes]:
    filter_read, filter_write = os.pipe()
    try:
        line = command_line(program, arguments, limits, filter_read, room)
        os.write(filter_write, filter_program(threads=room.threads))  # some hundred octets: fits the pipe
        os.close(filter_write)
        filter_write = -1
        return subprocess.Popen(
            line,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # it may quote the document
            env={},
            pass_fds=(filter_read, result),
            bufsize=0,
        )
    except OSError as error:
        raise SandboxUnavailable(f"the sandbox does not start: {error.strerror}") from error
    finally:
        os.close(filter_read)
        if filter_write >= 0:
            os.close(filter_write)


def _at_most(source: Iterator[bytes], most: int) -> Iterator[bytes]:
    length = 0
    for piece in source:
        length += len(piece)
        if length > most:
            raise _TooLarge
        yield piece


class Ahead:
    """Cells of one kind started before they are needed; those that wait too long for nothing go again."""

    def __init__(self, start: Callable[[], Cell]) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._waiting: deque[Cell] = deque()
        self._used_at = 0.0
        self._watch: threading.Timer | None = None

    def take(self, *, keep: int, idle_s: float) -> Cell:
        """A cell for one document: one that waits, else a new one; another is started in its place.

        keep: how many shall wait for the next documents. idle_s: after so long without a document none waits.
        """
        with self._lock:
            cell = self._oldest()
            self._used_at = time.monotonic()
        if cell is None:
            cell = self._start()
        self._refill(keep, idle_s)
        return cell

    def _oldest(self) -> Cell | None:
        """One that waits; what died while it waited is cleared away."""
        while self._waiting:
            cell = self._waiting.popleft()
            if cell.waits():
                return cell
            cell.close()
        return None

    def waiting(self) -> int:
        return len(self._waiting)

    def shrink(self) -> None:
        """Nobody waits any more."""
        with self._lock:
            unused, self._waiting = list(self._waiting), deque()
            if self._watch is not None:
                self._watch.cancel()
                self._watch = None
        for cell in unused:
            cell.close()

    def _refill(self, keep: int, idle_s: float) -> None:
        with self._lock:
            lacking = keep - len(self._waiting)
        for _ in range(lacking):
            try:
                fresh = self._start()
            except SandboxUnavailable:
                break  # the cell in hand works; whoever comes next is told
            with self._lock:
                self._waiting.append(fresh)
        with self._lock:
            if self._waiting and self._watch is None:
                self._look_again_in(idle_s, idle_s)

    def _look_again_in(self, seconds: float, idle_s: float) -> None:
        self._watch = threading.Timer(seconds, self._look, [idle_s])
        self._watch.daemon = True
        self._watch.start()

    def _look(self, idle_s: float) -> None:
        with self._lock:
            left = self._used_at + idle_s - time.monotonic()
            if left > 0:
                self._look_again_in(left, idle_s)
                return
        self.shrink()
