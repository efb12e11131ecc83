"""What conformance suites really look at (PWG 5100.14 self-certification, IPP/1.1 to 2.2), item by item."""

import re
import subprocess
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime
from gzip import compress
from pathlib import Path
from uuid import UUID

import pytest
from tests.peers.client import Answer, Printing, sample
from tests.peers.office import Office, office_running
from tests.peers.programs import program
from tests.peers.served import until

from frisket import lab
from frisket.wire import ipp
from frisket.wire.ipp import Operation, Status, Tag

SUITES = Path(__file__).parent / "ipptool"
PASSWORD = "somebody who minds the queues"


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    """A press, a black-and-white printer and a RAW port, each behind a queue of its own."""
    plans = (
        lab.DevicePlan("press", lab.Door.IPP, lab.Make.PRESS),
        lab.DevicePlan("mono", lab.Door.IPP, lab.Make.MONO),
        lab.DevicePlan("raw", lab.Door.RAW),
    )
    with office_running(None, *plans) as office:
        for name, devices in (("press", ["press"]), ("mono", ["mono"]), ("raw", ["raw"]), ("both", ["press", "mono"])):
            office.served.ask("queue.add", name=name, hold=False, device=devices, trust_network=["127.0.0.0/8"])
        office.served.person("olga", role="operator", password=PASSWORD)
        yield office


@pytest.fixture(scope="module")
def press(office: Office) -> Printing:
    return office.client("alice", "press")


def described(client: Printing, *wanted: str) -> ipp.Group:
    asked = [ipp.attribute("requested-attributes", *map(ipp.keyword, wanted))] if wanted else []
    answer = client.send(Operation.GET_PRINTER_ATTRIBUTES, *asked)
    assert answer.status == 0, answer.words
    return answer.groups(Tag.PRINTER_GROUP)[0]


@pytest.fixture(scope="module")
def printer(press: Printing) -> ipp.Group:
    return described(press, "all", "media-col-database")


def printed(office: Office, device: str, number: int) -> dict[str, object]:
    """The attributes with which a job of ours reached a device."""
    office.served.reaches(number, "erased")
    names = (f"job {number}", f"job {number}.2")
    return next(dict(job.attributes) for job in office.lab.jobs(device) if job.attributes["job-name"] in names)


# -- 7.1: what a request must look like

CHARSET = ipp.attribute("attributes-charset", ipp.charset("utf-8"))
LANGUAGE = ipp.attribute("attributes-natural-language", ipp.natural_language("en"))


def asking(
    press: Printing, *attributes: ipp.Attribute, request_id: int = 1, version: tuple[int, int] = (2, 0)
) -> bytes:
    group = [ipp.Group(Tag.OPERATION_GROUP, attributes)] if attributes else []
    return ipp.encode(ipp.Message(version, Operation.GET_PRINTER_ATTRIBUTES, request_id, group))


def target(press: Printing) -> ipp.Attribute:
    return ipp.attribute("printer-uri", ipp.uri(press.uri))


@pytest.mark.parametrize(
    ("item", "build", "status"),
    [
        ("I-1", lambda p: asking(p, CHARSET, LANGUAGE, target(p), request_id=0), Status.BAD_REQUEST),
        ("I-2", lambda p: asking(p), Status.BAD_REQUEST),
        ("I-3", lambda p: asking(p, CHARSET, target(p)), Status.BAD_REQUEST),
        ("I-4", lambda p: asking(p, LANGUAGE, target(p)), Status.BAD_REQUEST),
        ("I-5", lambda p: asking(p, LANGUAGE, CHARSET, target(p)), Status.BAD_REQUEST),
        ("I-6", lambda p: asking(p, CHARSET, LANGUAGE, target(p)), Status.OK),
        ("I-7", lambda p: asking(p, CHARSET, LANGUAGE, target(p), version=(0, 0)), Status.VERSION_NOT_SUPPORTED),
        ("I-8", lambda p: asking(p, CHARSET, LANGUAGE), Status.BAD_REQUEST),
    ],
)
def test_a_request_is_judged_by_how_it_begins(
    press: Printing, item: str, build: Callable[[Printing], bytes], status: int
) -> None:
    answer = press.octets(build(press))
    assert answer.status == status, item
    assert bool(answer.groups(Tag.PRINTER_GROUP)) == (status == Status.OK)
    assert answer.message is not None
    assert [each.name for each in answer.message.operation][:2] == ["attributes-charset", "attributes-natural-language"]


def test_the_device_behind_a_queue_shows_itself_when_somebody_asks(office: Office, press: Printing) -> None:
    assert press.send(Operation.IDENTIFY_PRINTER).status == 0
    some = ipp.attribute("identify-actions", ipp.keyword("sound"), ipp.keyword("speak"))
    assert press.send(Operation.IDENTIFY_PRINTER, some).status == 1, "it has no voice"


def test_a_queue_none_of_whose_devices_can_show_itself_says_so(office: Office) -> None:
    raw = office.client("alice", "raw")
    assert raw.send(Operation.IDENTIFY_PRINTER).status == Status.NOT_POSSIBLE
    features = described(raw).texts("ipp-features-supported")
    assert "ipp-everywhere" not in features and "identify-actions-supported" not in described(raw)


def test_send_document_without_last_document_is_refused_and_the_job_can_be_cancelled(press: Printing) -> None:
    number = press.send(Operation.CREATE_JOB).job
    assert press.on_job(Operation.SEND_DOCUMENT, number).status == Status.BAD_REQUEST
    assert press.on_job(Operation.CANCEL_JOB, number).status == 0


def test_a_request_that_has_to_bring_a_document_and_brings_none_is_refused(office: Office, press: Printing) -> None:
    before = len(office.served.jobs())
    assert press.print(b"").status == Status.BAD_REQUEST
    chunked = press.octets(iter([press.message(Operation.PRINT_JOB)]), chunked=True)
    assert chunked.status == Status.BAD_REQUEST and len(office.served.jobs()) == before
    number = press.send(Operation.CREATE_JOB).job
    assert press.add(number, b"", last=False).status == Status.BAD_REQUEST
    assert press.add(number, b"", last=True).status == 0, "this ends it"
    assert press.look(number).integer("job-state") == ipp.JobState.ABORTED
    office.served.reaches(number, "erased")
    sent = {job.attributes["job-name"] for job in office.lab.jobs("press")}
    assert f"job {number}" not in sent, "no device is asked to print nothing"


def test_nobody_lists_anothers_jobs_as_their_own(office: Office) -> None:
    office.client("alice", "press").send(Operation.CREATE_JOB)
    mine = ipp.attribute("my-jobs", ipp.boolean(True))
    assert office.client("bob", "press").send(Operation.GET_JOBS, mine).groups() == []


def test_a_job_that_has_ended_is_still_known_and_not_cancelled_again(office: Office, press: Printing) -> None:
    number = press.print(sample()).job
    office.served.reaches(number, "erased")
    assert press.look(number).integer("job-state") == ipp.JobState.COMPLETED
    assert press.on_job(Operation.CANCEL_JOB, number).status == Status.NOT_POSSIBLE


@pytest.mark.parametrize("group", ["job", "operation"])
def test_a_hold_is_read_from_either_group(office: Office, press: Printing, group: str) -> None:
    held = [ipp.attribute("job-hold-until", ipp.keyword("indefinite"))]
    answer = press.print(sample(), *(held if group == "job" else []), operation=held if group == "operation" else [])
    assert press.look(answer.job).integer("job-state") == ipp.JobState.PENDING_HELD
    assert press.on_job(Operation.RELEASE_JOB, answer.job).status == 0
    office.served.reaches(answer.job, "erased")


# -- 7.2: which attributes are told

DATABASE = "media-col-database"


@pytest.mark.parametrize(
    ("wanted", "large"), [((), False), (("all",), False), (("all", DATABASE), True), ((DATABASE,), True)]
)
def test_the_long_list_of_media_is_told_only_where_it_is_named(
    press: Printing, wanted: tuple[str, ...], large: bool
) -> None:
    found = described(press, *wanted)
    assert (DATABASE in found) == large and (len(found) > 100) == (wanted != (DATABASE,))


def test_a_list_of_names_returns_that_list_and_nothing_else(press: Printing) -> None:
    found = described(press, "printer-name", "sides-supported", "printer-state", "no-such-thing")
    assert {each.name for each in found} == {"printer-name", "sides-supported", "printer-state"}
    answer = press.send(Operation.GET_PRINTER_ATTRIBUTES, ipp.attribute("requested-attributes", ipp.keyword("none")))
    assert answer.status in (0, 1) and all(not len(group) for group in answer.groups(Tag.PRINTER_GROUP))


def test_the_two_classes_share_no_attribute_and_make_up_the_whole(press: Printing) -> None:
    template = {each.name for each in described(press, "job-template")}
    description = {each.name for each in described(press, "printer-description")}
    assert not template & description
    assert template | description == {each.name for each in described(press, "all")}
    stems = "copies finishings media orientation-requested output-bin overrides page-ranges print-color-mode sides"
    assert all(any(name.startswith(stem) for name in template) for stem in stems.split())
    assert {"printer-resolution-default", "print-quality-supported", "media-size-supported", "media-ready"} <= template
    assert {"pwg-raster-document-type-supported", "operations-supported", "finishing-template-supported"} <= description


def test_attributes_for_a_format_that_the_queue_does_not_take_are_refused(press: Printing) -> None:
    for format, status in (("application/pdf", 0), ("application/octet-stream", 0), ("text/x-unknown", 0x040A)):
        answer = press.send(Operation.GET_PRINTER_ATTRIBUTES, ipp.attribute("document-format", ipp.mime(format)))
        assert answer.status == status, format


# -- 7.3: what a printer says of itself

MEDIA = (
    r"((custom|na|asme|roc|oe|roll)_[a-z0-9][-a-z0-9]*_([1-9]\d*(\.\d*[1-9])?|0\.\d*[1-9])x([1-9]\d*(\.\d*[1-9])?|0\.\d*[1-9])in"
    r"|(custom|iso|jis|jpn|prc|om|roll)_[a-z0-9][-a-z0-9]*_([1-9]\d*(\.\d*[1-9])?|0\.\d*[1-9])x([1-9]\d*(\.\d*[1-9])?|0\.\d*[1-9])mm)"
)
SUPPLY = (
    r"((type|class|unit)=[A-Za-z]+;|(maxcapacity|level|index|markerindex|colorantindex|coloranttonality)=-?\d+;"
    r"|colorantrole=(process|spot);|colorantname=[-_.A-Za-z0-9]+;)+"
)
ALERT = r"(code=[A-Za-z0-9]+(;(index|groupindex|location|time)=-?\d+|;(severity|training|group)=[A-Za-z0-9]+)*;?)?"
WEB = r"https://127\.0\.0\.1:\d+/.*"
UUID_URI = r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
COLOURS = "auto|auto-monochrome|bi-level|color|highlight|monochrome|process-bi-level|process-monochrome"
TEXT, NAME, KEYWORD, MIME, URI = (0x41, 0x35), (0x42, 0x36), (0x44,), (0x49,), (0x45,)
INTEGER, BOOLEAN, ENUM, OCTETS, DATE, DOTS, RANGE, COLLECTION = (
    (0x21,), (0x22,), (0x23,), (0x30,), (0x31,), (0x32,), (0x33,), (0x34,)
)  # fmt: skip
NO_VALUE, UNKNOWN = 0x13, 0x12
OPERATIONS = (0x02, 0x04, 0x05, 0x06, 0x08, 0x09, 0x0A, 0x0B, 0x39, 0x3B, 0x3C)

# name, tags, how many (0: some), which values: a pattern, values that must be there, or a test of each.
REQUIRED: list[tuple[str, tuple[int, ...], int, object]] = [
    ("charset-configured", (0x47,), 1, "utf-8"),
    ("charset-supported", (0x47,), 0, {"utf-8"}),
    ("color-supported", BOOLEAN, 1, True),
    ("compression-supported", KEYWORD, 0, {"none", "gzip", "deflate"}),
    ("copies-default", INTEGER, 1, lambda n: n > 0),
    ("copies-supported", RANGE, 1, lambda r: r.lower == 1 and r.upper >= 1),
    ("document-format-default", MIME, 1, None),
    ("document-format-supported", MIME, 0, {"image/pwg-raster", "image/jpeg", "application/pdf"}),
    ("document-password-supported", INTEGER, 1, lambda n: n >= 0),
    ("finishings-default", ENUM, 1, 3),
    ("finishings-supported", ENUM, 0, {3}),
    ("finishings-ready", ENUM, 0, {3}),
    ("finishings-col-database", COLLECTION, 0, None),
    ("finishings-col-default", COLLECTION, 1, None),
    ("finishings-col-ready", COLLECTION, 0, None),
    ("finishings-col-supported", KEYWORD, 0, {"finishing-template"}),
    ("finishing-template-supported", KEYWORD, 0, None),
    ("generated-natural-language-supported", (0x48,), 0, None),
    ("natural-language-configured", (0x48,), 1, None),
    ("identify-actions-default", KEYWORD, 0, "display|flash|sound|speak"),
    ("identify-actions-supported", KEYWORD, 0, "display|flash|sound|speak"),
    ("ipp-features-supported", KEYWORD, 0, {"ipp-everywhere"}),
    ("ipp-versions-supported", KEYWORD, 0, {"1.1", "2.0"}),
    ("job-creation-attributes-supported", KEYWORD, 0, {"media", "print-color-mode", "overrides", "page-ranges"}),
    ("job-ids-supported", BOOLEAN, 1, True),
    ("job-password-supported", INTEGER, 1, None),
    ("job-password-encryption-supported", KEYWORD, 0, None),
    ("job-hold-until-default", (0x44, 0x42), 1, None),
    ("job-hold-until-supported", (0x44, 0x42), 0, {"no-hold", "indefinite"}),
    ("job-priority-default", INTEGER, 1, lambda n: 1 <= n <= 100),
    ("job-priority-supported", INTEGER, 1, lambda n: 1 <= n <= 100),
    ("job-settable-attributes-supported", KEYWORD, 0, {"copies", "media", "job-hold-until"}),
    ("job-sheets-default", (0x44, 0x42), 0, None),
    ("job-sheets-supported", (0x44, 0x42), 0, {"none"}),
    ("job-mandatory-attributes-supported", BOOLEAN, 1, True),
    ("media-default", KEYWORD, 1, MEDIA),
    ("media-supported", KEYWORD, 0, MEDIA),
    ("media-supported", KEYWORD, 0, {"iso_a4_210x297mm", "na_letter_8.5x11in"}),
    ("media-ready", KEYWORD, 0, MEDIA),
    *((f"media-{side}-margin-supported", INTEGER, 0, lambda n: n >= 0) for side in ("bottom", "left", "right", "top")),
    ("media-col-default", COLLECTION, 1, None),
    ("media-col-ready", COLLECTION, 0, None),
    ("media-col-supported", KEYWORD, 0, {"media-size", "media-source", "media-type"}),
    ("media-col-database", COLLECTION, 0, None),
    ("media-size-supported", COLLECTION, 0, None),
    ("media-source-supported", KEYWORD, 0, None),
    ("media-type-supported", KEYWORD, 0, None),
    ("multiple-document-jobs-supported", BOOLEAN, 1, True),
    ("multiple-operation-time-out", INTEGER, 1, lambda n: 60 <= n <= 240),
    ("multiple-operation-time-out-action", KEYWORD, 1, "abort-job|hold-job|process-job"),
    ("number-up-default", INTEGER, 1, 1),
    ("number-up-supported", INTEGER, 0, {1, 2, 4}),
    ("operations-supported", ENUM, 0, set(OPERATIONS)),
    ("orientation-requested-supported", ENUM, 0, lambda n: 3 <= n <= 7),
    ("output-bin-default", KEYWORD, 1, None),
    ("output-bin-supported", KEYWORD, 0, None),
    ("overrides-supported", KEYWORD, 0, {"pages", "document-numbers", "document-number"}),
    ("page-ranges-supported", BOOLEAN, 1, True),
    ("pages-per-minute", INTEGER, 1, 90),
    ("pages-per-minute-color", INTEGER, 1, 90),
    ("pdl-override-supported", KEYWORD, 1, "attempted"),
    ("preferred-attributes-supported", BOOLEAN, 1, None),
    ("print-color-mode-default", KEYWORD, 1, COLOURS),
    ("print-color-mode-supported", KEYWORD, 0, COLOURS),
    ("print-content-optimize-default", KEYWORD, 1, "auto|graphic|photo|text|text-and-graphic"),
    ("print-content-optimize-supported", KEYWORD, 0, "auto|graphic|photo|text|text-and-graphic"),
    ("print-quality-default", ENUM, 1, lambda n: 3 <= n <= 5),
    ("print-quality-supported", ENUM, 0, {3, 4, 5}),
    ("print-rendering-intent-default", KEYWORD, 1, "auto|absolute|perceptual|relative|relative-bpc|saturation"),
    ("print-rendering-intent-supported", KEYWORD, 0, "auto|absolute|perceptual|relative|relative-bpc|saturation"),
    ("print-scaling-default", KEYWORD, 1, None),
    ("print-scaling-supported", KEYWORD, 0, {"auto", "fit"}),
    ("printer-alert", OCTETS, 0, ALERT),
    ("printer-alert-description", TEXT, 0, None),
    ("printer-config-change-date-time", DATE, 1, None),
    ("printer-config-change-time", INTEGER, 1, lambda n: n >= 0),
    ("printer-current-time", DATE, 1, None),
    ("printer-device-id", TEXT, 1, r"([-A-Za-z ]+:[^;]*;)+"),
    ("printer-get-attributes-supported", KEYWORD, 0, {"document-format"}),
    ("printer-icons", URI, 0, WEB),
    ("printer-info", TEXT, 1, lambda text: len(text.encode()) <= 127),
    ("printer-location", TEXT, 1, lambda text: len(text.encode()) <= 127),
    ("printer-make-and-model", TEXT, 1, "Frisket Lab P900"),
    ("printer-message-from-operator", TEXT, 1, lambda text: len(text.encode()) <= 127),
    ("printer-name", NAME, 1, "press"),
    ("printer-more-info", URI, 1, WEB),
    ("printer-supply-info-uri", URI, 1, WEB),
    ("printer-organization", TEXT, 1, None),
    ("printer-organizational-unit", TEXT, 1, None),
    ("printer-resolution-default", DOTS, 1, None),
    ("printer-resolution-supported", DOTS, 0, lambda d: d.unit == ipp.PER_INCH),
    ("printer-settable-attributes-supported", KEYWORD, 0, {"printer-info", "printer-message-from-operator"}),
    ("printer-state", ENUM, 1, lambda n: 3 <= n <= 5),
    ("printer-state-reasons", KEYWORD, 0, None),
    ("printer-state-message", TEXT, 1, None),
    ("printer-state-change-date-time", DATE, 1, None),
    ("printer-state-change-time", INTEGER, 1, lambda n: n >= 0),
    ("printer-supply", OCTETS, 4, SUPPLY),
    ("printer-supply-description", TEXT, 4, None),
    ("printer-up-time", INTEGER, 1, lambda n: n > 0),
    ("printer-uri-supported", URI, 1, r"ipp://127\.0\.0\.1:\d+/ipp/print/press"),
    ("printer-uuid", URI, 1, UUID_URI),
    ("pwg-raster-document-resolution-supported", DOTS, 6, None),
    ("pwg-raster-document-sheet-back", KEYWORD, 1, "flipped|manual-tumble|normal|rotated"),
    ("pwg-raster-document-type-supported", KEYWORD, 0, {"black_1", "sgray_8", "srgb_8", "cmyk_8"}),
    ("queued-job-count", INTEGER, 1, lambda n: n >= 0),
    ("sides-default", KEYWORD, 1, "one-sided"),
    ("sides-supported", KEYWORD, 0, "one-sided|two-sided-long-edge|two-sided-short-edge"),
    ("urf-supported", KEYWORD, 0, None),
    ("uri-authentication-supported", KEYWORD, 1, "requesting-user-name"),
    ("uri-security-supported", KEYWORD, 1, "none"),
    ("which-jobs-supported", KEYWORD, 0, {"completed", "not-completed", "proof-print"}),
    ("pdf-k-octets-supported", RANGE, 1, None),
    ("pdf-versions-supported", KEYWORD, 0, None),
    ("jpeg-k-octets-supported", RANGE, 1, None),
    ("printer-dns-sd-name", NAME, 1, None),
    ("printer-input-tray", OCTETS, 5, None),
    ("printer-output-tray", OCTETS, 2, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "tags", "count", "rule"),
    REQUIRED,
    ids=lambda value: value if isinstance(value, str) and "-" in value else "",
)
def test_an_attribute_of_the_printer_has_its_syntax_its_count_and_its_values(
    printer: ipp.Group, name: str, tags: tuple[int, ...], count: int, rule: object
) -> None:
    values = printer.values(name)
    assert values and all(value.tag in tags for value in values), [hex(value.tag) for value in values]
    assert len(values) == count if count else True
    said = [value.data.decode() if isinstance(value.data, bytes) else value.text or value.data for value in values]
    if isinstance(rule, str):
        assert all(re.fullmatch(rule, each) for each in said), said
    elif isinstance(rule, set):
        assert rule <= set(said), said
    elif callable(rule):
        assert all(rule(each) for each in said), said
    elif rule is not None:
        assert said == [rule]


@pytest.mark.parametrize(
    ("name", "default"),
    [
        (name, f"{name}-default")
        for name in (
            *("document-format", "finishings", "identify-actions", "media", "output-bin", "print-color-mode"),
            *("print-content-optimize", "print-quality", "print-rendering-intent", "print-scaling"),
            *("printer-resolution", "sides", "job-hold-until", "number-up", "multiple-document-handling"),
        )
    ],
)  # fmt: skip
def test_a_default_is_among_what_is_supported(printer: ipp.Group, name: str, default: str) -> None:
    supported = [value.data for value in printer.values(f"{name}-supported")]
    assert all(value.data in supported for value in printer.values(default))


def test_counts_that_belong_together_are_alike(printer: ipp.Group) -> None:
    for one, other in (
        ("printer-alert", "printer-alert-description"),
        ("printer-supply", "printer-supply-description"),
        ("printer-input-tray", "media-source-supported"),
        ("printer-output-tray", "output-bin-supported"),
        ("printer-uri-supported", "uri-security-supported"),
        ("uri-security-supported", "uri-authentication-supported"),
    ):
        assert len(printer.values(one)) == len(printer.values(other)), one


def test_what_is_not_known_is_said_to_be_so(printer: ipp.Group) -> None:
    assert printer.values("printer-geo-location")[0].tag == UNKNOWN
    assert printer.values("orientation-requested-default")[0].tag == NO_VALUE
    levels = [value.data for value in printer.values("printer-supply")]
    assert all(b"level=-2;" in each for each in levels), "how full it was when it was adopted is no news"


@pytest.mark.parametrize("name", ["media-col-default", "media-col-ready", "media-col-database"])
def test_every_medium_has_a_size_margins_a_source_and_a_type(printer: ipp.Group, name: str) -> None:
    for value in printer.values(name):
        row = value.data
        size = row.first("media-size")
        assert size.integer("x-dimension") > 0 and size.integer("y-dimension") > 0
        assert row.text("media-source") and row.text("media-type")
        assert all((row.integer(f"media-{side}-margin") or 0) >= 0 for side in ("bottom", "left", "right", "top"))
        assert row.text("media-size-name") in printer.texts("media-supported")


def test_a_queue_of_one_colour_says_nothing_of_colour(office: Office) -> None:
    mono = described(office.client("alice", "mono"))
    assert mono.boolean("color-supported") is False and "pages-per-minute-color" not in mono
    assert mono.texts("pwg-raster-document-type-supported") == ["black_1", "sgray_8"]
    assert "finishings-col-database" not in mono and [v.data for v in mono.values("finishings-supported")] == [3]


@pytest.mark.requirement("PREP-24")
def test_a_queue_over_two_devices_offers_the_documents_of_both_and_the_abilities_of_either(office: Office) -> None:
    both, mono = described(office.client("alice", "both")), described(office.client("alice", "mono"))
    press = described(office.client("alice", "press"))
    assert set(both.texts("document-format-supported")) == set(mono.texts("document-format-supported"))
    assert both.texts("pwg-raster-document-type-supported") == ["black_1", "sgray_8"]
    dots = {value.data.cross_feed for value in both.values("pwg-raster-document-resolution-supported")}
    assert dots == {300, 600}
    assert set(both.texts("media-supported")) == set(press.texts("media-supported"))
    assert len(both.values("printer-supply")) == 5 and "printer-input-tray" not in both


def test_a_port_that_says_nothing_is_promised_nothing_for(office: Office) -> None:
    raw = described(office.client("alice", "raw"), "all", "media-col-database")
    assert raw.boolean("page-ranges-supported") is False and "overrides-supported" not in raw
    assert raw.values("media-ready")[0].tag == NO_VALUE
    assert "2.2" not in raw.texts("ipp-versions-supported")
    assert [value.data for value in raw.values("printer-supply")] == [
        b"index=1;class=supplyThatIsConsumed;type=unknown;unit=unknown;maxcapacity=-2;level=-2;"
    ]


# -- 7.4: what is said of a job


def test_a_job_tells_all_that_clients_ask_for(office: Office, press: Printing) -> None:
    number = press.print(sample("one", 2), title="a title").job
    office.served.reaches(number, "erased")
    view = press.look(number)
    for name, tag in {
        **dict.fromkeys(("date-time-at-creation", "date-time-at-processing", "date-time-at-completed"), 0x31),
        **dict.fromkeys(("time-at-creation", "time-at-processing", "time-at-completed", "job-id"), 0x21),
        **dict.fromkeys(("job-impressions-completed", "job-printer-up-time", "job-media-sheets-completed"), 0x21),
        **dict.fromkeys(("job-name", "job-originating-user-name"), 0x42),
        **dict.fromkeys(("job-printer-uri", "job-uri", "job-uuid"), 0x45),
    }.items():
        assert [value.tag for value in view.values(name)] == [tag], name
    assert view.text("job-printer-uri") == press.uri and view.text("job-originating-user-name") == "alice"
    assert len(view.values("job-state-message")) == 1 and re.fullmatch(UUID_URI, view.text("job-uuid") or "")
    assert UUID((view.text("job-uuid") or "")[9:]) and isinstance(view.first("date-time-at-creation"), datetime)
    assert view.integer("job-impressions-completed") == 2 and "page-ranges" not in view


def test_a_waiting_job_has_no_times_of_what_has_not_happened(press: Printing) -> None:
    number = press.print(sample(), ipp.attribute("job-hold-until", ipp.keyword("indefinite"))).job
    view = press.look(number)
    for name in ("date-time-at-processing", "date-time-at-completed", "time-at-processing", "time-at-completed"):
        assert view.values(name)[0].tag == NO_VALUE
    press.on_job(Operation.CANCEL_JOB, number)


TEMPLATE = (
    ipp.attribute("media", ipp.keyword("na_letter_8.5x11in")),
    ipp.attribute("print-color-mode", ipp.keyword("monochrome")),
    ipp.attribute("print-quality", ipp.enum(5)),
    ipp.attribute("printer-resolution", ipp.resolution(600, 600)),
    ipp.attribute("sides", ipp.keyword("two-sided-short-edge")),
    ipp.attribute("copies", ipp.integer(2)),
    ipp.attribute("orientation-requested", ipp.enum(4)),
    ipp.attribute("output-bin", ipp.keyword("stacker-1")),
    ipp.attribute("finishings", ipp.enum(20), ipp.enum(74)),
    ipp.attribute("page-ranges", ipp.range_(1, 1), ipp.range_(3, 4)),
    ipp.attribute("number-up", ipp.integer(2)),
    ipp.attribute("print-scaling", ipp.keyword("fit")),
    ipp.attribute("print-content-optimize", ipp.keyword("photo")),
    ipp.attribute("print-rendering-intent", ipp.keyword("perceptual")),
)
LETTER = ipp.collection({"x-dimension": ipp.integer(21590), "y-dimension": ipp.integer(27940)})
MEDIA_COL = ipp.attribute(
    "media-col",
    ipp.collection(
        {
            "media-size": LETTER,
            "media-source": ipp.keyword("tray-2"),
            "media-type": ipp.keyword("stationery-letterhead"),
        }
    ),
)
OVERRIDES = ipp.attribute(
    "overrides",
    ipp.collection(
        {"pages": ipp.range_(2, 2), "media": ipp.keyword("iso_a3_297x420mm"), "sides": ipp.keyword("one-sided")}
    ),
)
STAPLE = ipp.attribute("finishings-col", ipp.collection({"finishing-template": ipp.keyword("staple-top-left")}))


def test_what_a_client_asked_for_comes_back_to_it_unchanged(press: Printing) -> None:
    held = ipp.attribute("job-hold-until", ipp.keyword("indefinite"))
    for asked in (TEMPLATE, (MEDIA_COL, OVERRIDES, STAPLE)):
        answer = press.print(sample("x", 4), *asked, held)
        assert answer.status == 0, ipp.encode(answer.message) if answer.message else b""
        view = press.look(answer.job)
        for each in asked:
            assert view.get(each.name) == each, each.name
        press.on_job(Operation.CANCEL_JOB, answer.job)


def test_what_a_client_asked_for_reaches_the_device_as_it_was_written(office: Office, press: Printing) -> None:
    got = printed(office, "press", press.print(sample("x", 4), *TEMPLATE).job)
    wanted = {each.name: [value.text or value.data for value in each.values] for each in TEMPLATE}
    for name, values in wanted.items():
        sent = got[name] if isinstance(got[name], list) and len(values) > 1 else [got[name]]
        assert [list(v) if isinstance(v, tuple) else v for v in values] == sent, name
    got = printed(office, "press", press.print(sample("x", 4), MEDIA_COL, OVERRIDES, STAPLE).job)
    assert got["media-col"] == {
        "media-size": [{"x-dimension": [21590], "y-dimension": [27940]}],
        "media-source": ["tray-2"],
        "media-type": ["stationery-letterhead"],
    }
    assert "media" not in got, "said once, by media-col"
    assert got["overrides"] == {"pages": [[2, 2]], "media": ["iso_a3_297x420mm"], "sides": ["one-sided"]}
    assert got["finishings-col"] == {"finishing-template": ["staple-top-left"]}


UNFIT = [
    ipp.attribute("media", ipp.keyword("iso_a0_841x1189mm")),
    ipp.attribute("print-scaling", ipp.keyword("enormous")),
    ipp.attribute("finishings-col", ipp.collection({"finishing-template": ipp.keyword("origami")})),
    ipp.attribute("media-col", ipp.collection({"media-size": LETTER, "media-source": ipp.keyword("tray-9")})),
    ipp.attribute("media-col", ipp.collection({"media-size": LETTER, "media-weight-metric": ipp.integer(80)})),
    ipp.attribute("overrides", ipp.collection({"pages": ipp.range_(1, 1), "copies": ipp.integer(2)})),
    ipp.attribute(
        "overrides", ipp.collection({"document-copies": ipp.range_(1, 1), "sides": ipp.keyword("one-sided")})
    ),
    ipp.attribute("number-up", ipp.integer(3)),
    ipp.attribute("x-no-such-attribute", ipp.keyword("yes")),
]


@pytest.mark.parametrize("unfit", UNFIT, ids=lambda each: each.name)
def test_what_cannot_be_done_is_named_and_refused_only_where_the_client_insists(
    press: Printing, unfit: ipp.Attribute
) -> None:
    insisting = ipp.attribute("ipp-attribute-fidelity", ipp.boolean(True))
    naming = ipp.attribute("job-mandatory-attributes", ipp.keyword(unfit.name))
    other = ipp.attribute("job-mandatory-attributes", ipp.keyword("sides"))
    for more, status in (((), 1), ((other,), 1), ((insisting,), 0x040B), ((naming,), 0x040B)):
        answer = press.send(Operation.VALIDATE_JOB, *more, job=[unfit])
        assert answer.status == status, answer.words
        assert [each.name for each in answer.groups(Tag.UNSUPPORTED_GROUP)[0]] == [unfit.name]


def test_what_the_sender_insists_on_holds_the_job_at_a_device_that_cannot_do_it(office: Office) -> None:
    """Nobody stands at a queue that holds nothing; what one of its devices can do the other may not."""
    both, naming = office.client("alice", "both"), ipp.attribute("job-mandatory-attributes", ipp.keyword("finishings"))
    stapled = ipp.attribute("finishings", ipp.enum(20))
    held = ipp.attribute("job-hold-until", ipp.keyword("indefinite"))
    numbers = [both.print(sample(), stapled, held, operation=more).job for more in ([naming], [])]
    insisted, loose = numbers
    office.served.print_at(loose, "alice", "mono")
    assert "finishings" not in printed(office, "mono", loose), "what is merely wished for is left away"
    released = office.served.release(insisted, "alice", "mono")["jobs"][0]
    if released["released"]:
        view = office.served.reaches(insisted, "held")
        assert "finishings" in view["note"]
    assert not [job for job in office.lab.jobs("mono") if job.attributes["job-name"] == f"job {insisted}"]
    office.served.print_at(insisted, "alice", "press")
    assert printed(office, "press", insisted)["finishings"] == 20


def test_overlapping_ranges_and_two_ways_to_name_paper_are_no_request(press: Printing) -> None:
    pages = ipp.attribute("page-ranges", ipp.range_(3, 5), ipp.range_(5, 9))
    turned = ipp.attribute("overrides", ipp.collection({"pages": [ipp.range_(9, 9), ipp.range_(1, 1)]}))
    a4 = ipp.attribute("media", ipp.keyword("iso_a4_210x297mm"))
    for asked in ((pages,), (turned,), (a4, MEDIA_COL), (MEDIA_COL, a4)):
        assert press.send(Operation.VALIDATE_JOB, job=asked).status == Status.BAD_REQUEST


def test_an_empty_job_can_be_closed_looked_at_and_cancelled(press: Printing) -> None:
    number = press.send(Operation.CREATE_JOB).job
    assert press.on_job(Operation.CLOSE_JOB, number).status in (0, Status.JOB_CANCELED)
    assert press.look(number).integer("job-id") == number
    assert press.on_job(Operation.CANCEL_JOB, number).status in (0, Status.NOT_POSSIBLE)
    assert press.send(Operation.CANCEL_MY_JOBS).status in (0, Status.NOT_POSSIBLE)


# -- 7.7: documents

RASTER = b"RaS2" + b"PwgRaster".ljust(64, b"\0") + bytes(1732) + b"\x00\x00\xff" * 40


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("compression", "pack"),
    [("none", bytes), ("deflate", raw_deflate), ("deflate", zlib.compress), ("gzip", compress)],
    ids=["none", "deflate", "deflate in a zlib frame", "gzip"],
)
@pytest.mark.parametrize(
    ("format", "document"),
    [
        ("image/pwg-raster", RASTER),
        ("image/urf", b"UNIRAST\0\0\0\0\1" + bytes(60)),
        ("image/jpeg", b"\xff\xd8\xff\xe0" + bytes(90) + b"\xff\xd9"),
        ("application/pdf", sample("all kinds", 3)),
        ("application/postscript", b"%!PS-Adobe-3.0\n%%Page: 1 1\nshowpage\n%%EOF\n"),
    ],
    ids=["pwg", "urf", "jpeg", "pdf", "ps"],
)
def test_a_document_reaches_the_device_octet_for_octet(
    office: Office, press: Printing, format: str, document: bytes, compression: str, pack: Callable[[bytes], bytes]
) -> None:
    packed = ipp.attribute("compression", ipp.keyword(compression))
    answer = press.print(pack(document), format=format, operation=[packed])
    assert answer.status == 0, answer.words
    office.served.reaches(answer.job, "erased")
    assert press.look(answer.job).integer("job-state") == ipp.JobState.COMPLETED
    assert office.arrived("press")[-1] == document


def test_a_format_that_cannot_be_printed_is_refused_before_it_is_kept(office: Office, press: Printing) -> None:
    before = len(office.served.jobs())
    assert press.print(b"\x1aE\xdf\xa3", format="video/webm").status == Status.DOCUMENT_FORMAT_NOT_SUPPORTED
    assert len(office.served.jobs()) == before


def test_a_pcl_job_and_plain_text_pass_a_queue_whose_device_takes_them(office: Office) -> None:
    raw = office.client("alice", "raw")
    for format, document in (("application/vnd.hp-pcl", b"\x1bE\x1b&l0Ohello\x1bE"), ("text/plain", b"hello\r\n")):
        answer = raw.print(document, format=format)
        assert answer.status == 0, answer.words
        office.served.reaches(answer.job, "erased")
        assert document in office.arrived("raw")[-1]


# -- lists of jobs, and checks without a job


def asked_for(*names: str) -> ipp.Attribute:
    return ipp.attribute("requested-attributes", *map(ipp.keyword, names))


def which(word: str) -> ipp.Attribute:
    return ipp.attribute("which-jobs", ipp.keyword(word))


def numbers(answer: Answer) -> list[int | None]:
    assert answer.status == 0, answer.words
    return [each.integer("job-id") for each in answer.groups()]


def test_a_list_of_jobs_holds_what_was_asked_for_in_the_order_that_was_asked_for(
    office: Office, press: Printing
) -> None:
    held = ipp.attribute("job-hold-until", ipp.keyword("indefinite"))
    made = [press.print(sample(), held).job for _ in range(3)]
    plain = press.send(Operation.GET_JOBS)
    assert [each.name for each in plain.groups()[0]] == ["job-id", "job-uri"]
    assert [number for number in numbers(plain) if number in made] == made, "the oldest first"
    at = numbers(plain).index(made[1]) + 1
    some = press.send(Operation.GET_JOBS, ipp.attribute("first-index", ipp.integer(at)))
    assert numbers(some)[:2] == made[1:]
    one = press.send(
        Operation.GET_JOBS, ipp.attribute("first-index", ipp.integer(at)), ipp.attribute("limit", ipp.integer(1))
    )
    assert numbers(one) == [made[1]]
    beyond = press.send(Operation.GET_JOBS, ipp.attribute("first-index", ipp.integer(100_000)))
    assert numbers(beyond) == []
    everything = press.send(Operation.GET_JOBS, asked_for("all"))
    assert {each.text("job-printer-uri") for each in everything.groups()} == {press.uri}
    for number in made:
        press.on_job(Operation.CANCEL_JOB, number)
    canceled = numbers(press.send(Operation.GET_JOBS, which("canceled")))
    assert set(made) <= set(canceled)
    done = [press.print(sample()).job for _ in range(3)]
    for number in done:
        office.served.reaches(number, "erased")
    assert numbers(press.send(Operation.GET_JOBS, which("completed")))[:3] == done[::-1], "the newest first"


@pytest.mark.parametrize(
    "wrong", [ipp.attribute("first-index", ipp.integer(0)), ipp.attribute("limit", ipp.integer(0)), which("nice")]
)
def test_a_list_that_makes_no_sense_is_refused(press: Printing, wrong: ipp.Attribute) -> None:
    assert press.send(Operation.GET_JOBS, wrong).status in (Status.BAD_REQUEST, 0x040B)


@pytest.mark.parametrize("code", [Operation.VALIDATE_JOB, Operation.VALIDATE_DOCUMENT])
def test_what_would_be_refused_is_refused_before_a_job_is_made(office: Office, press: Printing, code: int) -> None:
    before = len(office.served.jobs())
    for name, value, status in (
        ("document-format", ipp.mime("application/pdf"), Status.OK),
        ("document-format", ipp.mime("video/webm"), Status.DOCUMENT_FORMAT_NOT_SUPPORTED),
        ("compression", ipp.keyword("gzip"), Status.OK),
        ("compression", ipp.keyword("lzma"), Status.COMPRESSION_NOT_SUPPORTED),
    ):
        assert press.send(code, ipp.attribute(name, value)).status == status, name
    assert press.send(code, ipp.attribute("document-format", ipp.mime("application/pdf")), job=TEMPLATE).status == 0
    assert len(office.served.jobs()) == before


# -- a machine that nobody can ask


@pytest.mark.requirement("OCE-156")
@pytest.mark.peer("ipptool")
def test_a_station_tells_nothing_of_a_machine_it_cannot_ask(office: Office) -> None:
    """A workstation that reaches the station only: what the last job met there is no news of now."""
    served = office.served
    served.ask("device.add", name="controller", uri=office.lab.uri("raw"), silence_is_done=True)
    served.ask("queue.add", name="station", hold=False, device=["controller"], trust_network=["127.0.0.0/8"])
    number = office.client("alice", "station").print(sample(), format="application/vnd.hp-pcl").job
    served.reaches(number, "erased")
    done = subprocess.run(
        [program("ipptool"), "-t", "-I", f"{served.urls['ipp']}/station", str(SUITES / "station.test")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "[PASS]" in done.stdout and "[FAIL]" not in done.stdout, done.stdout
    served.ask("device.probe", name="press")
    message = described(office.client("alice", "press"), "printer-state-message").text("printer-state-message")
    assert message == "Ready.", "what can be asked tells"


# -- the whole answer stays quick


def test_an_answer_is_made_once_and_remade_when_the_queue_changes(office: Office, press: Printing) -> None:
    def location() -> str | None:
        return described(press, "printer-location").text("printer-location")

    office.served.ask("queue.set", name="press", location="second floor")
    until(lambda: location() == "second floor", 5)
    office.served.ask("queue.set", name="press", location="cellar")
    until(lambda: location() == "cellar", 5)
