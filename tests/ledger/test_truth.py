"""What was printed, decided from three sources."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frisket import ledger
from frisket.ledger import Confidence, Counts, Truth, decide

NONE = Confidence.NONE


@pytest.mark.parametrize(
    ("counts", "wanted"),
    [
        (Counts(), Truth(None, "none", Confidence.NONE)),
        (Counts(6, 6, 6), Truth(6, "device", Confidence.AGREED)),
        (Counts(6, None, 6), Truth(6, "counter", Confidence.AGREED)),
        (Counts(6, 6), Truth(6, "device", Confidence.AGREED)),
        (Counts(6, 6, 9), Truth(6, "device", Confidence.LIKELY)),
        (Counts(6, 4, 4), Truth(4, "device", Confidence.LIKELY)),
        (Counts(6, 4, 6), Truth(6, "counter", Confidence.LIKELY)),
        (Counts(None, 4, None), Truth(4, "device", Confidence.LIKELY)),
        (Counts(None, None, 4), Truth(4, "counter", Confidence.LIKELY)),
        (Counts(6), Truth(6, "document", Confidence.DOUBTFUL)),
        (Counts(6, 4), Truth(4, "device", Confidence.DOUBTFUL)),
        (Counts(6, None, 4), Truth(4, "counter", Confidence.DOUBTFUL)),
        (Counts(6, 4, 5), Truth(4, "device", Confidence.DOUBTFUL)),
        (Counts(0, 0, 0), Truth(0, "device", Confidence.AGREED)),
    ],
)
def test_what_most_sources_say_counts_and_the_device_before_its_counter(counts: Counts, wanted: Truth) -> None:
    assert decide(counts) == wanted


_SAID = st.one_of(st.none(), st.integers(0, 5))


@given(_SAID, _SAID, _SAID)
def test_the_number_is_always_one_that_was_said_and_never_a_lonely_one_against_two(
    document: int | None, told: int | None, counter: int | None
) -> None:
    counts = Counts(document, told, counter)
    truth = decide(counts)
    said = [each for each in (document, told, counter) if each is not None]
    assert (truth.impressions is None) == (not said) and (truth.confidence is NONE) == (not said)
    if said:
        assert truth.impressions in said
        assert counts.to_plain()[truth.counted_from] == truth.impressions
        most = Counter(said).most_common(1)[0][1]
        assert said.count(truth.impressions) == most
        assert (truth.confidence is Confidence.AGREED) == (len(said) > 1 and len(set(said)) == 1)


def test_words_of_confidence_fit_their_column() -> None:
    assert all(len(each.value) <= 10 for each in ledger.Confidence)
