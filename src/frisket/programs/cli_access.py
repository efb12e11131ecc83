"""The command line's words for who may come to the doors and to the upload page."""

from pathlib import Path
from typing import Annotated

import typer

from frisket.programs.asking import Json, fields, run, say

__all__ = ["access"]

access = typer.Typer(no_args_is_help=True, help="From where somebody may come, and who may upload.")


@access.command("show")
def access_show(as_json: Json = False) -> None:
    """From where somebody may come to the doors, and who may use the upload page."""
    say(run("access.show", {}), as_json, fields)


@access.command("set")
def access_set(
    network: Annotated[
        list[str] | None, typer.Option(help="Only from this network or address; may be given several times.")
    ] = None,
    everywhere: Annotated[bool, typer.Option("--everywhere", help="From everywhere again.")] = False,
    upload: Annotated[str | None, typer.Option(help="The upload page is for: everybody, operators, nobody.")] = None,
    password: Annotated[bool, typer.Option("--upload-password", help="Ask for its own password now.")] = False,
    password_file: Annotated[
        Path | None, typer.Option("--upload-password-file", help="File with its own password in the first line.")
    ] = None,
    no_password: Annotated[bool, typer.Option("--no-upload-password", help="Without a password of its own.")] = False,
    as_json: Json = False,
) -> None:
    """Change it. What is not given stays as it is; this machine's own command line is never kept out."""
    chosen: str | None = "" if no_password else None
    if password_file is not None:
        chosen = password_file.read_text().partition("\n")[0].rstrip("\r")
    elif password:
        chosen = str(typer.prompt("Password of the upload page", hide_input=True, confirmation_prompt=True))
    values = {
        "networks": [] if everywhere else network or None,
        "upload_by": upload,
        "upload_password": chosen,
    }
    say(run("access.set", values), as_json, fields)
