"""What a queue takes beside what its devices print: formats the house makes PDF of.

Which those are is found out by prepress, a floor above, and told here by `programs` when a process starts; so the
doors, the rules and the pages need not know how anything is converted.
"""

from collections.abc import Collection, Iterable, Sequence

from frisket.device.capabilities import Capabilities, merge

__all__ = ["can_convert", "convertible", "formats_taken", "must_convert"]

PDF = "application/pdf"
_known: frozenset[str] = frozenset()


def can_convert(formats: Iterable[str]) -> None:
    """From now on the house makes PDF of these."""
    global _known
    _known = frozenset(formats)


def convertible() -> frozenset[str]:
    """Media types the house makes PDF of."""
    return _known


def formats_taken(several: Sequence[Capabilities]) -> tuple[str, ...]:
    """What a queue with these devices takes: what they print, in their order, then what becomes PDF.

    The one place where this is worked out: doors, stages and the description of a queue ask here.
    """
    formats = merge(several).formats
    if PDF not in formats:
        return formats
    return (*formats, *sorted(_known.difference(formats)))


def must_convert(format: str, formats: Collection[str]) -> bool:
    """Whether a document of this format has to become PDF; what the devices print themselves goes untouched."""
    return format not in formats and format in _known and PDF in formats
