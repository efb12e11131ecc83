"""Access tokens for mailboxes (OAuth 2.0, RFC 6749 sections 4.4 and 6): asked for when needed, kept in memory only."""

import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from frisket.intake.mail.errors import MailboxClosed, MailboxTrouble
from frisket.plumbing import https, parts

__all__ = ["Secret", "access_token", "forget_token"]

_EARLY_S = 60.0  # a token is not used in its last minute


@dataclass(frozen=True, slots=True)
class Secret:
    """What a mailbox needs to sign in. A refresh token may be exchanged for a new one by its server."""

    password: str = ""
    client_secret: str = ""
    refresh_token: str = ""

    def __repr__(self) -> str:
        return "Secret()"


_tokens: dict[UUID, tuple[str, float]] = {}  # and until when, house seconds
_lock = threading.Lock()


def forget_token(mailbox: UUID) -> None:
    with _lock:
        _tokens.pop(mailbox, None)


def access_token(
    mailbox: UUID,
    url: str,
    client: str,
    reach: str,
    secret: Secret,
    context: ssl.SSLContext,
    *,
    keep_refresh: Callable[[str], None],
) -> str:
    """A token that is good now. Raises MailboxClosed when the server refuses, MailboxTrouble when it cannot be asked.

    keep_refresh: told of a new refresh token before the access token that came with it is used.
    """
    with _lock:
        held = _tokens.get(mailbox)
    if held is not None and parts.clock().elapsed() < held[1]:
        return held[0]
    form = {"client_id": client}
    if secret.client_secret:
        form["client_secret"] = secret.client_secret
    if reach:
        form["scope"] = reach
    if secret.refresh_token:
        form |= {"grant_type": "refresh_token", "refresh_token": secret.refresh_token}
    else:
        form["grant_type"] = "client_credentials"
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    try:
        answer = https.call("POST", url, context, headers=headers, body=urlencode(form).encode())
        told = answer.json()
    except https.CallFailed as error:
        raise MailboxTrouble(f"the token server: {error}") from error
    token, lasts = told.get("access_token"), told.get("expires_in", 300)
    if answer.status >= 500:
        raise MailboxTrouble(f"the token server answers {answer.status}")
    if answer.status != 200 or not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise MailboxClosed(f"the token server gives no token: {answer.status}")
    renewed = told.get("refresh_token")
    if isinstance(renewed, str) and renewed and renewed != secret.refresh_token:
        keep_refresh(renewed)
    lasts_s = float(lasts) if isinstance(lasts, int | float) else 300.0
    with _lock:
        _tokens[mailbox] = (token, parts.clock().elapsed() + max(lasts_s - _EARLY_S, 0.0))
    return token
