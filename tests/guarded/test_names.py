"""Names from outside stay data: no file, no line of a log, no markup is made of them."""

import re

import pytest
from tests.guarded.browser import raw
from tests.guarded.conftest import Manor
from tests.peers.client import sample

from frisket.wire import ipp

MARK = "wolpertinger"
NAMES = {
    "a path": f"../../../../tmp/{MARK}",
    "an absolute path": f"/tmp/{MARK}",
    "a device": f"C:\\{MARK}\\con",
    "markup": f"<script>alert('{MARK}')</script>",
    "an attribute": f"\"><img src=x onerror=alert('{MARK}')>",
    "a template": "{{ " + MARK + " }}{% debug %}${7*7}",
    "line ends": f"{MARK}\r\nX-Injected: yes\r\n\r\n<html>",
    "a log line": f'{MARK}"}}\n{{"event": "house sold", "level": "critical"}}',
    "control characters": f"{MARK}\x00\x07\x08\x1b]0;owned\x07\x1b[2J",
    "bidirectional": f"{MARK}\u202efdp.exe\u2066\u200b",
    "a formula": f"=HYPERLINK(\"http://evil.example/{MARK}\")",
    "a shell": f"$(touch /tmp/{MARK});`touch /tmp/{MARK}`|touch /tmp/{MARK}",
    "a query": f"{MARK}'; DROP TABLE job; --",
    "a printer's language": f"{MARK}\x1b%-12345X@PJL RDYMSG DISPLAY=\"hi\"",
}  # fmt: skip


@pytest.mark.parametrize("title", NAMES.values(), ids=NAMES.keys())
def test_a_hostile_title_is_shown_as_text_and_written_nowhere_else(manor: Manor, title: str) -> None:
    answer = manor.stranger("ipp", "believing", user="alice").print(sample(), title=title)
    if answer.status >= 0x0100:
        assert answer.status in (0x0400, 0x0409, 0x040B)
        return
    browser = manor.signed_in("alice")
    for path in ("/jobs", f"/jobs/{answer.job}", f"/jobs/{answer.job}/delete", f"/api/v1/jobs/{answer.job}"):
        page = browser.get(path)
        assert page.status == 200
        if not path.startswith("/api/"):
            assert MARK in page.text or path.endswith("/delete"), path
            assert "<script>alert" not in page.text and "<img src=x" not in page.text, path
            assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]", page.text), path
        assert page.header("X-Injected") is None
    shown = manor.stranger("ipp", "believing", user="alice").look(answer.job)
    name = shown.text("job-name") or ""
    assert not re.search(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]", name)
    manor.served.ask("job.cancel", job=str(answer.job))
    assert_nothing_is_named_so(manor)


def assert_nothing_is_named_so(manor: Manor) -> None:
    places = [*manor.served.data.parent.rglob("*")]
    assert not any(MARK in str(place) for place in places)
    assert MARK not in manor.served.log.read_text(errors="replace")


def test_a_title_beyond_all_measure_is_refused_or_cut(manor: Manor) -> None:
    client = manor.stranger("ipp", "believing", user="alice")
    whole = client.message(ipp.Operation.PRINT_JOB, ipp.attribute("job-name", ipp.name("x" * 200)))
    long = whole.replace((200).to_bytes(2) + b"x" * 200, (60_000).to_bytes(2) + b"x" * 60_000)
    assert client.octets(long + sample()).status >= 0x0400
    broken = whole.replace(b"x" * 200, b"\xed\xa0\x80" * 66 + b"xx")  # halves of surrogates
    answer = client.octets(broken + sample())
    assert answer.status >= 0x0400 or "\ufffd" in (client.look(answer.job).text("job-name") or "")


@pytest.mark.parametrize("name", ["../../x", "a/../../x", "%2e%2e%2fx", "x\x00y", "..\\..\\x", "\u202ex", "x" * 300])
def test_a_file_name_of_an_upload_is_a_title_and_no_place(manor: Manor, name: str) -> None:
    browser = manor.signed_in("alice")
    token = browser.get("/upload").token
    quoted = name.encode().replace(b'"', b"%22").replace(b"\x00", b"%00")
    parts = [
        b'--b\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n' + token.encode(),
        b'--b\r\nContent-Disposition: form-data; name="queue"\r\n\r\nsecure',
        b'--b\r\nContent-Disposition: form-data; name="f"; filename="' + quoted + MARK.encode() + b'.pdf"\r\n'
        b"Content-Type: application/pdf\r\n\r\n" + sample() + b"\r\n--b--\r\n",
    ]
    head = {"Content-Type": "multipart/form-data; boundary=b", "Origin": manor.web}
    page = browser.ask("POST", "/api/v1/jobs", b"\r\n".join(parts), head)
    assert page.status in (201, 303, 400, 422), page.text
    assert_nothing_is_named_so(manor)


def test_what_stands_in_an_address_or_a_header_makes_no_line_in_the_log(manor: Manor) -> None:
    before = manor.served.log.read_text(errors="replace").count("\n")
    for path in (b"/%0d%0a%7b%22event%22:%22sold%22%7d", b"/" + MARK.encode(), b"/%1b%5b2J" + MARK.encode()):
        raw(manor.web, b"GET " + path + b" HTTP/1.0\r\nHost: localhost\r\nUser-Agent: " + MARK.encode() + b"\r\n\r\n")
        raw(manor.web, b"POST " + path + b" HTTP/1.0\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
    assert manor.served.log.read_text(errors="replace").count("\n") == before
    assert_nothing_is_named_so(manor)
