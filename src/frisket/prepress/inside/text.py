"""Plain text, in whatever encoding, and web pages: made ready for the office program.

Text becomes an OpenDocument file in one piece, so that the sheet is ours to choose and every script has its fonts.
"""

import re
from collections.abc import Iterator
from html import escape

from frisket.prepress.inside.making import Refused

__all__ = ["decoded", "document_of", "web_page"]

_LINES_A_PAGE = 60
_CONTROLS = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_SPACES = re.compile(r" {2,}|^ |\t")
_BEGINNINGS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe\x00\x00", "utf-32"), (b"\x00\x00\xfe\xff", "utf-32"))
_BEGINNINGS_16 = (b"\xff\xfe", b"\xfe\xff")
_STATED = re.compile(rb"charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{2,40})|encoding\s*=\s*[\"']([A-Za-z0-9_.:-]{2,40})")
_MOST_CONTROLS = 0.05  # of the characters; more is no text


def decoded(data: bytes, *, stated_inside: bool = False) -> str:
    """Text from octets: by its mark, else by what it states, else UTF-8, else UTF-16, else Windows' Latin letters."""
    for beginning, name in _BEGINNINGS:
        if data.startswith(beginning):
            return data.decode(name, "replace")
    if data.startswith(_BEGINNINGS_16):
        return data.decode("utf-16", "replace")
    if stated_inside and (found := _STATED.search(data[:2048])):
        try:
            return data.decode((found[1] or found[2]).decode("ascii"), "replace")
        except LookupError:
            pass  # an encoding nobody knows
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if text and "\0" not in text:
        return text
    if wide := _without_mark(data[:4096]):
        return data.decode(wide, "replace")
    return data.decode("cp1252", "replace")


def _without_mark(start: bytes) -> str:
    """UTF-16 of mostly Latin letters has a zero in every other octet; nothing else that is text has."""
    half = max(1, len(start) // 2)
    high, low = start[0::2].count(0) / half, start[1::2].count(0) / half
    if low > 0.4 and high < 0.1:
        return "utf-16-le"
    return "utf-16-be" if high > 0.4 and low < 0.1 else ""


def document_of(data: bytes, sheet: list[float], *, pages: int) -> bytes:
    """A flat OpenDocument text of these lines, with a fixed-width font. Raises Refused."""
    text = decoded(data).replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise Refused("empty")
    controls = len(_CONTROLS.findall(text[:65536]))
    if controls > _MOST_CONTROLS * len(text[:65536]):
        raise Refused("damaged")
    if text.count("\n") + text.count("\f") * _LINES_A_PAGE > pages * _LINES_A_PAGE:
        raise Refused("pages")
    width, height = sheet
    head = _HEAD.format(width=width, height=height)
    return "".join([head, *_paragraphs(text), "</office:text></office:body></office:document>"]).encode()


def _paragraphs(text: str) -> Iterator[str]:
    for number, page in enumerate(text.rstrip().split("\f")):
        for at, line in enumerate(page.split("\n")):
            style = "Break" if number and not at else "Line"
            plain = escape(_CONTROLS.sub("", line), quote=False)
            yield f'<text:p text:style-name="{style}">{_SPACES.sub(_blank, plain)}</text:p>'


def _blank(found: re.Match[str]) -> str:
    return "<text:tab/>" if found[0] == "\t" else f'<text:s text:c="{len(found[0])}"/>'


def web_page(data: bytes, sheet: list[float]) -> bytes:
    """The page in letters that are the same in every encoding, on a sheet of this size."""
    text = decoded(data, stated_inside=True)
    if not text.strip():
        raise Refused("empty")
    width, height = sheet
    style = f"<style>@page {{size: {width:g}pt {height:g}pt; margin: 50pt}}</style>"
    at = re.search(r"<head[^>]*>", text[:65536], re.IGNORECASE)
    text = text[: at.end()] + style + text[at.end() :] if at else style + text
    return text.encode("ascii", "xmlcharrefreplace")


_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"
 xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0"
 xmlns:svg="urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0"
 office:version="1.3" office:mimetype="application/vnd.oasis.opendocument.text">
<office:font-face-decls><style:font-face style:name="Fixed" svg:font-family="'Liberation Mono'"
 style:font-family-generic="modern" style:font-pitch="fixed"/></office:font-face-decls>
<office:styles><style:default-style style:family="paragraph"><style:text-properties style:font-name="Fixed"
 fo:font-size="10pt" style:font-size-asian="10pt" style:font-size-complex="10pt"/></style:default-style>
<style:style style:name="Line" style:family="paragraph"/></office:styles>
<office:automatic-styles><style:style style:name="Break" style:family="paragraph" style:parent-style-name="Line">
<style:paragraph-properties fo:break-before="page"/></style:style>
<style:page-layout style:name="Sheet"><style:page-layout-properties fo:page-width="{width}pt"
 fo:page-height="{height}pt" fo:margin="50pt"/></style:page-layout></office:automatic-styles>
<office:master-styles><style:master-page style:name="Standard" style:page-layout-name="Sheet"/></office:master-styles>
<office:body><office:text>"""
