"""Paper as a queue names it (PWG 5101.1, PWG 5100.7 section 6): sizes, where they lie, what they are."""

import re

from frisket import device
from frisket.wire import ipp

__all__ = ["MARGINS", "media_attributes", "named", "size_of"]

Value = ipp.Value

# Sizes in hundredths of a millimetre; a size we cannot measure from its name is left out.
_UNITS = {"mm": 100, "in": 2540}
_MARGIN = 423  # 1/6 inch, where a device says nothing
_SIDES = ("bottom", "left", "right", "top")
MARGINS = tuple(f"media-{side}-margin" for side in _SIDES)
_NUMBER = r"([1-9]\d*(\.\d*[1-9])?|0\.\d*[1-9])"
_NAME = re.compile(
    rf"((custom|na|asme|roc|oe|roll)_[a-z0-9][-a-z0-9]*_{_NUMBER}x{_NUMBER}in"
    rf"|(custom|iso|jis|jpn|prc|om|roll|disc)_[a-z0-9][-a-z0-9]*_{_NUMBER}x{_NUMBER}mm)"
)


def size_of(media: str) -> tuple[int, int] | None:
    """Width and height of a PWG 5101.1 name in hundredths of a millimetre."""
    dimensions = media.rpartition("_")[2]
    unit = dimensions[-2:]
    width, _, height = dimensions[:-2].partition("x")
    try:
        return round(float(width) * _UNITS[unit]), round(float(height) * _UNITS[unit])
    except (KeyError, ValueError, OverflowError):
        return None


def named(media: tuple[str, ...]) -> tuple[str, ...]:
    """Those that are names of PWG 5101.1: what clients understand."""
    return tuple(each for each in media if _NAME.fullmatch(each))


def media_attributes(can: device.Capabilities) -> list[ipp.Attribute]:
    names = named(can.media) or ("iso_a4_210x297mm",)
    default = can.media_default if can.media_default in names else names[0]
    known = _rows(can, names)
    sizes = dict.fromkeys((row.x, row.y, row.x_most, row.y_most) for row in known)
    ready = can.media_cols_ready or tuple(_row_of(known, name) for name in named(can.media_ready))
    a = ipp.attribute
    members = ("media-size", "media-size-name", "media-source", "media-type", *MARGINS)
    return [
        a("media-default", ipp.keyword(default)),
        a("media-supported", *map(ipp.keyword, names)),
        a("media-ready", *(map(ipp.keyword, named(can.media_ready)) if named(can.media_ready) else [ipp.no_value()])),
        *(
            a(f"media-{side}-margin-supported", *(map(ipp.integer, found)))
            for side, found in zip(_SIDES, can.margins or ((0, _MARGIN),) * 4, strict=True)
        ),
        a("media-col-supported", *map(ipp.keyword, members)),
        a("media-size-supported", *(ipp.collection(_dimensions(*size)) for size in sizes)),
        a("media-source-supported", *map(ipp.keyword, can.media_sources or ("auto",))),
        a("media-type-supported", *map(ipp.keyword, can.media_types or ("auto",))),
        a("media-col-default", _media_col(_row_of(can.media_cols_ready or known, default, known))),
        a("media-col-ready", *([_media_col(row) for row in ready] or [ipp.no_value()])),
        a("media-col-database", *(_media_col(row) for row in known)),
    ]


def _rows(can: device.Capabilities, names: tuple[str, ...]) -> tuple[device.Medium, ...]:
    """What the devices say; a size that they only name is added as it can be measured."""
    told = {(row.x, row.y) for row in can.media_cols}
    added = [_measured(name) for name in names if size_of(name) not in told]
    return (*can.media_cols, *(row for row in added if row is not None))


def _measured(name: str) -> device.Medium | None:
    size = size_of(name)
    if size is None or name.startswith("custom_m"):  # custom_min_… and custom_max_…: bounds, no sheets
        return None
    return device.Medium(name, *size, bottom=_MARGIN, left=_MARGIN, right=_MARGIN, top=_MARGIN)


def _row_of(rows: tuple[device.Medium, ...], name: str, otherwise: tuple[device.Medium, ...] = ()) -> device.Medium:
    size = size_of(name)
    for row in (*rows, *otherwise):
        if name == row.name or (not row.x_most and (row.x, row.y) == size):
            return row
    return _measured(name) or device.Medium(name, 21000, 29700)


def _dimensions(x: int, y: int, x_most: int = 0, y_most: int = 0) -> dict[str, Value]:
    return {"x-dimension": _extent(x, x_most), "y-dimension": _extent(y, y_most)}


def _extent(least: int, most: int) -> Value:
    return ipp.range_(least, most) if most else ipp.integer(least)


def _media_col(row: device.Medium) -> Value:
    members: dict[str, Value] = {"media-size": ipp.collection(_dimensions(row.x, row.y, row.x_most, row.y_most))}
    if row.name and named((row.name,)):
        members["media-size-name"] = ipp.keyword(row.name)
    margins = (row.bottom, row.left, row.right, row.top)
    members |= {name: ipp.integer(margin) for name, margin in zip(MARGINS, margins, strict=True)}
    members["media-source"] = ipp.keyword(row.source or "auto")
    members["media-type"] = ipp.keyword(row.type or "auto")
    return ipp.collection(members)
