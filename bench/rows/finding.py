"""How soon a house is found by DNS-SD after it was started, beside ippeveprinter, with the programs people look with.

All of them, with a D-Bus and an Avahi, in a network of their own: on a shared loopback others' names would be asked
about too. Only root can make one.
"""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import IO

from bench.result import Row
from bench.servers import Frisket, NotUp, free_port
from bench.setting import Setting

__all__ = ["measure"]

NEEDED = ("dbus-daemon", "avahi-daemon", "avahi-browse", "ippfind", "ippeveprinter", "unshare", "nsenter", "ip")
LOOKERS = ("avahi-browse", "ippfind")
_Words = tuple[str, ...]
_PATIENCE_S = 120.0
_DISCOVERY = '\n[discovery]\ndns_sd = true\ninterfaces = ["127.0.0.1"]\nhost = "benchhouse"\n'
_BUS = """\
<busconfig>
  <type>system</type>
  <listen>unix:path={folder}/socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/>
  </policy>
</busconfig>
"""
_AVAHI = """\
[server]
host-name=benching
use-ipv4=yes
use-ipv6=no
allow-interfaces=lo
enable-dbus=yes
[wide-area]
enable-wide-area=no
[publish]
publish-hinfo=no
publish-workstation=no
[rlimits]
"""


def measure(setting: Setting) -> list[Row]:
    if missing := [name for name in NEEDED if shutil.which(name) is None]:
        raise NotUp(f"not installed: {', '.join(missing)}")
    if os.geteuid() != 0:
        raise NotUp("only root can make a network")
    found: dict[str, dict[str, list[float]]] = {looker: {"Frisket": [], "ippeveprinter": []} for looker in LOOKERS}
    folder = setting.folder / "finding"
    folder.mkdir()
    house = setting.workshop.frisket(_DISCOVERY)
    house.stop()
    try:
        with _network() as inside, _avahi(folder, inside) as environment:
            house.inside = inside
            for turn in range(setting.turns + 1):
                for name, act in (
                    ("Frisket", lambda: _house(house, environment)),
                    ("ippeveprinter", lambda: _peer(inside, environment)),
                ):
                    setting.say(f"{name}, turn {turn + 1}")
                    for looker, seconds in act().items():
                        found[looker][name].append(seconds)
    finally:
        setting.workshop.close([house])
    return [_row(looker, seconds) for looker, seconds in found.items()]


def _row(looker: str, seconds: dict[str, list[float]]) -> Row:
    ours, theirs = median(seconds["Frisket"]), median(seconds["ippeveprinter"])
    peers = {"ippeveprinter": theirs}
    note = "a house opens its keys and its database first; both then ask whether their name is taken (RFC 6762)"
    what = f"Start of the program until {looker} sees the queue"
    return Row("discovery", what, "s", ours, peers, ours / theirs, None, {"turns": seconds}, note)


def _house(house: Frisket, environment: dict[str, str]) -> dict[str, float]:
    with _looking("_ipps._tcp", "secure", house.inside, environment) as seen:
        began = time.monotonic()
        house.start()
        try:
            return seen(began)
        finally:
            house.stop()


def _peer(inside: _Words, environment: dict[str, str]) -> dict[str, float]:
    name = f"benched{time.monotonic_ns()}"
    words = [*inside, "ippeveprinter", "-p", str(free_port()), "-f", "application/pdf", name]
    with _looking("_ipp._tcp", name, inside, environment) as seen:
        began = time.monotonic()
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(words, env=environment, stdout=quiet, stderr=quiet)
        try:
            return seen(began)
        finally:
            process.terminate()
            process.wait()


@contextmanager
def _looking(
    kind: str, name: str, inside: _Words, environment: dict[str, str]
) -> Iterator[Callable[[float], dict[str, float]]]:
    """Both programs, watching before anything is announced; gives the seconds until each said the name."""
    commands = {
        "avahi-browse": [*inside, "avahi-browse", "--parsable", "--no-db-lookup", "--resolve", kind],
        # ippfind's own words wait in a buffer until it ends; what it starts speaks at once.
        "ippfind": [*inside, "ippfind", "-T", "60", kind, "-x", shutil.which("echo") or "", "{service_name}", ";"],
    }
    told: dict[str, float] = {}
    said = threading.Condition()

    def read(looker: str, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            named = line.strip() == name if looker == "ippfind" else line.startswith("=") and name in line
            with said:
                if named and looker not in told:
                    told[looker] = time.monotonic()
                    said.notify_all()

    def seen(began: float) -> dict[str, float]:
        with said:
            if not said.wait_for(lambda: len(told) == len(commands), _PATIENCE_S):
                raise NotUp(f"{name} was not found by {', '.join(set(commands) - set(told))}")
            return {looker: moment - began for looker, moment in told.items()}

    processes = {
        looker: subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for looker, words in commands.items()
    }
    for looker, process in processes.items():
        threading.Thread(target=read, args=(looker, process), daemon=True).start()
    time.sleep(1.0)  # they are looking by then; who looks later would only be told sooner
    try:
        yield seen
    finally:
        for process in processes.values():
            process.terminate()
            process.wait()


@contextmanager
def _network() -> Iterator[_Words]:
    """The words that start a program inside."""
    start = "ip link set lo up multicast on && ip route add 224.0.0.0/4 dev lo && echo up && exec sleep infinity"
    words = ["unshare", "--net", "--mount", "sh", "-c", start]
    holder = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert holder.stdout is not None
        if holder.stdout.readline() != "up\n":
            raise NotUp("no network of its own can be made here")
        yield ("nsenter", f"--target={holder.pid}", "--net", "--mount")
    finally:
        holder.terminate()
        holder.wait()


@contextmanager
def _avahi(folder: Path, inside: _Words) -> Iterator[dict[str, str]]:
    """The environment in which programs reach it."""
    (folder / "bus.conf").write_text(_BUS.format(folder=folder))
    (folder / "avahi.conf").write_text(_AVAHI)
    environment = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={folder}/socket"}
    quiet = subprocess.DEVNULL
    bus = subprocess.Popen(["dbus-daemon", f"--config-file={folder}/bus.conf", "--nofork"], stderr=quiet)
    try:
        _until((folder / "socket").exists, "dbus-daemon")
        start = "mkdir -p /run/avahi-daemon && mount -t tmpfs none /run/avahi-daemon && exec "
        start += f"avahi-daemon -f {folder}/avahi.conf --no-chroot --no-drop-root"
        avahi = subprocess.Popen([*inside, "sh", "-c", start], env=environment, stderr=subprocess.PIPE, text=True)
        try:
            assert avahi.stderr is not None
            _heard(avahi.stderr, "startup complete")
            yield environment
        finally:
            avahi.terminate()
            avahi.wait()
    finally:
        bus.terminate()
        bus.wait()


def _heard(lines: IO[str], words: str) -> None:
    """Until somebody says so. Raises NotUp."""
    heard = threading.Event()

    def read() -> None:
        for line in lines:  # to the end: it would wait for room to complain
            if words in line:
                heard.set()

    threading.Thread(target=read, daemon=True).start()
    if not heard.wait(_PATIENCE_S):
        raise NotUp(f"nobody said {words!r}")


def _until(good: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not good():
        if time.monotonic() > end:
            raise NotUp(f"{what} did not come up")
        time.sleep(0.02)
