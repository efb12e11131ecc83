"""What the sender of a mail is told: once, by the rules for automatic replies, and nothing beyond it."""

from datetime import timedelta
from email.message import EmailMessage
from threading import Event

import pytest
from tests.intake.conftest import PDF, Post, a_mail

from frisket import identity
from frisket.intake.mail import answer, ledger
from frisket.intake.mail.models import Mail
from frisket.intake.mail.senders import ANSWER_MARK
from frisket.plumbing import mailer, parts, work
from frisket.plumbing.db import transaction

MAILER = {"host": "mail.lab", "sender": "frisket@office.lab"}


class Sent:
    """A mail server as far as answers see it."""

    def __init__(self) -> None:
        self.mails: list[tuple[EmailMessage, str]] = []
        self.fails: Exception | None = None

    def __call__(self, message: EmailMessage, to: str, *, told_of_failure: bool = True) -> None:
        assert not told_of_failure
        if self.fails is not None:
            raise self.fails
        self.mails.append((message, to))


@pytest.fixture
def sent(post: Post, monkeypatch: pytest.MonkeyPatch) -> Sent:
    found = Sent()
    monkeypatch.setattr(mailer, "send", found)
    post.choose(mailer=MAILER, mail={"domains": ["print.lab"]})
    return found


def run(attempt: int = 1) -> None:
    """The work of every answer that is due, as an engine runs it."""
    for row in Mail.objects.exclude(answer="none"):
        answer.send_answer(work.Item(work.WorkId(1), ledger.ANSWER, {"mail": row.id.hex}, attempt, 1, Event()))


def queued() -> int:
    """Answers that wait; on PostgreSQL those of other tests too."""
    return sum(state.waiting + state.later for state in work.overview() if state.kind == ledger.ANSWER)


def text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def test_one_mail_has_one_answer_however_often_it_comes_and_its_work_runs(post: Post, sent: Sent):
    mail = a_mail(("Bericht.pdf", PDF), ("bilder.zip", b"PK\x03\x04" + bytes(50)))
    before = queued()
    assert post.take(mail).answered
    post.take(mail)
    assert queued() == before + 1
    run()
    run()
    ((message, to),) = sent.mails
    assert to == "alice@office.lab" == message["To"]
    number = post.jobs()[0].number
    assert f"Bericht.pdf: Waits for you as job {number} on secure." in text_of(message)
    assert "bilder.zip: Not printed. This is an archive." in text_of(message)
    assert message["Subject"] == "1 job from your mail, not all of it"
    row = Mail.objects.get()
    assert row.answer == "sent" and row.facts is None and row.answered_at is not None


def test_an_answer_says_that_it_is_one_so_that_nothing_answers_it(post: Post, sent: Sent):
    post.take(a_mail(("a.pdf", PDF)))
    run()
    message, _ = sent.mails[0]
    assert message["Auto-Submitted"] == "auto-replied" and message["In-Reply-To"] == "<1@office.lab>"
    back = message.as_bytes().replace(b"\n", b"\r\n")
    again = (
        b"From: alice@office.lab\r\nSubject: Re: x\r\nReferences: "
        + message["Message-ID"].encode()
        + b"\r\n\r\nthanks\r\n"
    )
    with pytest.raises(Exception, match="automatic"):
        post.take(back)
    assert not post.take(again).answered
    assert message[ANSWER_MARK] == Mail.objects.get(jobs=1).id.hex


def test_what_programs_and_lists_send_is_printed_and_not_answered(post: Post, sent: Sent):
    marks = (
        {"Auto_Submitted": "auto-generated"},
        {"Precedence": "bulk"},
        {"Precedence": "list"},
        {"List_Id": "<news.office.lab>"},
        {"X_Auto_Response_Suppress": "OOF, None"},
    )
    for number, fields in enumerate(marks):
        assert not post.take(a_mail(("a.pdf", PDF), Message_ID=f"<{number}@x>", **fields)).answered, fields
        assert len(post.jobs()) == number + 1
    run()
    assert sent.mails == []


def test_an_answer_goes_to_the_persons_own_address_and_never_where_a_mail_points(post: Post, sent: Sent):
    mail = a_mail(("a.pdf", PDF), From="victim@elsewhere.example", Reply_To="victim@elsewhere.example")
    post.take(mail, post.proved)
    run()
    assert [to for _, to in sent.mails] == ["alice@office.lab"]


def test_whoever_has_no_address_is_not_answered(post: Post, sent: Sent):
    with transaction() as tx:
        identity.change(
            post.house.scope, post.alice.id, identity.PersonChange(mail=""), by=post.house.administrator, tx=tx
        )
    alice = identity.by_name("alice")
    assert alice is not None
    assert not post.take(a_mail(("a.pdf", PDF)), post.envelope(person=alice, proof=post.proved.proof)).answered


def test_documents_are_numbered_where_the_operator_wants_no_names(post: Post, sent: Sent):
    post.choose(mailer=MAILER, mail={"answers_name_documents": False})
    post.take(a_mail(("Kündigung.pdf", PDF), ("b.zip", b"PK\x03\x04" + bytes(50))))
    run()
    whole = sent.mails[0][0].as_string()
    assert "ndigung" not in whole and "b.zip" not in whole
    assert "Document 1: Waits" in text_of(sent.mails[0][0]) and "Document 2: Not printed" in text_of(sent.mails[0][0])


def test_a_name_can_do_nothing_in_an_answer_but_be_a_name(post: Post, sent: Sent):
    post.take(a_mail(("<script>alert(1)</script>\u202e.pdf", PDF), Message_ID="<a b\t@x>"))
    run()
    message, _ = sent.mails[0]
    page = message.get_body(("html",))
    assert page is not None
    assert "<script>" not in page.get_content() and "&lt;script&gt;" in page.get_content()
    assert "\u202e" not in text_of(message) and "In-Reply-To" not in message


def test_the_answer_is_in_the_language_of_its_person(post: Post, sent: Sent):
    with transaction() as tx:
        identity.set_language(post.house.scope, post.alice.id, "de", by=post.house.administrator, tx=tx)
    identity_again = identity.by_name("alice")
    assert identity_again is not None
    post.take(
        a_mail(("a.zip", b"PK\x03\x04" + bytes(50))), post.envelope(person=identity_again, proof=post.proved.proof)
    )
    run()
    message, _ = sent.mails[0]
    assert message["Subject"] == "Nicht gedruckt: Ihre Mail"
    assert "a.zip: Nicht gedruckt. Das ist ein Archiv." in text_of(message)


def test_every_reason_has_words_in_both_languages(post: Post, sent: Sent):
    told = answer.compose(
        ledger.Facts("a@b.lab", "de", "", "secure", tuple(ledger.Outcome("x", why=why) for why in answer.WHY)),
        post.house.tenant,
    )
    for english in answer.WHY.values():
        assert english not in text_of(told).replace("\n", " ")


def test_a_mail_server_that_is_away_is_tried_again_and_given_up_in_the_end(post: Post, sent: Sent):
    post.take(a_mail(("a.pdf", PDF)))
    sent.fails = mailer.MailerUnreachable("away")
    with pytest.raises(mailer.MailerUnreachable):
        run(attempt=1)
    assert Mail.objects.get().answer == "due"
    run(attempt=answer.MOST_ATTEMPTS)
    row = Mail.objects.get()
    assert row.answer == "given-up" and row.facts is None


def test_a_refused_answer_is_given_up_at_once(post: Post, sent: Sent):
    post.take(a_mail(("a.pdf", PDF)))
    sent.fails = mailer.MailNotTaken("no")
    run()
    assert Mail.objects.get().answer == "given-up"


def test_nobody_gets_more_answers_in_an_hour_than_they_may(post: Post, sent: Sent):
    post.choose(mailer=MAILER, mail={"answers_per_hour": 2})
    for number in range(4):
        post.take(a_mail(("a.pdf", PDF), Message_ID=f"<{number}@x>"))
        run()
    assert len(sent.mails) == 2
    assert sorted(Mail.objects.values_list("answer", flat=True)) == ["kept-back", "kept-back", "sent", "sent"]
    post.house.clock.pass_time(timedelta(hours=2))
    post.take(a_mail(("a.pdf", PDF), Message_ID="<9@x>"))
    run()
    assert len(sent.mails) == 3


def test_what_an_answer_will_say_lies_sealed(post: Post, sent: Sent):
    post.take(a_mail(("Bericht.pdf", PDF)))
    facts = bytes(Mail.objects.get().facts or b"")
    assert facts and b"Bericht" not in facts and b"alice" not in facts


def test_without_a_mail_server_there_is_nothing_to_answer_with(post: Post):
    assert not post.take(a_mail(("a.pdf", PDF))).answered
    with pytest.raises(mailer.MailerOff):
        mailer.send(EmailMessage(), "a@b.lab")
    assert parts.settings().mailer.host == ""
