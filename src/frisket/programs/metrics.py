"""Prometheus metrics at /metrics, for whoever shows a token that may read the house's health."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from frisket import audit, identity, spool
from frisket.plumbing import work

__all__ = ["page"]


def page(headers: Mapping[bytes, bytes]) -> tuple[int, bytes]:
    """(HTTP status, body). Nothing in it names a person or a title."""
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() != b"bearer" or not token:
        return 401, b"Metrics need a bearer token.\n"
    claim = identity.Token(token.decode("latin-1"))
    person = identity.person_by_claim(claim, origin=identity.Origin("metrics"))
    if person is None or not identity.may(identity.actor_for(person, "metrics"), identity.Permission.HEALTH_READ):
        return 403, b"This token may not read metrics.\n"
    return 200, _text()


def _text() -> bytes:
    registry = CollectorRegistry()
    held = spool.held_in_all()
    _gauge(registry, "frisket_live_jobs", "Jobs that have not ended", held.jobs)
    _gauge(registry, "frisket_live_octets", "Octets of jobs that have not ended", held.octets)
    space = spool.space()
    _gauge(registry, "frisket_spool_free_octets", "Free octets on the spool's disk", space.free)
    waiting = Gauge("frisket_work_waiting", "Work that waits", ["kind"], registry=registry)
    dead = Gauge("frisket_work_dead", "Work that was given up", ["kind"], registry=registry)
    for state in work.overview():
        waiting.labels(state.kind).set(state.waiting)
        dead.labels(state.kind).set(state.dead)
    log = audit.overview()
    _gauge(registry, "frisket_audit_leaves", "Leaves in the signed log", log.size)
    return generate_latest(registry)


def _gauge(registry: CollectorRegistry, name: str, meaning: str, value: float) -> None:
    Gauge(name, meaning, registry=registry).set(value)
