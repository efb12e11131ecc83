"""Sizes of paper, so that words of three standards for the same sheet meet: PWG 5101.1 names, RFC 3805 names and
bare dimensions."""

import re

__all__ = ["keyword", "same_paper", "size_of"]

Size = tuple[int, int]  # hundredths of a millimetre, the short edge first
NEAR = 200  # two sheets nobody can tell apart by eye; devices round to inches and back

_NAMES = (
    "iso_a3_297x420mm",
    "iso_a4_210x297mm",
    "iso_a5_148x210mm",
    "iso_a6_105x148mm",
    "iso_sra3_320x450mm",
    "iso_ra3_305x430mm",
    "jis_b4_257x364mm",
    "jis_b5_182x257mm",
    "iso_b4_250x353mm",
    "iso_b5_176x250mm",
    "na_letter_8.5x11in",
    "na_legal_8.5x14in",
    "na_ledger_11x17in",
    "na_foolscap_8.5x13in",
    "na_executive_7.25x10.5in",
    "na_invoice_5.5x8.5in",
    "iso_dl_110x220mm",
    "iso_c5_162x229mm",
    "iso_c4_229x324mm",
    "iso_c6_114x162mm",
    "na_number-10_4.125x9.5in",
    "na_monarch_3.875x7.5in",
)
_SELF_DESCRIBING = re.compile(r"_(\d+(?:\.\d+)?)x(\d+(?:\.\d+)?)(mm|in)$", re.ASCII)
# What is left of a name once the family, the colour and the dashes are gone: "iso-a4-white", "A4", "na-letter".
_SHORT = re.compile(
    r"(?:iso|jis|na|om)?[-_ ]?(sra3|ra3|a[3-6]|b[45]|letter|legal|ledger|tabloid|executive)\b", re.ASCII
)


def size_of(name: str) -> Size | None:
    """The two edges a name stands for; None for one that names no size ("custom", "white")."""
    said = _SELF_DESCRIBING.search(name.lower())
    if said is not None and len(name) <= 120:
        scale = 100 if said[3] == "mm" else 2540
        edges = sorted(round(float(edge) * scale) for edge in said.group(1, 2))
        return (edges[0], edges[1]) if 0 < edges[0] <= edges[1] < 10_000_000 else None
    short = _SHORT.match(name.lower().strip())
    return _BY_SHORT.get(short[1]) if short is not None else None


def keyword(edge: int, other: int) -> str:
    """The name of a sheet of these edges; "" for one that has none."""
    short, long = sorted((edge, other))
    return next((name for name, size in _SIZES.items() if _near(size, (short, long))), "")


def same_paper(one: str, other: str) -> bool:
    """Whether two names stand for the same sheet, however it lies in its tray."""
    first, second = size_of(one), size_of(other)
    if first is None or second is None:
        return one == other
    return _near(first, second)


def _near(one: Size, other: Size) -> bool:
    return abs(one[0] - other[0]) <= NEAR and abs(one[1] - other[1]) <= NEAR


def _edges(name: str) -> Size:
    found = size_of(name)
    assert found is not None, name
    return found


_SIZES = {name: _edges(name) for name in _NAMES}
_BY_SHORT = {name.split("_")[1]: size for name, size in reversed(_SIZES.items())}
_BY_SHORT["tabloid"] = _BY_SHORT["ledger"]
