"""One house for the tests that leave it as it was; whoever locks doors or stops it takes one of their own."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.guarded.browser import Browser
from tests.peers.client import Printing, sample
from tests.peers.served import Served, forget_the_made_house, serving

ROOMY = {"LIMITS__PAGES_PER_SECOND": "5000"}
PASSWORD = "a quiet walk by the river"
CARD = "04C0FFEE123456"
TITLE = "Dismissal of Doctor Zeta"


@dataclass
class Manor:
    """A house with an administrator, a person with a held job, a queue that believes names and one that does not."""

    served: Served
    alice: dict[str, Any]
    secret: str  # last part of her queue's address
    job: int

    @property
    def web(self) -> str:
        return self.served.urls["web"]

    @property
    def clear(self) -> str:
        """The IPP port in clear text, as an address for browsers."""
        return f"http://127.0.0.1:{self.served.port('ipp')}"

    def browser(self) -> Browser:
        return Browser(self.web)

    def signed_in(self, name: str = "adam", password: str = PASSWORD) -> Browser:
        browser = self.browser()
        page = browser.sign_in(name, password)
        assert page.status == 302, page.text
        return browser

    def stranger(self, door: str = "ipps", queue: str = "secure", **more: Any) -> Printing:
        return Printing(f"{self.served.urls[door]}/{queue}", **more)


def settled(served: Served) -> Manor:
    served.person("adam", role="administrator", password=PASSWORD)
    served.ask("queue.add", name="secure", hold=True)
    served.ask("queue.add", name="believing", hold=True, trust_network=["127.0.0.0/8"])
    alice = served.person("alice", full_name="Alice Example", password=PASSWORD, card=CARD)
    pin = served.ask("person.pin", name="alice")["pin"]
    secret = str(served.ask("person.queue", name="alice")["queue_uri"]).rpartition("/")[2]
    served.ask("device.add", name="press", uri="socket://127.0.0.1:9", silence_is_done=True)
    job = Printing(f"{served.urls['ipp']}/believing", "alice").print(sample("zeta"), title=TITLE).job
    served.reaches(job, "held")
    return Manor(served, {**alice, "pin": pin}, secret, job)


def entries(served: Served, act: str) -> list[str]:
    """Bodies of the audit log's entries about an act."""
    bodies = [json.loads(line).get("body") for line in served.ask("audit.export")["lines"]]
    return [body for body in bodies if body is not None and json.loads(body)["act"] == act]


@pytest.fixture(scope="session", autouse=True)
def tidy() -> Iterator[None]:
    yield
    forget_the_made_house()


@pytest.fixture(scope="session")
def manor() -> Iterator[Manor]:
    with serving(ROOMY) as served:
        yield settled(served)
