"""Messages that come in pieces, end early or ask too much."""

import tracemalloc

import pytest
from tests.wire.ipp_samples import ALL, head

from frisket.errors import Blame, FrisketError
from frisket.wire import ipp

RECORDED = {name: ipp.encode(message) for name, message in ALL.items()}
DOCUMENT = b"%PDF-1.7\x03\x00"


@pytest.mark.parametrize("name", ALL)
def test_a_message_comes_back_from_its_octets_as_it_was(name):
    assert ipp.decode(RECORDED[name] + DOCUMENT) == (ALL[name], DOCUMENT)
    assert ipp.encode(ipp.decode(RECORDED[name])[0]) == RECORDED[name]


@pytest.mark.parametrize("name", ALL)
def test_a_message_that_drips_octet_by_octet_is_the_same_message(name):
    reader = ipp.Reader()
    octets = RECORDED[name]
    for octet in octets[:-1]:
        assert reader.feed(bytes((octet,))) is None
    assert reader.feed(octets[-1:] + DOCUMENT) == ALL[name]
    assert reader.rest == DOCUMENT


@pytest.mark.parametrize("name", ALL)
def test_a_message_cut_in_two_anywhere_is_the_same_message(name):
    octets = RECORDED[name]
    for cut in range(len(octets)):
        reader = ipp.Reader()
        assert reader.feed(memoryview(octets)[:cut]) is None
        assert reader.feed(bytearray(octets[cut:])) == ALL[name]
        assert reader.end() == ALL[name]
        assert reader.rest == b""


@pytest.mark.parametrize("name", ALL)
def test_a_message_that_ends_early_anywhere_is_refused(name):
    octets = RECORDED[name]
    for cut in range(len(octets)):
        with pytest.raises(ipp.Malformed) as caught:
            ipp.decode(octets[:cut])
        if cut < 8:
            assert isinstance(caught.value, ipp.TooShort)
        else:
            assert caught.value.request_id == ALL[name].request_id


def test_the_head_is_known_before_the_message_is_whole():
    reader = ipp.Reader()
    reader.feed(RECORDED["print_job"][:8])
    assert (reader.version, reader.code, reader.request_id) == ((2, 0), ipp.Operation.PRINT_JOB, 7)
    assert reader.message is None


def test_a_reader_that_refused_goes_on_refusing():
    reader = ipp.Reader()
    with pytest.raises(ipp.Malformed):
        reader.feed(head(2, "02 21 0000 0004 00000001"))
    with pytest.raises(ipp.Malformed):
        reader.feed(b"\x03")
    with pytest.raises(ipp.Malformed):
        reader.end()


def test_document_data_for_a_finished_reader_is_our_own_bug():
    reader = ipp.Reader()
    reader.feed(RECORDED["print_job"])
    with pytest.raises(FrisketError) as caught:
        reader.feed(DOCUMENT)
    assert caught.value.blame is Blame.HOUSE


def integers(count: int, *, per_attribute: int = 1) -> ipp.Message:
    values = [ipp.integer(1)] * per_attribute
    wanted = [ipp.Attribute(f"a{number}", values) for number in range(count)]
    return ipp.Message((2, 0), 2, 6, [ipp.Group(ipp.Tag.JOB_GROUP, wanted)])


def nested(depth: int) -> ipp.Message:
    value = ipp.integer(1)
    for _ in range(depth):
        value = ipp.collection({"m": value})
    return ipp.Message((2, 0), 2, 6, [ipp.Group(ipp.Tag.JOB_GROUP, [ipp.attribute("a", value)])])


def fits(message: ipp.Message, limits: ipp.Limits = ipp.Limits()) -> bool:
    try:
        assert ipp.decode(ipp.encode(message), limits)[0] == message
    except ipp.TooLarge as error:
        assert error.status == ipp.Status.REQUEST_ENTITY_TOO_LARGE
        assert error.request_id == 6
        return False
    return True


def test_collections_are_read_to_the_eighth_level_and_no_deeper():
    assert fits(nested(8))
    assert not fits(nested(9))
    assert fits(nested(2), ipp.Limits(depth=2))
    assert not fits(nested(3), ipp.Limits(depth=2))


def test_the_number_of_attributes_is_bounded():
    assert fits(integers(4096))
    assert not fits(integers(4097))


def test_the_number_of_values_of_one_attribute_is_bounded():
    assert fits(integers(1, per_attribute=1000))
    assert not fits(integers(1, per_attribute=1001))


def test_the_number_of_all_values_is_bounded_and_members_count():
    assert fits(integers(10, per_attribute=1000))
    assert not fits(integers(11, per_attribute=1000))
    assert fits(nested(3), ipp.Limits(values=4))
    assert not fits(nested(3), ipp.Limits(values=3))


def test_the_octets_of_all_attributes_are_bounded_whether_they_come_at_once_or_drip():
    message = integers(3)
    octets = ipp.encode(message)
    assert fits(message, ipp.Limits(octets=len(octets)))
    assert not fits(message, ipp.Limits(octets=len(octets) - 1))
    reader = ipp.Reader(ipp.Limits(octets=len(octets) - 1))
    with pytest.raises(ipp.TooLarge):
        for octet in octets:
            reader.feed(bytes((octet,)))


def test_document_data_does_not_count_as_attributes():
    octets = ipp.encode(integers(3))
    assert ipp.decode(octets + bytes(100_000), ipp.Limits(octets=len(octets)))[1] == bytes(100_000)


def test_a_value_that_would_pass_the_bound_is_refused_before_it_comes():
    reader = ipp.Reader(ipp.Limits(octets=10_000))
    with pytest.raises(ipp.TooLarge):
        reader.feed(head(2, "02 30 0001 61 7fff")[:-1])


def test_a_name_of_more_than_255_octets_is_refused_in_groups_and_in_collections():
    name = "61" * 256
    for group in (f"02 21 0100 {name} 0004 00000001", f"02 34 0001 61 0000 4a 0000 0100 {name}"):
        with pytest.raises(ipp.TooLarge):
            ipp.decode(head(2, group))


def test_a_skipped_group_is_bounded_in_octets_too():
    octets = head(2, "0f" + "44 0001 61 0064" + "61" * 100)
    assert ipp.decode(octets)[0].groups_of(0x0F) == []
    with pytest.raises(ipp.TooLarge):
        ipp.decode(octets, ipp.Limits(octets=150))


def test_an_endless_header_costs_a_bounded_amount_of_memory():
    """Two million octets of attributes without an end, in pieces; the bound is 256 KiB."""
    reader = ipp.Reader(ipp.Limits(octets=256 << 10))
    piece = bytes.fromhex("30 0000 7fff") + bytes(0x7FFF)
    tracemalloc.start()
    try:
        with pytest.raises(ipp.TooLarge):
            reader.feed(head(2, "02 30 0001 61 0000")[:-1])
            for _ in range(64):
                for at in range(0, len(piece), 1000):
                    reader.feed(piece[at : at + 1000])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20


def test_the_smallest_values_in_the_largest_number_cost_a_bounded_amount_of_memory():
    octets = ipp.encode(integers(4096, per_attribute=2))
    tracemalloc.start()
    try:
        ipp.decode(octets)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20


def test_a_dripping_value_is_not_looked_at_again_for_every_octet(monkeypatch):
    """Linear work: 32 KiB octet by octet touch the unit a few times, not 32,768 times."""
    looked = 0
    units = ipp.Reader._units

    def counting(self, data, at):
        nonlocal looked
        looked += len(data)
        return units(self, data, at)

    monkeypatch.setattr(ipp.Reader, "_units", counting)
    reader = ipp.Reader()
    octets = head(2, "02 30 0001 61 7fff" + "00" * 0x7FFF)
    for octet in octets[:-1]:
        assert reader.feed(bytes((octet,))) is None
    assert reader.feed(octets[-1:]) is not None
    assert looked < 2 * len(octets)
