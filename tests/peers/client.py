"""A small IPP client for tests: our codec over a plain HTTP connection, so that a test sees every octet."""

import http.client
import json
import ssl
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from frisket.wire import ipp

__all__ = ["Answer", "Printing", "post", "sample", "trusting_anybody"]


def trusting_anybody() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@dataclass(frozen=True)
class Answer:
    """An IPP answer; ``http`` is the status of the HTTP response, ``message`` None where it was no IPP."""

    http: int
    headers: Mapping[str, str]
    message: ipp.Message | None

    @property
    def status(self) -> int:
        assert self.message is not None, f"HTTP {self.http} without IPP"
        return self.message.code

    @property
    def words(self) -> str:
        assert self.message is not None
        return self.message.operation.text("status-message") or ""

    @property
    def job(self) -> int:
        assert self.message is not None
        number = self.message.job.integer("job-id")
        assert number is not None, f"{self.status:#06x} {self.words}"
        return number

    def groups(self, tag: int = ipp.Tag.JOB_GROUP) -> list[ipp.Group]:
        assert self.message is not None
        return [group for group in self.message.groups if group.tag == tag]


@dataclass
class Printing:
    """One client, printing to one address."""

    uri: str  # ipp:// or ipps://
    user: str = ""
    basic: tuple[str, str] | None = None
    tls: ssl.SSLContext | None = None
    said_uri: str = ""  # printer-uri, where it is not ``uri``
    headers: dict[str, str] = field(default_factory=dict)
    timeout: float = 60

    def connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.uri)
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "ipps":
            return http.client.HTTPSConnection(host, port, timeout=self.timeout, context=self.tls or trusting_anybody())
        return http.client.HTTPConnection(host, port, timeout=self.timeout)

    def message(
        self, operation: int, *attributes: ipp.Attribute, job: Iterable[ipp.Attribute] = (), target: bool = True
    ) -> bytes:
        named = [ipp.attribute("printer-uri", ipp.uri(self.said_uri or self.uri))] if target else []
        if self.user:
            named.append(ipp.attribute("requesting-user-name", ipp.name(self.user)))
        request = ipp.request(operation, 7, *named, *attributes)
        if found := list(job):
            request.groups.append(ipp.Group(ipp.Tag.JOB_GROUP, found))
        return ipp.encode(request)

    def all_headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/ipp", **self.headers}
        if self.basic is not None:
            headers["Authorization"] = "Basic " + b64encode(":".join(self.basic).encode()).decode()
        return headers

    def send(
        self,
        operation: int,
        *attributes: ipp.Attribute,
        job: Iterable[ipp.Attribute] = (),
        document: bytes = b"",
        target: bool = True,
    ) -> Answer:
        message = self.message(operation, *attributes, job=job, target=target)
        return self.octets(message + document)

    def octets(self, body: bytes | Iterable[bytes], *, chunked: bool = False) -> Answer:
        peer = self.connection()
        try:
            path = urlsplit(self.uri).path or "/"
            peer.request("POST", path, body, self.all_headers(), encode_chunked=chunked)
            reply = peer.getresponse()
            data = reply.read()
        finally:
            peer.close()
        is_ipp = reply.headers.get("content-type") == "application/ipp"
        return Answer(reply.status, dict(reply.headers), ipp.decode(data)[0] if is_ipp else None)

    def print(
        self,
        document: bytes,
        *job: ipp.Attribute,
        title: str = "a letter",
        format: str = "application/pdf",
        operation: Iterable[ipp.Attribute] = (),
    ) -> Answer:
        """Print-Job."""
        return self.send(
            ipp.Operation.PRINT_JOB,
            ipp.attribute("job-name", ipp.name(title)),
            ipp.attribute("document-format", ipp.mime(format)),
            *operation,
            job=job,
            document=document,
        )

    def create(self, *job: ipp.Attribute, title: str = "a letter") -> Answer:
        return self.send(ipp.Operation.CREATE_JOB, ipp.attribute("job-name", ipp.name(title)), job=job)

    def add(self, number: int, document: bytes, *, last: bool, format: str = "application/pdf") -> Answer:
        """Send-Document."""
        return self.send(
            ipp.Operation.SEND_DOCUMENT,
            ipp.attribute("job-id", ipp.integer(number)),
            ipp.attribute("document-format", ipp.mime(format)),
            ipp.attribute("last-document", ipp.boolean(last)),
            document=document,
        )

    def on_job(self, operation: int, number: int, *attributes: ipp.Attribute) -> Answer:
        return self.send(operation, ipp.attribute("job-id", ipp.integer(number)), *attributes)

    def look(self, number: int) -> ipp.Group:
        """Get-Job-Attributes, all of them."""
        return self.on_job(ipp.Operation.GET_JOB_ATTRIBUTES, number).groups()[0]


def post(
    url: str, body: bytes | Iterable[bytes], headers: Mapping[str, str], *, chunked: bool = False
) -> tuple[int, dict[str, Any]]:
    """POST to a page's address; the status and the JSON that came."""
    parts = urlsplit(url)
    peer = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=60, context=trusting_anybody())
    try:
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        peer.request("POST", path, body, dict(headers), encode_chunked=chunked)
        reply = peer.getresponse()
        data = reply.read()
    finally:
        peer.close()
    return reply.status, json.loads(data) if data else {}


def sample(mark: str = "", pages: int = 1) -> bytes:
    """A small PDF of our own making; ``mark`` stands in it in clear."""
    body = bytearray(b"%PDF-1.4\n")
    offsets: list[int] = []

    def add(text: bytes) -> None:
        offsets.append(len(body))
        body.extend(b"%d 0 obj\n%s\nendobj\n" % (len(offsets), text))

    kids = b" ".join(b"%d 0 R" % (4 + 2 * page) for page in range(pages))
    add(b"<</Type/Catalog/Pages 2 0 R>>")
    add(b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, pages))
    add(b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
    for page in range(pages):
        content = b"BT /F1 18 Tf 72 760 Td (%s, page %d) Tj ET" % (mark.encode() or b"a page", page + 1)
        add(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents %d 0 R"
            b"/Resources<</Font<</F1 3 0 R>>>>>>" % (5 + 2 * page)
        )
        add(b"<</Length %d>>stream\n%s\nendstream" % (len(content), content))
    start = len(body)
    body.extend(b"xref\n0 %d\n0000000000 65535 f \n" % (len(offsets) + 1))
    body.extend(b"".join(b"%010d 00000 n \n" % offset for offset in offsets))
    body.extend(b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(offsets) + 1, start))
    return bytes(body)
