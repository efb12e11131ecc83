"""SMTP as a server reads it: strict about line ends, the same however the octets are cut."""

import random
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frisket.wire import smtp
from frisket.wire.errors import WireError


def said(octets: bytes, step: int = 0) -> list[smtp.Command]:
    talk = smtp.Conversation(longest_line=512)
    found = []
    for at in range(0, len(octets), step or len(octets)):
        talk.feed(octets[at : at + (step or len(octets))])
        while (command := talk.command()) is not None:
            found.append(command)
    return found


def test_commands_are_read_wherever_they_are_cut():
    octets = b"EHLO me\r\nmail FROM:<a@b.example> SIZE=5\r\nQUIT\r\n"
    whole = said(octets)
    assert [each.verb for each in whole] == ["EHLO", "MAIL", "QUIT"]
    assert all(said(octets, step) == whole for step in range(1, 20))


@pytest.mark.parametrize("line", [b"NOOP\n", b"NOOP\r\r\n", b"NO\rOP\r\n", b"\n"])
def test_a_bare_line_end_is_no_line_end(line: bytes):
    with pytest.raises(smtp.BareLineEnd):
        said(line)


def test_a_line_without_end_is_not_kept():
    with pytest.raises(smtp.LineTooLong):
        said(b"X" * 600)
    with pytest.raises(smtp.LineTooLong):
        said(b"NOOP " + b"x" * 600 + b"\r\n")


@pytest.mark.parametrize("line", [b"\x80\x81\r\n", b"NO\0OP x\r\n", b"1234\r\n", b" EHLO x\r\n", b"\r\n"])
def test_what_is_no_command_has_no_verb(line: bytes):
    assert said(line) == [smtp.Command("", "")]


@pytest.mark.parametrize(
    ("argument", "address"),
    [
        ("FROM:<a@b.example>", "a@b.example"),
        ("from: <a@b.example> SIZE=12 BODY=8BITMIME", "a@b.example"),
        ("FROM:<>", ""),
        ("FROM:a@b.example", None),
        ("FROM:<@relay.example:a@b.example>", None),
        ("FROM:<a b@c.example>", None),
        ("TO:<a@b.example>", None),
        ("FROM:<a@b.example", None),
    ],
)
def test_a_path_is_an_address_between_angle_brackets(argument: str, address: str | None):
    path = smtp.path_of(argument, "FROM")
    assert (path.address if path is not None else None) == address


def content(octets: bytes, step: int = 0, *, strict: bool = True) -> tuple[bytes, bool, bytes]:
    text = smtp.DotText(strict=strict)
    out = b"".join(
        text.feed(octets[at : at + (step or len(octets))]) for at in range(0, len(octets), step or len(octets))
    )
    return out, text.ended, text.rest


def test_the_text_ends_at_a_dot_alone_on_its_line_and_loses_its_stuffing():
    octets = b".. two\r\n...three\r\n.\r\nQUIT\r\n"
    for step in range(0, 12):
        assert content(octets, step) == (b". two\r\n..three\r\n", True, b"QUIT\r\n")
    assert content(b".\r\n") == (b"", True, b"")


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\n", b"\r\n.\r", b"\r.\r\n", b"\n\n.\r\n"])
def test_no_other_end_is_an_end(end: bytes):
    """T13: what some other server takes for the end of a mail is refused, so nothing is smuggled behind it."""
    octets = b"a" + end + b"MAIL FROM:<x@y.example>\r\n.\r\n"
    for step in range(0, 9):
        with pytest.raises(smtp.BareLineEnd):
            content(octets, step)


@given(st.binary(max_size=400), st.integers(1, 50))
def test_any_text_in_lines_comes_out_as_it_went_in(data: bytes, step: int):
    lines = data.replace(b"\r", b"").split(b"\n")
    stuffed = b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines)
    assert content(stuffed + b".\r\n", step) == (b"".join(line + b"\r\n" for line in lines), True, b"")


@given(st.binary(max_size=300), st.integers(1, 40))
def test_whatever_a_peer_sends_only_a_wire_error_comes_out(data: bytes, step: int):
    with suppress(WireError):
        said(data or b" ", step)
    with suppress(WireError):
        content(data or b" ", step)
    content(data or b" ", step, strict=False)


def test_answers_cannot_be_broken_by_what_they_repeat():
    assert smtp.reply(550, "no\r\n250 yes", "ü") == b"550-no??250 yes\r\n550 ?\r\n"


def test_content_that_follows_commands_is_told_apart():
    talk = smtp.Conversation(longest_line=512)
    talk.feed(b"DATA\r\nSubject: x\r\n")
    assert talk.command() == smtp.Command("DATA", "")
    assert talk.unread
    talk.forget()
    talk.begin_content()
    talk.feed(b"a\r\n.\r\nNOOP\r\n")
    assert talk.content() == (b"a\r\n", True)
    assert talk.command() == smtp.Command("NOOP", "")


def test_random_cuts_of_a_session_read_the_same():
    source = random.Random(5321)
    octets = b"EHLO x\r\nRCPT TO:<q@p.example>\r\n" * 5
    for _ in range(50):
        talk, found, at = smtp.Conversation(longest_line=512), 0, 0
        while at < len(octets):
            size = source.randint(1, 30)
            talk.feed(octets[at : at + size])
            at += size
            while talk.command() is not None:
                found += 1
        assert found == 10
