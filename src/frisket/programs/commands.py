"""What the command line can do to a house: the same functions whether it runs or not.

Each takes plain values and gives plain values, because they may travel over the control socket. Whoever calls
sits at this machine as the house's own account, and acts as the house.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from frisket import audit, delivery, device, identity, intake, job, ledger, release, spool
from frisket.plumbing import db, parts, work
from frisket.plumbing.scope import Actor, Scope
from frisket.programs import doctor, whitepaper
from frisket.programs.errors import WrongUse
from frisket.programs.house import AT_CONTROL, House

__all__ = ["COMMANDS", "URLS", "cancel_job", "run_here", "runner"]

Values = Mapping[str, Any]
Command = Callable[[House, Values], Any]
URLS: dict[str, str] = {}  # of this process's open listeners
COMMANDS: dict[str, Command] = {}


def command(name: str) -> Callable[[Command], Command]:
    def register(act: Command) -> Command:
        COMMANDS[name] = act
        return act

    return register


def runner(house: House, doors: intake.Intake) -> Callable[[str, Values, AsyncIterator[bytes]], Awaitable[Any]]:
    """What the control socket of a running house calls."""

    async def run(name: str, values: Values, document: AsyncIterator[bytes]) -> Any:
        if name == "job.submit":
            return await _submit(house, doors, values, document)
        act = COMMANDS.get(name)
        if act is None:
            raise WrongUse(f"there is no command {name}")
        return await asyncio.to_thread(_closing, act, house, values)

    return run


def _closing(act: Command, house: House, values: Values) -> Any:
    try:
        return act(house, values)
    finally:
        db.close_connections()


def run_here(
    house: House, name: str, values: Values, document: AsyncIterator[bytes] | None, walk: intake.Walker
) -> Any:
    """The same in a house that does not run."""
    if name != "job.submit":
        return COMMANDS[name](house, values)
    if document is None:
        raise WrongUse("job submit needs a document")
    spool.sweep()
    spool.load_counters()
    return asyncio.run(_submit_alone(house, values, document, walk))


async def _submit_alone(house: House, values: Values, document: AsyncIterator[bytes], walk: intake.Walker) -> Any:
    doors = intake.Intake(walk, on_failed_sync=lambda error: None)
    doors.start()
    try:
        return await _submit(house, doors, values, document)
    finally:
        await asyncio.to_thread(doors.stop)


async def _submit(house: House, doors: intake.Intake, values: Values, document: AsyncIterator[bytes]) -> Any:
    person = await doors.ask(_person, house, str(values["person"]))
    by = identity.actor_for(person, "control")
    title = str(values.get("title") or "untitled")
    offer = intake.offer_for(str(values.get("queue") or ""), person, by, {**values, "title": title}, door="control")

    async def single() -> AsyncIterator[intake.Part]:
        yield intake.Part(document, offer.format, title)

    accepted = await doors.accept(offer, single())
    return _job(accepted.job)


def _person(house: House, name: str) -> identity.PersonView:
    found = identity.by_name(name)
    if found is None:
        raise identity.NotFound(f"there is no person {name}")
    return found


# -- persons


@command("person.add")
def person_add(house: House, values: Values) -> Any:
    new = identity.NewPerson(
        name=str(values["name"]),
        full_name=str(values.get("full_name") or ""),
        mail=str(values.get("mail") or ""),
        role=identity.Role(values.get("role") or "person"),
        password=values.get("password") or None,
    )
    with db.transaction() as tx:
        person, shown = identity.add(house.scope, new, by=AT_CONTROL, tx=tx)
        if values.get("card"):
            identity.enrol(person.id, identity.NewCard(str(values["card"])), by=AT_CONTROL, tx=tx, scope=house.scope)
    return {**_shown_person(person), **_secrets(house, shown)}


def _shown_person(person: identity.PersonView) -> dict[str, Any]:
    return {
        "id": str(person.id),
        "name": person.name,
        "full_name": person.full_name,
        "mail": person.mail,
        "role": person.role.value,
        "active": person.active,
    }


def _secrets(house: House, shown: identity.Shown) -> dict[str, Any]:
    secret = shown.queue_secret
    return {
        "password": shown.password,
        "pin": shown.pin,
        "queue_uri": queue_uri(house, secret) if secret else None,
        "token": shown.token,
    }


def queue_uri(house: House, secret: str) -> str | None:
    """The address of a person's own queue; None while there is no queue or nobody listens."""
    queue = device.default_queue()
    base = URLS.get("ipps") or _configured(house)
    return f"{base}/{queue.name}/{secret}" if queue is not None and base else None


def _configured(house: House) -> str | None:
    door = house.settings.doors.ipps
    if not door.on or door.port == 0:
        return None
    host = house.settings.house.host_names[0] if house.settings.house.host_names else "localhost"
    return f"ipps://{host}:{door.port}/ipp/print"


@command("person.list")
def person_list(house: House, values: Values) -> Any:
    found = identity.find(
        house.scope,
        after=values.get("after"),
        limit=int(values.get("limit") or 1000),
        search=str(values.get("search") or ""),
    )
    return {"persons": [_shown_person(each) for each in found.rows], "after": found.after}


@command("person.card")
def person_card(house: House, values: Values) -> Any:
    return _enrol(house, values, identity.NewCard(str(values["number"])))


@command("person.pin")
def person_pin(house: House, values: Values) -> Any:
    return _enrol(house, values, identity.NewPin())


@command("person.token")
def person_token(house: House, values: Values) -> Any:
    return _enrol(house, values, identity.NewToken())


@command("person.queue")
def person_queue(house: House, values: Values) -> Any:
    return _enrol(house, values, identity.NewQueueSecret())


@command("person.password")
def person_password(house: House, values: Values) -> Any:
    person = _person(house, str(values["name"]))
    with db.transaction() as tx:
        shown = identity.set_password(house.scope, person.id, values.get("password"), by=AT_CONTROL, tx=tx)
    return {**_shown_person(person), **_secrets(house, shown)}


def _enrol(house: House, values: Values, new: identity.NewCredential) -> Any:
    person = _person(house, str(values["name"]))
    with db.transaction() as tx:
        shown = identity.enrol(person.id, new, by=AT_CONTROL, tx=tx, scope=house.scope)
    return {**_shown_person(person), **_secrets(house, shown)}


@command("person.role")
def person_role(house: House, values: Values) -> Any:
    person = _person(house, str(values["name"]))
    with db.transaction() as tx:
        changed, shown = identity.set_role(house.scope, person.id, identity.Role(values["role"]), by=AT_CONTROL, tx=tx)
    return {**_shown_person(changed), **_secrets(house, shown)}


@command("person.unlock")
def person_unlock(house: House, values: Values) -> Any:
    person = _person(house, str(values["name"]))
    with db.transaction() as tx:
        lifted = [
            method
            for method in ("password", "pin")
            if identity.lift_lock(house.scope, person.id, method, by=AT_CONTROL, tx=tx)
        ]
    return {"name": person.name, "lifted": lifted}


@command("person.remove")
def person_remove(house: House, values: Values) -> Any:
    person = _person(house, str(values["name"]))
    with db.transaction() as tx:
        identity.remove(house.scope, person.id, by=AT_CONTROL, tx=tx)
    return {"removed": person.name}


# -- queues


@command("queue.add")
def queue_add(house: House, values: Values) -> Any:
    new = device.NewQueue(
        name=str(values["name"]),
        hold=bool(values.get("hold")),
        info=str(values.get("info") or ""),
        location=str(values.get("location") or ""),
        trusted_networks=tuple(values.get("trust_network") or ()),
        devices=_device_ids(house, values.get("device") or ()),
    )
    with db.transaction() as tx:
        queue = device.add_queue(house.scope, new, by=AT_CONTROL, tx=tx)
    return _queue(queue)


def _device_ids(house: House, names: Any) -> tuple[UUID, ...]:
    return tuple(device.device_by_name(house.scope, str(name)).id for name in names)


def _queue(queue: device.QueueView) -> dict[str, Any]:
    return {
        "id": str(queue.id),
        "name": queue.name,
        "hold": queue.hold,
        "default": queue.is_default,
        "accepting": queue.accepting,
        "info": queue.info,
        "location": queue.location,
        "trusted_networks": list(queue.trusted_networks),
        "uris": {name: f"{URLS[name]}/{queue.name}" for name in ("ipp", "ipps") if name in URLS},
    }


@command("queue.set")
def queue_set(house: House, values: Values) -> Any:
    queue = device.queue_by_name(str(values["name"]))
    if queue is None:
        raise device.NoSuchQueue(f"there is no queue {values['name']}")
    trusted = values.get("trust_network")
    devices = values.get("device")
    change = device.QueueChange(
        hold=values.get("hold"),
        info=values.get("info"),
        location=values.get("location"),
        is_default=True if values.get("default") else None,
        accepting=values.get("accepting"),
        trusted_networks=tuple(trusted) if trusted is not None else None,
        devices=_device_ids(house, devices) if devices is not None else None,
        held_s=values.get("held_s"),
        printed_s=values.get("printed_s"),
        history_s=values.get("history_s"),
    )
    with db.transaction() as tx:
        changed = device.change_queue(house.scope, queue.id, change, by=AT_CONTROL, tx=tx)
    return _queue(changed)


@command("queue.list")
def queue_list(house: House, values: Values) -> Any:
    return {"queues": [_queue(each) for each in device.queues(house.scope)]}


@command("queue.remove")
def queue_remove(house: House, values: Values) -> Any:
    queue = device.queue_by_name(str(values["name"]))
    if queue is None:
        raise device.NoSuchQueue(f"there is no queue {values['name']}")
    with db.transaction() as tx:
        device.remove_queue(house.scope, queue.id, by=AT_CONTROL, tx=tx)
    return {"removed": queue.name}


# -- devices


@command("device.add")
def device_add(house: House, values: Values) -> Any:
    """Asks the device who it is; where it does not answer, it is taken as it is and can be adopted later."""
    uri = str(values["uri"])
    notice, adoption = "", None
    try:
        adoption = delivery.adoption_of(delivery.probe(uri))
    except (
        delivery.DeviceUnreachable,
        delivery.DeviceAnswered,
        delivery.ConnectionLost,
        delivery.Stalled,
    ) as error:
        notice = f"The device did not answer ({error}); what it can do is assumed until it is probed."
    new = device.NewDevice(
        name=str(values["name"]),
        uri=uri,
        location=str(values.get("location") or ""),
        silence_is_done=bool(values.get("silence_is_done")),
        adoption=adoption,
    )
    with db.transaction() as tx:
        added = device.add_device(house.scope, new, by=AT_CONTROL, tx=tx)
    return {**_device(added), "notice": notice}


def _device(each: device.DeviceView) -> dict[str, Any]:
    return {
        "id": str(each.id),
        "name": each.name,
        "uri": each.uri,
        "location": each.location,
        "state": each.state,
        "state_reasons": list(each.state_reasons),
        "active": each.active,
        "silence_is_done": each.silence_is_done,
        "certificate_sha256": each.pinned_sha256.hex() if each.pinned_sha256 else None,
        "formats": list(each.capabilities.formats),
        "probed": each.capabilities.probed,
    }


@command("device.list")
def device_list(house: House, values: Values) -> Any:
    return {"devices": [_device(each) for each in device.devices(house.scope)]}


@command("device.probe")
def device_probe(house: House, values: Values) -> Any:
    found = device.device_by_name(house.scope, str(values["name"]))
    return _device(delivery.adopt(house.scope, found.id, by=AT_CONTROL))


@command("device.set")
def device_set(house: House, values: Values) -> Any:
    found = device.device_by_name(house.scope, str(values["name"]))
    change = device.DeviceChange(
        uri=values.get("uri"),
        location=values.get("location"),
        silence_is_done=values.get("silence_is_done"),
        active=values.get("active"),
    )
    with db.transaction() as tx:
        return _device(device.change_device(house.scope, found.id, change, by=AT_CONTROL, tx=tx))


@command("device.remove")
def device_remove(house: House, values: Values) -> Any:
    found = device.device_by_name(house.scope, str(values["name"]))
    with db.transaction() as tx:
        device.remove_device(house.scope, found.id, by=AT_CONTROL, tx=tx)
    return {"removed": found.name}


# -- jobs


@command("job.list")
def job_list(house: House, values: Values) -> Any:
    person = _person(house, str(values["person"])).id if values.get("person") else None
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
        "door": view.door,
        "created_at": view.created_at.isoformat(),
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
    return {**_job(view), "attempts": _plain(tries), "receipt": _receipt(house, view)}


def _receipt(house: House, view: job.JobView) -> Any:
    if view.state is not job.State.ERASED:
        return None
    return _plain(asdict(spool.receipt(house.scope, view.id)))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


@command("job.release")
def job_release(house: House, values: Values) -> Any:
    person = _person(house, str(values["person"]))
    there = device.device_by_name(house.scope, str(values["device"]))
    by = identity.actor_for(person, "control")
    wish = release.Wish(
        copies=values.get("copies"),
        sides=values.get("sides"),
        color_mode=values.get("color_mode"),
        password=values.get("job_pin"),
    )
    own = Scope(by, house.scope.tenant, house.scope.purpose)
    views = [_find_job(own, str(word)) for word in values["jobs"]]
    done = release.release(own, [view.id for view in views], there.id, wish, by=by)
    return {
        "device": there.name,
        "jobs": [
            {"id": str(view.id), "number": view.number, "released": each.ok, "text": each.text}
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
    cancel_job(house.scope, view.id, by=AT_CONTROL)
    return _job(job.get(house.scope, view.id))


def cancel_job(scope: Scope, identifier: UUID, *, by: Actor) -> None:
    """Delete a job wherever it is; one that is being sent is stopped through its device."""
    view = job.get(scope, identifier)
    if view.state is not job.State.SENDING:
        release.cancel(scope, identifier, by=by)
        return
    own = view.person == by.id
    if not own:
        identity.require(by, identity.Permission.JOBS_ALL)
    why = job.Reason.CANCELLED_BY_OWNER if own else job.Reason.CANCELLED_BY_OPERATOR
    with db.transaction() as tx:
        delivery.cancel(view.id, why=why, by=by, tx=tx)


@command("job.decide")
def job_decide(house: House, values: Values) -> Any:
    view = _find_job(house.scope, str(values["job"]))
    return _job(delivery.decide(house.scope, view.id, bool(values["printed"]), by=AT_CONTROL))


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


# -- the house


@command("audit.verify")
def audit_verify(house: House, values: Values) -> Any:
    verdict = audit.verify()
    problems = [_plain(asdict(problem)) for problem in verdict.problems]
    return {
        "ok": verdict.ok,
        "size": verdict.size,
        "checkpoints": verdict.checkpoints,
        "waiting": verdict.waiting,
        "problems": problems,
        "unlisted": verdict.unlisted,
    }


@command("audit.export")
def audit_export(house: House, values: Values) -> Any:
    until = datetime.fromisoformat(values["until"]) if values.get("until") else datetime.now(UTC)
    since = datetime.fromisoformat(values["since"]) if values.get("since") else until - timedelta(days=30)
    return {"lines": list(audit.export(house.scope, since, until))}


@command("ledger.list")
def ledger_list(house: House, values: Values) -> Any:
    until = parts.clock().now() + timedelta(seconds=1)
    since = until - timedelta(days=int(values.get("days") or 30))
    found = ledger.entries(house.scope, since, until, after=values.get("after"), limit=int(values.get("limit") or 100))
    return {"entries": [_plain(asdict(each)) for each in found.rows], "after": found.after}


@command("clock.confirm")
def clock_confirm(house: House, values: Values) -> Any:
    parts.clock().confirm()
    with db.transaction() as tx:
        audit.record("clock.confirmed", None, by=AT_CONTROL, tx=tx)
    return {"now": parts.clock().now().isoformat()}


@command("setup.token")
def setup_token(house: House, values: Values) -> Any:
    with db.transaction() as tx:
        return {"setup_token": identity.new_setup_token(tx=tx)}


@command("doctor")
def examine(house: House, values: Values) -> Any:
    return doctor.examine(house)


@command("whitepaper")
def describe(house: House, values: Values) -> Any:
    return whitepaper.describe(house, URLS)


@command("health")
def health(house: House, values: Values) -> Any:
    space = spool.space()
    return {
        "urls": dict(URLS),
        "space": {"total": space.total, "free": space.free, "state": space.state},
        "work": [_plain(asdict(each)) for each in work.overview()],
        "audit": _plain(asdict(audit.overview())),
        "clock_jumped": parts.clock().jumped(),
    }
