"""What printers say becomes plain values, whatever they say; and a ticket asks only for what they list."""

import json
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frisket.delivery.printer import PRINTER_WANTED, PROBE_WANTED, cannot, capabilities, job_attributes, wanted_for
from frisket.delivery.values import PrintTicket
from frisket.device import Capabilities, Medium
from frisket.job import Options
from frisket.wire import ipp

NAMES = sorted({*PRINTER_WANTED, *PROBE_WANTED})
numbers = st.integers(-(2**31), 2**31 - 1)


def values(members: st.SearchStrategy[ipp.Value]) -> st.SearchStrategy[ipp.Value]:
    named = st.sampled_from(["media-size", "media-size-name", "media-source", "x-dimension", "y-dimension"])
    return st.dictionaries(named, members, max_size=4).map(ipp.collection)


anything = st.recursive(
    st.one_of(
        numbers.map(ipp.integer),
        numbers.map(ipp.enum),
        st.booleans().map(ipp.boolean),
        st.text(max_size=30).map(ipp.text),
        st.sampled_from(["a", "two-sided-long-edge", "iso_a4_210x297mm", "RS300", "display"]).map(ipp.keyword),
        st.binary(max_size=40).map(ipp.octets),
        st.builds(ipp.range_, numbers, numbers),
        st.builds(ipp.resolution, numbers, numbers),
        st.just(ipp.no_value()),
    ),
    values,
    max_leaves=6,
)
printers = st.dictionaries(st.sampled_from(NAMES), st.lists(anything, min_size=1, max_size=5), max_size=12).map(
    lambda said: ipp.Group(ipp.Tag.PRINTER_GROUP, [ipp.attribute(name, *found) for name, found in said.items()])
)


@given(printers)
def test_whatever_a_printer_says_becomes_values_that_a_database_column_keeps(printer: ipp.Group) -> None:
    can = capabilities(printer)
    assert Capabilities.from_plain(json.loads(json.dumps(can.to_plain()))) == can
    words = [*can.sides, *can.media, *can.media_sources, *can.urf, *(word for _, found in can.words for word in found)]
    assert all(word.isascii() for word in words), "what cannot be a keyword cannot be asked for"
    assert all(each.x > 0 and min(each.y, each.bottom, each.left, each.right, each.top) >= 0 for each in can.media_cols)


def test_a_row_of_media_is_read_with_its_margins_and_a_free_size_with_its_bounds() -> None:
    size = ipp.collection({"x-dimension": ipp.range_(7000, 21000), "y-dimension": ipp.integer(29700)})
    row = {"media-size": size, "media-bottom-margin": ipp.integer(423), "media-type": ipp.keyword("labels")}
    printer = ipp.Group(4, [ipp.attribute("media-col-database", ipp.collection(row), ipp.collection({}))])
    assert capabilities(printer).media_cols == (Medium(x=7000, y=29700, x_most=21000, bottom=423, type="labels"),)


def ticket(*sent: ipp.Attribute, must: tuple[str, ...] = (), copies: int = 1, **options: object) -> PrintTicket:
    kept = tuple((each.name, b64encode(ipp.encode_attribute(each)).decode()) for each in sent)
    return PrintTicket(1, 1, "frisket", copies, Options(as_sent=kept, must=must, **options), ())  # type: ignore[arg-type]


def listing(**supported: str) -> ipp.Group:
    """A printer that lists these keywords, separated by blanks."""
    return ipp.Group(
        4,
        [
            ipp.attribute(f"{name.replace('_', '-')}-supported", *map(ipp.keyword, words.split()))
            for name, words in supported.items()
        ],
    )


SCALING = ipp.attribute("print-scaling", ipp.keyword("fit"))
TRAY = ipp.attribute(
    "media-col",
    ipp.collection({"media-size-name": ipp.keyword("iso_a4_210x297mm"), "media-source": ipp.keyword("tray-1")}),
)
PAGES = ipp.attribute("overrides", ipp.collection({"pages": ipp.range_(1, 1), "sides": ipp.keyword("one-sided")}))
FOLD = ipp.attribute("finishings-col", ipp.collection({"finishing-template": ipp.keyword("fold-half")}))


@pytest.mark.parametrize(
    ("sent", "printer", "asked"),
    [
        (SCALING, listing(print_scaling="auto fit"), True),
        (SCALING, listing(print_scaling="auto"), False),
        (SCALING, listing(), False),
        (TRAY, listing(media_col="media-size-name media-source"), True),
        (TRAY, listing(media_col="media-size-name"), False),
        (PAGES, listing(overrides="pages document-number"), True),
        (PAGES, listing(overrides="document-number"), False),
        (FOLD, listing(finishings_col="finishing-template", finishing_template="fold-half"), True),
        (FOLD, listing(finishings_col="finishing-template", finishing_template="staple"), False),
    ],
)
def test_a_printer_is_asked_for_what_it_lists_and_one_that_does_not_holds_what_must_be(
    sent: ipp.Attribute, printer: ipp.Group, asked: bool
) -> None:
    wished, insisted = ticket(sent), ticket(sent, must=(sent.name,))
    assert (sent in job_attributes(wished, printer)) == asked
    assert cannot(wished, printer) == ""
    assert bool(cannot(insisted, printer)) == (not asked) and (asked or sent.name in cannot(insisted, printer))
    assert any(name.startswith(sent.name.removesuffix("s")) for name in wanted_for(wished))


def test_media_is_not_said_twice_and_stands_in_for_a_media_col_that_says_no_more() -> None:
    small = ipp.attribute("media-col", ipp.collection({"media-size-name": ipp.keyword("iso_a4_210x297mm")}))
    both = listing(media="iso_a4_210x297mm", media_col="media-size-name")
    names = [each.name for each in job_attributes(ticket(small, media="iso_a4_210x297mm"), both)]
    assert names == ["media-col"]
    old = listing(media="iso_a4_210x297mm")
    insisted = ticket(small, must=("media-col",), media="iso_a4_210x297mm")
    assert [each.name for each in job_attributes(insisted, old)] == ["media"] and cannot(insisted, old) == ""


@pytest.mark.parametrize("options", [{"sides": "one-sided"}, {"color_mode": "auto"}, {}])
def test_insisting_on_what_every_printer_does_holds_nothing(options: dict[str, str]) -> None:
    insisted = ticket(must=("sides", "print-color-mode", "copies", "finishings"), **options)
    assert cannot(insisted, listing()) == ""
