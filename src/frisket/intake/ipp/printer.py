"""What a queue says of itself: computed from the devices behind it, never claimed.

Attributes lie encoded in a cache per queue and address; a request picks names from it. The cache is made
anew when any queue or device changes (``device.version()``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from frisket import device, job
from frisket.intake.capabilities import capabilities_of
from frisket.intake.ipp import terms
from frisket.intake.ipp.condition import condition
from frisket.intake.ipp.notices import notifications
from frisket.plumbing import parts
from frisket.wire import ipp

__all__ = ["OPERATIONS", "Address", "printer_group"]

Value = ipp.Value

OPERATIONS = (
    ipp.Operation.PRINT_JOB,
    ipp.Operation.VALIDATE_JOB,
    ipp.Operation.CREATE_JOB,
    ipp.Operation.SEND_DOCUMENT,
    ipp.Operation.CANCEL_JOB,
    ipp.Operation.GET_JOB_ATTRIBUTES,
    ipp.Operation.GET_JOBS,
    ipp.Operation.GET_PRINTER_ATTRIBUTES,
    ipp.Operation.HOLD_JOB,
    ipp.Operation.RELEASE_JOB,
    ipp.Operation.CREATE_PRINTER_SUBSCRIPTIONS,
    ipp.Operation.CREATE_JOB_SUBSCRIPTIONS,
    ipp.Operation.GET_SUBSCRIPTION_ATTRIBUTES,
    ipp.Operation.GET_SUBSCRIPTIONS,
    ipp.Operation.RENEW_SUBSCRIPTION,
    ipp.Operation.CANCEL_SUBSCRIPTION,
    ipp.Operation.GET_NOTIFICATIONS,
    ipp.Operation.RESUME_JOB,
    ipp.Operation.CANCEL_MY_JOBS,
    ipp.Operation.RESUBMIT_JOB,
    ipp.Operation.CLOSE_JOB,
    ipp.Operation.CUPS_GET_DEFAULT,
    ipp.Operation.CUPS_GET_PRINTERS,
)

# Sizes in hundredths of a millimetre (PWG 5101.1); a size we cannot measure from its name is left out.
_UNITS = {"mm": 100, "in": 2540}
_MARGIN = 423  # 1/6 inch, hundredths of a millimetre
_FORMATS_WITH_PAGES = "application/pdf"


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


def size_of(media: str) -> tuple[int, int] | None:
    """Width and height of a PWG 5101.1 name in hundredths of a millimetre."""
    dimensions = media.rpartition("_")[2]
    unit = dimensions[-2:]
    width, _, height = dimensions[:-2].partition("x")
    try:
        return round(float(width) * _UNITS[unit]), round(float(height) * _UNITS[unit])
    except (KeyError, ValueError):
        return None


def printer_group(
    queue: device.QueueView, address: Address, wanted: Sequence[str], *, queued: int, believed: bool
) -> bytes:
    """The encoded printer-attributes group with what was asked for (RFC 8011 section 4.2.5.1)."""
    still = _still(queue.id.hex, device.version(), address, believed)
    moving = _moving(queue, queued)
    names = _choose(wanted, (*still.known, *(each.name for each in moving)))
    out = [b"\x04"]
    out += [still.encoded[name] for name in names if name in still.encoded]
    out += [ipp.encode_attribute(each) for each in moving if each.name in names]
    return b"".join(out)


def _choose(wanted: Sequence[str], known: Sequence[str]) -> dict[str, None]:
    everything = not wanted or "all" in wanted
    asked = set(wanted)
    chosen: dict[str, None] = {}
    for name in known:
        template = _is_template(name)
        if name == "media-col-database":  # large: only where it is named (PWG 5100.7 section 6.9)
            take = name in asked
        else:
            take = (
                everything
                or name in asked
                or ("job-template" in asked and template)
                or ("printer-description" in asked and not template)
            )
        if take:
            chosen[name] = None
    return chosen


_TEMPLATE_STEMS = (
    "copies-",
    "finishings-",
    "job-cancel-after-",
    "job-delay-output-until-",
    "job-hold-until-",
    "job-priority-",
    "job-retain-until-",
    "job-sheets-",
    "media-",
    "multiple-document-handling-",
    "number-up-",
    "orientation-requested-",
    "output-bin-",
    "overrides-",
    "page-ranges-",
    "print-color-mode-",
    "print-content-optimize-",
    "print-quality-",
    "print-rendering-intent-",
    "print-scaling-",
    "printer-resolution-",
    "proof-copies-",
    "proof-print-",
    "sides-",
)
_TEMPLATE_ENDS = ("-default", "-supported", "-ready", "-database")


def _is_template(name: str) -> bool:
    return name.startswith(_TEMPLATE_STEMS) and name.endswith(_TEMPLATE_ENDS)


@dataclass(frozen=True, slots=True)
class _Still:
    encoded: dict[str, bytes]
    known: tuple[str, ...]


@lru_cache(maxsize=512)
def _still(queue_hex: str, version: int, address: Address, believed: bool) -> _Still:
    """Everything that stays until a queue or device changes."""
    queue = device.queue(UUID(queue_hex))
    can = capabilities_of(queue)
    listed = [
        *_description(queue, can, address, believed),
        *_template(can),
        *_media(can),
        *terms.described(),
        *notifications(),
    ]
    return _Still({each.name: ipp.encode_attribute(each) for each in listed}, tuple(each.name for each in listed))


def _keywords(name: str, words: Iterable[str]) -> ipp.Attribute:
    return ipp.attribute(name, *[ipp.keyword(word) for word in words])


def _description(
    queue: device.QueueView, can: device.Capabilities, address: Address, believed: bool
) -> list[ipp.Attribute]:
    a = ipp.attribute
    settings = parts.settings()
    name = queue.info or queue.name
    model = can.make_and_model or "Frisket held queue"
    formats = [*can.formats]
    secure = address.scheme == "ipps"
    return [
        a("charset-configured", ipp.charset("utf-8")),
        a("charset-supported", ipp.charset("utf-8"), ipp.charset("us-ascii")),
        a("color-supported", ipp.boolean(can.colour)),
        _keywords("compression-supported", ("none", "gzip", "deflate")),
        a("document-format-default", ipp.mime(formats[0])),
        a("document-format-supported", *[ipp.mime(each) for each in formats]),
        a("generated-natural-language-supported", ipp.natural_language("en"), ipp.natural_language("de")),
        _keywords("ipp-features-supported", terms.FEATURES),
        _keywords("ipp-versions-supported", ("1.0", "1.1", "2.0")),
        a("job-ids-supported", ipp.boolean(True)),
        a("job-k-octets-supported", ipp.range_(0, min(settings.limits.job_bytes // 1024, 2**31 - 1))),
        _keywords("job-creation-attributes-supported", CREATION),
        a("multiple-document-jobs-supported", ipp.boolean(True)),
        a("multiple-operation-time-out", ipp.integer(settings.limits.operation_timeout_s)),
        _keywords("multiple-operation-time-out-action", ("process-job",)),
        a("natural-language-configured", ipp.natural_language("en")),
        a("operations-supported", *[ipp.enum(int(each)) for each in OPERATIONS]),
        _keywords("pdl-override-supported", ("attempted",)),
        a("pages-per-minute", ipp.integer(can.pages_per_minute)),
        *([a("pages-per-minute-color", ipp.integer(can.pages_per_minute_color))] if can.colour else []),
        a("preferred-attributes-supported", ipp.boolean(False)),
        a("printer-device-id", ipp.text(f"MFG:Frisket;MDL:{_plain(model)};CMD:{_languages(formats)};")),
        a("printer-dns-sd-name", ipp.name(_short(name, 63))),
        _keywords("printer-get-attributes-supported", ("document-format",)),
        a("printer-info", ipp.text(_short(name))),
        a("printer-is-shared", ipp.boolean(True)),
        a("printer-kind", ipp.keyword("document")),
        a("printer-location", ipp.text(_short(queue.location))),
        a("printer-make-and-model", ipp.text(_short(model))),
        a("printer-more-info", ipp.uri(address.web + "/")),
        a("printer-name", ipp.name(queue.name)),
        a("printer-organization", ipp.text(_short(settings.house.name))),
        a("printer-organizational-unit", ipp.text("")),
        a("printer-type", ipp.enum(_printer_type(queue, can))),
        a("printer-uri-supported", ipp.uri(address.printer(queue.name))),
        a("printer-uuid", ipp.uri(f"urn:uuid:{queue.id}")),
        _keywords("uri-authentication-supported", ("requesting-user-name" if believed else "basic",)),
        _keywords("uri-security-supported", ("tls" if secure else "none",)),
        _keywords("which-jobs-supported", WHICH_JOBS),
    ]


CREATION = (
    "copies",
    "document-format",
    "document-name",
    "finishings",
    "ipp-attribute-fidelity",
    "job-hold-until",
    "job-name",
    "job-password",
    "job-priority",
    "job-sheets",
    "media",
    "media-col",
    "multiple-document-handling",
    "orientation-requested",
    "output-bin",
    "page-ranges",
    "print-color-mode",
    "print-quality",
    "printer-resolution",
    "sides",
    *terms.CREATION,
)
WHICH_JOBS = (
    "completed",
    "not-completed",
    "all",
    "aborted",
    "canceled",
    "pending",
    "pending-held",
    "processing",
    "proof-and-suspend",
    "proof-print",
    "stored-owner",
    "stored-public",
)


def _template(can: device.Capabilities) -> list[ipp.Attribute]:
    a = ipp.attribute
    modes = ("auto", "color", "monochrome") if can.colour else ("auto", "monochrome")
    dots = can.resolutions or (300,)
    qualities = can.qualities or (4,)
    bins = can.output_bins or ("auto",)
    return [
        a("copies-default", ipp.integer(1)),
        a("copies-supported", ipp.range_(1, max(1, can.copies_max))),
        a("finishings-default", ipp.enum(3)),
        a("finishings-supported", *[ipp.enum(each) for each in dict.fromkeys((3, *can.finishings))]),
        a("job-priority-default", ipp.integer(50)),
        a("job-priority-supported", ipp.integer(1)),
        a("job-sheets-default", ipp.keyword("none")),
        _keywords("job-sheets-supported", ("none",)),
        _keywords("multiple-document-handling-default", ("separate-documents-collated-copies",)),
        _keywords("multiple-document-handling-supported", ("separate-documents-collated-copies",)),
        a("number-up-default", ipp.integer(1)),
        a("number-up-supported", ipp.integer(1)),
        a("orientation-requested-default", ipp.no_value()),
        a("orientation-requested-supported", *[ipp.enum(each) for each in (3, 4, 5, 6)]),
        a("output-bin-default", ipp.keyword(bins[0])),
        _keywords("output-bin-supported", bins),
        *([a("page-ranges-supported", ipp.boolean(True))] if _FORMATS_WITH_PAGES in can.formats else []),
        a("print-color-mode-default", ipp.keyword("auto")),
        _keywords("print-color-mode-supported", modes),
        a("print-quality-default", ipp.enum(4 if 4 in qualities else qualities[0])),
        a("print-quality-supported", *[ipp.enum(each) for each in qualities]),
        a("printer-resolution-default", ipp.resolution(dots[0], dots[0])),
        a("printer-resolution-supported", *[ipp.resolution(each, each) for each in dots]),
        a("sides-default", ipp.keyword("one-sided")),
        _keywords("sides-supported", dict.fromkeys(("one-sided", *can.sides))),
        *_raster(can, dots),
    ]


def _raster(can: device.Capabilities, dots: Sequence[int]) -> list[ipp.Attribute]:
    """Only where a device behind the queue takes raster: `lpadmin -m everywhere` builds on these."""
    listed = []
    types = ("sgray_8", "srgb_8") if can.colour else ("sgray_8",)
    duplex = len(can.sides) > 1
    if "image/pwg-raster" in can.formats:
        listed += [
            ipp.attribute("pwg-raster-document-resolution-supported", *[ipp.resolution(each, each) for each in dots]),
            _keywords("pwg-raster-document-sheet-back", ("normal",)),
            _keywords("pwg-raster-document-type-supported", types),
        ]
    if "image/urf" in can.formats:
        words = [
            "V1.4",
            "W8",
            *(["SRGB24"] if can.colour else []),
            "RS" + "-".join(str(each) for each in dots),
        ]
        listed.append(_keywords("urf-supported", [*words, *(["DM1"] if duplex else [])]))
    return listed


def _media(can: device.Capabilities) -> list[ipp.Attribute]:
    sized = [(name, size) for name in can.media if (size := size_of(name)) is not None]
    default = size_of(can.media_default)
    margins = [
        ipp.attribute(f"media-{side}-margin-supported", ipp.integer(0), ipp.integer(_MARGIN))
        for side in ("bottom", "left", "right", "top")
    ]
    return [
        ipp.attribute("media-default", ipp.keyword(can.media_default)),
        _keywords("media-supported", can.media),
        _keywords("media-ready", can.media),
        *margins,
        _keywords("media-col-supported", ("media-size", "media-size-name", *MARGINS)),
        ipp.attribute("media-size-supported", *[ipp.collection(_dimensions(size)) for _, size in sized]),
        *([ipp.attribute("media-col-default", _media_col(can.media_default, default))] if default is not None else []),
        ipp.attribute("media-col-ready", *[_media_col(name, size) for name, size in sized]),
        ipp.attribute("media-col-database", *[_media_col(name, size) for name, size in sized]),
    ]


MARGINS = ("media-bottom-margin", "media-left-margin", "media-right-margin", "media-top-margin")


def _dimensions(size: tuple[int, int]) -> dict[str, Value]:
    return {"x-dimension": ipp.integer(size[0]), "y-dimension": ipp.integer(size[1])}


def _media_col(name: str, size: tuple[int, int]) -> Value:
    members: dict[str, Value] = {
        "media-size": ipp.collection(_dimensions(size)),
        "media-size-name": ipp.keyword(name),
    }
    members.update({margin: ipp.integer(_MARGIN) for margin in MARGINS})
    return ipp.collection(members)


def _moving(queue: device.QueueView, queued: int) -> list[ipp.Attribute]:
    """What differs from one answer to the next."""
    state, reasons = condition(queue)
    up = up_time()
    now = parts.clock().now()
    a = ipp.attribute
    return [
        a("printer-is-accepting-jobs", ipp.boolean(queue.accepting)),
        a("printer-state", ipp.enum(state)),
        _keywords("printer-state-reasons", reasons),
        a("printer-state-message", ipp.text(_message(state))),
        a("printer-up-time", ipp.integer(up)),
        a("printer-current-time", ipp.datetime_value(now)),
        a("printer-state-change-time", ipp.integer(max(1, up - _since(queue.created_at, now)))),
        a("printer-state-change-date-time", ipp.datetime_value(queue.created_at)),
        a("printer-config-change-time", ipp.integer(max(1, up - _since(queue.created_at, now)))),
        a("printer-config-change-date-time", ipp.datetime_value(queue.created_at)),
        a("queued-job-count", ipp.integer(queued)),
    ]


def _message(state: int) -> str:
    return {3: "Ready.", 4: "Printing.", 5: "Every device of this queue is stopped."}[state]


def up_time() -> int:
    """Seconds the house has run; never 0 (RFC 8011 section 5.4.29)."""
    return int(parts.clock().elapsed()) + 1


def _since(moment: datetime, now: datetime) -> int:
    return max(0, int((now - moment).total_seconds()))


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


def state_filter(which: str) -> tuple[job.State, ...]:
    """Our states for a which-jobs keyword (PWG 5100.7 section 6.5)."""
    s = job.State
    done = (s.ENDED, s.ERASED)
    waiting = (s.HELD, s.QUARANTINED)
    pending = (s.RECEIVING, s.RECEIVED, s.ADMITTED, s.PREPARED, s.RELEASED)
    running = (s.SENDING, s.UNCERTAIN, s.DELIVERED)
    return {
        "completed": done,
        "aborted": done,
        "canceled": done,
        "pending-held": waiting,
        "pending": pending,
        "processing": running,
        "proof-and-suspend": (s.HELD,),
        "proof-print": (s.HELD,),
        "stored-owner": (s.ENDED,),
        "stored-public": (s.ENDED,),
        "not-completed": (*pending, *waiting, *running),
        "all": (),
    }[which]
