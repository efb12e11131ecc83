"""Sizes to media names (PWG 5101.1)."""

__all__ = ["media_name"]

_UM_PER_POINT = 25400 / 72
_TOLERANCE_UM = 2000  # a box that is a few points off is still that sheet

# Width and height in micrometres, portrait.
_SIZES = {
    "iso_a3_297x420mm": (297_000, 420_000),
    "iso_a4_210x297mm": (210_000, 297_000),
    "iso_a5_148x210mm": (148_000, 210_000),
    "iso_a6_105x148mm": (105_000, 148_000),
    "iso_a2_420x594mm": (420_000, 594_000),
    "iso_a1_594x841mm": (594_000, 841_000),
    "iso_a0_841x1189mm": (841_000, 1_189_000),
    "iso_sra3_320x450mm": (320_000, 450_000),
    "iso_b4_250x353mm": (250_000, 353_000),
    "iso_b5_176x250mm": (176_000, 250_000),
    "jis_b4_257x364mm": (257_000, 364_000),
    "jis_b5_182x257mm": (182_000, 257_000),
    "iso_dl_110x220mm": (110_000, 220_000),
    "iso_c5_162x229mm": (162_000, 229_000),
    "na_letter_8.5x11in": (215_900, 279_400),
    "na_legal_8.5x14in": (215_900, 355_600),
    "na_ledger_11x17in": (279_400, 431_800),
    "na_executive_7.25x10.5in": (184_150, 266_700),
    "na_invoice_5.5x8.5in": (139_700, 215_900),
    "na_number-10_4.125x9.5in": (104_775, 241_300),
}


def media_name(width_points: float, height_points: float) -> str:
    """The sheet these points fit, turned or not; a custom name when none does; "" for no size at all."""
    sides = sorted((round(width_points * _UM_PER_POINT), round(height_points * _UM_PER_POINT)))
    if sides[0] <= 0 or sides[1] > 100_000_000:
        return ""
    off = {name: max(abs(sides[0] - size[0]), abs(sides[1] - size[1])) for name, size in _SIZES.items()}
    nearest = min(off, key=off.__getitem__)
    if off[nearest] <= _TOLERANCE_UM:
        return nearest
    short, long = (f"{side / 1000:.1f}".removesuffix(".0") for side in sides)
    return f"custom_{short}x{long}mm_{short}x{long}mm"
