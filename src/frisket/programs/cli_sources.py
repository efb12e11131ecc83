"""The command line's words for hot folders and stores."""

from collections.abc import Mapping
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


_SAME = (
    "name",
    "address",
    "queue",
    "person",
    "copies",
    "sides",
    "color_mode",
    "media",
    "hold",
    "certificate",
    "destination",
    "active",
)


def _told(context: typer.Context, *, new: bool) -> dict[str, Any]:
    """What the four commands that make or change a folder or store were given, as the house knows it.

    new: what was left out has its usual value; else it stays as it is.
    """
    given = context.params
    values = {name: given[name] for name in _SAME if name in given}
    values |= {"settle_s": given["settle"], "every_s": given["every"], "owner": _owner(given)}
    values["afterwards"] = _afterwards(given) or ("delete" if new else None)
    if given.get("path") is not None:
        values["address"] = str(Path(given["path"]).expanduser().resolve())
    if "user" in given:
        browse, pick_up, authority = given["browse"], given["pick_up"], given["authority"]
        values |= {"user": given["user"], "password": _password(given["user"], given["password_file"])}
        values["authority"] = Path(authority).read_text() if authority is not None else "" if new else None
        values["browsable"] = bool(browse) if new else browse
        values["picks_up"] = not browse if new and pick_up is None else pick_up
    return values


def _owner(given: Mapping[str, Any]) -> str | None:
    return "path" if given["by_folder"] else "account" if given.get("by_account") else None


def _afterwards(given: Mapping[str, Any]) -> str | None:
    if given.get("leave"):
        return "leave"
    return None if given["keep"] is None else "keep" if given["keep"] else "delete"


@folder.command("add")
def folder_add(
    context: typer.Context,
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
    say(run("source.add", _told(context, new=True)), as_json, fields)


@folder.command("list")
def folder_list(as_json: Json = False) -> None:
    """Every hot folder, how it is, and how much came in and was refused."""
    said = run("source.list", {"kind": "folder"})
    say(said, as_json, lambda r: table(_COLUMNS, r["sources"], "No hot folder yet: frisket folder add NAME PATH"))


@folder.command("set")
def folder_set(
    context: typer.Context,
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
    say(run("source.set", _told(context, new=False)), as_json, fields)


@store.command("add")
def store_add(
    context: typer.Context,
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
    say(run("source.add", _told(context, new=True)), as_json, fields)


def _password(user: str | None, file: str | Path | None) -> str | None:
    """Never from the command line itself: every account of a machine sees the words of its programs."""
    if file is not None:
        return Path(file).read_text().rstrip("\r\n")
    return str(typer.prompt("Password there", hide_input=True)) if user else None


@store.command("list")
def store_list(as_json: Json = False) -> None:
    """Every store, how it is, and how much came in and was refused."""
    said = run("source.list", {"kind": "store"})
    say(said, as_json, lambda r: table(_COLUMNS, r["sources"], "No store yet: frisket store add NAME ADDRESS"))


@store.command("set")
def store_set(
    context: typer.Context,
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
    say(run("source.set", _told(context, new=False)), as_json, fields)


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
