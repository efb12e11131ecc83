"""Mails as streams: the same parts however the octets are cut, and nothing but MimeError whatever they are."""

import base64
import hashlib
import json
import os
import time
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.mail_samples import ALL, CUT, DIGEST, MIXED, SINGLE, read

from frisket.wire import mailauth, mime


def test_a_mail_is_read_part_by_part_with_its_octets_decoded():
    top, parts = read(MIXED)
    assert mime.address_of(top.first("from")) == "joerg@office.example"
    assert mime.text_of(top.first("subject")) == "äö plain"
    assert [each.part.type for each in parts] == [
        "text/plain", "text/html", "application/pdf", "application/octet-stream", "message/rfc822",
    ]  # fmt: skip
    assert parts[0].octets.decode() == "Grüße, eine lange Zeile "
    assert parts[0].part.parents == ("multipart/mixed", "multipart/alternative")
    assert parts[1].octets == b"<p>--inner is no boundary here</p>"
    assert parts[2].octets == b"%PDF-1.4\n%" and parts[2].part.name == "€ rate.pdf"
    assert parts[3].octets == b"\r\n".join((b"--outer =_", b"--outer")) and parts[3].part.name == 'a "b".bin'
    assert parts[4].octets.endswith(b"a mail inside\r\n--deep--") and parts[4].part.number == 5


def test_a_mail_without_parts_is_one_part():
    _, (only,) = read(SINGLE)
    assert only.part.type == "application/pdf" and only.octets == b"%PDF-1.4" and not only.damaged


def test_parts_of_a_digest_are_mails_without_saying_so():
    _, parts = read(DIGEST)
    assert [each.part.type for each in parts] == ["message/rfc822"] * 2


def test_base64_that_breaks_off_is_told():
    _, (only,) = read(CUT)
    assert only.damaged


@pytest.mark.parametrize("mail", ALL)
def test_the_cut_of_the_packets_changes_nothing(mail: bytes):
    whole = read(mail)[1]
    for step in range(1, 40):
        assert read(mail, step=step)[1] == whole or [
            (each.part.type, each.octets, each.damaged) for each in read(mail, step=step)[1]
        ] == [(each.part.type, each.octets, each.damaged) for each in whole]


@pytest.mark.parametrize("mail", ALL)
def test_line_ends_without_cr_give_the_same_parts(mail: bytes):
    plain = mail.replace(b"\r\n", b"\n")
    assert [(each.part.type, each.part.name) for each in read(plain)[1]] == [
        (each.part.type, each.part.name) for each in read(mail)[1]
    ]


@pytest.mark.parametrize("mail", ALL)
def test_a_mail_may_end_anywhere(mail: bytes):
    for end in range(len(mail)):
        read(mail[:end])


@given(st.lists(st.binary(max_size=200), max_size=5), st.integers(1, 97))
def test_any_document_comes_out_as_it_went_in(documents: list[bytes], step: int):
    from_library = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    for each in documents:
        coded = b"\r\n".join(base64.encodebytes(each).split(b"\n"))
        from_library += b"--b\r\nContent-Transfer-Encoding: base64\r\n\r\n" + coded + b"\r\n"
    assert [each.octets for each in read(from_library + b"--b--\r\n", step=step)[1]] == documents


@pytest.mark.parametrize(
    ("mail", "limits", "why"),
    [
        (b"A: b\r\n\r\n" + bytes(100), mime.Limits(message_bytes=50), "too-large"),
        (b"A: " + b"b" * 200, mime.Limits(header_bytes=100), "header"),
        (b"A: b\r\n" * 50, mime.Limits(header_bytes=100), "header"),
        (b"a:\r\n" * 1001 + b"\r\n", mime.Limits(), "header"),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n\r\n" * 9, mime.Limits(parts=8), "parts"),
        (b"Content-Type: multipart/a; boundary=b\r\n\r\n--b\r\n" * 5, mime.Limits(depth=4), "depth"),
    ],
)
def test_every_limit_holds(mail: bytes, limits: mime.Limits, why: str):
    for step in (0, 1, 7):
        with pytest.raises(mime.MimeError) as refused:
            read(mail, limits=limits, step=step)
        assert refused.value.why == why


@pytest.mark.parametrize(
    "start",
    [
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n",
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n",
        b"Content-Transfer-Encoding: base64\r\n\r\n",
    ],
)
@pytest.mark.parametrize("stuff", [b"\n--", b"=", b"\r", b"--b", b" " * 64, b"\n--b x"])
def test_no_text_holds_up_the_reader_or_grows_in_it(start: bytes, stuff: bytes):
    reader = mime.Reader()
    reader.feed(start)
    piece = (stuff * 70_000)[:65_536]
    began = time.process_time()
    for _ in range(16):
        reader.feed(piece)
    assert len(reader._held) + len(getattr(reader._into, "_rest", b"")) < 3 * 65_536
    assert time.process_time() - began < 8


@pytest.mark.parametrize(
    ("field", "address"),
    [
        ("alice@office.example", "alice@office.example"),
        ('"Doe, Alice" <alice@office.example>', "alice@office.example"),
        ("Alice (at work) <alice@office.example>", "alice@office.example"),
        ("alice@office.example, bob@office.example", None),
        ("alice@office.example <bob@office.example>", None),
        ("<alice@office.example> bob@office.example", None),
        ("<alice@office.example><bob@office.example>", None),
        ("Group: alice@office.example;", None),
        ('"alice"@office.example', None),
        ("alice@office.example\0", None),
        ("a@b@office.example", None),
        ("(" * 2000, None),
        ("", None),
    ],
)
def test_only_a_field_that_nobody_can_read_in_two_ways_names_a_sender(field: str, address: str | None):
    assert mime.address_of(field) == address


@given(st.text(max_size=300))
def test_whatever_a_field_says_it_is_read_or_not_read(field: str):
    mime.address_of(field)
    mime.text_of(field)
    mime.parameters(field)
    mime.message_ids(field)
    mailauth.results_of(field)


def test_authentication_results_are_read_as_their_server_wrote_them():
    said = mailauth.results_of(
        "mx.Example.org 1; spf=fail (a; b) smtp.mailfrom=x@evil.example;"
        ' dmarc=pass (p=none dis=none) header.from="Office.example"; dkim=pass header.d=office.example'
    )
    assert said is not None and said.server == "mx.example.org"
    assert said.passed("dmarc", "header.from") == "office.example"
    assert said.passed("spf", "smtp.mailfrom") is None
    twice = mailauth.results_of("mx; dmarc=pass header.from=a.example; dmarc=fail header.from=b.example")
    assert twice is not None and twice.passed("dmarc", "header.from") is None
    hidden = mailauth.results_of('mx; spf=pass reason="; dmarc=pass header.from=a.example')
    assert hidden is None


# -- real mails


def corpus() -> list[Path]:
    root = Path(os.environ.get("FRISKET_CORPORA", "")) / "email"
    if not os.environ.get("FRISKET_CORPORA") or not (root / "FACTS.json").exists():
        pytest.skip("FRISKET_CORPORA does not name a folder with email/FACTS.json")
    return [root / name for name in sorted(json.loads((root / "FACTS.json").read_text()))]


def leaves(message: Message, *, top: bool = True) -> list[Message]:
    """As Python's own parser sees them, without what lies in mails inside the mail."""
    if message.get_content_maintype() == "message" and not top:
        return [message]
    if message.is_multipart():
        return [leaf for each in message.get_payload() for leaf in leaves(each, top=False)]
    return [message]


def compare(files: list[Path]) -> tuple[int, int]:
    """Mails read, and those whose base64 and quoted-printable parts come out as from Python's parser."""
    alike = 0
    for file in files:
        octets = file.read_bytes()
        _, ours = read(octets, step=777)
        theirs = [
            hashlib.sha256(leaf.get_payload(decode=True) or b"").hexdigest()
            for leaf in leaves(message_from_bytes(octets))
            if not leaf.is_multipart()
            and str(leaf.get("content-transfer-encoding", "")).strip().lower() in ("base64", "quoted-printable")
        ]
        found = {hashlib.sha256(each.octets).hexdigest() for each in ours}
        alike += all(each in found for each in theirs)
    return len(files), alike


def test_a_sample_of_real_mails_gives_the_documents_python_finds():
    total, alike = compare(corpus()[::5])
    assert total > 40 and alike >= total * 0.97


@pytest.mark.long
def test_all_real_mails_give_the_documents_python_finds():
    total, alike = compare(corpus())
    assert total > 200 and alike >= total * 0.97
