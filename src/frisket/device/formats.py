"""Which documents a queue takes: what its devices print, and what the house can turn into that.

The one place where this is worked out: doors, stages and the description of a queue ask here.
"""

from collections.abc import Iterable, Mapping, Sequence

from frisket.device.capabilities import Capabilities, merge

__all__ = ["conversions", "formats_taken"]

_converts: dict[str, frozenset[str]] = {}


def conversions(table: Mapping[str, Iterable[str]]) -> None:
    """Tell what the house's converter makes: from a format to those it can be turned into.

    Called by whoever starts the house, before a door opens. Replaces what was told before.
    """
    _converts.clear()
    _converts.update({format: frozenset(into) for format, into in table.items()})


def formats_taken(several: Sequence[Capabilities]) -> tuple[str, ...]:
    """document-format-supported of a queue with these devices behind it, the preferred one first."""
    printed = merge(several).formats
    made = [
        format
        for format, into in _converts.items()
        if format not in printed and all(into & set(each.formats) for each in several)
    ]
    return (*printed, *made)
