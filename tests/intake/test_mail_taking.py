"""A mail's way to jobs: whose it is, what of it is printed, and that it prints once whatever breaks."""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from tests.intake.conftest import PDF, Post, a_mail, in_pieces

from frisket import device, identity
from frisket.intake import CutOff, NewMailbox, Secret, add_mailbox
from frisket.intake.accept import Held, Intake
from frisket.intake.mail import ledger
from frisket.intake.mail.errors import MailRefused, NoQueue
from frisket.intake.mail.models import Mail, MailPart
from frisket.intake.mail.senders import Envelope, Proof
from frisket.intake.mail.taking import take
from frisket.intake.offers import Accepted
from frisket.plumbing.db import StorageFailed, transaction
from frisket.wire.mime import MimeError

DMARC = "mx.lab; dmarc=pass header.from=office.lab"
RESULTS = {"mail": {"domains": ["print.lab"], "results_servers": ["mx.lab"]}}


def refused(post: Post, mail: bytes, envelope: Envelope | None = None) -> str:
    with pytest.raises(MailRefused) as error:
        post.take(mail, envelope)
    assert post.jobs() == []
    return error.value.why


# -- whose it is


def test_a_from_line_alone_proves_nothing(post: Post):
    assert refused(post, a_mail(("a.pdf", PDF)), post.envelope(relay_believed=False)) == "not-believed"


def test_a_believed_relay_says_who_wrote(post: Post):
    assert post.why(a_mail(("a.pdf", PDF))) == [""]
    (view,) = post.jobs()
    assert view.person == post.alice.id and view.title == "a.pdf" and view.door == "mail" and view.octets == len(PDF)


def test_a_believed_address_of_nobody_is_refused(post: Post):
    assert refused(post, a_mail(("a.pdf", PDF), From="mallory@office.lab")) == "nobody-known"


def test_a_sender_that_can_be_read_in_two_ways_is_none(post: Post):
    two = "alice@office.lab, bob@office.lab"
    for sender in (two, "alice@office.lab <mallory@office.lab> x", "", "Group: alice@office.lab;"):
        mail = a_mail(("a.pdf", PDF), From="").replace(b"To: ", b"From: " + sender.encode() + b"\r\nTo: ", 1)
        assert refused(post, mail) == "not-believed", sender


def test_two_from_lines_are_no_sender(post: Post):
    assert refused(post, b"From: mallory@office.lab\r\n" + a_mail(("a.pdf", PDF))) == "not-believed"


def test_dmarc_of_a_named_server_says_who_wrote(post: Post):
    post.choose(**RESULTS)
    envelope = post.envelope(relay_believed=False, results_believed=True)
    assert post.why(a_mail(("a.pdf", PDF), Authentication_Results=DMARC), envelope) == [""]
    assert Mail.objects.get().proof == "results"


OTHER_RESULTS = (
    "mx.evil; dmarc=pass header.from=office.lab",
    "mx.lab; dmarc=fail header.from=office.lab",
    "mx.lab; dmarc=pass header.from=evil.example",
    "mx.lab; dmarc=pass",
    "mx.lab; spf=pass smtp.mailfrom=office.lab",
    "mx.lab (; dmarc=pass header.from=office.lab",
    "mx.lab; dmarc=none; dmarc=pass header.from=office.lab",
)


def test_no_other_result_says_so(post: Post):
    post.choose(**RESULTS)
    envelope = post.envelope(relay_believed=False, results_believed=True)
    for results in OTHER_RESULTS:
        assert refused(post, a_mail(("a.pdf", PDF), Authentication_Results=results), envelope) == "not-believed"


def test_only_the_newest_word_of_the_named_server_counts(post: Post):
    post.choose(**RESULTS)
    envelope = post.envelope(relay_believed=False, results_believed=True)
    forged = a_mail(("a.pdf", PDF), Authentication_Results=DMARC)
    genuine = b"Authentication-Results: mx.lab; dmarc=fail header.from=office.lab\r\n" + forged
    assert refused(post, genuine, envelope) == "not-believed"
    nobody_looks = post.envelope(relay_believed=False, results_believed=False)
    assert refused(post, forged, nobody_looks) == "not-believed"


def test_whoever_merely_writes_acts_as_a_plain_person(post: Post):
    post.take(a_mail(("a.pdf", PDF)))
    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM audit_leaf WHERE act = 'job.accept'")
        (body,) = cursor.fetchone()
    assert b'"role":"person"' in bytes(body) and post.alice.role is identity.Role.OPERATOR


def test_the_secret_in_a_mailbox_address_says_whose_it_is(post: Post):
    new = NewMailbox("box", "imap", "mail.lab", "print", Secret("password"))
    with transaction() as tx:
        box = add_mailbox(post.house.scope, new, by=post.house.administrator, tx=tx)
    envelope = post.envelope(source="imap", relay_believed=False, mailbox=box.id, sender=None)
    assert post.why(a_mail(("a.pdf", PDF), From="x@y", Delivered_To=f"print+{post.secret}@office.lab"), envelope) == [
        ""
    ]
    assert len(post.jobs()) == 1 and post.jobs()[0].person == post.alice.id
    stranger = a_mail(("a.pdf", PDF), From="x@y.example", Delivered_To=f"print+{post.secret[:-1]}@office.lab")
    with pytest.raises(MailRefused):
        post.take(stranger, envelope)


# -- what of it is printed


def printing(post: Post, *formats: str) -> None:
    """A device that takes these and no other."""
    adopted = device.Adoption(device.Capabilities(formats=formats))
    new = device.NewDevice("copy-1", "socket://127.0.0.1:9", adoption=adopted)
    with transaction() as tx:
        device.add_device(post.house.scope, new, by=post.house.administrator, tx=tx)


def a_zip(name: str, *, encrypted: bool = False) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, b"content")
    octets = bytearray(out.getvalue())
    octets[6] |= encrypted
    return bytes(octets)


KINDS = (
    ("a.zip", a_zip("a.pdf"), "archive"),
    ("a.zip", a_zip("a.pdf", encrypted=True), "encrypted-archive"),
    ("a.pdf", a_zip("a.pdf"), "archive"),
    ("a.docx", a_zip("[Content_Types].xml"), "format"),
    ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), "encrypted"),
    ("mail.msg", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), "mail-inside"),
    ("winmail.dat", b"\x78\x9f\x3e\x22", "tnef"),
    ("image.dat", b"\x78\x9f\x3e\x22", "tnef"),
    ("smime.p7m", b"0\x80", "encrypted"),
    ("setup.pdf", b"MZ\x90\0", "program"),
    ("run.txt", b"#!/bin/sh\n", "program"),
    ("a.7z", b"7z\xbc\xaf\x27\x1c", "archive"),
    ("a.bin", b"\0\1\2\3", "unknown"),
    ("a.prn", b"\x1b%-12345X@PJL\r\n", "unknown"),
    ("empty.pdf", b"", "empty"),
    ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(40), "format"),
)


def test_what_is_not_printed_is_told_with_its_reason_and_keeps_nothing_else_back(post: Post):
    printing(post, "application/pdf")
    documents = [(name, octets) for name, octets, _ in KINDS]
    assert post.why(a_mail(*documents, ("good.pdf", PDF))) == [*(why for _, _, why in KINDS), ""]
    assert [view.title for view in post.jobs()] == ["good.pdf"]


def multipart(kind: str, *bodies: bytes) -> bytes:
    head = f"From: alice@office.lab\r\nMessage-ID: <2@x>\r\nContent-Type: multipart/{kind}; boundary=b\r\n\r\n".encode()
    return head + b"".join(b"--b\r\n" + body + b"\r\n" for body in bodies) + b"--b--\r\n"


NAMED = b'Content-Type: application/pdf; name="a.pdf"\r\n\r\n' + PDF


MULTIPARTS = (
        (multipart("mixed", NAMED, b"Content-Type: message/rfc822\r\n\r\n" + a_mail()), ["", "mail-inside"]),
        (multipart("mixed", b"Content-Type: message/partial; id=1\r\n\r\nx"), ["elsewhere"]),
        (multipart("encrypted", b"Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1", NAMED), ["encrypted"]),
        (multipart("signed", NAMED, b"Content-Type: application/pgp-signature\r\n\r\nx"), [""]),
        (multipart("related", NAMED, b"Content-Type: image/png; name=l.png\r\nContent-ID: <l>\r\n\r\n\x89PNG"), [""]),
        (multipart("alternative", b"\r\ntext", b"Content-Type: text/html\r\n\r\n<p>"), ["nothing"]),
        (multipart("mixed", NAMED.replace(b"\r\n", b"\r\nContent-Transfer-Encoding: x-uu\r\n", 1)), ["broken"]),
        (multipart("mixed", b"Content-Transfer-Encoding: base64\r\nContent-Type: a/b\r\n\r\nJVBERi0xL"), ["broken"]),
)  # fmt: skip


def test_what_only_belongs_to_a_mail_is_neither_printed_nor_told(post: Post):
    jobs = 0
    for number, (mail, why) in enumerate(MULTIPARTS):
        assert post.why(mail.replace(b"<2@x>", b"<m%d@x>" % number)) == why, number
        jobs += why.count("")
        assert len(post.jobs()) == jobs


def test_the_text_of_a_mail_is_printed_where_the_operator_says_so(post: Post):
    post.choose(mail={"print_body": True})
    printing(post, "application/pdf", "text/plain")
    mail = a_mail(Subject="Für dich", Content_Type="").replace(b'charset="utf-8"', b'charset="iso-8859-1"')
    mail = mail.replace(b"Hello", b"Gr\xfc\xdfe").replace(b"Content-Transfer-Encoding: 7bit", b"X: y")
    assert post.why(mail) == [""]
    (view,) = post.jobs()
    assert view.format == "text/plain" and view.title == "Für dich"
    assert view.octets == len("Grüße\r\n".encode())


def test_more_documents_than_a_mail_may_bring_are_told(post: Post):
    post.choose(mail={"jobs_per_mail": 2})
    assert post.why(a_mail(*[(f"{n}.pdf", PDF) for n in range(4)])) == ["", "", "too-many", "too-many"]


def test_a_document_beyond_the_limit_is_refused_alone(post: Post):
    post.choose(limits={"job_bytes": 1000})
    assert post.why(a_mail(("a.pdf", PDF + bytes(2000)), ("b.pdf", PDF))) == ["too-large", ""]


def test_a_mail_beyond_its_limits_is_refused_and_leaves_nothing(post: Post):
    post.choose(mail={"message_bytes": 2000, "parts": 3, "depth": 2})
    for mail in (a_mail(("a.pdf", PDF), ("b.pdf", PDF * 9)), a_mail(*[("a.pdf", b"%PDF-1.4")] * 4)):
        with pytest.raises(MimeError):
            post.take(mail)
    assert post.jobs() == [] and not Mail.objects.exists() and not MailPart.objects.exists()


def test_automatic_messages_are_no_jobs(post: Post):
    assert refused(post, a_mail(("a.pdf", PDF), Auto_Submitted="auto-replied (vacation)")) == "automatic-reply"
    assert refused(post, a_mail(("a.pdf", PDF), X_Frisket_Answer="1")) == "own-answer"
    assert refused(post, multipart("report; report-type=delivery-status", NAMED)) == "bounce"
    assert refused(post, a_mail(("a.pdf", PDF)), post.envelope(sender="")) == "bounce"


def test_a_closed_queue_lets_the_mail_wait_where_it_is(post: Post):
    with transaction() as tx:
        by = post.house.administrator
        shut = device.change_queue(post.house.scope, post.queue.id, device.QueueChange(accepting=False), by=by, tx=tx)
    with pytest.raises(NoQueue):
        post.take(a_mail(("a.pdf", PDF)), post.envelope(queue=shut))


# -- once, whatever breaks


def test_a_mail_that_comes_again_is_known(post: Post):
    mail = a_mail(("a.pdf", PDF), ("b.pdf", PDF))
    post.take(mail)
    again = post.take(b"Received: by another way\r\nX-Spam: no\r\n" + mail)
    assert again.again and again.outcomes == () and len(post.jobs()) == 2
    post.take(a_mail(("a.pdf", PDF), Message_ID="<2@office.lab>"))
    assert len(post.jobs()) == 3


def test_two_connections_with_the_same_mail_make_its_jobs_once(post: Post):
    mail = a_mail(("a.pdf", PDF), ("b.pdf", PDF))

    async def both() -> list[object]:
        takes = [take(post.doors, post.proved, in_pieces(mail)) for _ in range(3)]
        return await asyncio.gather(*takes, return_exceptions=True)

    assert all(not isinstance(each, BaseException) or isinstance(each, StorageFailed) for each in asyncio.run(both()))
    post.take(mail, post.proved)
    assert len(post.jobs()) == 2 and Mail.objects.count() == 1


class _Breaks(Intake):
    """An intake whose machine dies after so many jobs of a mail."""

    left = 1

    async def keep(self, held: Held) -> Accepted:
        if not self.left:
            raise StorageFailed("the power went")
        self.left -= 1
        return await super().keep(held)


def test_a_mail_that_was_cut_between_its_jobs_goes_on_where_it_was(post: Post, monkeypatch: pytest.MonkeyPatch):
    mail = a_mail(("a.pdf", PDF), ("b.zip", a_zip("x")), ("c.pdf", PDF))
    monkeypatch.setattr(post.doors, "__class__", _Breaks)
    with pytest.raises(StorageFailed):
        post.take(mail)
    monkeypatch.setattr(post.doors, "__class__", Intake)
    assert [view.title for view in post.jobs()] == ["a.pdf"] and not Mail.objects.exists()
    first = post.jobs()[0]
    taken = post.take(mail)
    assert [(bool(each.number), each.why) for each in taken.outcomes] == [(True, ""), (False, "archive"), (True, "")]
    assert taken.outcomes[0].number == first.number
    assert sorted(view.title or "" for view in post.jobs()) == ["a.pdf", "c.pdf"]


def test_a_sender_that_goes_away_leaves_nothing(post: Post):
    async def broken() -> AsyncIterator[bytes]:
        mail = a_mail(("a.pdf", PDF), ("b.pdf", PDF * 2000))
        yield mail[: len(mail) // 2]
        raise CutOff("gone")

    with pytest.raises(CutOff):
        asyncio.run(take(post.doors, post.envelope(), broken()))
    assert post.jobs() == [] and not MailPart.objects.exists()
    sealed = [
        file for file in (post.house.data / "spool").rglob("*") if file.is_file() and file.stat().st_size > 100_000
    ]
    assert sealed == []


def test_no_octet_of_a_document_and_no_address_lies_on_the_disk(post: Post):
    post.choose(mailer={"host": "127.0.0.1"})
    post.take(a_mail(("Kündigung.pdf", PDF), ("b.pdf", PDF * 3000)))
    wanted = (b"MARKER-OF-A-SECRET", b"alice@office", b"K\xc3\xbcndigung", b"Please")
    places = [post.house.data, *Path(str(settings.DATABASES["default"]["NAME"])).parent.glob("*.db*")]
    files = [file for place in places for file in ([place] if place.is_file() else place.rglob("*")) if file.is_file()]
    assert len(files) > 3
    for file in files:
        octets = file.read_bytes()
        assert not any(each in octets for each in wanted), file.name


def test_mails_are_forgotten_after_their_days_but_not_while_they_still_come(post: Post):
    mail = a_mail(("a.pdf", PDF))
    post.take(mail)
    post.take(a_mail(("a.pdf", PDF), Message_ID="<2@x>"))
    post.house.clock.pass_time(timedelta(days=20))
    assert post.take(mail).again
    post.house.clock.pass_time(timedelta(days=20))
    assert ledger.forget_old() == 1
    assert Mail.objects.count() == 1 and MailPart.objects.count() == 1
    assert post.take(mail).again


def test_the_operators_list_names_nobody(post: Post):
    post.take(a_mail(("a.zip", a_zip("x"))))
    ledger.note_refusal("smtp", "not-believed")
    shown = ledger.latest()
    assert {(each.source, each.why, each.refused) for each in shown} == {
        ("smtp", "archive", 1),
        ("smtp", "not-believed", 1),
    }
    assert Proof.RELAY.value in {each.proof for each in shown}
