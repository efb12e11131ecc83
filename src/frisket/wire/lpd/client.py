"""The client's end: the lines it sends, and what it is answered."""

import re

from frisket.wire.errors import WireError
from frisket.wire.lpd.terms import Answer, Code, text

__all__ = [
    "control_header",
    "data_header",
    "print_waiting",
    "read_answer",
    "receive_job",
    "remove_jobs",
    "send_queue",
]


def print_waiting(queue: str) -> bytes:
    return _line(Code.PRINT_WAITING, queue)


def receive_job(queue: str) -> bytes:
    return _line(Code.RECEIVE_JOB, queue)


def send_queue(queue: str, *wanted: str, long: bool = False) -> bytes:
    return _line(Code.LONG_STATE if long else Code.SHORT_STATE, queue, *wanted)


def remove_jobs(queue: str, agent: str, *wanted: str) -> bytes:
    return _line(Code.REMOVE_JOBS, queue, agent, *wanted)


def control_header(octets: int, name: str) -> bytes:
    return _line(2, str(octets), name)


def data_header(octets: int | None, name: str) -> bytes:
    """octets: None for a file that lasts until the connection ends. Raises WireError for a count of 0, which
    says just that: an empty file cannot be sent as a counted one."""
    if octets == 0:
        raise WireError("an empty file, which LPD cannot say")
    return _line(3, str(octets or 0), name)


def read_answer(octets: bytes) -> tuple[bool, str]:
    """What a server said: whether it accepts, and words that some send with a refusal (at most 200 characters).

    Raises WireError for no octet at all.
    """
    if not octets:
        raise WireError("no answer")
    return octets[0] == Answer.ACCEPTED, text(octets[1:400])[:200] if octets[0] else ""


def _line(code: int, *words: str) -> bytes:
    """Raises WireError for a word that would become another or another line."""
    octets = [word.encode("utf-8") for word in words]
    if any(not word or re.search(rb"[\x00-\x20\x7f]", word) for word in octets):
        raise WireError("a word that does not fit on a line of LPD")
    return bytes((code,)) + b" ".join(octets) + b"\n"
