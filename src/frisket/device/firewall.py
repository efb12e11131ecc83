"""What a firewall of this machine has to let out so that its devices are reached: rules for nftables, one to a line."""

import ipaddress
from collections.abc import Iterable

from frisket.device.address import Address
from frisket.device.views import DeviceView

__all__ = ["firewall_rules"]

_SPOKEN = {"socket": "RAW", "lpd": "LPR", "ipp": "IPP", "ipps": "IPPS"}


def firewall_rules(devices: Iterable[DeviceView]) -> list[str]:
    """For an output chain, of devices in use only. A host that is a name is let out to by port alone: a rule set is
    read when the machine starts, and a name that cannot be looked up then would make all of it fail."""
    rules: dict[str, None] = {}
    for each in devices:
        if each.active:
            for address in (each.address, *(Address.read(way.uri) for way in each.ways)):
                rules[_rule(each.name, address)] = None
    return list(rules)


def _rule(name: str, address: Address) -> str:
    said = f"{name}: {_SPOKEN[address.scheme]}"
    try:
        found = ipaddress.ip_address(address.host)
    except ValueError:
        return f'tcp dport {address.port} accept comment "{said}, {address.host[:60]}"'
    family = "ip6" if found.version == 6 else "ip"
    return f'{family} daddr {found} tcp dport {address.port} accept comment "{said}"'
