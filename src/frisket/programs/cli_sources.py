"""The command line's words for hot folders and stores."""

from pathlib import Path
from typing import Annotated, Any

import typer

from frisket.programs.asking import Json, fields, out, run, say, table

__all__ = ["folder", "store"]

folder = typer.Typer(no_args_is_help=True, help="Hot folders: what is put into them is printed.")
store = typer.Typer(
    no_args_is_help=True,
    help="Stores that are printed from: on other servers (SMB, FTPS, WebDAV), or plugged in (USB).",
)

Queue = Annotated[str, typer.Option(help="Where its documents go; none: the default queue.")]
Person = Annotated[str, typer.Option(help="Whose documents they are.")]
ByFolder = Annotated[bool, typer.Option("--by-folder", help="The first folder inside is called like its person.")]
ByAccount = Annotated[bool, typer.Option("--by-account", help="Whose account of this machine owns the file.")]
Copies = Annotated[int | None, typer.Option(min=1, max=999)]
Settle = Annotated[float | None, typer.Option(help="Seconds a file must rest before it counts as complete.")]
Every = Annotated[float | None, typer.Option(help="Seconds between two looks.")]
Hold = Annotated[bool | None, typer.Option("--hold/--no-hold", help="Wait until released, whatever the queue does.")]
Keep = Annotated[bool | None, typer.Option("--keep/--delete", help="Move what is in to the folder done, or delete it.")]
Destination = Annotated[
    str | None, typer.Option(help="Folder where original, printed form and log are written, in clear; empty: nowhere.")
]
On = Annotated[bool | None, typer.Option("--on/--off")]
Leave = Annotated[bool, typer.Option("--leave", help="Leave documents where they lie, and remember them.")]
Browse = Annotated[bool | None, typer.Option("--browse/--no-browse", help="Everybody may look into it and print.")]
PickUp = Annotated[bool | None, typer.Option("--pick-up/--no-pick-up", help="Print whatever is put there.")]
User = Annotated[str | None, typer.Option(help="Name to sign in with there; the password is asked for.")]
PasswordFile = Annotated[Path | None, typer.Option(help="File with the password, instead of asking for it.")]
Authority = Annotated[Path | None, typer.Option("--ca", help="Certificate (PEM) of the authority that signed it.")]
Fingerprint = Annotated[str, typer.Option("--certificate", help="SHA-256 fingerprint of the server's certificate.")]
_COLUMNS = ("name", "address", "queue", "person", "owner", "state", "picked_up", "refused", "note")


def _rule(by_folder: bool, by_account: bool) -> str | None:
    return "path" if by_folder else "account" if by_account else None


@folder.command("add")
def folder_add(
    name: str,
    path: Annotated[Path, typer.Argument(help="The folder, on this machine or mounted here.")],
    queue: Queue = "",
    person: Person = "",
    by_folder: ByFolder = False,
    by_account: ByAccount = False,
    keep: Keep = None,
    copies: Copies = None,
    sides: str = "",
    color_mode: str = "",
    media: str = "",
    hold: Hold = None,
    settle: Settle = None,
    every: Every = None,
    destination: Destination = None,
    as_json: Json = False,
) -> None:
    """Have what is put into a folder printed."""
    values = {
        "name": name,
        "address": str(path.expanduser().resolve()),
        "queue": queue,
        "person": person,
        "owner": _rule(by_folder, by_account),
        "afterwards": "keep" if keep else "delete",
        "copies": copies,
        "sides": sides,
        "color_mode": color_mode,
        "media": media,
        "hold": hold,
        "settle_s": settle,
        "every_s": every,
        "destination": destination,
    }
    say(run("source.add", values), as_json, fields)


@folder.command("list")
def folder_list(as_json: Json = False) -> None:
    """Every hot folder, how it is, and how much came in and was refused."""
    said = run("source.list", {"kind": "folder"})
    say(said, as_json, lambda r: table(_COLUMNS, r["sources"], "No hot folder yet: frisket folder add NAME PATH"))


@folder.command("set")
def folder_set(
    name: str,
    path: Path | None = None,
    queue: Queue = "",
    person: Person = "",
    by_folder: ByFolder = False,
    by_account: ByAccount = False,
    keep: Keep = None,
    copies: Copies = None,
    sides: str | None = None,
    color_mode: str | None = None,
    media: str | None = None,
    hold: Hold = None,
    settle: Settle = None,
    every: Every = None,
    destination: Destination = None,
    active: On = None,
    as_json: Json = False,
) -> None:
    """Change a hot folder."""
    values = {
        "name": name,
        "address": str(path.expanduser().resolve()) if path is not None else None,
        "queue": queue,
        "person": person,
        "owner": _rule(by_folder, by_account),
        "afterwards": None if keep is None else "keep" if keep else "delete",
        "copies": copies,
        "sides": sides,
        "color_mode": color_mode,
        "media": media,
        "hold": hold,
        "settle_s": settle,
        "every_s": every,
        "destination": destination,
        "active": active,
    }
    say(run("source.set", values), as_json, fields)


@store.command("add")
def store_add(
    name: str,
    address: Annotated[
        str,
        typer.Argument(
            help="smb://HOST/SHARE/FOLDER, ftps://HOST/FOLDER, davs://HOST/FOLDER, ftp://, dav://, usb:/FOLDER"
        ),
    ],
    user: User = None,
    password_file: PasswordFile = None,
    authority: Authority = None,
    certificate: Fingerprint = "",
    browse: Browse = None,
    pick_up: PickUp = None,
    queue: Queue = "",
    person: Person = "",
    by_folder: ByFolder = False,
    keep: Keep = None,
    leave: Leave = False,
    copies: Copies = None,
    sides: str = "",
    color_mode: str = "",
    media: str = "",
    hold: Hold = None,
    settle: Settle = None,
    every: Every = None,
    destination: Destination = None,
    as_json: Json = False,
) -> None:
    """Print from another server: what is put there, or what people choose there (--browse)."""
    values = {
        "name": name,
        "address": address,
        "user": user,
        "password": _password(user, password_file),
        "authority": authority.read_text() if authority is not None else "",
        "certificate": certificate,
        "browsable": bool(browse),
        "picks_up": not browse if pick_up is None else pick_up,
        "queue": queue,
        "person": person,
        "owner": _rule(by_folder, False),
        "afterwards": "leave" if leave else "keep" if keep else "delete",
        "copies": copies,
        "sides": sides,
        "color_mode": color_mode,
        "media": media,
        "hold": hold,
        "settle_s": settle,
        "every_s": every,
        "destination": destination,
    }
    say(run("source.add", values), as_json, fields)


def _password(user: str | None, file: Path | None) -> str | None:
    """Never from the command line itself: every account of a machine sees the words of its programs."""
    if file is not None:
        return file.read_text().rstrip("\r\n")
    return str(typer.prompt("Password there", hide_input=True)) if user else None


@store.command("list")
def store_list(as_json: Json = False) -> None:
    """Every store, how it is, and how much came in and was refused."""
    said = run("source.list", {"kind": "store"})
    say(said, as_json, lambda r: table(_COLUMNS, r["sources"], "No store yet: frisket store add NAME ADDRESS"))


@store.command("set")
def store_set(
    name: str,
    address: str | None = None,
    user: User = None,
    password_file: PasswordFile = None,
    authority: Authority = None,
    certificate: Fingerprint = "",
    browse: Browse = None,
    pick_up: PickUp = None,
    queue: Queue = "",
    person: Person = "",
    by_folder: ByFolder = False,
    keep: Keep = None,
    leave: Leave = False,
    copies: Copies = None,
    sides: str | None = None,
    color_mode: str | None = None,
    media: str | None = None,
    hold: Hold = None,
    settle: Settle = None,
    every: Every = None,
    destination: Destination = None,
    active: On = None,
    as_json: Json = False,
) -> None:
    """Change a store. Another server forgets the password and what its certificate was known by."""
    values = {
        "name": name,
        "address": address,
        "user": user,
        "password": _password(user, password_file),
        "authority": authority.read_text() if authority is not None else None,
        "certificate": certificate,
        "browsable": browse,
        "picks_up": pick_up,
        "queue": queue,
        "person": person,
        "owner": _rule(by_folder, False),
        "afterwards": "leave" if leave else None if keep is None else "keep" if keep else "delete",
        "copies": copies,
        "sides": sides,
        "color_mode": color_mode,
        "media": media,
        "hold": hold,
        "settle_s": settle,
        "every_s": every,
        "destination": destination,
        "active": active,
    }
    say(run("source.set", values), as_json, fields)


@folder.command("remove")
@store.command("remove")
def source_remove(
    name: str,
    anyway: Annotated[bool, typer.Option("--anyway", help="Also while documents of it are half picked up.")] = False,
    as_json: Json = False,
) -> None:
    """Remove it. What lies in it stays where it is."""
    say(run("source.remove", {"name": name, "anyway": anyway}), as_json, fields)


@folder.command("check")
@store.command("check")
def source_check(name: str, as_json: Json = False) -> None:
    """Try whether it can be reached, read and changed."""
    result = run("source.check", {"name": name})
    say(result, as_json, lambda r: out.print(r["notice"] or "It can be used.", markup=False))
    if result["notice"]:
        raise typer.Exit(1)


@folder.command("log")
@store.command("log")
def source_log(
    name: str,
    refused: Annotated[bool, typer.Option("--refused", help="Only what was refused, with the reason.")] = False,
    limit: int = 50,
    after: str = "",
    as_json: Json = False,
) -> None:
    """What was picked up there and what was refused and why, newest first."""
    values: dict[str, Any] = {"name": name, "refused": refused, "limit": limit, "after": after or None}
    columns = ("at", "state", "file", "octets", "job", "reason")
    say(run("source.log", values), as_json, lambda r: table(columns, r["rows"], "Nothing yet."))
