"""What a sender asks about when, by whom and how often, beside how to print: one value, kept with the job."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

__all__ = ["NO_TERMS", "OWNER", "PRESS", "Terms"]

PRESS, OWNER = "button-press", "owner-authorized"  # job-release-action (PWG 5100.11): only at a device


@dataclass(frozen=True, slots=True)
class Terms:
    """Empty where nobody asked for anything. Moments are aware; words are IPP's keywords.

    hold_word: the named time of job-hold-until, for telling it back; the moment is the job's hold_until.
    output_until, output_word: job-delay-output-until, which this house keeps like a hold.
    retain, retain_s, retain_until: how long the documents stay after printing; the first that is given counts.
    cancel_after_s: most seconds of printing, in house seconds; 0: no limit.
    release: "", none, button-press, job-password, owner-authorized.
    store: "", print-and-store, store-only; access: owner, public.
    proof_copies: printed before the rest waits for a person's word; proof_made once they are on their way.
    parent, parent_id: number and id of the job this one is a copy of.
    """

    hold_word: str = ""
    output_word: str = ""
    output_until: datetime | None = None
    retain: str = ""
    retain_s: int | None = None
    retain_until: datetime | None = None
    cancel_after_s: int = 0
    release: str = ""
    store: str = ""
    access: str = ""
    proof_copies: int = 0
    proof_made: bool = False
    parent: int = 0
    parent_id: str = ""

    @property
    def proof_due(self) -> bool:
        return self.proof_copies > 0 and not self.proof_made

    def to_plain(self) -> dict[str, Any]:
        if self == NO_TERMS:
            return {}
        plain: dict[str, Any] = {}
        for name in _NAMES:
            value = getattr(self, name)
            if value or (name == "retain_s" and value is not None):
                plain[name] = value.isoformat() if isinstance(value, datetime) else value
        return plain

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Terms":
        if not plain:
            return NO_TERMS
        known = {name: plain[name] for name in _NAMES if name in plain}
        for name in ("output_until", "retain_until"):
            if name in known:
                known[name] = datetime.fromisoformat(known[name])
        return cls(**known)


_NAMES = tuple(field.name for field in fields(Terms))
NO_TERMS = Terms()
