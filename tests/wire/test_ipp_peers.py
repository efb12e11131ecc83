"""Requests that the CUPS tools really send, recorded on the spot, and our answers as they read them."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.wire.ipp_samples import MEDIA_COL_VALUE

from frisket.wire import ipp

ALL_SYNTAXES = """
{
    NAME "every syntax ipptool can write"
    OPERATION Print-Job
    GROUP operation-attributes-tag
    ATTR charset attributes-charset utf-8
    ATTR naturalLanguage attributes-natural-language en
    ATTR uri printer-uri $uri
    ATTR name requesting-user-name "anna"
    ATTR name job-name "Quartalsübersicht"
    ATTR mimeMediaType document-format application/pdf
    ATTR boolean ipp-attribute-fidelity false
    GROUP job-attributes-tag
    ATTR integer copies 3
    ATTR enum finishings 20,4
    ATTR keyword sides two-sided-long-edge
    ATTR rangeOfInteger page-ranges 1-2,5-9
    ATTR resolution printer-resolution 600dpi
    ATTR text job-message-to-operator "grüezi"
    ATTR octetString job-password "1234"
    ATTR dateTime job-hold-until-time 2026-03-01T18:30:00+0100
    ATTR no-value job-account-id
    ATTR collection media-col {
        MEMBER collection media-size { MEMBER integer x-dimension 21000 MEMBER integer y-dimension 29700 }
        MEMBER keyword media-source "tray-1"
    }
    FILE $filename
    STATUS successful-ok
    EXPECT job-id OF-TYPE integer IN-GROUP job-attributes-tag WITH-VALUE 12
    EXPECT job-state-reasons OF-TYPE keyword COUNT 2
    EXPECT media-col OF-TYPE collection
    EXPECT job-name OF-TYPE name WITH-VALUE "grüezi"
    EXPECT date-time-at-creation OF-TYPE dateTime
    EXPECT job-account-id OF-TYPE no-value
}
"""


class Recorder:
    """An HTTP server with just enough to record what a print client posts and to answer it."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def answer(self, request: ipp.Message) -> ipp.Message:
        reply = ipp.answer(request, ipp.Status.OK)
        if request.code == ipp.Operation.GET_PRINTER_ATTRIBUTES:
            reply.groups.append(self.printer())
        elif request.code in (ipp.Operation.CUPS_GET_PRINTERS, ipp.Operation.CUPS_GET_DEFAULT):
            reply.groups.append(self.printer())
        else:
            reply.groups.append(self.job())
        return reply

    def printer(self) -> ipp.Group:
        operations = [ipp.enum(code) for code in (2, 4, 5, 6, 8, 9, 10, 11)]
        formats = [ipp.mime("application/pdf"), ipp.mime("text/plain"), ipp.mime("application/octet-stream")]
        return ipp.Group(
            ipp.Tag.PRINTER_GROUP,
            [
                ipp.attribute("printer-name", ipp.name("q")),
                ipp.attribute("printer-uri-supported", ipp.uri("ipp://localhost/printers/q")),
                ipp.attribute("printer-state", ipp.enum(ipp.PrinterState.IDLE)),
                ipp.attribute("printer-state-reasons", ipp.keyword("none")),
                ipp.attribute("printer-state-message", ipp.text("")),
                ipp.attribute("printer-is-accepting-jobs", ipp.boolean(True)),
                ipp.attribute("printer-type", ipp.enum(4)),
                ipp.attribute("operations-supported", *operations),
                ipp.attribute("document-format-supported", *formats),
            ],
        )

    def job(self) -> ipp.Group:
        return ipp.Group(
            ipp.Tag.JOB_GROUP,
            [
                ipp.attribute("job-id", ipp.integer(12)),
                ipp.attribute("job-uri", ipp.uri("ipp://localhost/jobs/12")),
                ipp.attribute("job-state", ipp.enum(ipp.JobState.PENDING_HELD)),
                ipp.attribute("job-state-reasons", ipp.keyword("job-incoming"), ipp.keyword("none")),
                ipp.attribute("job-name", ipp.name("grüezi")),
                ipp.attribute("date-time-at-creation", ipp.Value(0x31, bytes.fromhex("07ea0301121e00002b0100"))),
                ipp.attribute("job-account-id", ipp.no_value()),
                ipp.attribute("media-col", MEDIA_COL_VALUE),
            ],
        )

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode("latin-1").lower().split("\r\n")
                fields = dict(line.split(":", 1) for line in lines[1:] if ":" in line)
                if "100-continue" in fields.get("expect", ""):
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                if "chunked" in fields.get("transfer-encoding", ""):
                    body = await self.chunks(reader)
                else:
                    body = await reader.readexactly(int(fields.get("content-length", "0")))
                self.bodies.append(body)
                octets = ipp.encode(self.answer(ipp.decode(body)[0]))
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/ipp\r\n"
                    b"Content-Length: %d\r\n\r\n%b" % (len(octets), octets)
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def chunks(self, reader: asyncio.StreamReader) -> bytes:
        body = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
        return body


@asynccontextmanager
async def recording() -> AsyncIterator[tuple[Recorder, int]]:
    recorder = Recorder()
    server = await asyncio.start_server(recorder.serve, "127.0.0.1", 0)
    try:
        yield recorder, server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def run(*command: str, home: Path) -> str:
    """The output of a CUPS tool that knows nothing of this machine's own print server."""
    program = shutil.which(command[0])
    if program is None:
        if os.environ.get("CI"):
            pytest.fail(f"{command[0]} is missing")
        pytest.skip(f"{command[0]} is not installed")
    process = await asyncio.create_subprocess_exec(
        program,
        *command[1:],
        env={**os.environ, "HOME": str(home), "LC_ALL": "C.UTF-8"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), 30)
    finally:
        if process.returncode is None:
            process.kill()
    return output.decode()


def holds_every_promise(body: bytes) -> ipp.Message:
    """A recorded body: read, in pieces too, written back octet for octet, refused when cut."""
    message, document = ipp.decode(body)
    octets = ipp.encode(message)
    assert octets + document == body
    assert ipp.check_request(message) is None
    assert ipp.check_target(message) is None
    reader = ipp.Reader()
    for at in range(len(octets)):
        with pytest.raises(ipp.Malformed):
            ipp.decode(octets[:at])
        assert reader.feed(octets[at : at + 1]) == (message if at == len(octets) - 1 else None)
    return message


@pytest.mark.peer("ipptool")
async def test_ipptools_request_with_every_syntax_is_read_and_our_answer_is_understood(tmp_path):
    (tmp_path / "all.test").write_text(ALL_SYNTAXES)
    (tmp_path / "document.pdf").write_bytes(b"%PDF-1.7\n")
    async with recording() as (recorder, port):
        address = f"ipp://127.0.0.1:{port}/printers/q"
        document = str(tmp_path / "document.pdf")
        output = await run("ipptool", "-tv", "-f", document, address, str(tmp_path / "all.test"), home=tmp_path)
    assert "[PASS]" in output, output
    assert len(recorder.bodies) == 1
    message = holds_every_promise(recorder.bodies[0])
    assert ipp.decode(recorder.bodies[0])[1] == b"%PDF-1.7\n"
    assert message.code == ipp.Operation.PRINT_JOB
    assert message.operation.text("job-name") == "Quartalsübersicht"
    assert message.operation.boolean("ipp-attribute-fidelity") is False
    job = message.job
    assert job.values("finishings") == [ipp.enum(20), ipp.enum(4)]
    assert job.values("page-ranges") == [ipp.range_(1, 2), ipp.range_(5, 9)]
    assert job.first("printer-resolution") == ipp.Resolution(600, 600)
    assert job.first("job-password") == b"1234"
    assert job.first("job-hold-until-time").isoformat() == "2026-03-01T18:30:00+01:00"
    assert job.values("job-account-id") == [ipp.no_value()]
    assert job.values("media-col") == [MEDIA_COL_VALUE]


@pytest.mark.peer("lp")
async def test_what_lp_sends_is_read_and_written_back_octet_for_octet(tmp_path):
    (tmp_path / "note.txt").write_text("hello\n")
    async with recording() as (recorder, port):
        output = await run(
            "lp", "-h", f"127.0.0.1:{port}", "-d", "q", "-n", "2", "-o", "sides=two-sided-long-edge",
            "-t", "Grüße", str(tmp_path / "note.txt"), home=tmp_path,
        )  # fmt: skip
    assert "request id is q-12" in output, output
    messages = [holds_every_promise(body) for body in recorder.bodies]
    codes = [message.code for message in messages]
    assert ipp.Operation.CREATE_JOB in codes
    assert codes[-1] == ipp.Operation.SEND_DOCUMENT
    assert ipp.decode(recorder.bodies[-1])[1] == b"hello\n"
    created = messages[codes.index(ipp.Operation.CREATE_JOB)]
    assert created.operation.text("job-name") == "Grüße"
    assert created.job.integer("copies") == 2


@pytest.mark.peer("lpstat")
async def test_what_lpstat_sends_is_read_and_written_back_octet_for_octet(tmp_path):
    async with recording() as (recorder, port):
        output = await run("lpstat", "-h", f"127.0.0.1:{port}", "-p", home=tmp_path)
    assert "printer q is idle" in output, output
    assert [holds_every_promise(body).code for body in recorder.bodies][-1] == ipp.Operation.CUPS_GET_PRINTERS
