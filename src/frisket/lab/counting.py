"""How many pages a virtual device believes it printed.

A guess, as a device without a page counter would make it: page marks of the format, object streams of PDF
inflated. Exact page facts are the business of `prepress`, in its sandbox; here the documents are our own.
"""

import mmap
import re
import zlib
from pathlib import Path

__all__ = ["pages_in"]

_PDF_PAGE = re.compile(rb"/Type\s*/Page(?![A-Za-z])")
_PDF_OBJECTS = re.compile(rb"/Type\s*/ObjStm.{0,400}?stream\r?\n", re.DOTALL)
_POSTSCRIPT_PAGE = re.compile(rb"^%%Page:", re.MULTILINE)
_RASTER_PAGE = b"PwgRaster" + bytes(55)  # the name that opens a page header, padded to 64 octets
_MOST_INFLATED = 16 << 20


def pages_in(file: Path) -> int:
    """Pages of the document or print stream in this file; 1 when its format does not tell, 0 when empty."""
    with file.open("rb") as source:
        if source.seek(0, 2) == 0:
            return 0
        with mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return max(1, _count(data))


def _count(data: mmap.mmap) -> int:
    start = data[: 64 << 10]
    if start.startswith(b"RaS2"):
        return _occurrences(data, _RASTER_PAGE)
    if start.startswith(b"UNIRAST\0"):
        declared = int.from_bytes(start[8:12])
        return declared if declared < 1 << 20 else 1
    if b"%PDF-" in start:
        return sum(1 for _ in _PDF_PAGE.finditer(data)) + _pages_in_object_streams(data)
    if b"%!PS" in start:
        return sum(1 for _ in _POSTSCRIPT_PAGE.finditer(data))
    return 1


def _occurrences(data: mmap.mmap, mark: bytes) -> int:
    found, at = 0, data.find(mark)
    while at >= 0:
        found += 1
        at = data.find(mark, at + len(mark))
    return found


def _pages_in_object_streams(data: mmap.mmap) -> int:
    found = 0
    for opening in _PDF_OBJECTS.finditer(data):
        try:
            inflated = zlib.decompressobj().decompress(data[opening.end() :], _MOST_INFLATED)
        except zlib.error:
            continue  # another filter than the usual one: its pages stay uncounted
        found += sum(1 for _ in _PDF_PAGE.finditer(inflated))
    return found
