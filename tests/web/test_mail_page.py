"""The operator's page about printing by mail."""

from dataclasses import replace

import pytest

from frisket import intake
from frisket.intake.mail import boxes, ledger
from frisket.plumbing import parts
from frisket.plumbing.db import transaction
from frisket.plumbing.settings import Settings
from tests.web.conftest import Town


def choose(**sections: object) -> None:
    settings = Settings.model_validate({**sections, "database": parts.settings().database.model_dump()})
    parts.install(replace(parts.installed(), settings=settings))


def page(town: Town, name: str = "olga", language: str = "en") -> str:
    answer = town.browser(name).get("/mail", secure=True, headers={"accept-language": language})
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_the_page_says_that_the_door_is_closed_and_that_nobody_is_told(town: Town) -> None:
    said = page(town)
    assert "Closed. Open it with doors.mail.on" in said and "Nobody is told what became of a mail." in said
    assert "No mail came yet." in said


def test_the_page_shows_the_door_the_mailboxes_and_why_something_was_refused(town: Town) -> None:
    choose(doors={"mail": {"on": True}}, mail={"domains": ["print.lab"], "believe_relays": ["192.0.2.0/24"]})
    town.add_queue()
    new = intake.NewMailbox("print", "imap", "imap.lab", "secret-name", intake.Secret("secret-word"))
    with transaction() as tx:
        box = intake.add_mailbox(town.house.scope, new, by=town.house.administrator, tx=tx)
    boxes.tell_state(box.id, "trouble", "the mail server cannot be reached")
    ledger.note_refusal("smtp", "not-believed")
    said = page(town)
    assert "@print.lab" in said and "192.0.2.0/24" in said and "demanded" in said
    assert "imap.lab:993" in said and "trouble" in said and "the mail server cannot be reached" in said
    assert "nobody vouches for the sender" in said
    assert "secret-name" not in said and "secret-word" not in said
    assert "niemand bürgt für den Absender" in page(town, language="de")


def test_a_plain_person_has_no_such_page(town: Town) -> None:
    assert town.browser("alice").get("/mail", secure=True).status_code == 403


@pytest.mark.parametrize("kind", sorted(boxes.KINDS))
def test_every_kind_of_mailbox_has_a_name(town: Town, kind: str) -> None:
    oauth = {"token_url": "https://login.lab/token", "client": "c", "secret": intake.Secret(client_secret="s")}
    values = oauth if kind == "graph" else {"secret": intake.Secret("password")}
    with transaction() as tx:
        new = intake.NewMailbox("print", kind, "mail.lab", "print", **values)  # type: ignore[arg-type]
        intake.add_mailbox(town.house.scope, new, by=town.house.administrator, tx=tx)
    assert "Mailbox (" in page(town)
