"""WebDAV servers (RFC 4918) over HTTPS, known by certificate or authority; redirects are not followed (R11).

Through the web proxy of the settings, where there is one: TLS goes through it to the server (RFC 9110 section 9.3.6),
so what the proxy sees is the server's name and port; of ``dav://`` it sees everything, as everybody on the way does.
"""

import base64
import http.client
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime

from frisket.intake.sources.address import Address
from frisket.intake.sources.errors import PlaceGone, PlaceRefuses, StillWritten, Vanished
from frisket.intake.sources.place import PIECE, Opened
from frisket.intake.sources.remote import (
    RemotePlace,
    Server,
    There,
    TlsContext,
    TlsSocket,
    WrongCertificate,
    reading,
)
from frisket.intake.sources.views import Kind
from frisket.plumbing import keys
from frisket.plumbing.keys import TlsRefused
from frisket.wire import webdav
from frisket.wire.errors import WireError

__all__ = ["DavPlace", "shown_by_https"]

_LONGEST_ANSWER = 8 << 20  # octets of XML
_XML = {"Content-Type": "application/xml; charset=utf-8"}
_LOCKED, _TAKEN, _MANY = 423, 412, 207


class DavPlace(RemotePlace):
    """A connection that is kept for orders, and one for each file that is read."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self._connection: http.client.HTTPConnection | None = None

    def _path(self, path: str) -> str:
        return "/" + "/".join(part for part in (self.server.address.path, path) if part)

    def _connect(self) -> http.client.HTTPConnection:
        at, server = self.server.address, self.server
        if at.kind is Kind.DAVS:
            fresh: http.client.HTTPConnection = _inside_tls(at, server.tls(), server.connect_s, server.proxy)
        else:
            host, port = server.proxy or (at.host, at.port)
            fresh = http.client.HTTPConnection(host, port, timeout=server.connect_s)
        fresh.connect()
        if fresh.sock is not None:
            fresh.sock.settimeout(server.stall_s)
        return fresh

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except TlsRefused as error:
            self.close()
            raise PlaceRefuses("the server shows another certificate than the one that was adopted") from error
        except WrongCertificate as error:
            self.close()
            raise PlaceRefuses("the server's certificate is not of the authority that was named") from error
        except FileExistsError:
            raise
        except WireError as error:
            self.close()
            raise PlaceGone("the server's answer cannot be read") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise PlaceGone("the server does not answer") from error

    def _target(self, path: str) -> str:
        """What a request line names: a proxy that reads requests is told the whole address (RFC 9112 section 3.2.2)."""
        at = self.server.address
        where = webdav.url_path(path)
        return f"http://{_authority(at)}{where}" if self.server.proxy and at.kind is Kind.DAV else where

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        headers = {"User-Agent": "Frisket", "Accept-Encoding": "identity", **more}
        if self.server.user:
            pair = f"{self.server.user}:{self.server.password}".encode()
            headers["Authorization"] = "Basic " + base64.b64encode(pair).decode("ascii")
        return headers

    def _ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None, folder: bool = False
    ) -> tuple[int, bytes]:
        """Status and body; what a status means in general is raised. A kept connection that broke is made anew."""
        where = self._target(self._path(path)) + ("/" if folder and self._path(path) != "/" else "")
        with self._told():
            for fresh in (self._connection is None, True):
                if self._connection is None:
                    self._connection = self._connect()
                try:
                    self._connection.request(method, where, body or None, self._headers(headers or {}))
                    answer = self._connection.getresponse()
                    told = answer.read(_LONGEST_ANSWER + 1)
                except (OSError, http.client.HTTPException):
                    self.close()
                    if fresh:
                        raise
                    continue
                break
            if len(told) > _LONGEST_ANSWER or answer.will_close:
                self.close()
            if len(told) > _LONGEST_ANSWER:
                raise WireError("an answer without end")
        _meaning(answer.status)
        return answer.status, told

    # -- what a server can do

    def _list(self, path: str, most: int) -> list[There]:
        status, told = self._ask("PROPFIND", path, webdav.PROPFIND, {**_XML, "Depth": "1"}, folder=True)
        if status != _MANY:
            raise PlaceRefuses("the server is none for WebDAV")
        with self._told():
            found = webdav.read_multistatus(told, most=most + 2)
        members = webdav.children(found, self._path(path))[:most]
        return [
            There(name, each.folder, each.octets or 0, _stamp(each), _moment(each.modified)) for name, each in members
        ]

    def _rename(self, old: str, new: str) -> None:
        at = self.server.address
        scheme = "https" if at.kind is Kind.DAVS else "http"
        to = f"{scheme}://{_authority(at)}{webdav.url_path(self._path(new))}"
        self._ask("MOVE", old, headers={"Destination": to, "Overwrite": "F"})

    def _remove(self, path: str) -> None:
        self._ask("DELETE", path)

    def _make_folder(self, path: str) -> None:
        status, _ = self._ask("MKCOL", path, folder=True)
        if status == http.client.METHOD_NOT_ALLOWED:
            raise FileExistsError

    def _write(self, path: str, text: bytes) -> None:
        self._ask("PUT", path, text, {"Content-Type": "text/plain; charset=utf-8"})

    def open(self, path: str) -> Opened:
        where = self._target(self._path(path))
        with self._told():
            connection = self._connect()
            try:
                connection.request("GET", where, headers=self._headers({}))
                answer = connection.getresponse()
            except BaseException:
                connection.close()
                raise
        try:
            _meaning(answer.status)
            if answer.status != http.client.OK:
                raise PlaceRefuses(f"the server answers {answer.status}")
        except BaseException:
            connection.close()
            raise
        octets = answer.length if answer.length is not None else -1

        def piece() -> bytes:
            with self._told():
                return answer.read(PIECE)

        stamp = answer.getheader("ETag", "") or answer.getheader("Last-Modified", "")
        return reading(piece, connection.close, octets, stamp, lambda: self._still(path))

    def _still(self, path: str) -> str:
        """What HEAD says of the file now."""
        with self._told():
            connection = self._connect()
            try:
                connection.request("HEAD", self._target(self._path(path)), headers=self._headers({}))
                answer = connection.getresponse()
                answer.read()
                return answer.getheader("ETag", "") or answer.getheader("Last-Modified", "")
            finally:
                connection.close()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(OSError):
                connection.close()


def _authority(at: Address) -> str:
    host = f"[{at.host}]" if ":" in at.host else at.host
    return host if at.port == (443 if at.kind is Kind.DAVS else 80) else f"{host}:{at.port}"


def _inside_tls(
    at: Address, context: TlsContext, timeout_s: float, proxy: tuple[str, int] | None
) -> http.client.HTTPSConnection:
    """To the server itself, through the proxy where there is one; not connected yet."""
    host, port = proxy or (at.host, at.port)
    fresh = http.client.HTTPSConnection(host, port, context=context, timeout=timeout_s)
    if proxy is not None:
        fresh.set_tunnel(at.host, at.port)
    return fresh


def shown_by_https(address: Address, timeout_s: float, proxy: tuple[str, int] | None) -> str:
    """SHA-256 of the server's certificate, in hexadecimal. Raises as http.client does."""
    connection = _inside_tls(address, keys.looking_context(), timeout_s, proxy)
    try:
        connection.connect()
        assert isinstance(connection.sock, TlsSocket)
        return keys.peer_fingerprint(connection.sock).hex()
    finally:
        connection.close()


def _stamp(each: webdav.Resource) -> str:
    return f"{each.etag}:{each.modified}"


def _moment(modified: str) -> str:
    try:
        return parsedate_to_datetime(modified).isoformat(timespec="seconds") if modified else ""
    except (ValueError, TypeError, IndexError, OverflowError):
        return ""


def _meaning(status: int) -> None:
    """Raises what a status means wherever it comes (RFC 4918 section 11, RFC 9110 section 15)."""
    if status < 300 or status == http.client.METHOD_NOT_ALLOWED:
        return
    if status in (http.client.NOT_FOUND, http.client.GONE, http.client.CONFLICT):
        raise Vanished("the server has no such file")
    if status == _TAKEN:
        raise FileExistsError
    if status == _LOCKED:
        raise StillWritten("another program holds the file")
    if status < 400:
        raise PlaceRefuses("the server sends us elsewhere, and we go nowhere but where the address says")
    if status < 500:
        raise PlaceRefuses(f"the server refuses with {status}")
    raise PlaceGone(f"the server failed with {status}")
