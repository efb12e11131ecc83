"""The frame of SNMP notifications: each kind, cut at every octet, and whatever else a peer may send."""

import random
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fuzz.mutating import upset
from tests.peers.agents import identifier, number, take, tlv

from frisket.wire import snmp
from frisket.wire.errors import WireError

ALERT = "1.3.6.1.2.1.43.18.2.0.1"  # printerV2Alert
BINDING = tlv(0x30, identifier("1.3.6.1.6.3.1.1.4.1.0") + identifier(ALERT))


def pdu(tag: int) -> bytes:
    return tlv(tag, number(4711) + number(0) + number(0) + tlv(0x30, BINDING))


def plain(version: int, inside: bytes) -> bytes:
    return tlv(0x30, number(version) + tlv(4, b"public") + inside)


def third(flags: int, inside: bytes) -> bytes:
    head = tlv(0x30, number(7) + number(65507) + tlv(4, bytes((flags,))) + number(3))
    user = tlv(0x30, tlv(4, b"engine") + number(1) + number(2) + tlv(4, b"mon") + tlv(4, bytes(12)) + tlv(4, bytes(8)))
    return tlv(0x30, number(3) + head + tlv(4, user) + inside)


def scoped(inside: bytes) -> bytes:
    return tlv(0x30, tlv(4, b"engine") + tlv(4, b"") + inside)


V1 = plain(0, tlv(0xA4, identifier(ALERT) + tlv(0x40, bytes(4)) + number(6) + number(1) + tlv(0x43, b"\1") + BINDING))
KINDS = {
    V1: (1, snmp.Kind.TRAP),
    plain(1, pdu(0xA7)): (2, snmp.Kind.TRAP),
    plain(1, pdu(0xA6)): (2, snmp.Kind.INFORM),
    third(0, scoped(pdu(0xA7))): (3, snmp.Kind.TRAP),
    third(1, scoped(pdu(0xA6))): (3, snmp.Kind.INFORM),
    third(7, tlv(4, b"cannot be seen")): (3, snmp.Kind.SEALED),
    third(4, scoped(pdu(0xA0))): (3, snmp.Kind.ASKING),
}


@pytest.mark.parametrize("datagram", KINDS, ids=lambda octets: " ".join(map(str, KINDS[octets])))
def test_each_kind_of_notification_is_known(datagram: bytes) -> None:
    found = snmp.read(datagram)
    assert (found.version, found.kind) == KINDS[datagram]
    assert bool(found.answer) == (KINDS[datagram] == (2, snmp.Kind.INFORM))


def test_an_inform_is_acknowledged_with_its_own_number_and_bindings() -> None:
    _, message, _ = take(snmp.read(plain(1, pdu(0xA6))).answer)
    _, version, rest = take(message)
    _, community, rest = take(rest)
    tag, inside, rest = take(rest)
    assert (version, community, tag, rest) == (b"\1", b"public", 0xA2, b"")
    assert inside == take(pdu(0xA6))[1]


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        plain(1, pdu(0xA0)),  # a question
        plain(1, pdu(0xA2)),  # an answer
        plain(0, pdu(0xA7)),  # a trap of another version
        plain(2, pdu(0xA7)),
        third(0, scoped(pdu(0xA0))),
        V1 + b"\0",
        V1 + bytes(snmp.LONGEST),
    ],
    ids=["nothing", "question", "answer", "mixed", "version", "v3 question", "tail", "long"],
)
def test_what_is_no_notification_is_told_apart(datagram: bytes) -> None:
    with pytest.raises(WireError):
        snmp.read(datagram)


@pytest.mark.parametrize("datagram", KINDS, ids=lambda octets: " ".join(map(str, KINDS[octets])))
def test_a_notification_cut_anywhere_is_none(datagram: bytes) -> None:
    for end in range(len(datagram)):
        with pytest.raises(WireError):
            snmp.read(datagram[:end])


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_whatever_a_peer_sends_only_a_wire_error_comes_out(datagram: bytes) -> None:
    with suppress(WireError):
        snmp.read(datagram)


def test_notifications_that_were_changed_are_read_or_refused() -> None:
    source, read = random.Random(162), 0
    for _ in range(20_000):
        with suppress(WireError):
            found = snmp.read(bytes(upset(source, source.choice(list(KINDS)))))
            assert len(found.answer) <= snmp.LONGEST + 8
            read += 1
    assert read > 500
