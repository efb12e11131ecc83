"""What no document may bring along, whatever door it came through: tested octet by octet, however it is cut."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import House
from tests.wire.pjl_samples import JOBS, PCL, PDF, UEL

from frisket.errors import FrisketError
from frisket.intake.errors import Unfit
from frisket.intake.guarding import guarded
from frisket.intake.offers import Part
from frisket.intake.sensing import UNSTATED
from frisket.wire import pjl

ODT = "application/vnd.oasis.opendocument.text"
REACHES = (b'@PJL FSDELETE NAME="0:\\x"\r\n', b"@PJL DEFAULT COPIES=99\r\n", b'@PJL RDYMSG DISPLAY="x"\r\n')
PROGRAM = b"%!PS\nserverdict begin 0 exitserver\nx"
anything = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)


async def cut(octets: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(octets), size):
        yield octets[at : at + size]


def through(
    octets: bytes, size: int = 1 << 16, format: str = UNSTATED, *, bare: bool = False
) -> tuple[bytes, Part, pjl.Job | None]:
    """What comes out, as what, and what its frame said. Raises what it is refused for."""

    async def passing() -> tuple[bytes, Part, pjl.Job | None]:
        found = await guarded(Part(cut(octets, size), format, expected=len(octets), bare=bare), ODT.__eq__)
        return b"".join([piece async for piece in found.part.data]), found.part, found.told

    return asyncio.run(passing())


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
@pytest.mark.parametrize(
    ("name", "document", "format"),
    [
        ("hp", PCL, "application/vnd.hp-pcl"),
        ("hp-held", b"%!PS-Adobe-3.0\nshowpage\n", "application/postscript"),
        ("lexmark", PDF, "application/pdf"),
        ("no-first-uel", PDF, "application/pdf"),
        ("no-language", b"\x04%!PS-Adobe-3.0\nshowpage\n\x04", "application/postscript"),
        ("padded", PDF, "application/pdf"),
    ],
)
@pytest.mark.parametrize("stated", [UNSTATED, "application/vnd.cups-raw"])
def test_a_frame_is_taken_off_and_its_document_stays_as_it_was(
    house: House, name: str, document: bytes, format: str, size: int, stated: str
) -> None:
    octets, part, told = through(JOBS[name], size, stated)
    assert (octets, part.format, part.expected) == (document, format, None)
    assert told is not None
    if name == "hp-held":
        assert (told.user, told.title, told.key, told.hold, told.copies) == ("alice", "Payslip", "4711", True, 3)


@pytest.mark.parametrize("size", [1, 5, 1 << 16])
@pytest.mark.parametrize("reaches", REACHES)
@pytest.mark.parametrize("format", [UNSTATED, "application/pdf", "image/pwg-raster", "text/plain"])
def test_commands_behind_a_document_are_refused_where_a_device_would_get_them(
    house: House, reaches: bytes, format: str, size: int
) -> None:
    for octets in (PDF + UEL + reaches, PDF + UEL + UEL + b"\r\n" + reaches + UEL, PDF * 40 + UEL + reaches + PDF):
        with pytest.raises(Unfit):
            through(octets, size, format)
    assert through(PDF + UEL + reaches, size, ODT)[0] == PDF + UEL + reaches, "what becomes PDF holds what it likes"


def test_commands_into_a_device_are_refused_and_such_that_last_are_left_out(house: House) -> None:
    for first in (b"", b"\r\n", bytes(700)):
        with pytest.raises(Unfit):
            through(first + UEL + REACHES[0] + b"@PJL ENTER LANGUAGE=PDF\r\n" + PDF + UEL)
        left_out = first + UEL + REACHES[1] + REACHES[2] + b"@PJL ENTER LANGUAGE=PDF\r\n" + PDF + UEL
        assert through(left_out)[0] == PDF


@pytest.mark.parametrize(
    "octets",
    [
        UEL,
        UEL + b"@PJL INFO ID\r\n" + UEL,
        JOBS["two"],
        UEL + b"@PJL ENTER LANGUAGE=FWUPDATE\r\nfirmware",
        PDF + UEL + PCL,
        UEL + b"@PJL ENTER LANGUAGE=PDF\r\nGET / HTTP/1.1\r\n\r\n",
    ],
    ids=["nothing", "questions", "two documents", "firmware", "a second one behind", "no document at all"],
)
def test_what_is_not_one_document_is_refused(house: House, octets: bytes) -> None:
    with pytest.raises(Unfit):
        through(octets)


@pytest.mark.parametrize("size", [1, 3, 1 << 16])
def test_postscript_is_watched_whatever_it_is_called(house: House, size: int) -> None:
    for format in (UNSTATED, "application/postscript", "application/pdf", "text/plain"):
        for octets in (PROGRAM, b"\x04" + PROGRAM, UEL + b"@PJL ENTER LANGUAGE=PCL\r\n" + PROGRAM + UEL):
            with pytest.raises(Unfit):
                through(octets, size, format)
    with pytest.raises(Unfit):
        through(PROGRAM, size, "application/postscript", bare=True)
    words = b"a text about exitserver"
    assert through(words, size, "text/plain")[0] == words


def test_a_frame_that_only_ends_a_document_stays_and_so_does_every_octet(house: House) -> None:
    for octets in (PDF + UEL, PDF + UEL + b'@PJL EOJ NAME="x"\r\n' + UEL + b"\r\n", PDF + b"\x1b%-1234"):
        for size in (1, 4, 1 << 16):
            said, part, told = through(octets, size, "application/pdf")
            assert (said, part.expected, told) == (octets, len(octets), None)


@given(st.binary(max_size=300), st.integers(1, 60), st.sampled_from([UNSTATED, "application/pdf", "image/urf"]))
@anything
def test_a_plain_document_passes_untouched(house: House, octets: bytes, size: int, format: str) -> None:
    said, part, told = through(octets, size, format)
    assert (said, part.expected, told) == (octets, len(octets), None)


def test_a_plain_document_passes_in_the_pieces_it_came_in(house: House) -> None:
    """Nothing is copied: what a device gets is what was received."""
    pieces = [b"%PDF-1.4\n", bytes(70_000), b"%%EOF"]

    async def source() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    async def passing() -> list[bytes]:
        found = await guarded(Part(source(), "application/pdf"), ODT.__eq__)
        return [piece async for piece in found.part.data]

    got = asyncio.run(passing())
    assert [id(piece) for piece in got] == [id(piece) for piece in pieces]


def commands_left(octets: bytes) -> list[str]:
    """What a device would take for commands in what is kept of a document."""
    frame = pjl.Unframer(longest=1 << 20, most=1 << 21)
    return [each.verb for each in (*frame.feed(octets), *frame.end()) if isinstance(each, pjl.Command)]


@given(
    st.lists(
        st.one_of(
            st.sampled_from([UEL, b"@PJL", b"@PJL FSDELETE NAME=x\r\n", b"@PJL EOJ\r\n", b"\r\n", b"\0", PDF, PCL]),
            st.sampled_from([b"@PJL ENTER LANGUAGE=PDF\r\n", b"@PJL SET COPIES=3\r\n", UEL[:4], UEL[4:], b"%!PS\n"]),
            st.binary(max_size=12),
        ),
        max_size=9,
    ),
    st.integers(1, 40),
    st.sampled_from([UNSTATED, "application/pdf", "application/vnd.hp-pcl"]),
)
@settings(anything, max_examples=400)
def test_whatever_a_client_puts_together_no_command_is_left_in_what_is_kept(
    house: House, put_together: list[bytes], size: int, format: str
) -> None:
    try:
        said, _, _ = through(b"".join(put_together), size, format)
    except FrisketError:
        return
    assert set(commands_left(said)) <= {"", "EOJ", "COMMENT"}


@pytest.mark.parametrize("blank", [b"", b"\r\n", bytes(20)])
def test_a_document_in_a_frame_that_begins_with_commands_is_refused(house: House, blank: bytes) -> None:
    """Without its frame a device would read them as such; the doors that take frames off hand it in bare."""
    inside = blank + REACHES[0] + PDF
    with pytest.raises(Unfit):
        through(UEL + b"@PJL ENTER LANGUAGE=PDF\r\n" + inside + UEL)
    with pytest.raises(Unfit):
        through(inside, format="application/pdf", bare=True)
