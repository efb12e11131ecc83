"""The first checks of a request, and the names of the numbers."""

import pytest
from tests.wire.ipp_samples import PRINTER, get_printer_attributes, print_job

from frisket.wire import ipp

JOB = ipp.attribute("job-uri", ipp.uri("ipp://localhost/jobs/12"))
JOB_ID = ipp.attribute("job-id", ipp.integer(12))
SYSTEM = ipp.attribute("system-uri", ipp.uri("ipp://localhost/ipp/system"))


def status(problem: ipp.Problem | None) -> int | None:
    return None if problem is None else problem.status


@pytest.mark.parametrize("version", [(1, 0), (1, 1), (2, 0), (2, 1), (2, 2)])
def test_a_proper_request_of_every_version_passes(version):
    request = print_job()
    request.version = version
    assert ipp.check_request(request) is None
    assert ipp.check_target(request) is None
    assert ipp.check_lengths(request) is None
    assert ipp.answer(request, ipp.Status.OK).version == version


@pytest.mark.parametrize("request_id", [0, -1])
def test_a_request_id_below_one_is_a_bad_request(request_id):
    request = print_job()
    request.request_id = request_id
    assert status(ipp.check_request(request)) == ipp.Status.BAD_REQUEST


CHARSET = ipp.attribute("attributes-charset", ipp.charset("utf-8"))
LANGUAGE = ipp.attribute("attributes-natural-language", ipp.natural_language("en"))
WRONG_OPENINGS = {
    "nothing at all": [],
    "no operation group": [ipp.Group(2, [CHARSET, LANGUAGE])],
    "a job group before it": [ipp.Group(2), ipp.Group(1, [CHARSET, LANGUAGE])],
    "the wrong order": [ipp.Group(1, [LANGUAGE, CHARSET])],
    "another attribute before them": [ipp.Group(1, [PRINTER, CHARSET, LANGUAGE])],
    "another attribute between them": [ipp.Group(1, [CHARSET, PRINTER, LANGUAGE])],
    "no language": [ipp.Group(1, [CHARSET])],
    "two charsets": [ipp.Group(1, [ipp.attribute("attributes-charset", *[ipp.charset("utf-8")] * 2), LANGUAGE])],
    "a charset that is a keyword": [
        ipp.Group(1, [ipp.attribute("attributes-charset", ipp.keyword("utf-8")), LANGUAGE])
    ],
}


@pytest.mark.parametrize("kind", WRONG_OPENINGS)
def test_a_request_that_opens_wrongly_is_a_bad_request_whatever_its_version(kind):
    request = ipp.Message((3, 0), ipp.Operation.PRINT_JOB, 1, WRONG_OPENINGS[kind])
    assert status(ipp.check_request(request)) == ipp.Status.BAD_REQUEST


@pytest.mark.parametrize("version", [(0, 0), (0, 9), (3, 0), (255, 255)])
def test_a_version_we_do_not_speak_is_told_so_in_a_version_we_do(version):
    request = print_job()
    request.version = version
    assert status(ipp.check_request(request)) == ipp.Status.VERSION_NOT_SUPPORTED
    assert ipp.answer(request, ipp.Status.VERSION_NOT_SUPPORTED).version == (2, 0)


@pytest.mark.parametrize(("asked", "answered"), [((1, 9), (1, 1)), ((2, 9), (2, 2))])
def test_a_later_minor_version_is_answered_in_the_closest(asked, answered):
    request = print_job()
    request.version = asked
    assert ipp.check_request(request) is None
    assert ipp.answer_version(asked) == answered


@pytest.mark.parametrize(
    ("label", "expected"),
    [("utf-8", None), ("UTF-8", None), ("us-ascii", None), ("iso-8859-1", 0x040D), ("utf-16", 0x040D)],
)
def test_only_the_two_charsets_are_taken(label, expected):
    request = print_job()
    request.operation.set("attributes-charset", ipp.charset(label))
    assert status(ipp.check_request(request)) == expected


@pytest.mark.parametrize(
    ("operation", "target", "expected"),
    [
        (ipp.Operation.PRINT_JOB, [PRINTER], None),
        (ipp.Operation.PRINT_JOB, [], 0x0400),
        (ipp.Operation.PRINT_JOB, [JOB_ID], 0x0400),
        (ipp.Operation.CANCEL_JOB, [JOB], None),
        (ipp.Operation.CANCEL_JOB, [PRINTER, JOB_ID], None),
        (ipp.Operation.CANCEL_JOB, [PRINTER], 0x0400),
        (ipp.Operation.CANCEL_JOB, [JOB_ID], 0x0400),
        (ipp.Operation.GET_SYSTEM_ATTRIBUTES, [SYSTEM], None),
        (ipp.Operation.GET_SYSTEM_ATTRIBUTES, [], 0x0400),
        (ipp.Operation.CUPS_GET_PRINTERS, [], None),
        (ipp.Operation.CUPS_MOVE_JOB, [JOB], None),
        (0x7777, [], None),
        (ipp.Operation.PRINT_JOB, [ipp.attribute("printer-uri", ipp.keyword("q"))], 0x0400),
        (ipp.Operation.PRINT_JOB, [ipp.attribute("printer-uri", ipp.uri("a:"), ipp.uri("b:"))], 0x0400),
    ],
)
def test_a_request_must_name_what_its_operation_works_on(operation, target, expected):
    assert status(ipp.check_target(ipp.request(operation, 1, *target))) == expected


def test_the_target_is_read_from_the_operation_attributes():
    request = ipp.request(ipp.Operation.CANCEL_JOB, 1, PRINTER, JOB_ID)
    assert ipp.target_of(request) == ipp.Target(printer_uri="ipp://localhost/printers/q", job_id=12)


@pytest.mark.parametrize(
    ("value", "too_long"),
    [
        (ipp.name("a" * 255), False),
        (ipp.name("ä" * 128), True),
        (ipp.text("a" * 1023), False),
        (ipp.text("a" * 1024), True),
        (ipp.keyword("a" * 256), True),
        (ipp.uri("a" * 1024), True),
        (ipp.mime("a" * 256), True),
        (ipp.charset("a" * 64), True),
        (ipp.localized_name("a" * 256, "en"), True),
        (ipp.localized_name("a", "e" * 64), True),
        (ipp.localized_name("a" * 255, "en"), False),
        (ipp.octets(bytes(5000)), False),
        (ipp.integer(1), False),
        (ipp.collection({"m": ipp.collection({"n": ipp.keyword("a" * 256)})}), True),
    ],
)
def test_strings_longer_than_their_syntax_allows_are_found_at_any_depth(value, too_long):
    request = print_job()
    request.job.set("a", value)
    assert status(ipp.check_lengths(request)) == (ipp.Status.REQUEST_VALUE_TOO_LONG if too_long else None)


def test_an_answer_opens_as_every_message_must_and_repeats_the_request_id():
    reply = ipp.answer(get_printer_attributes(), ipp.Status.NOT_FOUND, "ü" * 200)
    assert reply.request_id == 1
    assert [attribute.name for attribute in reply.operation] == [
        "attributes-charset",
        "attributes-natural-language",
        "status-message",
    ]
    assert reply.operation.text("status-message") == "ü" * 127
    assert ipp.check_request(reply) is None


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (0x0002, "Print-Job"),
        (0x0003, "Print-URI"),
        (0x000B, "Get-Printer-Attributes"),
        (0x003C, "Identify-Printer"),
        (0x0067, "Restart-One-Printer"),
        (0x4001, "CUPS-Get-Default"),
        (0x400C, "CUPS-Get-PPDs"),
        (0x400F, "CUPS-Get-PPD"),
        (0x4ABC, "0x4abc"),
    ],
)
def test_operations_are_spelt_as_in_the_standard(code, name):
    assert ipp.operation_name(code) == name


@pytest.mark.parametrize(
    ("code", "keyword"),
    [
        (0x0000, "successful-ok"),
        (0x0001, "successful-ok-ignored-or-substituted-attributes"),
        (0x0400, "client-error-bad-request"),
        (0x041E, "client-error-account-limit-reached"),
        (0x0503, "server-error-version-not-supported"),
        (0x050C, "server-error-too-many-documents"),
        (0x04FF, "0x04ff"),
    ],
)
def test_status_codes_have_their_keywords(code, keyword):
    assert ipp.status_keyword(code) == keyword
