"""Documents the load is made of."""

import random

__all__ = ["Document", "pdf"]

TAG = 32  # octets that differ from job to job, so that no server can answer from what it has


class Document:
    """A document of one size in two halves; the tag of each job goes between them."""

    def __init__(self, head: bytes, tail: bytes) -> None:
        self.head = head
        self.tail = tail
        self.octets = len(head) + TAG + len(tail)

    def numbered(self, number: int) -> bytes:
        return b"%b%032d%b" % (self.head, number, self.tail)


def pdf(octets: int) -> Document:
    """A valid one-page PDF of about this size (never less than a page needs, some 900 octets)."""
    head = b"%PDF-1.4\n%"
    out, offsets = bytearray(head + b"0" * TAG + b"\n"), []

    def add(body: bytes) -> None:
        offsets.append(len(out))
        out.extend(b"%d 0 obj\n%b\nendobj\n" % (len(offsets), body))

    text = b"BT /F1 12 Tf 72 720 Td (a page of the benchmark) Tj ET"
    add(b"<</Type/Catalog/Pages 2 0 R>>")
    add(b"<</Type/Pages/Kids[3 0 R]/Count 1>>")
    add(b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>")
    add(b"<</Length %d>>stream\n%b\nendstream" % (len(text), text))
    add(b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
    fill = max(0, octets - len(out) - 260)
    block = random.Random(7).randbytes(min(max(fill, 1), 1 << 20)).replace(b"endstream", b"ENDSTREAM")
    stream = (block * (fill // len(block) + 1))[:fill]
    add(b"<</Length %d>>stream\n%b\nendstream" % (fill, stream))
    table = len(out)
    out.extend(b"xref\n0 %d\n0000000000 65535 f \n" % (len(offsets) + 1))
    for offset in offsets:
        out.extend(b"%010d 00000 n \n" % offset)
    out.extend(b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(offsets) + 1, table))
    return Document(head, bytes(out[len(head) + TAG :]))
