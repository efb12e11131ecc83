"""Is this request meant for us, and does a change come from our own pages? Values in, verdict out."""

import ipaddress
import socket
from collections.abc import Collection
from functools import lru_cache
from urllib.parse import urlsplit

__all__ = ["is_ours", "own_names", "same_origin"]


@lru_cache(maxsize=1)
def own_names() -> frozenset[str]:
    """What this machine calls itself."""
    name = socket.gethostname().lower()
    short = name.partition(".")[0]
    return frozenset({"localhost", name, short, f"{short}.local"})


def is_ours(host: str, named: Collection[str]) -> bool:
    """Whether a Host header names this house.

    An address in figures is always ours: whoever reaches us by it cannot have rebound a name of theirs.
    """
    try:
        parts = urlsplit(f"//{host}")
        name, _port = parts.hostname, parts.port  # the port is read to be sure that it is one
    except ValueError:
        return False
    if not name:
        return False
    try:
        ipaddress.ip_address(name.partition("%")[0])
        return True
    except ValueError:
        pass
    name = name.rstrip(".")
    return name in own_names() or name in {each.lower().rstrip(".") for each in named}


def same_origin(host: str, origin: str | None, site: str | None) -> bool:
    """Whether a change was sent by one of our own pages, or by a program that is no browser.

    origin, site: the headers Origin and Sec-Fetch-Site; None where the peer sent none.
    """
    if site is not None and site not in ("same-origin", "none"):
        return False
    if origin is None:
        return True
    return origin.lower() in (f"https://{host.lower()}", f"https://{_without_port(host.lower())}")


def _without_port(host: str) -> str:
    return host.removesuffix(":443")
