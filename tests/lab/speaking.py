"""A small IPP client of the tests; HTTP by the standard library, octets by our codec."""

import http.client
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from frisket.wire import ipp

PDF = b"%PDF-1.4\n1 0 obj<</Type/Page>>endobj\n2 0 obj<</Type /Page>>endobj\n3 0 obj<</Type/Pages>>endobj\n%%EOF\n"


def blind_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def ask(
    uri: str,
    operation: int,
    *attributes: ipp.Attribute,
    job: list[ipp.Attribute] | None = None,
    document: Any = b"",
    timeout: float = 5,
) -> ipp.Message:
    """One operation on a connection of its own."""
    parts = urlsplit(uri)
    assert parts.hostname is not None
    connection: http.client.HTTPConnection
    if parts.scheme == "ipps":
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout, context=blind_context())
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    user = ipp.attribute("requesting-user-name", ipp.name("alice"))
    message = ipp.request(operation, 7, ipp.attribute("printer-uri", ipp.uri(uri)), user, *attributes)
    if job:
        message.groups.append(ipp.Group(ipp.Tag.JOB_GROUP, job))
    try:
        body = ipp.encode(message) + document
        connection.request("POST", parts.path, body, {"Content-Type": "application/ipp"})
        response = connection.getresponse()
        assert response.status == 200
        answer, _ = ipp.decode(response.read())
        return answer
    finally:
        connection.close()


def print_job(uri: str, document: bytes = PDF, *job: ipp.Attribute, timeout: float = 5) -> ipp.Message:
    format = ipp.attribute("document-format", ipp.mime("application/pdf"))
    return ask(uri, ipp.Operation.PRINT_JOB, format, job=list(job), document=document, timeout=timeout)


def job_state(uri: str, number: int) -> ipp.Group:
    answer = ask(uri, ipp.Operation.GET_JOB_ATTRIBUTES, ipp.attribute("job-id", ipp.integer(number)))
    assert answer.code == ipp.Status.OK
    return answer.job


def lines(folder: Path) -> list[str]:
    return (folder / "jobs.jsonl").read_text().splitlines()
