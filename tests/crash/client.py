"""A small IPP client over http.client: what a sender is, and what it remembers of each answer.

Whatever ends a connection early is ``Gone``: the sender got no answer and was promised nothing.
"""

import http.client
import itertools
import ssl
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from frisket.wire import ipp

__all__ = ["FORMAT", "Answer", "Gone", "NotBelieved", "Sender"]

FORMAT = "application/postscript"
_BROKEN = (http.client.HTTPException, OSError)


class Gone(Exception):
    """The house went away before it answered."""


class NotBelieved(Exception):
    """The password was wrong, or nobody is let in just now."""


@dataclass(frozen=True, slots=True)
class Answer:
    """status: of IPP. number, state: of the job, None where the answer names none."""

    status: int
    number: int | None
    state: int | None

    @property
    def ok(self) -> bool:
        return self.status < 0x0100

    @property
    def temporary(self) -> bool:
        """The sender is told to come again: no document was wrong (RFC 8011 appendix B.1.5)."""
        return self.status in (ipp.Status.TEMPORARY_ERROR, ipp.Status.BUSY, ipp.Status.NOT_ACCEPTING_JOBS)


class Sender:
    """One keep-alive connection to a queue, in somebody's name."""

    def __init__(self, queue_uri: str, person: str, *, password: str = "", timeout_s: float = 20) -> None:
        """password: offered by HTTP Basic; without one the stated name has to do."""
        self._headers = {"Content-Type": "application/ipp"}
        if password:
            self._headers["Authorization"] = "Basic " + b64encode(f"{person}:{password}".encode()).decode()
        self._uri = queue_uri
        self._person = person
        parts = urlsplit(queue_uri)
        self._path = parts.path
        self._line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
        if parts.scheme == "ipps":
            # Whose certificate it shows is not the subject here.
            trusting = ssl._create_unverified_context()
            self._line = http.client.HTTPSConnection(
                parts.hostname or "", parts.port, timeout=timeout_s, context=trusting
            )
        self._ids = itertools.count(1)

    def close(self) -> None:
        self._line.close()

    def __enter__(self) -> "Sender":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def print_job(self, document: bytes, *, title: str = "job", name: str = "") -> Answer:
        named = [ipp.attribute("job-name", ipp.name(title))]
        if name:
            named.append(ipp.attribute("document-name", ipp.name(name)))
        return self._ask(ipp.Operation.PRINT_JOB, *named, self._format(), document=document)

    def print_slowly(self, pieces: Iterable[bytes], *, title: str = "job") -> Answer:
        """In chunks, as they come from ``pieces``."""
        head = self._message(ipp.Operation.PRINT_JOB, ipp.attribute("job-name", ipp.name(title)), self._format())
        return self._answer(itertools.chain((head,), pieces))

    def create_job(self, *, title: str = "job") -> Answer:
        return self._ask(ipp.Operation.CREATE_JOB, ipp.attribute("job-name", ipp.name(title)))

    def send_document(self, number: int, document: bytes, *, last: bool) -> Answer:
        return self._ask(
            ipp.Operation.SEND_DOCUMENT,
            self._format(),
            ipp.attribute("last-document", ipp.boolean(last)),
            document=document,
            job=number,
        )

    def cancel(self, number: int) -> Answer:
        return self._ask(ipp.Operation.CANCEL_JOB, job=number)

    def state_of(self, number: int) -> Answer:
        return self._ask(ipp.Operation.GET_JOB_ATTRIBUTES, job=number)

    def _format(self) -> ipp.Attribute:
        return ipp.attribute("document-format", ipp.mime(FORMAT))

    def _message(self, operation: int, *attributes: ipp.Attribute, job: int | None = None) -> bytes:
        target = [ipp.attribute("printer-uri", ipp.uri(self._uri))]
        if job is not None:
            target.append(ipp.attribute("job-id", ipp.integer(job)))
        who = ipp.attribute("requesting-user-name", ipp.name(self._person))
        return ipp.encode(ipp.request(operation, next(self._ids), *target, who, *attributes))

    def _ask(self, operation: int, *attributes: ipp.Attribute, document: bytes = b"", job: int | None = None) -> Answer:
        return self._answer(self._message(operation, *attributes, job=job) + document)

    def _answer(self, body: bytes | Iterable[bytes]) -> Answer:
        try:
            self._line.request("POST", self._path, body, self._headers)
            response = self._line.getresponse()
            octets = response.read()
        except _BROKEN as error:
            self._line.close()
            raise Gone(type(error).__name__) from error
        if response.status == 401:
            raise NotBelieved
        if response.status != 200:
            # Words of the door instead of an answer: said before the house looked at the request.
            self._line.close()
            raise Gone(f"HTTP {response.status}")
        message, _ = ipp.decode(octets)
        return Answer(message.code, message.job.integer("job-id"), message.job.integer("job-state"))
