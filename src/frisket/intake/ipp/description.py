"""What a queue says of itself beside how it can print: computed from the devices behind it, never claimed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from frisket import device
from frisket.intake.ipp import terms
from frisket.intake.ipp.condition import is_told
from frisket.intake.ipp.notices import notifications
from frisket.intake.ipp.offered import OPERATIONS, WHICH_JOBS, features, versions
from frisket.intake.ipp.supported import CREATION, SETTABLE, keywords
from frisket.plumbing import parts
from frisket.wire import ipp

__all__ = ["SETTABLE_OF_PRINTER", "Address", "changed_at", "description_attributes"]

# printer-settable-attributes-supported (RFC 3380 section 4.1).
SETTABLE_OF_PRINTER = ("printer-info", "printer-location", "printer-message-from-operator")
_ICONS = ("icon-48.png", "icon-128.png", "icon-512.png")
_MOST_KIB = 2**31 - 1
_MOST_RANGES = ipp.Limits().values_per_attribute
_NOBODY_KNOWS = -2  # prtMarkerSuppliesLevel (RFC 3805)
_SUPPLIES = 64


@dataclass(frozen=True, slots=True)
class Address:
    """How the client reached us: everything we call ourselves is built from it."""

    scheme: str  # ipp or ipps
    authority: str  # host[:port] of the Host header
    web: str  # https://host:port of the pages

    def printer(self, queue: str) -> str:
        return f"{self.scheme}://{self.authority}/ipp/print/{queue}"

    def job(self, number: int) -> str:
        return f"{self.scheme}://{self.authority}/jobs/{number}"

    def page(self, path: str) -> str:
        """A page, under the name by which the client knows this machine (PWG 5100.14 section 5.6)."""
        host = self.authority.rpartition(":")[0] if _PORT.search(self.authority) else self.authority
        port = urlsplit(self.web).port
        return f"https://{host}{f':{port}' if port else ''}{path}"


_PORT = re.compile(r":\d+\Z")


def description_attributes(
    queue: device.QueueView, can: device.Capabilities, formats: Sequence[str], address: Address, *, believed: bool
) -> list[ipp.Attribute]:
    """believed: whether a mere name counts at this queue for whoever asks."""
    return [
        *_protocol(can, formats, address, believed),
        *_jobs(can),
        *_printer(queue, can, formats, address),
        *_documents(can, formats),
        *_inside(queue, can, address),
        *terms.described(),
        *notifications(),
    ]


def _protocol(
    can: device.Capabilities, formats: Sequence[str], address: Address, believed: bool
) -> list[ipp.Attribute]:
    a = ipp.attribute
    return [
        a("charset-configured", ipp.charset("utf-8")),
        a("charset-supported", ipp.charset("utf-8"), ipp.charset("us-ascii")),
        keywords("compression-supported", ("none", "gzip", "deflate")),
        a("document-format-default", ipp.mime(formats[0])),
        a("document-format-supported", *[ipp.mime(each) for each in formats]),
        a("generated-natural-language-supported", ipp.natural_language("en"), ipp.natural_language("de")),
        keywords("ipp-features-supported", features(can)),
        keywords("ipp-versions-supported", versions(can)),
        a("natural-language-configured", ipp.natural_language("en")),
        a("operations-supported", *[ipp.enum(each) for each in OPERATIONS]),
        keywords("pdl-override-supported", ("attempted",)),
        a("preferred-attributes-supported", ipp.boolean(False)),
        keywords("printer-get-attributes-supported", ("document-format",)),
        keywords("printer-settable-attributes-supported", SETTABLE_OF_PRINTER),
        keywords("uri-authentication-supported", ("requesting-user-name" if believed else "basic",)),
        keywords("uri-security-supported", ("tls" if address.scheme == "ipps" else "none",)),
        keywords("which-jobs-supported", WHICH_JOBS),
    ]


def _jobs(can: device.Capabilities) -> list[ipp.Attribute]:
    a = ipp.attribute
    limits = parts.settings().limits
    passed = [name for name in ("overrides", *_PASSED) if can.keywords(name)]
    further = (
        *(["page-ranges"] if can.page_ranges else []),
        *(["finishings-col"] if can.keywords("finishing-template") else []),
        *passed,
    )
    return [
        keywords("job-creation-attributes-supported", sorted({*CREATION, *further})),
        a("job-ids-supported", ipp.boolean(True)),
        a("job-k-octets-supported", ipp.range_(0, min(limits.job_bytes // 1024, _MOST_KIB))),
        a("job-mandatory-attributes-supported", ipp.boolean(True)),
        keywords("job-settable-attributes-supported", SETTABLE),
        keywords("job-spooling-supported", ("spool",)),
        *([a("max-page-ranges-supported", ipp.integer(_MOST_RANGES))] if can.page_ranges else []),
        a("multiple-document-jobs-supported", ipp.boolean(True)),
        a("multiple-operation-time-out", ipp.integer(limits.operation_timeout_s)),
        keywords("multiple-operation-time-out-action", ("process-job",)),
    ]


_PASSED = ("print-content-optimize", "print-rendering-intent", "print-scaling")


def _printer(
    queue: device.QueueView, can: device.Capabilities, formats: Sequence[str], address: Address
) -> list[ipp.Attribute]:
    a = ipp.attribute
    name = queue.info or queue.name
    model = can.make_and_model or "Frisket held queue"
    return [
        a("color-supported", ipp.boolean(can.colour)),
        a("pages-per-minute", ipp.integer(can.pages_per_minute)),
        *([a("pages-per-minute-color", ipp.integer(can.pages_per_minute_color))] if can.colour else []),
        a("printer-config-change-date-time", ipp.datetime_value(changed_at(queue))),
        a("printer-device-id", ipp.text(f"MFG:Frisket;MDL:{_plain(model)};CMD:{_languages(formats)};")),
        a("printer-dns-sd-name", ipp.name(_short(name.replace(".", "-"), 63))),  # a dot would divide it
        a("printer-geo-location", ipp.unknown()),
        a("printer-icons", *[ipp.uri(address.page(f"/static/web/{icon}")) for icon in _ICONS]),
        a("printer-info", ipp.text(_short(name))),
        a("printer-is-shared", ipp.boolean(True)),
        a("printer-kind", ipp.keyword("document")),
        a("printer-location", ipp.text(_short(queue.location))),
        a("printer-make-and-model", ipp.text(_short(model))),
        a("printer-message-date-time", ipp.no_value()),  # nobody keeps when it was said
        a("printer-message-time", ipp.no_value()),
        a("printer-message-from-operator", ipp.text(_short(queue.message))),
        a("printer-more-info", ipp.uri(address.page("/"))),
        a("printer-name", ipp.name(queue.name)),
        a("printer-organization", ipp.text(_short(parts.settings().house.name))),
        a("printer-organizational-unit", ipp.text("")),
        a("printer-type", ipp.enum(_printer_type(queue, can))),
        a("printer-uri-supported", ipp.uri(address.printer(queue.name))),
        a("printer-uuid", ipp.uri(f"urn:uuid:{queue.id}")),
    ]


def changed_at(queue: device.QueueView) -> datetime:
    """When the queue or what stands behind it was last set up anew."""
    return max([queue.changed_at, *(each.adopted_at for each in device.behind(queue))])


def _documents(can: device.Capabilities, formats: Sequence[str]) -> list[ipp.Attribute]:
    """What it says of single formats (PWG 5100.7 section 6.9, PWG 5100.13 section 5.6)."""
    most = ipp.range_(0, min(parts.settings().limits.job_bytes // 1024, _MOST_KIB))
    listed = []
    if "application/pdf" in formats:
        listed += [
            ipp.attribute("document-password-supported", ipp.integer(0)),
            ipp.attribute("pdf-k-octets-supported", most),
        ]
        if known := can.keywords("pdf-versions"):
            listed.append(keywords("pdf-versions-supported", known))
    if "image/jpeg" in formats:
        listed.append(ipp.attribute("jpeg-k-octets-supported", most))
    return listed


def _inside(queue: device.QueueView, can: device.Capabilities, address: Address) -> list[ipp.Attribute]:
    """The machines behind it: what they hold, what is wrong with them, how they show themselves."""
    a = ipp.attribute
    rows = [(_unknown_level(row, index), said) for index, (row, said) in enumerate(can.supplies[:_SUPPLIES], 1)]
    rows = rows or [(_NO_SUPPLY, "Not known")]
    alerts = _alerts(queue)
    listed = [
        a("printer-alert", *[ipp.octets(code.encode()) for code, _ in alerts]),
        a("printer-alert-description", *[ipp.text(said) for _, said in alerts]),
        a("printer-supply", *[ipp.octets(row.encode("ascii", "replace")) for row, _ in rows]),
        a("printer-supply-description", *[ipp.text(_short(said)) for _, said in rows]),
        a("printer-supply-info-uri", ipp.uri(address.page("/"))),
    ]
    if can.identify:
        usual = "display" if "display" in can.identify else can.identify[0]
        listed += [keywords("identify-actions-default", (usual,)), keywords("identify-actions-supported", can.identify)]
    for name, trays, count in (
        ("printer-input-tray", can.input_trays, len(can.media_sources)),
        ("printer-output-tray", can.output_trays, len(can.output_bins)),
    ):
        if trays and len(trays) == count:
            listed.append(a(name, *[ipp.octets(each.encode("ascii", "replace")) for each in trays]))
    return listed


_LEVEL = re.compile(r"(?<![a-z])level=-?\d+", re.IGNORECASE)
_INDEX = re.compile(r"(?<![a-z])index=-?\d+", re.IGNORECASE)
_NO_SUPPLY = "index=1;class=supplyThatIsConsumed;type=unknown;unit=unknown;maxcapacity=-2;level=-2;"


def _unknown_level(row: str, index: int) -> str:
    """A supply as it was when the device was adopted: what it is stays true, how full it was does not."""
    return _INDEX.sub(f"index={index}", _LEVEL.sub(f"level={_NOBODY_KNOWS}", row))


# printer-state-reasons (without their severity) to the alert codes of RFC 3805 and PWG 5100.9.
_CODES = {
    "cover-open": "coverOpen",
    "door-open": "coverOpen",
    "input-tray-missing": "inputMediaTrayMissing",
    "interlock-open": "interlockOpen",
    "marker-supply-empty": "markerTonerEmpty",
    "marker-supply-low": "markerTonerAlmostEmpty",
    "media-empty": "inputMediaSupplyEmpty",
    "media-jam": "jam",
    "media-low": "inputMediaSupplyLow",
    "media-needed": "inputMediaSupplyEmpty",
    "output-area-full": "outputMediaTrayFull",
    "toner-empty": "markerTonerEmpty",
    "toner-low": "markerTonerAlmostEmpty",
}


def _alerts(queue: device.QueueView) -> list[tuple[str, str]]:
    """One for each thing that is wrong with a device; one that says so where nothing is, or nobody knows."""
    found = []
    for each in device.behind(queue):
        for reason in each.state_reasons:
            bare = reason.removesuffix("-error").removesuffix("-warning").removesuffix("-report")
            severity = "critical" if each.state == "stopped" else "warning"
            code = _CODES.get(bare, "other")
            found.append((f"code={code};severity={severity}", _short(bare.replace("-", " ").capitalize() + ".")))
    nothing = ("printerReadyToPrint", "Ready to print.") if is_told(queue) else ("unknown", "Status not available.")
    return found[:_SUPPLIES] or [(f"code={nothing[0]}", nothing[1])]


def _printer_type(queue: device.QueueView, can: device.Capabilities) -> int:
    """CUPS printer-type bits: black 4, colour 8, duplex 10, copies 40, collate 80, A4 1000, A3 2000, …"""
    kind = 0x4 | 0x40 | 0x80 | 0x1000
    kind |= 0x8 if can.colour else 0
    kind |= 0x10 if len(can.sides) > 1 else 0
    kind |= 0x20 if any(20 <= each <= 35 or each == 4 for each in can.finishings) else 0
    kind |= 0x20000 if queue.is_default else 0
    kind |= 0 if queue.accepting else 0x80000
    return kind


def _languages(formats: Sequence[str]) -> str:
    known = {
        "application/pdf": "PDF",
        "application/postscript": "PS",
        "application/vnd.hp-pcl": "PCL",
        "image/pwg-raster": "PWGRaster",
        "image/urf": "URF",
        "image/jpeg": "JPEG",
    }
    return ",".join(known[each] for each in formats if each in known) or "PDF"


def _plain(text: str) -> str:
    return "".join(char for char in text if char.isalnum() or char in " -_")


def _short(text: str, octets: int = 127) -> str:
    return text.encode()[:octets].decode(errors="ignore")
