"""Reading Printer MIB (RFC 3805), Finisher MIB (RFC 3806) and Host Resources MIB (RFC 2790) into facts of a device.

Object identifiers and values in, facts out. Nothing an agent sends raises: rows are missing, negative, of the
wrong type and in the wrong character set on real devices, and what cannot be read is not known.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from frisket.device.mibwords import (
    ALERTS,
    ALWAYS_STOPS,
    BITS,
    CAPACITY_UNITS,
    CHARSETS,
    COLOURS,
    FILLS,
    FINISHERS,
    IGNORED,
    SUPPLIES,
    SUPPLY_UNITS,
)
from frisket.device.names import clean
from frisket.device.paper import keyword
from frisket.device.status import Alert, Bin, Cover, Facts, Level, Supply, Tray, cut

__all__ = ["MIB_TABLES", "counter_oids", "read_counter", "read_mib"]

Value = int | str | bytes | None
_P, _H = "1.3.6.1.2.1.43", "1.3.6.1.2.1.25"
MIB_TABLES = (
    f"{_H}.3.2.1.2",  # hrDeviceType
    f"{_H}.3.2.1.3",  # hrDeviceDescr
    f"{_H}.3.2.1.5",  # hrDeviceStatus
    f"{_H}.3.5.1",  # hrPrinterTable
    f"{_P}.5.1.1",  # prtGeneral
    f"{_P}.6.1.1",  # prtCover
    f"{_P}.7.1.1.4",  # prtLocalizationCharacterSet
    f"{_P}.8.2.1",  # prtInput
    f"{_P}.9.2.1",  # prtOutput
    f"{_P}.10.2.1",  # prtMarker
    f"{_P}.11.1.1",  # prtMarkerSupplies
    f"{_P}.12.1.1.4",  # prtMarkerColorantValue
    f"{_P}.13.4.1.9",  # prtMediaPathType
    f"{_P}.13.4.1.10",  # prtMediaPathDescription
    f"{_P}.16.5.1.2",  # prtConsoleDisplayBufferText
    f"{_P}.18.1.1",  # prtAlert
    f"{_P}.30.1.1",  # finDevice (RFC 3806)
)
_PRINTER = f"{_H}.3.1.5"
_MARKED_UNITS = {7: "impressions", 8: "sheets"}
MOST = 1 << 31


def counter_oids(index: int) -> tuple[str, str, str]:
    """prtMarkerLifeCount and its unit of the first marker, and hrPrinterStatus: what is asked around a job."""
    return f"{_P}.10.2.1.4.{index}.1", f"{_P}.10.2.1.3.{index}.1", f"{_H}.3.5.1.1.{index}"


def read_counter(values: Mapping[str, Value], index: int) -> tuple[int | None, str, bool]:
    """Of ``counter_oids``: the count, its unit, and whether the device says it is at rest."""
    count, unit, status = (values.get(oid) for oid in counter_oids(index))
    known = count if isinstance(count, int) and 0 <= count < 1 << 32 else None
    return known, _MARKED_UNITS.get(unit if isinstance(unit, int) else 7, ""), status == 3


def read_mib(values: Mapping[str, Value], at: datetime) -> Facts:
    """Facts of the first printer among the agent's devices."""
    mib = _Mib.of(values)
    trays = tuple(_trays(mib))
    alerts = tuple(_alerts(mib))
    state, reasons = _state(mib, trays, alerts)
    marker = mib.rows(f"{_P}.10.2.1").get(1, {})
    unit = marker.get(3)
    display = [mib.text(text) for _, text in sorted(mib.column(f"{_P}.16.5.1.2").items())]
    general = mib.rows(f"{_P}.5.1.1", keyed=False).get(mib.index, {})
    shown = tuple(dict.fromkeys(line for line in display if line))
    facts = Facts(
        source="snmp",
        at=at,
        state=state,
        reasons=reasons,
        message=clean(" ".join(shown), 200),
        model=mib.text(values.get(f"{_H}.3.2.1.3.{mib.index}"), 120) or mib.text(general.get(16), 120),
        serial=mib.text(general.get(17)),
        trays=trays,
        supplies=tuple(_supplies(mib)),
        covers=tuple(_covers(mib)),
        bins=tuple(_bins(mib)),
        alerts=alerts,
        display=shown,
        marked=_count(marker.get(4)),
        marked_unit=_MARKED_UNITS.get(unit if isinstance(unit, int) else 7, ""),
        index=mib.index,
        colour=_has_colour(mib, marker.get(6)),
        duplex=_turns_sheets(mib),
        finishing=_finishing(mib),
    )
    return cut(facts)


@dataclass(frozen=True, slots=True)
class _Mib:
    values: Mapping[str, Value]
    index: int  # hrDeviceIndex
    charset: str

    @classmethod
    def of(cls, values: Mapping[str, Value]) -> "_Mib":
        index = _printer_index(values)
        language = values.get(f"{_P}.5.1.1.2.{index}")
        declared = values.get(f"{_P}.7.1.1.4.{index}.{language if isinstance(language, int) else 1}")
        return cls(values, index, CHARSETS.get(declared if isinstance(declared, int) else 0, "latin-1"))

    def rows(self, table: str, *, keyed: bool = True) -> dict[int, dict[int, Value]]:
        """Rows of this printer by their index, each by column. keyed: the row's index follows the device's."""
        found: dict[int, dict[int, Value]] = {}
        for column, rest, value in _below(self.values, table):
            if not rest or (keyed and (len(rest) < 2 or rest[0] != self.index)):
                continue
            found.setdefault(rest[1] if keyed else rest[0], {})[column] = value
        return dict(sorted(found.items()))

    def column(self, oid: str) -> dict[int, Value]:
        """One column by row."""
        return {column_rest[-1]: value for column_rest, value in self._of_printer(oid)}

    def _of_printer(self, oid: str) -> Iterator[tuple[tuple[int, ...], Value]]:
        for first, rest, value in _below(self.values, oid):
            if first == self.index and rest:
                yield rest, value

    def text(self, value: Value, longest: int = 60) -> str:
        """Text of an agent: UTF-8, else the character set it declares, without NULs and control characters."""
        if isinstance(value, str):
            return clean(value, longest)
        if not isinstance(value, bytes):
            return ""
        octets = value.replace(b"\0", b"")
        try:
            return clean(octets.decode("utf-8"), longest)
        except UnicodeDecodeError:
            return clean(octets.decode(self.charset, "replace"), longest)


def _below(values: Mapping[str, Value], oid: str) -> Iterator[tuple[int, tuple[int, ...], Value]]:
    """(the next number, those behind it, the value) of everything below an object identifier."""
    start = f"{oid}."
    for name, value in values.items():
        if name.startswith(start):
            parts = name[len(start) :].split(".")
            if all(part.isascii() and part.isdecimal() and len(part) < 11 for part in parts):
                numbers = tuple(map(int, parts))
                yield numbers[0], numbers[1:], value


def _printer_index(values: Mapping[str, Value]) -> int:
    """hrDeviceIndex of the printer: 1 on nearly every device, and wherever nobody says."""
    told = [
        first
        for first, _, value in _below(values, f"{_H}.3.2.1.2")
        if isinstance(value, str) and value.lstrip(".") == _PRINTER
    ]
    has_supplies = {rest[0] for _, rest, _ in _below(values, f"{_P}.11.1.1") if rest}
    in_tables = sorted(has_supplies or {rest[0] for _, rest, _ in _below(values, f"{_P}.5.1.1") if rest})
    for each in sorted(told):
        if not in_tables or each in in_tables:
            return each
    return in_tables[0] if in_tables else (min(told) if told else 1)


def _count(value: Value) -> int | None:
    return value if isinstance(value, int) and 0 <= value < 1 << 32 else None


# -- what is in it -------------------------------------------------------------------------------


def _trays(mib: _Mib) -> Iterator[Tray]:
    for index, row in mib.rows(f"{_P}.8.2.1").items():
        unit = row.get(8)
        name = mib.text(row.get(13)) or mib.text(row.get(18)) or f"{index}"
        yield Tray(
            name=name,
            media=_paper(row) or mib.text(row.get(12)),
            type=mib.text(row.get(21)),
            manual=row.get(2) == 5,
            level=level(row.get(9), row.get(10), CAPACITY_UNITS.get(unit if isinstance(unit, int) else 8, "")),
            capacity=_positive(row.get(9)),
        )


def _paper(row: Mapping[int, Value]) -> str:
    """The size that lies in the tray, else the one that was set for it, whichever way round it lies."""
    scale = {3: 0.254, 4: 0.1}.get(row.get(3) if isinstance(row.get(3), int) else 4)  # type: ignore[arg-type]
    for feed, across in ((6, 7), (4, 5)):
        one, other = _positive(row.get(feed)), _positive(row.get(across))
        if scale is not None and one is not None and other is not None:
            return keyword(round(one * scale), round(other * scale)) or f"{one * scale / 100:.0f} x " + (
                f"{other * scale / 100:.0f} mm"
            )
    return ""


def _supplies(mib: _Mib) -> Iterator[Supply]:
    colours = mib.column(f"{_P}.12.1.1.4")
    for _, row in mib.rows(f"{_P}.11.1.1").items():
        kind = SUPPLIES.get(row.get(5) if isinstance(row.get(5), int) else 2, "other")  # type: ignore[arg-type]
        said, unit = row.get(4), row.get(7)
        name = mib.text(row.get(6), 80)
        colorant = colours.get(row.get(3)) if isinstance(row.get(3), int) and row.get(3) else None  # type: ignore[arg-type]
        yield Supply(
            name=name or kind,
            kind=kind,
            colour=_colour(mib.text(colorant)) or _colour(name),
            receptacle=said == 4 or (said not in (3, 4) and kind in FILLS),
            level=level(row.get(8), row.get(9), SUPPLY_UNITS.get(unit if isinstance(unit, int) else 19, "")),
        )


def _colour(text: str) -> str:
    """By the colorant's name, else by a word of the description: the order of rows says nothing."""
    words = text.lower()
    return next((colour for word, colour in COLOURS if word in words), "")


def level(most: Value, now: Value, unit: str) -> Level:
    """RFC 3805 prtMarkerSuppliesLevel, prtInputCurrentLevel: what the numbers and the special values say."""
    if not isinstance(now, int) or isinstance(now, bool) or abs(now) >= MOST:
        return Level()
    if now == -3:
        return Level("some")
    if now == -1:
        return Level("unlimited")
    if now < 0:
        return Level()
    if most == 0 and now == 0:
        return Level("missing")
    if isinstance(most, int) and most > 0:
        return Level("known", min(100, round(now * 100 / most)), now, unit)
    if unit == "percent":
        return Level("known", min(100, now), now, unit)
    return Level("known", None, now, unit)


def _positive(value: Value) -> int | None:
    return value if isinstance(value, int) and 0 < value < MOST else None


def _covers(mib: _Mib) -> Iterator[Cover]:
    known = {3: True, 4: False, 5: True, 6: False}
    for index, row in mib.rows(f"{_P}.6.1.1").items():
        status = row.get(3)
        yield Cover(mib.text(row.get(2)) or f"{index}", known.get(status) if isinstance(status, int) else None)


def _bins(mib: _Mib) -> Iterator[Bin]:
    for index, row in mib.rows(f"{_P}.9.2.1").items():
        unit = row.get(3)
        left = level(row.get(4), row.get(5), CAPACITY_UNITS.get(unit if isinstance(unit, int) else 8, ""))
        yield Bin(mib.text(row.get(7)) or mib.text(row.get(12)) or f"{index}", _positive(row.get(4)), left)


def _alerts(mib: _Mib) -> Iterator[Alert]:
    severities = {3: "critical", 4: "warning", 5: "warning"}
    for _, row in mib.rows(f"{_P}.18.1.1").items():
        code, severity = row.get(7), row.get(2)
        if not isinstance(code, int) or code in IGNORED:
            continue
        known = severities.get(severity, "other") if isinstance(severity, int) else "other"
        yield Alert(known, ALERTS.get(code, ""), code if 0 <= code < MOST else 0, mib.text(row.get(8), 100))


# -- what it can do ------------------------------------------------------------------------------


def _has_colour(mib: _Mib, colorants: Value) -> bool | None:
    """By the names of its colorants, else of its supplies, else by prtMarkerProcessColorants; many get that wrong."""
    names = [mib.text(value) for value in mib.column(f"{_P}.12.1.1.4").values()]
    known = {_colour(name) for name in names} | {each.colour for each in _supplies(mib) if each.kind not in FILLS}
    known.discard("")
    if known:
        return known != {"black"}
    return None if not isinstance(colorants, int) or colorants < 1 else colorants > 1


_TURNING, _SIMPLEX = (3, 4), 5  # PrtMediaPathTypeTC: long and short edge binding


def _turns_sheets(mib: _Mib) -> bool | None:
    types = list(mib.column(f"{_P}.13.4.1.9").values())
    names = [mib.text(value).lower() for value in mib.column(f"{_P}.13.4.1.10").values()]
    if any(each in _TURNING for each in types) or any("duplex" in name and "non" not in name for name in names):
        return True
    return False if types and all(each == _SIMPLEX for each in types) else None


_NOT_PRESENT = 5  # PrtPresentOnOffTC


def _finishing(mib: _Mib) -> tuple[str, ...]:
    rows = mib.rows(f"{_P}.30.1.1").values()
    kinds = [row.get(2) for row in rows if row.get(3) != _NOT_PRESENT]
    return tuple(dict.fromkeys(FINISHERS[each] for each in kinds if isinstance(each, int) and each in FINISHERS))


# -- how it is -----------------------------------------------------------------------------------


def _state(mib: _Mib, trays: tuple[Tray, ...], alerts: tuple[Alert, ...]) -> tuple[str, tuple[str, ...]]:
    """The state of RFC 2790's two status objects, and every reason with the severity that fits it."""
    printer = mib.values.get(f"{_H}.3.5.1.1.{mib.index}")
    host = mib.values.get(f"{_H}.3.2.1.5.{mib.index}")
    bits = mib.values.get(f"{_H}.3.5.1.2.{mib.index}")
    printing = printer == 4
    reasons = _from_bits(bits if isinstance(bits, bytes) else b"", printing, host in (2, 3), trays)
    reasons += _from_alerts(alerts, printing, host in (2, 3))
    reasons += ["cover-open-warning" for cover in _covers(mib) if cover.open]
    stopping = any(reason.endswith("-error") for reason in reasons)
    if printing:
        state = "processing"
    elif stopping:
        state = "stopped"
    elif host == 5 and printer not in (3, 5):
        state, reasons = "stopped", [*reasons, "other-error"]
    elif printer in (3, 5) or host in (2, 3, 4):  # other and warning is how many say that they sleep
        state = "idle"
    else:
        state = "unknown"
    errors = {reason.removesuffix("-error") for reason in reasons if reason.endswith("-error")}
    return state, tuple(dict.fromkeys(r for r in reasons if r.removesuffix("-warning") not in errors))


def _from_bits(octets: bytes, printing: bool, running: bool, trays: tuple[Tray, ...]) -> list[str]:
    """hrPrinterDetectedErrorState: bit 0 is the most significant of the first octet; agents send none to two."""
    found = []
    for number, (reason, can_stop) in enumerate(BITS):
        octet, mask = number // 8, 0x80 >> (number % 8)
        if octet < len(octets) and octets[octet] & mask:
            stops = can_stop and not printing and (reason in ALWAYS_STOPS or not running)
            if reason == "media-empty" and can_stop and not printing:
                told = [tray for tray in trays if tray.level.word in ("some", "known") and not tray.manual]
                stops = not any(_has_paper(tray) for tray in told) if told else not running
            found.append(f"{reason}-error" if stops else f"{reason}-warning")
    return found


def _has_paper(tray: Tray) -> bool:
    return tray.level.word == "some" or bool(tray.level.amount)


def _from_alerts(alerts: tuple[Alert, ...], printing: bool, running: bool) -> list[str]:
    found = []
    for alert in alerts:
        reason = alert.reason
        if not reason:
            continue
        stops = alert.severity == "critical" and not printing and (reason in ALWAYS_STOPS or not running)
        found.append(f"{reason}-error" if stops else f"{reason}-warning")
    return found
