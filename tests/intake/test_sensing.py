"""What a document is by its first octets, and whether a PDF says that it is encrypted."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.samples import office
from tests.samples.make import pdf

from frisket.intake.offers import Part
from frisket.intake.sensing import UNSTATED, Protection, format_of_octets, sensed, watched

OPEN_XML = "application/vnd.openxmlformats-officedocument"


@pytest.mark.parametrize(
    ("octets", "format"),
    [
        (office.odt("x"), "application/vnd.oasis.opendocument.text"),
        (office.docx("x"), f"{OPEN_XML}.wordprocessingml.document"),
        (office.xlsx(("x",)), f"{OPEN_XML}.spreadsheetml.sheet"),
        (office.pptx("x"), f"{OPEN_XML}.presentationml.presentation"),
        (office.archive({"[Content_Types].xml": "x" * 5000}), OPEN_XML),
        (office.archive({"readme.txt": "x"}), UNSTATED),
        (office.rtf("x"), "application/rtf"),
        (office.html_page("x"), "text/html"),
        (b"\xef\xbb\xbf\r\n <HTML>", "text/html"),
        (office.picture(), "image/png"),
        (b"GIF89a", "image/gif"),
        (b"II*\0", "image/tiff"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"\0\0\0\x18ftypheic", "image/heic"),
        (b"\0\0\0\x18ftypisom", UNSTATED),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
        (b"\xc5\xd0\xd3\xc6", "application/eps"),
        (pdf(1), "application/pdf"),
        (b"\x1b%-12345X@PJL\r\n%PDF-1.4", UNSTATED),
        (b"plain words", UNSTATED),
    ],
)
def test_a_document_is_told_by_how_it_begins(octets: bytes, format: str) -> None:
    assert format_of_octets(octets[:4096]) == format


@given(st.binary(max_size=200), st.sampled_from([b"", b"PK\x03\x04", b"\0\0\0\x18ftyp", b"RIFF"]))
def test_whatever_it_begins_with_it_has_a_format(octets: bytes, start: bytes) -> None:
    assert "/" in format_of_octets(start + octets)


async def _cut(octets: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(octets), size):
        yield octets[at : at + size]


def passed(octets: bytes, size: int, format: str = "application/pdf") -> tuple[bytes, bool]:
    protection = Protection()

    async def through() -> bytes:
        part = watched(await sensed(Part(_cut(octets, size), format)), protection)
        return b"".join([piece async for piece in part.data])

    return asyncio.run(through()), protection.seen


@given(st.binary(max_size=60), st.binary(max_size=60), st.integers(1, 40))
def test_a_pdf_that_says_it_is_encrypted_is_seen_however_it_is_cut(before: bytes, after: bytes, size: int) -> None:
    octets = before + b"/Encrypt" + after
    assert passed(octets, size) == (octets, True)


@given(st.binary(max_size=120), st.integers(1, 40))
def test_what_passes_comes_out_as_it_went_in(octets: bytes, size: int) -> None:
    assert passed(octets, size) == (octets, b"/Encrypt" in octets)
    assert passed(octets, size, UNSTATED)[0] == octets
