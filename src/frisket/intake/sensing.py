"""What a document is, where its sender only says "some octets": told from how it begins (RFC 8011 section 5.4.22)."""

from collections.abc import AsyncIterator
from dataclasses import replace

from frisket.intake.offers import Part

__all__ = ["UNSTATED", "format_of_octets", "sensed"]

UNSTATED = "application/octet-stream"
_LOOK_AT = 1024  # octets; ISO 32000-1 annex H.3.4.1: readers accept junk before %PDF- up to here
_BEGINNINGS = (
    (b"RaS2", "image/pwg-raster"),  # PWG 5102.4
    (b"UNIRAST\0", "image/urf"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"%!PS", "application/postscript"),
    (b"\x04%!PS", "application/postscript"),  # some drivers begin with an end of transmission
    (b"\x1bE", "application/vnd.hp-pcl"),
    (b") HP-PCL XL;", "application/vnd.hp-pclxl"),
    (b"( HP-PCL XL;", "application/vnd.hp-pclxl"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
)


def format_of_octets(first: bytes) -> str:
    """The mime type of a document that begins so; UNSTATED where nothing tells (a PJL wrapper holds anything)."""
    for beginning, format in _BEGINNINGS:
        if first.startswith(beginning):
            return format
    if b"%PDF-" in first[:_LOOK_AT] and not first.startswith(b"\x1b%-12345X"):
        return "application/pdf"
    return UNSTATED


async def sensed(part: Part) -> Part:
    """The same document with its format found out, where it was not stated."""
    if part.format != UNSTATED:
        return part
    first = bytearray()
    async for piece in part.data:
        first += piece
        if len(first) >= _LOOK_AT:
            break
    return replace(part, data=_put_back(bytes(first), part.data), format=format_of_octets(bytes(first)))


async def _put_back(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for piece in rest:
        yield piece
