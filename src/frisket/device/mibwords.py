"""The numbers of RFC 2790, RFC 3805 and the IANA-PRINTER-MIB that the house acts on, as words."""

__all__ = [
    "ALERTS",
    "ALWAYS_STOPS",
    "BITS",
    "CAPACITY_UNITS",
    "CHARSETS",
    "COLOURS",
    "FILLS",
    "FINISHERS",
    "IGNORED",
    "SUPPLIES",
    "SUPPLY_UNITS",
]

# hrPrinterDetectedErrorState, bit 0 first (RFC 2790 section 4): the reason, and whether it can stop a device.
BITS: tuple[tuple[str, bool], ...] = (
    ("media-low", False),
    ("media-empty", True),
    ("toner-low", False),
    ("toner-empty", True),
    ("door-open", True),
    ("media-jam", True),
    ("offline", True),
    ("service-needed", True),
    ("input-tray-missing", False),
    ("output-tray-missing", False),
    ("marker-supply-missing", True),
    ("output-area-almost-full", False),
    ("output-area-full", True),
    ("media-empty", False),  # inputTrayEmpty: one of them
    ("service-needed", False),  # overduePreventMaint
)
# A device with one of these prints nothing, whatever its hrDeviceStatus says.
ALWAYS_STOPS = frozenset({"door-open", "cover-open", "interlock-open", "media-jam", "offline"})

# PrtAlertCodeTC that are no trouble: closed, configured, power saving, warming up, ready, removed alerts.
IGNORED = frozenset({4, 6, 7, 18, 19, 20, 23, 24, 25, 26, 502, 503, 504, 505, 506, 507, 1005, 1801})
ALERTS: dict[int, str] = {
    3: "cover-open",
    5: "interlock-open",
    8: "media-jam",
    9: "input-tray-missing",
    10: "service-needed",
    11: "service-needed",
    12: "media-low",
    13: "media-empty",
    14: "output-area-almost-full",
    15: "output-area-full",
    22: "offline",
    29: "other",
    30: "service-needed",
    33: "service-needed",
    34: "other",
    35: "fuser-under-temp",
    36: "fuser-over-temp",
    501: "door-open",
    801: "input-tray-missing",
    802: "media-needed",
    803: "media-needed",
    804: "media-needed",
    805: "media-needed",
    807: "media-low",
    808: "media-empty",
    809: "media-needed",
    810: "media-needed",
    813: "media-needed",
    901: "output-tray-missing",
    902: "output-area-almost-full",
    903: "output-area-full",
    1001: "fuser-under-temp",
    1002: "fuser-over-temp",
    1101: "toner-empty",
    1102: "marker-supply-empty",
    1103: "marker-supply-empty",
    1104: "toner-low",
    1105: "marker-supply-low",
    1106: "marker-supply-low",
    1107: "marker-waste-almost-full",
    1108: "marker-waste-almost-full",
    1109: "marker-waste-full",
    1110: "marker-waste-full",
    1111: "opc-near-eol",
    1112: "opc-life-over",
    1113: "developer-low",
    1114: "developer-empty",
    1115: "marker-supply-missing",
    1301: "media-path-cannot-duplex-media-selected",
    30208: "media-jam",
    30213: "stapler-empty",
}
SUPPLIES: dict[int, str] = {
    1: "other", 3: "toner", 4: "waste-toner", 5: "ink", 6: "ink-cartridge", 7: "ink-ribbon", 8: "waste-ink", 9: "opc",
    10: "developer", 11: "fuser-oil", 12: "solid-wax", 13: "ribbon-wax", 14: "waste-wax", 15: "fuser",
    16: "corona-wire", 17: "fuser-oil-wick", 18: "cleaner-unit", 19: "fuser-cleaning-pad", 20: "transfer-unit",
    21: "toner-cartridge", 22: "fuser-oiler", 23: "water", 24: "waste-water", 25: "glue-water-additive",
    26: "waste-paper", 27: "binding-supply", 28: "banding-supply", 29: "stitching-wire", 30: "shrink-wrap",
    31: "paper-wrap", 32: "staples", 33: "inserts", 34: "covers", 35: "matte-toner", 36: "matte-ink",
}  # fmt: skip
FILLS = frozenset({"waste-toner", "waste-ink", "waste-wax", "waste-water", "waste-paper"})
# FinDeviceTypeTC (RFC 3806, IANA-FINISHER-MIB).
FINISHERS: dict[int, str] = {
    3: "stitcher", 4: "folder-unit", 5: "binder", 6: "trimmer", 7: "die-cutter", 8: "puncher", 9: "perforater",
    10: "slitter", 11: "separation-cutter", 12: "imprinter", 13: "wrapper", 14: "bander", 15: "make-envelopes",
    16: "stacker", 17: "sheet-rotator", 18: "inserter",
}  # fmt: skip
SUPPLY_UNITS: dict[int, str] = {
    3: "1/10000 in", 4: "µm", 7: "impressions", 8: "sheets", 11: "h", 12: "1/1000 oz", 13: "1/10 g",
    14: "1/100 fl oz", 15: "1/10 ml", 16: "ft", 17: "m", 18: "items", 19: "percent",
}  # fmt: skip
CAPACITY_UNITS: dict[int, str] = {3: "1/10000 in", 4: "µm", 8: "sheets", 16: "ft", 17: "m", 18: "items", 19: "percent"}
CHARSETS: dict[int, str] = {3: "latin-1", 4: "latin-1", 17: "shift_jis", 106: "utf-8", 2004: "hp-roman8"}
# Words of descriptions, also of other languages; the longer ones first.
COLOURS: tuple[tuple[str, str], ...] = (
    ("light cyan", "light-cyan"), ("light magenta", "light-magenta"), ("photo black", "black"),
    ("matte black", "black"), ("black", "black"), ("schwarz", "black"), ("noir", "black"), ("cyan", "cyan"),
    ("magenta", "magenta"), ("yellow", "yellow"), ("gelb", "yellow"), ("jaune", "yellow"),
)  # fmt: skip
