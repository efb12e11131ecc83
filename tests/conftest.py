"""A built house for tests: real keys, a real database, a clock moved by hand.

FRISKET_TEST_DATABASE=postgresql://… runs the same tests on PostgreSQL.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from frisket.plumbing import parts
from frisket.plumbing.clock import HandClock
from frisket.plumbing.keys import KeyStore
from frisket.plumbing.scope import Actor, ActorKind, Purpose, Scope
from frisket.plumbing.settings import Settings
from frisket.programs import framework
from frisket.programs.house import prepare_database

_ROOT = Path(tempfile.mkdtemp(prefix="frisket-tests-"))
_DATABASE = os.environ.get("FRISKET_TEST_DATABASE", "")
_SETTINGS = Settings.model_validate({"database": {"url": _DATABASE}} if _DATABASE else {})
framework.use(_SETTINGS, _ROOT, secret_key="a key of the tests")


def pytest_sessionfinish() -> None:
    shutil.rmtree(_ROOT, ignore_errors=True)


@dataclass
class House:
    data: Path
    clock: HandClock
    tenant: UUID
    administrator: Actor

    @property
    def scope(self) -> Scope:
        return Scope(self.administrator, self.tenant, Purpose.OPERATE)

    @property
    def stage(self) -> Scope:
        return Scope(self.administrator, self.tenant, Purpose.STAGE)

    def own(self, person: UUID) -> Scope:
        return Scope(Actor(ActorKind.PERSON, person, role="person"), self.tenant, Purpose.OWN)


@pytest.fixture(scope="session")
def database() -> Iterator[None]:
    prepare_database()
    yield


def empty_tables() -> None:
    from django.apps import apps
    from django.db import connection

    tables = [model._meta.db_table for model in apps.get_models(include_auto_created=True)]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("TRUNCATE " + ", ".join(f'"{table}"' for table in tables) + " CASCADE")
            return
        cursor.execute("PRAGMA foreign_keys=OFF")
        for table in tables:
            cursor.execute(f'DELETE FROM "{table}"')
        cursor.execute("PRAGMA foreign_keys=ON")


@pytest.fixture
def house(database: None, tmp_path: Path) -> Iterator[House]:
    clock = HandClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    tenant = uuid4()
    keys = KeyStore.create(tmp_path / "keys", tenant, clock=clock.now)
    parts.install(parts.Parts(data=tmp_path, settings=_SETTINGS, clock=clock, keys=keys, tenant=tenant, site=uuid4()))
    administrator = Actor(ActorKind.PERSON, uuid4(), role="administrator", at="tests")
    yield House(tmp_path, clock, tenant, administrator)
    empty_tables()
    parts.install(None)


def plain(value: Any) -> Any:
    """bytes from whatever the database driver gives for a binary column."""
    return bytes(value)
