"""The control connection of FTP, read and answered (RFC 959, 2428, 3659)."""

from datetime import UTC, datetime

import pytest
from tests.wire.ftp_samples import SESSIONS

from frisket.wire import ftp
from frisket.wire import ftp_control as wire
from frisket.wire.errors import WireError

AT = datetime(2026, 11, 20, 9, 5, 7, tzinfo=UTC)
MEMBERS = [wire.Member("secure", True, 0, AT), wire.Member("17 Müller & Söhne.pdf", False, 4711, AT)]


def read(*pieces: bytes) -> list[wire.Command]:
    talk = wire.Conversation(longest_line=100, code_page="cp1252")
    found = []
    for piece in pieces:
        talk.feed(piece)
        while (command := talk.command()) is not None:
            found.append(command)
    return found


@pytest.mark.parametrize("name", SESSIONS)
def test_a_session_cut_at_every_octet_is_read_the_same(name: str) -> None:
    octets = SESSIONS[name]
    whole = read(octets)
    assert whole and all(command.verb for command in whole)
    for at in range(len(octets)):
        assert read(octets[:at], octets[at:]) == whole


def test_telnets_own_commands_are_left_out_and_a_doubled_255_is_text() -> None:
    assert read(b"\xff\xf4\xff\xf2ABOR\r\n", b"\xff\xf4\xffABOR\r\n") == [wire.Command("ABOR", "")] * 2
    assert read(SESSIONS["telnet in the middle"])[0] == wire.Command("USER", "a\u00ffb")


def test_an_argument_is_kept_as_it_is_and_a_password_is_not_shown() -> None:
    [command] = read(b"pass  two blanks \r\n")
    assert command == wire.Command("PASS", " two blanks ") and "blanks" not in repr(command)
    assert read(b"CWD K\xfcche\r\n", "CWD Küche\r\n".encode()) == [wire.Command("CWD", "Küche")] * 2


@pytest.mark.parametrize("octets", [b"NOOP\n", b"NOOP\rX\r\n", b"STOR " + b"a" * 100, b"STOR " + b"a" * 100 + b"\r\n"])
def test_a_line_that_two_programs_could_read_in_two_ways_ends_it(octets: bytes) -> None:
    with pytest.raises(WireError):
        read(octets)


@pytest.mark.parametrize("octets", [b"\r\n", b"A B\r\n", b" NOOP\r\n", b"STOR a\0b\r\n", b"\x80\r\n", b"TOOLONG\r\n"])
def test_what_is_no_command_has_no_verb(octets: bytes) -> None:
    assert read(octets) == [wire.Command("", "")]


@pytest.mark.parametrize(
    ("folder", "path", "found"),
    [
        ((), "/", ()),
        ((), "secure/a.pdf", ("secure", "a.pdf")),
        (("secure",), "a.pdf", ("secure", "a.pdf")),
        (("secure",), "/other/a.pdf", ("other", "a.pdf")),
        (("secure",), "..", ()),
        (("secure",), "../../../other//./a.pdf", ("other", "a.pdf")),
    ],
)
def test_a_path_leads_to_the_root_a_queue_or_a_name_in_one(
    folder: tuple[str, ...], path: str, found: tuple[str, ...]
) -> None:
    assert wire.resolve(folder, path) == found


@pytest.mark.parametrize("path", ["a/b/c", "/a/b/../c/d", "a\nb", "a" * 2000])
def test_no_path_is_deeper(path: str) -> None:
    with pytest.raises(wire.BadPath):
        wire.resolve((), path)


def test_an_answer_of_several_lines_ends_with_its_code_and_holds_no_line_of_somebody_else() -> None:
    assert wire.reply(226, "Job 17") == b"226 Job 17\r\n"
    said = wire.reply(211, "What is there", "UTF8", "230 Signed in", "End")
    assert said == b"211-What is there\r\n UTF8\r\n 230 Signed in\r\n211 End\r\n"
    assert wire.reply(553, "x\r\n230 Signed in") == b"553 x??230 Signed in\r\n"
    assert wire.quoted(("a", 'b"c')) == '"/a/b""c"'
    assert "(192,0,2,7,16,146)" in wire.passive_port("192.0.2.7", 4242)
    assert "(|||4242|)" in wire.extended_port(4242)


def test_what_is_listed_is_read_again_by_our_own_reader_of_other_servers_lists() -> None:
    wanted = [("secure", "folder", 0), ("17 Müller & Söhne.pdf", "file", 4711)]
    for found in (
        ftp.read_mlsd(wire.machine_list(MEMBERS), most=10),
        ftp.read_list(wire.full_list(MEMBERS), most=10),
    ):
        assert [(each.name, each.kind, each.octets) for each in found] == wanted
    assert wire.name_list(MEMBERS).decode() == "secure\r\n17 Müller & Söhne.pdf\r\n"
    assert wire.name_list([wire.Member("a\r\nb", False, 0, AT)]) == b"a??b\r\n"
