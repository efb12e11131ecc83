"""A browser's or a script's side of the web pages, as far as the benchmark needs one."""

import http.client
import json
import re
import ssl
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

__all__ = ["BadStatus", "Web"]


class BadStatus(Exception):
    """The page was not what was expected."""


class Web:
    """One keep-alive connection with its cookies. The house's own certificate is not what is tested here."""

    def __init__(self, url: str, token: str = "") -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._origin = f"https://{parts.netloc}"
        self._connection = http.client.HTTPSConnection(parts.hostname, parts.port or 443, context=context, timeout=60)
        self._token = token
        self._cookies: dict[str, str] = {}

    def get(self, path: str) -> tuple[bytes, float]:
        """The page and the seconds it took. Raises BadStatus."""
        return self._ask("GET", path, None, {})

    def post_form(self, path: str, fields: Mapping[str, str]) -> tuple[bytes, float]:
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Origin": self._origin}
        return self._ask("POST", path, urlencode(fields).encode(), kind)

    def post_json(self, path: str, value: Mapping[str, Any]) -> tuple[bytes, float]:
        return self._ask("POST", path, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[bytes, float]:
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        began = time.perf_counter()
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        content = response.read()
        took = time.perf_counter() - began
        for line in response.headers.get_all("Set-Cookie") or []:
            name, _, value = line.partition(";")[0].partition("=")
            self._cookies[name] = value
        if response.status >= 400:
            raise BadStatus(f"{method} {path}: {response.status} {content[:200]!r}")
        return content, took

    def forget(self, cookie: str) -> None:
        self._cookies.pop(cookie, None)

    def close(self) -> None:
        self._connection.close()


def csrf_of(page: bytes) -> str:
    """The token that its form sends back. Raises BadStatus."""
    found = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    if found is None:
        raise BadStatus("a form without its token")
    return found[1].decode()
