"""A descriptor read in order."""

import os
from collections.abc import Iterator
from typing import Protocol

__all__ = ["Stream", "Tell", "TooShort"]

_PIECE = 256 << 10


class Tell(Protocol):
    """Hands facts out; later ones add to earlier ones."""

    def __call__(self, **facts: object) -> None: ...


class TooShort(Exception):
    """The document ends in the middle of something."""


class Stream:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.buffer = b""
        self.at = 0  # of the next octet in the buffer

    def more(self) -> bool:
        """Have more octets in the buffer; False at the end. Moves the buffer: read `at` again."""
        piece = os.read(self._descriptor, _PIECE)
        self.buffer = self.buffer[self.at :] + piece
        self.at = 0
        return bool(piece)

    def peek(self, count: int) -> bytes:
        while len(self.buffer) - self.at < count and self.more():
            pass
        return self.buffer[self.at : self.at + count]

    def take(self, count: int) -> bytes:
        taken = self.peek(count)
        if len(taken) < count:
            raise TooShort
        self.at += count
        return taken

    def skip(self, count: int) -> None:
        while count > len(self.buffer) - self.at:
            count -= len(self.buffer) - self.at
            self.at = len(self.buffer)
            if not self.more():
                raise TooShort
        self.at += count

    def lines(self, longest: int) -> Iterator[bytes]:
        """Lines however they end; what a line has beyond `longest` octets comes as further lines."""
        while True:
            data = self.peek(longest)
            if not data:
                return
            ends = [place for place in (data.find(b"\n"), data.find(b"\r")) if place >= 0]
            length = min(ends) + 1 if ends else len(data)
            self.at += length
            yield data[:length].rstrip(b"\r\n")
