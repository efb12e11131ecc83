"""Virtual devices behind a raw port, and the printer's end of PJL."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.lab.speaking import PDF

from frisket import lab
from frisket.lab.backchannel import UEL, Splitter

TALKING = lab.DevicePlan("raw", lab.Door.RAW)
JOB = (
    UEL
    + b'@PJL USTATUS JOB=ON\r\n@PJL USTATUS PAGE=ON\r\n@PJL JOB NAME="one"\r\n@PJL ENTER LANGUAGE=PDF\r\n'
    + PDF
    + UEL
    + b'@PJL EOJ NAME="one"\r\n'
    + UEL
)


def connect(running: lab.Running) -> socket.socket:
    return socket.create_connection(("127.0.0.1", running["raw"].port), timeout=5)


def say(running: lab.Running, data: bytes) -> str:
    """Send, end our side, and read all that comes back."""
    with connect(running) as talk:
        talk.sendall(data)
        talk.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := talk.recv(65536):
            answer += piece
    return answer.decode()


def test_a_plain_stream_is_one_job_and_nothing_comes_back(devices, tmp_path):
    running = devices(TALKING)
    assert say(running, PDF) == ""
    (job,) = running.jobs("raw")
    assert (tmp_path / "raw" / job.documents[0].file).read_bytes() == PDF
    assert (job.outcome, job.told, job.impressions) == ("completed", "nothing", 2)


def test_pages_and_the_end_of_a_job_are_reported_when_asked_for(devices, tmp_path):
    running = devices(TALKING)
    reports = say(running, JOB).split("\f")
    assert [report.split("\r\n")[:2] for report in reports[:-1]] == [
        ["@PJL USTATUS JOB", "START"],
        ["@PJL USTATUS PAGE", "1"],
        ["@PJL USTATUS PAGE", "2"],
        ["@PJL USTATUS JOB", "END"],
    ]
    assert 'NAME="one"\r\nPAGES=2' in reports[3]
    (job,) = running.jobs("raw")
    assert (tmp_path / "raw" / job.documents[0].file).read_bytes() == PDF
    assert (tmp_path / "raw" / job.stream.file).read_bytes() == JOB
    assert job.attributes["job-name"] == "one"


def test_two_jobs_of_one_connection_are_counted_apart(devices):
    running = devices(TALKING)
    assert say(running, JOB + JOB).count("PAGES=2") == 2
    assert len(running.jobs("raw")[0].documents) == 2


def test_questions_are_answered_and_are_no_job(devices, tmp_path):
    running = devices(TALKING)
    answer = say(running, UEL + b"@PJL ECHO here\r\n@PJL INFO ID\r\n@PJL INFO STATUS\r\n@PJL INFO PAGECOUNT\r\n" + UEL)
    assert "@PJL ECHO here\r\n\f" in answer
    assert '@PJL INFO ID\r\n"Frisket Lab C450"\r\n\f' in answer
    assert "CODE=10001" in answer and "ONLINE=TRUE" in answer and "PAGECOUNT=1000" in answer
    assert running.jobs("raw") == []
    assert list((tmp_path / "raw").iterdir()) == []


def test_a_mute_device_prints_and_says_nothing(devices):
    running = devices(lab.DevicePlan("raw", lab.Door.RAW, talks=False))
    assert say(running, UEL + b"@PJL INFO ID\r\n" + JOB) == ""
    assert running.jobs("raw")[0].impressions == 2


def test_paper_out_stops_the_pages_and_is_reported(devices, until):
    running = devices(TALKING)
    running.put("raw", "paper-out")
    assert "CODE=41201" in say(running, UEL + b"@PJL INFO STATUS\r\n" + UEL)
    with connect(running) as talk:
        talk.sendall(UEL + b"@PJL USTATUS DEVICE=ON\r\n" + JOB)
        talk.shutdown(socket.SHUT_WR)
        answer = b""
        while b"ONLINE=FALSE" not in answer:
            answer += talk.recv(65536)
        assert b"USTATUS PAGE" not in answer
        running.clear("raw")
        while piece := talk.recv(65536):
            answer += piece
    assert b"ONLINE=TRUE" in answer and b"PAGES=2" in answer


def test_a_device_may_lie_about_its_pages(devices):
    running = devices(TALKING)
    running.put("raw", "lies-pages 7 times 1")
    assert "PAGES=7" in say(running, JOB)
    assert running.jobs("raw")[0].impressions == 2
    assert "PAGES=2" in say(running, JOB)


def test_a_device_may_say_it_printed_and_keep_nothing(devices, tmp_path):
    running = devices(TALKING)
    running.put("raw", "lies-completed")
    assert "PAGES=2" in say(running, JOB)
    (job,) = running.jobs("raw")
    assert (job.outcome, job.told, job.impressions, job.documents[0].file) == ("aborted", "completed", 0, "")
    assert sorted(path.name for path in (tmp_path / "raw").iterdir()) == ["jobs.jsonl"]


def test_a_device_may_print_and_say_it_did_not(devices):
    running = devices(TALKING)
    running.put("raw", "lies-aborted")
    assert "CANCEL" in say(running, JOB)
    assert running.jobs("raw")[0].outcome == "completed"


def test_a_busy_device_closes_at_once(devices):
    running = devices(TALKING)
    running.put("raw", "busy 1")
    with connect(running) as talk:
        assert talk.recv(1) == b""
    say(running, PDF)
    assert len(running.jobs("raw")) == 1


def test_a_stream_reset_in_the_middle_is_recorded_as_cut(devices, until):
    running = devices(TALKING)
    running.put("raw", "drop-mid-job 5000")
    with connect(running) as talk, pytest.raises(ConnectionError):
        for _ in range(5000):
            talk.sendall(b"x" * 1000)
    until(lambda: running.jobs("raw"))
    (job,) = running.jobs("raw")
    assert job.outcome == "cut" and job.documents[0].octets >= 5000


@given(st.data())
def test_a_stream_is_split_the_same_however_it_is_cut(data):
    pieces = st.sampled_from(
        [UEL, b"@PJL JOB\r\n", b"@PJL", b"@PJL ENTER LANGUAGE=PDF\r\n", b"\x1b%-1", b"text\n", b"\x1b"]
    )
    stream = b"".join(data.draw(st.lists(pieces, max_size=12)))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    whole, pieced = Splitter(), Splitter()
    expected = join(whole.feed(stream) + whole.end())
    parts: list[str | bytes] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        parts += pieced.feed(stream[start:end])
    assert join(parts + pieced.end()) == expected


def join(parts: list[str | bytes]) -> list[str | bytes]:
    """Pieces of one document together."""
    joined: list[str | bytes] = []
    for part in parts:
        if isinstance(part, bytes) and joined and isinstance(joined[-1], bytes):
            joined[-1] += part
        else:
            joined.append(part)
    return joined


def test_commands_inside_a_document_are_document():
    splitter = Splitter()
    document = b"%PDF-1.4 @PJL INFO ID\r\n"
    assert splitter.feed(document) + splitter.end() == [document]
