"""The command line's words for printing by mail."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from frisket.programs.asking import Json, fields, run, say, table

__all__ = ["mail"]

mail = typer.Typer(no_args_is_help=True, help="Printing by mail: mailboxes that are looked into, and what came.")

File = Annotated[
    Path | None, typer.Option("--secret-file", help="File with the secret in its first line; none: it is asked for.")
]
Refresh = Annotated[bool, typer.Option("--refresh-token", help="The secret is a refresh token, not a client secret.")]


def _secret(file: Path | None, token_url: str, refresh: bool) -> dict[str, str]:
    """The secret never stands on the command line, where other accounts could read it."""
    if file is not None:
        text = file.read_text().partition("\n")[0].strip()
    elif sys.stdin.isatty():
        text = typer.prompt("Secret", hide_input=True)
    else:
        text = sys.stdin.readline().strip()
    if not token_url:
        return {"password": text}
    return {"refresh_token": text} if refresh else {"client_secret": text}


@mail.command("add")
def mail_add(
    name: str,
    kind: Annotated[str, typer.Option(help="imap, pop3, graph (Exchange Online) or ews (Exchange on premises)")],
    host: Annotated[str, typer.Option(help="The mail server; for graph: graph.microsoft.com")],
    user: Annotated[str, typer.Option(help="Name to sign in with; for graph: the mailbox's address")],
    port: Annotated[int, typer.Option(help="0: the usual one")] = 0,
    folder: Annotated[str, typer.Option(help="Folder that is looked into")] = "INBOX",
    queue: Annotated[str, typer.Option(help="Queue of its jobs; none: the default queue")] = "",
    afterwards: Annotated[str, typer.Option(help="move, delete or seen; POP3 can only delete")] = "",
    done_folder: str = "Printed",
    refused_folder: str = "Refused",
    believe_results: Annotated[
        bool,
        typer.Option("--believe-results", help="Its server writes Authentication-Results and strips others."),
    ] = False,
    token_url: Annotated[str, typer.Option(help="OAuth 2.0: address of the token server")] = "",
    client: Annotated[str, typer.Option(help="OAuth 2.0: client id")] = "",
    scope: Annotated[str, typer.Option(help="OAuth 2.0: scope")] = "",
    refresh_token: Refresh = False,
    secret_file: File = None,
    pin: Annotated[str, typer.Option(help="SHA-256 of the one certificate that is accepted")] = "",
    authority: Annotated[Path | None, typer.Option(help="PEM of the authority its certificate is from")] = None,
    as_json: Json = False,
) -> None:
    """Look into a mailbox from now on; its mails become jobs. TLS only. The secret is asked for."""
    values = {
        "name": name,
        "kind": kind,
        "host": host,
        "user": user,
        "port": port,
        "folder": folder,
        "queue": queue,
        "afterwards": afterwards,
        "done_folder": done_folder,
        "refused_folder": refused_folder,
        "believe_results": believe_results,
        "token_url": token_url,
        "client": client,
        "reach": scope,
        "pinned_sha256": pin.lower().replace(":", ""),
        "authority": authority.read_text() if authority is not None else "",
        **_secret(secret_file, token_url, refresh_token),
    }
    say(run("mail.add", values), as_json, fields)


@mail.command("list")
def mail_list(as_json: Json = False) -> None:
    """Every mailbox and how it is."""
    columns = ("name", "kind", "host", "queue", "afterwards", "active", "state", "note")
    empty = "No mailbox is looked into: frisket mail add NAME --kind imap --host HOST --user USER"
    say(run("mail.list", {}), as_json, lambda r: table(columns, r["mailboxes"], empty))


@mail.command("test")
def mail_test(name: str, as_json: Json = False) -> None:
    """Sign in to a mailbox and count its mails; nothing is printed or changed."""
    say(run("mail.test", {"name": name}), as_json, fields)


@mail.command("set")
def mail_set(
    name: str,
    active: Annotated[bool, typer.Option("--on/--off", help="Look into it, or let it be.")] = True,
    as_json: Json = False,
) -> None:
    """Switch a mailbox on or off. For another server, remove it and add it anew with its secret."""
    say(run("mail.set", {"name": name, "active": active}), as_json, fields)


@mail.command("secret")
def mail_secret(
    name: str,
    oauth: Annotated[bool, typer.Option("--oauth", help="The mailbox uses OAuth 2.0.")] = False,
    refresh_token: Refresh = False,
    secret_file: File = None,
    as_json: Json = False,
) -> None:
    """Give a mailbox another secret."""
    values = {"name": name, **_secret(secret_file, "oauth" if oauth else "", refresh_token)}
    say(run("mail.secret", values), as_json, fields)


@mail.command("remove")
def mail_remove(name: str, as_json: Json = False) -> None:
    """Look into a mailbox no more; its secret is forgotten."""
    say(run("mail.remove", {"name": name}), as_json, fields)


@mail.command("latest")
def mail_latest(limit: int = 20, as_json: Json = False) -> None:
    """What came by mail lately, and why something was refused."""
    columns = ("at", "source", "proof", "jobs", "refused", "why", "answer")
    say(run("mail.latest", {"limit": limit}), as_json, lambda r: table(columns, r["mails"], "No mail came yet."))
