"""The house's list of addresses at every door that listens; and browsers that ask in clear text."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from tests.journeys.test_lpd_and_raw import free_port
from tests.peers.programs import program
from tests.peers.served import Served, serving

ALL_DOORS = {
    f"DOORS__{door}__{name}": value
    for door in ("WEB", "HTTP", "IPP", "IPPS", "LPD", "RAW", "MAIL")
    for name, value in (("ON", "true"), ("PORT", "0"), ("ADDRESS", "127.0.0.1"))
}
FIRST = {
    "ipp": b"GET / HTTP/1.0\r\n\r\n",
    "http": b"GET / HTTP/1.0\r\n\r\n",
    "lpd": b"\3secure\n",
    "mail": b"EHLO x\r\n",
}
FIRST |= {"raw": b"\x1b%-12345X@PJL ECHO here\r\n"}


@pytest.fixture(scope="module")
def house() -> Iterator[Served]:
    with serving({**ALL_DOORS, "HOUSE__LEVEL": "normal"}) as served:
        served.ask("queue.add", name="secure", hold=True, trust_network=["127.0.0.0/8"])
        yield served


def answered(served: Served, door: str, source: str) -> bool:
    """Whether a peer at that address hears a single octet at the door. An encrypted one is asked in its own way."""
    where = ("127.0.0.1", served.port(door))
    if door in ("web", "ipps"):
        ask = [program("curl"), "-sk", "--interface", source, f"https://127.0.0.1:{where[1]}/healthz"]
        return subprocess.run(ask, capture_output=True, timeout=30).stdout == b"ok\n"
    try:
        with socket.create_connection(where, 30, source_address=(source, 0)) as peer:
            peer.sendall(FIRST[door])
            return peer.recv(1) != b""
    except ConnectionError:
        return False


@pytest.mark.requirement("OCE-07")
@pytest.mark.peer("curl")
def test_who_is_not_on_the_list_gets_no_answer_at_any_door(house: Served) -> None:
    doors = ("web", "http", "ipp", "ipps", "lpd", "raw", "mail")
    strangers = {door for door in doors if answered(house, door, "127.0.0.9")}
    assert strangers == set(doors)
    house.cli("access", "set", "--network", "127.0.0.1", "--network", "2001:db8::/32")
    try:
        assert {door for door in doors if answered(house, door, "127.0.0.9")} == set()
        assert {door for door in doors if answered(house, door, "127.0.0.1")} == set(doors)
        told = {each["door"]: each["open to"] for each in house.ask("whitepaper")["listeners"]}
        assert set(told) == set(doors) and set(told.values()) == {"127.0.0.1/32, 2001:db8::/32"}
        house.restart()
        assert {door for door in doors if answered(house, door, "127.0.0.9")} == set()
    finally:
        house.ask("access.set", networks=[])
    assert {door for door in doors if answered(house, door, "127.0.0.9")} == set(doors)


def test_a_connection_that_rests_is_ended_when_its_address_leaves_the_list(house: Served) -> None:
    with socket.create_connection(("127.0.0.1", house.port("ipp")), 30, source_address=("127.0.0.9", 0)) as peer:
        peer.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert peer.recv(12) == b"HTTP/1.1 200"
        house.ask("access.set", networks=["127.0.0.1"])
        try:
            with suppress(ConnectionError):
                while peer.recv(4096):  # ends within its 30 s, or the read times out
                    pass
        finally:
            house.ask("access.set", networks=[])


@pytest.mark.requirement("OCE-54")
@pytest.mark.peer("curl")
def test_the_upload_page_is_reached_by_the_usual_ports_and_answers_in_tls_only() -> None:
    web, http = (str(free_port(port)) for port in ((443, 80) if os.geteuid() == 0 else (0, 0)))
    ports = {"DOORS__WEB__PORT": web, "DOORS__HTTP__PORT": http}
    with serving({**ALL_DOORS, **ports, "HOUSE__LEVEL": "medium"}) as served:
        assert (served.port("web"), served.port("http")) == (int(web), int(http))
        served.person("alice", password="a quiet walk by the river")
        clear = f"http://localhost:{http}/upload"
        said = curl("-o", os.devnull, "-w", "%{http_code} %{redirect_url}", clear).split()
        asked = urlsplit(said[1])
        assert said[0] == "308" and (asked.scheme, asked.hostname, asked.path) == ("https", "localhost", "/upload")
        assert (asked.port or 443) == int(web)
        assert "<form" in curl("-k", "-L", clear)  # the sign-in, inside TLS
        assert (
            curl("-o", os.devnull, "-w", "%{http_code}", "-d", "password=x", f"http://localhost:{http}/sign-in")
            == "403"
        )
        assert curl("-o", os.devnull, "-w", "%{http_code}", "-H", "Host: elsewhere.example", clear) == "404"


def curl(*words: str) -> str:
    return subprocess.run([program("curl"), "-sS", *words], capture_output=True, timeout=30, check=True).stdout.decode()
