"""What an IPP printer says of its trays, bins and supplies (PWG 5100.9, PWG 5100.13, CUPS' marker attributes).

Values of printer-input-tray, printer-output-tray and printer-supply are "key=value;" in octets, with the words
of RFC 3805. Whatever a printer sends, nothing here raises.
"""

from collections.abc import Iterator, Mapping

from frisket.device import Bin, Level, Supply, Tray, clean, keyword
from frisket.wire import ipp

__all__ = ["FACTS_WANTED", "bins", "marked", "supplies", "trays"]

FACTS_WANTED = (
    "marker-colors",
    "marker-levels",
    "marker-names",
    "marker-types",
    "media-col-ready",
    "media-ready",
    "printer-impressions-completed",
    "printer-input-tray",
    "printer-output-tray",
    "printer-supply",
    "printer-supply-description",
)
MOST = 64
_HEX = {
    "#000000": "black",
    "#00ffff": "cyan",
    "#ff00ff": "magenta",
    "#ffff00": "yellow",
}


def trays(printer: ipp.Group) -> tuple[Tray, ...]:
    """Of printer-input-tray, with the paper that media-col-ready says lies in the tray of that name."""
    ready = dict(_ready(printer))
    found = []
    for row in _rows(printer, "printer-input-tray"):
        name = clean(row.get("name", ""), 60) or row.get("index", "")
        found.append(
            Tray(
                name=name or "?",
                media=ready.get(_folded(name), "") or _paper(row),
                type=clean(row.get("mediatype", ""), 60),
                manual="manual" in row.get("type", "").lower(),
                level=_level(row, "sheets"),
                capacity=_number(row.get("maxcapacity")),
            )
        )
    if found:
        return tuple(found)
    if ready:
        return tuple(Tray(name, media, level=Level("unknown")) for name, media in list(ready.items())[:MOST])
    return tuple(
        Tray(f"{number}", clean(media, 120)) for number, media in enumerate(printer.texts("media-ready")[:MOST], 1)
    )


def _ready(printer: ipp.Group) -> Iterator[tuple[str, str]]:
    """(media-source, size) of what is loaded."""
    for value in printer.values("media-col-ready")[:MOST]:
        if not isinstance(value.data, ipp.Collection):
            continue
        source = value.data.text("media-source") or ""
        size = value.data.first("media-size")
        if isinstance(size, ipp.Collection):
            edges = size.integer("x-dimension"), size.integer("y-dimension")
            if edges[0] and edges[1] and min(edges[0], edges[1]) > 0:
                named = keyword(edges[0], edges[1]) or f"custom_{edges[0] / 100:g}x{edges[1] / 100:g}mm"
                yield _folded(source) or named, named


def _paper(row: Mapping[str, str]) -> str:
    """mediafeed and mediaxfeed: micrometres by PWG 5100.13, hundredths of a millimetre by many."""
    feed, across = _number(row.get("mediafeed")), _number(row.get("mediaxfeed"))
    if not feed or not across:
        return ""
    return next((name for scale in (1, 10, 3.937) if (name := keyword(round(feed / scale), round(across / scale)))), "")


def bins(printer: ipp.Group) -> tuple[Bin, ...]:
    return tuple(
        Bin(
            clean(row.get("name", ""), 60) or "?",
            _number(row.get("maxcapacity")),
            _level({**row, "level": row.get("remaining", row.get("level", ""))}, "sheets"),
        )
        for row in _rows(printer, "printer-output-tray")
    )


def supplies(printer: ipp.Group) -> tuple[Supply, ...]:
    names = [clean(text, 80) for text in printer.texts("printer-supply-description")[:MOST]]
    found = []
    for number, row in enumerate(_rows(printer, "printer-supply")):
        kind = _dashed(row.get("type", "other"))
        found.append(
            Supply(
                name=(names[number] if number < len(names) else "") or kind,
                kind=kind,
                colour=_colour(row.get("colorantname", "")),
                receptacle=row.get("class", "").lower() == "receptaclethatisfilled",
                level=_level(row, row.get("unit", "percent")),
            )
        )
    return tuple(found) or tuple(_markers(printer))


def _markers(printer: ipp.Group) -> Iterator[Supply]:
    """marker-* attributes: a level is a percentage, or one of RFC 3805's negative numbers."""
    levels = [value.data for value in printer.values("marker-levels")[:MOST]]
    names, kinds = printer.texts("marker-names"), printer.texts("marker-types")
    colours = printer.texts("marker-colors")
    for number, level in enumerate(levels):
        kind = _dashed(kinds[number]) if number < len(kinds) else "other"
        yield Supply(
            name=clean(names[number], 80) if number < len(names) else kind,
            kind=kind,
            colour=_colour(colours[number]) if number < len(colours) else "",
            receptacle=kind.startswith("waste-"),
            level=_level({"maxcapacity": "100", "level": str(level)}, "percent"),
        )


def marked(printer: ipp.Group) -> int | None:
    count = printer.integer("printer-impressions-completed")
    return count if count is not None and count >= 0 else None


def _level(row: Mapping[str, str], unit: str) -> Level:
    now, most = _number(row.get("level"), signed=True), _number(row.get("maxcapacity"), signed=True)
    if now is None or now == -2:
        return Level()
    if now < 0:
        return Level({-1: "unlimited", -3: "some"}.get(now, "unknown"))
    if most == 0 and now == 0:
        return Level("missing")
    if most is not None and most > 0:
        return Level("known", min(100, round(now * 100 / most)), now, unit)
    return Level("known", min(100, now), now, unit) if unit == "percent" else Level("known", None, now, unit)


def _rows(printer: ipp.Group, name: str) -> list[dict[str, str]]:
    return [_row(value) for value in printer.values(name)[:MOST] if not value.out_of_band]


def _row(value: ipp.Value) -> dict[str, str]:
    text = value.data.decode("utf-8", "replace") if isinstance(value.data, bytes) else (value.text or "")
    found = {}
    for part in text[:2000].split(";"):
        key, equals, said = part.partition("=")
        if equals:
            found[key.strip().lower()] = said.strip()
    return found


def _number(text: str | None, *, signed: bool = False) -> int | None:
    bare = (text or "").strip()
    digits = bare.removeprefix("-") if signed else bare
    return int(bare) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else None


def _folded(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _dashed(word: str) -> str:
    """tonerCartridge and toner-cartridge are one word."""
    spaced = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in clean(word, 40))
    return spaced.strip("-") or "other"


def _colour(said: str) -> str:
    bare = said.strip().lower()
    return _HEX.get(bare, "" if bare.startswith("#") or bare in ("none", "unknown") else clean(bare, 20))
