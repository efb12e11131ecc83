"""Proofs for somebody who does not trust this house: RFC 6962 paths under signed checkpoints."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from frisket.audit.errors import LogDamaged, NoSuchLeaf, NotSequencedYet
from frisket.audit.log import Hashes, Places
from frisket.audit.note import LONGEST, Checkpoint, Signer
from frisket.audit.reading import visible
from frisket.audit.tree import consistency, inclusion
from frisket.plumbing import parts
from frisket.plumbing.scope import Scope

__all__ = ["Growth", "Proof", "export", "prove", "prove_growth"]

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Proof:
    """That a leaf stands at its position under a signed checkpoint.

    body: the octets whose hash is the leaf. path: RFC 6962 section 2.1.1, lowest first.
    note: the checkpoint as it was signed; verifier_key: what its signature is checked with.
    """

    leaf: int
    position: int
    body: bytes
    size: int
    root: bytes
    path: list[bytes]
    note: bytes
    verifier_key: str


@dataclass(frozen=True, slots=True)
class Growth:
    """That the log of ``first`` leaves is the beginning of the log under the newest checkpoint."""

    first: int
    size: int
    root: bytes
    path: list[bytes]
    note: bytes


@dataclass(frozen=True, slots=True)
class _Newest:
    checkpoint: Checkpoint
    note: bytes
    signer: Signer
    nodes: Hashes


def _newest() -> _Newest:
    """The newest checkpoint. Its tree only grows, so no lock is needed to read below it."""
    places = Places.of(parts.data())
    signer = Signer(parts.keys(), parts.tenant())
    try:
        with places.checkpoint.open("rb") as file:
            note = file.read(LONGEST + 1)
    except FileNotFoundError as error:
        raise NotSequencedYet("nothing has been signed yet") from error
    checkpoint = signer.read(note)
    if checkpoint is None or not signer.genuine(note, checkpoint):
        raise LogDamaged("the newest checkpoint is not genuine")
    return _Newest(checkpoint, note, signer, Hashes(places))


def prove(scope: Scope, leaf: int) -> Proof:
    """Proof for one leaf, by its id. Raises NoSuchLeaf, NotSequencedYet, LogDamaged."""
    row = visible(scope).filter(id=leaf).values_list("position", "body").first()
    if row is None:
        raise NoSuchLeaf("there is no such leaf")
    newest = _newest()
    position, size = row[0], newest.checkpoint.size
    if position is None or position >= size:
        raise NotSequencedYet("the leaf is not under a checkpoint yet")
    path = inclusion(newest.nodes, position, size)
    key = newest.signer.verifier_key()
    return Proof(leaf, position, bytes(row[1]), size, newest.checkpoint.root, path, newest.note, key)


def prove_growth(first: int) -> Growth:
    """Proof that nothing of the first ``first`` leaves changed since (RFC 6962 section 2.1.2)."""
    newest = _newest()
    if not 0 <= first <= newest.checkpoint.size:
        raise NotSequencedYet("the log has not so many leaves")
    path = consistency(newest.nodes, first, newest.checkpoint.size)
    return Growth(first, newest.checkpoint.size, newest.checkpoint.root, path, newest.note)


def export(scope: Scope, since: datetime, until: datetime) -> Iterator[str]:
    """The record from since until before until as JSON lines, each with its proof, oldest first.

    The first line names the format, the public key and the checkpoint. A leaf that is not under it yet
    has neither position nor path. ``body`` is the exact text that was hashed.
    """
    try:
        newest = _newest()
    except NotSequencedYet:
        newest = None
    yield _line(_heading(newest))
    rows = visible(scope).filter(at__gte=since, at__lt=until).order_by("id")
    after = 0
    while page := list(rows.filter(id__gt=after)[:_PAGE].values_list("id", "position", "body")):
        for _, position, body in page:
            yield _line(_exported(newest, position, bytes(body)))
        after = page[-1][0]


def _heading(newest: _Newest | None) -> dict[str, object]:
    signer = Signer(parts.keys(), parts.tenant())
    return {
        "format": "frisket-audit-export/1",
        "origin": signer.origin,
        "verifier_key": signer.verifier_key(),
        "checkpoint": None if newest is None else newest.note.decode(),
    }


def _exported(newest: _Newest | None, position: int | None, body: bytes) -> dict[str, object]:
    if newest is None or position is None or position >= newest.checkpoint.size:
        return {"position": None, "body": body.decode(), "path": None}
    path = inclusion(newest.nodes, position, newest.checkpoint.size)
    return {
        "position": position,
        "body": body.decode(),
        "path": [base64.b64encode(node).decode() for node in path],
    }


def _line(value: dict[str, object]) -> str:
    return json.dumps(value, separators=(",", ":"))
