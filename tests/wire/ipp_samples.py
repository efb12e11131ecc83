"""IPP messages made by us, for the tests of the codec: the requests that print clients send, and answers."""

from datetime import datetime, timedelta, timezone

from frisket.wire import ipp

PRINTER = ipp.attribute("printer-uri", ipp.uri("ipp://localhost/printers/q"))
PERSON = ipp.attribute("requesting-user-name", ipp.name("anna"))


def head(code: int, group: str, request_id: int = 1, version: str = "0200") -> bytes:
    """A message in hex: head, the two first attributes, then what the test is about."""
    opening = (
        "01 47 0012 617474726962757465732d63686172736574 0005 7574662d38"
        "48 001b 617474726962757465732d6e61747572616c2d6c616e6775616765 0002 656e"
    )
    return bytes.fromhex(f"{version} {code:04x} {request_id:08x} {opening} {group} 03")


MEDIA_COL = """
34 0009 6d656469612d636f6c 0000
  4a 0000 000a 6d656469612d73697a65
  34 0000 0000
    4a 0000 000b 782d64696d656e73696f6e   21 0000 0004 00005208
    4a 0000 000b 792d64696d656e73696f6e   21 0000 0004 00007404
  37 0000 0000
  4a 0000 000c 6d656469612d736f75726365   44 0000 0006 747261792d31
37 0000 0000
"""

MEDIA_COL_VALUE = ipp.collection(
    {
        "media-size": ipp.collection({"x-dimension": ipp.integer(21000), "y-dimension": ipp.integer(29700)}),
        "media-source": ipp.keyword("tray-1"),
    }
)


def print_job() -> ipp.Message:
    request = ipp.request(
        ipp.Operation.PRINT_JOB,
        7,
        PRINTER,
        PERSON,
        ipp.attribute("job-name", ipp.name("Quartalsübersicht")),
        ipp.attribute("document-format", ipp.mime("application/pdf")),
        ipp.attribute("ipp-attribute-fidelity", ipp.boolean(False)),
    )
    request.groups.append(
        ipp.Group(
            ipp.Tag.JOB_GROUP,
            [
                ipp.attribute("copies", ipp.integer(3)),
                ipp.attribute("sides", ipp.keyword("two-sided-long-edge")),
                ipp.attribute("job-sheets", ipp.name("none"), ipp.name("none")),
                ipp.attribute("page-ranges", ipp.range_(1, 2), ipp.range_(5, 9)),
                ipp.attribute("media-col", MEDIA_COL_VALUE),
            ],
        )
    )
    return request


def get_printer_attributes() -> ipp.Message:
    wanted = ipp.attribute("requested-attributes", ipp.keyword("all"), ipp.keyword("media-col-database"))
    return ipp.request(ipp.Operation.GET_PRINTER_ATTRIBUTES, 1, PRINTER, wanted)


def send_document() -> ipp.Message:
    return ipp.request(
        ipp.Operation.SEND_DOCUMENT,
        3,
        PRINTER,
        ipp.attribute("job-id", ipp.integer(12)),
        PERSON,
        ipp.attribute("last-document", ipp.boolean(True)),
    )


def get_jobs_answer() -> ipp.Message:
    reply = ipp.answer(ipp.request(ipp.Operation.GET_JOBS, 9), ipp.Status.OK, "fine")
    for number in (1, 2, 3):
        reply.groups.append(
            ipp.Group(
                ipp.Tag.JOB_GROUP,
                [
                    ipp.attribute("job-id", ipp.integer(number)),
                    ipp.attribute("job-state", ipp.enum(ipp.JobState.PENDING_HELD)),
                    ipp.attribute("time-at-completed", ipp.no_value()),
                ],
            )
        )
    return reply


def every_syntax() -> ipp.Message:
    berlin = timezone(timedelta(hours=1))
    return ipp.Message(
        (2, 2),
        ipp.Operation.SET_PRINTER_ATTRIBUTES,
        2**31 - 1,
        [
            ipp.Group(ipp.Tag.OPERATION_GROUP, ipp.opening("de-ch")),
            ipp.Group(
                ipp.Tag.PRINTER_GROUP,
                [
                    ipp.attribute("a-integer", ipp.integer(-(2**31)), ipp.integer(2**31 - 1)),
                    ipp.attribute("a-boolean", ipp.boolean(True), ipp.boolean(False)),
                    ipp.attribute("an-enum", ipp.enum(20), ipp.enum(4)),
                    ipp.attribute("octets", ipp.octets(b""), ipp.octets(b"\x00\xff")),
                    ipp.attribute(
                        "a-date",
                        ipp.datetime_value(datetime(2026, 3, 1, 18, 30, 0, 900_000, berlin)),
                        ipp.datetime_value(datetime(1999, 12, 31, 23, 59, 59, 0, ipp.MINUS_ZERO)),
                        ipp.Value(ipp.Tag.DATE_TIME, bytes(11)),
                    ),
                    ipp.attribute("a-resolution", ipp.resolution(600, 1200), ipp.resolution(1, 2, 4)),
                    ipp.attribute("a-range", ipp.range_(-5, 5)),
                    ipp.attribute("texts", ipp.text("grüezi 🖨"), ipp.localized_text("hallo", "de")),
                    ipp.attribute("names", ipp.name(""), ipp.localized_name("Bau7", "de"), ipp.keyword("k")),
                    ipp.attribute("uris", ipp.uri("ipp://h/"), ipp.uri_scheme("ipp"), ipp.mime("a/b")),
                    ipp.attribute("labels", ipp.charset("utf-8"), ipp.natural_language("en")),
                    ipp.attribute("nothing", ipp.no_value()),
                    ipp.attribute("more-nothing", ipp.unknown(), ipp.unsupported(), ipp.not_settable()),
                    ipp.attribute("orders", ipp.delete_attribute(), ipp.admin_define()),
                    ipp.attribute("an-extension", ipp.Value(ipp.Tag.EXTENSION, b"\x40\x00\x00\x01abc")),
                    ipp.attribute("of-tomorrow", ipp.Value(0x28, b"\x01\x02"), ipp.Value(0x5A, b"")),
                    ipp.attribute("media-col-database", MEDIA_COL_VALUE, MEDIA_COL_VALUE, ipp.integer(1)),
                    ipp.attribute("empty-collection", ipp.collection({})),
                ],
            ),
        ],
    )


ALL = {
    sample.__name__: sample()
    for sample in (print_job, get_printer_attributes, send_document, get_jobs_answer, every_syntax)
}
