"""What a device can do, as plain values; and what a queue may promise over several devices."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields, replace
from typing import Any

__all__ = ["RAW", "UNKNOWN", "Capabilities", "Medium", "merge"]

_MOST_MEDIA = 1000  # rows of media-col-database that a queue repeats


@dataclass(frozen=True, slots=True)
class Medium:
    """One row of media-col-database (PWG 5100.7 section 6.9): a size, its margins, where it lies, what it is.

    Hundredths of a millimetre. x_most, y_most: the largest of a size that may be chosen freely, else 0.
    """

    name: str = ""  # PWG 5101.1; "" for a free size
    x: int = 0
    y: int = 0
    x_most: int = 0
    y_most: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0
    top: int = 0
    source: str = ""
    type: str = ""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Words and numbers are those of IPP (RFC 8011 section 5.2, PWG 5101.1 for media). Empty: it did not say."""

    formats: tuple[str, ...] = ("application/pdf",)  # document-format-supported, the preferred one first
    colour: bool = True
    sides: tuple[str, ...] = ("one-sided",)
    media: tuple[str, ...] = ("iso_a4_210x297mm",)
    media_default: str = "iso_a4_210x297mm"
    resolutions: tuple[int, ...] = ()  # dots per inch, square
    qualities: tuple[int, ...] = ()  # print-quality: 3 draft, 4 normal, 5 high
    finishings: tuple[int, ...] = ()  # finishings without 3 (none)
    output_bins: tuple[str, ...] = ()
    copies_max: int = 1
    pages_per_minute: int = 0  # 0: not known
    pages_per_minute_color: int = 0
    pjl: bool = False  # answers PJL INFO ID on its RAW port
    make_and_model: str = ""
    probed: bool = False  # False: assumed, nobody asked the device yet
    color_modes: tuple[str, ...] = ()  # print-color-mode
    orientations: tuple[int, ...] = ()  # orientation-requested
    number_up: tuple[int, ...] = ()
    page_ranges: bool = False
    media_ready: tuple[str, ...] = ()  # loaded when it was asked
    media_sources: tuple[str, ...] = ()
    media_types: tuple[str, ...] = ()
    media_cols: tuple[Medium, ...] = ()
    media_cols_ready: tuple[Medium, ...] = ()
    margins: tuple[tuple[int, ...], ...] = ()  # bottom, left, right, top: what may be asked for each
    raster_types: tuple[str, ...] = ()  # pwg-raster-document-type
    raster_resolutions: tuple[int, ...] = ()  # dots per inch, square
    raster_sheet_back: str = ""  # how the back of a sheet must be turned: normal, flipped, rotated, manual-tumble
    urf: tuple[str, ...] = ()  # urf-supported, as it stands
    identify: tuple[str, ...] = ()  # identify-actions: display, flash, sound, speak
    supplies: tuple[tuple[str, str], ...] = ()  # printer-supply (PWG 5100.13 section 5.6.36) and its description
    input_trays: tuple[str, ...] = ()  # printer-input-tray, one for each media source
    output_trays: tuple[str, ...] = ()  # printer-output-tray, one for each output bin
    # Further attributes that are lists of keywords, by their name without "-supported": print-scaling,
    # print-content-optimize, print-rendering-intent, multiple-document-handling, overrides, …
    words: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def keywords(self, name: str) -> tuple[str, ...]:
        """What it supports of an attribute in ``words``."""
        return next((found for each, found in self.words if each == name), ())

    def to_plain(self) -> dict[str, Any]:
        """For a JSON column; ``from_plain`` gives the same value back."""
        return {each.name: _plain(getattr(self, each.name)) for each in fields(self)}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Capabilities":
        """Unknown keys of a newer house are ignored, missing ones have their default."""
        values = {each.name: _tuples(plain[each.name]) for each in fields(cls) if each.name in plain}
        for name in ("media_cols", "media_cols_ready"):
            if name in values:
                values[name] = tuple(Medium(*row) for row in values[name])
        return cls(**values)


def _plain(value: Any) -> Any:
    if isinstance(value, Medium):
        return list(astuple(value))
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _tuples(value: Any) -> Any:
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value


UNKNOWN = Capabilities(sides=("one-sided", "two-sided-long-edge", "two-sided-short-edge"), copies_max=999)

# A RAW port says nothing of its device, and neither does an LPD queue: what is listed is what this class of
# device takes, and octet-stream says that it is passed through as it is. Copies cannot be asked for on a bare
# RAW port, and many print servers ignore them in an LPD job.
RAW = Capabilities(
    formats=(
        "application/pdf",
        "application/postscript",
        "application/vnd.hp-pcl",
        "text/plain",
        "application/octet-stream",
    ),
    sides=("one-sided", "two-sided-long-edge", "two-sided-short-edge"),
    media=("iso_a4_210x297mm", "iso_a3_297x420mm", "na_letter_8.5x11in"),
)


def merge(several: Sequence[Capabilities]) -> Capabilities:
    """What a queue may advertise with these devices behind it.

    Formats: those every device takes, because nobody knows yet where a job will be released (all of them
    when they have none in common). A raster is made by the client for a certain resolution, colour space and
    turn of the sheet's back, so those too must fit every device, or the raster format is not offered.
    Everything else: what at least one device can do; a job that needs it waits for that device.
    """
    if not several:
        return UNKNOWN
    first = several[0]
    if len(several) == 1:
        return (
            first if first.media_default in first.media else replace(first, media_default=next(iter(first.media), ""))
        )
    media = _union(each.media for each in several)
    common = tuple(f for f in first.formats if all(f in each.formats for each in several))
    every = _union(each.formats for each in several)
    raster = _common_raster(several)
    united: dict[str, Any] = {name: _union(getattr(each, name) for each in several) for name in _UNITED}
    return replace(
        first,
        formats=_without_unfit(common, raster) or _without_unfit(every, raster) or every,
        colour=any(each.colour for each in several),
        media_default=first.media_default if first.media_default in media else next(iter(media), ""),
        copies_max=max(each.copies_max for each in several),
        pages_per_minute=max(each.pages_per_minute for each in several),
        pages_per_minute_color=max(each.pages_per_minute_color for each in several),
        pjl=any(each.pjl for each in several),
        make_and_model="",
        probed=all(each.probed for each in several),
        page_ranges=any(each.page_ranges for each in several),
        media_cols=_union(each.media_cols for each in several)[:_MOST_MEDIA],
        margins=tuple(_union(side) for side in zip(*(each.margins for each in several if each.margins), strict=True)),
        supplies=tuple(supply for each in several for supply in each.supplies),
        input_trays=(),  # there is no one tray for each source any more
        output_trays=(),
        words=_words(several),
        **united,
        **raster,
    )


_UNITED = (
    "sides",
    "media",
    "resolutions",
    "qualities",
    "finishings",
    "output_bins",
    "color_modes",
    "orientations",
    "number_up",
    "media_ready",
    "media_sources",
    "media_types",
    "media_cols_ready",
    "identify",
)


def _common_raster(several: Sequence[Capabilities]) -> dict[str, Any]:
    backs = {each.raster_sheet_back for each in several}
    return {
        "raster_types": _shared([each.raster_types for each in several]),
        "raster_resolutions": _shared([each.raster_resolutions or each.resolutions for each in several]),
        "raster_sheet_back": backs.pop() if len(backs) == 1 else "",
        "urf": _common_urf([each.urf for each in several]),
    }


def _common_urf(several: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """urf-supported over several devices: one turn of the back, shared resolutions, the lowest number of copies."""
    if not all(several) or len({_back(keys) for keys in several}) != 1:
        return ()
    dots = _shared([_resolutions(keys) for keys in several])
    if not dots:
        return ()
    shared = [key for key in _shared(several) if not key.startswith(("RS", "CP"))]
    copies = [int(key[2:]) for keys in several for key in keys if key.startswith("CP") and key[2:].isdigit()]
    return (*shared, *([f"CP{min(copies)}"] if len(copies) == len(several) else []), "RS" + "-".join(dots))


def _back(keys: tuple[str, ...]) -> str:
    return next((key for key in keys if key.startswith("DM")), "")


def _resolutions(keys: tuple[str, ...]) -> tuple[str, ...]:
    return next((tuple(key[2:].split("-")) for key in keys if key.startswith("RS")), ())


def _without_unfit(formats: tuple[str, ...], raster: Mapping[str, Any]) -> tuple[str, ...]:
    fit = raster["raster_types"] and raster["raster_resolutions"] and raster["raster_sheet_back"]
    unfit = {name for name, good in (("image/pwg-raster", fit), ("image/urf", raster["urf"])) if not good}
    return tuple(each for each in formats if each not in unfit)


def _words(several: Sequence[Capabilities]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    names = dict.fromkeys(name for each in several for name, _ in each.words)
    return tuple((name, _union(each.keywords(name) for each in several)) for name in names)


def _shared(lists: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    return tuple(each for each in lists[0] if all(each in one for one in lists))


def _union(lists: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(each for one in lists for each in one))
