"""PJL: a frame around a document, and the printer's back channel."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frisket.wire import pjl
from frisket.wire.errors import WireError

RECORDED = [
    (b'@PJL INFO ID\r\n"Lab Laser 9 A4"\r\n\f', [pjl.Identity("Lab Laser 9 A4")]),
    (
        b'@PJL INFO STATUS\r\nCODE=10001\r\nDISPLAY="Ready"\r\nONLINE=TRUE\r\n\f',
        [pjl.DeviceEvent(10001, "Ready", True)],
    ),
    (b'@PJL USTATUS JOB\r\nSTART\r\nNAME="job 7"\r\n\f', [pjl.JobEvent("START", "job 7")]),
    (b'@PJL USTATUS JOB\r\nEND\r\nNAME="job 7"\r\nPAGES=3\r\n\f', [pjl.JobEvent("END", "job 7", 3)]),
    (b'@PJL USTATUS JOB\r\nCANCEL\r\nNAME="job 7"\r\n\f', [pjl.JobEvent("CANCEL", "job 7")]),
    (b"@PJL USTATUS PAGE\r\n2\r\n\f", [pjl.PageEvent(2)]),
    (b"@PJL ECHO frisket 7\r\n\f", [pjl.Echo("frisket 7")]),
    (
        b'@PJL USTATUS DEVICE\r\nCODE=40022\r\nDISPLAY="Jam"\r\nONLINE=FALSE\r\n\f',
        [pjl.DeviceEvent(40022, "Jam", False)],
    ),
    (
        b"%%[ Error: undefined; OffendingCommand: x ]%%\r\n@PJL USTATUS PAGE\r\n1\r\n\f",
        [pjl.Other("", ("%%[ Error: undefined; OffendingCommand: x ]%%",)), pjl.PageEvent(1)],
    ),
    (b"@PJL INFO PAGECOUNT\r\nPAGECOUNT=1234\r\n\f", [pjl.Other("INFO PAGECOUNT", ("PAGECOUNT=1234",))]),
]


@pytest.mark.parametrize(("octets", "meant"), RECORDED)
def test_a_reply_cut_at_every_octet_is_read_once(octets: bytes, meant: list[pjl.Reply]) -> None:
    for at in range(len(octets) + 1):
        replies = pjl.Replies()
        assert replies.feed(octets[:at]) + replies.feed(octets[at:]) == meant


def test_all_replies_dripping_octet_by_octet_come_in_order() -> None:
    replies = pjl.Replies()
    stream = b"".join(octets for octets, _ in RECORDED)
    found = [reply for octet in stream for reply in replies.feed(bytes([octet]))]
    assert found == [reply for _, meant in RECORDED for reply in meant]


@given(st.lists(st.binary(max_size=300), max_size=6))
def test_whatever_a_printer_writes_only_a_wire_error_comes_out(pieces: list[bytes]) -> None:
    replies = pjl.Replies(longest=256)
    with suppress(WireError):
        for piece in pieces:
            replies.feed(piece)


@given(st.binary(max_size=120))
def test_whatever_stands_in_a_reply_it_is_some_reply(body: bytes) -> None:
    for head in (
        b"@PJL USTATUS JOB\r\n",
        b"@PJL USTATUS PAGE\r\n",
        b"@PJL INFO STATUS\r\n",
        b"@PJL INFO ID\r\n",
    ):
        assert pjl.Replies().feed(head + body.replace(b"\f", b"") + b"\f")


def test_a_printer_that_never_ends_a_reply_is_cut_off() -> None:
    replies = pjl.Replies(longest=1000)
    with pytest.raises(WireError):
        for _ in range(11):
            replies.feed(b"x" * 100)


@given(st.text())
def test_a_name_can_do_nothing_on_a_line(name: str) -> None:
    plain = pjl.neutral(name)
    assert plain.isascii() and plain.isprintable() and '"' not in plain and len(plain) <= 80
    framed = pjl.header(name) + pjl.footer(name)
    assert framed.count(pjl.UEL) == 4
    assert framed.count(b"\x1b") == 4
    assert framed.count(b'"') == 4


def test_an_attack_by_name_stays_a_name() -> None:
    evil = 'x"\r\n@PJL FSDELETE NAME="0:\\\\a\x1b%-12345X'
    lines = pjl.header(evil).split(b"\r\n")
    assert [line for line in lines if line.lstrip(pjl.UEL).startswith(b"@PJL FS")] == []
    assert len(lines) == len(pjl.header("x").split(b"\r\n"))


def test_a_frame_enters_the_language_of_the_document_and_leaves_it_again() -> None:
    before = pjl.header("job 7", settings={"COPIES": 2, "DUPLEX": "ON"}, language=pjl.language_of("application/pdf"))
    assert before.startswith(pjl.UEL + b"@PJL\r\n")
    assert b'@PJL JOB NAME="job 7"\r\n' in before
    assert b"@PJL SET COPIES=2\r\n@PJL SET DUPLEX=ON\r\n" in before
    assert before.endswith(b"@PJL ENTER LANGUAGE=PDF\r\n")
    assert pjl.footer("job 7") == pjl.UEL + b'@PJL EOJ NAME="job 7"\r\n' + pjl.UEL


def test_a_document_of_unknown_language_is_left_to_the_printer() -> None:
    assert pjl.language_of("application/octet-stream") == ""
    assert pjl.header("job 7").endswith(b"USTATUS PAGE=ON\r\n" + pjl.UEL)


@pytest.mark.parametrize(
    ("key", "value"), [("COPIES", 0), ("COPIES", 1000), ("DUPLEX", "MAYBE"), ("HOLD", "ON"), ("PASSWORD", 1)]
)
def test_only_listed_settings_are_ever_sent(key: str, value: str | int) -> None:
    with pytest.raises(WireError):
        pjl.header("job 7", settings={key: value})
    with pytest.raises(WireError):
        pjl.header("job 7", language="FWUPDATE")


def test_a_number_is_read_only_when_it_is_one() -> None:
    for text in ("١٢", "9" * 5000, "-1", "1e3", ""):
        octets = f"@PJL USTATUS JOB\r\nEND\r\nPAGES={text}\r\n\f".encode("latin-1", "replace")
        assert pjl.Replies().feed(octets) == [pjl.JobEvent("END", "", None)]
