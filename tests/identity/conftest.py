"""A small cast for the tests of people, and a PIN that costs little to check."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

import pytest
from tests.conftest import House

from frisket import identity
from frisket.identity import NewPerson, PersonView, Role, Shown
from frisket.plumbing import parts
from frisket.plumbing.db import transaction
from frisket.plumbing.keys import Cost

CONSOLE = identity.Place("console", "192.0.2.7")


@pytest.fixture(autouse=True)
def quick_pins(house: House) -> None:
    parts.keys().pin_cost = Cost("quick", 64, 1)


@dataclass
class Cast:
    house: House

    def add(self, name: str, **more: object) -> tuple[PersonView, Shown]:
        with transaction() as tx:
            new = NewPerson(name, **more)  # type: ignore[arg-type]
            return identity.add(self.house.scope, new, by=self.house.administrator, tx=tx)

    def bare(self, name: str, role: Role = Role.PERSON) -> PersonView:
        person, _ = self.add(name, role=role, bare=True)
        return person

    def with_pin(self, name: str) -> tuple[PersonView, str]:
        person = self.bare(name)
        pin = self.enrol(person, identity.NewPin()).pin
        assert pin is not None
        return person, pin

    def enrol(self, person: PersonView, new: identity.NewCredential) -> Shown:
        with transaction() as tx:
            return identity.enrol(person.id, new, by=self.house.administrator, tx=tx, scope=self.house.scope)


@pytest.fixture
def cast(house: House) -> Cast:
    return Cast(house)


@pytest.fixture
def wrong() -> Callable[[str], str]:
    """Another PIN of the same length."""
    return lambda pin: str((int(pin) + 1) % 10 ** len(pin)).zfill(len(pin))


def terminal() -> identity.Place:
    return identity.Place("terminal", "192.0.2.9", uuid4())
