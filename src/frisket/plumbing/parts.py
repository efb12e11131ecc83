"""What `programs` builds and hands down: settings, clock, keys, data folder.

Built once when a process starts, before any room is asked for anything; tests install their own.
Reading a part before it is installed is our bug and says so.
"""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from frisket.errors import FrisketError
from frisket.plumbing.clock import Clock
from frisket.plumbing.keys import KeyStore
from frisket.plumbing.settings import Settings

__all__ = ["Parts", "clock", "data", "install", "installed", "keys", "settings", "site", "tenant"]


@dataclass(frozen=True, slots=True)
class Parts:
    data: Path  # the data folder
    settings: Settings
    clock: Clock
    keys: KeyStore
    tenant: UUID  # the tenant of this house
    site: UUID


class NotBuilt(FrisketError):
    """A part was asked for before `programs` installed it."""


_parts: Parts | None = None


def install(parts: Parts | None) -> None:
    global _parts
    _parts = parts


def installed() -> Parts:
    if _parts is None:
        raise NotBuilt("the house is not built yet")
    return _parts


def data() -> Path:
    return installed().data


def settings() -> Settings:
    return installed().settings


def clock() -> Clock:
    return installed().clock


def keys() -> KeyStore:
    return installed().keys


def tenant() -> UUID:
    return installed().tenant


def site() -> UUID:
    return installed().site
