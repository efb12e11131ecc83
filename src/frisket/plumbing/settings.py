"""The settings file: one TOML file, environment ``FRISKET_…`` over it.

Unknown keys are refused with the nearest known name. Limits are settings with defaults, never constants.
Secrets are references (a file or a name in the key store), never values.
"""

import difflib
import ipaddress
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import tomlkit
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from frisket.errors import Blame, FrisketError

__all__ = ["BadSettings", "Door", "LpdDoor", "Settings", "StreamDoor", "explain", "load", "may_open", "write_initial"]

GiB = 1 << 30
MiB = 1 << 20
KiB = 1 << 10


class BadSettings(FrisketError):
    blame = Blame.OPERATOR
    remedy = "Correct frisket.toml; `frisket config show --explain` lists every setting."


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class House(_Section):
    name: str = Field(default="Frisket", description="Shown on pages and certificates")
    level: str = Field(
        default="medium",
        description="Security level: normal, medium, medium-high, high",
        pattern="^(normal|medium|medium-high|high)$",
    )
    host_names: list[str] = Field(default=[], description="Names and addresses people use for this server")
    language: str = Field(
        default="en", description="Language where a person has not chosen one: en, de", pattern="^(en|de)$"
    )


class Database(_Section):
    url: str = Field(default="", description="Empty: SQLite in the data folder. Else postgresql://user@host:port/name")
    password_file: str = Field(default="", description="File that holds the database password")

    @field_validator("url")
    @classmethod
    def _names_a_database_and_no_secret(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in ("postgresql", "postgres") or not parts.path.strip("/")):
            raise ValueError("give postgresql://user@host:port/name, or nothing for SQLite")
        if parts.password is not None:
            raise ValueError("a password does not belong here; name its file in database.password_file")
        return url


class Door(_Section):
    address: str = Field(default="", description="Address to listen on; empty: all")
    port: int = Field(default=0, ge=0, le=65535, description="Port; 0 takes any free one")
    on: bool = Field(default=False, description="Whether this door is open")


# A class for each door: a table that gives only its port keeps this door's other defaults, not Door's.
class WebDoor(Door):
    """HTTPS: pages, API, upload, and IPPS by path."""

    port: int = Field(default=8443, ge=0, le=65535, description="Port; 0 takes any free one")
    on: bool = Field(default=True, description="Whether this door is open")


class IppsDoor(Door):
    """IPP inside TLS."""

    port: int = Field(default=8631, ge=0, le=65535, description="Port; 0 takes any free one")
    on: bool = Field(default=True, description="Whether this door is open")


class IppDoor(Door):
    """IPP in clear text: level normal only."""

    port: int = Field(default=8632, ge=0, le=65535, description="Port; 0 takes any free one")


class StreamDoor(Door):
    """A door whose protocol proves nothing: above level normal only listed networks come to it."""

    networks: list[str] = Field(
        default=[],
        description="Networks (CIDR) that may connect; none: all, and the door is shut above level normal",
    )
    code_page: str = Field(default="cp1252", description="Character set of names that are not UTF-8")

    @field_validator("networks")
    @classmethod
    def _are_networks(cls, networks: list[str]) -> list[str]:
        return [str(ipaddress.ip_network(each)) for each in networks]

    @field_validator("code_page")
    @classmethod
    def _is_a_code_page(cls, name: str) -> str:
        try:
            b"a".decode(name)
        except LookupError as error:
            raise ValueError("no such character set; for example cp1252, latin-1, cp850") from error
        return name


class HttpDoor(Door):
    """Sends browsers that ask in clear text on to the pages in TLS, and does nothing else."""

    port: int = Field(default=8080, ge=0, le=65535, description="Port; 0 takes any free one")


class LpdDoor(StreamDoor):
    """LPD (RFC 1179) in clear text."""

    port: int = Field(default=8515, ge=0, le=65535, description="Port; 0 takes any free one")


class RawDoor(StreamDoor):
    """RAW (AppSocket) in clear text: this port for the default queue, and those that queues have of their own."""

    port: int = Field(default=9100, ge=0, le=65535, description="Port; 0 takes any free one")


class FtpDoor(StreamDoor):
    """FTP: at level normal in clear text too, at medium with explicit TLS (AUTH TLS), shut above."""

    port: int = Field(default=8021, ge=0, le=65535, description="Port; 0 takes any free one")
    networks: list[str] = Field(default=[], description="Networks (CIDR) that may connect; none: all")
    passive_port: int = Field(
        default=4242, ge=0, le=65535, description="The one port of data connections; 0 takes any free one"
    )
    passive_address: str = Field(
        default="", description="IPv4 address told to clients for data connections; empty: the one they came to"
    )
    same_session: bool = Field(
        default=True,
        description="A data connection inside TLS must go on with the TLS session of its control connection",
    )

    @field_validator("passive_address")
    @classmethod
    def _is_an_address(cls, address: str) -> str:
        return str(ipaddress.IPv4Address(address)) if address else ""


class MailDoor(Door):
    """SMTP with STARTTLS, which every level but normal demands."""

    port: int = Field(default=8025, ge=0, le=65535, description="Port; 0 takes any free one")


class TrapDoor(Door):
    """SNMP traps and informs of the devices (UDP): a hint to ask them at once."""

    port: int = Field(default=162, ge=0, le=65535, description="UDP port; 0 takes any free one")


class Doors(_Section):
    web: WebDoor = WebDoor()
    http: HttpDoor = HttpDoor()
    ipps: IppsDoor = IppsDoor()
    ipp: IppDoor = IppDoor()
    lpd: LpdDoor = LpdDoor()
    raw: RawDoor = RawDoor()
    ftp: FtpDoor = FtpDoor()
    mail: MailDoor = MailDoor()
    traps: TrapDoor = TrapDoor()


class Discovery(_Section):
    """What the network is told; nothing at medium-high and high."""

    dns_sd: bool = Field(default=False, description="Announce queues by DNS-SD (Bonjour, AirPrint, ippfind)")
    interfaces: list[str] = Field(
        default=[], description="Names or addresses of interfaces to announce on; empty: all but loopback"
    )
    queues: list[str] = Field(default=[], description="Names of queues to announce; empty: all")
    host: str = Field(default="", description="Host name to announce, without .local; empty: this machine's")


class Limits(_Section):
    job_bytes: int = Field(default=16 * GiB, gt=0, description="Largest job, octets")
    person_bytes: int = Field(default=64 * GiB, gt=0, description="Held at once per person, octets")
    person_jobs: int = Field(default=1_000_000, gt=0, description="Held at once per person, jobs")
    house_jobs: int = Field(default=10_000_000, gt=0, description="Held at once in the house, jobs")
    house_bytes: int | None = Field(
        default=None, gt=0, description="Held at once in the house, octets; unset: by free space"
    )
    documents_per_job: int = Field(default=1000, gt=0, description="Documents in one job")
    ipp_header_bytes: int = Field(default=64 * KiB, gt=0, description="HTTP header of an IPP request")
    ipp_attribute_bytes: int = Field(default=1 * MiB, gt=0, description="Attributes of one IPP request")
    connections: int = Field(default=4096, gt=0, description="Open connections in all")
    waiting_connections_per_address: int = Field(
        default=64, gt=0, description="Connections of one address without a complete request"
    )
    idle_s: float = Field(default=60, gt=0, description="Idle connection, seconds")
    header_s: float = Field(default=10, gt=0, description="Time for a request header, seconds")
    slowest_bytes_per_s: int = Field(default=1 * KiB, gt=0, description="Slowest body after the first ten seconds")
    stream_connections_per_address: int = Field(
        default=64, gt=0, description="LPD and RAW connections of one address, working ones too"
    )
    lpd_pause_s: float = Field(default=60, gt=0, description="Longest pause inside an LPD connection, seconds")
    raw_pause_s: float = Field(default=120, gt=0, description="Longest pause inside a RAW connection, seconds")
    lpd_control_bytes: int = Field(default=64 * KiB, gt=0, description="Control file of an LPD job")
    pjl_bytes: int = Field(default=1 * MiB, gt=0, description="PJL before one document")
    upload_form_bytes: int = Field(default=10 * MiB, gt=0, description="Lists and settings sent to pages")
    operation_timeout_s: int = Field(default=120, ge=60, le=240, description="multiple-operation-time-out")
    person_subscriptions: int = Field(default=20, gt=0, description="Subscriptions to events per person")
    house_subscriptions: int = Field(default=1000, gt=0, description="Subscriptions to events in the house")
    waiting_for_events: int = Field(default=64, ge=0, description="Clients that may wait for events at the same time")
    pages_per_second: int = Field(default=20, gt=0, description="Page and API requests per session and second")


class Space(_Section):
    warn_at: float = Field(default=0.85, gt=0, lt=1, description="Warn when the disk is fuller")
    refuse_at: float = Field(default=0.95, gt=0, lt=1, description="Refuse new jobs when the disk is fuller")
    reserve_bytes: int = Field(default=256 * MiB, ge=0, description="Kept back for release, erasure and the log")
    small_bytes: int = Field(default=128 * KiB, ge=0, description="Documents up to this size share a segment file")
    segment_bytes: int = Field(default=64 * MiB, gt=0, description="A segment is closed at this size")
    sync: bool = Field(default=True, description="Never false outside tests of the crash harness")

    @model_validator(mode="after")
    def _warns_before_it_refuses(self) -> Self:
        if self.warn_at >= self.refuse_at:
            raise ValueError("warn_at must be below refuse_at")
        return self


class Delivery(_Section):
    connect_s: float = Field(default=10, gt=0, description="Time to connect to a device, seconds")
    stall_s: float = Field(default=120, gt=0, description="Longest time without progress while sending, seconds")
    follow_s: float = Field(default=600, gt=0, description="Longest wait for a device's confirmation, seconds")
    retries: int = Field(default=8, ge=0, description="Tries while not one octet has left")
    at_once: int = Field(default=16, gt=0, description="Devices served at the same time")
    pjl_counter: bool = Field(
        default=False, description="Read the page counter by PJL before and after each job, where SNMP is not set"
    )
    snmp_s: float = Field(default=2, gt=0, description="Wait for one answer of a device's SNMP agent, seconds")


class Convert(_Section):
    """What the devices do not print themselves becomes PDF, each document in a sandbox of its own."""

    on: bool = Field(default=True, description="Make PDF of what the devices do not print themselves")
    at_once: int = Field(default=2, gt=0, description="Documents converted at the same time")
    ahead: int = Field(default=1, ge=0, le=16, description="Office programs that wait for the next document")
    ahead_s: float = Field(default=300, gt=0, description="How long they wait without a document, seconds")
    quick_s: float = Field(
        default=10, gt=0, description="A conversion that takes longer goes on in a lane of its own, seconds"
    )
    wall_s: float = Field(default=60, gt=0, description="Longest conversion, seconds")
    cpu_s: int = Field(default=120, gt=0, description="Processor time of one conversion, seconds")
    memory_bytes: int = Field(default=2 * GiB, ge=256 * MiB, description="Address space of one conversion, octets")
    document_bytes: int = Field(default=512 * MiB, gt=0, description="Largest document converted, octets")
    output_bytes: int = Field(default=256 * MiB, gt=0, description="Largest PDF made, octets")
    pages: int = Field(default=10_000, gt=0, description="Most pages of a document")
    pixels: int = Field(default=250_000_000, gt=0, description="Most dots of a picture")
    unpacked_bytes: int = Field(default=2 * GiB, gt=0, description="Most an office file may unpack to, octets")
    entries: int = Field(default=10_000, gt=0, description="Most entries of an office file")
    ratio: int = Field(default=100, gt=1, description="How many times an office file may grow when unpacked")
    keep_original: bool = Field(
        default=True, description="Keep what came beside the PDF until the job ends; false destroys it at once"
    )


class Antivirus(_Section):
    """Every document is shown to a virus scanner before anything is made of it; off by default."""

    by: str = Field(default="", description="Empty: nobody looks. clamd or clamscan", pattern="^(|clamd|clamscan)$")
    clamd: str = Field(default="/run/clamav/clamd.ctl", description="Where clamd listens: a path, or host:port")
    signatures: str = Field(default="/var/lib/clamav", description="Folder of the signatures that clamscan reads")
    when_down: str = Field(
        default="wait",
        description="While the scanner does not answer: wait keeps jobs back, pass lets them in unseen",
        pattern="^(wait|pass)$",
    )
    time_s: float = Field(default=60, gt=0, description="Longest look at one document, seconds")
    memory_bytes: int = Field(default=4 * GiB, gt=0, description="Address space of clamscan, octets")


class Folders(_Section):
    """Hot folders and stores."""

    roots: list[str] = Field(
        default=["/srv", "/mnt", "/media"], description="Hot folders may lie below these folders, and nowhere else"
    )
    sources: int = Field(default=200, gt=0, description="Hot folders and stores together")
    entries: int = Field(default=10_000, gt=0, description="Files of a folder that one look takes in")
    at_once: int = Field(default=4, gt=0, description="Documents that one folder or store hands in side by side")
    connect_s: float = Field(default=10, gt=0, description="Time to connect to a store, seconds")
    stall_s: float = Field(default=60, gt=0, description="Longest silence of a store, seconds")
    web_proxy: str = Field(
        default="",
        description="Web proxy on the way to WebDAV stores, host:port; empty: they are called directly",
        pattern=r"^(|(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5})$",
    )
    history_s: int = Field(
        default=86400, ge=60, description="What was picked up and refused is shown for so long, seconds"
    )


class Sessions(_Section):
    person_idle_s: int = Field(default=3600, gt=0, description="Idle sign-out of persons, seconds")
    administrator_idle_s: int = Field(
        default=900, gt=0, description="Idle sign-out of operators and administrators, seconds"
    )
    terminal_idle_s: int = Field(default=60, gt=0, description="Idle sign-out at a terminal, seconds")
    longest_s: int = Field(default=8 * 3600, gt=0, description="Longest session, seconds")


_SPAN = r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$"
_ON = "A job may be asked to wait for these hours, 06:00-18:00; past midnight they end the next day"


class Times(_Section):
    """What the named times of job-hold-until mean here."""

    zone: str = Field(default="UTC", description="Time zone of the named times, for instance Europe/Berlin")
    day_time: str = Field(default="06:00-18:00", pattern=_SPAN, description=_ON)
    evening: str = Field(default="18:00-22:00", pattern=_SPAN, description=_ON)
    night: str = Field(default="22:00-06:00", pattern=_SPAN, description=_ON)
    second_shift: str = Field(default="16:00-00:00", pattern=_SPAN, description=_ON)
    third_shift: str = Field(default="00:00-08:00", pattern=_SPAN, description=_ON)
    weekend: list[str] = Field(default=["sat", "sun"], description="Days of the weekend: mon, tue, … sun")

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError) as error:  # not there, not a relative path, a folder
            raise ValueError("there is no such time zone; give one as Europe/Berlin or UTC") from error
        return zone

    @field_validator("weekend")
    @classmethod
    def _are_days(cls, weekend: list[str]) -> list[str]:
        if not weekend or set(weekend) - {"mon", "tue", "wed", "thu", "fri", "sat", "sun"}:
            raise ValueError("give days as mon, tue, wed, thu, fri, sat, sun")
        return weekend


class Keeping(_Section):
    """How long senders may have their documents kept."""

    ahead_s: int = Field(
        default=31 * 86400, gt=0, description="Furthest a sender may put off a job with job-hold-until-time, seconds"
    )
    retain_s: int = Field(
        default=31 * 86400, ge=0, description="Longest a sender may have a printed job kept, seconds; 0: not at all"
    )
    stored_s: int | None = Field(
        default=None,
        gt=0,
        description="A stored job is destroyed after so many seconds; unset: by its person",
    )


def _networks(networks: list[str]) -> list[str]:
    for each in networks:
        ipaddress.ip_network(each)  # its ValueError says what is wrong
    return networks


class Mail(_Section):
    """Printing by mail, whichever way it comes."""

    domains: list[str] = Field(
        default=[], description="Domains of our print addresses, queue@domain; empty: house.host_names"
    )
    recipients: list[str] = Field(default=[], description="Further print addresses: address=queue")
    believe_relays: list[str] = Field(
        default=[],
        description="Networks of mail servers that let nobody write as somebody else: their From is believed",
    )
    results_relays: list[str] = Field(
        default=[], description="Networks of mail servers whose Authentication-Results are looked at"
    )
    results_servers: list[str] = Field(
        default=[], description="Names (authserv-id) in Authentication-Results whose DMARC pass is believed"
    )
    message_bytes: int = Field(default=50 * MiB, gt=0, description="Largest mail, octets as it travels")
    parts: int = Field(default=200, gt=0, le=10_000, description="Parts of one mail")
    depth: int = Field(default=10, gt=0, le=100, description="Parts inside parts")
    jobs_per_mail: int = Field(default=20, gt=0, le=200, description="Attachments of one mail that are printed")
    print_body: bool = Field(default=False, description="Print the text of a mail too, not only what is attached")
    answers: bool = Field(default=True, description="Tell the sender what became of a mail; needs [mailer]")
    answers_name_documents: bool = Field(default=True, description="Name the attachments in answers; else number them")
    answers_per_hour: int = Field(default=60, ge=0, description="Answers to one person in an hour; more are kept back")
    remember_days: int = Field(default=30, ge=1, description="How long a mail is known, so that it never prints twice")
    look_every_s: float = Field(default=60, ge=1, description="How often a mailbox is looked into, seconds")
    connections: int = Field(default=200, gt=0, description="Open SMTP connections")
    transfer_s: float = Field(default=600, gt=0, description="Longest time for one mail to come in, seconds")

    @field_validator("believe_relays", "results_relays")
    @classmethod
    def _are_networks(cls, networks: list[str]) -> list[str]:
        return _networks(networks)

    @field_validator("recipients")
    @classmethod
    def _are_pairs(cls, recipients: list[str]) -> list[str]:
        if any("@" not in each.partition("=")[0] or not each.partition("=")[2] for each in recipients):
            raise ValueError("write each as address=queue")
        return recipients


class Mailer(_Section):
    """Where the house hands in the mails it writes: always inside TLS."""

    host: str = Field(default="", description="Mail server that takes our mails; empty: the house writes none")
    port: int = Field(default=587, gt=0, le=65535, description="Its port")
    tls: str = Field(
        default="starttls", description="starttls, or tls from the first octet", pattern="^(starttls|tls)$"
    )
    user: str = Field(default="", description="Name to sign in with; empty: without")
    password_file: str = Field(default="", description="File that holds the password")
    sender: str = Field(default="", description="Address our mails come from; empty: frisket@ and the server's name")
    authorities_file: str = Field(
        default="/etc/ssl/certs/ca-certificates.crt",
        description="PEM file of the authorities its certificate may be from",
    )
    pinned_sha256: str = Field(
        default="", description="Fingerprint of the one certificate that is accepted", pattern="^([0-9a-f]{64})?$"
    )
    timeout_s: float = Field(default=60, gt=0, description="Longest wait for one of its answers, seconds")


class Settings(_Section):
    house: House = House()
    database: Database = Database()
    doors: Doors = Doors()
    discovery: Discovery = Discovery()
    limits: Limits = Limits()
    space: Space = Space()
    delivery: Delivery = Delivery()
    convert: Convert = Convert()
    antivirus: Antivirus = Antivirus()
    folders: Folders = Folders()
    sessions: Sessions = Sessions()
    times: Times = Times()
    keeping: Keeping = Keeping()
    mail: Mail = Mail()
    mailer: Mailer = Mailer()


def may_open(settings: Settings, name: str) -> bool:
    """Whether the level lets this door be open (security-design section 4), its own switch aside."""
    level = settings.house.level
    if name == "ipp":
        return level == "normal"
    if name == "raw":
        return level == "normal" or (level == "medium" and bool(settings.doors.raw.networks))
    if name == "lpd":
        return level == "normal" or bool(settings.doors.lpd.networks)
    if name in ("mail", "ftp", "traps", "http"):
        return level in ("normal", "medium")
    return True


def load(file: Path | None, *, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; BadSettings names the key, what is wrong, and the nearest known name.

    ``FRISKET_DOORS__WEB__PORT=443`` sets ``doors.web.port`` over the file; a list is given with commas.
    A file that is not there has every default.
    """
    tree: dict[str, Any] = {}
    if file is not None and file.exists():
        try:
            tree = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadSettings(f"{file.name}: {error}") from error
        except OSError as error:
            raise BadSettings(f"{file.name}: {error.strerror}") from error
    for name, value in sorted((os.environ if environ is None else environ).items()):
        parts = name.lower().split("__")
        if len(parts) >= 2 and parts[0].startswith("frisket_"):
            _put(tree, [parts[0].removeprefix("frisket_"), *parts[1:]], value)
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        raise BadSettings("; ".join(_say(issue) for issue in error.errors())) from error


def _put(tree: dict[str, Any], path: list[str], value: str) -> None:
    name = ".".join(path)
    known = {known_name: default for known_name, _, default in _walk(Settings, "")}
    for part in path[:-1]:
        tree = tree.setdefault(part, {})
        if not isinstance(tree, dict):
            raise BadSettings(f"{name}: no such setting")
    if isinstance(known.get(name), list):
        tree[path[-1]] = [part.strip() for part in value.split(",") if part.strip()]
    else:
        tree[path[-1]] = value


def _say(issue: Any) -> str:
    name = ".".join(str(part) for part in issue["loc"])
    if issue["type"] != "extra_forbidden":
        return f"{name}: {issue['msg']}"
    known = [known_name for known_name, _, _ in _walk(Settings, "")]
    sections = {known_name.rsplit(".", 1)[0] for known_name in known}
    near = difflib.get_close_matches(name, [*known, *sorted(sections)], n=1, cutoff=0.3)
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
        for name in ("web", "ipp", "ipps", "lpd", "raw"):
            door = tomlkit.inline_table()
            door.update({"address": "127.0.0.1", "port": 0, "on": True})
            doors.add(name, door)
        document.add("doors", doors)
    fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w") as out:
        out.write(tomlkit.dumps(document))
        out.flush()
        os.fsync(out.fileno())
