"""The command line's words for jobs."""

import sys
import time
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer

from frisket.errors import FrisketError
from frisket.programs.asking import Json, fields, out, run, say, table

__all__ = ["jobs"]

jobs = typer.Typer(no_args_is_help=True, help="Jobs: list, release, explain, cancel, submit.")


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
    say(run("job.list", values), as_json, lambda r: table(columns, r["jobs"], "No jobs."))


@jobs.command("show")
def job_show(job: str, as_json: Json = False) -> None:
    """Everything known of a job."""
    say(run("job.show", {"job": job}), as_json, fields)


@jobs.command("release")
def job_release(
    job: Annotated[list[str], typer.Argument(help="Ids or numbers")],
    person: Annotated[str, typer.Option(help="Whose word it is.")],
    device: Annotated[str, typer.Option(help="Where it prints.")],
    copies: int | None = None,
    sides: str | None = None,
    color_mode: str | None = None,
    job_pin: Annotated[str | None, typer.Option(help="The job's own PIN.")] = None,
    as_it_can: Annotated[
        bool, typer.Option("--as-it-can", help="Also in black and white, one-sided or on other paper than was meant.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Let held jobs print at a device; one that does not suit says why, and which one would."""
    values = {
        "jobs": job,
        "person": person,
        "device": device,
        "copies": copies,
        "sides": sides,
        "color_mode": color_mode,
        "job_pin": job_pin,
        "as_it_can": as_it_can,
    }
    result = run("job.release", values)
    say(result, as_json, _tell_released)
    if not all(each["released"] for each in result["jobs"]):
        raise typer.Exit(1)


def _tell_released(result: Any) -> None:
    for each in result["jobs"]:
        text = f"released to {result['device']}" if each["released"] else each["text"]
        out.print(f"{each['number']}: {text}", markup=False)


@jobs.command("explain")
def job_explain(job: str, as_json: Json = False) -> None:
    """What happened to a job, why, and what comes next."""
    say(run("job.explain", {"job": job}), as_json, _tell_explained)


def _tell_explained(said: Any) -> None:
    out.print(f"Job {said['number']}: {said['now']}", markup=False)
    out.print(f"Next: {said['next']}", markup=False)
    out.print()
    for step in said["steps"]:
        out.print(f"{step['at'][:19].replace('T', ' ')}  {step['text']}", markup=False)
    if said["receipt"]:
        out.print()
        out.print("Certificate of destruction", style="bold")
        fields(certificate(said["receipt"]))


def certificate(receipt: dict[str, Any]) -> dict[str, Any]:
    """A receipt without the signed octets themselves, which only machines read."""
    return {name: value for name, value in receipt.items() if name not in ("body", "public_key")}


@jobs.command("cancel")
def job_cancel(job: str, as_json: Json = False) -> None:
    """Delete a job; one that is printing is stopped through its device."""
    say(run("job.cancel", {"job": job}), as_json, fields)


@jobs.command("decide")
def job_decide(
    job: str,
    printed: Annotated[bool, typer.Option("--printed/--not-printed", help="What lies in the output tray.")],
    person: Annotated[str, typer.Option(help="Whose word it is.")],
    as_json: Json = False,
) -> None:
    """Say whether an uncertain job printed."""
    say(run("job.decide", {"job": job, "printed": printed, "person": person}), as_json, fields)


@jobs.command("let-out")
def job_let_out(
    job: str,
    end: Annotated[bool, typer.Option("--end", help="End it instead of letting it wait again.")] = False,
    as_json: Json = False,
) -> None:
    """Let a quarantined job out, or end it."""
    say(run("job.let-out", {"job": job, "end": end}), as_json, fields)


@jobs.command("submit")
def job_submit(
    file: Annotated[str, typer.Argument(help="A file, or - for standard input.")],
    person: Annotated[str, typer.Option(help="Whose job it is.")],
    queue: str = "",
    title: str = "",
    copies: int = 1,
    sides: str = "",
    color_mode: str = "",
    hold: Annotated[bool, typer.Option("--hold", help="Wait until released, whatever the queue does.")] = False,
    format: Annotated[str, typer.Option(help="Mime type; by default from the file's name.")] = "",
    door: Annotated[str, typer.Option(help="What hands it in: control, or samba for its print command.")] = "control",
    patience: Annotated[float, typer.Option(help="Try for so many seconds when the house cannot take it now.")] = 0,
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
        "door": door,
        "key": uuid4().hex,  # whatever becomes of an answer on its way, a second try makes no second job
    }
    ends = time.monotonic() + (patience if file != "-" else 0)
    while True:
        try:
            with sys.stdin.buffer if file == "-" else Path(file).open("rb") as document:
                result = run("job.submit", values, document)
            break
        except FrisketError as error:
            if not error.retry or time.monotonic() > ends:
                raise
            time.sleep(1)
    say(result, as_json, lambda r: out.print(f"Job {r['number']} is {r['state']}.", markup=False))
