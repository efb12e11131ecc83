"""PJL from the side of a printer: documents and commands out of what clients send."""

import os
import random
import re
import time
from base64 import a85encode
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.pjl_samples import JOBS, PCL, PDF, UEL

from frisket.wire import pjl
from frisket.wire.errors import WireError
from frisket.wire.postscript import Watch
from frisket.wire.strangers import other_protocol


def taken(*pieces: bytes, **limits: int) -> tuple[list[pjl.Command], list[bytes]]:
    """The commands of a stream, and its documents."""
    frame = pjl.Unframer(**limits)
    events = [event for piece in pieces for event in frame.feed(piece)] + frame.end()
    documents: list[bytes] = []
    within = False
    for event in events:
        if isinstance(event, pjl.Data):
            documents = [*documents[:-1], documents[-1] + event.octets] if within else [*documents, event.octets]
        within = isinstance(event, pjl.Data)
    return [event for event in events if isinstance(event, pjl.Command)], documents


@pytest.mark.parametrize("name", JOBS)
def test_a_stream_cut_at_every_octet_gives_the_same(name: str) -> None:
    whole = taken(JOBS[name])
    for at in range(len(JOBS[name])):
        assert taken(JOBS[name][:at], JOBS[name][at:]) == whole


@pytest.mark.parametrize("name", JOBS)
def test_a_stream_that_drips_gives_the_same(name: str) -> None:
    assert taken(*(bytes((octet,)) for octet in JOBS[name])) == taken(JOBS[name])


def test_a_document_comes_out_as_it_went_in() -> None:
    for name in ("lexmark", "no-frame", "no-first-uel", "padded"):
        assert taken(JOBS[name])[1] == [PDF], name
    assert taken(JOBS["two"])[1] == [PDF, PCL]
    assert taken(JOBS["no-language"])[1] == [b"\x04%!PS-Adobe-3.0\nshowpage\n\x04"]
    assert taken(JOBS["question"])[1] == []


@given(st.binary(max_size=400).filter(lambda octets: UEL not in octets and UEL not in octets + UEL[:-1]))
def test_any_document_comes_out_as_it_went_in(document: bytes) -> None:
    framed = UEL + b"@PJL ENTER LANGUAGE=PCL\n" + document + UEL + b"@PJL EOJ\n" + UEL
    assert b"".join(taken(framed)[1]) == document


def test_what_drivers_say_of_a_job_is_understood() -> None:
    def job(name: str) -> pjl.Job:
        return pjl.job_of(taken(JOBS[name])[0])

    assert job("hp") == pjl.Job(
        title="Report",
        user="alice",
        copies=2,
        sides="two-sided-short-edge",
        color_mode="monochrome",
        media="iso_a4_210x297mm",
    )
    assert job("hp-held") == pjl.Job(title="Payslip", user="alice", copies=3, hold=True, key="4711")
    assert job("lexmark").user == "alice"
    assert job("no-frame") == pjl.Job()


def test_a_comment_names_the_user_where_nothing_else_does() -> None:
    line = b'@PJL COMMENT "Username: bob; App Filename: plan.dwg; 3-2-2026"\n'
    said = pjl.job_of(taken(UEL + line)[0])
    assert (said.user, said.title) == ("bob", "plan.dwg")
    said = pjl.job_of(taken(UEL + line + b"@PJL SET USERNAME=alice\n")[0])
    assert said.user == "alice"


def test_a_pin_is_not_shown_by_what_holds_it() -> None:
    commands = taken(JOBS["hp-held"])[0]
    for text in (repr(commands), repr(pjl.job_of(commands))):
        assert "4711" not in text and "Payslip" not in text and "alice" not in text


def test_names_are_utf_8_or_of_the_code_page() -> None:
    for octets in ("Grün".encode(), "Grün".encode("cp1252")):
        assert pjl.job_of(taken(b'@PJL SET JOBNAME="' + octets + b'"\n')[0]).title == "Grün"
    frame = pjl.Unframer(code_page="cp850")
    assert pjl.job_of(frame.feed(b'@PJL SET JOBNAME="' + "Grün".encode("cp850") + b'"\n')).title == "Grün"  # type: ignore[arg-type]


DANGEROUS = [
    b'FSDELETE NAME="0:\\x"',
    b'FSUPLOAD NAME="0:\\..\\etc" OFFSET=0 SIZE=9',
    b'FSDIRLIST NAME="0:\\" ENTRY=1 COUNT=9',
    b'fsinit VOLUME="0:"',
    b"RNVRAM ADDRESS=1",
    b"WNVRAM ADDRESS=1 DATA=2",
    b'DMCMD ASCIIHEX="0401"',
    b"SET SERVICEMODE=HPBOISEID",
    b"EXECUTE SHUTDOWN",
    b"UPGRADE SIZE=99",
    b"CLEARNVRAM",
]


@pytest.mark.parametrize("words", DANGEROUS)
def test_a_command_that_reaches_into_a_device_is_known(words: bytes) -> None:
    [command] = taken(UEL + b"@PJL " + words + b"\r\n")[0]
    assert pjl.is_dangerous(command)


def test_commands_of_a_job_are_not_dangerous_and_lasting_ones_are_known() -> None:
    commands = [each for octets in JOBS.values() for each in taken(octets)[0]]
    assert commands and not any(pjl.is_dangerous(each) or pjl.is_permanent(each) for each in commands)
    for line in (b'RDYMSG DISPLAY="out of order"', b"DEFAULT COPIES=9", b"INITIALIZE", b"OPMSG DISPLAY=x"):
        assert pjl.is_permanent(taken(b"@PJL " + line + b"\n")[0][0])


def test_a_language_of_firmware_is_none_of_documents() -> None:
    assert pjl.format_of("pclxl") == "application/vnd.hp-pclxl"
    assert pjl.format_of("AUTO") == ""
    for language in ("FWUPDATE", "FWUPDATE2", "ACL", "XFWUPDATE", "PJL", ""):
        assert pjl.format_of(language) is None


def test_lines_are_bounded_each_and_together() -> None:
    with pytest.raises(WireError):
        taken(b"@PJL COMMENT " + b"x" * 1001, longest=1000)
    with pytest.raises(WireError):
        taken(b"@PJL COMMENT x\n" * 1000, most=1000)
    with pytest.raises(WireError):
        taken(UEL * 1000, most=1000)
    assert len(taken((b"@PJL COMMENT x\n" * 10 + b"document" + UEL) * 100, most=1000)[1]) == 100


@pytest.mark.parametrize("line", [b"a" * 65000, b'a="' * 20000, b"a =" * 20000, b"Username:" * 7000, b'"' * 65000])
def test_a_line_is_read_in_time_that_grows_with_its_length_only(line: bytes) -> None:
    began = time.process_time()
    for verb in (b"SET ", b"COMMENT "):
        pjl.job_of(taken(b"@PJL " + verb + line + b"\n")[0])
    assert time.process_time() - began < 2


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=80) | st.sampled_from([UEL, b"@PJL ", b"\n", b"ENTER LANGUAGE=PCL\n"]), max_size=12))
def test_whatever_comes_only_a_wire_error_comes_out(pieces: list[bytes]) -> None:
    with suppress(WireError):
        commands, documents = taken(*pieces, longest=256, most=512)
        pjl.job_of(commands)
        assert sum(map(len, documents)) <= sum(map(len, pieces))


def test_an_answer_ends_with_a_form_feed_and_is_read_by_who_reads_printers() -> None:
    assert pjl.Replies().feed(pjl.reply("INFO ID", '"Frisket secure"')) == [pjl.Identity("Frisket secure")]
    assert pjl.Replies().feed(pjl.reply("ECHO a\x1bb\fü")) == [pjl.Echo("a?b??")]


def test_jobs_of_real_drivers_are_taken_apart() -> None:
    root = Path(os.environ.get("FRISKET_CORPORA", ""), "jobs")
    if not os.environ.get("FRISKET_CORPORA") or not root.is_dir():
        pytest.skip("FRISKET_CORPORA does not name a folder with jobs")
    framed = 0
    for file in root.rglob("*"):
        framing = file.is_file() and file.suffix in (".pcl", ".pxl", ".px3", ".prn", ".pjl")
        octets = file.read_bytes() if framing else b""
        if octets.startswith(UEL):
            commands, documents = taken(octets)
            assert documents and documents[0] in octets, file.name
            assert not any(pjl.is_dangerous(each) for each in commands), file.name
            framed += 1
    assert framed >= 5


# -- what is no document


@pytest.mark.parametrize(
    ("first", "protocol"),
    [
        (b"GET / HTTP/1.1", "http"),
        (b"POST /x HTTP/1.0", "http"),
        (b"OPTIONS * HTTP/1.1", "http"),
        (b"PRI * HTTP/2.0", "http"),
        (b"\x16\x03\x01\x02\x00\x01", "tls"),
        (b"\0\0\0\x85\xffSMBr", "smb"),
        (b"\0\0\0\x85\xfeSMB@", "smb"),
        (b"SSH-2.0-x", "ssh"),
        (b"%!PS-Adobe-3.0", ""),
        (b"%PDF-1.7", ""),
        (b"\x1bE\x1b&l", ""),
        (b"GETTING ON", ""),
        (b"", ""),
    ],
)
def test_other_protocols_are_known_by_how_they_begin(first: bytes, protocol: str) -> None:
    assert other_protocol(first) == protocol


def found(*pieces: bytes) -> str:
    watch = Watch()
    return next((name for piece in pieces if (name := watch.feed(piece))), "") or watch.end()


@pytest.mark.parametrize(
    ("program", "name"),
    [
        (b"%!PS\nserverdict begin 0 exitserver\n", "exitserver"),
        (b"%!PS\ntrue 0 startjob pop", "startjob"),
        (b"(x) deletefile", "deletefile"),
        (b"<</SystemParamsPassword()>>setsystemparams ", "setsystemparams"),
        (b"(*){==}256 string filenameforall}", "filenameforall"),
        (b"(%disk0%jobs/x)(r)file", "%disk0%"),
        (b"serverdict/exitserver get exec", "exitserver"),
        (b"(%stdin)(r)file pop (100%) show myexitserver exitserver2 (%%[ Page: 1 ]%%) =", "%stdin)"[:0]),
        (b"<~9jq(%eKg%Bl(%L%(%*%~>", ""),  # a picture in ASCII85
        (b"%!PS-Adobe-3.0\n/Helvetica findfont 12 scalefont setfont showpage\n%%EOF\n", ""),
    ],
)
def test_postscript_beyond_its_job_is_found_wherever_it_is_cut(program: bytes, name: str) -> None:
    assert found(program) == name
    for at in range(len(program)):
        assert found(program[:at], program[at:]) == name


def test_a_picture_in_printable_characters_is_no_operator() -> None:
    picture = a85encode(random.Random(85).randbytes(2_000_000))
    assert re.search(rb"\(%[A-Za-z0-9]{1,4}%", picture), "short words of that form stand in every picture"
    assert found(b"%!PS\n", picture) == ""


@given(st.lists(st.binary(max_size=100), max_size=8))
def test_watching_any_octets_ends(pieces: list[bytes]) -> None:
    assert isinstance(found(*pieces), str)
