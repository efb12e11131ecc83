"""The SNMP client against net-snmp's agent, and against one that misbehaves in every way agents do."""

import asyncio
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.peers.agents import Counter, ReplayAgent, Snmpd, office, snmpd

from frisket.errors import FrisketError
from frisket.plumbing import snmp

PRT, SERIAL, MARKED = "1.3.6.1.2.1.43", "1.3.6.1.2.1.43.5.1.1.17.1", "1.3.6.1.2.1.43.10.2.1.4.1.1"
QUICK = snmp.Limits(timeout_s=0.3, retries=0, seconds=3.0)
needs_snmpd = pytest.mark.skipif(
    shutil.which("snmpd") is None and not Path("/usr/sbin/snmpd").exists(), reason="snmpd is not installed"
)


def ask(port: int, access: snmp.Access, limits: snmp.Limits = QUICK, **what: object) -> dict[str, snmp.Value]:
    return asyncio.run(snmp.read("127.0.0.1", port, access, limits=limits, **what))  # type: ignore[arg-type]


PUBLIC = snmp.Community("public")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> "object":
    with snmpd(tmp_path_factory.mktemp("snmpd"), office()) as running:
        yield running


@needs_snmpd
@pytest.mark.peer("snmpd")
@pytest.mark.requirement("FLEET-08")
@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_real_agent_is_read_whole_by_each_version(real: Snmpd, version: int) -> None:
    access = (
        snmp.user(Snmpd.USER, "sha256", Snmpd.AUTH, "aes128", Snmpd.PRIV)
        if version == 3
        else snmp.Community("public", version)
    )
    found = ask(real.port, access, snmp.Limits(), scalars=[SERIAL, f"{PRT}.5.1.1.99.1"], tables=[PRT])
    wanted = {oid: value for oid, value in office().items() if oid.startswith(f"{PRT}.")}
    assert found == wanted


@needs_snmpd
@pytest.mark.peer("snmpd")
def test_a_wrong_user_or_password_of_v3_is_told_from_silence(real: Snmpd) -> None:
    for wrong in (
        snmp.user("nobody", "sha256", Snmpd.AUTH, "aes128", Snmpd.PRIV),
        snmp.user(Snmpd.USER, "sha256", "not the password", "aes128", Snmpd.PRIV),
        snmp.user(Snmpd.USER, "sha512", Snmpd.AUTH, "aes128", Snmpd.PRIV),
        snmp.user(Snmpd.USER, "sha256", Snmpd.AUTH),
        snmp.user(Snmpd.USER, "", ""),
    ):
        with pytest.raises(snmp.Denied):
            ask(real.port, wrong, scalars=[SERIAL])
    for silent in (
        snmp.user(Snmpd.USER, "sha256", Snmpd.AUTH, "aes128", "not the password"),
        snmp.Community("private"),
    ):
        with pytest.raises(snmp.NoAnswer):
            ask(real.port, silent, scalars=[SERIAL])


@needs_snmpd
@pytest.mark.peer("snmpd")
def test_what_v3_asks_cannot_be_read_on_the_way(real: Snmpd) -> None:
    """A proxy that reads along finds neither the serial number nor a password; by v2c it finds both."""

    async def both(access: snmp.Access) -> bytes:
        loop, seen = asyncio.get_running_loop(), bytearray()

        class Between(asyncio.DatagramProtocol):
            peer: tuple[str, int] | None = None

            def connection_made(self, transport: object) -> None:
                self.transport = transport

            def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
                seen.extend(data)
                if address[1] != real.port:
                    Between.peer = address
                target = ("127.0.0.1", real.port) if address[1] != real.port else Between.peer
                self.transport.sendto(data, target)  # type: ignore[attr-defined]

        transport, _ = await loop.create_datagram_endpoint(Between, local_addr=("127.0.0.1", 0))
        port = transport.get_extra_info("sockname")[1]
        try:
            found = await snmp.read("127.0.0.1", port, access, scalars=[SERIAL])
        finally:
            transport.close()
        assert found[SERIAL] == b"EX0815"
        return bytes(seen)

    sealed = asyncio.run(both(snmp.user(Snmpd.USER, "sha256", Snmpd.AUTH, "aes128", Snmpd.PRIV)))
    assert b"EX0815" not in sealed and Snmpd.AUTH.encode() not in sealed
    clear = asyncio.run(both(PUBLIC))
    assert b"EX0815" in clear and b"public" in clear


def test_secrets_are_in_no_text() -> None:
    shown = repr(snmp.user("mon", "sha256", "authentic enough", "aes128", "private enough")) + repr(
        snmp.Community("hidden-word")
    )
    assert "enough" not in shown and "hidden-word" not in shown and "auth_key" not in shown
    with pytest.raises(snmp.WeakPassword) as weak:
        snmp.user("mon", "sha256", "short")
    assert "short" not in str(weak.value)


@pytest.mark.parametrize("version", [1, 2])
def test_what_an_agent_does_not_have_is_left_out(version: int) -> None:
    with ReplayAgent(office()) as agent:
        found = ask(agent.port, snmp.Community("public", version), scalars=[f"{PRT}.9999.1", SERIAL, MARKED])
    assert found == {SERIAL: b"EX0815", MARKED: 4711}


def test_an_agent_without_getbulk_is_walked_step_by_step() -> None:
    with ReplayAgent(office(), bulk=False) as agent:
        found = ask(agent.port, PUBLIC, tables=[f"{PRT}.11.1.1"])
    assert len(found) == 5 * 8


def test_silence_ends_after_the_time_that_was_given() -> None:
    with ReplayAgent(office()) as agent:
        agent.bend = lambda answer: None
        with pytest.raises(snmp.NoAnswer):
            ask(agent.port, PUBLIC, snmp.Limits(timeout_s=0.1, retries=2), scalars=[SERIAL])
        assert agent.asked == 3
    with pytest.raises(snmp.NoAnswer):  # and nobody is there at all
        ask(agent.port, PUBLIC, scalars=[SERIAL])


def test_an_agent_that_never_ends_or_turns_in_circles_is_left() -> None:
    endless = {f"{PRT}.11.1.1.{n}.1.1": n for n in range(1, 300)}
    with ReplayAgent(endless) as agent:
        with pytest.raises(snmp.Garbled):
            ask(agent.port, PUBLIC, snmp.Limits(values=200), tables=[PRT])
    with ReplayAgent({f"{PRT}.1.{n}": n for n in range(40)}) as agent:
        rounds = agent._look

        def circle(question: int, names: list[str], most: int, v1: bool) -> object:
            error, found = rounds(question, names, most, v1)
            again = [(f"{PRT}.1.1", value) for _, value in found]
            return error, found if names[0] == PRT else again

        agent._look = circle  # type: ignore[method-assign, assignment]
        with pytest.raises(snmp.Garbled):
            ask(agent.port, PUBLIC, tables=[PRT])


def test_long_text_and_odd_numbers_stay_within_limits() -> None:
    walk = {SERIAL: b"x" * 2000, MARKED: Counter(2**32 - 1), f"{PRT}.5.1.1.18.1": -1}
    with ReplayAgent(walk) as agent:
        found = ask(agent.port, PUBLIC, tables=[f"{PRT}.5.1.1", f"{PRT}.10.2.1"])
    assert found == {SERIAL: b"x" * 1024, MARKED: 2**32 - 1, f"{PRT}.5.1.1.18.1": -1}


def _bent(answer: bytes, random_: random.Random) -> bytes | None:
    """An answer with octets changed, taken away, repeated or put in."""
    octets = bytearray(answer)
    for _ in range(random_.randint(1, 4)):
        at, act = random_.randrange(len(octets) or 1), random_.randrange(5)
        if act == 0 and octets:
            octets[at] = random_.randrange(256)
        elif act == 1:
            del octets[at : at + random_.randint(1, 9)]
        elif act == 2:
            octets[at:at] = random_.randbytes(random_.randint(1, 9))
        elif act == 3:
            octets[at:at] = octets[at : at + random_.randint(1, 30)]
        elif octets:
            octets[at] = random_.choice((0x80, 0x84, 0xFF, 0x30, 0x02, 0x41, 0x46, 0))
    return bytes(octets) or b"\0"


def _survives(rounds: int, seed: int) -> int:
    """Read from an agent whose answers are bent; only our own errors come out. Returns how many readings."""
    random_ = random.Random(seed)
    limits = snmp.Limits(timeout_s=0.02, retries=0, seconds=0.3, values=400)
    with ReplayAgent(office()) as agent:
        agent.bend = lambda answer: _bent(answer, random_)
        for turn in range(rounds):
            access = snmp.Community("public", 1 + turn % 2)
            try:
                found = ask(agent.port, access, limits, scalars=[SERIAL, MARKED], tables=[f"{PRT}.11.1.1"])
                assert len(found) <= 400
            except FrisketError as error:
                assert isinstance(error, snmp.NoAnswer | snmp.Denied | snmp.Garbled)
        return rounds


def test_whatever_an_agent_answers_only_our_own_errors_come_out() -> None:
    assert _survives(60, 7) == 60


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=1, max_size=200))
def test_octets_that_are_no_snmp_at_all_end_in_our_own_errors(octets: bytes) -> None:
    with ReplayAgent(office()) as agent:
        agent.bend = lambda answer: octets
        with pytest.raises((snmp.NoAnswer, snmp.Garbled, snmp.Denied)):
            ask(agent.port, PUBLIC, snmp.Limits(timeout_s=0.02, retries=0, seconds=0.2), scalars=[SERIAL])
