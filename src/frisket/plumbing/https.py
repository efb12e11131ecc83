"""Calling other servers over HTTPS (R11): one connection for each call, no redirects, no proxy, bounded answers."""

import http.client
import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from frisket.errors import Blame, FrisketError
from frisket.plumbing import keys

__all__ = ["Answer", "BadAddress", "CallFailed", "call", "opened"]

_PIECE = 1 << 16
_LARGEST = 4 << 20  # octets of an answer that is read whole
_TIMEOUT_S = 60.0


class CallFailed(FrisketError):
    """The other server cannot be reached or does not speak HTTP. ``status``: what it answered, else 0."""

    blame, retry = Blame.OPERATOR, True
    remedy = "Check that the server can be reached from here, and its certificate."

    def __init__(self, words: str, status: int = 0) -> None:
        super().__init__(words)
        self.status = status


class BadAddress(FrisketError):
    blame = Blame.OPERATOR
    remedy = "Write the address as https://server/path."


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    def json(self) -> dict[str, Any]:
        """Raises CallFailed for anything but an object."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise CallFailed("the server's answer is no JSON", self.status) from error
        if not isinstance(found, dict):
            raise CallFailed("the server's answer is no JSON object", self.status)
        return found


@contextmanager
def opened(
    method: str,
    url: str,
    context: ssl.SSLContext,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Iterator[tuple[int, Mapping[str, str], Iterator[bytes]]]:
    """Call, and read the answer in pieces: status, headers, body. Raises BadAddress, CallFailed.

    The name is resolved once for the connection, and where an answer points is never followed.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.username is not None:
        raise BadAddress("only https addresses are called")
    connection = http.client.HTTPSConnection(parts.hostname, parts.port or 443, timeout=_TIMEOUT_S, context=context)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        try:
            connection.request(method, target, body=body, headers={"accept-encoding": "identity", **(headers or {})})
            response = connection.getresponse()
        except (OSError, http.client.HTTPException, keys.TlsRefused, ValueError) as error:
            raise CallFailed(f"the server cannot be called: {type(error).__name__}") from error
        found = {name.lower(): value for name, value in response.getheaders()}
        yield response.status, found, _pieces(response)
    finally:
        connection.close()


def _pieces(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while True:
        try:
            piece = response.read1(_PIECE)
        except (OSError, http.client.HTTPException) as error:
            raise CallFailed(f"the answer broke off: {type(error).__name__}", response.status) from error
        if not piece:
            break
        yield piece
    if response.length:  # a body that is shorter than announced
        raise CallFailed("the answer broke off", response.status)


def call(
    method: str,
    url: str,
    context: ssl.SSLContext,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Answer:
    """Call, and read the whole answer, at most 4 MiB. Raises as opened()."""
    with opened(method, url, context, headers=headers, body=body) as (status, found, pieces):
        whole = bytearray()
        for piece in pieces:
            whole += piece
            if len(whole) > _LARGEST:
                raise CallFailed("the answer is too long", status)
        return Answer(status, found, bytes(whole))
