"""The control socket's commands about printing by mail."""

from dataclasses import asdict
from typing import Any

from frisket import device, intake
from frisket.plumbing import db
from frisket.programs.commanding import Values, command, plain
from frisket.programs.house import AT_CONTROL, House

__all__ = ["mail_add"]

_SHOWN = ("name", "kind", "host", "port", "folder", "afterwards", "oauth", "active", "state", "note", "state_at")
_PLAIN = ("name", "kind", "host", "user", "port", "folder", "token_url", "client", "reach", "pinned_sha256")
_MORE = ("authority", "afterwards", "done_folder", "refused_folder", "believe_results")


def _shown(view: intake.MailboxView) -> dict[str, Any]:
    said = asdict(view)
    queue = device.queue(view.queue).name if view.queue is not None else ""
    return {**{name: plain(said[name]) for name in _SHOWN}, "queue": queue}


def _secret(values: Values) -> intake.Secret:
    names = ("password", "client_secret", "refresh_token")
    return intake.Secret(**{name: str(values.get(name) or "") for name in names})


@command("mail.add")
def mail_add(house: House, values: Values) -> Any:
    given = {name: values[name] for name in (*_PLAIN, *_MORE) if values.get(name)}
    queue = device.queue_by_name(str(values["queue"])) if values.get("queue") else None
    if values.get("queue") and queue is None:
        raise device.NoSuchQueue("there is no queue of this name")
    new = intake.NewMailbox(**given, secret=_secret(values), queue=queue.id if queue is not None else None)
    with db.transaction() as tx:
        return _shown(intake.add_mailbox(house.scope, new, by=AT_CONTROL, tx=tx))


@command("mail.list")
def mail_list(house: House, values: Values) -> Any:
    return {"mailboxes": [_shown(each) for each in intake.mailboxes()]}


@command("mail.set")
def mail_set(house: House, values: Values) -> Any:
    with db.transaction() as tx:
        return _shown(intake.set_active(str(values["name"]), bool(values["active"]), by=AT_CONTROL, tx=tx))


@command("mail.secret")
def mail_secret(house: House, values: Values) -> Any:
    with db.transaction() as tx:
        return _shown(intake.set_secret(str(values["name"]), _secret(values), by=AT_CONTROL, tx=tx))


@command("mail.test")
def mail_test(house: House, values: Values) -> Any:
    return {"name": str(values["name"]), "signed_in": True, "mails": intake.try_out(str(values["name"]))}


@command("mail.remove")
def mail_remove(house: House, values: Values) -> Any:
    with db.transaction() as tx:
        intake.remove_mailbox(str(values["name"]), by=AT_CONTROL, tx=tx)
    return {"removed": str(values["name"])}


@command("mail.latest")
def mail_latest(house: House, values: Values) -> Any:
    limit = min(int(values.get("limit") or 20), 1000)
    return {"mails": [plain(asdict(each)) for each in intake.latest_mails(limit)]}
