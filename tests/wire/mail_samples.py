"""Mails for the tests of the codec, and reading one to its end."""

from dataclasses import dataclass

from frisket.wire import mime


@dataclass
class Read:
    part: mime.Part
    octets: bytes
    damaged: bool = False


def read(mail: bytes, *, step: int = 0, limits: mime.Limits = mime.Limits()) -> tuple[mime.Headers, list[Read]]:
    """The header and the leaves; step: octets fed at once, 0 for all."""
    reader = mime.Reader(limits)
    events = []
    for at in range(0, len(mail), step or len(mail) or 1):
        events += reader.feed(mail[at : at + (step or len(mail))])
    events += reader.finish()
    top, found, current = None, [], None
    for event in events:
        if isinstance(event, mime.Top):
            assert top is None
            top = event.headers
        elif isinstance(event, mime.Begin):
            assert current is None
            current = Read(event.part, b"")
            found.append(current)
        elif isinstance(event, mime.Data):
            assert current is not None and event.octets
            current.octets += event.octets
        else:
            assert current is not None
            current.damaged, current = event.damaged, None
    assert top is not None and current is None
    return top, found


def crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


MIXED = crlf(
    """Received: from a by b
From: =?utf-8?q?J=C3=B6rg?= <joerg@office.example>
Subject: =?utf-8?b?w6Q=?= =?iso-8859-1?q?=F6?= plain
Message-ID: <one@office.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="outer =_1"

This is for old programs.
--outer =_1
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Gr=C3=BC=C3=9Fe, eine lange=
 Zeile=20
--inner
Content-Type: text/html

<p>--inner is no boundary here</p>
--inner--

--outer =_1
Content-Type: application/pdf; name="alt.pdf"
Content-Disposition: attachment; filename*0*=utf-8''%e2%82%ac%20; filename*1="rate.pdf"
Content-Transfer-Encoding: base64

JVBERi0x
LjQKJQ==
--outer =_1
Content-Type: application/octet-stream
Content-Disposition: attachment; filename="a \\"b\\".bin"

--outer =_
--outer
--outer =_1\x20\x20
Content-Type: message/rfc822

From: x@y.example
Content-Type: multipart/mixed; boundary=deep

--deep

a mail inside
--deep--
--outer =_1--
This is behind everything.
"""
)
SINGLE = crlf("From: a@b.example\nContent-Transfer-Encoding: base64\nContent-Type: application/pdf\n\nJVBERi0xLjQ=\n")
DIGEST = crlf(
    "Content-Type: multipart/digest; boundary=d\n\n--d\n\nFrom: a@b.example\n\none\n"
    "--d\n\nFrom: c@d.example\n\ntwo\n--d--\n"
)
CUT = crlf("Content-Type: multipart/mixed; boundary=q\n\n--q\nContent-Transfer-Encoding: base64\n\nJVBERi0xLjQKJ")
ALL = (MIXED, SINGLE, DIGEST, CUT)
