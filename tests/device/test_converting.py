"""What a queue takes: what its devices print, then what the house makes PDF of."""

from collections.abc import Iterator

import pytest

from frisket import device

PDF, PNG, TEXT = "application/pdf", "image/png", "text/plain"


@pytest.fixture(autouse=True)
def told() -> Iterator[None]:
    device.can_convert({PNG, TEXT})
    yield
    device.can_convert(())


@pytest.mark.parametrize(
    ("prints", "takes"),
    [
        ((PDF,), (PDF, PNG, TEXT)),
        ((TEXT, PDF), (TEXT, PDF, PNG)),
        (("image/pwg-raster",), ("image/pwg-raster",)),  # nobody could print the PDF
        ((), ()),
    ],
)
def test_a_queue_takes_what_can_become_what_its_devices_print(prints: tuple[str, ...], takes: tuple[str, ...]) -> None:
    assert device.formats_taken([device.Capabilities(formats=prints)]) == takes
    becomes = [each for each in takes if each not in prints]
    assert [each for each in takes if device.must_convert(each, prints)] == becomes


def test_a_house_that_converts_nothing_takes_what_its_devices_print() -> None:
    device.can_convert(())
    assert device.formats_taken([device.Capabilities(formats=(PDF,))]) == (PDF,)
    assert not device.must_convert(PNG, (PDF,))
