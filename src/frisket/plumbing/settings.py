"""The settings file: one TOML file, environment ``FRISKET_…`` over it.

Unknown keys are refused with the nearest known name. Limits are settings with defaults, never constants.
Secrets are references (a file or a name in the key store), never values.
"""

import difflib
import os
import tomllib
from pathlib import Path
from typing import Any

import tomlkit
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from frisket.errors import Blame, FrisketError

__all__ = ["BadSettings", "Settings", "explain", "load", "write_initial"]

GiB = 1 << 30
MiB = 1 << 20
KiB = 1 << 10


class BadSettings(FrisketError):
    blame = Blame.OPERATOR
    remedy = "Correct frisket.toml; `frisket config show --explain` lists every setting."


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class House(_Section):
    name: str = Field("Frisket", description="Shown on pages and certificates")
    level: str = Field(
        "medium", description="Security level: normal, medium, medium-high, high", pattern="^(normal|medium|medium-high|high)$"
    )
    host_names: list[str] = Field(default=[], description="Names and addresses people use for this server")
    language: str = Field("en", description="Language where a person has not chosen one: en, de", pattern="^(en|de)$")


class Database(_Section):
    url: str = Field("", description="Empty: SQLite in the data folder. Else postgresql://user@host:port/name")
    password_file: str = Field("", description="File that holds the database password")


class Door(_Section):
    address: str = Field("", description="Address to listen on; empty: all")
    port: int = Field(0, ge=0, le=65535, description="Port; 0 takes any free one")
    on: bool = Field(False, description="Whether this door is open")


class Doors(_Section):
    web: Door = Field(Door(port=8443, on=True), description="HTTPS: pages, API, upload, and IPPS by path")
    ipps: Door = Field(Door(port=8631, on=True), description="IPP inside TLS")
    ipp: Door = Field(Door(port=8631, on=False), description="IPP in clear text: level normal only")


class Limits(_Section):
    job_bytes: int = Field(16 * GiB, gt=0, description="Largest job, octets")
    person_bytes: int = Field(64 * GiB, gt=0, description="Held at once per person, octets")
    person_jobs: int = Field(1_000_000, gt=0, description="Held at once per person, jobs")
    house_jobs: int = Field(10_000_000, gt=0, description="Held at once in the house, jobs")
    house_bytes: int | None = Field(None, gt=0, description="Held at once in the house, octets; unset: by free space")
    documents_per_job: int = Field(1000, gt=0, description="Documents in one job")
    ipp_header_bytes: int = Field(64 * KiB, gt=0, description="HTTP header of an IPP request")
    ipp_attribute_bytes: int = Field(1 * MiB, gt=0, description="Attributes of one IPP request")
    connections: int = Field(4096, gt=0, description="Open connections in all")
    waiting_connections_per_address: int = Field(
        64, gt=0, description="Connections of one address without a complete request"
    )
    idle_s: float = Field(60, gt=0, description="Idle connection, seconds")
    header_s: float = Field(10, gt=0, description="Time for a request header, seconds")
    slowest_bytes_per_s: int = Field(1 * KiB, gt=0, description="Slowest body after the first ten seconds")
    upload_form_bytes: int = Field(10 * MiB, gt=0, description="Lists and settings sent to pages")
    operation_timeout_s: int = Field(120, ge=60, le=240, description="multiple-operation-time-out")
    pages_per_second: int = Field(20, gt=0, description="Page and API requests per session and second")


class Space(_Section):
    warn_at: float = Field(0.85, gt=0, lt=1, description="Warn when the disk is fuller")
    refuse_at: float = Field(0.95, gt=0, lt=1, description="Refuse new jobs when the disk is fuller")
    reserve_bytes: int = Field(256 * MiB, ge=0, description="Kept back for release, erasure and the log")
    small_bytes: int = Field(64 * KiB, ge=0, description="Documents up to this size share a segment file")
    segment_bytes: int = Field(64 * MiB, gt=0, description="A segment is closed at this size")
    sync: bool = Field(True, description="Never false outside tests of the crash harness")


class Delivery(_Section):
    connect_s: float = Field(10, gt=0, description="Time to connect to a device, seconds")
    stall_s: float = Field(120, gt=0, description="Longest time without progress while sending, seconds")
    follow_s: float = Field(600, gt=0, description="Longest wait for a device's confirmation, seconds")
    retries: int = Field(8, ge=0, description="Tries while not one octet has left")
    at_once: int = Field(16, gt=0, description="Devices served at the same time")


class Sessions(_Section):
    person_idle_s: int = Field(3600, gt=0, description="Idle sign-out of persons, seconds")
    administrator_idle_s: int = Field(900, gt=0, description="Idle sign-out of operators and administrators, seconds")
    terminal_idle_s: int = Field(60, gt=0, description="Idle sign-out at a terminal, seconds")
    longest_s: int = Field(8 * 3600, gt=0, description="Longest session, seconds")


class Settings(_Section):
    house: House = House()
    database: Database = Database()
    doors: Doors = Doors()
    limits: Limits = Limits()
    space: Space = Space()
    delivery: Delivery = Delivery()
    sessions: Sessions = Sessions()


def load(file: Path | None, *, environ: dict[str, str] | None = None) -> Settings:
    """Read the settings; BadSettings names the key, what is wrong, and the nearest known name."""
    tree: dict[str, Any] = {}
    if file is not None and file.exists():
        try:
            tree = tomllib.loads(file.read_text())
        except tomllib.TOMLDecodeError as error:
            raise BadSettings(f"{file.name}: {error}") from error
    for name, value in sorted((environ if environ is not None else dict(os.environ)).items()):
        parts = name.lower().split("__")
        if len(parts) >= 2 and parts[0].startswith("frisket_"):
            _put(tree, [parts[0].removeprefix("frisket_"), *parts[1:]], value)
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        raise BadSettings("; ".join(_say(issue) for issue in error.errors())) from error


def _put(tree: dict[str, Any], path: list[str], value: str) -> None:
    for part in path[:-1]:
        tree = tree.setdefault(part, {})
    tree[path[-1]] = value


def _say(issue: Any) -> str:
    path = [str(part) for part in issue["loc"]]
    name = ".".join(path)
    if issue["type"] != "extra_forbidden":
        return f"{name}: {issue['msg']}"
    known = [known_name for known_name, _, _ in _walk(Settings, "")]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.3)
    return f"{name}: no such setting" + (f"; did you mean {near[0]}?" if near else "")


def _walk(model: type[BaseModel], prefix: str) -> list[tuple[str, str, Any]]:
    rows: list[tuple[str, str, Any]] = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            rows += _walk(kind, f"{prefix}{name}.")
        else:
            rows.append((prefix + name, field.description or "", field.default))
    return rows


def explain(settings: Settings) -> list[tuple[str, str, str]]:
    """Every setting: its name, its value now, what it means."""
    rows = []
    for name, meaning, _ in _walk(Settings, ""):
        value: Any = settings
        for part in name.split("."):
            value = getattr(value, part)
        rows.append((name, "unset" if value is None else str(value), meaning))
    return rows


def write_initial(file: Path, *, ephemeral_ports: bool) -> None:
    """The settings file `init` leaves: only what differs from the defaults, with a word on each."""
    document = tomlkit.document()
    document.add(tomlkit.comment("Frisket settings. `frisket config show --explain` lists every setting."))
    if ephemeral_ports:
        house = tomlkit.table()
        house.add("level", "normal")
        document.add("house", house)
        doors = tomlkit.table()
        for name in ("web", "ipp", "ipps"):
            door = tomlkit.inline_table()
            door.update({"address": "127.0.0.1", "port": 0, "on": True})
            doors.add(name, door)
        document.add("doors", doors)
    fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w") as out:
        out.write(tomlkit.dumps(document))
        out.flush()
        os.fsync(out.fileno())
