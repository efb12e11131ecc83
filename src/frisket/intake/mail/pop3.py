"""Mailboxes by POP3 inside TLS (RFC 1939, RFC 2449, RFC 5034). A mail is deleted once it is dealt with.

Over the standard library's client, which reads whole mails into memory and no line above 2,048 octets: reading
one is done here, with the dot codec that SMTP has.
"""

import base64
import poplib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, TypeVar

from frisket.intake.mail.errors import MailboxClosed, MailboxTrouble
from frisket.intake.mail.stores import Login, Waiting
from frisket.plumbing import keys
from frisket.wire.smtp import DotText

__all__ = ["Pop3Store"]

Result = TypeVar("Result")
_PIECE = 1 << 16


def _told(act: Callable[[], Result]) -> Result:
    try:
        return act()
    except keys.TlsRefused as error:
        raise MailboxClosed(str(error)) from error
    except poplib.error_proto as error:
        raise MailboxTrouble("the mail server refuses a command") from error
    except OSError as error:
        closed = "certificate" in str(error).lower()
        kind: type[MailboxClosed | MailboxTrouble] = MailboxClosed if closed else MailboxTrouble
        raise kind(f"the mail server cannot be reached: {type(error).__name__}") from error


class Pop3Store:
    """Deletions count when the connection is closed in order (RFC 1939 section 6), so each mail gets a QUIT."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._client: Any = None
        self._open()

    def _open(self) -> None:
        login = self._login
        client: Any = _told(lambda: poplib.POP3_SSL(login.host, login.port, timeout=30, context=login.context))
        self._client = client
        try:
            if login.token is not None:
                said = base64.b64encode(f"user={login.user}\1auth=Bearer {login.token()}\1\1".encode()).decode()
                client._shortcmd("AUTH XOAUTH2")
                client._shortcmd(said)
            else:
                client.user(login.user)
                client.pass_(login.password)
        except poplib.error_proto as error:
            self.close()
            raise MailboxClosed("the mail server refuses the name, the password or the token") from error
        except OSError as error:
            self.close()
            raise MailboxTrouble(f"the mail server cannot be reached: {type(error).__name__}") from error

    def waiting(self, most: int) -> list[Waiting]:
        if self._client is None:
            self._open()
        _, rows, _ = _told(self._client.list)
        found = [row.split() for row in rows[:most]]
        return [Waiting(row[0].decode(), int(row[1])) for row in found if len(row) == 2 and row[1].isdigit()]

    def octets(self, key: str) -> Iterator[bytes]:
        client = self._client
        _told(lambda: client._shortcmd(f"RETR {int(key)}"))
        text = DotText(strict=False)
        try:
            while not text.ended:
                if octets := text.feed(self._more(client)):
                    yield octets
        except GeneratorExit:
            while not text.ended:  # nobody wants the rest, but it stands between us and the next answer
                text.feed(self._more(client))
            raise

    def _more(self, client: Any) -> bytes:
        piece: bytes = _told(lambda: client.file.read1(_PIECE))
        if not piece:
            raise MailboxTrouble("the mail server ended the connection")
        return piece

    def settle(self, key: str, folder: str) -> None:
        _told(lambda: self._client.dele(int(key)))

    def rest(self, seconds: float) -> None:
        """POP3 tells nobody of new mails, and a session sees only those that were there when it began."""
        self.close()

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                client.quit()
            with suppress(Exception):
                client.close()
