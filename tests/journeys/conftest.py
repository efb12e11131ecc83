"""One office for all the journeys of a module."""

from collections.abc import Iterator

import pytest
from tests.peers.office import Office, office_running
from tests.peers.served import forget_the_made_house


@pytest.fixture(scope="session", autouse=True)
def tidy() -> Iterator[None]:
    yield
    forget_the_made_house()


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    with office_running() as office:
        yield office
