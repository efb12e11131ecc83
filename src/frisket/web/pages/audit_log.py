"""The record: reading it, having it checked, taking it along."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.dateparse import parse_date

from frisket import audit, identity
from frisket.identity import Permission
from frisket.plumbing import parts
from frisket.plumbing.db import transaction
from frisket.web.forms import identifiers
from frisket.web.routes import page
from frisket.web.visits import Visit, visit

__all__ = ["audit_log", "start_export"]

PAGE = 100
KINDS = (
    "job.",
    "erase.",
    "key.unwrap",
    "sign-in",
    "sign-in.failed",
    "credential.",
    "person.",
    "device.",
    "queue.",
    "uncertain.",
    "export",
)


@page("/audit", needs=Permission.AUDIT_READ)
def audit_log(request: HttpRequest) -> HttpResponse:
    who = visit(request)
    act = request.GET.get("act", "")
    subject = next(iter(identifiers([request.GET.get("subject", "")])), None)
    after = request.GET.get("after", "")
    found = audit.recent(
        who.scope,
        after=int(after) if after.isdigit() and len(after) < 18 else None,
        limit=PAGE,
        act=act if act in KINDS else None,
        where=audit.Search(subject=subject),
    )
    names = _names(who, found)
    standing = audit.overview()
    values = {
        "rows": [(entry, names.get(entry.actor.id or UUID(int=0), "")) for entry in found],
        "after": found[-1].id if len(found) == PAGE else None,
        "act": act,
        "subject": subject,
        "kinds": KINDS,
        "standing": standing,
        "today": parts.clock().now().date(),
        "month_ago": parts.clock().now().date() - timedelta(days=30),
        "may_export": who.may(Permission.AUDIT_EXPORT),
    }
    return render(request, "web/audit.html", values)


def _names(who: Visit, found: list[audit.Entry]) -> dict[UUID, str]:
    return identity.names_of(who.scope, {entry.actor.id for entry in found if entry.actor.id is not None})


@page("/audit/verify", needs=Permission.AUDIT_READ, methods=("POST",))
def audit_verify(request: HttpRequest) -> HttpResponse:
    """Every leaf and every signature, now."""
    return render(request, "web/audit_verdict.html", {"verdict": audit.verify()})


@page("/audit/export", needs=Permission.AUDIT_EXPORT, methods=("POST",), fresh=True)
def audit_export(request: HttpRequest) -> HttpResponseBase:
    now = parts.clock().now()
    since = _day(request.POST.get("since", "")) or now - timedelta(days=30)
    until = _day(request.POST.get("until", ""))
    return start_export(visit(request), since, until + timedelta(days=1) if until else now)


def _day(text: str) -> datetime | None:
    try:
        found = parse_date(text)
    except ValueError:
        return None
    return datetime(found.year, found.month, found.day, tzinfo=UTC) if found is not None else None


def start_export(who: Visit, since: datetime, until: datetime) -> HttpResponseBase:
    """The record as JSON lines, while it is being read; that it was taken is recorded first."""
    with transaction() as tx:
        audit.record("export", None, by=who.actor, tx=tx, facts={"what": "audit"})
    lines = (line if line.endswith("\n") else line + "\n" for line in audit.export(who.scope, since, until))
    response = StreamingHttpResponse(lines, content_type="application/jsonl")
    response["Content-Disposition"] = f'attachment; filename="audit-{since:%Y%m%d}-{until:%Y%m%d}.jsonl"'
    return response
