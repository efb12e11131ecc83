"""The command line's words for Samba in front of the house."""

from pathlib import Path
from typing import Annotated

import typer

from frisket.programs import samba as front
from frisket.programs.asking import At, run
from frisket.programs.errors import WrongUse

__all__ = ["samba"]

samba = typer.Typer(no_args_is_help=True, help="Shared printers for Windows: Samba in front of the house.")


@samba.callback()
def group() -> None:
    """Shared printers for Windows: Samba in front of the house."""


@samba.command("config")
def samba_config(
    queue: Annotated[list[str] | None, typer.Option(help="Only this queue; may be given again.")] = None,
    spool: Annotated[
        Path, typer.Option(help="Folder in memory in which Samba gathers what arrives; the house's account owns it.")
    ] = front.SPOOL,
    port: Annotated[int, typer.Option(min=1, max=65535)] = 445,
    only_printers: Annotated[
        bool, typer.Option("--only-printers", help="Without [global], to be included in an smb.conf that is there.")
    ] = False,
) -> None:
    """Print an smb.conf with a printer for each queue: SMB 3, encrypted, jobs in the name of who signed in."""
    known = {each["name"]: front.Printer(each["name"], each["info"]) for each in run("queue.list", {})["queues"]}
    unknown = [name for name in queue or () if name not in known]
    if unknown:
        raise WrongUse(f"there is no queue {unknown[0]}")
    chosen = [printer for name, printer in known.items() if not queue or name in queue]
    if not chosen:
        raise WrongUse("there is no queue yet")
    text = front.configuration(chosen, data=At.data, spool=spool, port=port, only_printers=only_printers)
    print(text, end="")
