"""SMB shares: SMB 3 with encryption, NTLMv2 or Kerberos; nothing older is spoken (OCE-11, W13)."""

import errno
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import smbclient
from smbprotocol.exceptions import (
    SMBAuthenticationError,
    SMBException,
    SMBLinkRedirectionError,
    SMBOSError,
    SMBResponseException,
    SMBUnsupportedFeature,
)
from smbprotocol.header import NtStatus
from spnego.exceptions import SpnegoError

from frisket.intake.sources.errors import NotADocument, PlaceGone, PlaceRefuses, StillWritten, Vanished
from frisket.intake.sources.place import PIECE, Opened
from frisket.intake.sources.remote import RemotePlace, Server, There, reading

__all__ = ["SmbPlace"]

# The SMB library looks here for what it may prove itself with; below 3 that would be LM and NTLMv1.
os.environ["LM_COMPAT_LEVEL"] = "5"
# A referral would send our credentials to a server nobody named (R20).
smbclient.ClientConfig(skip_dfs=True)
for _name in ("smbprotocol", "smbclient", "spnego"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)  # they write down names of files and people

_GONE_LINK = {NtStatus.STATUS_STOPPED_ON_SYMLINK}
_BUSY = {NtStatus.STATUS_SHARING_VIOLATION}
_DENIED = {
    NtStatus.STATUS_ACCESS_DENIED,
    NtStatus.STATUS_LOGON_FAILURE,
    NtStatus.STATUS_BAD_NETWORK_NAME,
    NtStatus.STATUS_PRIVILEGE_NOT_HELD,
}


class SmbPlace(RemotePlace):
    """One connection of its own, made at the first use and again after it broke."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self._cache: dict[str, Any] = {}
        self._session: Any = None

    def _unc(self, path: str) -> str:
        parts = [self.server.address.host, self.server.address.path, path]
        return "\\\\" + "\\".join(part.replace("/", "\\") for part in parts if part)

    def _how(self) -> dict[str, Any]:
        """Which connection and session; signs in when there is none."""
        server = self.server
        how: dict[str, Any] = {
            "username": server.user or None,
            "password": server.password or None,
            "port": server.address.port,
        }
        how |= {"connection_cache": self._cache, "encrypt": True, "connection_timeout": int(server.connect_s)}
        if self._session is None:
            self._session = smbclient.register_session(server.address.host, **how)
            connection = self._session.connection
            if not connection.supports_encryption or not self._session.encrypt_data:
                raise PlaceRefuses("the server does not encrypt")
        return how

    def _do(self, act: Callable[..., Any], *values: Any, **named: Any) -> Any:
        with self._told():
            return act(*values, **named, **self._how())

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except SMBOSError as error:
            raise _meaning(error) from error
        except SMBLinkRedirectionError as error:
            raise NotADocument("it leads out of the share") from error
        except SMBUnsupportedFeature as error:
            self.close()
            raise PlaceRefuses("the server speaks no SMB 3 with encryption") from error
        except (SMBAuthenticationError, SpnegoError) as error:
            self.close()
            raise PlaceRefuses("the server did not accept the name and password") from error
        except SMBResponseException as error:
            self.close()
            if error.status in _DENIED:
                raise PlaceRefuses("the server did not accept the name and password, or has no such share") from error
            raise PlaceGone("the share cannot be used") from error
        except (SMBException, OSError, ValueError) as error:
            self.close()
            raise PlaceGone("the server does not answer") from error

    # -- what a share can do

    def _list(self, path: str, most: int) -> list[There]:
        with self._told():
            found: list[There] = []
            with smbclient.scandir(self._unc(path), **self._how()) as entries:
                for entry in entries:
                    if len(found) >= most:
                        break
                    if not entry.is_symlink():
                        found.append(_there(entry))
            return found

    def _rename(self, old: str, new: str) -> None:
        self._do(smbclient.rename, self._unc(old), self._unc(new))

    def _remove(self, path: str) -> None:
        self._do(smbclient.remove, self._unc(path))

    def _make_folder(self, path: str) -> None:
        self._do(smbclient.mkdir, self._unc(path))

    def _write(self, path: str, text: bytes) -> None:
        with self._told():
            with smbclient.open_file(self._unc(path), mode="wb", **self._how()) as out:
                out.write(text)

    def open(self, path: str) -> Opened:
        where = self._unc(path)
        with self._told():
            now = smbclient.stat(where, follow_symlinks=False, **self._how())
            file = smbclient.open_file(where, mode="rb", buffering=0, share_access="rd", **self._how())

        def piece() -> bytes:
            with self._told():
                return bytes(file.read(PIECE))

        def still() -> str:
            with self._told():
                return _stamp(smbclient.stat(where, follow_symlinks=False, **self._how()))

        def close() -> None:
            with suppress(SMBException, OSError, ValueError):
                file.close()

        return reading(piece, close, now.st_size, _stamp(now), still)

    def close(self) -> None:
        self._session = None
        with suppress(SMBException, OSError, ValueError):
            smbclient.reset_connection_cache(fail_on_error=False, connection_cache=self._cache)
        self._cache.clear()


def _there(entry: Any) -> There:
    info = entry.smb_info
    written = info.last_write_time
    stamp = f"{info.file_id}:{written.timestamp()}"
    return There(entry.name, entry.is_dir(), info.end_of_file, stamp, written.isoformat(timespec="seconds"))


def _stamp(now: Any) -> str:
    return f"{now.st_size}:{now.st_mtime_ns}"


def _meaning(error: SMBOSError) -> Exception:
    if error.ntstatus in _BUSY:
        return StillWritten("another program holds the file open")
    if error.ntstatus in _GONE_LINK:
        return NotADocument("it leads out of the share")
    if error.errno == errno.ENOENT:
        return Vanished("the file is not there any more")
    if error.errno == errno.EEXIST:
        return FileExistsError(errno.EEXIST, "the name is taken")
    if error.ntstatus in _DENIED or error.errno in (errno.EACCES, errno.EPERM):
        return PlaceRefuses("this name may not read and change what is in the share, or there is no such share")
    return PlaceGone("the share cannot be used")
