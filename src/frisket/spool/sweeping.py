"""After a crash: what the table and the store do not agree on.

An object without a row was never accepted: erased. A row without its object is an alarm: the job is
quarantined by whoever called. Nothing is touched when the folder belongs to another database.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from uuid import UUID

from frisket.plumbing import blobs, keys, parts
from frisket.plumbing.db import transaction
from frisket.plumbing.keys import Kind
from frisket.spool.errors import WrongSpool
from frisket.spool.models import JobKey, SealedObject, SpoolMark
from frisket.spool.reading import place_of
from frisket.spool.store import store

__all__ = ["Sweep", "sweep"]

_CHUNK = 5000


@dataclass(slots=True)
class Sweep:
    damaged: list[UUID] = field(default_factory=list)  # jobs to quarantine, each once
    checked: int = 0  # objects with a row
    erased: int = 0  # objects without a row
    unfinished: int = 0  # uploads that died with their process
    reserve: bool = True  # whether the reserve could be kept back


@dataclass(frozen=True, slots=True)
class _Row:
    job: UUID
    doomed: bool
    header: bytes
    place: blobs.Place


def sweep(*, headers: bool = True) -> Sweep:
    """At start, before any door opens. Raises WrongSpool.

    headers: also read and compare the first 64 octets of each object; without, only lengths.
    """
    _check_mark()
    result = Sweep(unfinished=store().clear_unfinished())
    containers = {found.name: found for found in store().containers()}
    damaged: dict[UUID, None] = {}
    for name, group in groupby(_rows(), key=lambda row: row.place.name):
        rows = list(group)
        for row in rows:
            result.checked += 1
            if not row.doomed and not _is_there(row, containers.get(name), headers):
                damaged[row.job] = None
        found = containers.pop(name, None)
        if found is not None and found.abandoned and found.where == "segment":
            live = [(row.place.offset, row.place.offset + row.place.octets) for row in rows]
            result.erased += store().erase_gaps(name, live) > 0
    for stray in containers.values():
        if stray.abandoned:
            result.erased += 1
            _erase(stray)
    store().swept()
    result.damaged = [*damaged, *_without_key()]
    result.reserve = store().restore_reserve()
    return result


def _rows() -> Iterator[_Row]:
    tenant = parts.tenant()
    columns = ("job_id", "kind", "document", "version", "epoch", "octets", "place", "name", "offset", "state")
    rows = SealedObject.objects.order_by("name", "offset").values_list(*columns)
    for job, kind, document, version, epoch, octets, where, name, offset, state in rows.iterator(_CHUNK):
        header = keys.Header(Kind(kind), document, tenant, job, version, epoch).octets()
        yield _Row(job, state == "doomed", header, place_of(where, name, offset, octets))


def _is_there(row: _Row, found: blobs.Container | None, headers: bool) -> bool:
    place = row.place
    if found is None or found.where != place.where:
        return False
    end = place.offset + place.octets
    if found.octets != end if place.where == "file" else found.octets < end:
        return False
    if not headers:
        return True
    try:
        return store().start_of(place, keys.HEADER_LENGTH) == row.header
    except blobs.Missing:
        return False


def _without_key() -> Iterator[UUID]:
    """Objects of jobs whose key is gone without a shred: unreadable, and nobody asked for that."""
    rows = SealedObject.objects.filter(state="kept").exclude(job_id__in=JobKey.objects.values("job_id"))
    return iter(set(rows.values_list("job_id", flat=True)))


def _erase(stray: blobs.Container) -> None:
    if stray.where == "segment":
        store().erase_gaps(stray.name, [])
    else:
        store().erase([blobs.Place("file", stray.name, 0, stray.octets)])


def _check_mark() -> None:
    """The folder and the database each hold the same random mark, written at the first sweep.

    The database is marked first: a crash in between leaves a folder that has none yet and takes it.
    """
    in_folder = store().mark()
    with transaction():
        row = SpoolMark.objects.first()
        if row is None:
            if in_folder:
                raise WrongSpool("the spool folder belongs to another database")
            row = SpoolMark.objects.create(mark=uuid.uuid4().hex)
    if not in_folder:
        store().set_mark(row.mark)
    elif in_folder != row.mark:
        raise WrongSpool("the spool folder belongs to another database")
