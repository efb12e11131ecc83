"""May this job come in?"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Admit", "Facts", "Refuse", "Verdict", "Why", "admission"]


class Why(StrEnum):
    NOT_ACCEPTING = "not-accepting"
    FORMAT = "format"
    TOO_LARGE = "too-large"
    TOO_MANY_DOCUMENTS = "too-many-documents"


@dataclass(frozen=True, slots=True)
class Facts:
    """All an admission rule may look at."""

    queue_accepting: bool
    format: str  # mime type as sent
    formats: Collection[str]  # what the devices behind the queue, or our converter, can serve
    octets: int | None  # announced; None when the sender did not say
    most_octets: int
    documents: int
    most_documents: int


@dataclass(frozen=True, slots=True)
class Admit:
    pass


@dataclass(frozen=True, slots=True)
class Refuse:
    why: Why
    text: str
    remedy: str


Verdict = Admit | Refuse
_ADMIT = Admit()


def admission(facts: Facts) -> Verdict:
    """The first rule that refuses, or Admit."""
    if not facts.queue_accepting:
        return Refuse(
            Why.NOT_ACCEPTING,
            "This queue takes no jobs at the moment.",
            "Ask the operator, or try again later.",
        )
    if facts.format not in facts.formats and facts.format != "application/octet-stream":
        return Refuse(
            Why.FORMAT,
            f"None of the devices behind this queue prints {facts.format}.",
            "Send PDF, or one of: " + ", ".join(sorted(facts.formats)) + ".",
        )
    if facts.octets is not None and facts.octets > facts.most_octets:
        return Refuse(
            Why.TOO_LARGE,
            f"The job has {facts.octets} octets; at most {facts.most_octets} are allowed.",
            "Send it in parts, or ask the operator to raise limits.job_bytes.",
        )
    if facts.documents > facts.most_documents:
        return Refuse(
            Why.TOO_MANY_DOCUMENTS,
            f"A job may have {facts.most_documents} documents.",
            "Send the rest as another job.",
        )
    return _ADMIT
