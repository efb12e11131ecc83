"""Where a folder or store is: an absolute path, or a URL that holds no credential."""

import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path

from frisket.intake.sources.errors import BadSource
from frisket.intake.sources.names import relative
from frisket.intake.sources.views import Kind

__all__ = ["Address"]

LONGEST = 400
_PORTS = {Kind.SMB: 445, Kind.FTPS: 21, Kind.FTP: 21, Kind.DAVS: 443, Kind.DAV: 80}
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
_AT = re.compile(r"([a-z]+)://(\[[0-9a-f:.]+\]|[^/\[\]:@]+)(?::([0-9]{1,5}))?(?:/(.*))?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Address:
    """``host`` without brackets; ``path`` without outer slashes, for SMB beginning with the share."""

    kind: Kind
    host: str
    port: int
    path: str

    @classmethod
    def read(cls, text: str) -> "Address":
        """``/srv/in``, ``usb:/media/stick``, ``smb://host/share/folder``, ``ftps://``, ``ftp://``, ``davs://``, ``dav://host:port/folder``.

        Raises BadSource, which never repeats the address.
        """
        if not text or len(text) > LONGEST:
            raise BadSource("the address is empty or too long")
        if text.startswith("/"):
            return cls(Kind.FOLDER, "", 0, "/" + relative_to_root(text))
        if text.startswith("usb:/"):
            return cls(Kind.USB, "", 0, "/" + relative_to_root(text.removeprefix("usb:")))
        found = _AT.fullmatch(text)
        if found is None:
            raise BadSource("the address is no absolute path and no URL with a host, or names somebody")
        scheme = {"https": "davs", "http": "dav"}.get(found[1].lower(), found[1].lower())
        if scheme not in {kind.value for kind in _PORTS}:
            raise BadSource("the address begins with none of smb, ftps, ftp, davs, dav, usb")
        kind = Kind(scheme)
        path = relative(found[4] or "")
        if any(char in path for char in "?#"):
            raise BadSource("the address has a question mark or a number sign")
        if kind is Kind.SMB and not path:
            raise BadSource("the address names no share")
        port = int(found[3]) if found[3] else _PORTS[kind]
        if not 0 < port < 65536:
            raise BadSource("the address has no valid port")
        return cls(kind, _host(found[2].strip("[]")), port, path)

    @property
    def text(self) -> str:
        """The canonical form."""
        if self.kind is Kind.FOLDER:
            return self.path
        if self.kind is Kind.USB:
            return f"usb:{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.kind.value}://{host}:{self.port}/{self.path}"

    @property
    def place(self) -> Path:
        """Of a folder of this machine, or of storage plugged into it."""
        return Path(self.path)


def relative_to_root(path: str) -> str:
    normal = os.path.normpath(path).lstrip("/")
    if not normal or normal == "." or "\0" in normal:
        raise BadSource("the folder is the root of everything, or has no name")
    return normal


def _host(host: str) -> str:
    host = host.lower().rstrip(".")
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():
        raise BadSource("the address has no valid host")
    return host
