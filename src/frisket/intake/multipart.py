"""Multipart forms (RFC 7578) read as a stream: a field at a time, a file in pieces, nothing kept.

Why not the framework's: its parser writes large parts to the temporary folder in clear.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from frisket.errors import Blame, FrisketError

__all__ = ["BadForm", "Field", "Multipart", "boundary_of"]

_MOST_HEADER = 16_384
_MOST_FIELDS = 200


class BadForm(FrisketError):
    """The form breaks RFC 7578 or a limit."""

    blame = Blame.PEER
    remedy = "Send the form again from its page."


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    file_name: str | None  # None: a text field
    content_type: str


def boundary_of(content_type: bytes) -> bytes | None:
    """The boundary of a multipart/form-data header; None for any other type."""
    if not content_type.lower().startswith(b"multipart/form-data"):
        return None
    match = re.search(rb'boundary=(?:"([^"]{1,70})"|([^\s;]{1,70}))', content_type)
    if match is None:
        raise BadForm("a multipart form without a boundary")
    return match[1] or match[2]


class Multipart:
    """Reads one form. Call next(), then data(), text() or skip(), then next() again, to None."""

    def __init__(self, boundary: bytes, body: AsyncIterator[bytes]) -> None:
        self._mark = b"\r\n--" + boundary
        self._body = body
        self._held = b"\r\n"  # so that the first boundary looks like the others
        self._ended = False  # the body
        self._inside = False  # a part that is not read to its end
        self._fields = 0
        self._last = False

    async def next(self) -> Field | None:
        if self._inside:
            await self.skip()
        if not self._fields:
            await self._find_mark()
        if self._last:
            return None
        self._fields += 1
        if self._fields > _MOST_FIELDS:
            raise BadForm(f"more than {_MOST_FIELDS} fields")
        while (end := self._held.find(b"\r\n\r\n")) < 0:
            if len(self._held) > _MOST_HEADER:
                raise BadForm("the header of a field is too long")
            await self._more()
        header, self._held = self._held[:end], self._held[end + 2 :]
        # The blank line's second half stays, so that an empty part ends in a mark like any other.
        self._inside = True
        return _field(header)

    async def data(self) -> AsyncIterator[bytes]:
        """The octets of the part, in pieces."""
        first = True
        while True:
            at = self._held.find(self._mark)
            if at >= 0:
                piece, self._held = self._held[:at], self._held[at + len(self._mark) :]
                piece = piece[2:] if first else piece
                await self._after_mark()
                self._inside = False
                if piece:
                    yield piece
                return
            keep = len(self._mark) + 1
            if len(self._held) > keep + 2:
                piece, self._held = self._held[:-keep], self._held[-keep:]
                if first:
                    piece, first = piece[2:], False
                if piece:
                    yield piece
            await self._more()

    async def text(self, *, limit: int) -> str:
        out = bytearray()
        async for piece in self.data():
            out += piece
            if len(out) > limit:
                raise BadForm("a text field is too long")
        return out.decode("utf-8", errors="replace")

    async def skip(self) -> None:
        if self._inside:
            async for _ in self.data():
                pass

    async def _find_mark(self) -> None:
        while (at := self._held.find(self._mark)) < 0:
            self._held = self._held[-(len(self._mark) + 1) :]
            await self._more()
        self._held = self._held[at + len(self._mark) :]
        await self._after_mark()

    async def _after_mark(self) -> None:
        while len(self._held) < 2:
            await self._more()
        if self._held.startswith(b"--"):
            self._last = True
            return
        rest = self._held.lstrip(b" \t")
        while len(rest) < 2:
            await self._more()
            rest = self._held.lstrip(b" \t")
        if not rest.startswith(b"\r\n"):
            raise BadForm("a boundary that does not end its line")
        self._held = rest[2:]

    async def _more(self) -> None:
        if self._ended:
            raise BadForm("the form ends in the middle")
        piece = await anext(self._body, None)
        if piece is None:
            self._ended = True
            raise BadForm("the form ends in the middle")
        self._held += piece


_PARAMETER = re.compile(r';\s*(name|filename)="((?:[^"\\]|\\.)*)"', re.IGNORECASE)


def _field(header: bytes) -> Field:
    lines = header.decode("utf-8", errors="replace").split("\r\n")
    values = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    disposition = values.get("content-disposition", "")
    if not disposition.lower().startswith("form-data"):
        raise BadForm("a field without content-disposition")
    found = {
        match[1].lower(): match[2].replace('\\"', '"').replace("%22", '"') for match in _PARAMETER.finditer(disposition)
    }
    if "name" not in found:
        raise BadForm("a field without a name")
    return Field(found["name"], found.get("filename"), values.get("content-type", ""))
