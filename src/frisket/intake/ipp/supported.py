"""How a queue can print: the job template attributes with -supported, -default and -ready (RFC 8011 section 5.2)."""

from collections.abc import Iterable, Sequence

from frisket import device
from frisket.intake.ipp import terms
from frisket.intake.ipp.template import AS_EVERYBODY_DOES, color_modes, orientations
from frisket.wire import ipp

__all__ = ["CREATION", "SETTABLE", "keywords", "template_attributes"]

# job-creation-attributes-supported: what a new job may bring whatever the devices are; more follows from them.
CREATION = (
    "copies",
    "document-format",
    "document-name",
    "finishings",
    "ipp-attribute-fidelity",
    "job-hold-until",
    "job-mandatory-attributes",
    "job-name",
    "job-password",
    "job-priority",
    "job-sheets",
    "job-sheets-col",
    "media",
    "media-col",
    "multiple-document-handling",
    "number-up",
    "orientation-requested",
    "output-bin",
    "print-color-mode",
    "print-quality",
    "printer-resolution",
    "sides",
    *terms.CREATION,
)
# job-settable-attributes-supported: what Set-Job-Attributes changes of a job that waits (RFC 3380 section 4.2).
SETTABLE = (
    "copies",
    "finishings",
    "finishings-col",
    "job-hold-until",
    "media",
    "media-col",
    "multiple-document-handling",
    "number-up",
    "orientation-requested",
    "output-bin",
    "overrides",
    "page-ranges",
    "print-color-mode",
    "print-content-optimize",
    "print-quality",
    "print-rendering-intent",
    "print-scaling",
    "printer-resolution",
    "sides",
)
# Keyword lists of devices that are passed on as they are, each with the default it should have.
_PASSED_ON = {"print-content-optimize": "auto", "print-rendering-intent": "auto", "print-scaling": "auto"}


def keywords(name: str, words: Iterable[str]) -> ipp.Attribute:
    return ipp.attribute(name, *[ipp.keyword(word) for word in words])


def template_attributes(can: device.Capabilities) -> list[ipp.Attribute]:
    a = ipp.attribute
    dots = can.resolutions or (300,)
    qualities = can.qualities or (4,)
    bins = can.output_bins or ("auto",)
    handling = dict.fromkeys((AS_EVERYBODY_DOES, *can.keywords("multiple-document-handling")))
    return [
        a("copies-default", ipp.integer(1)),
        a("copies-supported", ipp.range_(1, max(1, can.copies_max))),
        a("job-priority-default", ipp.integer(50)),
        a("job-priority-supported", ipp.integer(1)),
        a("job-sheets-default", ipp.keyword("none")),
        keywords("job-sheets-supported", ("none",)),
        a("job-sheets-col-default", ipp.no_value()),
        keywords("job-sheets-col-supported", ("job-sheets",)),
        keywords("multiple-document-handling-default", (AS_EVERYBODY_DOES,)),
        keywords("multiple-document-handling-supported", handling),
        a("number-up-default", ipp.integer(1)),
        a("number-up-supported", *[ipp.integer(each) for each in dict.fromkeys((1, *can.number_up))]),
        a("orientation-requested-default", ipp.no_value()),
        a("orientation-requested-supported", *[ipp.enum(each) for each in orientations(can)]),
        a("output-bin-default", ipp.keyword(bins[0])),
        keywords("output-bin-supported", bins),
        a("page-ranges-supported", ipp.boolean(can.page_ranges)),
        a("print-color-mode-default", ipp.keyword("auto")),
        keywords("print-color-mode-supported", color_modes(can)),
        a("print-quality-default", ipp.enum(4 if 4 in qualities else qualities[0])),
        a("print-quality-supported", *[ipp.enum(each) for each in qualities]),
        a("printer-resolution-default", ipp.resolution(dots[0], dots[0])),
        a("printer-resolution-supported", *[ipp.resolution(each, each) for each in dots]),
        a("sides-default", ipp.keyword("one-sided")),
        keywords("sides-supported", dict.fromkeys(("one-sided", *can.sides))),
        *_finishings(can),
        *_passed_on(can),
        *_raster(can, dots),
    ]


def _finishings(can: device.Capabilities) -> list[ipp.Attribute]:
    a = ipp.attribute
    every = [ipp.enum(each) for each in dict.fromkeys((3, *can.finishings))]
    told = [
        a("finishings-default", ipp.enum(3)),
        a("finishings-ready", *every),
        a("finishings-supported", *every),
    ]
    templates = can.keywords("finishing-template")
    if not can.finishings or not templates:
        return told
    return [*told, *ipp.finishing_templates(templates)]


def _passed_on(can: device.Capabilities) -> list[ipp.Attribute]:
    listed = []
    for name, usual in _PASSED_ON.items():
        if words := can.keywords(name):
            listed.append(keywords(f"{name}-default", (usual if usual in words else words[0],)))
            listed.append(keywords(f"{name}-supported", words))
    if words := can.keywords("overrides"):
        listed.append(keywords("overrides-supported", words))
    return listed


def _raster(can: device.Capabilities, dots: Sequence[int]) -> list[ipp.Attribute]:
    """Only where the devices take raster: `lpadmin -m everywhere` builds on these.

    What a device leaves out is what every one of its kind has to do (PWG 5102.4 section 4.3).
    """
    listed = []
    types = can.raster_types or (("sgray_8", "srgb_8") if can.colour else ("sgray_8",))
    if "image/pwg-raster" in can.formats:
        exact = [ipp.resolution(each, each) for each in can.raster_resolutions or dots]
        listed += [
            ipp.attribute("pwg-raster-document-resolution-supported", *exact),
            keywords("pwg-raster-document-sheet-back", (can.raster_sheet_back or "normal",)),
            keywords("pwg-raster-document-type-supported", types),
        ]
    if "image/urf" in can.formats:
        listed.append(keywords("urf-supported", can.urf or _usual_urf(can, dots)))
    return listed


def _usual_urf(can: device.Capabilities, dots: Sequence[int]) -> list[str]:
    colour, duplex = (["SRGB24"] if can.colour else []), (["DM1"] if len(can.sides) > 1 else [])
    return ["V1.4", "W8", *colour, "RS" + "-".join(str(each) for each in dots), *duplex]
