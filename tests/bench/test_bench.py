"""The pure parts of the benchmark: what it sends, how it counts, how it judges."""

import asyncio
import json
import math
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from bench.documents import pdf
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.mail_samples import read

from bench import chart, load, messages, nowhere, result, table, talking
from frisket.wire import ipp, lpd, pjl, smtp

MACHINE = {"processor": "P", "cores": 2, "sync_ms": 1.0, "aes_256_gcm_mb_per_s": 5000, "load": 0.1}


def _row(judged: float | None, goal: result.Goal | None) -> result.Row:
    return result.Row("part", "what it is <&>", "ms", judged, {"cupsd": 2.0}, judged, goal)


def test_the_house_reads_what_the_generator_sends() -> None:
    octets = messages.request("print-job", 7, "ipp://localhost/ipp/print/secure", "load")
    reader = ipp.Reader()
    reader.feed(octets + b"%PDF")
    assert reader.message is not None
    assert reader.message.request_id == 7
    assert reader.message.operation.text("requesting-user-name") == "load"
    assert bytes(reader.rest) == b"%PDF"


@given(st.sampled_from(sorted(messages.OPERATIONS)), st.integers(1, 2**31 - 1))
def test_every_operation_is_a_message_the_house_can_read(operation: str, number: int) -> None:
    reader = ipp.Reader()
    reader.feed(messages.request(operation, number, "ipp://localhost/printers/q", "load", job=3))
    assert reader.message is not None
    assert (reader.message.code, reader.message.request_id) == (messages.OPERATIONS[operation], number)


def test_an_answer_is_read_with_its_job() -> None:
    told = [ipp.attribute("job-id", ipp.integer(12)), ipp.attribute("job-state", ipp.enum(4))]
    group = ipp.encode_group(ipp.Group(ipp.Tag.JOB_GROUP, told))
    opening = ipp.encode_group(ipp.Group(ipp.Tag.OPERATION_GROUP, ipp.opening()))
    answer = messages.parse(ipp.assemble((2, 0), 0, 99, [opening, group]))
    assert (answer.status, answer.request_id, answer.job_id, answer.job_state, answer.jobs) == (0, 99, 12, 4, 1)


@given(st.binary(max_size=60))
def test_what_is_no_answer_is_an_error_to_count_and_no_crash(octets: bytes) -> None:
    try:
        messages.parse(octets)
    except messages.BadAnswer:
        pass


@given(st.integers(1_000, 200_000))
def test_a_document_has_about_the_size_that_was_asked_for(octets: int) -> None:
    document = pdf(octets)
    made = document.numbered(1)
    assert len(made) == document.octets
    assert abs(len(made) - octets) < 600
    assert made.startswith(b"%PDF-1.4") and made.endswith(b"%%EOF\n")


class Overheard(asyncio.StreamReader):
    def __init__(self) -> None:
        super().__init__(limit=1 << 20)
        self.octets = b""

    def feed_data(self, data: bytes) -> None:
        self.octets += data
        super().feed_data(data)


async def spoken(kind: str, exchange: Callable[[int], talking.Exchange]) -> bytes:
    """What the generator says to a door that takes everything, in one exchange that succeeds."""
    reader, act = Overheard(), getattr(nowhere, f"_{kind}")

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await act(reader, writer)
        writer.close()

    protocol = asyncio.StreamReaderProtocol(reader, serve)
    server = await asyncio.get_running_loop().create_server(lambda: protocol, "127.0.0.1", 0)
    try:
        await exchange(server.sockets[0].getsockname()[1])(7)
    finally:
        server.close()
    return reader.octets


DOCUMENT = pdf(3_000)


async def test_the_house_reads_the_lpd_session_of_the_generator() -> None:
    octets = await spoken("lpd", lambda port: talking.Lpd(port, DOCUMENT, "secure"))
    events = lpd.Conversation().feed(octets)
    (control,) = [each for each in events if isinstance(each, lpd.ControlFile)]
    assert events[0] == lpd.ReceiveJob("secure") and control.first("P") == b"load"
    assert lpd.pair(control, [control.prints[0].file]) == list(control.prints)
    assert b"".join(each.octets for each in events if isinstance(each, lpd.Data)) == DOCUMENT.numbered(7)


async def test_the_house_reads_the_raw_stream_of_the_generator() -> None:
    octets = await spoken("raw", lambda port: talking.Raw(port, DOCUMENT))
    events = pjl.Unframer().feed(octets)
    assert pjl.job_of(each for each in events if isinstance(each, pjl.Command)).user == "load"
    assert b"".join(each.octets for each in events if isinstance(each, pjl.Data)) == DOCUMENT.numbered(7)


async def test_the_house_reads_the_mail_of_the_generator() -> None:
    octets = await spoken("mail", lambda port: talking.Smtp(port, DOCUMENT, "load@a.lab", "secure+x@b.lab"))
    before, _, rest = octets.partition(b"DATA\r\n")
    assert b"MAIL FROM:<load@a.lab>" in before and b"RCPT TO:<secure+x@b.lab>" in before
    text = smtp.DotText(strict=True)
    top, leaves = read(text.feed(rest))
    assert text.ended and text.rest == b"QUIT\r\n" and "bench.lab" in dict(top)["message-id"]
    assert [each.octets for each in leaves][1:] == [DOCUMENT.numbered(0)]


def test_two_documents_differ_in_their_number_alone() -> None:
    document = pdf(5_000)
    first, second = document.numbered(1), document.numbered(2)
    assert sum(a != b for a, b in zip(first, second, strict=True)) == 1


@given(st.lists(st.floats(0, 100), min_size=1), st.floats(0, 100))
def test_a_percentile_is_one_of_the_values_and_bounds_its_share(values: list[float], percent: float) -> None:
    ordered = sorted(values)
    found = load.percentile(ordered, percent)
    assert found in ordered
    assert sum(value <= found for value in ordered) >= len(ordered) * percent / 100


def test_a_percentile_of_nothing_is_no_number() -> None:
    assert math.isnan(load.percentile([], 99))


@pytest.mark.parametrize(
    ("judged", "goal", "reached"),
    [
        (1.0, result.at_least(1.0, ""), True),
        (0.99, result.at_least(1.0, ""), False),
        (5.0, result.at_most(5.0, ""), True),
        (5.1, result.at_most(5.0, ""), False),
        (math.inf, result.at_most(2.0, ""), False),
        (None, result.at_most(2.0, ""), None),
        (math.nan, result.at_least(1.0, ""), None),
        (3.0, None, None),
    ],
)
def test_a_goal_is_reached_missed_or_unknown(
    judged: float | None, goal: result.Goal | None, reached: bool | None
) -> None:
    assert _row(judged, goal).reached is reached


def test_a_chart_shows_every_judged_row_and_is_well_formed(tmp_path: Path) -> None:
    rows = [
        _row(2.0, result.at_least(1.0, "≥ 1")),
        _row(math.inf, result.at_most(2.0, "≤ 2")),
        _row(None, result.at_most(2.0, "≤ 2")),
        _row(3.0, None),
    ]
    file = tmp_path / "chart.svg"
    chart.draw(result.Run("now", "quick", MACHINE, rows), file)
    text = ElementTree.parse(file).getroot().itertext()
    assert sum(each == "what it is <&>" for each in text) == 2


@given(st.floats(0.001, 1000), st.floats(0.001, 1000))
def test_a_bar_reaches_beyond_the_goal_exactly_where_the_goal_is_reached(judged: float, bound: float) -> None:
    for goal in (result.at_least(bound, ""), result.at_most(bound, "")):
        row = _row(judged, goal)
        times = chart.headroom(row)
        assert times is not None
        assert (times >= 1) == row.reached or math.isclose(times, 1)


def test_a_run_is_written_as_json_without_what_json_has_no_word_for(tmp_path: Path) -> None:
    run = result.Run("now", "quick", MACHINE, [_row(math.inf, result.at_most(2.0, "≤ 2"))], {"large": "no room"})
    told = json.loads(result.write(run, tmp_path).read_text(), parse_constant=pytest.fail)
    assert told["rows"][0]["judged"] is None
    assert told["rows"][0]["reached"] is False
    assert told["failed"] == {"large": "no room"}


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "–"), (math.nan, "–"), (math.inf, "∞"), (1234.5, "1,234"), (0.12345, "0.123")]
)
def test_a_figure_is_short(value: float | None, shown: str) -> None:
    assert table.figure(value) == shown
