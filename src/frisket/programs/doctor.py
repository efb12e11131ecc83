"""`frisket doctor`: looks at the installation and says what to do about each finding."""

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from frisket import audit, device, prepress, spool
from frisket.plumbing import db, parts, work
from frisket.plumbing.settings import may_open
from frisket.programs.commanding import URLS
from frisket.programs.house import House

__all__ = ["Finding", "examine"]

_RENEW_SOON = timedelta(days=10)


@dataclass(frozen=True, slots=True)
class Finding:
    """grade: ok, look (works, but somebody should look) or wrong."""

    grade: str
    what: str
    remedy: str = ""


def examine(house: House) -> dict[str, Any]:
    """Every check; none changes anything."""
    found = [finding for check in _CHECKS for finding in check(house)]
    worst = next((grade for grade in ("wrong", "look") if any(each.grade == grade for each in found)), "ok")
    return {"state": worst, "findings": [asdict(each) for each in found]}


def _folder(house: House) -> Iterator[Finding]:
    loose = [path.name for path in _private(house.data) if stat.S_IMODE(path.stat().st_mode) & 0o077]
    if loose:
        yield Finding("wrong", f"others on this machine may look into: {', '.join(loose)}", "Run chmod go= on each.")
    else:
        yield Finding("ok", "Nobody else on this machine may look into the data folder.")
    if os.geteuid() == 0:
        yield Finding("look", "Frisket runs as root.", "Give it an account of its own; high ports need no root.")


def _private(data: Path) -> list[Path]:
    return [
        path for path in (data, data / "keys", data / "spool", data / "audit", data / "house.json") if path.exists()
    ]


def _disk(house: House) -> Iterator[Finding]:
    space = spool.space()
    share = f"{space.free / 1e9:.1f} GB of {space.total / 1e9:.1f} GB are free"
    if space.state == "ok":
        yield Finding("ok", f"The spool has room: {share}.")
    else:
        grade = "look" if space.state == "warn" else "wrong"
        yield Finding(grade, f"The spool's disk is filling up: {share}.", "Make room; new jobs are refused at 95 %.")
    swaps = Path("/proc/swaps")
    if swaps.exists() and len(swaps.read_text().splitlines()) > 1:
        yield Finding("look", "This machine swaps.", "Encrypt the swap or switch it off: memory may hold documents.")


def _certificate(house: House) -> Iterator[Finding]:
    left = house.certificates.server_expires() - parts.clock().now()
    if left < _RENEW_SOON:
        yield Finding("wrong", f"The server's certificate ends in {left.days} days.", "Restart: it renews itself then.")
    else:
        yield Finding("ok", f"The server's certificate is good for {left.days} more days.")


def _time(house: House) -> Iterator[Finding]:
    if parts.clock().jumped():
        yield Finding(
            "wrong",
            "The wall clock ran ahead; nothing is deleted by time until somebody confirms it.",
            "Set the clock, then: frisket clock confirm",
        )


def _database(house: House) -> Iterator[Finding]:
    kind = "SQLite in the data folder" if db.is_sqlite() else "PostgreSQL"
    dead = {state.kind: state.dead for state in work.overview() if state.dead}
    yield Finding("ok", f"The database answers: {kind}.")
    for name, count in dead.items():
        yield Finding("look", f"{count} times {name} was given up.", "See the health page and the log.")


def _log(house: House) -> Iterator[Finding]:
    state = audit.overview()
    yield Finding("ok", f"The log has {state.size} signed leaves.", "Check all of it with: frisket audit verify")


def _sandbox(house: House) -> Iterator[Finding]:
    can = prepress.available()
    if can.possible:
        yield Finding("ok", "Documents are looked into in a sandbox with all its walls.")
    else:
        yield Finding("look", f"Pages are not counted: {can.why}", "Install bubblewrap and allow user namespaces.")


def _devices(house: House) -> Iterator[Finding]:
    known = device.devices(house.scope)
    if not known:
        yield Finding("look", "There is no device yet.", "frisket device add NAME URI")
    for each in known:
        if each.state in ("unreachable", "stopped"):
            words = each.state_message or ", ".join(each.state_reasons)
            yield Finding("look", f"{each.name} is {each.state}. {words}".strip(), "See to it; its jobs wait.")
    if device.default_queue() is None:
        yield Finding("look", "There is no queue yet.", "frisket queue add NAME --hold")


def _stream_doors(house: House) -> Iterator[Finding]:
    doors = house.settings.doors
    for name, door in (("lpd", doors.lpd), ("raw", doors.raw), ("ftp", doors.ftp)):
        if door.on and not may_open(house.settings, name):
            level = house.settings.house.level
            what = f"doors.{name} is switched on, but stays shut at level {level}."
            listed = name == "lpd" or (name == "raw" and level == "medium")
            remedy = f"List who may connect in doors.{name}.networks." if listed else "Switch it off, or choose medium."
            yield Finding("look", what, remedy)
    open_raw = doors.raw.on and may_open(house.settings, "raw")
    for port, queue in sorted(device.raw_ports().items()):
        if not open_raw:
            yield Finding("look", f"{queue.name} has RAW port {port}, but RAW is off.", "Switch on doors.raw.")
        elif URLS and f"raw:{queue.name}" not in URLS:
            yield Finding(
                "wrong",
                f"RAW port {port} of {queue.name} could not be opened.",
                "Choose another port: frisket queue set NAME --raw-port N. A low port needs a capability.",
            )
        if queue.default_person is None and not queue.trusted_networks:
            yield Finding(
                "look",
                f"Whoever prints to RAW port {port} of {queue.name} is refused: nobody's name is believed there.",
                "frisket queue set NAME --trust-network NET, or --default-person PERSON",
            )


def _traps(house: House) -> Iterator[Finding]:
    if house.settings.doors.traps.on and not may_open(house.settings, "traps"):
        what = f"doors.traps is switched on, but stays shut at level {house.settings.house.level}."
        yield Finding("look", what, "Switch it off: devices are asked every 30 seconds anyway.")


def _browsers(house: House) -> Iterator[Finding]:
    level = house.settings.house.level
    if house.settings.doors.http.on and not may_open(house.settings, "http"):
        yield Finding("look", f"doors.http is switched on, but stays shut at level {level}.", "Give people https://.")


def _discovery(house: House) -> Iterator[Finding]:
    level = house.settings.house.level
    if house.settings.discovery.dns_sd and level not in ("normal", "medium"):
        yield Finding("look", f"Queues are not announced: level {level} closes DNS-SD.", "Give people the address.")


def _programs(house: House) -> Iterator[Finding]:
    if shutil.which("bwrap") is None:
        yield Finding("look", "bubblewrap is not installed.", "apt install bubblewrap")


_CHECKS: tuple[Callable[[House], Iterator[Finding]], ...] = (
    _folder,
    _disk,
    _certificate,
    _time,
    _database,
    _log,
    _programs,
    _sandbox,
    _devices,
    _stream_doors,
    _traps,
    _browsers,
    _discovery,
)
