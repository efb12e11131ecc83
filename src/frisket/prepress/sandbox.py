"""A process with nothing around it: no network, no files but its own program, bounded in every measure.

Boundary B8 (hostile documents). Walls: bubblewrap namespaces (user, mount, network, process, IPC, host name,
cgroup), an empty read-only root with the interpreter in it, a system-call filter, limits of the kernel,
no environment. The document comes by descriptor and the answer goes by descriptor; both are bounded.
A machine where one of the walls cannot be built gets no sandbox at all (`available`).
"""

from __future__ import annotations

import compileall
import contextlib
import json
import os
import selectors
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from frisket.prepress.errors import SandboxUnavailable
from frisket.prepress.seccomp import filter_program

__all__ = ["Answer", "Limits", "Room", "Talk", "command_line", "end", "run"]

MiB = 1 << 20
_INSIDE = Path(__file__).parent / "inside"
_PACKAGE = "frisket.prepress.inside"
_LONGEST_FRAME = 64 << 10
_PIECE = 256 << 10
_KILLED_BY_CPU = 128 + 24  # SIGXCPU, as bubblewrap hands it on
_KILLED_BY_CPU_HARD = 128 + 9


@dataclass(frozen=True, slots=True)
class Limits:
    """memory, scratch, document: octets. document bounds only what must be in memory as a whole."""

    wall_s: float = 60
    wall_per_page_s: float = 1
    most_pages: int = 10_000
    cpu_s: int = 120
    memory: int = 1024 * MiB
    scratch: int = 16 * MiB
    document: int = 512 * MiB
    open_files: int = 64


@dataclass(frozen=True, slots=True)
class Answer:
    """facts: what the program inside said last, as far as it came. stopped: which limit ended it, or "".

    stopped is one of wall, cpu, memory, output, document, crashed.
    """

    facts: dict[str, Any]
    stopped: str = ""


@dataclass(frozen=True, slots=True)
class Room:
    """What a program finds inside beside the interpreter and its own modules.

    packages: of the environment the house runs in. shown: folders and files of this machine, read-only.
    environment: names and values. threads: whether it may have some; processes it may never have.
    """

    packages: tuple[str, ...] = ("pikepdf", "pikepdf.libs")
    shown: tuple[str, ...] = ()
    shown_as: tuple[tuple[str, str], ...] = ()  # what lies elsewhere inside
    environment: tuple[tuple[str, str], ...] = ()
    threads: bool = False


COUNTING = Room()


def command_line(
    program: str, arguments: Sequence[str], limits: Limits, filter_fd: int, room: Room = COUNTING
) -> list[str]:
    """nice, prlimit, then bubblewrap, then the interpreter. Raises SandboxUnavailable when one is missing.

    Whoever prints goes before whoever counts, hence nice: on a busy machine a look cost the release its cores.
    """
    nice, prlimit, bwrap = shutil.which("nice"), shutil.which("prlimit"), shutil.which("bwrap")
    if nice is None or prlimit is None or bwrap is None:
        raise SandboxUnavailable("bubblewrap or prlimit is not installed")
    bounds = (
        f"--as={limits.memory}",
        f"--cpu={limits.cpu_s}:{limits.cpu_s + 1}",
        f"--fsize={limits.scratch}",
        f"--nofile={limits.open_files}",
        "--core=0",
    )
    walls = (
        *("--unshare-all", "--unshare-user", "--disable-userns", "--uid", "65534", "--gid", "65534"),
        *("--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL", "--hostname", "sandbox"),
        *("--seccomp", str(filter_fd)),
    )
    # Inside, isolated (-I), without site (-S) and without writing bytecode (-B).
    interpreter = (os.path.realpath(sys.executable), "-I", "-S", "-B", "-X", "utf8")
    # Our program is alone under its package name: `frisket` inside has nothing but prepress/inside.
    start = f"import sys; sys.path[:0] = ['/program', '/packages']; from {_PACKAGE}.{program} import main; main()"
    inside = ("-c", start, *arguments)
    root = _root(limits, room)
    return [nice, "-n", "10", prlimit, *bounds, "--", bwrap, *walls, *root, "--", *interpreter, *inside]


def _root(limits: Limits, room: Room) -> list[str]:
    """The whole file system inside: libraries, interpreter, our program, an empty scratch folder."""
    interpreter = os.path.realpath(sys.executable)
    _compile_once(_INSIDE)
    shown = ["--ro-bind", "/usr/lib", "/usr/lib"]
    for library in ("/lib", "/lib64"):
        if os.path.islink(library):
            shown += ["--symlink", os.readlink(library), library]
        elif os.path.isdir(library):
            shown += ["--ro-bind", library, library]
    if os.path.isdir("/usr/lib64"):
        shown += ["--ro-bind", "/usr/lib64", "/usr/lib64"]
    if sys.base_prefix == "/usr":
        shown += ["--ro-bind", interpreter, interpreter]
    else:
        shown += ["--ro-bind", sys.base_prefix, sys.base_prefix]
    return [
        *shown,
        *_packages(room),
        *(word for path, inside in room.shown_as for word in ("--ro-bind", path, inside)),
        *(word for path in room.shown if os.path.exists(path) for word in ("--ro-bind", path, path)),
        *(word for name, value in room.environment for word in ("--setenv", name, value)),
        *("--ro-bind", str(_INSIDE), f"/program/{_PACKAGE.replace('.', '/')}"),
        *("--dev-bind", "/dev/urandom", "/dev/urandom"),  # the PDF library wants it to open encrypted documents
        *("--size", str(limits.scratch), "--tmpfs", "/tmp"),
        *("--remount-ro", "/", "--chdir", "/tmp"),
    ]


def _packages(room: Room) -> list[str]:
    """The PDF library and its like, and what their wheels brought; found without being imported (R15)."""
    spec = find_spec("pikepdf")
    if spec is None or spec.origin is None:
        raise SandboxUnavailable("the PDF library is not installed")
    packages = Path(spec.origin).parent.parent
    shown = []
    for name in room.packages:
        for found in (packages / name, *packages.glob(f"{name}.*.so")):
            if found.exists():
                _compile_once(found)
                shown += ["--ro-bind", str(found), f"/packages/{found.name}"]
    return shown


@lru_cache
def _compile_once(folder: Path) -> None:
    """Leave bytecode beside the sources, as a first import does: inside nothing can be written.

    Not every installer compiles, and then each document paid for it. Where this process may not write, nothing
    changes. Compiling runs nothing of what it reads (R15).
    """
    if folder.is_dir():
        compileall.compile_dir(folder, quiet=2)


def run(
    program: str,
    arguments: Sequence[str],
    source: Iterator[bytes],
    *,
    whole: bool,
    limits: Limits,
) -> Answer:
    """Run a module of prepress/inside (its main) on a document and return what it said.

    whole: hand the document over as one seekable descriptor, in memory only; else as a stream.
    Raises SandboxUnavailable when the process cannot even be started.
    """
    with contextlib.ExitStack() as stack:
        document = -1
        if whole:
            memory = _memory(source, limits.document)
            if memory is None:
                return Answer({}, "document")
            document = memory
            stack.callback(os.close, document)
        child = _start(program, arguments, document, limits)
        stack.callback(end, child)
        return Talk(child, iter(()) if whole else source, limits).finish()


def _memory(source: Iterator[bytes], most: int) -> int | None:
    """The document as a read-only descriptor of memory; None when it is larger. Nothing touches a disk."""
    memory = os.memfd_create("document", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        length = 0
        for piece in source:
            length += len(piece)
            if length > most:
                return None
            view = memoryview(piece)
            while view:
                view = view[os.write(memory, view) :]
        return os.open(f"/proc/self/fd/{memory}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(memory)


def _start(program: str, arguments: Sequence[str], document: int, limits: Limits) -> subprocess.Popen[bytes]:
    filter_read, filter_write = os.pipe()
    try:
        line = command_line(program, arguments, limits, filter_read)
        os.write(filter_write, filter_program())  # some hundred octets: fits the pipe
        os.close(filter_write)
        filter_write = -1
        return subprocess.Popen(
            line,
            stdin=subprocess.PIPE if document < 0 else document,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # it may quote the document
            env={},
            pass_fds=(filter_read,),
            bufsize=0,
        )
    except OSError as error:
        raise SandboxUnavailable(f"the sandbox does not start: {error.strerror}") from error
    finally:
        os.close(filter_read)
        if filter_write >= 0:
            os.close(filter_write)


def end(child: subprocess.Popen[bytes]) -> None:
    child.kill()  # bubblewrap takes everything inside with it (--die-with-parent, own process namespace)
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


class Talk:
    """Feeds a child and reads its frames (4 octets of length, then JSON) until it ends or has to."""

    def __init__(self, child: subprocess.Popen[bytes], source: Iterator[bytes], limits: Limits) -> None:
        self._child = child
        self._source = source
        self._limits = limits
        self._began = time.monotonic()
        self._deadline = self._began + limits.wall_s
        self._unsent = memoryview(b"")
        self._received = b""
        self._facts: dict[str, Any] = {}
        self._selector = selectors.DefaultSelector()

    def finish(self) -> Answer:
        assert self._child.stdout is not None
        with self._selector:
            self._watch(self._child.stdout.fileno(), selectors.EVENT_READ, self._read)
            if self._child.stdin is not None:
                self._watch(self._child.stdin.fileno(), selectors.EVENT_WRITE, self._write)
            while self._child.stdout.fileno() in self._selector.get_map():
                left = self._deadline - time.monotonic()
                ready = self._selector.select(left) if left > 0 else []
                if not ready:
                    return Answer(self._facts, "wall")
                for key, _ in ready:
                    stopped = key.data()
                    if stopped:
                        return Answer(self._facts, stopped)
        return Answer(self._facts, self._why_it_ended())

    def _watch(self, descriptor: int, event: int, act: Callable[[], str]) -> None:
        os.set_blocking(descriptor, False)
        self._selector.register(descriptor, event, act)

    def _write(self) -> str:
        assert self._child.stdin is not None
        while not self._unsent:
            piece = next(self._source, None)
            if piece is None:
                self._stop_writing()
                return ""
            self._unsent = memoryview(piece)
        try:
            sent = os.write(self._child.stdin.fileno(), self._unsent[:_PIECE])
            self._unsent = self._unsent[sent:]
        except BrokenPipeError:
            self._stop_writing()  # it has seen enough, or has ended
        except BlockingIOError:
            pass
        return ""

    def _stop_writing(self) -> None:
        assert self._child.stdin is not None
        self._selector.unregister(self._child.stdin.fileno())
        self._child.stdin.close()

    def _read(self) -> str:
        assert self._child.stdout is not None
        data = os.read(self._child.stdout.fileno(), _LONGEST_FRAME)
        if not data:
            self._selector.unregister(self._child.stdout.fileno())
            return ""
        self._received += data
        while len(self._received) >= 4:
            length = int.from_bytes(self._received[:4])
            if length > _LONGEST_FRAME:
                return "output"
            if len(self._received) < 4 + length:
                break
            frame, self._received = self._received[4 : 4 + length], self._received[4 + length :]
            if not self._take(frame):
                return "crashed"
        return ""

    def _take(self, frame: bytes) -> bool:
        """Facts add up; a page count gives the child the time its pages need."""
        try:
            facts = json.loads(frame)
        except ValueError:
            return False
        if not isinstance(facts, dict):
            return False
        self._facts.update(facts)
        pages = self._facts.get("pages")
        if isinstance(pages, int):
            extra = min(max(pages, 0), self._limits.most_pages) * self._limits.wall_per_page_s
            self._deadline = self._began + self._limits.wall_s + extra
        return True

    def _why_it_ended(self) -> str:
        try:
            status = self._child.wait(timeout=max(1.0, self._deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return "wall"
        if status == 0:
            return "" if self._facts else "crashed"
        if status in (_KILLED_BY_CPU, _KILLED_BY_CPU_HARD):
            return "cpu"
        return "crashed"
