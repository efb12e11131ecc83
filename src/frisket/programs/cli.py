"""The command line: `frisket [--data D] [--config F] COMMAND …`, with --json after the command for machines.

Exit status 0 done, 1 failed, 2 wrong use. A command speaks to the running house over its control socket; when
none runs it opens the house itself.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from frisket import lab
from frisket.errors import FrisketError
from frisket.plumbing.settings import explain, load
from frisket.programs import demo, serve
from frisket.programs.asking import At, Json, fields, out, run, say, table
from frisket.programs.cli_access import access
from frisket.programs.cli_jobs import jobs
from frisket.programs.cli_mail import mail
from frisket.programs.cli_samba import samba
from frisket.programs.cli_sources import folder, store
from frisket.programs.cli_things import device, person, queue
from frisket.programs.house import make, opened

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Secure printing, self-hosted.",
    pretty_exceptions_enable=False,
)
log = typer.Typer(no_args_is_help=True, help="The record of who did what.")
config = typer.Typer(no_args_is_help=True, help="Settings.")
clock = typer.Typer(no_args_is_help=True, help="The house's clock.")
for name, group in (
    ("person", person),
    ("queue", queue),
    ("device", device),
    ("job", jobs),
    ("folder", folder),
    ("store", store),
    ("samba", samba),
    ("mail", mail),
    ("access", access),
    ("audit", log),
    ("config", config),
    ("clock", clock),
):
    app.add_typer(group, name=name)


@app.callback(invoke_without_command=True)
def house(
    context: typer.Context,
    data: Annotated[Path, typer.Option(envvar="FRISKET_DATA", help="The data folder.")] = At.data,
    config: Annotated[Path | None, typer.Option(help="Settings file, instead of frisket.toml in the folder.")] = None,
    version: Annotated[bool, typer.Option("--version", help="Say which version this is.")] = False,
) -> None:
    """Everything between Print and paper."""
    if version:
        out.print(f"frisket {metadata.version('frisket')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        out.print(context.get_help())
        raise typer.Exit(2)
    At.data, At.config = data, config


@app.command()
def init(
    ephemeral_ports: Annotated[
        bool, typer.Option(help="Loopback only, free ports, every door: for trying and tests.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make the data folder: keys, own CA, database, settings; print the one-time setup token."""
    made = make(At.data, config=At.config, ephemeral_ports=ephemeral_ports)
    result = {"data": str(made.data), "settings": str(made.settings_file), "setup_token": made.setup_token}
    say(result, as_json, _tell_made)


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
    with opened(At.data, config=At.config, alone=not parts) as here:
        serve.serve(here, only=parts, ready_file=ready_file)


@app.command()
def health(as_json: Json = False) -> None:
    """Space, work, log and doors at a glance."""
    say(run("health", {}), as_json, fields)


@app.command("ca")
def authority() -> None:
    """This house's own certificate authority, to be trusted by its clients (PEM)."""
    print(run("ca", {})["pem"], end="")


@app.command("doctor")
def examine(as_json: Json = False) -> None:
    """Check the installation and say what to do about each finding."""
    result = run("doctor", {})
    columns = ("grade", "what", "remedy")
    say(result, as_json, lambda r: table(columns, r["findings"], "Nothing to say."))
    if result["state"] == "wrong":
        raise typer.Exit(1)


@app.command("whitepaper")
def describe(as_json: Json = False) -> None:
    """Every listener, account, outbound connection and file, as it is now."""
    say(run("whitepaper", {}), as_json, fields)


@app.command("setup-token")
def setup_token(as_json: Json = False) -> None:
    """A new one-time token for set-up; the one before no longer works."""
    say(run("setup.token", {}), as_json, fields)


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


@log.command("verify")
def audit_verify(as_json: Json = False) -> None:
    """Recompute the whole log and compare it with its signatures."""
    result = run("audit.verify", {})
    say(result, as_json, _tell_verdict)
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
    for line in run("audit.export", {"since": since, "until": until})["lines"]:
        print(line)


@config.command("show")
def config_show(
    explain_them: Annotated[bool, typer.Option("--explain", help="Say what each means.")] = False,
    as_json: Json = False,
) -> None:
    """The settings as they are now."""
    rows = [
        {"setting": name, "value": value, "meaning": meaning}
        for name, value, meaning in explain(load(At.config or At.data / "frisket.toml"))
    ]
    columns = ("setting", "value", "meaning") if explain_them else ("setting", "value")
    say({"settings": rows}, as_json, lambda r: table(columns, r["settings"], ""))


@clock.command("confirm")
def clock_confirm(as_json: Json = False) -> None:
    """Say that the wall clock is right after it jumped, so that time may delete again."""
    say(run("clock.confirm", {}), as_json, fields)


def main() -> NoReturn:
    os.umask(0o077)
    try:
        app()
    except FrisketError as error:
        sys.stderr.write(f"{error}\n{error.remedy}\n" if error.remedy else f"{error}\n")
        sys.exit(1)
    sys.exit(0)
