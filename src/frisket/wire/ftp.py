"""FTP listings: the facts of MLSD (RFC 3659 section 7), and what LIST says where there is no MLSD."""

import re
from dataclasses import dataclass

__all__ = ["Listed", "features", "read_list", "read_mlsd"]

_LONGEST_LINE = 4096
# drwxr-xr-x 2 owner group 4096 Nov 20 09:00 name: of no standard, and what nearly every server sends.
_UNIX = re.compile(
    rb"([-dlbcpsD])[-rwxsStTlL.+@]{9,11}\s+\d+\s+(?:\S+\s+){1,3}?(\d{1,18})\s+"
    rb"([A-Z][a-z]{2}\s+\d{1,2}\s+(?:\d{1,2}:\d{2}|\d{4})|\d{4}-\d\d-\d\d\s+\d\d:\d\d(?::\d\d)?)\s(.+)"
)
# 11-20-26  09:00AM  <DIR>  name
_DOS = re.compile(rb"(\d{2}-\d{2}-\d{2,4}\s+\d{2}:\d{2}(?:[AP]M)?)\s+(<DIR>|\d{1,18})\s+(.+)")


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of a listing. ``stamp`` is the time as the server wrote it; ``kind``: file, folder, other."""

    name: str
    kind: str
    octets: int
    stamp: str


def features(answer: str) -> frozenset[str]:
    """The words of a FEAT answer (RFC 2389 section 3.2)."""
    lines = answer[: 64 * 1024].splitlines()
    return frozenset(line.strip().split(" ")[0].upper() for line in lines if line.startswith(" "))


def _lines(data: bytes, most: int) -> list[bytes]:
    found = [line.rstrip(b"\r") for line in data.split(b"\n", most * 2 + 1)[: most * 2 + 1]]
    return [line for line in found if line and len(line) <= _LONGEST_LINE and b"\0" not in line and b"\r" not in line]


def _name(octets: bytes) -> str | None:
    """None for a name that is no UTF-8 (RFC 2640): it could not be asked for."""
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return None


def read_mlsd(data: bytes, *, most: int) -> list[Listed]:
    """Files and folders; the folder itself and its parent are left out, and lines that are none."""
    found: list[Listed] = []
    for line in _lines(data, most):
        facts, space, octets = line.partition(b" ")
        name = _name(octets) if space else None
        if not name or len(found) >= most:
            continue
        told: dict[str, str] = {}
        for fact in facts.decode("ascii", "replace").split(";"):
            key, _, value = fact.partition("=")
            told[key.lower()] = value
        kind = {"file": "file", "dir": "folder"}.get(told.get("type", "").lower(), "other")
        if told.get("type", "").lower() in ("cdir", "pdir"):
            continue
        size = told.get("size", "")
        octets_told = int(size) if size.isascii() and size.isdigit() and len(size) < 19 else 0
        found.append(Listed(name, kind, octets_told, ":".join((told.get("modify", ""), told.get("unique", "")))))
    return found


def read_list(data: bytes, *, most: int) -> list[Listed]:
    """As read_mlsd, of the two forms of LIST that are met: like ls, and like DIR. Links are "other"."""
    found: list[Listed] = []
    for line in _lines(data, most):
        if len(found) >= most:
            break
        listed = _unix(line) or _dos(line)
        if listed is not None and listed.name not in (".", ".."):
            found.append(listed)
    return found


def _unix(line: bytes) -> Listed | None:
    told = _UNIX.fullmatch(line)
    name = _name(told[4]) if told else None
    if told is None or not name:
        return None
    kind = {b"-": "file", b"d": "folder"}.get(told[1], "other")
    return Listed(name, kind, int(told[2]), b" ".join(told[3].split()).decode("ascii"))


def _dos(line: bytes) -> Listed | None:
    told = _DOS.fullmatch(line)
    name = _name(told[3]) if told else None
    if told is None or not name:
        return None
    folder = told[2] == b"<DIR>"
    return Listed(name, "folder" if folder else "file", 0 if folder else int(told[2]), told[1].decode("ascii"))
