"""Addresses of peers and the networks they may be in: one way of reading both, for every door."""

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache

__all__ = ["Network", "read", "within"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def read(texts: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks in CIDR form. Raises ValueError, also for a network with bits of a host in it."""
    return tuple(ipaddress.ip_network(each.strip()) for each in texts)


def within(address: str, networks: Sequence[Network]) -> bool:
    """Whether a peer's address lies in one of them; what is no address lies nowhere."""
    found = _address(address)
    return found is not None and any(found in network for network in networks)


@lru_cache(maxsize=4096)
def _address(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    # A dual-stack listener shows an IPv4 peer as ::ffff:192.0.2.1; it is the same peer.
    return getattr(found, "ipv4_mapped", None) or found
