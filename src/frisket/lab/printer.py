"""A virtual IPP device: operations of RFC 8011 and PWG 5100.14, answered like real devices do."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from uuid import NAMESPACE_DNS, uuid5

from frisket.lab.counting import pages_in
from frisket.lab.faults import Fault, Faults
from frisket.lab.http import Reply, Request, converse
from frisket.lab.jobs import Job, PrintUnit, is_over
from frisket.lab.line import Line
from frisket.lab.makes import MAKES, fixed_attributes
from frisket.lab.plan import DevicePlan, Door
from frisket.lab.template import check_template
from frisket.lab.tray import Receiving, Tray
from frisket.wire import ipp
from frisket.wire.ipp import JobState, Operation, PrinterState, Status

__all__ = ["IppService"]

_LARGEST_REQUEST = ipp.Limits(octets=256 << 10)
_MOST_JOBS_KEPT = 500
_NEXT_DOCUMENT_S = 60.0  # multiple-operation-time-out
_PAGE = b"<!doctype html><title>Frisket lab</title><p>A virtual device. It prints into a folder.\n"


class _Refused(Exception):
    """An operation that ends with an error status."""

    def __init__(self, status: int, message: str, *unsupported: ipp.Attribute) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.unsupported = unsupported


class _Asked:
    """One request: its attributes, the host it was sent to, and the document behind it."""

    def __init__(self, message: ipp.Message, rest: bytes, request: Request, line: Line) -> None:
        self.message = message
        self.host = request.header("host")
        self._rest = rest
        self._request = request
        self._line = line
        line.new_document()

    @property
    def operation(self) -> ipp.Group:
        return self.message.operation

    async def document(self) -> bytes:
        """More of the document, b"" at its end."""
        data, self._rest = self._rest, b""
        data = data or await self._request.read()
        await self._line.took(len(data))
        return data


class IppService:
    """Serves the connections of one IPP device."""

    def __init__(self, plan: DevicePlan, tray: Tray, faults: Faults) -> None:
        self._plan = plan
        self._tray = tray
        self._faults = faults
        self._facts = MAKES[plan.make]
        self._fixed = fixed_attributes(self._facts)
        self._supported = ipp.Attributes(self._fixed)
        self._uuid = uuid5(NAMESPACE_DNS, f"{plan.name}.{plan.make}.lab.frisket.invalid")
        self._started = time.monotonic()
        self._changed_at = datetime.now(UTC)
        self._jobs: dict[int, Job] = {}
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._unit = PrintUnit(faults, plan.pages_per_minute, self._finished)
        self.identified = 0  # times somebody asked it to show itself
        self._operations: dict[int, Callable[[_Asked], Awaitable[ipp.Message]]] = {
            Operation.PRINT_JOB: self._print_job,
            Operation.VALIDATE_JOB: self._validate_job,
            Operation.CREATE_JOB: self._create_job,
            Operation.SEND_DOCUMENT: self._send_document,
            Operation.CLOSE_JOB: self._close_job,
            Operation.CANCEL_JOB: self._cancel_job,
            Operation.CANCEL_MY_JOBS: self._cancel_my_jobs,
            Operation.GET_JOB_ATTRIBUTES: self._get_job_attributes,
            Operation.GET_JOBS: self._get_jobs,
            Operation.GET_PRINTER_ATTRIBUTES: self._get_printer_attributes,
            Operation.IDENTIFY_PRINTER: self._identify_printer,
        }

    async def stop(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        await self._unit.stop()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(reader, writer, self._faults)

        async def answer(request: Request) -> Reply:
            return await self._answer(request, line)

        await line.hang_while(Fault.UNREACHABLE)
        await converse(line, answer)

    # --- one request ------------------------------------------------------------------------------------

    async def _answer(self, request: Request, line: Line) -> Reply:
        if request.method in ("GET", "HEAD"):
            return Reply(200, b"" if request.method == "HEAD" else _PAGE, "text/html; charset=utf-8")
        if request.method != "POST":
            return Reply(405, b"", "text/plain")
        if request.header("content-type").split(";")[0].strip() != "application/ipp":
            return Reply(415, b"", "text/plain")
        reader = ipp.Reader(_LARGEST_REQUEST)
        try:
            while reader.feed(data := await request.read()) is None:
                if not data:
                    reader.end()
        except ipp.MessageError as error:
            return Reply(*_refuse_unread(error))
        assert reader.message is not None
        asked = _Asked(reader.message, reader.rest, request, line)
        await line.hang_while(Fault.UNREACHABLE)
        answer = await self._operate(asked)
        await line.hang_while(Fault.HANG)
        return Reply(200, ipp.encode(answer))

    async def _operate(self, asked: _Asked) -> ipp.Message:
        request = asked.message
        problem = ipp.check_request(request) or ipp.check_target(request) or ipp.check_lengths(request)
        if problem is not None:
            return ipp.answer(request, problem.status, problem.message)
        operation = self._operations.get(request.code)
        if operation is None:
            return ipp.answer(request, Status.OPERATION_NOT_SUPPORTED, "This device cannot do that.")
        try:
            return await operation(asked)
        except _Refused as refused:
            answer = ipp.answer(request, refused.status, refused.message)
            if refused.unsupported:
                answer.groups.append(ipp.Group(ipp.Tag.UNSUPPORTED_GROUP, refused.unsupported))
            return answer

    # --- jobs come in -----------------------------------------------------------------------------------

    def _check_job(self, asked: _Asked) -> list[ipp.Attribute]:
        """What cannot be had, to be reported. Raises _Refused when the client insists on it."""
        self._check_format(asked.operation)
        unsupported = check_template(asked.message.job, self._supported)
        if unsupported and asked.operation.boolean("ipp-attribute-fidelity"):
            raise _Refused(
                Status.ATTRIBUTES_OR_VALUES_NOT_SUPPORTED,
                "Not everything asked for can be had.",
                *unsupported,
            )
        return unsupported

    def _check_format(self, operation: ipp.Group) -> None:
        compression = operation.text("compression")
        if compression is not None and compression not in self._supported.texts("compression-supported"):
            raise _Refused(
                Status.COMPRESSION_NOT_SUPPORTED,
                "Compression not supported.",
                ipp.attribute("compression", ipp.keyword(compression)),
            )
        format = operation.text("document-format")
        if format is not None and format not in self._facts.formats:
            raise _Refused(
                Status.DOCUMENT_FORMAT_NOT_SUPPORTED,
                "Document format not supported.",
                ipp.attribute("document-format", ipp.mime(format)),
            )

    def _refuse_when_busy(self) -> None:
        if self._faults.meet(Fault.BUSY):
            raise _Refused(Status.BUSY, "The device has a job already; try again.")

    def _new_job(self, asked: _Asked, unsupported: list[ipp.Attribute]) -> Job:
        names = {attribute.name for attribute in unsupported}
        operation = asked.operation
        number = self._tray.next_number()
        job = Job(
            number=number,
            printer_uri=operation.text("printer-uri") or "",
            name=operation.text("job-name") or f"job {number}",
            user=operation.text("requesting-user-name") or "anonymous",
            template=[each for each in asked.message.job if each.name not in names],
        )
        self._jobs[number] = job
        for old in list(self._jobs)[:-_MOST_JOBS_KEPT]:
            if is_over(self._jobs[old].state):
                del self._jobs[old]
        return job

    async def _validate_job(self, asked: _Asked) -> ipp.Message:
        return _accepted(asked, self._check_job(asked))

    async def _print_job(self, asked: _Asked) -> ipp.Message:
        unsupported = self._check_job(asked)
        self._refuse_when_busy()
        job = self._new_job(asked, unsupported)
        await self._take_document(asked, job)
        self._close(job)
        return self._job_answer(asked, job, unsupported)

    async def _create_job(self, asked: _Asked) -> ipp.Message:
        unsupported = self._check_job(asked)
        self._refuse_when_busy()
        job = self._new_job(asked, unsupported)
        self._await_document(job)
        return self._job_answer(asked, job, unsupported)

    async def _send_document(self, asked: _Asked) -> ipp.Message:
        job = self._job_of(asked)
        last = asked.operation.boolean("last-document")
        if last is None:
            raise _Refused(Status.BAD_REQUEST, "Send-Document needs last-document.")
        if job.closed or is_over(job.state):
            raise _Refused(Status.NOT_POSSIBLE, "The job takes no further document.")
        self._check_format(asked.operation)
        self._stop_waiting(job)
        await self._take_document(asked, job, may_be_empty=last)
        if is_over(job.state):
            raise _Refused(Status.JOB_CANCELED, "The job was canceled.")
        if last:
            self._close(job)
        else:
            self._await_document(job)
        return self._job_answer(asked, job, [])

    async def _close_job(self, asked: _Asked) -> ipp.Message:
        job = self._job_of(asked)
        if is_over(job.state):
            raise _Refused(Status.NOT_POSSIBLE, "The job is over.")
        if not job.closed:
            self._stop_waiting(job)
            self._close(job)
        return ipp.answer(asked.message, Status.OK)

    async def _take_document(self, asked: _Asked, job: Job, *, may_be_empty: bool = False) -> None:
        format = asked.operation.text("document-format") or "application/octet-stream"
        receiving = self._tray.receive(job.number, str(len(job.documents) + 1), format)
        try:
            await _store(asked, receiving)
        except zlib.error:
            receiving.drop()
            self._end(job, JobState.ABORTED, "compression-error", "aborted")
            raise _Refused(Status.COMPRESSION_ERROR, "The document cannot be inflated.") from None
        except (ConnectionError, asyncio.CancelledError):
            job.documents.append(receiving.close())
            self._end(job, JobState.ABORTED, "aborted-by-system", "cut")
            raise
        if may_be_empty and receiving.octets == 0:
            receiving.drop()
            return
        document = await asyncio.to_thread(receiving.close)
        pages = self._plan.pages
        job.pages += await asyncio.to_thread(pages_in, receiving.path) if pages is None else pages
        job.documents.append(document)

    def _await_document(self, job: Job) -> None:
        """A client that never sends its next document must not hold the device (RFC 8011 section 4.3.1)."""
        loop = asyncio.get_running_loop()
        self._timers[job.number] = loop.call_later(
            _NEXT_DOCUMENT_S, self._end, job, JobState.ABORTED, "aborted-by-system", "cut"
        )

    def _stop_waiting(self, job: Job) -> None:
        timer = self._timers.pop(job.number, None)
        if timer is not None:
            timer.cancel()

    # --- jobs go out ------------------------------------------------------------------------------------

    def _close(self, job: Job) -> None:
        """All documents are in: print, or lie."""
        job.closed = True
        if self._faults.meet(Fault.LIES_COMPLETED):
            job.documents = [self._tray.discard(document) for document in job.documents]
            job.lie = _lie(job, JobState.COMPLETED, "job-completed-successfully", job.pages * job.copies)
            self._end(job, JobState.ABORTED, "aborted-by-system", "aborted", told="completed")
            return
        if not job.documents:
            self._end(job, JobState.ABORTED, "aborted-by-system", "aborted")
            return
        self._unit.add(job)

    def _finished(self, job: Job) -> None:
        told = "completed"
        if self._faults.meet(Fault.LIES_ABORTED):
            job.lie = _lie(job, JobState.ABORTED, "aborted-by-system", 0)
            told = "aborted"
        elif (pages := self._faults.amount(Fault.LIES_PAGES)) is not None:
            self._faults.meet(Fault.LIES_PAGES)
            job.lie = _lie(job, JobState.COMPLETED, "job-completed-successfully", pages)
        self._record(job, "completed", told)

    def _end(self, job: Job, state: int, reason: str, outcome: str, told: str | None = None) -> None:
        """The job ends without having been printed to its end."""
        if is_over(job.state):
            return
        self._stop_waiting(job)
        job.closed = True
        job.move(state, reason)
        self._record(job, outcome, told or outcome)

    def _record(self, job: Job, outcome: str, told: str) -> None:
        attributes: dict[str, object] = {"job-name": job.name, "requesting-user-name": job.user}
        for attribute in job.template:
            values = [value.text if value.text is not None else _plain(value.data) for value in attribute.values]
            attributes[attribute.name] = values[0] if len(values) == 1 else values
        self._tray.record(
            job.number,
            self._plan.door,
            outcome=outcome,
            told=told,
            impressions=job.impressions,
            sheets=job.sheets,
            documents=tuple(job.documents),
            attributes=attributes,
        )

    def _cancel(self, job: Job) -> None:
        self._end(job, JobState.CANCELED, "job-canceled-by-user", "canceled")

    async def _cancel_job(self, asked: _Asked) -> ipp.Message:
        job = self._job_of(asked)
        if is_over(job.told().state):
            raise _Refused(Status.NOT_POSSIBLE, "The job is over.")
        self._cancel(job)
        return ipp.answer(asked.message, Status.OK)

    async def _cancel_my_jobs(self, asked: _Asked) -> ipp.Message:
        user = asked.operation.text("requesting-user-name") or "anonymous"
        wanted = [value.data for value in asked.operation.values("job-ids")]
        for job in list(self._jobs.values()):
            if job.user == user and not is_over(job.state) and (not wanted or job.number in wanted):
                self._cancel(job)
        return ipp.answer(asked.message, Status.OK)

    # --- questions --------------------------------------------------------------------------------------

    def _job_of(self, asked: _Asked) -> Job:
        target = ipp.target_of(asked.message)
        number = target.job_id
        if target.job_uri is not None:
            tail = target.job_uri.rstrip("/").rpartition("/")[2]
            number = int(tail) if tail.isdecimal() else None
        job = self._jobs.get(number) if number is not None else None
        if job is None:
            raise _Refused(Status.NOT_FOUND, "There is no such job.")
        return job

    def _job_answer(self, asked: _Asked, job: Job, unsupported: list[ipp.Attribute]) -> ipp.Message:
        answer = _accepted(asked, unsupported)
        wanted = {"job-id", "job-uri", "job-uuid", "job-state", "job-state-reasons", "job-state-message"}
        answer.groups.append(_job_group(job, self._started, wanted))
        return answer

    async def _get_job_attributes(self, asked: _Asked) -> ipp.Message:
        job = self._job_of(asked)
        answer = ipp.answer(asked.message, Status.OK)
        answer.groups.append(_job_group(job, self._started, _wanted(asked, "all")))
        return answer

    async def _get_jobs(self, asked: _Asked) -> ipp.Message:
        which = asked.operation.text("which-jobs") or "not-completed"
        if which not in ("completed", "not-completed"):
            raise _Refused(
                Status.ATTRIBUTES_OR_VALUES_NOT_SUPPORTED,
                "which-jobs is completed or not-completed.",
                ipp.attribute("which-jobs", ipp.keyword(which)),
            )
        over = which == "completed"
        jobs = [job for job in self._jobs.values() if is_over(job.told().state) == over]
        if over:
            jobs.reverse()  # newest first, RFC 8011 section 4.2.6.2
        if asked.operation.boolean("my-jobs"):
            user = asked.operation.text("requesting-user-name")
            jobs = [job for job in jobs if job.user == user]
        limit = asked.operation.integer("limit")
        wanted = _wanted(asked, "job-id", "job-uri")
        answer = ipp.answer(asked.message, Status.OK)
        answer.groups += [_job_group(job, self._started, wanted) for job in jobs[:limit]]
        return answer

    async def _identify_printer(self, asked: _Asked) -> ipp.Message:
        self.identified += 1
        return ipp.answer(asked.message, Status.OK)

    async def _get_printer_attributes(self, asked: _Asked) -> ipp.Message:
        wanted = _wanted(asked, "all")

        def fits(name: str) -> bool:
            if name in wanted:
                return True
            if name == "media-col-database":
                return False  # only when named: it is large (PWG 5100.7 section 6.9.14)
            return "all" in wanted or ("job-template" if ipp.is_job_template(name) else "printer-description") in wanted

        answer = ipp.answer(asked.message, Status.OK)
        shown = [each for each in [*self._fixed, *self._changing(asked.host)] if fits(each.name)]
        answer.groups.append(ipp.Group(ipp.Tag.PRINTER_GROUP, shown))
        return answer

    def _changing(self, host: str) -> list[ipp.Attribute]:
        """What depends on the moment and on the name the client used."""
        host = host or f"localhost:{self._plan.port}"
        web = f"{'https' if self._plan.door is Door.IPPS else 'http'}://{host}/"
        state, reason, message = self._state()
        waiting = sum(not is_over(job.state) for job in self._jobs.values())
        now = datetime.now(UTC)
        up_time = int(time.monotonic() - self._started) + 1
        security = "tls" if self._plan.door is Door.IPPS else "none"
        return [
            ipp.attribute("printer-uri-supported", ipp.uri(f"{self._plan.door}://{host}/ipp/print")),
            ipp.attribute("uri-security-supported", ipp.keyword(security)),
            ipp.attribute("uri-authentication-supported", ipp.keyword("requesting-user-name")),
            ipp.attribute("printer-name", ipp.name(self._plan.name)),
            ipp.attribute("printer-info", ipp.text(f"Virtual device {self._plan.name}")),
            ipp.attribute("printer-location", ipp.text("lab")),
            ipp.attribute("printer-uuid", ipp.uri(self._uuid.urn)),
            ipp.attribute("printer-more-info", ipp.uri(web)),
            ipp.attribute("printer-supply-info-uri", ipp.uri(web)),
            ipp.attribute("printer-icons", ipp.uri(f"{web}icon.png")),
            ipp.attribute("printer-state", ipp.enum(state)),
            ipp.attribute("printer-state-reasons", ipp.keyword(reason)),
            ipp.attribute("printer-state-message", ipp.text(message)),
            ipp.attribute("printer-state-change-time", ipp.integer(1)),
            ipp.attribute("printer-state-change-date-time", ipp.datetime_value(self._changed_at)),
            ipp.attribute("printer-config-change-time", ipp.integer(1)),
            ipp.attribute("printer-config-change-date-time", ipp.datetime_value(self._changed_at)),
            ipp.attribute("printer-current-time", ipp.datetime_value(now)),
            ipp.attribute("printer-up-time", ipp.integer(up_time)),
            ipp.attribute("queued-job-count", ipp.integer(waiting)),
        ]

    def _state(self) -> tuple[int, str, str]:
        if Fault.PAPER_OUT in self._faults:
            return PrinterState.STOPPED, "media-empty", "Load paper."
        if self._unit.job is not None:
            return PrinterState.PROCESSING, "none", "Printing."
        return PrinterState.IDLE, "none", "Ready."


def _refuse_unread(error: ipp.MessageError) -> tuple[int, bytes]:
    """HTTP status and body for a request that is no message."""
    if error.version is None or error.code is None or error.request_id is None:
        return 400, b""
    request = ipp.Message(error.version, error.code, error.request_id)
    return 200, ipp.encode(ipp.answer(request, error.status, str(error)))


def _accepted(asked: _Asked, unsupported: Sequence[ipp.Attribute]) -> ipp.Message:
    if not unsupported:
        return ipp.answer(asked.message, Status.OK)
    answer = ipp.answer(asked.message, Status.OK_IGNORED_OR_SUBSTITUTED_ATTRIBUTES)
    answer.groups.append(ipp.Group(ipp.Tag.UNSUPPORTED_GROUP, unsupported))
    return answer


def _wanted(asked: _Asked, *default: str) -> set[str]:
    return set(asked.operation.texts("requested-attributes") or default)


def _job_group(job: Job, started: float, wanted: set[str]) -> ipp.Group:
    groups = {"all", "job-description", "job-template"} & wanted
    template = {each.name for each in job.template}

    def fits(name: str) -> bool:
        group = "job-template" if name in template else "job-description"
        return name in wanted or "all" in groups or group in groups

    return ipp.Group(ipp.Tag.JOB_GROUP, [each for each in job.attributes(started) if fits(each.name)])


def _lie(job: Job, state: int, reason: str, impressions: int) -> Job:
    lie = Job(job.number, job.printer_uri, job.name, job.user, job.template, pages=job.pages)
    lie.impressions = impressions
    lie.sheets = lie.sheets_of(impressions)
    lie.move(state, reason)
    return lie


async def _store(asked: _Asked, receiving: Receiving) -> None:
    """The document into its file, inflated when it came compressed. Raises zlib.error."""
    compression = asked.operation.text("compression") or "none"
    inflate = None
    while data := await asked.document():
        if compression != "none":
            if inflate is None:
                inflate = zlib.decompressobj(_window_bits(compression, data))
            for piece in _inflated(inflate, data):
                receiving.write(piece)
        else:
            receiving.write(data)
    if inflate is not None and not inflate.eof:
        raise zlib.error("the compressed document ends early")


def _window_bits(compression: str, start: bytes) -> int:
    """deflate is RFC 1951 as it stands; some clients wrap it as zlib does."""
    if compression == "gzip":
        return 31
    wrapped = len(start) > 1 and start[0] & 0x0F == 8 and int.from_bytes(start[:2]) % 31 == 0
    return 15 if wrapped else -15


def _inflated(inflate: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    yield inflate.decompress(data, 1 << 20)
    while inflate.unconsumed_tail and not inflate.eof:
        yield inflate.decompress(inflate.unconsumed_tail, 1 << 20)


def _plain(data: object) -> object:
    """A value as JSON can have it."""
    if isinstance(data, ipp.Attributes):
        return {each.name: [_plain(value.data) for value in each.values] for each in data}
    if isinstance(data, tuple):
        return list(data)
    return data.hex() if isinstance(data, bytes) else data if isinstance(data, int | str | None) else str(data)
