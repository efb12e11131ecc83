"""What a document is, where its sender only says "some octets": told from how it begins (RFC 8011 section 5.4.22).

And whether a PDF says that it is encrypted: such a one is looked at before anybody tries to print it.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from frisket.intake.offers import Part

__all__ = ["UNSTATED", "Protection", "format_of_octets", "put_back", "sensed", "watched"]

UNSTATED = "application/octet-stream"
_LOOK_AT = 1024  # octets; ISO 32000-1 annex H.3.4.1: readers accept junk before %PDF- up to here
_LOOK_INTO_ARCHIVE = 4096  # what an office file is stands in the names of its first entries
PDF = "application/pdf"
_ENCRYPT = b"/Encrypt"  # in the trailer or in the dictionary of a cross-reference stream, never compressed itself
_BEGINNINGS = (
    (b"RaS2", "image/pwg-raster"),  # PWG 5102.4
    (b"UNIRAST\0", "image/urf"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"%!PS", "application/postscript"),
    (b"\x04%!PS", "application/postscript"),  # some drivers begin with an end of transmission
    (b"\x1bE", "application/vnd.hp-pcl"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"BM", "image/bmp"),
    (b"{\\rtf", "application/rtf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"\xc5\xd0\xd3\xc6", "application/eps"),
    (b") HP-PCL XL;", "application/vnd.hp-pclxl"),
    (b"( HP-PCL XL;", "application/vnd.hp-pclxl"),
)
_ARCHIVE = b"PK\x03\x04"
_OPEN_XML = "application/vnd.openxmlformats-officedocument"
_FIRST_ENTRIES = (
    (b"word/", f"{_OPEN_XML}.wordprocessingml.document"),
    (b"xl/", f"{_OPEN_XML}.spreadsheetml.sheet"),
    (b"ppt/", f"{_OPEN_XML}.presentationml.presentation"),
    (b"FixedDocSeq", "application/oxps"),
    (b"[Content_Types].xml", _OPEN_XML),
)
_ISO_MEDIA = {  # ISO/IEC 14496-12: the brand of a file that begins with a box called ftyp
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heif",
    b"msf1": "image/heif",
    b"avif": "image/avif",
}
_WEB = (b"<!doctype html", b"<html")


def format_of_octets(first: bytes) -> str:
    """The mime type of a document that begins so; UNSTATED where nothing tells (a PJL wrapper holds anything)."""
    for beginning, format in _BEGINNINGS:
        if first.startswith(beginning):
            return format
    if b"%PDF-" in first[:_LOOK_AT] and not first.startswith(b"\x1b%-12345X"):
        return PDF
    if first.startswith(_ARCHIVE):
        return _archive(first)
    if first[4:8] == b"ftyp":
        return _ISO_MEDIA.get(first[8:12], UNSTATED)
    if first.startswith(b"RIFF") and first[8:12] == b"WEBP":
        return "image/webp"
    if first[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_WEB):
        return "text/html"
    return UNSTATED


def _archive(first: bytes) -> str:
    """OpenDocument says its type in its first entry (part 2, section 3.3), the others by the names of theirs."""
    if first[30:38] == b"mimetype":
        stated = first[38:138].split(b"PK")[0]
        return stated.decode("ascii", "replace") if stated.startswith(b"application/vnd.oasis.") else UNSTATED
    return next((format for name, format in _FIRST_ENTRIES if name in first[:_LOOK_INTO_ARCHIVE]), UNSTATED)


async def sensed(part: Part) -> Part:
    """The same document with its format found out, where it was not stated."""
    if part.format != UNSTATED:
        return part
    first = bytearray()
    async for piece in part.data:
        first += piece
        if len(first) >= (_LOOK_INTO_ARCHIVE if first.startswith(_ARCHIVE) else _LOOK_AT):
            break
    return replace(part, data=put_back(bytes(first), part.data), format=format_of_octets(bytes(first)))


async def put_back(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """What was read of a document to look at it, and what follows."""
    if first:
        yield first
    async for piece in rest:
        yield piece


@dataclass(slots=True)
class Protection:
    """seen: a PDF that was watched says somewhere that it is encrypted; a text in it may say so too."""

    seen: bool = False


def watched(part: Part, protection: Protection) -> Part:
    """The same document, with ``protection`` told while it passes."""
    if part.format != PDF:
        return part
    return replace(part, data=_watch(part.data, protection))


async def _watch(data: AsyncIterator[bytes], protection: Protection) -> AsyncIterator[bytes]:
    last = b""
    async for piece in data:
        if not protection.seen:
            protection.seen = _ENCRYPT in piece or _ENCRYPT in last + piece[: len(_ENCRYPT)]
            last = (last + piece[-len(_ENCRYPT) :])[-len(_ENCRYPT) :]
        yield piece
