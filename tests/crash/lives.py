"""A house that is started, killed and started again, and the virtual devices that outlive it."""

import copy
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from frisket import lab
from frisket.programs import control
from tests.crash.client import Gone, Sender

__all__ = ["MARK", "OWNER", "QUEUE", "Forge", "House", "Paper", "Works", "until"]

ROOT = Path(__file__).parents[2]
OWNER, QUEUE = "alice", "secure"
MARK = b"%%crash-"  # then 24 hexadecimal digits, in the first line of every document
SYNC_FAILED = 74
_PATIENCE_S = 60.0
# Page counting is not the subject here, and its sandboxes would take most of the machine: without a path
# there is no sandbox, and the house goes on without page counts.
_NO_PROGRAMS = "/nonexistent"


def until(holds: Callable[[], bool], what: str, *, within_s: float = _PATIENCE_S, every_s: float = 0.02) -> None:
    """Wait for something to become true; AssertionError names it when it does not."""
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end, f"waited {within_s:g} s in vain: {what}"
        time.sleep(every_s)


def _mark_in(start: bytes) -> str:
    return start.partition(MARK)[2][:24].decode("ascii", "replace")


class Forge:
    """A program with everything imported, from which lives are forked. source: whose code the lives run."""

    def __init__(self, source: Path = ROOT / "src") -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FRISKET_")}
        self.source = source
        self._lock = threading.Lock()
        self._program = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.forge"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**environment, "PYTHONPATH": f"{source}:{ROOT}"},
        )
        self.points: list[str] = self._read()["points"]

    def _read(self) -> dict[str, Any]:
        assert self._program.stdout is not None
        line = self._program.stdout.readline()
        assert line, "the forge ended"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ask(self, told: Mapping[str, Any]) -> dict[str, Any]:
        with self._lock:
            assert self._program.stdin is not None
            self._program.stdin.write(json.dumps(told) + "\n")
            self._program.stdin.flush()
            return self._read()

    def close(self) -> None:
        assert self._program.stdin is not None
        self._program.stdin.close()
        self._program.wait(timeout=20)


@dataclass(frozen=True, slots=True)
class Paper:
    """One job that a device received. printed: pages may have come out; whole: all of it, and it said so."""

    device: str
    number: int
    printed: bool
    whole: bool
    digests: tuple[str, ...]


class Works:
    """What outlives the houses of a test: the forge, and devices with what came out of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.forge = Forge()
        self._lock = threading.Lock()
        self._papers: dict[str, list[Paper]] = defaultdict(list)  # by the mark in a document's first line
        self._folder = folder / "lab"
        plans = (
            lab.DevicePlan("net", lab.Door.IPP, pages=1),
            lab.DevicePlan("port", lab.Door.RAW, pages=1),
        )
        self._running = lab.running(self._folder, *plans, printed=self._take)
        self.lab = self._running.__enter__()

    @property
    def devices(self) -> dict[str, str]:
        return {name: self.lab.uri(name) for name in ("net", "port")}

    def _take(self, printed: lab.Printed) -> None:
        paper = Paper(
            printed.device,
            printed.number,
            printed.outcome == "completed" or printed.door == "raw",
            printed.outcome == "completed",
            tuple(document.sha256 for document in printed.documents),
        )
        for document in (*printed.documents, printed.stream):
            if document is None or not document.file:
                continue
            file = self._folder / printed.device / document.file
            if document is not printed.stream:
                with file.open("rb") as octets:
                    start = octets.read(200)
                with self._lock:
                    self._papers[_mark_in(start)].append(paper)
            # Only this much is needed from here on; long runs would fill the disk.
            file.unlink(missing_ok=True)

    def papers(self, mark: str) -> list[Paper]:
        """Everything a device received that begins as the document with this mark does."""
        with self._lock:
            return list(self._papers[mark])

    def with_forge(self, forge: Forge) -> "Works":
        """The same devices for houses of another source."""
        other = copy.copy(self)
        other.forge = forge
        return other

    def close(self) -> None:
        self._running.__exit__(None, None, None)
        self.forge.close()


class House:
    """One data folder and the process that may be running on it."""

    def __init__(self, works: Works, data: Path, *, environment: Mapping[str, str] | None = None) -> None:
        self.works = works
        self.data = data
        self.log = data.parent / f"{data.name}.log"
        self.environment = dict(environment or {})
        self.secrets: dict[str, str] = {}  # of the owner, as shown once
        self.urls: dict[str, str] = {}
        self.pid = 0
        self._plain: subprocess.Popen[bytes] | None = None

    @classmethod
    def made(cls, works: Works, data: Path, *, environment: Mapping[str, str] | None = None) -> "House":
        """A new house with a queue that holds, its owner, and both devices; not running."""
        house = cls(works, data, environment=environment)
        house.make()
        house.start()
        house.furnish()
        house.stop()
        return house

    def make(self) -> None:
        assert self._run(["init", "--ephemeral-ports"]) == 0, self.words()

    def furnish(self) -> None:
        for name, uri in self.works.devices.items():
            self.command("device.add", name=name, uri=uri)
        self.command("queue.add", name=QUEUE, hold=True, trust_network=["127.0.0.0/8"])
        self.secrets = self.command("person.add", name=OWNER)

    def copy(self, data: Path) -> "House":
        """The same house, as far as it is on disk, in another folder."""
        shutil.copytree(self.data, data, symlinks=True, ignore=shutil.ignore_patterns("control.sock"))
        again = House(self.works, data, environment=self.environment)
        again.secrets = dict(self.secrets)
        return again

    # -- a life ----------------------------------------------------------------------------------

    def start(
        self, *, crashpoint: str = "", environment: Mapping[str, str] | None = None, plainly: bool = False
    ) -> bool:
        """Begin a life; False when it ended before it was ready. plainly: as its own program, not as a fork."""
        ready = self.data.parent / f"{self.data.name}.ready"
        ready.unlink(missing_ok=True)
        self.urls = {}
        given = self._environment({"FRISKET_CRASHPOINT": crashpoint, **(environment or {})})
        self._begin(["serve", "--ready-file", str(ready)], given, plainly)
        until(lambda: ready.exists() or self._over(0), "the house is ready", every_s=0.005)
        if not ready.exists():
            return False
        self.urls = json.loads(ready.read_text())["urls"]
        return True

    def _begin(self, arguments: list[str], environment: dict[str, str], plainly: bool) -> None:
        words = ["--data", str(self.data), *arguments]
        if plainly:
            with self.log.open("ab") as log:
                self._plain = subprocess.Popen(
                    [sys.executable, "-m", "frisket", *words], env=environment, stdout=log, stderr=log
                )
            self.pid = self._plain.pid
            return
        self._plain = None
        told = {"arguments": words, "environment": environment, "log": str(self.log)}
        self.pid = self.works.forge.ask(told)["pid"]

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        base = {"PATH": _NO_PROGRAMS, "HOME": str(self.data), "PYTHONPATH": f"{self.works.forge.source}:{ROOT}"}
        base["FRISKET_SPACE__RESERVE_BYTES"] = "0"
        # A device that lost its sender waits a minute for the next document; the tests do not wait for it.
        base["FRISKET_DELIVERY__FOLLOW_S"] = "1"
        return {**base, **self.environment, **more}

    def _run(self, arguments: list[str]) -> int:
        self._begin(arguments, self._environment({}), plainly=False)
        return self.wait()

    def _over(self, within_s: float) -> bool:
        try:
            fd = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return True
        try:
            return bool(select.select([fd], [], [], within_s)[0])
        finally:
            os.close(fd)

    def dies(self, *, within_s: float) -> bool:
        return self._over(within_s)

    @property
    def lives(self) -> bool:
        return self.pid != 0 and not self._over(0)

    def wait(self, *, within_s: float = _PATIENCE_S) -> int:
        """The end of this life: its exit status, or minus the signal that ended it."""
        assert self._over(within_s), f"the house still lives after {within_s:g} s"
        if self._plain is not None:
            status = self._plain.wait()
        else:
            status = os.waitstatus_to_exitcode(self.works.forge.ask({"wait": self.pid})["status"])
        self.pid = 0
        return status

    def kill(self) -> None:
        if self.pid:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.wait()

    def stop(self) -> None:
        os.kill(self.pid, signal.SIGTERM)
        status = self.wait()
        assert status == 0, f"the house ended with {status}: {self.words()}"

    def words(self) -> str:
        """The end of its log, for messages of tests."""
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""

    # -- asking it -------------------------------------------------------------------------------

    def sender(self, *, person: str = OWNER, password: str = "") -> Sender:
        door = "ipps" if password else "ipp"
        return Sender(f"{self.urls[door]}/{QUEUE}", person, password=password)

    def command(self, command: str, /, **values: Any) -> Any:
        """What the command line asks. Raises Gone when the house ends meanwhile, Remote when it refuses."""
        try:
            answered, result = control.ask(self.data, command, values)
        except (OSError, ValueError) as error:
            raise Gone(type(error).__name__) from error
        except control.Remote as error:
            if str(error).startswith("The house stopped"):
                raise Gone("stopped") from error
            raise
        if not answered:
            raise Gone("nobody answers")
        return result

    def release(self, number: int, device: str) -> bool:
        """Whether the house said yes. Raises Gone."""
        try:
            answer = self.command("job.release", jobs=[str(number)], person=OWNER, device=device)
        except control.Remote:
            return False
        return bool(answer["jobs"][0]["released"])

    def __enter__(self) -> "House":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
