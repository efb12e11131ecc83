"""What every kind of mailbox can do, and which kind is which."""

import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

__all__ = ["Login", "Store", "Waiting"]


@dataclass(frozen=True, slots=True)
class Login:
    """How to reach a mailbox. token: gives an access token, where OAuth 2.0 is used; fresh after a refusal."""

    host: str
    port: int
    folder: str
    user: str = field(repr=False)
    password: str = field(repr=False)
    token: Callable[[], str] | None
    context: ssl.SSLContext
    afterwards: str  # move, delete, seen
    largest: int  # octets of one answer of the server
    timeout_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A mail in the mailbox. size: octets, None where the server does not say."""

    key: str
    size: int | None


class Store(Protocol):
    """One connection to a mailbox; every call blocks, and raises MailboxTrouble or MailboxClosed."""

    def waiting(self, most: int) -> list[Waiting]:
        """Mails that nobody has dealt with, the oldest first, at most so many."""

    def octets(self, key: str) -> Iterator[bytes]:
        """The mail in pieces; it stays as unread as it was."""

    def settle(self, key: str, folder: str) -> None:
        """Dealt with: moved into the folder, deleted or marked, as the mailbox says. It may be gone already."""

    def rest(self, seconds: float) -> None:
        """Wait for a new mail, or for that long at most. May return at once where the server tells nobody."""

    def close(self) -> None: ...
