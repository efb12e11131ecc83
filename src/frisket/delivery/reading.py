"""What a printer says it can do (RFC 8011 section 5.4, PWG 5100.7, 5100.13), read with limits into our values.

A printer may say anything: lists are cut, strings cleaned, what does not fit its syntax is passed over.
"""

from collections.abc import Iterable, Sequence

from frisket.device import Capabilities, Medium, clean
from frisket.wire import ipp

__all__ = ["PROBE_WANTED", "WORDS", "capabilities", "most", "numbers"]

# Attributes that are lists of keywords, kept under their name.
WORDS = {
    "finishing-template": "finishing-template-supported",
    "multiple-document-handling": "multiple-document-handling-supported",
    "overrides": "overrides-supported",
    "pdf-versions": "pdf-versions-supported",
    "print-content-optimize": "print-content-optimize-supported",
    "print-rendering-intent": "print-rendering-intent-supported",
    "print-scaling": "print-scaling-supported",
}
# Asked once, when a person looks at a device; some of it is long.
PROBE_WANTED = (
    "document-format-supported",
    "finishings-supported",
    "identify-actions-supported",
    "media-bottom-margin-supported",
    "media-col-database",
    "media-col-ready",
    "media-left-margin-supported",
    "media-ready",
    "media-right-margin-supported",
    "media-source-supported",
    "media-supported",
    "media-top-margin-supported",
    "media-type-supported",
    "number-up-supported",
    "orientation-requested-supported",
    "printer-input-tray",
    "printer-output-tray",
    "printer-supply",
    "printer-supply-description",
    "pwg-raster-document-resolution-supported",
    "pwg-raster-document-sheet-back",
    "pwg-raster-document-type-supported",
    "urf-supported",
    *WORDS.values(),
)
_MOST_WORDS = 200
_MOST_MEDIA = 1000
_SIDES = ("bottom", "left", "right", "top")


def capabilities(printer: ipp.Group) -> Capabilities:
    """What the printer says it can do; what it does not say it cannot."""
    media = tuple(_words(printer, "media-supported")) or ("iso_a4_210x297mm",)
    default = printer.text("media-default") or ""
    modes = tuple(_words(printer, "print-color-mode-supported", 20))
    named = ((name, tuple(_words(printer, attribute))) for name, attribute in WORDS.items())
    return Capabilities(
        formats=tuple(_words(printer, "document-format-supported", 60)) or ("application/octet-stream",),
        colour=bool(printer.boolean("color-supported") or "color" in modes),
        sides=tuple(_words(printer, "sides-supported", 8)) or ("one-sided",),
        media=media,
        media_default=default if default in media else media[0],
        resolutions=tuple(_dots(printer.values("printer-resolution-supported"))),
        qualities=tuple(numbers(printer.values("print-quality-supported"))),
        finishings=tuple(n for n in numbers(printer.values("finishings-supported")) if n != 3),
        output_bins=tuple(_words(printer, "output-bin-supported", 64)),
        copies_max=most(printer, "copies-supported"),
        pages_per_minute=printer.integer("pages-per-minute") or 0,
        pages_per_minute_color=printer.integer("pages-per-minute-color") or 0,
        make_and_model=clean(printer.text("printer-make-and-model") or "", 120),
        probed=True,
        color_modes=modes,
        orientations=tuple(numbers(printer.values("orientation-requested-supported"))),
        number_up=tuple(_number_up(printer)),
        page_ranges=printer.boolean("page-ranges-supported") or False,
        media_ready=tuple(_words(printer, "media-ready", 64)),
        media_sources=tuple(_words(printer, "media-source-supported", 64)),
        media_types=tuple(_words(printer, "media-type-supported")),
        media_cols=tuple(_media(printer, "media-col-database")),
        media_cols_ready=tuple(_media(printer, "media-col-ready"))[:64],
        margins=_margins(printer),
        raster_types=tuple(_words(printer, "pwg-raster-document-type-supported", 40)),
        raster_resolutions=tuple(_dots(printer.values("pwg-raster-document-resolution-supported"))),
        raster_sheet_back=next(iter(_words(printer, "pwg-raster-document-sheet-back", 1)), ""),
        urf=tuple(_words(printer, "urf-supported", 40)),
        identify=tuple(_words(printer, "identify-actions-supported", 8)),
        supplies=tuple(_supplies(printer)),
        input_trays=tuple(_plain_octets(printer, "printer-input-tray")),
        output_trays=tuple(_plain_octets(printer, "printer-output-tray")),
        words=tuple((name, words) for name, words in named if words),
    )


def most(group: ipp.Group, name: str) -> int:
    """The largest number a range or list of numbers allows; 1 when the printer names none."""
    found = [1]
    for value in group.values(name):
        if isinstance(value.data, ipp.Range):
            found.append(value.data.upper)
        elif isinstance(value.data, int):
            found.append(value.data)
    return max(found)


def numbers(values: Sequence[ipp.Value]) -> list[int]:
    return [value.data for value in values[:200] if isinstance(value.data, int)]


def _words(group: ipp.Attributes, name: str, most: int = _MOST_WORDS) -> list[str]:
    """Keywords; a name of the printer's own in other letters cannot be asked for by a keyword, so it is dropped."""
    return list(dict.fromkeys(clean(text, 120) for text in group.texts(name)[:most] if text and text.isascii()))


def _dots(values: Sequence[ipp.Value]) -> list[int]:
    square = [v.data for v in values[:50] if isinstance(v.data, ipp.Resolution) and v.data[0] == v.data[1]]
    return sorted({each.cross_feed for each in square if each.unit == ipp.PER_INCH})


def _number_up(printer: ipp.Group) -> Iterable[int]:
    for value in printer.values("number-up-supported")[:40]:
        if isinstance(value.data, ipp.Range):
            yield from range(max(1, value.data.lower), min(value.data.upper, 16) + 1)
        elif isinstance(value.data, int) and value.data > 0:
            yield value.data


def _margins(printer: ipp.Group) -> tuple[tuple[int, ...], ...]:
    found = tuple(
        tuple(sorted({n for n in numbers(printer.values(f"media-{side}-margin-supported")) if n >= 0}))
        for side in _SIDES
    )
    return found if all(found) else ()


def _media(printer: ipp.Group, name: str) -> Iterable[Medium]:
    found = (
        _medium(value.data) for value in printer.values(name)[:_MOST_MEDIA] if value.tag == ipp.Tag.BEGIN_COLLECTION
    )
    return dict.fromkeys(each for each in found if each is not None)


def _medium(row: ipp.Collection) -> Medium | None:
    """None for a row without a size."""
    size = row.first("media-size")
    if not isinstance(size, ipp.Collection):
        return None
    x, x_most = _extent(size, "x-dimension")
    y, y_most = _extent(size, "y-dimension")
    if x <= 0 or y < 0:
        return None
    bottom, left, right, top = (max(0, row.integer(f"media-{side}-margin") or 0) for side in _SIDES)
    name, source, type = ("".join(_words(row, f"media-{member}", 1)) for member in ("size-name", "source", "type"))
    return Medium(name, x, y, x_most, y_most, bottom, left, right, top, source, type)


def _extent(size: ipp.Collection, name: str) -> tuple[int, int]:
    data = size.first(name)
    if isinstance(data, ipp.Range):
        return data.lower, data.upper
    return (data, 0) if isinstance(data, int) else (0, 0)


def _plain_octets(printer: ipp.Group, name: str) -> list[str]:
    """Descriptions of the form key=value;… are US-ASCII (PWG 5100.13 section 5.6)."""
    values = [value.data for value in printer.values(name)[:64]]
    return [clean(each.decode("ascii", "replace"), 500) for each in values if isinstance(each, bytes)]


def _supplies(printer: ipp.Group) -> Iterable[tuple[str, str]]:
    rows = _plain_octets(printer, "printer-supply")
    told = [clean(text, 120) for text in printer.texts("printer-supply-description")[:64]]
    return zip(rows, told, strict=False) if len(rows) == len(told) else ()
