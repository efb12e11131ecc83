"""A part of a long list, cut by key and never by offset."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Slice"]

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Slice(Generic[Row]):
    rows: Sequence[Row]
    after: str | None = None  # give it back to read on; None at the end
