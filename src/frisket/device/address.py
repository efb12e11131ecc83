"""Addresses of devices: three schemes, no credential, nothing that could reach into a header."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from frisket.device.errors import BadAddress

__all__ = ["Address"]

LONGEST = 300
# The whole repertoire of RFC 3986 without '@' (no userinfo), '?' and '#': what is left cannot carry a
# credential, a control character or a header of its own.
_PLAIN = re.compile(r"[A-Za-z0-9:/\[\]._~!$&'()*+,;=%-]+", re.ASCII)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
_PORTS = {"socket": 9100, "ipp": 631, "ipps": 631}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a device is. ``host`` has no brackets; ``path`` is "" for socket."""

    scheme: str  # socket, ipp, ipps
    host: str
    port: int
    path: str

    @classmethod
    def read(cls, uri: str) -> "Address":
        """Raises BadAddress, which says what is wrong and never repeats the address."""
        if not uri or len(uri) > LONGEST or not _PLAIN.fullmatch(uri):
            raise BadAddress(
                "the address is empty, too long, or holds characters (or a user name) that it must not hold"
            )
        try:
            parts = urlsplit(uri)
            port = parts.port
        except ValueError as error:
            raise BadAddress("the address has no valid host or port") from error
        scheme = parts.scheme.lower()
        if scheme not in _PORTS:
            raise BadAddress("the address begins with a scheme no driver knows")
        if scheme == "socket" and parts.path not in ("", "/"):
            raise BadAddress("a socket address has no path")
        if port == 0:
            raise BadAddress("port 0 is no port of a device")
        path = "" if scheme == "socket" else (parts.path or "/ipp/print")
        return cls(scheme, _host(parts.hostname or ""), port or _PORTS[scheme], path)

    @property
    def uri(self) -> str:
        """The canonical form: lower-case host, the port always said."""
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def secure(self) -> bool:
        return self.scheme == "ipps"


def _host(host: str) -> str:
    host = host.lower().rstrip(".")
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():
        raise BadAddress("the address has no valid host")
    return host
