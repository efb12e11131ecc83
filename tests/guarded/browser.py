"""A stranger's tools: a small browser that keeps cookies and hides nothing, and raw octets."""

import http.client
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from tests.peers.client import trusting_anybody

__all__ = ["Browser", "Page", "raw"]


@dataclass(frozen=True)
class Page:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    @property
    def set_cookies(self) -> list[str]:
        return [value for key, value in self.headers if key.lower() == "set-cookie"]

    @property
    def token(self) -> str:
        """The CSRF token of the page's form."""
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.text)
        assert found is not None, f"{self.status}: no form"
        return found[1]


@dataclass
class Browser:
    """``url`` is scheme, host and port; what the server sets as cookies comes back with each request."""

    url: str
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout: float = 30,
    ) -> Page:
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        more = {"context": trusting_anybody()} if parts.scheme == "https" else {}
        peer = kind(parts.hostname or "", parts.port, timeout=timeout, **more)  # type: ignore[arg-type]
        sent = dict(headers or {})
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        try:
            peer.request(method, path, body, sent)
            reply = peer.getresponse()
            page = Page(reply.status, reply.getheaders(), reply.read())
        finally:
            peer.close()
        for cookie in page.set_cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return page

    def get(self, path: str, **headers: str) -> Page:
        return self.ask("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Page:
        """As from our own page, unless ``headers`` say otherwise."""
        sent = {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.url, **(headers or {})}
        return self.ask("POST", path, urlencode(form), sent)

    def sign_in(self, name: str, password: str) -> Page:
        token = self.get("/sign-in").token
        return self.post("/sign-in", {"name": name, "password": password, "csrfmiddlewaretoken": token})


def raw(url: str, octets: bytes, *, within_s: float = 10.0) -> bytes:
    """What comes back for these octets until the server closes or falls silent."""
    parts = urlsplit(url)
    sock = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=within_s)
    if parts.scheme in ("https", "ipps"):
        sock = trusting_anybody().wrap_socket(sock, server_hostname=parts.hostname)
    got = b""
    with sock:
        try:
            sock.sendall(octets)
            while piece := sock.recv(65536):
                got += piece
        except (TimeoutError, ConnectionError, ssl.SSLError):
            pass
    return got
