"""Sample documents, made here and nowhere else: ``python -m tests.samples.make`` writes them beside this file.

The same call gives the same octets every time, so a sample that changed shows in the diff.
"""

import io
import struct
from collections.abc import Sequence
from pathlib import Path

from reportlab.lib.pagesizes import A3, A4, LETTER, landscape
from reportlab.pdfgen.canvas import Canvas
from tests.samples import office

__all__ = ["SAMPLES", "damaged", "pdf", "pwg_raster", "write"]

FOLDER = Path(__file__).parent
Size = tuple[float, float]  # width and height in points


def pdf(
    pages: int = 1,
    *,
    colour: Sequence[int] = (),
    sizes: Sequence[Size] = (A4,),
    title: str = "A sample",
    marker: str = "",
    octets: int = 0,
) -> bytes:
    """A PDF of that many pages.

    colour: the numbers of the pages, from 1, that carry colour; all others are black on white.
    sizes: taken in turn, page by page.
    marker: a text that stands on every page uncompressed, to be searched for on a disk.
    octets: at least that long; filled with a comment after the last line.
    """
    made = io.BytesIO()
    canvas = Canvas(made, pageCompression=0, invariant=1)
    canvas.setTitle(title)
    for number in range(1, pages + 1):
        width, height = sizes[(number - 1) % len(sizes)]
        canvas.setPageSize((width, height))
        _page(canvas, width, height, f"{title}, page {number} of {pages}", marker, number in colour)
        canvas.showPage()
    canvas.save()
    document = made.getvalue()
    missing = octets - len(document)
    return document + b"%" + b"." * max(0, missing - 2) + b"\n" if missing > 0 else document


def _page(canvas: Canvas, width: float, height: float, heading: str, marker: str, colour: bool) -> None:
    canvas.setFont("Helvetica", 24)
    canvas.drawString(56, height - 84, heading)
    canvas.setFont("Helvetica", 11)
    for line in range(12):
        canvas.drawString(56, height - 120 - 16 * line, f"Line {line + 1}. {marker}")
    canvas.setStrokeGray(0)
    canvas.rect(28, 28, width - 56, height - 56)
    if colour:
        canvas.setFillColorRGB(0.85, 0.1, 0.2)
        canvas.circle(width / 2, height / 3, 60, stroke=0, fill=1)
        canvas.setFillColorRGB(0.1, 0.3, 0.8)
        canvas.rect(width / 2 - 120, height / 3 - 110, 240, 30, stroke=0, fill=1)
        canvas.setFillGray(0)


def damaged() -> bytes:
    """A PDF that ends in the middle of a page: its cross-reference table is missing."""
    return pdf(3, title="Cut off")[:1700]


def pwg_raster(pages: int = 1, *, width: int = 320, height: int = 200, dots_per_inch: int = 100) -> bytes:
    """PWG Raster (PWG 5102.4) of grey pages, 8 bits a dot: a wedge from white to black."""
    row = _packed_row([255 - 255 * dot // (width - 1) for dot in range(width)])
    made = [b"RaS2"]
    for _ in range(pages):
        made.append(_raster_header(width, height, dots_per_inch, pages))
        for start in range(0, height, 256):
            made.append(bytes([min(256, height - start) - 1]) + row)
    return b"".join(made)


def _packed_row(dots: Sequence[int]) -> bytes:
    """One line in the PackBits form of PWG 5102.4 section 4.2: runs of up to 128 alike, or of up to 128 unlike."""
    packed, at = bytearray(), 0
    while at < len(dots):
        alike = at
        while alike < len(dots) and alike - at < 128 and dots[alike] == dots[at]:
            alike += 1
        if alike - at > 1:
            packed += bytes([alike - at - 1, dots[at]])
            at = alike
            continue
        unlike = at + 1
        while (
            unlike < len(dots) and unlike - at < 128 and (unlike + 1 >= len(dots) or dots[unlike] != dots[unlike + 1])
        ):
            unlike += 1
        # One dot alone is a run of one: the form for unlike dots begins at two.
        packed += bytes([257 - (unlike - at), *dots[at:unlike]]) if unlike - at > 1 else bytes([0, dots[at]])
        at = unlike
    return bytes(packed)


def _raster_header(width: int, height: int, dots_per_inch: int, pages: int) -> bytes:
    """PWG 5102.4 section 4.3: 1796 octets, big-endian; what is not named here is zero."""
    header = bytearray(1796)
    struct.pack_into(">64s", header, 0, b"PwgRaster")
    for offset, value in (
        (276, dots_per_inch),  # HWResolution across
        (280, dots_per_inch),  # and along the feed
        (340, 1),  # NumCopies
        (352, round(width * 72 / dots_per_inch)),  # PageSize, points
        (356, round(height * 72 / dots_per_inch)),
        (372, width),
        (376, height),
        (384, 8),  # BitsPerColor
        (388, 8),  # BitsPerPixel
        (392, width),  # BytesPerLine
        (400, 18),  # ColorSpace: sGray
        (420, 1),  # NumColors
        (452, pages),  # TotalPageCount
        (456, 1),  # CrossFeedTransform
        (460, 1),  # FeedTransform
    ):
        struct.pack_into(">I", header, offset, value)
    return bytes(header)


SAMPLES = {
    "one-page.pdf": lambda: pdf(1, title="One page"),
    "three-pages-colour.pdf": lambda: pdf(3, colour=[2], title="Colour on the second page"),
    "mixed-sizes.pdf": lambda: pdf(4, sizes=[A4, landscape(A4), A3, LETTER], title="Four sizes"),
    "damaged.pdf": damaged,
    "two-pages.pwg": lambda: pwg_raster(2),
    "letter.docx": lambda: office.docx("A letter.", "It has two paragraphs."),
    "letter.odt": lambda: office.odt("A letter.", "It has two paragraphs."),
    "table.xlsx": lambda: office.xlsx(("Name", "Number"), ("one", 1), ("two", 2)),
    "slide.pptx": lambda: office.pptx("One slide"),
}


def write(folder: Path = FOLDER) -> None:
    for name, make in SAMPLES.items():
        (folder / name).write_bytes(make())


if __name__ == "__main__":
    write()
