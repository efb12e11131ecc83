"""The octets of a leaf: canonical JSON, and back.

Keys sorted, no spaces, ASCII only, ids as 32 hexadecimal digits, times in UTC with microseconds. The same
act always gives the same octets, so what is hashed can be built again from what is shown.

    {"act":"job.move","actor":"…","at":"2026-03-02T09:00:00.000000Z","facts":{…},"kind":"person",
     "place":"console","role":"operator","subject":"…","tenant":"…"}
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from frisket.audit.errors import NotAFact
from frisket.plumbing.scope import Actor, ActorKind

__all__ = [
    "LARGEST",
    "START",
    "Entry",
    "Fact",
    "Facts",
    "NewLeaf",
    "body_of",
    "edges_of",
    "entry_of",
    "time_text",
]

LARGEST = 1 << 16  # octets of a body; what is longer was not written by us
START = b'{"act":"'  # how every body begins

Fact = str | int | bool | UUID | None
Facts = Mapping[str, Fact]

# Anchored by fullmatch. No space and no "@": a keyword or an id has none, a title or a mail address does.
_ACT = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*", re.ASCII)
_KEY = re.compile(r"[a-z0-9_]{1,40}", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9._:/+=,;*#%~()\[\]-]{0,200}", re.ASCII)
_LONGEST_ACT = 40
_MOST_FACTS = 32


@dataclass(frozen=True, slots=True)
class NewLeaf:
    """One act that is about to be recorded."""

    act: str
    on: UUID | None
    by: Actor
    facts: Facts


@dataclass(frozen=True, slots=True)
class Entry:
    """One act as it is read back.

    position: its place in the log; None until it is under a signed checkpoint.
    """

    id: int
    position: int | None
    at: datetime
    act: str
    subject: UUID | None
    actor: Actor
    facts: dict[str, str | int | bool | None]


def time_text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def body_of(leaf: NewLeaf, *, at: str, tenant: UUID) -> bytes:
    """The octets that are hashed. Raises NotAFact for what may not stand in the log."""
    if len(leaf.act) > _LONGEST_ACT or not _ACT.fullmatch(leaf.act):
        raise NotAFact("an act is lower-case words joined by dots, 40 characters at most")
    by = leaf.by
    return (
        f'{{"act":"{leaf.act}","actor":{_id(by.id)},"at":"{at}","facts":{_facts(leaf.facts)},'
        f'"kind":"{by.kind.value}","place":{_word(by.at)},"role":{_word(by.role)},'
        f'"subject":{_id(leaf.on)},"tenant":"{tenant.hex}"}}'
    ).encode("ascii")


def edges_of(act: str, actor: str, at: str, subject: str, tenant: str) -> tuple[bytes, bytes]:
    """How a body with these searchable facts begins and ends (ids in hex, "" for none; at as written)."""
    who = f'"{actor}"' if actor else "null"
    what = f'"{subject}"' if subject else "null"
    start = f'{{"act":"{act}","actor":{who},"at":"{at}","facts":'
    return start.encode(), f',"subject":{what},"tenant":"{tenant}"}}'.encode()


def _id(value: UUID | None) -> str:
    return "null" if value is None else f'"{value.hex}"'


def _facts(facts: Facts) -> str:
    if not facts:
        return "{}"
    if len(facts) > _MOST_FACTS:
        raise NotAFact(f"more than {_MOST_FACTS} facts of one act")
    parts = []
    for key in sorted(facts):
        if not _KEY.fullmatch(key):
            raise NotAFact("the name of a fact is a lower-case word")
        parts.append(f'"{key}":{_value(key, facts[key])}')
    return "{" + ",".join(parts) + "}"


def _value(key: str, value: Fact) -> str:
    if isinstance(value, str):
        if not _WORD.fullmatch(value):
            raise NotAFact(f"{key}: a fact is a keyword, an id or a number, never free text")
        return f'"{value}"'
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, UUID):
        return f'"{value.hex}"'
    raise NotAFact(f"{key}: a fact is a keyword, an id or a number")


def _word(value: str) -> str:
    if not _WORD.fullmatch(value):
        raise NotAFact("an actor's role and place are keywords")
    return f'"{value}"'


def entry_of(row: int, position: int | None, body: bytes | memoryview) -> Entry:
    """The act that a body tells of."""
    told = json.loads(bytes(body))
    actor = told["actor"]
    subject = told["subject"]
    return Entry(
        id=row,
        position=position,
        at=datetime.fromisoformat(told["at"]),
        act=told["act"],
        subject=UUID(subject) if subject else None,
        actor=Actor(ActorKind(told["kind"]), UUID(actor) if actor else None, role=told["role"], at=told["place"]),
        facts=told["facts"],
    )
