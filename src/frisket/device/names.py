"""Names and strings at the edge: one canonical form for names, cleaned text for everything shown."""

import re
import unicodedata

from frisket.device.errors import BadName

__all__ = ["canonical", "clean"]

LONGEST_NAME = 60
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*", re.ASCII)


def canonical(name: str) -> str:
    """The one form of a queue's or device's name: one path segment of a-z, 0-9, '.', '_', '-'.

    Capitals and compatibility forms are folded (NFKC, casefold), nothing is dropped or replaced, so two
    different names never meet by repair. Raises BadName; the name is not in the message.
    """
    folded = unicodedata.normalize("NFKC", name.strip()).casefold()
    if len(folded) > LONGEST_NAME or not _NAME.fullmatch(folded):
        raise BadName("this is not a name for a queue or device")
    return folded


def clean(text: str, longest: int) -> str:
    """Text from a device or an operator, fit to be shown: NFC, no control, format or bidirectional
    characters (R18), at most ``longest`` characters."""
    kept = "".join(
        " " if char in "\t\r\n" else char
        for char in unicodedata.normalize("NFC", text[: longest * 4])
        if char in "\t\r\n" or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    )
    return " ".join(kept.split())[:longest]
