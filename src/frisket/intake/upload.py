"""The upload door: ``POST /api/v1/jobs``, plain or multipart, streamed straight to the sealer (boundary B4).

Plain: the body is the document; queue, title and options are query parameters. Multipart: text fields first,
then one or more files, each a document of one job. No octet of a document touches a disk in clear, and none
passes through the web framework.
"""

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any
from urllib.parse import parse_qsl

from frisket import device, identity, job
from frisket.errors import Blame, FrisketError
from frisket.intake.accept import Intake
from frisket.intake.capabilities import capabilities_of
from frisket.intake.errors import CutOff, Unfit
from frisket.intake.multipart import Field, Multipart, boundary_of
from frisket.intake.offers import Offer, Part
from frisket.plumbing.scope import Actor

__all__ = ["UploadDoor", "offer_for"]

log = logging.getLogger("frisket.intake")

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
# Says who sends: from the headers, the CSRF token field of a form, and the peer's address. Raises Refused.
Authenticate = Callable[[Mapping[bytes, bytes], str | None, str], identity.PersonView]


class BadUpload(FrisketError):
    blame = Blame.PERSON
    remedy = "Choose a file and a queue, and send it again."


_OPEN_XML = "application/vnd.openxmlformats-officedocument"
_SUFFIXES = {
    "pdf": "application/pdf",
    "ps": "application/postscript",
    "pcl": "application/vnd.hp-pcl",
    "pwg": "image/pwg-raster",
    "urf": "image/urf",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "txt": "text/plain",
    "text": "text/plain",
    "log": "text/plain",
    "csv": "text/csv",
    "rtf": "application/rtf",
    "htm": "text/html",
    "html": "text/html",
    "eps": "application/eps",
    "xps": "application/vnd.ms-xpsdocument",
    "oxps": "application/oxps",
    "pxl": "application/vnd.hp-pclxl",
    "png": "image/png",
    "gif": "image/gif",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "bmp": "image/bmp",
    "webp": "image/webp",
    "heic": "image/heic",
    "heif": "image/heif",
    "avif": "image/avif",
    "doc": "application/msword",
    "xls": "application/vnd.ms-excel",
    "ppt": "application/vnd.ms-powerpoint",
    "docx": f"{_OPEN_XML}.wordprocessingml.document",
    "xlsx": f"{_OPEN_XML}.spreadsheetml.sheet",
    "pptx": f"{_OPEN_XML}.presentationml.presentation",
    "docm": "application/vnd.ms-word.document.macroenabled.12",
    "xlsm": "application/vnd.ms-excel.sheet.macroenabled.12",
    "pptm": "application/vnd.ms-powerpoint.presentation.macroenabled.12",
    "dot": "application/msword",
    "dotm": "application/vnd.ms-word.template.macroenabled.12",
    "dotx": f"{_OPEN_XML}.wordprocessingml.template",
    "xlsb": "application/vnd.ms-excel.sheet.binary.macroenabled.12",
    "xltx": f"{_OPEN_XML}.spreadsheetml.template",
    "pps": "application/vnd.ms-powerpoint",
    "ppsx": f"{_OPEN_XML}.presentationml.slideshow",
    "ppsm": "application/vnd.ms-powerpoint.slideshow.macroenabled.12",
    "vsd": "application/vnd.visio",
    "vsdx": "application/vnd.ms-visio.drawing",
    "pub": "application/x-mspublisher",
    "odt": "application/vnd.oasis.opendocument.text",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odp": "application/vnd.oasis.opendocument.presentation",
    "odg": "application/vnd.oasis.opendocument.graphics",
}


def format_of(name: str, stated: str) -> str:
    """The mime type of an upload: what the sender says, else by the end of the file's name."""
    stated = stated.split(";")[0].strip().lower()
    if stated and stated not in ("application/octet-stream", "binary/octet-stream"):
        return stated
    return _SUFFIXES.get(name.rpartition(".")[2].lower(), "application/octet-stream")


def offer_for(
    queue_name: str, person: identity.PersonView, by: Actor, values: Mapping[str, str], *, door: str
) -> Offer:
    """An offer from plain values: title, copies, sides, color_mode, media, hold. Raises BadUpload, NoSuchQueue."""
    queue = device.queue_by_name(queue_name) if queue_name else device.default_queue()
    if queue is None:
        raise device.NoSuchQueue("There is no queue of this name." if queue_name else "There is no queue yet.")
    can = capabilities_of(queue)
    options = job.Options(
        sides=_one_of(values, "sides", ("", "one-sided", *can.sides)),
        color_mode=_one_of(values, "color_mode", ("", "auto", "color", "monochrome")),
        media=_one_of(values, "media", ("", *can.media)),
    )
    copies = values.get("copies", "1") or "1"
    if not copies.isdigit() or not 1 <= int(copies) <= max(1, can.copies_max, 999):
        raise BadUpload("copies must be a number from 1 to 999")
    hold = "indefinite" if values.get("hold", "") in ("1", "true", "on", "yes") else ""
    return Offer(
        queue=queue,
        person=person.id,
        owner=person.name,
        by=by,
        door=door,
        title=device.clean(values.get("title", ""), 255) or "untitled",
        format=format_of(values.get("title", ""), values.get("format", "")),
        copies=int(copies),
        options=options,
        hold=hold,
    )


def _one_of(values: Mapping[str, str], name: str, known: tuple[str, ...]) -> str:
    value = values.get(name, "")
    if value not in known:
        raise BadUpload(f"{name} must be one of: " + ", ".join(each for each in known if each))
    return value


@dataclass(slots=True)
class _Form:
    """The text fields that came before the first file."""

    values: dict[str, str] = field(default_factory=dict)
    first: Field | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    headers: Mapping[bytes, bytes]
    query: Mapping[str, str]
    network: str

    @property
    def by_page(self) -> bool:
        """A form of our upload page sent without scripts: its person wants to see a page, not JSON."""
        return self.query.get("then") == "/" and b"text/html" in self.headers.get(b"accept", b"")


_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Not taken</title><link rel="stylesheet" href="/static/web/site.css"><main class="narrow"><div class="card">
<h1>The job was not taken</h1><p>{}</p><p><a href="/upload">Back to the upload</a></p></div></main></html>"""


class UploadDoor:
    """An ASGI application for ``POST /api/v1/jobs``."""

    def __init__(self, intake: Intake, authenticate: Authenticate, headers: tuple[tuple[bytes, bytes], ...]) -> None:
        self._intake = intake
        self._authenticate = authenticate
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = _Asked(
            headers=dict(scope["headers"]),
            query=dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
            network=scope["client"][0] if scope["client"] else "",
        )
        try:
            boundary = boundary_of(asked.headers.get(b"content-type", b""))
            if boundary is None:
                view = await self._plain(asked, receive)
            else:
                view = await self._form(asked, boundary, receive)
        except FrisketError as error:
            if isinstance(error, Unfit):
                log.warning("an uploaded document was refused: %s", error)
            await self._problem(send, _status(error), error, asked)
        else:
            await self._created(send, view, asked)

    async def _plain(self, asked: "_Asked", receive: Receive) -> job.JobView:
        headers, query = asked.headers, asked.query
        person = await self._intake.ask(self._authenticate, headers, None, asked.network)
        by = identity.actor_for(person, "upload")
        offer = offer_for(query.get("queue", ""), person, by, query, door="upload")
        length = headers.get(b"content-length", b"")
        name = device.clean(query.get("title", ""), 255)
        format = format_of(name, headers.get(b"content-type", b"").decode("latin-1"))
        part = Part(_body(receive), format, name, int(length) if length.isdigit() else None)
        key = headers.get(b"idempotency-key", b"").decode("latin-1")[:64] or None
        return (await self._intake.accept(_with(offer, format, key), _single(part))).job

    async def _form(self, asked: "_Asked", boundary: bytes, receive: Receive) -> job.JobView:
        reader = Multipart(boundary, _body(receive))
        form = await _fields(reader)
        token = form.values.get("csrfmiddlewaretoken")
        person = await self._intake.ask(self._authenticate, asked.headers, token, asked.network)
        by = identity.actor_for(person, "upload")
        values = {**asked.query, **form.values}
        if form.first is None or not form.first.file_name:
            raise BadUpload("no file was chosen")
        values["title"] = values.get("title") or form.first.file_name
        offer = offer_for(values.get("queue", ""), person, by, values, door="upload")
        format = format_of(form.first.file_name, form.first.content_type)
        return (await self._intake.accept(_with(offer, format, None), _files(reader, form.first))).job

    async def _created(self, send: Send, view: job.JobView, asked: "_Asked") -> None:
        if asked.by_page:
            where = f"/jobs/{view.number}".encode()
            await _send(send, 303, b"", ((b"location", where), *self._headers))
            return
        body = {"id": str(view.id), "number": view.number, "state": view.state.value, "octets": view.octets}
        where = f"/api/v1/jobs/{view.id}".encode()
        kind = (b"content-type", b"application/json")
        await _send(send, 201, json.dumps(body).encode(), (kind, (b"location", where), *self._headers))

    async def _problem(self, send: Send, status: int, error: FrisketError, asked: "_Asked") -> None:
        """RFC 9457, or a page for a form without scripts; the connection closes: the body may not be read."""
        house = error.blame is Blame.HOUSE
        if asked.by_page:
            said = "The print server failed." if house else f"{error} {error.remedy}"
            page = _PAGE.format(escape(said)).encode()
            html = (b"content-type", b"text/html; charset=utf-8")
            await _send(send, status, page, (html, (b"connection", b"close"), *self._headers))
            return
        body = {
            "type": "about:blank",
            "title": "The job was not taken",
            "status": status,
            "detail": "The print server failed." if house else str(error),
            "remedy": error.remedy,
        }
        kind = (b"content-type", b"application/problem+json")
        await _send(send, status, json.dumps(body).encode(), (kind, (b"connection", b"close"), *self._headers))


_STATUS = {Blame.PEER: 400, Blame.PERSON: 422, Blame.OPERATOR: 503, Blame.HOUSE: 500}


def _status(error: FrisketError) -> int:
    if isinstance(error, identity.Throttled):
        return 429
    if isinstance(error, identity.Refused):
        return 401
    if isinstance(error, identity.NotAllowed):
        return 403
    if isinstance(error, device.NoSuchQueue):
        return 404
    return 503 if error.retry and error.blame is not Blame.PEER else _STATUS[error.blame]


def _with(offer: Offer, format: str, key: str | None) -> Offer:
    return replace(offer, format=format, client_key=key)


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise CutOff("the connection closed in the middle of the document")
        more = event.get("more_body", False)
        if event["body"]:
            yield event["body"]


async def _single(part: Part) -> AsyncIterator[Part]:
    yield part


async def _fields(reader: Multipart) -> _Form:
    form = _Form()
    while (found := await reader.next()) is not None:
        if found.file_name is not None:
            form.first = found
            return form
        form.values[found.name] = await reader.text(limit=4096)
    return form


async def _files(reader: Multipart, first: Field) -> AsyncIterator[Part]:
    found: Field | None = first
    while found is not None:
        if found.file_name:
            yield Part(
                reader.data(),
                format_of(found.file_name, found.content_type),
                device.clean(found.file_name, 255),
            )
        await reader.skip()
        found = await reader.next()


async def _send(send: Send, status: int, body: bytes, headers: tuple[tuple[bytes, bytes], ...]) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body})
