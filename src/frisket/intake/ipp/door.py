"""The IPP door: HTTP around the operations (RFC 8010 section 4). Boundary B1.

Quick checks and the question who is asking come before the body is asked for, so that a refused document
never travels: ``receive`` is what makes the server say 100 Continue.
"""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from frisket import device, identity, job
from frisket.errors import Blame, FrisketError
from frisket.intake.accept import Intake
from frisket.intake.errors import Unfit
from frisket.intake.ipp.answering import Refusal
from frisket.intake.ipp.commands import Commands
from frisket.intake.ipp.description import Address
from frisket.intake.ipp.errors import status_of, words_of
from frisket.intake.ipp.offered import OFFERED
from frisket.intake.ipp.operations import Operations
from frisket.intake.ipp.request import AnonymousHere, Asked, parse_path, rest_of, target_of
from frisket.intake.ipp.template import Conflict
from frisket.intake.origin import Asking, Known, recall, resolve
from frisket.plumbing import parts
from frisket.wire import ipp

__all__ = ["IppDoor"]

log = logging.getLogger("frisket.intake.ipp")

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class IppDoor:
    """An ASGI application for the paths of IPP."""

    def __init__(self, intake: Intake, commands: Commands, *, web: Callable[[], str]) -> None:
        self._operations = Operations(intake, commands)
        self._intake = intake
        self._web = web

    async def close(self) -> None:
        """Answer whoever waits for events, so that the listeners need not wait for them."""
        await self._operations.subscribing.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        if scope["method"] != "POST":
            await _plain(send, 405, b"POST application/ipp here.", ((b"allow", b"POST"),))
            return
        if headers.get(b"content-type", b"").split(b";")[0].strip().lower() != b"application/ipp":
            await _plain(send, 415, b"Only application/ipp is understood here.")
            return
        if headers.get(b"content-encoding", b"identity") != b"identity":
            await _plain(send, 415, b"Use the compression attribute instead of Content-Encoding.")
            return
        early = self._early_refusal(scope, headers)
        if early is not None:
            await _plain(send, early[0], early[1], ((b"connection", b"close"),))
            return
        await self._serve(scope, headers, receive, send)

    def _early_refusal(self, scope: Scope, headers: Mapping[bytes, bytes]) -> tuple[int, bytes] | None:
        target = parse_path(scope["path"])
        if not target.known:
            return 404, b"There is no queue at this address."
        length = headers.get(b"content-length")
        limits = parts.settings().limits
        if length is not None and (not length.isdigit() or int(length) > limits.job_bytes + limits.ipp_attribute_bytes):
            return 413, b"This job is larger than this server takes."
        return None

    async def _serve(self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive, send: Send) -> None:
        reader = ipp.Reader(ipp.Limits(octets=parts.settings().limits.ipp_attribute_bytes))
        more, seen = True, 0
        try:
            while (message := reader.message) is None:
                if not more:
                    message = reader.end()
                    break
                event = await receive()
                if event["type"] == "http.disconnect":
                    return
                seen += len(event["body"])
                more = event.get("more_body", False)
                reader.feed(event["body"])
        except ipp.TooShort:
            await _plain(send, 400, b"This is no IPP message.")
            return
        except ipp.MessageError as error:
            await _ipp(send, _broken(reader, error), close=more)
            return
        length = headers.get(b"content-length")
        left = int(length) - (seen - len(reader.rest)) if length is not None else None
        if left is None and not more:
            left = len(reader.rest)
        body = rest_of(reader.rest, receive, more)
        answer, demand = await self._answer(message, scope, headers, body, left)
        if demand:
            await _demand_sign_in(send)
            return
        await _ipp(send, answer, close=not _finished(body, more))

    async def _answer(
        self, message: ipp.Message, scope: Scope, headers: Mapping[bytes, bytes], body: Any, left: int | None
    ) -> tuple[bytes, bool]:
        """The answer, or True when the client should come back with a name and password."""
        problem = ipp.check_request(message) or ipp.check_target(message) or ipp.check_lengths(message)
        if problem is not None:
            return _refusal(message, problem.status, problem.message), False
        operation = self._operations.table.get(message.code)
        if operation is None or message.code not in OFFERED:
            return _refusal(message, int(ipp.Status.OPERATION_NOT_SUPPORTED), "This operation is not offered."), False
        try:
            asked = await self._asked(message, scope, headers, body, left)
            needs = OFFERED[message.code]
            if asked.known is None and needs is not None:
                if scope["scheme"] == "https" and not _stated(message):
                    return b"", True
                raise AnonymousHere(_nobody(asked, message))
            if needs is not None:
                identity.require(asked.by, needs)
            return await operation(asked), False
        except Conflict as conflict:
            return _conflict(message, conflict), False
        except identity.Refused as error:
            if scope["scheme"] == "https" and b"authorization" in headers:
                return b"", True
            return _refusal(message, int(ipp.Status.NOT_AUTHENTICATED), words_of(error)), False
        except identity.NotAllowed as error:
            if scope["scheme"] == "https" and b"authorization" not in headers:
                return b"", True  # whoever they say they are may not; who they can prove to be may
            return _refusal(message, int(ipp.Status.NOT_AUTHORIZED), words_of(error)), False
        except FrisketError as error:
            if error.blame is Blame.HOUSE and not error.retry:
                log.exception("operation 0x%04x failed", message.code)
            if isinstance(error, Unfit):
                log.warning("a document was refused: %s", error)
            return _refusal(message, status_of(error), words_of(error)), False

    async def _asked(
        self, message: ipp.Message, scope: Scope, headers: Mapping[bytes, bytes], body: Any, left: int | None
    ) -> Asked:
        target, uri = target_of(message, scope["path"])
        if not target.known:
            raise device.NoSuchQueue("There is no queue at this address.")
        queue = device.queue_by_name(target.queue) if target.queue else device.default_queue()
        if target.system:  # no queue vouches for a name that is merely stated
            queue = None
        if queue is None and target.queue:
            raise device.NoSuchQueue("There is no queue of this name.")
        encrypted = scope["scheme"] == "https"
        asking = Asking(
            queue=queue,
            secret=target.secret,
            authorization=headers.get(b"authorization", b""),
            certificate=scope.get("extensions", {}).get("frisket", {}).get("certificate"),
            stated_name=_stated(message),
            address=scope["client"][0] if scope["client"] else "",
            encrypted=encrypted,
            door="ipps" if encrypted else "ipp",
        )
        if target.job is not None and target.queue == "" and queue is not None:
            queue = await self._queue_of_job(target.job) or queue
            asking = replace(asking, queue=queue)
        known = await self._who(asking)
        # A port that begins in clear stays one for whoever comes again, even where this client went on in TLS.
        upgraded = scope.get("extensions", {}).get("frisket", {}).get("upgraded", False)
        return Asked(
            message=message,
            address=Address(
                "ipps" if encrypted and not upgraded else "ipp",
                _host(headers, uri),
                self._web(),
            ),
            printer_uri=uri,
            queue=queue,
            job_number=target.job,
            known=known,
            door=asking.door,
            network=asking.address,
            body=body,
            body_length=left,
            everywhere=target.server,
            system=target.system,
        )

    async def _queue_of_job(self, number: int) -> device.QueueView | None:
        """Which queue's rules of trust hold for a job that was named without its queue."""
        found = await self._intake.ask(job.queue_of, number)
        return device.queue(found) if found is not None else None

    async def _who(self, asking: Asking) -> Known | None:
        return recall(asking) or await self._intake.ask(resolve, asking)


_HOST = re.compile(rb"[A-Za-z0-9._-]{1,255}(:\d{1,5})?|\[[0-9A-Fa-f:.%]{2,60}\](:\d{1,5})?")


def _host(headers: Mapping[bytes, bytes], uri: str) -> str:
    """The name by which the client knows us; what is no name is not repeated.

    CUPS clients write localhost into Host whatever name of this machine they were given, and that name into
    printer-uri.
    """
    named = headers.get(b"host", b"")
    host = named.decode("ascii") if _HOST.fullmatch(named) else "localhost"
    if not host.startswith("localhost"):
        return host
    try:
        meant = urlsplit(uri)
        same_port = meant.port == urlsplit(f"//{host}").port
    except ValueError:
        return host
    known = _HOST.fullmatch(meant.netloc.encode("ascii", "replace"))
    return meant.netloc if known and (same_port or _LOOPBACK.match(uri)) else host


_LOOPBACK = re.compile(r"ipps?://(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(:\d{1,5})?/")


def _stated(message: ipp.Message) -> str:
    return message.operation.text("requesting-user-name") or ""


def _nobody(asked: Asked, message: ipp.Message) -> str:
    if asked.queue is not None and device.trusts(asked.queue, asked.network) and _stated(message):
        return "This print server does not know the user name your computer sent."
    return "This print server does not know who is printing."


def _finished(body: Any, more: bool) -> bool:
    """Whether the request body was read to its end, so that the connection can serve another request."""
    return not more or body.ag_frame is None


def _broken(reader: ipp.Reader, error: ipp.MessageError) -> bytes:
    version = ipp.answer_version(reader.version or (2, 0))
    group = ipp.encode_group(ipp.Group(ipp.Tag.OPERATION_GROUP, [*ipp.opening(), _message(str(error))]))
    return ipp.assemble(version, error.status, max(0, reader.request_id or 0), [group])


def _message(text: str) -> ipp.Attribute:
    return ipp.attribute("status-message", ipp.text(text.encode()[:255].decode(errors="ignore")))


def _refusal(message: ipp.Message, status: int, words: str, *groups: bytes) -> bytes:
    opening = ipp.encode_group(ipp.Group(ipp.Tag.OPERATION_GROUP, [*ipp.opening(), _message(words)]))
    return ipp.assemble(ipp.answer_version(message.version), status, message.request_id, [opening, *groups])


def _conflict(message: ipp.Message, conflict: Conflict) -> bytes:
    named = [conflict.attribute] if conflict.attribute is not None else []
    if isinstance(conflict, Refusal):
        named = list(conflict.ticket.unsupported)
    groups = [ipp.encode_group(ipp.Group(ipp.Tag.UNSUPPORTED_GROUP, named))] if named else []
    return _refusal(message, conflict.status, str(conflict), *groups)


async def _ipp(send: Send, body: bytes, *, close: bool) -> None:
    headers = [
        (b"content-type", b"application/ipp"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _demand_sign_in(send: Send) -> None:
    await _plain(
        send,
        401,
        b"Sign in with your name and password, or print to your personal queue address.",
        ((b"www-authenticate", b'Basic realm="Frisket", charset="UTF-8"'), (b"connection", b"close")),
    )


async def _plain(send: Send, status: int, text: bytes, more: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(text)).encode()),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
