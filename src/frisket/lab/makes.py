"""What each make of virtual device says of itself, as real ones do (RFC 8011, PWG 5100.14 and others)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from frisket.lab.plan import Make
from frisket.wire import ipp

__all__ = ["MAKES", "MakeFacts", "Media", "fixed_attributes"]


@dataclass(frozen=True, slots=True)
class Media:
    """A sheet. name: PWG 5101.1; sizes in hundredths of a millimetre."""

    name: str
    x: int
    y: int

    def size(self) -> ipp.Value:
        return ipp.collection({"x-dimension": ipp.integer(self.x), "y-dimension": ipp.integer(self.y)})


_A4 = Media("iso_a4_210x297mm", 21000, 29700)
_A3 = Media("iso_a3_297x420mm", 29700, 42000)
_A5 = Media("iso_a5_148x210mm", 14800, 21000)
_LETTER = Media("na_letter_8.5x11in", 21590, 27940)
_LEGAL = Media("na_legal_8.5x14in", 21590, 35560)
_LEDGER = Media("na_ledger_11x17in", 27940, 43180)
_DL = Media("iso_dl_110x220mm", 11000, 22000)
_4X6 = Media("na_index-4x6_4x6in", 10160, 15240)


@dataclass(frozen=True, slots=True)
class MakeFacts:
    title: str
    command_set: str  # for the IEEE 1284 device id
    colour: bool
    media: Sequence[Media]  # the first is the default
    ready: Sequence[Media]  # in the trays, in their order
    sources: Sequence[str]
    bins: Sequence[str]
    finishings: Sequence[int]
    formats: Sequence[str]
    resolutions: Sequence[int]
    pages_per_minute: int
    supplies: Sequence[tuple[str, int]]  # name, level in percent
    copies_max: int = 999
    separations: bool = False  # takes raster in cyan, magenta, yellow and black, and in deep colour
    number_up: Sequence[int] = (1,)  # pages it puts on one side of a sheet


MAKES = {
    Make.COLOUR: MakeFacts(
        title="Frisket Lab C450",
        command_set="PDF,PWGRaster,AppleRaster,JPEG,PS",
        colour=True,
        media=(_A4, _A3, _A5, _LETTER, _LEGAL, _LEDGER, _DL),
        ready=(_A4, _A3, _LETTER, _DL),
        sources=("auto", "tray-1", "tray-2", "tray-3", "by-pass-tray"),
        bins=("face-down", "stacker-1"),
        finishings=(3, 4, 5, 20, 21, 22, 28, 74),
        formats=(
            "application/pdf",
            "image/pwg-raster",
            "image/urf",
            "image/jpeg",
            "application/postscript",
            "application/octet-stream",
        ),
        resolutions=(300, 600),
        pages_per_minute=45,
        supplies=(("cyan", 80), ("magenta", 75), ("yellow", 90), ("black", 60)),
    ),
    Make.MONO: MakeFacts(
        title="Frisket Lab M40",
        command_set="PDF,PWGRaster,PS",
        colour=False,
        media=(_A4, _A5, _LETTER, _LEGAL, _DL),
        ready=(_A4, _DL),
        sources=("auto", "tray-1", "by-pass-tray"),
        bins=("face-down",),
        finishings=(3,),
        formats=(
            "application/pdf",
            "image/pwg-raster",
            "image/jpeg",
            "application/postscript",
            "application/octet-stream",
        ),
        resolutions=(300, 600),
        pages_per_minute=40,
        supplies=(("black", 40),),
        copies_max=99,
    ),
}

MAKES[Make.PRESS] = replace(
    MAKES[Make.COLOUR],
    title="Frisket Lab P900",
    resolutions=(150, 180, 300, 360, 600, 720),
    pages_per_minute=90,
    separations=True,
    number_up=(1, 2, 4, 6, 9, 16),
    media=(*MAKES[Make.COLOUR].media, _4X6),
)

_OPERATIONS = (0x02, 0x04, 0x05, 0x06, 0x08, 0x09, 0x0A, 0x0B, 0x39, 0x3B, 0x3C)
_MARGIN = 423  # hundredths of a millimetre: a sixth of an inch


def _words(name: str, *words: str) -> ipp.Attribute:
    return ipp.attribute(name, *map(ipp.keyword, words))


def _enums(name: str, *numbers: int) -> ipp.Attribute:
    return ipp.attribute(name, *map(ipp.enum, numbers))


def _integers(name: str, *numbers: int) -> ipp.Attribute:
    return ipp.attribute(name, *map(ipp.integer, numbers))


def fixed_attributes(facts: MakeFacts) -> list[ipp.Attribute]:
    """Everything that never changes while the device runs, media-col-database included."""
    return [
        *_protocol(facts),
        *_description(facts),
        *_media(facts),
        *_template(facts),
        *_formats(facts),
        *_supplies(facts),
    ]


def _protocol(facts: MakeFacts) -> list[ipp.Attribute]:
    return [
        ipp.attribute("charset-configured", ipp.charset("utf-8")),
        ipp.attribute("charset-supported", ipp.charset("utf-8"), ipp.charset("us-ascii")),
        ipp.attribute("natural-language-configured", ipp.natural_language("en")),
        ipp.attribute("generated-natural-language-supported", ipp.natural_language("en")),
        _words("ipp-versions-supported", "1.1", "2.0"),
        _words("ipp-features-supported", "ipp-everywhere"),
        _enums("operations-supported", *_OPERATIONS),
        _words("compression-supported", "none", "gzip", "deflate"),
        ipp.attribute("multiple-document-jobs-supported", ipp.boolean(True)),
        _integers("multiple-operation-time-out", 60),
        _words("multiple-operation-time-out-action", "abort-job"),
        _words("multiple-document-handling-supported", "separate-documents-collated-copies"),
        _words("multiple-document-handling-default", "separate-documents-collated-copies"),
        _words("pdl-override-supported", "attempted"),
        ipp.attribute("preferred-attributes-supported", ipp.boolean(False)),
        ipp.attribute("job-ids-supported", ipp.boolean(True)),
        _words("which-jobs-supported", "completed", "not-completed"),
        _words("printer-get-attributes-supported", "document-format"),
        _words("identify-actions-default", "display"),
        _words("identify-actions-supported", "display", "flash", "sound"),
        _words(
            "job-creation-attributes-supported",
            *("copies", "finishings", "media", "media-col", "orientation-requested", "output-bin"),
            *("page-ranges", "print-color-mode", "print-content-optimize", "print-quality"),
            *("print-rendering-intent", "print-scaling", "printer-resolution", "sides"),
            *("document-name", "ipp-attribute-fidelity", "job-name", "multiple-document-handling"),
        ),
    ]


def _description(facts: MakeFacts) -> list[ipp.Attribute]:
    device_id = f"MFG:Frisket;MDL:{facts.title.removeprefix('Frisket ')};CMD:{facts.command_set};CLS:PRINTER;"
    speed = [_integers("pages-per-minute", facts.pages_per_minute)]
    if facts.colour:
        speed.append(_integers("pages-per-minute-color", facts.pages_per_minute))
    return [
        ipp.attribute("printer-make-and-model", ipp.text(facts.title)),
        ipp.attribute("printer-device-id", ipp.text(device_id)),
        ipp.attribute("printer-geo-location", ipp.unknown()),
        ipp.attribute("printer-organization", ipp.text("")),
        ipp.attribute("printer-organizational-unit", ipp.text("")),
        ipp.attribute("color-supported", ipp.boolean(facts.colour)),
        ipp.attribute("printer-is-accepting-jobs", ipp.boolean(True)),
        ipp.attribute("printer-alert", ipp.octets(b"")),
        ipp.attribute("printer-alert-description", ipp.text("")),
        *speed,
    ]


def _media(facts: MakeFacts) -> list[ipp.Attribute]:
    types = ("stationery", "stationery-letterhead", "labels", "envelope")
    margins = [_integers(f"media-{side}-margin-supported", _MARGIN) for side in ("bottom", "left", "right", "top")]
    feeds = [source for source in facts.sources if source != "auto"]
    ready = list(zip(facts.ready, feeds, strict=False))
    members = ("media-size", "media-size-name", "media-source", "media-type")
    return [
        _words("media-supported", *(media.name for media in facts.media)),
        _words("media-default", facts.media[0].name),
        _words("media-ready", *(media.name for media in facts.ready)),
        ipp.attribute("media-size-supported", *(media.size() for media in facts.media)),
        _words("media-source-supported", *facts.sources),
        _words("media-type-supported", *types),
        *margins,
        _words(
            "media-col-supported",
            *members,
            *(f"media-{s}-margin" for s in ("bottom", "left", "right", "top")),
        ),
        ipp.attribute("media-col-default", _media_col(facts.media[0], facts.sources[0])),
        ipp.attribute("media-col-ready", *(_media_col(media, feed) for media, feed in ready)),
        ipp.attribute(
            "media-col-database",
            *(_media_col(media, feed) for media in facts.media for feed in facts.sources),
        ),
    ]


def _media_col(media: Media, source: str) -> ipp.Value:
    envelope = media.name == _DL.name
    return ipp.collection(
        {
            "media-size": media.size(),
            "media-size-name": ipp.keyword(media.name),
            "media-bottom-margin": ipp.integer(_MARGIN),
            "media-left-margin": ipp.integer(_MARGIN),
            "media-right-margin": ipp.integer(_MARGIN),
            "media-top-margin": ipp.integer(_MARGIN),
            "media-source": ipp.keyword(source),
            "media-type": ipp.keyword("envelope" if envelope else "stationery"),
        }
    )


def _template(facts: MakeFacts) -> list[ipp.Attribute]:
    modes = ("auto", "color", "monochrome") if facts.colour else ("monochrome",)
    dots = [ipp.resolution(dpi, dpi) for dpi in facts.resolutions]
    return [
        _integers("copies-default", 1),
        ipp.attribute("copies-supported", ipp.range_(1, facts.copies_max)),
        _words("sides-default", "one-sided"),
        _words("sides-supported", "one-sided", "two-sided-long-edge", "two-sided-short-edge"),
        _words("print-color-mode-default", modes[0]),
        _words("print-color-mode-supported", *modes),
        _enums("print-quality-default", 4),
        _enums("print-quality-supported", 3, 4, 5),
        ipp.attribute("printer-resolution-default", dots[-1]),
        ipp.attribute("printer-resolution-supported", *dots),
        _enums("orientation-requested-supported", 3, 4, 5, 6),
        ipp.attribute("orientation-requested-default", ipp.no_value()),
        _words("output-bin-default", facts.bins[0]),
        _words("output-bin-supported", *facts.bins),
        _words("print-scaling-default", "auto"),
        _words("print-scaling-supported", "auto", "auto-fit", "fill", "fit", "none"),
        _words("print-content-optimize-default", "auto"),
        _words("print-content-optimize-supported", "auto", "graphic", "photo", "text", "text-and-graphic"),
        _words("print-rendering-intent-default", "auto"),
        _words("print-rendering-intent-supported", "auto", "perceptual", "relative", "saturation"),
        ipp.attribute("page-ranges-supported", ipp.boolean(True)),
        _integers("number-up-default", 1),
        _integers("number-up-supported", *facts.number_up),
        _words("overrides-supported", "pages", "document-number", "document-numbers"),
        *_finishings(facts),
    ]


_FINISHING_NAMES = {
    4: "staple",
    5: "punch",
    20: "staple-top-left",
    21: "staple-bottom-left",
    22: "staple-top-right",
    28: "staple-dual-left",
    74: "punch-dual-left",
}


def _finishings(facts: MakeFacts) -> list[ipp.Attribute]:
    told = [
        _enums("finishings-default", 3),
        _enums("finishings-supported", *facts.finishings),
        _enums("finishings-ready", *facts.finishings),
    ]
    names = [_FINISHING_NAMES[number] for number in facts.finishings if number > 3]
    return [*told, *(ipp.finishing_templates(names) if names else ())]


def _formats(facts: MakeFacts) -> list[ipp.Attribute]:
    kinds = (
        "black_1",
        "sgray_8",
        *(("srgb_8",) if facts.colour else ()),
        *(("cmyk_8", "srgb_16") if facts.separations else ()),
    )
    dots = [ipp.resolution(dpi, dpi) for dpi in facts.resolutions]
    attributes = [
        ipp.attribute("document-format-default", ipp.mime("application/octet-stream")),
        ipp.attribute("document-format-supported", *map(ipp.mime, facts.formats)),
        _integers("document-password-supported", 0),
        _words("pdf-versions-supported", "adobe-1.4", "adobe-1.5", "adobe-1.6", "iso-32000-1_2008"),
        ipp.attribute("pdf-k-octets-supported", ipp.range_(0, 2_097_152)),
        ipp.attribute("jpeg-k-octets-supported", ipp.range_(0, 262_144)),
        ipp.attribute("pwg-raster-document-resolution-supported", *dots),
        _words("pwg-raster-document-type-supported", *kinds),
        _words("pwg-raster-document-sheet-back", "normal"),
    ]
    if "image/urf" in facts.formats:
        attributes.append(
            _words("urf-supported", "V1.4", "CP999", "RS300-600", "W8", "SRGB24", "DM1", "FN3-20-28", "PQ3-4-5")
        )
    return attributes


def _supplies(facts: MakeFacts) -> list[ipp.Attribute]:
    rows = [
        f"type=toner;maxcapacity=100;level={level};index={index};markerindex=1;class=supplyThatIsConsumed;"
        f"unit=percent;colorantindex={index};colorantrole=process;colorantname={name};coloranttonality=128;"
        for index, (name, level) in enumerate(facts.supplies, 1)
    ]
    trays = [
        f"type=sheetFeedAutoRemovableTray;mediafeed=29700;mediaxfeed=21000;maxcapacity=500;level=250;"
        f"status=0;name={source};"
        for source in facts.sources
    ]
    bins = [f"type=unRemovableBin;maxcapacity=250;remaining=250;status=0;name={name};" for name in facts.bins]
    return [
        ipp.attribute("printer-supply", *(ipp.octets(row.encode()) for row in rows)),
        ipp.attribute(
            "printer-supply-description",
            *(ipp.text(f"{name.capitalize()} toner") for name, _ in facts.supplies),
        ),
        ipp.attribute("printer-input-tray", *(ipp.octets(row.encode()) for row in trays)),
        ipp.attribute("printer-output-tray", *(ipp.octets(row.encode()) for row in bins)),
    ]
