"""One IPP request on its way through the door: who asks, of which queue, how we call ourselves."""

import re
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote, urlsplit

from frisket import device, identity, job
from frisket.intake.errors import CutOff
from frisket.intake.ipp.description import Address
from frisket.intake.origin import Known
from frisket.plumbing import parts
from frisket.plumbing.scope import HOUSE, Actor, Purpose, Scope
from frisket.wire import ipp

__all__ = ["Asked", "Target", "Unpacked", "parse_path", "target_of", "unpacked"]

Receive = Callable[[], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Target:
    """What an address names: a queue with or without a secret, a job, or the server with all its queues."""

    queue: str = ""
    secret: str = ""
    job: int | None = None
    known: bool = True
    server: bool = False
    system: bool = False  # the System object of PWG 5100.22


_QUEUE = re.compile(r"/ipp/print(?:/([^/]+)(?:/([^/]+))?)?/?")
_CUPS_QUEUE = re.compile(r"/printers/([^/]+?)(?:\.ppd)?/?")
_JOB = re.compile(r"/jobs/(?:(\d{1,10}))?/?")


def parse_path(path: str) -> Target:
    """An address of ours without scheme and host. ``known`` is False for what names nothing."""
    path = unquote(path) or "/"
    if path in ("/", "/ipp", "/ipp/", "/admin/", "/printers/"):
        return Target(server=True)
    if path in ("/ipp/system", "/ipp/system/"):
        return Target(system=True)
    if match := _QUEUE.fullmatch(path):
        return Target(queue=match[1] or "", secret=match[2] or "")
    if match := _CUPS_QUEUE.fullmatch(path):
        return Target(queue=match[1])
    if match := _JOB.fullmatch(path):
        return Target(job=int(match[1]) if match[1] else None)
    return Target(known=False)


def target_of(message: ipp.Message, path: str) -> tuple[Target, str]:
    """What the request names, and the printer-uri as the client wrote it.

    The IPP attribute wins over the HTTP path (RFC 8010 section 4.1), except that a secret in the path is
    kept: clients shorten printer-uri.
    """
    named = ipp.target_of(message)
    by_path = parse_path(path)
    uri = named.printer_uri or ""
    if named.job_uri is not None:
        target = _parse_uri(named.job_uri)
        return Target(target.queue, by_path.secret, target.job, target.known), uri
    if named.system_uri is not None and not uri:
        target = _parse_uri(named.system_uri)
        return target if target.system else Target(known=False), ""
    if not uri:
        return by_path, ""
    target = _parse_uri(uri)
    if not target.queue and not target.known:
        return target, uri
    queue = target.queue or by_path.queue
    secret = target.secret or by_path.secret
    return Target(queue, secret, named.job_id, target.known, target.server, target.system), uri


def _parse_uri(uri: str) -> Target:
    try:
        return parse_path(urlsplit(uri).path)
    except ValueError:  # brackets that hold no address
        return Target(known=False)


@dataclass(slots=True)
class Asked:
    """Everything an operation may look at."""

    message: ipp.Message
    address: Address
    printer_uri: str
    queue: device.QueueView | None
    job_number: int | None
    known: Known | None
    door: str
    network: str
    body: AsyncIterator[bytes]
    body_length: int | None  # octets of document data, where the peer announced them
    everywhere: bool = False  # it named the server, not one of its queues
    system: bool = False  # it named the System object

    @property
    def person(self) -> identity.PersonView:
        if self.known is None:
            raise AnonymousHere("nobody known is asking")
        return self.known.person

    @property
    def by(self) -> Actor:
        """Who acts. A merely stated name acts as a plain person, whatever role its person has."""
        actor = identity.actor_for(self.person, self.door)
        stated = self.known is not None and self.known.by == "stated"
        return replace(actor, role=identity.Role.PERSON.value) if stated else actor

    @property
    def scope(self) -> Scope:
        """A person sees their own jobs over IPP; whoever operates the house sees all."""
        actor = self.by
        operates = identity.may(actor, identity.Permission.JOBS_ALL)
        return Scope(actor, parts.tenant(), Purpose.OPERATE if operates else Purpose.OWN)

    def printer_uri_of(self, view: job.JobView) -> str:
        """job-printer-uri: the client's own words where it named a queue, but nobody else's secret address."""
        if self.printer_uri and not self.everywhere:
            return self.printer_uri
        if view.printer_uri and not self.everywhere and self.known is not None and view.person == self.person.id:
            return view.printer_uri
        return self.address.printer(device.queue(view.queue).name)

    @property
    def house(self) -> Scope:
        """For what a client may know before it says who it is: which queues there are."""
        return Scope(HOUSE, parts.tenant(), Purpose.STAGE)


class AnonymousHere(identity.Refused):
    remedy = (
        "Print to your personal queue address, or sign in with your name and password over IPPS. "
        "The pages of the print server show both."
    )


Unpacked = AsyncIterator[bytes]


async def unpacked(body: AsyncIterator[bytes], compression: str, most: int) -> Unpacked:
    """The document as it was before ``compression``; never more than ``most`` octets (a bomb stops there).

    deflate is RFC 1951; zlib-wrapped streams, which some clients send, are read as well.
    """
    if compression in ("", "none"):
        async for piece in body:
            yield piece
        return
    unpacker = None
    total, beginning = 0, b""
    async for arrived in body:
        piece = beginning + arrived
        if unpacker is None:
            if len(piece) < 2:  # the two octets that tell a wrapped stream came apart
                beginning = piece
                continue
            beginning = b""
            unpacker = zlib.decompressobj(31 if compression == "gzip" else _window(piece))
        while piece:
            try:
                out = unpacker.decompress(piece, 262_144)
            except zlib.error as error:
                raise BadCompression("the compressed document is damaged") from error
            piece = unpacker.unconsumed_tail
            total += len(out)
            if total > most:
                raise BadCompression("the document unpacks to more than a job may have")
            if out:
                yield out
    if beginning:
        raise BadCompression("the compressed document ends too early")
    if unpacker is not None:
        if not unpacker.eof:
            raise BadCompression("the compressed document ends too early")
        if rest := unpacker.flush():
            yield rest


def _window(first: bytes) -> int:
    wrapped = len(first) >= 2 and first[0] & 0x0F == 8 and (first[0] << 8 | first[1]) % 31 == 0
    return 15 if wrapped else -15


class BadCompression(CutOff):
    retry = False
    remedy = "Send the document uncompressed."


async def rest_of(first: bytes, receive: Receive, more: bool) -> AsyncIterator[bytes]:
    """The octets after the attributes, as they come. Raises CutOff when the peer goes away."""
    if first:
        yield first
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise CutOff("the connection closed in the middle of the document")
        more = event.get("more_body", False)
        if event["body"]:
            yield event["body"]
