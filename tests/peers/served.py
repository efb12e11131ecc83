"""A real house in a process of its own: made, served, asked, stopped and killed like any other."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from frisket.programs import control

__all__ = ["Failed", "Served", "folder_of_a_new_house", "serving", "until"]

COMMAND = (sys.executable, "-m", "frisket")
START_S = 180.0  # a machine may be busy with other things


class Failed(AssertionError):
    """The command line ended with a status that is not 0."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"exit status {status}: {text}")
        self.status = status
        self.text = text


def until(good: Callable[[], Any], within_s: float = 30.0, every_s: float = 0.05) -> Any:
    """What ``good`` gives as soon as it is something."""
    end = time.monotonic() + within_s
    while not (found := good()):
        assert time.monotonic() < end, f"it did not happen within {within_s} s"
        time.sleep(every_s)
    return found


@dataclass
class Served:
    """A house's folder, and the process that serves it while there is one."""

    data: Path
    settings: Mapping[str, str] = field(default_factory=dict)  # FRISKET_… names without the prefix
    process: "subprocess.Popen[bytes] | None" = None
    ready: dict[str, Any] = field(default_factory=dict)

    # -- its process

    @property
    def ready_file(self) -> Path:
        return self.data.parent / "ready.json"

    @property
    def log(self) -> Path:
        return self.data.parent / "serve.log"

    @property
    def environment(self) -> dict[str, str]:
        given = {f"FRISKET_{name}": value for name, value in self.settings.items()}
        return {**os.environ, **given, "PYTHONUNBUFFERED": "1"}

    def start(self, *options: str) -> None:
        self.ready_file.unlink(missing_ok=True)
        command = [*COMMAND, "--data", str(self.data), "serve", "--ready-file", str(self.ready_file), *options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=self.environment)
        process = self.process
        until(lambda: self.ready_file.exists() or process.poll() is not None, START_S, 0.02)
        assert process.poll() is None, self.log.read_text()[-4000:]
        self.ready = json.loads(self.ready_file.read_text())

    def stop(self, *, with_signal: int = signal.SIGTERM) -> int:
        """The exit status of the process."""
        assert self.process is not None
        self.process.send_signal(with_signal)
        status = self.process.wait(30)
        self.process = None
        return status

    def kill(self) -> None:
        self.stop(with_signal=signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    # -- what it is asked

    @property
    def urls(self) -> dict[str, str]:
        urls: dict[str, str] = self.ready["urls"]
        return urls

    def port(self, name: str) -> int:
        return urlsplit(self.urls[name]).port or 0

    def ask(self, command: str, **values: Any) -> Any:
        """A command over the control socket, as the command line sends it."""
        answered, result = control.ask(self.data, command, values)
        assert answered, "the house does not run"
        return result

    def run(self, *words: str, stdin: bytes | None = None) -> "subprocess.CompletedProcess[bytes]":
        """The command line itself."""
        command = [*COMMAND, "--data", str(self.data), *words]
        return subprocess.run(command, input=stdin, capture_output=True, timeout=120, env=self.environment)

    def cli(self, *words: str, stdin: bytes | None = None) -> Any:
        """What the command line answers with --json. Raises Failed."""
        done = self.run(*words, "--json", stdin=stdin)
        if done.returncode:
            raise Failed(done.returncode, (done.stderr + done.stdout).decode())
        return json.loads(done.stdout)

    # -- what journeys often need

    def person(self, name: str, **values: Any) -> dict[str, Any]:
        added: dict[str, Any] = self.ask("person.add", name=name, **values)
        return added

    def job(self, number: int | str) -> dict[str, Any]:
        view: dict[str, Any] = self.ask("job.show", job=str(number))
        return view

    def jobs(self, person: str = "", *states: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("job.list", person=person, state=list(states), limit=1000)["jobs"]
        return found

    def reaches(self, number: int | str, *states: str, within_s: float = 30.0) -> dict[str, Any]:
        """The job once it is in one of these states."""
        end = time.monotonic() + within_s
        while (view := self.job(number))["state"] not in states:
            assert time.monotonic() < end, f"job {number} is {view['state']} ({view['why']} {view['note']})"
            time.sleep(0.05)
        return view

    def release(self, number: int | str, person: str, device: str, **wish: Any) -> dict[str, Any]:
        said: dict[str, Any] = self.ask("job.release", jobs=[str(number)], person=person, device=device, **wish)
        return said

    def print_at(self, number: int | str, person: str, device: str, **wish: Any) -> None:
        """Release, and see that it was taken."""
        said = self.release(number, person, device, **wish)["jobs"][0]
        assert said["released"], said["text"]

    def explained(self, number: int | str) -> dict[str, Any]:
        said: dict[str, Any] = self.ask("job.explain", job=str(number))
        return said

    def words(self, number: int | str) -> str:
        return " ".join(step["text"] for step in self.explained(number)["steps"])

    def resident_kib(self) -> int:
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


_made: list[Path] = []  # one house of this test process, copied for each that is served


def folder_of_a_new_house(where: Path) -> Path:
    """A house as `frisket init --ephemeral-ports` leaves it."""
    if not _made:
        place = Path(tempfile.mkdtemp(prefix="frisket-peers-"))
        words = [*COMMAND, "--data", str(place / "house"), "init", "--ephemeral-ports"]
        made = subprocess.run(words, capture_output=True, timeout=START_S)
        assert made.returncode == 0, made.stderr.decode()
        _made.append(place)
    data = where / "house"
    shutil.copytree(_made[0] / "house", data)
    return data


def forget_the_made_house() -> None:
    while _made:
        shutil.rmtree(_made.pop(), ignore_errors=True)


@contextmanager
def serving(settings: Mapping[str, str] | None = None, *, start: bool = True) -> Iterator[Served]:
    """A house of its own, in a short path: control sockets and devices like short paths."""
    place = Path(tempfile.mkdtemp(prefix="frisket-served-"))
    served = Served(folder_of_a_new_house(place), settings or {})
    try:
        if start:
            served.start()
        yield served
    finally:
        if served.process is not None:
            served.process.terminate()
            try:
                served.process.wait(20)
            except subprocess.TimeoutExpired:
                served.process.kill()
                served.process.wait(5)
        shutil.rmtree(place, ignore_errors=True)
