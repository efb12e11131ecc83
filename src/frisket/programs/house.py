"""Making a house and opening it: data folder, settings, keys, certificates, database.

The folder (mode 0700): ``frisket.toml`` settings, ``house.json`` the ids, ``house.db`` and its log where the
database is SQLite, ``keys/``, ``spool/``, ``audit/``, ``clock``, ``control.sock``, ``house.lock``.
"""

import fcntl
import ipaddress
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from django.core.management import call_command

from frisket import audit, identity, spool
from frisket.plumbing import db, keys, parts, work
from frisket.plumbing.clock import HouseClock
from frisket.plumbing.scope import HOUSE, Actor, ActorKind, Purpose, Scope
from frisket.plumbing.settings import Settings, load, write_initial
from frisket.programs import framework
from frisket.programs.errors import AlreadyMade, InUse, NoHouse

__all__ = ["AT_CONTROL", "House", "Made", "make", "opened"]

# Whoever uses the command line sits at this machine as the house's own account, and administers it.
AT_CONTROL = Actor(ActorKind.HOUSE, None, role="administrator", at="control")


@dataclass(frozen=True, slots=True)
class Made:
    data: Path
    setup_token: str
    settings_file: Path


@dataclass(frozen=True, slots=True)
class House:
    """An open house: everything is installed and this process may work with it."""

    data: Path
    settings: Settings
    certificates: keys.Certificates

    @property
    def scope(self) -> Scope:
        """What the command line on this machine may see: everything of the house's tenant."""
        return Scope(AT_CONTROL, parts.tenant(), Purpose.OPERATE)


def make(data: Path, *, config: Path | None, ephemeral_ports: bool) -> Made:
    """`frisket init`. Raises AlreadyMade."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (data / "house.json").exists():
        raise AlreadyMade("there is a house in this folder already")
    os.chmod(data, 0o700)
    file = config or data / "frisket.toml"
    if not file.exists():
        write_initial(file, ephemeral_ports=ephemeral_ports)
    settings = load(file)
    tenant, site = uuid4(), uuid4()
    clock = HouseClock(data / "clock")
    store = keys.KeyStore.create(data / "keys", tenant, clock=clock.now)
    names, addresses = _own_names(settings)
    keys.Certificates.create(store, names, addresses)
    _write_once(data / "house.json", json.dumps({"tenant": tenant.hex, "site": site.hex}))
    _install(data, settings, clock, store, tenant, site)
    prepare_database()
    with db.transaction() as tx:
        audit.record("house.made", None, by=HOUSE, tx=tx)
        token = identity.new_setup_token(tx=tx)
    spool.close()
    db.close_connections()
    return Made(data, token, file)


@contextmanager
def opened(data: Path, *, config: Path | None = None, alone: bool = True) -> Iterator[House]:
    """Open a house for this process. ``alone``: nobody else may have it open (always so on SQLite).

    Raises NoHouse, InUse, BadSettings.
    """
    if not (data / "house.json").exists():
        raise NoHouse(f"there is no house in {data}")
    settings = load(config or data / "frisket.toml")
    lock = os.open(data / "house.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if alone or not settings.database.url:
            _lock(lock, fcntl.LOCK_EX)
        else:
            _lock(lock, fcntl.LOCK_SH)
        ids = json.loads((data / "house.json").read_text())
        clock = HouseClock(data / "clock")
        tenant = UUID(ids["tenant"])
        store = keys.KeyStore.open(data / "keys", tenant, clock=clock.now)
        _install(data, settings, clock, store, tenant, UUID(ids["site"]))
        prepare_database()
        certificates = keys.Certificates.open(store)
        if certificates.renew_due(clock.now()):
            certificates.renew()
        yield House(data, settings, certificates)
    finally:
        spool.close()
        db.close_connections()
        parts.install(None)
        os.close(lock)


def _lock(lock: int, how: int) -> None:
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise InUse("another process has this house open") from error


def _install(data: Path, settings: Settings, clock: HouseClock, store: keys.KeyStore, tenant: UUID, site: UUID) -> None:
    secret = store.index(tenant, "token", b"framework").hex()
    framework.use(settings, data, secret_key=secret)
    parts.install(parts.Parts(data, settings, clock, store, tenant, site))


def prepare_database() -> None:
    """Bring the tables up to date; a house is upgraded by starting the new version."""
    call_command("migrate", verbosity=0, interactive=False)
    work.prepare_database()


def _own_names(settings: Settings) -> tuple[list[str], list[ipaddress.IPv4Address | ipaddress.IPv6Address]]:
    """What the server's certificate stands for: this machine's names and addresses, and those in the settings."""
    names = ["localhost", socket.gethostname().lower()]
    addresses: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = [
        ipaddress.ip_address("127.0.0.1"),
        ipaddress.ip_address("::1"),
    ]
    for given in settings.house.host_names:
        try:
            addresses.append(ipaddress.ip_address(given))
        except ValueError:
            names.append(given.lower())
    try:
        found = socket.getaddrinfo(socket.gethostname(), None, proto=socket.IPPROTO_TCP)
        addresses += [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]
    except OSError:
        pass  # a machine that does not know its own name
    return list(dict.fromkeys(names)), list(dict.fromkeys(addresses))


def _write_once(file: Path, text: str) -> None:
    fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
