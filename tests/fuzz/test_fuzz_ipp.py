"""Hostile octets for the IPP codec: only its documented errors come out, and what is read can be written."""

import random
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fuzz.campaign import ADOPTED, forms, run
from tests.fuzz.mutating import upset
from tests.wire.ipp_samples import ALL

from frisket.wire import ipp

RECORDED = [ipp.encode(message) for message in ALL.values()]
DOCUMENTED = (ipp.Malformed, ipp.TooLarge)
FORGIVING = ipp.Limits(forgiving=True)


def mutated(source: random.Random) -> bytes:
    return bytes(upset(source, source.choice(RECORDED)))


def digest(octets: bytes, limits: ipp.Limits = ipp.Limits()) -> ipp.Message | type[Exception]:
    try:
        message, _ = ipp.decode(octets, limits)
    except DOCUMENTED as error:
        assert error.status in (0x0400, 0x0408)
        return type(error)
    return message


def written_again(source: random.Random, octets: bytes) -> bool:
    """Whether it can be read; then what is written of it reads the same."""
    message = digest(octets)
    if not isinstance(message, ipp.Message):
        return False
    assert ipp.decode(ipp.encode(message))[0] == message
    ipp.check_request(message), ipp.check_target(message), ipp.check_lengths(message)
    return True


@forms()
def test_mutated_messages_raise_only_documented_errors(times: int):
    tally = run(times, 8010, mutated, written_again)
    assert min(tally.read, tally.refused) > times // 50


def looked_at(source: random.Random, octets: bytes) -> bool:
    """A device's answer, and every way to ask it for a value."""
    message = digest(octets, FORGIVING)
    if not isinstance(message, ipp.Message):
        return False
    for group in message.groups:
        for name, _ in group:
            group.integer(name), group.boolean(name), group.text(name), group.texts(name), group.first(name)
    return True


@forms(ADOPTED)
def test_mutated_messages_raise_only_documented_errors_from_the_forgiving_reader(times: int):
    assert run(times, 8011, mutated, looked_at).read > times // 50


def alike_in_pieces(source: random.Random, octets: bytes) -> bool:
    whole = digest(octets)
    reader = ipp.Reader()
    pieces: ipp.Message | type[Exception] | None = None
    at = 0
    try:
        while pieces is None and at < len(octets):
            step = source.randint(1, 40)
            pieces = reader.feed(octets[at : at + step])
            at += step
        pieces = reader.end()
    except DOCUMENTED as error:
        pieces = type(error)
    assert pieces == whole
    return isinstance(whole, ipp.Message)


@forms()
def test_a_mutated_message_gives_the_same_whether_it_comes_whole_or_in_pieces(times: int):
    assert run(times // 25, 8012, mutated, alike_in_pieces).read


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=400))
def test_whatever_a_peer_sends_only_a_documented_error_comes_out(data):
    with suppress(*DOCUMENTED):
        ipp.decode(data)
    with suppress(*DOCUMENTED):
        ipp.decode(b"\x02\x00\x00\x02\x00\x00\x00\x01\x01" + data)


UNITS = st.lists(
    st.one_of(
        st.sampled_from([b"\x01", b"\x02", b"\x03", b"\x0f", b"\x34\0\x01a\0\0", b"\x34\0\0\0\0", b"\x37\0\0\0\0"]),
        st.binary(max_size=6).map(lambda name: b"\x4a\0\0" + len(name).to_bytes(2) + name),
        st.builds(
            lambda tag, name, value: bytes((tag,)) + len(name).to_bytes(2) + name + len(value).to_bytes(2) + value,
            st.integers(0x10, 0xFF),
            st.binary(max_size=3),
            st.binary(max_size=12),
        ),
    ),
    max_size=30,
)


@settings(max_examples=500, deadline=None)
@given(UNITS)
def test_well_formed_units_in_any_order_raise_only_documented_errors(units):
    octets = b"\x02\x00\x00\x02\x00\x00\x00\x01\x01" + b"".join(units) + b"\x03"
    message = digest(octets)
    if isinstance(message, ipp.Message):
        assert ipp.decode(ipp.encode(message))[0] == message
    digest(octets, FORGIVING)
