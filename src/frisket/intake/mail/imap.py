"""Mailboxes by IMAP4rev1 inside TLS (RFC 9051, RFC 3501): IDLE and MOVE where the server has them.

Over the standard library's client, which bounds neither what a server sends nor waits: both are added here. A mail
is fetched in pieces of its octets, so none is ever held whole.
"""

import base64
import imaplib
import re
import select
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar, cast

from frisket.intake.mail.errors import MailboxClosed, MailboxTrouble
from frisket.intake.mail.stores import Login, Waiting
from frisket.plumbing import keys

__all__ = ["ImapStore"]

Result = TypeVar("Result")
_PIECE = 1 << 18
_SIZE = re.compile(rb"UID (\d+) RFC822\.SIZE (\d+)|RFC822\.SIZE (\d+) UID (\d+)")
_CONTINUES = b"+"


class _Client(imaplib.IMAP4_SSL):
    """The library's client with a bound on literals, and IDLE (RFC 2177)."""

    largest = 1 << 20

    def read(self, size: int) -> bytes:
        if size > self.largest:
            raise imaplib.IMAP4.abort("the server sends more than was asked for")
        return super().read(size)

    def idle(self, seconds: float) -> None:
        tag = self._command("IDLE")
        if not self.readline().startswith(_CONTINUES):
            raise imaplib.IMAP4.abort("the server does not idle")
        if not cast(Any, self.sock).pending():
            poll = select.poll()
            poll.register(self.sock.fileno(), select.POLLIN)
            poll.poll(seconds * 1000)
        self.send(b"DONE\r\n")
        while not (line := self.readline()).startswith(tag):
            if not line:
                raise imaplib.IMAP4.abort("the server went away")
        self.tagged_commands.pop(tag, None)


imaplib.Commands.setdefault("IDLE", ("SELECTED",))
imaplib.Commands.setdefault("MOVE", ("SELECTED",))


def _told(act: Callable[[], Result]) -> Result:
    """The library's errors as ours; what a server said is not repeated, it may name mails."""
    try:
        return act()
    except keys.TlsRefused as error:
        raise MailboxClosed(str(error)) from error
    except imaplib.IMAP4.abort as error:
        raise MailboxTrouble("the mail server ended the connection") from error
    except imaplib.IMAP4.error as error:
        raise MailboxTrouble("the mail server refuses a command") from error
    except OSError as error:
        closed = "certificate" in str(error).lower()
        kind: type[MailboxClosed | MailboxTrouble] = MailboxClosed if closed else MailboxTrouble
        raise kind(f"the mail server cannot be reached: {type(error).__name__}") from error


class ImapStore:
    def __init__(self, login: Login) -> None:
        self._login = login
        self._client = _told(lambda: _Client(login.host, login.port, ssl_context=login.context, timeout=30))
        self._client.largest = max(2 * _PIECE, 1 << 20)
        try:
            self._sign_in()
            self._ok(self._client.select(_quoted(login.folder)), "there is no such folder")
        except BaseException:
            self.close()
            raise

    def _sign_in(self) -> None:
        client, login = self._client, self._login
        try:
            if login.token is not None:
                _told_or_closed(lambda: client.authenticate(*self._bearer(login.token())))  # type: ignore[misc]
            else:
                plain = f"\0{login.user}\0{login.password}".encode()
                if "AUTH=PLAIN" in client.capabilities:
                    _told_or_closed(lambda: client.authenticate("PLAIN", lambda _: plain))
                else:
                    _told_or_closed(lambda: client.login(login.user, login.password))
        except OSError as error:
            raise MailboxTrouble(f"the mail server cannot be reached: {type(error).__name__}") from error

    def _bearer(self, token: str) -> tuple[str, Callable[[bytes], bytes]]:
        """RFC 7628, or its forerunner where only that is offered."""
        user = self._login.user
        if "AUTH=OAUTHBEARER" in self._client.capabilities:
            said = f"n,a={user.replace('=', '=3D').replace(',', '=2C')},\1auth=Bearer {token}\1\1".encode()
            return "OAUTHBEARER", _once(said)
        return "XOAUTH2", _once(f"user={user}\1auth=Bearer {token}\1\1".encode())

    def waiting(self, most: int) -> list[Waiting]:
        wanted = "UNSEEN UNDELETED" if self._login.afterwards == "seen" else "UNDELETED"
        found = self._ok(_told(lambda: self._client.uid("SEARCH", wanted)), "the folder cannot be searched")
        uids = (found[0] or b"").split()[:most]
        if not uids:
            return []
        rows = self._ok(
            _told(lambda: self._client.uid("FETCH", b",".join(uids).decode(), "(UID RFC822.SIZE)")),
            "the folder cannot be listed",
        )
        sizes: dict[str, int] = {}
        for row in rows:
            match = _SIZE.search(row if isinstance(row, bytes) else b"")
            if match is not None:
                uid, size = (match[1], match[2]) if match[1] else (match[4], match[3])
                sizes[uid.decode()] = int(size)
        return [Waiting(uid.decode(), sizes[uid.decode()]) for uid in uids if uid.decode() in sizes]

    def octets(self, key: str) -> Iterator[bytes]:
        at = 0
        while True:
            section = f"(BODY.PEEK[]<{at}.{_PIECE}>)"
            rows = self._ok(_told(partial(self._client.uid, "FETCH", key, section)), "a mail is gone")
            piece = next((row[1] for row in rows if isinstance(row, tuple)), b"")
            if piece:
                yield piece
            at += len(piece)
            if len(piece) < _PIECE:
                return

    def settle(self, key: str, folder: str) -> None:
        client, how = self._client, self._login.afterwards
        if how == "seen":
            self._ok(_told(lambda: client.uid("STORE", key, "+FLAGS.SILENT", r"(\Seen)")), "a mail cannot be marked")
            return
        if how == "move":
            self._move(key, folder)
            return
        self._delete(key)

    def _move(self, key: str, folder: str) -> None:
        """Several commands where the server has no MOVE; cut between them, the mail is seen and moved once more."""
        client, name = self._client, _quoted(folder)
        verb = "MOVE" if "MOVE" in client.capabilities else "COPY"
        status, _ = _told(lambda: client.uid(verb, key, name))
        if status != "OK":
            _told(lambda: client.create(name))
            self._ok(_told(lambda: client.uid(verb, key, name)), "a mail cannot be moved")
        if verb == "COPY":
            self._delete(key)

    def _delete(self, key: str) -> None:
        client = self._client
        self._ok(_told(lambda: client.uid("STORE", key, "+FLAGS.SILENT", r"(\Deleted)")), "a mail cannot be deleted")
        if "UIDPLUS" in client.capabilities:
            _told(lambda: client.uid("EXPUNGE", key))
        else:
            _told(client.expunge)

    def rest(self, seconds: float) -> None:
        client = self._client
        if "IDLE" in client.capabilities:
            _told(lambda: client.idle(seconds))
        else:
            _told(client.noop)

    def close(self) -> None:
        with suppress(Exception):
            self._client.logout()

    def _ok(self, said: tuple[str, list[Any]], words: str) -> list[Any]:
        status, rows = said
        if status != "OK":
            raise MailboxTrouble(words)
        return rows


def _told_or_closed(act: Callable[[], object]) -> None:
    try:
        act()
    except imaplib.IMAP4.abort as error:
        raise MailboxTrouble("the mail server ended the connection") from error
    except imaplib.IMAP4.error as error:
        raise MailboxClosed("the mail server refuses the name, the password or the token") from error


def _once(first: bytes) -> Callable[[bytes], bytes]:
    """The first answer of a SASL exchange; a server that goes on is telling why it refuses (RFC 7628 section 3.2.3)."""
    said = [first]

    def answer(_: bytes) -> bytes:
        return said.pop() if said else b"\1"

    return answer


def _quoted(folder: str) -> str:
    """A folder's name in modified UTF-7 (RFC 3501 section 5.1.3), quoted."""
    out, held = [], ""
    for letter in folder + "\0":
        if " " <= letter <= "~" or letter == "\0":
            if held:
                coded = base64.b64encode(held.encode("utf-16-be")).rstrip(b"=").replace(b"/", b",").decode()
                out.append(f"&{coded}-")
                held = ""
            out.append("&-" if letter == "&" else letter)
        else:
            held += letter
    name = "".join(out)[:-1].replace("\\", "\\\\").replace('"', '\\"')
    return f'"{name}"'
