"""The command line's words for people, queues and devices."""

import getpass
import sys
from base64 import b64decode
from pathlib import Path
from typing import Annotated, Any

import typer

from frisket.programs.asking import Json, fields, out, run, say, table

__all__ = ["device", "person", "queue"]

person = typer.Typer(no_args_is_help=True, help="People, and what they sign in with.")
queue = typer.Typer(no_args_is_help=True, help="Where jobs are sent.")
device = typer.Typer(no_args_is_help=True, help="Printers and multifunction machines.")


@person.command("add")
def person_add(
    name: str,
    full_name: str = "",
    mail: str = "",
    role: Annotated[str, typer.Option(help="person, operator or administrator")] = "person",
    card: Annotated[str, typer.Option(help="Card number, as the reader types it.")] = "",
    as_json: Json = False,
) -> None:
    """Add a person; their secrets are shown once."""
    values = {"name": name, "full_name": full_name, "mail": mail, "role": role, "card": card}
    say(run("person.add", values), as_json, fields)


@person.command("list")
def person_list(search: str = "", limit: int = 100, after: str = "", as_json: Json = False) -> None:
    """Everybody the house knows."""
    result = run("person.list", {"search": search, "limit": limit, "after": after or None})
    say(
        result,
        as_json,
        lambda r: table(("name", "full_name", "role", "active"), r["persons"], "Nobody yet."),
    )


@person.command("card")
def person_card(name: str, number: str, as_json: Json = False) -> None:
    """Enrol a card for a person."""
    say(run("person.card", {"name": name, "number": number}), as_json, fields)


@person.command("pin")
def person_pin(name: str, as_json: Json = False) -> None:
    """Make a new PIN; the old one no longer works."""
    say(run("person.pin", {"name": name}), as_json, fields)


@person.command("token")
def person_token(name: str, as_json: Json = False) -> None:
    """Make a token for the API."""
    say(run("person.token", {"name": name}), as_json, fields)


@person.command("certificate")
def person_certificate(
    name: str,
    file: Annotated[Path, typer.Argument(help="Where the bundle (PKCS #12) is written.")],
    as_json: Json = False,
) -> None:
    """Make a certificate a person's computer shows when it prints over IPPS; its password is shown once."""
    result = run("person.certificate", {"name": name})
    file.write_bytes(b64decode(result.pop("bundle")))
    say(result, as_json, fields)


@person.command("queue")
def person_queue(name: str, as_json: Json = False) -> None:
    """Make another personal queue address."""
    say(run("person.queue", {"name": name}), as_json, fields)


@person.command("password")
def person_password(name: str, as_json: Json = False) -> None:
    """Make a new password."""
    say(run("person.password", {"name": name}), as_json, fields)


@person.command("role")
def person_role(name: str, role: str, as_json: Json = False) -> None:
    """Give a person another role: person, operator, administrator."""
    say(run("person.role", {"name": name, "role": role}), as_json, fields)


@person.command("unlock")
def person_unlock(name: str, as_json: Json = False) -> None:
    """Lift the locks that too many wrong attempts have put on a person."""
    say(run("person.unlock", {"name": name}), as_json, fields)


@person.command("remove")
def person_remove(name: str, as_json: Json = False) -> None:
    """Remove a person who has no jobs left."""
    say(run("person.remove", {"name": name}), as_json, fields)


Networks = Annotated[list[str] | None, typer.Option(help="Believe requesting-user-name from this network (CIDR).")]
Behind = Annotated[list[str] | None, typer.Option("--device", help="A device behind the queue; none: all of them.")]


@queue.command("add")
def queue_add(
    name: str,
    hold: Annotated[bool, typer.Option("--hold/--no-hold", help="Jobs wait for their person.")] = False,
    info: str = "",
    location: str = "",
    trust_network: Networks = None,
    behind: Behind = None,
    as_json: Json = False,
) -> None:
    """Make a queue."""
    values = {
        "name": name,
        "hold": hold,
        "info": info,
        "location": location,
        "trust_network": trust_network,
        "device": behind,
    }
    say(run("queue.add", values), as_json, fields)


@queue.command("set")
def queue_set(
    name: str,
    hold: Annotated[bool | None, typer.Option("--hold/--no-hold")] = None,
    info: str | None = None,
    location: str | None = None,
    default: Annotated[bool, typer.Option("--default", help="Make it the default queue.")] = False,
    accepting: Annotated[bool | None, typer.Option("--accepting/--refusing")] = None,
    paused: Annotated[bool | None, typer.Option("--paused/--running", help="Send nothing to a device, or do.")] = None,
    hold_new: Annotated[bool | None, typer.Option("--hold-new/--pass-new", help="Hold what comes in.")] = None,
    message: Annotated[str | None, typer.Option(help="What whoever prints here is told.")] = None,
    trust_network: Networks = None,
    trust_nobody: Annotated[bool, typer.Option("--trust-nobody", help="Believe no stated names at all.")] = False,
    behind: Behind = None,
    held_s: Annotated[int | None, typer.Option(help="Seconds a job waits before it is deleted.")] = None,
    printed_s: Annotated[int | None, typer.Option(help="Seconds a printed document is kept.")] = None,
    history_s: Annotated[int | None, typer.Option(help="Seconds the history is kept, at least 60.")] = None,
    raw_port: Annotated[int | None, typer.Option(help="A RAW port (TCP) of its own; 0: none.")] = None,
    default_person: Annotated[
        str | None,
        typer.Option(help="Whose the jobs are that come over LPD or RAW without a name that is believed."),
    ] = None,
    no_default_person: Annotated[bool, typer.Option("--no-default-person", help="Refuse such jobs.")] = False,
    as_json: Json = False,
) -> None:
    """Change a queue."""
    values = {
        "name": name,
        "hold": hold,
        "info": info,
        "location": location,
        "default": default,
        "accepting": accepting,
        "paused": paused,
        "hold_new": hold_new,
        "message": message,
        "trust_network": [] if trust_nobody else trust_network,
        "device": behind,
        "held_s": held_s,
        "printed_s": printed_s,
        "history_s": history_s,
        "raw_port": raw_port,
        "default_person": default_person,
        "no_default_person": no_default_person,
    }
    say(run("queue.set", values), as_json, fields)


@queue.command("list")
def queue_list(as_json: Json = False) -> None:
    """Every queue."""
    columns = ("name", "hold", "default", "accepting", "stopped", "location")
    say(
        run("queue.list", {}),
        as_json,
        lambda r: table(columns, r["queues"], "No queue yet: frisket queue add NAME --hold"),
    )


@queue.command("remove")
def queue_remove(name: str, as_json: Json = False) -> None:
    """Remove a queue without jobs."""
    say(run("queue.remove", {"name": name}), as_json, fields)


Tags = Annotated[list[str] | None, typer.Option(help="A word that devices near each other share; may be given again.")]
Also = Annotated[
    list[str] | None,
    typer.Option(help="A further address, tried while not one octet has left; may be given again, in order."),
]


@device.command("add")
def device_add(
    name: str,
    uri: Annotated[str, typer.Argument(help="socket://, lpd://, ipp:// or ipps:// address")],
    location: str = "",
    silence_is_done: Annotated[
        bool | None,
        typer.Option(
            "--silence-is-done/--ask-after-silence",
            help="What silence after the last octet means; by default done for LPD and RAW without PJL, else ask.",
        ),
    ] = None,
    tag: Tags = None,
    also: Also = None,
    as_json: Json = False,
) -> None:
    """Adopt a device; it is asked what it can do."""
    values: dict[str, Any] = {"name": name, "uri": uri, "location": location, "silence_is_done": silence_is_done}
    values |= {"tag": tag, "also": also}
    say(run("device.add", values), as_json, fields)


@device.command("list")
def device_list(as_json: Json = False) -> None:
    """Every device and how it is."""
    columns = ("name", "uri", "location", "state", "active")
    say(
        run("device.list", {}),
        as_json,
        lambda r: table(columns, r["devices"], "No device yet: frisket device add NAME URI"),
    )


@device.command("set")
def device_set(
    name: str,
    uri: str | None = None,
    location: str | None = None,
    silence_is_done: Annotated[bool | None, typer.Option("--silence-is-done/--ask-after-silence")] = None,
    active: Annotated[bool | None, typer.Option("--on/--off")] = None,
    tag: Tags = None,
    no_tags: Annotated[bool, typer.Option("--no-tags", help="Take all its tags away.")] = False,
    also: Also = None,
    only: Annotated[bool, typer.Option("--only", help="Take its further addresses away.")] = False,
    as_json: Json = False,
) -> None:
    """Change a device; another address must be adopted again."""
    values: dict[str, Any] = {
        "tag": [] if no_tags else tag,
        "also": [] if only else also,
        "name": name,
        "uri": uri,
        "location": location,
        "silence_is_done": silence_is_done,
        "active": active,
    }
    say(run("device.set", values), as_json, fields)


@device.command("firewall")
def device_firewall(as_json: Json = False) -> None:
    """The rules for nftables that let this machine reach its devices, for its output chain."""
    found = run("device.firewall", {})
    say(found, as_json, lambda r: out.print("\n".join(r["rules"]), markup=False, highlight=False, soft_wrap=True))


@device.command("show")
def device_show(
    name: str,
    ask: Annotated[bool, typer.Option("--ask", help="Ask it now instead of telling what it said last.")] = False,
    as_json: Json = False,
) -> None:
    """Everything known of a device: state, paper, toner, and who said so when."""
    say(run("device.show", {"name": name, "ask": ask}), as_json, _tell_device)


def _tell_device(found: dict[str, Any]) -> None:
    how = found["status"]
    fields({key: value for key, value in found.items() if key not in ("status", "formats")})
    for tray in how["trays"]:
        out.print(f"tray {tray['name']}: {tray['media'] or '?'}, {_level(tray['level'])}", markup=False)
    for supply in how["supplies"]:
        out.print(f"{supply['name']}: {_level(supply['level'])}", markup=False)
    if how["trays"]:
        out.print(f"trays: {len(how['trays'])}")
    for name in ("colour", "duplex"):
        if how[name] is not None:
            out.print(f"{name}: {'yes' if how[name] else 'no'}")
    if how["finishing"]:
        out.print(f"finishing: {', '.join(how['finishing'])}")
    if how["marked"] is not None:
        out.print(f"counter: {how['marked']} {how['marked_unit']}")
    for source in how["sources"]:
        said = source["problem"] or source["state"]
        out.print(f"{source['source']}: {said}, {source['at'][:19].replace('T', ' ')}", markup=False)


def _level(level: dict[str, Any]) -> str:
    if level["percent"] is not None:
        return f"{level['percent']} %"
    return f"{level['amount']} {level['unit']}" if level["amount"] is not None else str(level["word"])


@device.command("snmp")
def device_snmp(
    name: str,
    version: Annotated[str, typer.Argument(help="1, 2c, 3, or off")],
    port: int = 161,
    user: Annotated[str, typer.Option(help="Of version 3.")] = "",
    auth: Annotated[str, typer.Option(help="md5, sha1, sha224, sha256, sha384, sha512")] = "sha256",
    priv: Annotated[str, typer.Option(help="des, aes128, aes192, aes256; none for no privacy")] = "aes128",
    expansion: Annotated[str, typer.Option(help="blumenthal or cisco; of aes192 and aes256")] = "blumenthal",
    as_json: Json = False,
) -> None:
    """Have its SNMP agent asked. The secrets are asked for, or read from standard input, one on each line:
    the community, or the passwords of authentication and privacy."""
    values: dict[str, Any] = {"name": name, "version": version}
    if version in ("1", "2c"):
        values |= {"port": port, "community": _secret("Community")}
    elif version != "off":
        private = priv if priv != "none" else ""
        values |= {"port": port, "user": user, "auth": auth, "priv": private, "expansion": expansion}
        values["auth_password"] = _secret("Authentication password")
        values["priv_password"] = _secret("Privacy password") if private else ""
    say(run("device.snmp", values), as_json, fields)


def _secret(what: str) -> str:
    """Never on the command line, where every user of the machine could read it."""
    if sys.stdin.isatty():
        return getpass.getpass(f"{what}: ")
    return sys.stdin.readline().rstrip("\r\n")


@device.command("probe")
def device_probe(name: str, as_json: Json = False) -> None:
    """Ask a device again what it can do, and adopt its certificate."""
    say(run("device.probe", {"name": name}), as_json, fields)


@device.command("remove")
def device_remove(name: str, as_json: Json = False) -> None:
    """Remove a device."""
    say(run("device.remove", {"name": name}), as_json, fields)
