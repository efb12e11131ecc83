"""What the command line can do to jobs."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from typing import Any
from uuid import UUID

from frisket import audit, delivery, device, flow, identity, intake, job, prepress, release, spool
from frisket.errors import FrisketError
from frisket.plumbing import db
from frisket.plumbing.scope import HOUSE, Actor, ActorKind, Scope
from frisket.programs.commanding import Values, command, person_named, plain
from frisket.programs.errors import WrongUse
from frisket.programs.house import AT_CONTROL, House

__all__ = ["learn_formats", "submit", "submit_alone"]


async def submit_alone(house: House, values: Values, document: AsyncIterator[bytes], walk: intake.Walker) -> Any:
    await asyncio.to_thread(learn_formats, house)
    doors = intake.Intake(walk, on_failed_sync=lambda error: None)
    doors.start()
    try:
        return await submit(house, doors, values, document)
    finally:
        await asyncio.to_thread(doors.stop)


async def submit(house: House, doors: intake.Intake, values: Values, document: AsyncIterator[bytes]) -> Any:
    try:
        return await _submit(house, doors, values, document)
    except FrisketError as error:
        if values.get("door") == "samba" and not error.retry:
            await doors.ask(_record_refusal, error)  # nobody reads what Samba's print command is told
        raise


def _record_refusal(error: FrisketError) -> None:
    with db.transaction() as tx:
        audit.record("samba.refuse", None, by=HOUSE, tx=tx, facts={"why": type(error).__name__})


async def _submit(house: House, doors: intake.Intake, values: Values, document: AsyncIterator[bytes]) -> Any:
    person = await doors.ask(person_named, house, str(values["person"]))
    door, title = str(values.get("door") or "control"), str(values.get("title") or "untitled")
    by = identity.actor_for(person, "control")
    if door == "samba":
        by, title = _through_samba(person, title)
    elif door != "control":
        raise WrongUse("a document is handed in by control or samba")
    offer = intake.offer_for(str(values.get("queue") or ""), person, by, {**values, "title": title}, door=door)
    offer = replace(offer, client_key=str(values.get("key") or "")[:64] or None)

    async def single() -> AsyncIterator[intake.Part]:
        yield intake.Part(document, offer.format, title)

    accepted = await doors.accept(offer, single())
    return _job(accepted.job)


def learn_formats(house: House) -> None:
    """What this machine can make PDF of, told to the rooms below the one that finds it out."""
    device.can_convert(prepress.convertible() if house.settings.convert.on else ())


def _through_samba(person: identity.PersonView, title: str) -> tuple[Actor, str]:
    """Who printed over SMB acts as a plain person; Samba puts words of its own before the title."""
    if not person.active:
        raise identity.NotFound("there is no active person of this name")
    title = title.removeprefix("Remote Downlevel Document").strip()
    return Actor(ActorKind.PERSON, person.id, role="person", at="samba"), title or "untitled"


@command("job.list")
def job_list(house: House, values: Values) -> Any:
    person = person_named(house, str(values["person"])).id if values.get("person") else None
    states = tuple(job.State(each) for each in values.get("state") or ())
    where = job.Filter(person=person, states=states)
    found = job.find(house.scope, where, after=values.get("after"), limit=int(values.get("limit") or 100))
    return {"jobs": [_job(view) for view in found.rows], "after": found.after}


def _job(view: job.JobView) -> dict[str, Any]:
    return {
        "id": str(view.id),
        "number": view.number,
        "state": view.state.value,
        "why": view.why.value,
        "note": view.note,
        "outcome": view.outcome.value,
        "title": view.title,
        "owner": view.owner,
        "pages": view.pages,
        "colour": view.colour,
        "media": view.media,
        "copies": view.copies,
        "options": view.options.to_plain(),
        "documents": view.documents,
        "octets": view.octets,
        "format": view.format,
        "counted": view.counted,
        "conversion": view.conversion,
        "door": view.door,
        "created_at": view.created_at.isoformat(),
        "hold": view.hold,
        "hold_until": view.hold_until.isoformat() if view.hold_until else None,
        "stored": bool(view.stored),
        "terms": view.terms.to_plain(),
        "expires_at": view.due_at.isoformat() if view.due_at and view.state is job.State.HELD else None,
    }


def _find_job(scope: Scope, word: str) -> job.JobView:
    """By id or number: commands take either."""
    if word.isdigit() and len(word) <= 10:
        return job.get(scope, int(word))
    try:
        return job.get(scope, UUID(word))
    except ValueError as error:
        raise WrongUse(f"{word} is neither the id nor the number of a job") from error


@command("job.show")
def job_show(house: House, values: Values) -> Any:
    view = _find_job(house.scope, str(values["job"]))
    tries = [asdict(each) for each in delivery.attempts(house.scope, view.id)]
    return {**_job(view), "attempts": plain(tries), "receipt": _receipt(house, view)}


def _receipt(house: House, view: job.JobView) -> Any:
    if view.state is not job.State.ERASED:
        return None
    return plain(asdict(spool.receipt(house.scope, view.id)))


@command("job.release")
def job_release(house: House, values: Values) -> Any:
    person = person_named(house, str(values["person"]))
    there = device.device_by_name(house.scope, str(values["device"]))
    by = identity.actor_for(person, "control")
    wish = release.Wish(
        copies=values.get("copies"),
        sides=values.get("sides"),
        color_mode=values.get("color_mode"),
        password=values.get("job_pin"),
        as_it_can=bool(values.get("as_it_can")),
    )
    own = Scope(by, house.scope.tenant, house.scope.purpose)
    views = [_find_job(own, str(word)) for word in values["jobs"]]
    done = flow.release_at(own, [view.id for view in views], there.id, wish, by=by)
    return {
        "device": there.name,
        "jobs": [
            {
                "id": str(view.id),
                "number": view.number,
                "released": each.ok,
                "text": each.text,
                "why": list(each.why),
                "instead": list(each.instead),
            }
            for view, each in zip(views, done, strict=True)
        ],
    }


@command("job.explain")
def job_explain(house: House, values: Values) -> Any:
    view = _find_job(house.scope, str(values["job"]))
    said = job.explain(house.scope, view)
    return {
        "number": said.number,
        "station": said.station,
        "now": said.now,
        "next": said.next,
        "steps": [{"at": step.at.isoformat(), "text": step.text, "station": step.station} for step in said.steps],
        "receipt": _receipt(house, view),
    }


@command("job.cancel")
def job_cancel(house: House, values: Values) -> Any:
    view = _find_job(house.scope, str(values["job"]))
    flow.cancel(house.scope, view.id, by=AT_CONTROL)
    return _job(job.get(house.scope, view.id))


@command("job.decide")
def job_decide(house: House, values: Values) -> Any:
    view = _find_job(house.scope, str(values["job"]))
    by = identity.actor_for(person_named(house, str(values["person"])), "control")
    return _job(delivery.decide(house.scope, view.id, bool(values["printed"]), by=by))


@command("job.let-out")
def job_let_out(house: House, values: Values) -> Any:
    """An operator has looked at a quarantined job: back to waiting, or ended."""
    view = _find_job(house.scope, str(values["job"]))
    with db.transaction() as tx:
        if values.get("end"):
            release.end(view, job.Reason.CANCELLED_BY_OPERATOR, job.Outcome.FAILED, by=AT_CONTROL, tx=tx)
        else:
            job.move(view.id, job.State.HELD, expected=view.state, why=job.Reason.REVIEWED, by=AT_CONTROL, tx=tx)
    return _job(job.get(house.scope, view.id))
