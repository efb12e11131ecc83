"""FTP servers: TLS on both connections (RFC 4217), passive mode only; in clear only where the level allows."""

import ftplib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from socket import socket
from typing import Any

from frisket.intake.sources.address import Address
from frisket.intake.sources.errors import PlaceGone, PlaceRefuses, Vanished
from frisket.intake.sources.place import PIECE, Opened
from frisket.intake.sources.remote import RemotePlace, Server, There, TlsSocket, WrongCertificate, reading
from frisket.intake.sources.views import Kind
from frisket.plumbing import keys
from frisket.plumbing.keys import TlsRefused
from frisket.wire import ftp as wire

__all__ = ["FtpPlace", "shown_by_ftp"]

_LONGEST_LISTING = 8 << 20  # octets


class _Secure(ftplib.FTP_TLS):
    """Data connections go on with the session of the control connection: many servers want that as a proof."""

    def ntransfercmd(self, cmd: str, rest: Any = None) -> tuple[socket, int | None]:
        plain, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        session = self.sock.session if isinstance(self.sock, TlsSocket) else None
        return self.context.wrap_socket(plain, server_hostname=self.host, session=session), size


class FtpPlace(RemotePlace):
    """One connection for orders, and one for each file that is read."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self._client: ftplib.FTP | None = None
        self._features: frozenset[str] = frozenset()

    def _path(self, path: str) -> str:
        return "/" + "/".join(part for part in (self.server.address.path, path) if part)

    def _connect(self) -> ftplib.FTP:
        server = self.server
        secure = server.address.kind is Kind.FTPS
        client = _Secure(context=server.tls(), timeout=server.stall_s) if secure else ftplib.FTP(timeout=server.stall_s)
        client.set_pasv(True)
        try:
            client.connect(server.address.host, server.address.port, timeout=server.connect_s)
            if isinstance(client, ftplib.FTP_TLS):
                client.auth()
            if client.sock is not None:
                client.sock.settimeout(server.stall_s)
            client.timeout = server.stall_s
            client.login(server.user or "anonymous", server.password)
            if isinstance(client, ftplib.FTP_TLS):
                client.prot_p()
            client.voidcmd("TYPE I")
        except BaseException:
            client.close()
            raise
        return client

    def _now(self) -> ftplib.FTP:
        if self._client is None:
            self._client = self._connect()
            with suppress(ftplib.error_perm):
                self._features = wire.features(self._client.sendcmd("FEAT"))
        return self._client

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except ftplib.error_perm as error:
            raise _meaning(error) from error
        except TlsRefused as error:
            self.close()
            raise PlaceRefuses("the server shows another certificate than the one that was adopted") from error
        except WrongCertificate as error:
            self.close()
            raise PlaceRefuses("the server's certificate is not of the authority that was named") from error
        except (ftplib.Error, OSError, EOFError, ValueError) as error:
            self.close()
            raise PlaceGone("the server does not answer") from error

    def _do(self, act: Callable[[ftplib.FTP], Any]) -> Any:
        with self._told():
            return act(self._now())

    # -- what a server can do

    def _list(self, path: str, most: int) -> list[There]:
        where = self._path(path)

        def ask(client: ftplib.FTP) -> list[wire.Listed]:
            if "MLST" in self._features:
                return wire.read_mlsd(_gather(client, f"MLSD {where}"), most=most)
            client.cwd(where)  # a LIST of what is not there is an empty one on some servers
            return wire.read_list(_gather(client, "LIST"), most=most)

        found: list[wire.Listed] = self._do(ask)
        return [
            There(each.name, each.kind == "folder", each.octets, each.stamp, _moment(each.stamp))
            for each in found
            if each.kind != "other"
        ]

    def _rename(self, old: str, new: str) -> None:
        """RNTO replaces on many servers, so the name is asked for first; only we write into our own folders."""

        def act(client: ftplib.FTP) -> None:
            with suppress(ftplib.error_perm):
                client.size(self._path(new))
                raise FileExistsError
            try:
                client.rename(self._path(old), self._path(new))
            except ftplib.error_perm:
                client.size(self._path(old))  # 550 says "no such file" and "you may not" alike: raises when it is gone
                raise PlaceRefuses("this name may not move files there") from None

        self._do_named(act)

    def _do_named(self, act: Callable[[ftplib.FTP], None]) -> None:
        taken = False

        def quietly(client: ftplib.FTP) -> None:
            nonlocal taken
            try:
                act(client)
            except FileExistsError:
                taken = True  # an OSError: to the rest of this module it would mean a broken connection

        self._do(quietly)
        if taken:
            raise FileExistsError

    def _remove(self, path: str) -> None:
        self._do(lambda client: client.delete(self._path(path)))

    def _make_folder(self, path: str) -> None:
        def act(client: ftplib.FTP) -> None:
            try:
                client.mkd(self._path(path))
            except ftplib.error_perm as error:
                before = client.pwd()
                client.cwd(self._path(path))  # there already; else it raises why not
                client.cwd(before)
                raise FileExistsError from error

        self._do_named(act)

    def _write(self, path: str, text: bytes) -> None:
        def act(client: ftplib.FTP) -> None:
            with client.transfercmd(f"STOR {self._path(path)}") as data:
                data.sendall(text)
                _end(data)
            client.voidresp()

        self._do(act)

    def open(self, path: str) -> Opened:
        where = self._path(path)
        octets = self._do(lambda client: client.size(where))
        stamp = self._stamp(where)
        with self._told():
            client = self._connect()
            try:
                data = client.transfercmd(f"RETR {where}")
            except BaseException:
                client.close()
                raise
        ended = False

        def piece() -> bytes:
            nonlocal ended
            if ended:
                return b""
            with self._told():
                got = data.recv(PIECE)
                if not got:
                    ended = True
                    _end(data)
                    data.close()
                    client.voidresp()
                return got

        def close() -> None:
            data.close()
            client.close()

        return reading(piece, close, octets if octets is not None else -1, stamp, lambda: self._stamp(where))

    def _stamp(self, where: str) -> str:
        def ask(client: ftplib.FTP) -> str:
            try:
                return client.sendcmd(f"MDTM {where}")
            except ftplib.error_perm:
                return ""

        return str(self._do(ask))

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(ftplib.Error, OSError, EOFError):
                client.quit()
            client.close()


def shown_by_ftp(address: Address, timeout_s: float) -> str:
    """SHA-256 of the certificate of the control connection, in hexadecimal."""
    with ftplib.FTP_TLS(context=keys.looking_context(), timeout=timeout_s) as client:
        client.connect(address.host, address.port)
        client.auth()
        assert isinstance(client.sock, TlsSocket)
        return keys.peer_fingerprint(client.sock).hex()


def _gather(client: ftplib.FTP, command: str) -> bytes:
    """A whole listing, bounded."""
    told = bytearray()
    with client.transfercmd(command) as data:
        while piece := data.recv(PIECE):
            told += piece
            if len(told) > _LONGEST_LISTING:
                raise EOFError("a listing without end")
        _end(data)
    client.voidresp()
    return bytes(told)


def _end(data: Any) -> None:
    """Close the TLS of a data connection in order; a server that does not answer that is let go."""
    if isinstance(data, TlsSocket):
        with suppress(OSError, ValueError):
            data.settimeout(2)
            data.unwrap()


def _moment(stamp: str) -> str:
    """The time of MLSD (RFC 3659 section 2.3) as ISO 8601; that of LIST is shown as it came."""
    digits = stamp.partition(":")[0].partition(".")[0]
    if len(digits) == 14 and digits.isascii() and digits.isdigit():
        return f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}T{digits[8:10]}:{digits[10:12]}:{digits[12:]}+00:00"
    return stamp


def _meaning(error: ftplib.error_perm) -> Exception:
    code = str(error)[:3]
    if code == "550":
        return Vanished("the server has no such file, or does not show it")
    return PlaceRefuses(f"the server refuses with {code}" if code.isdigit() else "the server refuses")
