"""Sending by IPP and IPPS (RFC 8010, 8011): the device says what became of a job.

Create-Job and Send-Document where the device has them: then it has a number for the job before the first
octet leaves, and can be asked by that number whatever happens after. Else Print-Job.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace

from frisket.delivery import printer as words
from frisket.delivery.errors import ConnectionLost, DeviceAnswered, DeviceUnreachable, NotAdopted
from frisket.delivery.exchange import HTTP, Exchange
from frisket.delivery.stream import Stream, open_stream
from frisket.delivery.values import (
    BROKE_OFF,
    NEUTRAL_OWNER,
    Condition,
    End,
    Ending,
    Evidence,
    PrintTicket,
    Probe,
    Source,
    Times,
    Watch,
)
from frisket.device import DeviceView
from frisket.plumbing.keys import Damaged, TlsRefused
from frisket.wire import ipp
from frisket.wire.errors import WireError

__all__ = ["IppDriver"]

# The device does not take a job just now and says so: busy, not accepting, too many jobs and the like.
LATER = frozenset(
    {
        ipp.Status.BUSY,
        ipp.Status.SERVICE_UNAVAILABLE,
        ipp.Status.TEMPORARY_ERROR,
        ipp.Status.NOT_ACCEPTING_JOBS,
        ipp.Status.PRINTER_IS_DEACTIVATED,
        ipp.Status.TOO_MANY_JOBS,
        HTTP + 503,
        HTTP + 429,
    }
)
GONE = frozenset({ipp.Status.NOT_FOUND, ipp.Status.GONE})
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
_LIMITS = ipp.Limits(octets=4 << 20, values_per_attribute=20_000, values=100_000, forgiving=True)
_TROUBLE = (DeviceUnreachable, ConnectionLost, TlsRefused, NotAdopted, WireError)


class _Cancelled(Exception):
    """Somebody asked for the job to be stopped while its document went out."""


class IppDriver:
    def __init__(self, device: DeviceView, times: Times) -> None:
        self._address = device.address
        self._pinned = device.pinned_sha256
        self._silence_is_done = device.silence_is_done
        self._times = times
        self._exchange: Exchange | None = None
        self._stream: Stream | None = None
        self._version = (2, 0)
        self._request_id = 0
        self._user = NEUTRAL_OWNER

    # -- the promises of a driver ----------------------------------------------------------------

    async def print(self, ticket: PrintTicket, source: Source, watch: Watch) -> Ending:
        self._user = ticket.owner
        try:
            return await self._print(ticket, source, watch)
        finally:
            await self._hang_up()

    async def ask(self, device_job: str) -> Evidence:
        if not device_job.isdecimal():
            return Evidence(BROKE_OFF)
        try:
            job = await self._job(int(device_job))
        except DeviceAnswered as error:
            return Evidence(replace(BROKE_OFF, evidence=f"status={_status(error)}"))
        except _TROUBLE as error:
            return Evidence(replace(BROKE_OFF, evidence=type(error).__name__))
        finally:
            await self._hang_up()
        return Evidence(words.ending(job, whole=True, cancel_asked=False))

    async def condition(self) -> Condition:
        try:
            return words.condition(await self._printer())
        except DeviceUnreachable:
            return Condition("unreachable")
        except (TlsRefused, NotAdopted):
            return Condition("stopped", ("certificate-not-adopted",), "Its certificate is not the adopted one.")
        except (ConnectionLost, DeviceAnswered, WireError):
            return Condition("unknown")
        finally:
            await self._hang_up()

    async def identify(self, actions: Sequence[str], message: str) -> bool:
        """Have the device show itself (PWG 5100.13 section 3.1). False where it does not."""
        asked = [ipp.attribute("identify-actions", *(ipp.keyword(each) for each in actions))] if actions else []
        said = [ipp.attribute("message", ipp.text(message))] if message else []
        try:
            await self._call(self._request(ipp.Operation.IDENTIFY_PRINTER, *asked, *said))
        except (*_TROUBLE, DeviceAnswered):
            return False
        finally:
            await self._hang_up()
        return True

    async def probe(self) -> Probe:
        try:
            printer = await self._printer(words.PROBE_WANTED, looking=True)
        finally:
            fingerprint = self._fingerprint
            await self._hang_up()
        can = words.capabilities(printer)
        return Probe(
            capabilities=can,
            condition=words.condition(printer),
            certificate_sha256=fingerprint,
            printer_uuid=printer.text("printer-uuid") or "",
            make_and_model=can.make_and_model,
        )

    # -- printing --------------------------------------------------------------------------------

    async def _print(self, ticket: PrintTicket, source: Source, watch: Watch) -> Ending:
        try:
            printer = await self._printer(words.wanted_for(ticket))
        except _TROUBLE as error:
            return _not_begun(error)
        except DeviceAnswered as error:
            return _declined(error)
        if printer.boolean("printer-is-accepting-jobs") is False:
            return Ending(End.RETRY, "not-accepting-jobs", "The device takes no jobs just now.")
        problem = words.cannot(ticket, printer)
        formats = [words.format_for(printer, document.format) for document in ticket.documents]
        if problem or None in formats:
            problem = problem or "It does not take this kind of document."
            return Ending(End.REFUSED, "not-supported", f"The device cannot print this. {problem}")
        sending = _Sending(ticket, source, watch, [each or "" for each in formats])
        if words.supports(printer, ipp.Operation.CREATE_JOB, ipp.Operation.SEND_DOCUMENT):
            return await self._create_and_send(sending, printer)
        return await self._print_job(sending, printer)

    async def _create_and_send(self, sending: "_Sending", printer: ipp.Group) -> Ending:
        message = self._request(ipp.Operation.CREATE_JOB, *self._named(sending.ticket))
        _add_job_group(message, words.job_attributes(sending.ticket, printer))
        try:
            job = _job_id(await self._call(message))
        except _TROUBLE as error:
            return _not_begun(error)
        except DeviceAnswered as error:
            return _declined(error)
        last = len(sending.ticket.documents)
        try:
            await sending.watch.leaving(str(job))
            for index, document in enumerate(sending.ticket.documents):
                message = self._request(
                    ipp.Operation.SEND_DOCUMENT,
                    ipp.attribute("document-format", ipp.mime(sending.formats[index])),
                    ipp.attribute("last-document", ipp.boolean(index + 1 == last)),
                    job=job,
                )
                await self._call(message, sending.octets(document.number))
        except (*_TROUBLE, DeviceAnswered, Damaged, _Cancelled) as error:
            return await self._broke_off(job, sending, error)
        return await self._follow(job, sending, whole=True)

    async def _print_job(self, sending: "_Sending", printer: ipp.Group) -> Ending:
        """One request for all of it: the number of the job comes only with the answer."""
        message = self._request(
            ipp.Operation.PRINT_JOB,
            *self._named(sending.ticket),
            ipp.attribute("document-format", ipp.mime(sending.formats[0])),
        )
        _add_job_group(message, words.job_attributes(sending.ticket, printer))
        try:
            await sending.watch.leaving()
            job = _job_id(await self._call(message, sending.octets(sending.ticket.documents[0].number)))
        except DeviceAnswered as error:
            return _declined(error, sending.watch.octets)
        except (*_TROUBLE, Damaged, _Cancelled) as error:
            return _broken(error, sending.watch.octets)
        await sending.watch.leaving(str(job))
        return await self._follow(job, sending, whole=True)

    async def _broke_off(self, job: int, sending: "_Sending", error: Exception) -> Ending:
        """The device has a job that it did not get whole: have it dropped, and hear what it made of it."""
        await self._hang_up()
        told = await self._cancel(job)
        octets = sending.watch.octets
        if octets == 0:
            return _declined(error) if isinstance(error, DeviceAnswered) else _broken(error, 0)
        if isinstance(error, DeviceAnswered) and not told:
            return _declined(error, octets)
        stopped = isinstance(error, _Cancelled)
        found = await self._follow(job, sending, whole=False, cancel_told=stopped)
        if isinstance(error, DeviceAnswered) and not found.impressions and found.end is not End.DELIVERED:
            return _declined(error, octets)  # its own answer says more than that we had it dropped
        return found

    async def _follow(self, job: int, sending: "_Sending", *, whole: bool, cancel_told: bool = False) -> Ending:
        """Ask until the device has ended the job, or nothing changed for ``follow_s``."""
        pause, changed, before = FIRST_PAUSE_S, time.monotonic(), ""
        while time.monotonic() - changed < self._times.follow_s:
            if sending.watch.cancelled() and not cancel_told:
                cancel_told = await self._cancel(job)
            try:
                found = await self._job(job)
            except DeviceAnswered as error:
                if error.status in GONE:
                    return self._silence(whole, f"status={_status(error)}")
                found = None
            except _TROUBLE:
                await self._hang_up()
                found = None
            if found is not None:
                ended = words.ending(found, whole=whole, cancel_asked=cancel_told)
                if ended is not None:
                    return ended
                now = _progress(found)
                if now != before:
                    pause, changed, before = FIRST_PAUSE_S, time.monotonic(), now
            await asyncio.sleep(pause)
            pause = min(pause * 1.6, LONGEST_PAUSE_S)
        return self._silence(whole, "no-answer")

    def _silence(self, whole: bool, evidence: str) -> Ending:
        if whole and self._silence_is_done:
            return Ending(End.DELIVERED, evidence, silent=True)
        return Ending(End.UNCERTAIN, evidence, "The device does not say what became of it.")

    async def _cancel(self, job: int) -> bool:
        """Tell the device to drop a job. False when it could not be told, or had ended it already."""
        try:
            await self._call(self._request(ipp.Operation.CANCEL_JOB, job=job))
        except (*_TROUBLE, DeviceAnswered):
            await self._hang_up()
            return False
        return True

    # -- requests --------------------------------------------------------------------------------

    async def _printer(self, further: Iterable[str] = (), *, looking: bool = False) -> ipp.Group:
        names = dict.fromkeys((*words.PRINTER_WANTED, *further))
        message = self._request(
            ipp.Operation.GET_PRINTER_ATTRIBUTES,
            ipp.attribute("requested-attributes", *(ipp.keyword(name) for name in names)),
        )
        try:
            answer = await self._call(message, looking=looking)
        except DeviceAnswered as error:
            if error.status != ipp.Status.VERSION_NOT_SUPPORTED or self._version == (1, 1):
                raise
            self._version = (1, 1)
            return await self._printer(further, looking=looking)
        return answer.group(ipp.Tag.PRINTER_GROUP) or ipp.Group(ipp.Tag.PRINTER_GROUP)

    async def _job(self, job: int) -> ipp.Group:
        wanted = ipp.attribute("requested-attributes", *(ipp.keyword(name) for name in words.JOB_WANTED))
        return (await self._call(self._request(ipp.Operation.GET_JOB_ATTRIBUTES, wanted, job=job))).job

    def _request(self, operation: int, *attributes: ipp.Attribute, job: int | None = None) -> ipp.Message:
        self._request_id += 1
        target = [ipp.attribute("printer-uri", ipp.uri(self._address.uri))]
        if job is not None:
            target.append(ipp.attribute("job-id", ipp.integer(job)))
        user = ipp.attribute("requesting-user-name", ipp.name(self._user))
        return ipp.request(operation, self._request_id, *target, user, *attributes, version=self._version)

    def _named(self, ticket: PrintTicket) -> list[ipp.Attribute]:
        return [
            ipp.attribute("job-name", ipp.name(ticket.name)),
            ipp.attribute("ipp-attribute-fidelity", ipp.boolean(False)),
        ]

    async def _call(
        self, message: ipp.Message, document: AsyncIterator[bytes] | None = None, *, looking: bool = False
    ) -> ipp.Message:
        """Raises DeviceAnswered for every status but success, and what the connection raises."""
        exchange = await self._connected(looking)
        octets = ipp.encode(message)
        try:
            if document is None:
                body = await exchange.post(octets)
            else:
                body = await exchange.post_document(octets, document)
            answer, _ = ipp.decode(body, _LIMITS)
        except BaseException:
            await self._hang_up(abort=True)
            raise
        if not exchange.reusable:
            await self._hang_up()
        if answer.request_id != message.request_id:
            raise ConnectionLost("the device answered another question")
        if answer.code >= 0x0100:
            raise DeviceAnswered(ipp.status_keyword(answer.code), answer.code)
        return answer

    async def _connected(self, looking: bool) -> Exchange:
        if self._exchange is None:
            self._stream = await open_stream(
                self._address,
                pinned=self._pinned,
                connect_s=self._times.connect_s,
                stall_s=self._times.stall_s,
                looking=looking,
            )
            self._exchange = Exchange(self._stream, self._address.authority, self._address.path)
        return self._exchange

    @property
    def _fingerprint(self) -> bytes | None:
        return self._stream.fingerprint if self._stream is not None else None

    async def _hang_up(self, *, abort: bool = False) -> None:
        stream, self._stream, self._exchange = self._stream, None, None
        if stream is not None and abort:
            stream.abort()
        elif stream is not None:
            await stream.close()


class _Sending:
    """A ticket on its way: counts what leaves, and stops when somebody asks for it."""

    def __init__(self, ticket: PrintTicket, source: Source, watch: Watch, formats: list[str]) -> None:
        self.ticket = ticket
        self.watch = watch
        self.formats = formats
        self._source = source

    async def octets(self, document: int) -> AsyncIterator[bytes]:
        async for piece in self._source(document):
            if self.watch.cancelled():
                raise _Cancelled
            self.watch.sent(len(piece))
            yield piece


def _add_job_group(message: ipp.Message, attributes: list[ipp.Attribute]) -> None:
    if attributes:
        message.groups.append(ipp.Group(ipp.Tag.JOB_GROUP, attributes))


def _job_id(answer: ipp.Message) -> int:
    number = answer.job.integer("job-id")
    if number is None:
        raise ConnectionLost("the device took a job without giving it a number")
    return number


def _progress(job: ipp.Group) -> str:
    return repr([(each.name, [value.data for value in each.values]) for each in job])


def _status(error: DeviceAnswered) -> str:
    return f"http-{error.status - HTTP}" if error.status >= HTTP else ipp.status_keyword(error.status)


def _not_begun(error: Exception) -> Ending:
    """No job was made at the device, or none that we know of; nothing of a document left."""
    if isinstance(error, TlsRefused):
        return Ending(
            End.REFUSED,
            "certificate-changed",
            "The device shows another certificate than the adopted one, so nothing was sent.",
        )
    if isinstance(error, NotAdopted):
        return Ending(End.REFUSED, "not-adopted", "Nobody has adopted this device yet, so nothing was sent.")
    return Ending(End.RETRY, type(error).__name__, "The device does not answer.")


def _declined(error: DeviceAnswered, octets: int = 0) -> Ending:
    """The device said no. After octets have left nothing goes again by itself, not even when it is busy."""
    evidence = f"status={_status(error)}"
    if error.status in LATER and not octets:
        return Ending(End.RETRY, evidence, "The device is busy.")
    said = _status(error).removeprefix("client-error-").removeprefix("server-error-").replace("-", " ")
    return Ending(End.REFUSED, evidence, f"The device did not print it. It says: {said}.")


def _broken(error: Exception, octets: int) -> Ending:
    if octets == 0:
        if isinstance(error, Damaged):
            return Ending(End.DAMAGED, "damaged", "The document at rest is damaged.")
        if isinstance(error, _Cancelled):
            return Ending(End.CANCELLED, "before-the-first-octet", impressions=0, sheets=0)
        return _not_begun(error)
    return replace(BROKE_OFF, evidence=type(error).__name__.lstrip("_"))
