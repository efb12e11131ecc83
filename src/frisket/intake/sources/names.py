"""Names of files in foreign folders: they are data, from whoever put them there (R9, boundary B5)."""

import unicodedata

from frisket.intake.sources.errors import BadSource

__all__ = ["DONE", "PRIVATE", "REFUSED", "beside", "is_ours", "is_partial", "leaf", "relative", "shown", "within"]

PRIVATE, DONE, REFUSED = ".frisket", "done", "refused"
LONGEST = 1024  # characters of a path below the root
DEEPEST = 8
_ENDS = (".part", ".partial", ".filepart", ".tmp", ".temp", ".crdownload", ".download", ".swp", ".lock", ".!ut", "~")
_BEGINS = (".", "~$", "~")
_NAMES = {"thumbs.db", "desktop.ini"}
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def is_partial(name: str) -> bool:
    """Is this what programs call a file they have not finished, or one that is none of ours to print?"""
    low = name.lower()
    return low.startswith(_BEGINS) or low.endswith(_ENDS) or low in _NAMES


def is_ours(name: str) -> bool:
    """A folder at the root of a source that we made."""
    return name in (PRIVATE, DONE, REFUSED)


def leaf(path: str) -> str:
    return path.rpartition("/")[2]


def relative(path: str) -> str:
    """A path below a root in its one form: no empty part, no way up, no control character. Raises BadSource.

    The root itself is "".
    """
    if len(path) > LONGEST:
        raise BadSource("the path is too long")
    parts = [part for part in path.split("/") if part]
    if len(parts) > DEEPEST:
        raise BadSource("the path is too deep")
    for part in parts:
        if not is_plain(part):
            raise BadSource("the path has a part that is no name")
    return "/".join(parts)


def is_plain(name: str) -> bool:
    """A name that means one thing in every store: not a way up, no separator of any system, nothing unseen."""
    return (
        name not in ("", ".", "..")
        and not any(char in "/\\\0" or unicodedata.category(char) in ("Cc", "Cs") for char in name)
        and len(name) <= 255
    )


def within(root: str, path: str) -> str:
    """A path below a root, joined. Both are in their one form or raise BadSource."""
    return "/".join(part for part in (relative(root), relative(path)) if part)


def shown(name: str) -> str:
    """A name as a person may see it: no control, format or bidirectional character (R18)."""
    text = unicodedata.normalize("NFC", name[:LONGEST].encode("utf-8", "replace").decode())
    kept = "".join(char if unicodedata.category(char) not in _HIDDEN else " " for char in text)
    return " ".join(kept.split())[:255]


def beside(name: str, number: int) -> str:
    """The name to try when it is taken: "letter.pdf", then "letter (2).pdf"; at most 255 octets."""
    stem, dot, end = name.rpartition(".")
    if not stem:
        stem, dot, end = name, "", ""
    tail = (f" ({number})" if number > 1 else "") + dot + end
    room = 255 - len(tail.encode("utf-8", "surrogateescape"))
    if room < 1:
        stem, tail, room = name, "", 255
    cut = stem.encode("utf-8", "surrogateescape")[:room]
    return cut.decode("utf-8", "ignore" if len(cut) == room else "surrogateescape") + tail
