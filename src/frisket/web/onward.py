"""What a browser is told that asks in clear text: the same page, in TLS. Nothing else is answered there."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from frisket.web import hosts

__all__ = ["Onward"]

Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class Onward:
    """An ASGI application. port: of the pages; named: further names of this server."""

    def __init__(self, port: int, named: Collection[str]) -> None:
        self._port = port
        self._named = named

    async def __call__(self, scope: Mapping[str, Any], receive: object, send: Send) -> None:
        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
        if scope["method"] not in ("GET", "HEAD"):
            # A form or a document came in clear: it is not taken, and whoever sent it must notice.
            await _say(send, 403, b"Only inside TLS.\n", [])
        elif not hosts.is_ours(host, self._named):
            await _say(send, 404, b"This server does not answer to that name.\n", [])
        else:
            await _say(send, 308, b"", [(b"location", self._address(host, scope))])

    def _address(self, host: str, scope: Mapping[str, Any]) -> bytes:
        name = urlsplit(f"//{host}").hostname or ""
        shown = f"[{name}]" if ":" in name else name
        port = "" if self._port == 443 else f":{self._port}"
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        return f"https://{shown}{port}".encode() + bytes(scope["raw_path"]) + query


async def _say(send: Send, status: int, text: bytes, more: list[tuple[bytes, bytes]]) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(text)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
