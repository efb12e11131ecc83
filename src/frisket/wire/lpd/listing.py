"""The state of a queue as text (RFC 1179 sections 5.3 and 5.4 leave its form open)."""

from collections.abc import Sequence
from dataclasses import dataclass

from frisket.wire.lpd.terms import Limits, plain, text

__all__ = ["Listed", "listing", "read_listing"]


@dataclass(frozen=True, slots=True)
class Listed:
    """One job of a queue's state. rank: 0 for the one that prints now, then 1, 2 …"""

    rank: int
    owner: str
    number: int
    files: tuple[str, ...]
    octets: int
    host: str = ""  # only the long form tells it


def listing(state: str, jobs: Sequence[Listed], *, long: bool) -> bytes:
    """The state of a queue as BSD's lpd writes it (sections 5.3, 5.4 leave its form open).

    state: one line about the queue. Names are cut and cleaned: they are other people's words.
    """
    rows = [plain(state, 200)] if state else []
    if not jobs:
        rows.append("no entries")
    elif long:
        for job in jobs:
            rows += _long_rows(job)
    else:
        rows.append(f"{'Rank':<7}{'Owner':<11}{'Job':<5}{'Files':<38}Total Size")
        for job in jobs:
            files = plain(", ".join(job.files), 37) or "-"
            rows.append(
                f"{_rank(job.rank):<6} {_word(job.owner, 31):<10} {job.number:<4} {files:<37} {job.octets} bytes"
            )
    return "".join(row + "\n" for row in rows).encode("utf-8")


def _long_rows(job: Listed) -> list[str]:
    who = f"{_word(job.owner, 31)}: {_rank(job.rank)}"
    files = plain(", ".join(job.files), 37) or "-"
    whence = f"[job {job.number:03} {_word(job.host, 63)}]" if job.host else f"[job {job.number:03}]"
    return ["", f"{who:<40} {whence}", f"        {files:<39} {job.octets} bytes"]


def _rank(rank: int) -> str:
    if rank == 0:
        return "active"
    ending = "th" if 10 <= rank % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(rank % 10, "th")
    return f"{rank}{ending}"


def _word(words: str, longest: int) -> str:
    return "".join(plain(words, longest).split()) or "-"


def read_listing(octets: bytes, limits: Limits = Limits()) -> tuple[list[str], list[Listed]]:
    """What a server says of its queue: lines in words, and the jobs of a short state that can be made out.

    Rows of BSD and CUPS ("1st  anna  17  report.pdf  1024 bytes") and of LPRng
    ("1  anna@host+17  A  17  report.pdf  1024  12:00:00"). Never raises: lines that are too long are cut, and
    what is no row of a job is words.
    """
    words, jobs = list[str](), list[Listed]()
    for row in octets[: limits.control].split(b"\n"):
        line = text(row[: limits.line])
        parts = line.split()
        job = _bsd_row(parts) or _lprng_row(parts)
        if job is not None:
            jobs.append(job)
        elif line:
            words.append(line)
    return words, jobs


def _bsd_row(parts: list[str]) -> Listed | None:
    if len(parts) < 5 or parts[-1] != "bytes":
        return None
    rank, number, octets = _read_rank(parts[0], ("st", "nd", "rd", "th")), _number(parts[2]), _number(parts[-2])
    if rank is None or number is None or octets is None:
        return None
    return Listed(rank, parts[1], number, (" ".join(parts[3:-2]),), octets)


def _lprng_row(parts: list[str]) -> Listed | None:
    if len(parts) > 6 and ":" in parts[-1]:
        parts = parts[:-1]
    if len(parts) < 5 or "+" not in parts[1]:
        return None
    rank, number, octets = _read_rank(parts[0], ("",)), _number(parts[3]), _number(parts[-1])
    if rank is None or number is None or octets is None:
        return None
    owner, _, host = parts[1].rpartition("+")[0].partition("@")
    return Listed(rank, owner, number, (" ".join(parts[4:-1]),), octets, host)


def _read_rank(word: str, endings: tuple[str, ...]) -> int | None:
    if word == "active":
        return 0
    return next((_number(word.removesuffix(ending)) for ending in endings if word.endswith(ending)), None)


def _number(word: str) -> int | None:
    return int(word) if word.isascii() and word.isdecimal() and len(word) <= 19 else None
