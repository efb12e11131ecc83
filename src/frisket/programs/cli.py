"""The command line: `frisket [--data D] [--config F] COMMAND …`, with --json after the command for machines.

Exit status 0 done, 1 failed, 2 wrong use. A command speaks to the running house over its control socket; when
none runs it opens the house itself.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, BinaryIO, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from frisket import flow, lab
from frisket.errors import FrisketError
from frisket.plumbing.settings import explain, load
from frisket.programs import commands, control, demo, serve
from frisket.programs.house import make, opened

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Secure printing, self-hosted.",
    pretty_exceptions_enable=False,
)
person = typer.Typer(no_args_is_help=True, help="People, and what they sign in with.")
queue = typer.Typer(no_args_is_help=True, help="Where jobs are sent.")
device = typer.Typer(no_args_is_help=True, help="Printers and multifunction machines.")
jobs = typer.Typer(no_args_is_help=True, help="Jobs: list, release, explain, cancel, submit.")
log = typer.Typer(no_args_is_help=True, help="The record of who did what.")
config = typer.Typer(no_args_is_help=True, help="Settings.")
clock = typer.Typer(no_args_is_help=True, help="The house's clock.")
for name, group in (
    ("person", person),
    ("queue", queue),
    ("device", device),
    ("job", jobs),
    ("audit", log),
    ("config", config),
    ("clock", clock),
):
    app.add_typer(group, name=name)

out = Console(highlight=False, soft_wrap=True)
Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]


class _At:
    """The house this command is about."""

    data = Path("/var/lib/frisket")
    config: Path | None = None


@app.callback()
def house(
    data: Annotated[Path, typer.Option(envvar="FRISKET_DATA", help="The data folder.")] = _At.data,
    config: Annotated[Path | None, typer.Option(help="Settings file, instead of frisket.toml in the folder.")] = None,
) -> None:
    """Everything between Print and paper."""
    _At.data, _At.config = data, config


def _run(command: str, values: dict[str, Any], document: BinaryIO | None = None) -> Any:
    answered, result = control.ask(_At.data, command, values, document)
    if answered:
        return result
    with opened(_At.data, config=_At.config) as here:
        pieces = _pieces(document) if document is not None else None
        return commands.run_here(here, command, values, pieces, flow.walk)


async def _pieces(document: BinaryIO) -> AsyncIterator[bytes]:
    while piece := document.read(1 << 18):
        yield piece


def _say(result: Any, as_json: bool, words: Callable[[Any], None]) -> None:
    if as_json:
        print(json.dumps(result, ensure_ascii=False, indent=2))
    else:
        words(result)


def _table(columns: tuple[str, ...], rows: list[dict[str, Any]], empty: str) -> None:
    if not rows:
        out.print(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "))
    for row in rows:
        table.add_row(*["" if row.get(column) is None else str(row[column]) for column in columns])
    out.print(table)


def _fields(result: dict[str, Any]) -> None:
    for key, value in result.items():
        if value not in (None, "", [], {}):
            out.print(f"{key.replace('_', ' ')}: {value}", markup=False)


@app.command()
def init(
    ephemeral_ports: Annotated[
        bool, typer.Option(help="Loopback only, free ports, every door: for trying and tests.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make the data folder: keys, own CA, database, settings; print the one-time setup token."""
    made = make(_At.data, config=_At.config, ephemeral_ports=ephemeral_ports)
    result = {"data": str(made.data), "settings": str(made.settings_file), "setup_token": made.setup_token}
    _say(result, as_json, _tell_made)


def _tell_made(result: Any) -> None:
    out.print(f"The house is made in {result['data']}.", markup=False)
    out.print(f"Settings: {result['settings']}", markup=False)
    out.print(f"One-time setup token: {result['setup_token']}", markup=False)
    out.print(f"Next: frisket --data {result['data']} serve", markup=False)


@app.command("serve")
def serve_house(
    only: Annotated[str, typer.Option(help="Run only these parts: doors, worker, web (comma between them).")] = "",
    ready_file: Annotated[Path | None, typer.Option(help="Write addresses here once every listener accepts.")] = None,
) -> None:
    """Run the house until it is told to stop."""
    parts = serve.only_of(only)
    with opened(_At.data, config=_At.config, alone=not parts) as here:
        serve.serve(here, only=parts, ready_file=ready_file)


@app.command()
def health(as_json: Json = False) -> None:
    """Space, work, log and doors at a glance."""
    _say(_run("health", {}), as_json, _fields)


@app.command("setup-token")
def setup_token(as_json: Json = False) -> None:
    """A new one-time token for set-up; the one before no longer works."""
    _say(_run("setup.token", {}), as_json, _fields)


@app.command("demo")
def demo_house(
    once: Annotated[bool, typer.Option("--once", help="End after the document is destroyed.")] = False,
) -> None:
    """A house in a temporary folder with a virtual printer: one document from print to destruction."""
    demo.demo(once=once)


@app.command("lab")
def virtual_devices(
    folder: Annotated[Path, typer.Argument(help="Where they keep what they receive, in clear.")],
    ipps: Annotated[int, typer.Option(help="How many over IPPS.")] = 1,
    ipp: Annotated[int, typer.Option(help="How many over IPP.")] = 0,
    raw: Annotated[int, typer.Option(help="How many over RAW.")] = 1,
    pages_per_minute: Annotated[float, typer.Option(help="0 prints at once.")] = 0,
    fault: Annotated[str, typer.Option(help="Tell a device of a running lab: NAME=FAULT, e.g. raw-1=offline.")] = "",
) -> None:
    """Virtual printers that keep what they receive and fail on request."""
    if fault:
        name, _, words = fault.partition("=")
        lab.command(folder, name, words)
        return
    kinds = [(lab.Door.IPPS, ipps), (lab.Door.IPP, ipp), (lab.Door.RAW, raw)]
    plans = [
        lab.DevicePlan(f"{kind.value}-{number + 1}", kind, pages_per_minute=pages_per_minute)
        for kind, count in kinds
        for number in range(count)
    ]
    asyncio.run(lab.run_lab(folder, plans, printed=_tell_printed, started=_tell_started, complain=_complain))


def _tell_started(addresses: Mapping[str, str]) -> None:
    for name, uri in addresses.items():
        out.print(f"{name}: {uri}", markup=False)


def _tell_printed(printed: lab.Printed) -> None:
    out.print(f"{printed}", markup=False)


def _complain(text: str) -> None:
    sys.stderr.write(text + "\n")


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
    _say(_run("person.add", values), as_json, _fields)


@person.command("list")
def person_list(search: str = "", limit: int = 100, after: str = "", as_json: Json = False) -> None:
    """Everybody the house knows."""
    result = _run("person.list", {"search": search, "limit": limit, "after": after or None})
    _say(
        result,
        as_json,
        lambda r: _table(("name", "full_name", "role", "active"), r["persons"], "Nobody yet."),
    )


@person.command("card")
def person_card(name: str, number: str, as_json: Json = False) -> None:
    """Enrol a card for a person."""
    _say(_run("person.card", {"name": name, "number": number}), as_json, _fields)


@person.command("pin")
def person_pin(name: str, as_json: Json = False) -> None:
    """Make a new PIN; the old one no longer works."""
    _say(_run("person.pin", {"name": name}), as_json, _fields)


@person.command("token")
def person_token(name: str, as_json: Json = False) -> None:
    """Make a token for the API."""
    _say(_run("person.token", {"name": name}), as_json, _fields)


@person.command("queue")
def person_queue(name: str, as_json: Json = False) -> None:
    """Make another personal queue address."""
    _say(_run("person.queue", {"name": name}), as_json, _fields)


@person.command("password")
def person_password(name: str, as_json: Json = False) -> None:
    """Make a new password."""
    _say(_run("person.password", {"name": name}), as_json, _fields)


@person.command("role")
def person_role(name: str, role: str, as_json: Json = False) -> None:
    """Give a person another role: person, operator, administrator."""
    _say(_run("person.role", {"name": name, "role": role}), as_json, _fields)


@person.command("unlock")
def person_unlock(name: str, as_json: Json = False) -> None:
    """Lift the locks that too many wrong attempts have put on a person."""
    _say(_run("person.unlock", {"name": name}), as_json, _fields)


@person.command("remove")
def person_remove(name: str, as_json: Json = False) -> None:
    """Remove a person who has no jobs left."""
    _say(_run("person.remove", {"name": name}), as_json, _fields)


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
    _say(_run("queue.add", values), as_json, _fields)


@queue.command("set")
def queue_set(
    name: str,
    hold: Annotated[bool | None, typer.Option("--hold/--no-hold")] = None,
    info: str | None = None,
    location: str | None = None,
    default: Annotated[bool, typer.Option("--default", help="Make it the default queue.")] = False,
    accepting: Annotated[bool | None, typer.Option("--accepting/--refusing")] = None,
    trust_network: Networks = None,
    trust_nobody: Annotated[bool, typer.Option("--trust-nobody", help="Believe no stated names at all.")] = False,
    behind: Behind = None,
    held_s: Annotated[int | None, typer.Option(help="Seconds a job waits before it is deleted.")] = None,
    printed_s: Annotated[int | None, typer.Option(help="Seconds a printed document is kept.")] = None,
    history_s: Annotated[int | None, typer.Option(help="Seconds the history is kept, at least 60.")] = None,
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
        "trust_network": [] if trust_nobody else trust_network,
        "device": behind,
        "held_s": held_s,
        "printed_s": printed_s,
        "history_s": history_s,
    }
    _say(_run("queue.set", values), as_json, _fields)


@queue.command("list")
def queue_list(as_json: Json = False) -> None:
    """Every queue."""
    columns = ("name", "hold", "default", "accepting", "location")
    _say(
        _run("queue.list", {}),
        as_json,
        lambda r: _table(columns, r["queues"], "No queue yet: frisket queue add NAME --hold"),
    )


@queue.command("remove")
def queue_remove(name: str, as_json: Json = False) -> None:
    """Remove a queue without jobs."""
    _say(_run("queue.remove", {"name": name}), as_json, _fields)


@device.command("add")
def device_add(
    name: str,
    uri: Annotated[str, typer.Argument(help="socket://, ipp:// or ipps:// address")],
    location: str = "",
    silence_is_done: Annotated[bool, typer.Option(help="It never confirms: what was sent counts as printed.")] = False,
    as_json: Json = False,
) -> None:
    """Adopt a device; it is asked what it can do."""
    values = {"name": name, "uri": uri, "location": location, "silence_is_done": silence_is_done}
    _say(_run("device.add", values), as_json, _fields)


@device.command("list")
def device_list(as_json: Json = False) -> None:
    """Every device and how it is."""
    columns = ("name", "uri", "location", "state", "active")
    _say(
        _run("device.list", {}),
        as_json,
        lambda r: _table(columns, r["devices"], "No device yet: frisket device add NAME URI"),
    )


@device.command("set")
def device_set(
    name: str,
    uri: str | None = None,
    location: str | None = None,
    silence_is_done: Annotated[bool | None, typer.Option("--silence-is-done/--ask-after-silence")] = None,
    active: Annotated[bool | None, typer.Option("--on/--off")] = None,
    as_json: Json = False,
) -> None:
    """Change a device; another address must be adopted again."""
    values = {
        "name": name,
        "uri": uri,
        "location": location,
        "silence_is_done": silence_is_done,
        "active": active,
    }
    _say(_run("device.set", values), as_json, _fields)


@device.command("probe")
def device_probe(name: str, as_json: Json = False) -> None:
    """Ask a device again what it can do, and adopt its certificate."""
    _say(_run("device.probe", {"name": name}), as_json, _fields)


@device.command("remove")
def device_remove(name: str, as_json: Json = False) -> None:
    """Remove a device."""
    _say(_run("device.remove", {"name": name}), as_json, _fields)


@jobs.command("list")
def job_list(
    person: str = "",
    state: Annotated[list[str] | None, typer.Option(help="Only jobs in this state; may be given again.")] = None,
    limit: int = 100,
    after: str = "",
    as_json: Json = False,
) -> None:
    """Jobs, newest first."""
    values = {"person": person, "state": state, "limit": limit, "after": after or None}
    columns = ("number", "state", "owner", "title", "pages", "copies", "note")
    _say(_run("job.list", values), as_json, lambda r: _table(columns, r["jobs"], "No jobs."))


@jobs.command("show")
def job_show(job: str, as_json: Json = False) -> None:
    """Everything known of a job."""
    _say(_run("job.show", {"job": job}), as_json, _fields)


@jobs.command("release")
def job_release(
    job: Annotated[list[str], typer.Argument(help="Ids or numbers")],
    person: Annotated[str, typer.Option(help="Whose word it is.")],
    device: Annotated[str, typer.Option(help="Where it prints.")],
    copies: int | None = None,
    sides: str | None = None,
    color_mode: str | None = None,
    job_pin: Annotated[str | None, typer.Option(help="The job's own PIN.")] = None,
    as_json: Json = False,
) -> None:
    """Let held jobs print at a device."""
    values = {
        "jobs": job,
        "person": person,
        "device": device,
        "copies": copies,
        "sides": sides,
        "color_mode": color_mode,
        "job_pin": job_pin,
    }
    result = _run("job.release", values)
    _say(result, as_json, _tell_released)
    if not all(each["released"] for each in result["jobs"]):
        raise typer.Exit(1)


def _tell_released(result: Any) -> None:
    for each in result["jobs"]:
        text = f"released to {result['device']}" if each["released"] else each["text"]
        out.print(f"{each['number']}: {text}", markup=False)


@jobs.command("explain")
def job_explain(job: str, as_json: Json = False) -> None:
    """What happened to a job, why, and what comes next."""
    _say(_run("job.explain", {"job": job}), as_json, _tell_explained)


def _tell_explained(said: Any) -> None:
    out.print(f"Job {said['number']}: {said['now']}", markup=False)
    out.print(f"Next: {said['next']}", markup=False)
    out.print()
    for step in said["steps"]:
        out.print(f"{step['at'][:19].replace('T', ' ')}  {step['text']}", markup=False)
    if said["receipt"]:
        out.print()
        out.print("Certificate of destruction", style="bold")
        _fields(certificate(said["receipt"]))


def certificate(receipt: dict[str, Any]) -> dict[str, Any]:
    """A receipt without the signed octets themselves, which only machines read."""
    return {name: value for name, value in receipt.items() if name not in ("body", "public_key")}


@jobs.command("cancel")
def job_cancel(job: str, as_json: Json = False) -> None:
    """Delete a job; one that is printing is stopped through its device."""
    _say(_run("job.cancel", {"job": job}), as_json, _fields)


@jobs.command("decide")
def job_decide(
    job: str,
    printed: Annotated[bool, typer.Option("--printed/--not-printed", help="What lies in the output tray.")],
    as_json: Json = False,
) -> None:
    """Say whether an uncertain job printed."""
    _say(_run("job.decide", {"job": job, "printed": printed}), as_json, _fields)


@jobs.command("let-out")
def job_let_out(
    job: str,
    end: Annotated[bool, typer.Option("--end", help="End it instead of letting it wait again.")] = False,
    as_json: Json = False,
) -> None:
    """Let a quarantined job out, or end it."""
    _say(_run("job.let-out", {"job": job, "end": end}), as_json, _fields)


@jobs.command("submit")
def job_submit(
    file: Annotated[str, typer.Argument(help="A file, or - for standard input.")],
    person: str,
    queue: str = "",
    title: str = "",
    copies: int = 1,
    sides: str = "",
    color_mode: str = "",
    hold: Annotated[bool, typer.Option("--hold", help="Wait until released, whatever the queue does.")] = False,
    format: Annotated[str, typer.Option(help="Mime type; by default from the file's name.")] = "",
    as_json: Json = False,
) -> None:
    """Send a document; it is streamed and never stored in clear."""
    values = {
        "person": person,
        "queue": queue,
        "title": title or (Path(file).name if file != "-" else "untitled"),
        "copies": str(copies),
        "sides": sides,
        "color_mode": color_mode,
        "hold": "1" if hold else "",
        "format": format,
    }
    with sys.stdin.buffer if file == "-" else Path(file).open("rb") as document:
        result = _run("job.submit", values, document)
    _say(result, as_json, lambda r: out.print(f"Job {r['number']} is {r['state']}.", markup=False))


@log.command("verify")
def audit_verify(as_json: Json = False) -> None:
    """Recompute the whole log and compare it with its signatures."""
    result = _run("audit.verify", {})
    _say(result, as_json, _tell_verdict)
    if not result["ok"]:
        raise typer.Exit(1)


def _tell_verdict(result: Any) -> None:
    if result["ok"]:
        out.print(f"The log is whole: {result['size']} leaves, {result['checkpoints']} signatures, all hold.")
        if result["waiting"]:
            out.print(f"{result['waiting']} more leaves wait for the next signature, within ten seconds.")
        return
    found = len(result["problems"]) + result["unlisted"]
    out.print(f"The log is damaged: {found} findings.", style="bold red")
    for problem in result["problems"][:50]:
        out.print(" · ".join(str(value) for value in problem.values()), markup=False)


@log.command("export")
def audit_export(since: str = "", until: str = "") -> None:
    """JSON lines with what is needed to check them elsewhere. Times are ISO 8601."""
    for line in _run("audit.export", {"since": since, "until": until})["lines"]:
        print(line)


@config.command("show")
def config_show(
    explain_them: Annotated[bool, typer.Option("--explain", help="Say what each means.")] = False,
    as_json: Json = False,
) -> None:
    """The settings as they are now."""
    rows = [
        {"setting": name, "value": value, "meaning": meaning}
        for name, value, meaning in explain(load(_At.config or _At.data / "frisket.toml"))
    ]
    columns = ("setting", "value", "meaning") if explain_them else ("setting", "value")
    _say({"settings": rows}, as_json, lambda r: _table(columns, r["settings"], ""))


@clock.command("confirm")
def clock_confirm(as_json: Json = False) -> None:
    """Say that the wall clock is right after it jumped, so that time may delete again."""
    _say(_run("clock.confirm", {}), as_json, _fields)


def main() -> NoReturn:
    os.umask(0o077)
    try:
        app()
    except FrisketError as error:
        sys.stderr.write(f"{error}\n{error.remedy}\n" if error.remedy else f"{error}\n")
        sys.exit(1)
    sys.exit(0)
