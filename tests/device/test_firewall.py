"""The rules a firewall of this machine needs, by how each device is reached; nft itself reads them."""

import os
import subprocess

import pytest

from frisket import device
from frisket.plumbing.db import transaction
from tests.conftest import House
from tests.peers.programs import program

ADDRESSES = {
    "raw": "socket://192.0.2.7",
    "raw-else": "socket://192.0.2.8:9101",
    "line": "lpd://192.0.2.9/PASSTHRU",
    "six": "ipps://[2001:db8::1]/ipp/print",
    "named": "lpd://printer.example/lp",
    "off": "socket://192.0.2.10",
}


@pytest.fixture
def rules(house: House) -> list[str]:
    by = house.administrator
    with transaction() as tx:
        for name, uri in ADDRESSES.items():
            device.add_device(house.scope, device.NewDevice(name, uri), by=by, tx=tx)
        off = device.device_by_name(house.scope, "off")
        device.change_device(house.scope, off.id, device.DeviceChange(active=False), by=by, tx=tx)
    return device.firewall_rules(device.devices(house.scope))


@pytest.mark.requirement("PREP-86")
def test_each_choice_of_raw_or_lpr_says_which_port_has_to_be_open_to_whom(rules: list[str]) -> None:
    assert sorted(rules) == sorted(
        [
            'ip daddr 192.0.2.7 tcp dport 9100 accept comment "raw: RAW"',
            'ip daddr 192.0.2.8 tcp dport 9101 accept comment "raw-else: RAW"',
            'ip daddr 192.0.2.9 tcp dport 515 accept comment "line: LPR"',
            'ip6 daddr 2001:db8::1 tcp dport 631 accept comment "six: IPPS"',
            'tcp dport 515 accept comment "named: LPR, printer.example"',
        ]
    )


@pytest.mark.peer("nft")
@pytest.mark.requirement("PREP-86")
def test_nft_takes_the_rules_as_they_are_printed(rules: list[str]) -> None:
    if os.geteuid() != 0:
        pytest.skip("nft asks the kernel even to check, which only root may")
    chain = "type filter hook output priority 0; policy drop;"
    text = "table inet house {\nchain output {\n" + "\n".join([chain, *rules]) + "\n}\n}\n"
    done = subprocess.run([program("nft"), "-c", "-f", "-"], input=text.encode(), capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr.decode()
