"""Guessing passwords and PINs at a running house, by every door and over a restart."""

from collections.abc import Iterator

import pytest
from tests.guarded.browser import Browser, Page
from tests.guarded.conftest import PASSWORD, ROOMY, Manor, entries, settled
from tests.peers.served import serving

WRONG = "a noisy drive along the road"


@pytest.fixture
def besieged() -> Iterator[Manor]:
    with serving(ROOMY) as served:
        yield settled(served)


def at_terminal(manor: Manor, name: str, pin: str) -> Page:
    browser = Browser(manor.served.urls["web"])
    token = browser.get("/terminal/press?by=pin").token
    form = {"by": "pin", "name": name, "pin": pin, "csrfmiddlewaretoken": token}
    return browser.post("/terminal/press/sign-in", form)


def by_page(manor: Manor, name: str, password: str) -> int:
    return Browser(manor.served.urls["web"]).sign_in(name, password).status


def by_ipp(manor: Manor, name: str, password: str) -> int:
    """The HTTP status; 200 only where the job would be taken."""
    answer = manor.stranger(basic=(name, password)).send(0x0004)
    return 401 if answer.message is None or answer.status >= 0x0100 else answer.http


def test_guesses_at_a_password_are_stopped_at_every_door_and_stay_stopped_over_a_restart(besieged: Manor) -> None:
    statuses = [by_page(besieged, "alice", WRONG) for _ in range(6)]
    assert statuses == [403] * 5 + [429]
    assert by_page(besieged, "alice", PASSWORD) == 429
    assert by_ipp(besieged, "alice", PASSWORD) == 401
    besieged.served.restart()
    assert by_page(besieged, "alice", PASSWORD) == 429
    assert by_ipp(besieged, "alice", PASSWORD) == 401
    besieged.served.ask("person.unlock", name="alice")
    assert by_page(besieged, "alice", PASSWORD) == 302
    assert by_ipp(besieged, "alice", PASSWORD) == 200
    locks = entries(besieged.served, "lock")
    assert locks and not any("alice" in line or WRONG in line for line in locks)


def test_guesses_by_ipp_lock_the_same_password(besieged: Manor) -> None:
    assert [by_ipp(besieged, "alice", f"{WRONG} {n}") for n in range(6)] == [401] * 6
    assert by_page(besieged, "alice", PASSWORD) == 429
    assert by_page(besieged, "adam", PASSWORD) == 302


def test_guesses_at_a_pin_lock_the_pin_over_a_restart_and_not_the_password(besieged: Manor) -> None:
    wrong = "000000" if besieged.alice["pin"] != "000000" else "111111"
    statuses = [at_terminal(besieged, "alice", wrong).status for _ in range(6)]
    assert statuses == [403] * 5 + [429]
    besieged.served.restart()
    assert at_terminal(besieged, "alice", besieged.alice["pin"]).status == 429
    assert by_page(besieged, "alice", PASSWORD) == 302
    besieged.served.ask("person.unlock", name="alice")
    assert at_terminal(besieged, "alice", besieged.alice["pin"]).status == 302


def test_whoever_guesses_names_is_stopped_by_the_address_and_learns_no_name(besieged: Manor) -> None:
    known, unknown = by_page(besieged, "alice", WRONG), by_page(besieged, "nobody", WRONG)
    assert known == unknown == 403
    statuses = [by_page(besieged, f"person{n}", WRONG) for n in range(32)]
    assert statuses[-1] == 429 and statuses.count(403) <= 30


def test_cards_are_not_guessed_at_a_terminal(besieged: Manor) -> None:
    statuses = []
    for number in range(12):
        browser = besieged.browser()
        token = browser.get("/terminal/press").token
        form = {"by": "card", "number": f"04C0FFEE{number:06X}", "csrfmiddlewaretoken": token}
        statuses.append(browser.post("/terminal/press/sign-in", form).status)
    assert statuses[:10] == [403] * 10 and statuses[10:] == [429] * 2
