"""What a queue says of itself follows from its devices: real ones of public corpora, and any at all."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import House
from tests.delivery.test_reading import printers

from frisket import device
from frisket.delivery.printer import capabilities
from frisket.intake.ipp.description import Address
from frisket.intake.ipp.media import media_attributes, named, size_of
from frisket.intake.ipp.printer import printer_group
from frisket.intake.ipp.supported import template_attributes
from frisket.intake.ipp.template import Conflict, read_ticket
from frisket.plumbing.db import transaction
from frisket.wire import ipp

HERE = Address("ipps", "printing.example:8631", "https://127.0.0.1:8443")


def answers() -> list[Path]:
    root = os.environ.get("FRISKET_CORPORA")
    if not root or not Path(root, "ipp").is_dir():
        pytest.skip("FRISKET_CORPORA does not name a folder with ipp/")
    return [file for file in sorted(Path(root, "ipp").rglob("*")) if file.is_file() and "seeds" not in str(file)]


def described(house: House, can: device.Capabilities) -> ipp.Group:
    """A queue over one device that can do this."""
    with transaction() as tx:
        new = device.NewDevice("one", "ipp://192.0.2.1/ipp/print", adoption=device.Adoption(can))
        there = device.add_device(house.scope, new, by=house.administrator, tx=tx)
        wanted = device.NewQueue("one", devices=(there.id,))
        queue = device.add_queue(house.scope, wanted, by=house.administrator, tx=tx)
    octets = printer_group(queue, HERE, ["all", "media-col-database"], queued=0, believed=False)
    return ipp.decode(ipp.assemble((2, 0), 0, 1, [octets]), ipp.Limits(values=100_000, values_per_attribute=9000))[
        0
    ].groups[0]


@pytest.mark.parametrize("maker", ["HP", "Canon", "EPSON", "Samsung", "Kyocera", "Xerox"])
def test_a_queue_repeats_what_a_real_printer_says(house: House, maker: str) -> None:
    told = 0
    for file in (each for each in answers() if maker in str(each)):
        try:
            message, _ = ipp.decode(file.read_bytes(), ipp.Limits(forgiving=True, values=100_000))
        except ipp.MessageError:
            continue
        printer = message.group(ipp.Tag.PRINTER_GROUP)
        if printer is None or "document-format-supported" not in printer or "media-supported" not in printer:
            continue
        can = capabilities(printer)
        said = [*template_attributes(can), *media_attributes(can)]
        again = {each.name: ipp.decode_attribute(ipp.encode_attribute(each)) for each in said}
        for name in ("sides-supported", "print-color-mode-supported", "output-bin-supported", "media-source-supported"):
            assert set(printer.texts(name)) <= {value.text for value in again[name].values}, (file.name, name)
        kept = set(named(tuple(printer.texts("media-supported"))))
        assert kept == {value.text for value in again["media-supported"].values}, file.name
        if told == 0:
            whole = described(house, can)
            assert set(whole.texts("document-format-supported")) == set(can.formats)
            assert whole.text("printer-make-and-model") == can.make_and_model
        told += 1
    assert told > 0


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(printers)
def test_whatever_a_printer_says_a_queue_can_say_it(printer: ipp.Group) -> None:
    can = capabilities(printer)
    for each in (*template_attributes(can), *media_attributes(can)):
        assert ipp.decode_attribute(ipp.encode_attribute(each)) == each


def test_a_word_that_ipp_cannot_carry_is_left_out_and_the_rest_is_said(house: House) -> None:
    whole = described(house, device.Capabilities(urf=("größer",), formats=("image/urf",), sides=("one-sided",)))
    assert "urf-supported" not in whole and whole.texts("sides-supported") == ["one-sided"]


def test_what_a_queue_calls_itself_is_the_name_by_which_the_client_knows_it(house: House) -> None:
    whole = described(house, device.Capabilities())
    assert whole.text("printer-uri-supported") == "ipps://printing.example:8631/ipp/print/one"
    for name in ("printer-more-info", "printer-supply-info-uri", "printer-icons"):
        assert (whole.text(name) or "").startswith("https://printing.example:8443/")
    assert Address("ipp", "[2001:db8::1]:631", "https://x:8443").page("/") == "https://[2001:db8::1]:8443/"


def test_a_sheet_is_measured_by_its_name() -> None:
    assert size_of("iso_a4_210x297mm") == (21000, 29700) and size_of("na_index-4x6_4x6in") == (10160, 15240)
    assert size_of("A4") is None and size_of("iso_a4_infxinfmm") is None
    assert named(("iso_a4_210x297mm", "A4", "na_letter_8.50x11in")) == ("iso_a4_210x297mm",)


anything = st.sampled_from([ipp.keyword("fit"), ipp.integer(2), ipp.no_value(), ipp.range_(3, 1), ipp.octets(b"\0")])
rows = st.dictionaries(
    st.sampled_from(["pages", "media-size", "media-source", "finishing-template", "sides", "overrides"]),
    st.one_of(anything, st.dictionaries(st.sampled_from(["x-dimension", "pages"]), anything).map(ipp.collection)),
).map(ipp.collection)
tickets = st.dictionaries(
    st.sampled_from(
        "media media-col overrides finishings-col print-scaling number-up page-ranges sides copies finishings "
        "printer-resolution orientation-requested multiple-document-handling job-hold-until x-other".split()
    ),
    st.lists(st.one_of(anything, rows), min_size=1, max_size=3),
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(tickets)
def test_whatever_a_client_asks_for_is_kept_reported_or_refused(
    house: House, asked: dict[str, list[ipp.Value]]
) -> None:
    message = ipp.request(ipp.Operation.PRINT_JOB, 1)
    message.groups.append(ipp.Group(ipp.Tag.JOB_GROUP, [ipp.attribute(name, *found) for name, found in asked.items()]))
    can = device.Capabilities(
        page_ranges=True, number_up=(1, 2), words=(("print-scaling", ("fit",)), ("overrides", ("pages",)))
    )
    try:
        ticket = read_ticket(message, can)
    except Conflict as conflict:
        assert conflict.status == 0x0400
        return
    kept = dict(ticket.options.as_sent)
    assert not kept.keys() & {each.name for each in ticket.unsupported}
    assert set(kept) <= asked.keys()
