"""Mailboxes of Exchange, online and on premises, against a double that says it is one; and OAuth 2.0."""

import asyncio
from collections.abc import Iterator

import pytest
from tests.intake.conftest import PDF, Post, a_mail
from tests.intake.exchange_double import SAYS, Exchange, certificates, exchange_running
from tests.peers.client import trusting_anybody

from frisket.intake import Lookout, MailboxClosed, MailboxTrouble, NewMailbox, Secret, add_mailbox, mailboxes, try_out
from frisket.intake.mail import lookout
from frisket.intake.mail.boxes import MailboxView, connect
from frisket.intake.mail.errors import BadMailbox
from frisket.intake.mail.models import Mailbox
from frisket.plumbing import https
from frisket.plumbing.db import transaction

DMARC = "mx.lab; dmarc=pass header.from=office.lab"


@pytest.fixture
def exchange(post: Post) -> Iterator[Exchange]:
    post.choose(mail={"results_servers": ["mx.lab"], "look_every_s": 1})
    made = certificates(post.house.data)
    with exchange_running(made.server_context(want_client_certificate=False)) as found:
        found.authority = made.authority_pem().decode()
        yield found


def add(post: Post, exchange: Exchange, kind: str, **values: object) -> MailboxView:
    oauth = {"token_url": f"https://localhost:{exchange.port}/token", "client": "print-client", "reach": "mail"}
    given = {
        "name": "print",
        "kind": kind,
        "host": "localhost",
        "port": exchange.port,
        "user": "print@office.lab",
        "authority": exchange.authority,
        "believe_results": True,
        "secret": Secret(client_secret="the client secret"),
        **(oauth if kind == "graph" else {"secret": Secret(password="the password")}),
        **values,
    }
    with transaction() as tx:
        return add_mailbox(post.house.scope, NewMailbox(**given), by=post.house.administrator, tx=tx)  # type: ignore[arg-type]


def look(post: Post, exchange: Exchange) -> None:
    """Look into the mailbox until its inbox is empty."""

    async def run() -> None:
        looking = Lookout(post.doors)
        looking.start()
        try:
            async with asyncio.timeout(60):
                while exchange.folders["inbox"]:
                    await asyncio.sleep(0.02)
        finally:
            await looking.stop()

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["graph", "ews"])
@pytest.mark.requirement("SAFEQ-61")
def test_mails_of_an_exchange_mailbox_become_jobs_and_are_moved(post: Post, exchange: Exchange, kind: str):
    large = PDF + b"%" * 400_000
    exchange.put("AAA1=", a_mail(("a.pdf", large), Authentication_Results=DMARC))
    exchange.put("AAA2=", a_mail(("b.pdf", PDF), Message_ID="<2@x>"))
    exchange.put("AAA3=", a_mail(("c.pdf", PDF), Message_ID="<3@x>", Authentication_Results=DMARC))
    add(post, exchange, kind)
    look(post, exchange)
    assert sorted(view.octets for view in post.jobs()) == sorted((len(large), len(PDF)))
    assert set(exchange.folders["Printed"]) == {"AAA1=", "AAA3="} and set(exchange.folders["Refused"]) == {"AAA2="}
    context = trusting_anybody()
    assert SAYS in https.call("GET", f"https://localhost:{exchange.port}/", context).headers["server"]


@pytest.mark.parametrize("kind", ["graph", "ews"])
def test_a_mail_that_breaks_off_is_fetched_again_and_printed_once(
    post: Post, exchange: Exchange, kind: str, monkeypatch: pytest.MonkeyPatch
):
    exchange.put("AAA1=", a_mail(("a.pdf", PDF * 20), Authentication_Results=DMARC))
    view = add(post, exchange, kind, afterwards="delete")
    exchange.cut = True
    with pytest.raises(MailboxTrouble):
        list(connect(view).octets("AAA1="))
    exchange.cut = False
    exchange.fail = 503
    monkeypatch.setattr(lookout, "_AGAIN_S", (0.1,))
    look(post, exchange)
    assert len(post.jobs()) == 1 and set(exchange.folders["gone"]) == {"AAA1="}


def test_a_document_type_in_an_answer_is_refused(post: Post, exchange: Exchange):
    view = add(post, exchange, "ews")
    exchange.doctype = True
    with pytest.raises(MailboxTrouble, match="document type"):
        connect(view).waiting(10)


def test_refused_credentials_are_told_and_written_nowhere(post: Post, exchange: Exchange):
    add(post, exchange, "ews", secret=Secret(password="a wrong password"))
    with pytest.raises(MailboxClosed):
        try_out("print")
    row = Mailbox.objects.get()
    assert b"a wrong password" not in bytes(row.secret_sealed) and b"print@" not in bytes(row.user_sealed)
    assert "password" not in repr(Secret("a")) and "office" not in repr(mailboxes())


def test_a_stranger_with_another_certificate_gets_no_credentials(post: Post, exchange: Exchange):
    add(post, exchange, "ews", pinned_sha256="00" * 32)
    with pytest.raises((MailboxTrouble, MailboxClosed)):
        try_out("print")
    assert exchange.asked == []


def test_a_refresh_token_that_its_server_exchanges_is_kept(post: Post, exchange: Exchange):
    view = add(post, exchange, "graph", secret=Secret(refresh_token="refresh-1"))
    assert try_out("print") == 0
    assert exchange.refresh == "refresh-1x"
    assert try_out("print") == 0  # forgets the access token, so the new refresh token is used
    assert exchange.refresh == "refresh-1xx"
    exchange.refresh = "revoked"
    with pytest.raises(MailboxClosed):
        try_out(view.name)


CANNOT_WORK: tuple[dict[str, object], ...] = (
    {"kind": "smtp"},
    {"name": "Not A Name"},
    {"host": "evil/host"},
    {"token_url": "http://clear.example/token"},
    {"token_url": ""},
    {"client": ""},
    {"secret": Secret()},
    {"secret": Secret(password="x")},
    {"pinned_sha256": "zz"},
    {"done_folder": "INBOX"},
    {"kind": "pop3", "afterwards": "move"},
    {"folder": "a\r\nb"},
)


def test_a_mailbox_that_cannot_work_is_not_kept(post: Post, exchange: Exchange):
    for values in CANNOT_WORK:
        with pytest.raises(BadMailbox):
            add(post, exchange, **{"kind": "graph", **values})  # type: ignore[arg-type]
    assert mailboxes() == []


@pytest.mark.parametrize(
    "url", ["http://localhost/x", "https://user:secret@localhost/", "file:///etc/passwd", "https:///x"]
)
def test_only_https_is_called(url: str):
    with pytest.raises(https.BadAddress):
        https.call("GET", url, trusting_anybody())
