"""What a queue is told as: within the limits of DNS-SD, whatever people write into its fields."""

import asyncio
import os
from collections.abc import Callable
from types import SimpleNamespace

import ifaddr
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import House
from zeroconf import IPVersion
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from frisket import device
from frisket.intake import Advertiser, CannotAdvertise, Reach, addresses_of
from frisket.intake.advertising import Service, services_of
from frisket.plumbing import db

PORTS = {"ipps": 8631, "ipp": 8632}
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=120)


def told(house: House, ports: dict[str, int] = PORTS, **how: object) -> tuple[Service, ...]:
    with db.transaction() as tx:
        queue = device.add_queue(house.scope, device.NewQueue(**{"name": "q", **how}), by=house.administrator, tx=tx)  # type: ignore[arg-type]
    services = services_of(queue, Reach("printhouse.local", ports, "https://printhouse:8443"))
    with db.transaction() as tx:
        device.remove_queue(house.scope, queue.id, by=house.administrator, tx=tx)
    return services


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(info=WORDS, location=WORDS)
def test_names_and_strings_keep_their_limits(house: House, info: str, location: str) -> None:
    for service in told(house, info=info, location=location):
        assert 0 < len(service.name.encode()) <= 63 and "." not in service.name
        for key, value in service.txt:
            assert len(f"{key}={value}".encode()) <= 255


def test_the_flagship_comes_first_and_all_have_one_name(house: House) -> None:
    services = told(house, info="2nd floor, left")
    assert [(each.kind, each.port) for each in services] == [
        ("_printer._tcp", 0),
        ("_ipps._tcp", 8631),
        ("_ipp._tcp", 8632),
    ]
    assert {each.name for each in services} == {"2nd floor, left"}
    assert all(each.txt[0] == ("txtvers", "1") for each in services if each.txt)


def test_a_closed_door_is_not_told(house: House) -> None:
    assert [each.kind for each in told(house, {"ipps": 443})] == ["_printer._tcp", "_ipps._tcp"]
    assert told(house, {}) == ()


def test_who_wants_a_password_says_so(house: House) -> None:
    open_to = {name: dict(told(house, trusted_networks=name)[1].txt)["air"] for name in ((), ("10.0.0.0/8",))}
    assert open_to == {(): "username,password", ("10.0.0.0/8",): "none"}


def test_both_services_say_that_tls_is_there(house: House) -> None:
    flagship, *services = told(house)
    assert flagship.txt == () and {dict(each.txt)["TLS"] for each in services} == {"1.3"}


def machine(monkeypatch: pytest.MonkeyPatch, **adapters: list[str]) -> None:
    """A machine with these interfaces and addresses, as ifaddr tells them."""
    made = [
        SimpleNamespace(name=name, ips=[SimpleNamespace(ip=(each, 0, 2) if ":" in each else each) for each in found])
        for name, found in adapters.items()
    ]
    monkeypatch.setattr(ifaddr, "get_adapters", lambda: made)


def test_addresses_of_one_link_only_are_told_where_there_is_no_other_link(monkeypatch: pytest.MonkeyPatch) -> None:
    wired, wireless = ["192.0.2.7", "2001:db8::7", "fe80::7"], ["198.51.100.7", "fe80::8"]
    machine(monkeypatch, lo=["127.0.0.1", "::1"], eth0=wired, wlan0=wireless)
    assert addresses_of([]) == ["192.0.2.7", "198.51.100.7", "2001:db8::7"]
    assert addresses_of(["eth0"]) == wired
    assert addresses_of(["wlan0", "2001:db8::7"]) == ["198.51.100.7", "2001:db8::7"]
    assert addresses_of(["lo"]) == ["127.0.0.1", "::1"]
    assert addresses_of(["fe80::8"]) == ["fe80::8"]
    for absent in ("eth1", "192.0.2.8", "fe80::9"):
        with pytest.raises(CannotAdvertise):
            addresses_of([absent])


needs_ipv6 = pytest.mark.skipif("::1" not in addresses_of(["lo"]), reason="this machine has no IPv6")


@needs_ipv6
async def test_a_client_of_dns_sd_hears_of_addresses_of_both_kinds(house: House) -> None:
    name, host = f"both {os.getpid()}", f"both{os.getpid()}.local"

    def made() -> None:
        with db.transaction() as tx:
            device.add_queue(house.scope, device.NewQueue("q", info=name), by=house.administrator, tx=tx)

    async def ask(act: Callable[..., list[device.QueueView]], *values: object) -> list[device.QueueView]:
        return await asyncio.to_thread(act, *values)

    await asyncio.to_thread(made)
    reach = Reach(host, PORTS, "https://printhouse:8443")
    advertiser = Advertiser(house.scope, ask, reach, addresses=lambda: addresses_of(["lo"]))
    advertiser.open()
    try:
        async with AsyncZeroconf(interfaces=["127.0.0.1"]) as client, asyncio.timeout(30):
            info = AsyncServiceInfo("_ipps._tcp.local.", f"{name}._ipps._tcp.local.")
            while not (await info.async_request(client.zeroconf, 1000) and info.addresses_by_version(IPVersion.V6Only)):
                pass
        assert sorted(info.parsed_addresses(IPVersion.All)) == ["127.0.0.1", "::1"]
        assert (info.port, info.server) == (PORTS["ipps"], f"{host}.")
    finally:
        await advertiser.close()


@pytest.mark.parametrize(
    ("media", "said"),
    [
        (("iso_a6_105x148mm",), "<legal-A4"),
        (("iso_a5_148x210mm", "na_letter_8.5x11in"), "legal-A4"),
        (("iso_a4_210x297mm", "iso_a3_297x420mm"), "tabloid-A3"),
        (("iso_a0_841x1189mm",), ">isoC-A2"),
    ],
)
def test_the_largest_sheet_is_told_in_the_words_there_are(house: House, media: tuple[str, ...], said: str) -> None:
    can = device.Capabilities(formats=("application/pdf",), media=media, probed=True)
    with db.transaction() as tx:
        new = device.NewDevice("press", "ipp://127.0.0.1:6310/ipp/print", adoption=device.Adoption(can))
        device.add_device(house.scope, new, by=house.administrator, tx=tx)
    assert dict(told(house)[1].txt)["PaperMax"] == said


def test_apple_raster_is_promised_only_where_a_device_takes_it(house: House) -> None:
    assert all("_universal" not in each.subtypes for each in told(house))
    can = device.Capabilities(formats=("application/pdf", "image/urf"), probed=True)
    with db.transaction() as tx:
        device.add_device(
            house.scope,
            device.NewDevice("apple", "ipp://127.0.0.1:6310/ipp/print", adoption=device.Adoption(can)),
            by=house.administrator,
            tx=tx,
        )
    ipps = told(house)[1]
    assert "_universal" in ipps.subtypes and "image/urf" in dict(ipps.txt)["pdl"].split(",")
    assert dict(ipps.txt)["URF"].startswith("V1")
