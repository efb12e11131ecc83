"""Addresses of devices: four schemes, no credential, nothing that could reach into a header."""

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
# One segment, because it stands on a line of LPD as one word.
_QUEUE = re.compile(r"/[A-Za-z0-9._+-]{1,63}", re.ASCII)
_PORTS = {"socket": 9100, "lpd": 515, "ipp": 631, "ipps": 631}
_PATHS = {"socket": "", "lpd": "/lp", "ipp": "/ipp/print", "ipps": "/ipp/print"}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a device is. ``host`` has no brackets; ``path`` is "" for socket, "/" and the queue for lpd."""

    scheme: str  # socket, lpd, ipp, ipps
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
        if port == 0:
            raise BadAddress("port 0 is no port of a device")
        return cls(scheme, _host(parts.hostname or ""), port or _PORTS[scheme], _path(scheme, parts.path))

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


def _path(scheme: str, path: str) -> str:
    if scheme == "socket" and path not in ("", "/"):
        raise BadAddress("a socket address has no path")
    if scheme == "lpd" and path not in ("", "/") and not _QUEUE.fullmatch(path):
        raise BadAddress("an lpd address has one queue name of letters, digits, dots, dashes behind its host")
    if not path or (path == "/" and scheme in ("socket", "lpd")):
        return _PATHS[scheme]
    return path


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
