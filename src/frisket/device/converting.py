"""What a queue takes beside what its devices print: formats the house makes PDF of.

Which those are is found out by prepress, a floor above, and told here by `programs` when a process starts; so the
doors, the rules and the pages need not know how anything is converted.
"""

from collections.abc import Collection, Iterable

__all__ = ["can_convert", "convertible", "must_convert", "taken"]

PDF = "application/pdf"
_known: frozenset[str] = frozenset()


def can_convert(formats: Iterable[str]) -> None:
    """From now on the house makes PDF of these."""
    global _known
    _known = frozenset(formats)


def convertible() -> frozenset[str]:
    """Media types the house makes PDF of."""
    return _known


def taken(formats: Collection[str]) -> tuple[str, ...]:
    """What a queue takes whose devices print these formats: those first, in their order, then what becomes PDF."""
    if PDF not in formats:
        return tuple(formats)
    return (*formats, *sorted(_known.difference(formats)))


def must_convert(format: str, formats: Collection[str]) -> bool:
    """Whether a document of this format has to become PDF; what the devices print themselves goes untouched."""
    return format not in formats and format in _known and PDF in formats
