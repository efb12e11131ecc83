"""What a part of a mail is: something to print, something that only belongs to mail, or something we refuse.

First by its header, then by how its octets begin: those win over what the sender says. Nothing is opened here.
"""

from dataclasses import dataclass

from frisket.intake.sensing import UNSTATED, format_of_octets
from frisket.wire.mime import Part

__all__ = ["BODY", "Passed", "Printable", "Refusal", "judge", "judge_octets"]

BODY = frozenset({"text/plain", "text/html", "text/enriched", "text/richtext", "text/watch-html"})
_SIGNATURES = frozenset(
    {
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
        "application/pgp-signature",
        "application/pgp-keys",
    }
)
_ENCRYPTED = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime", "application/pgp-encrypted"})
_TNEF = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
_NOTES = frozenset({"message/delivery-status", "message/disposition-notification", "message/feedback-report"})
_ENCODINGS = frozenset({"", "7bit", "8bit", "binary", "base64", "quoted-printable"})
_OFFICE = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "odt": "application/vnd.oasis.opendocument.text",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odp": "application/vnd.oasis.opendocument.presentation",
    "odg": "application/vnd.oasis.opendocument.graphics",
}
_OLD_OFFICE = {
    "doc": "application/msword",
    "xls": "application/vnd.ms-excel",
    "ppt": "application/vnd.ms-powerpoint",
}
_OFFICE_BEGINS = (b"[Content_Types].xml", b"mimetype", b"_rels/", b"word/", b"xl/", b"ppt/", b"docProps/", b"customXml")
_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"BM", "image/bmp"),
    (b"{\\rtf", "application/rtf"),
)
_REFUSED_BEGINNINGS = (
    (b"\x78\x9f\x3e\x22", "tnef"),
    (b"Rar!\x1a\x07", "archive"),
    (b"7z\xbc\xaf\x27\x1c", "archive"),
    (b"\x1f\x8b", "archive"),
    (b"BZh", "archive"),
    (b"\xfd7zXZ\0", "archive"),
    (b"MZ", "program"),
    (b"\x7fELF", "program"),
    (b"#!", "program"),
    (b"-----BEGIN PGP MESSAGE", "encrypted"),
)


@dataclass(frozen=True, slots=True)
class Printable:
    """Try it: ``text`` where it is text in the charset its header names."""

    text: bool = False


@dataclass(frozen=True, slots=True)
class Passed:
    """Belongs to the mail and is neither printed nor told about."""


@dataclass(frozen=True, slots=True)
class Refusal:
    why: str  # a keyword


def judge(part: Part, *, print_body: bool) -> Printable | Passed | Refusal:
    """By the header of the part alone."""
    attached = part.disposition == "attachment" or bool(part.name)
    if part.type in _SIGNATURES or part.type in _NOTES:
        return Passed()
    if "multipart/encrypted" in part.parents:
        return Refusal("encrypted") if part.type == "application/pgp-encrypted" else Passed()
    if part.type in _ENCRYPTED or part.name.lower().endswith(".p7m"):
        return Refusal("encrypted")
    if part.type in _TNEF or part.name.lower() == "winmail.dat":
        return Refusal("tnef")
    if part.type == "message/external-body" or part.type == "message/partial":
        return Refusal("elsewhere")
    if part.type.startswith("message/"):
        return Refusal("mail-inside")
    if part.type.startswith("multipart/") or part.encoding not in _ENCODINGS:
        return Refusal("broken")
    if part.type in BODY and not attached:
        return Printable(text=True) if print_body and part.type == "text/plain" else Passed()
    if "multipart/alternative" in part.parents and not attached:
        return Passed()
    if "multipart/related" in part.parents and part.disposition != "attachment" and part.type.startswith("image/"):
        return Passed()  # a picture of the text: a logo, a signature
    return Printable(text=part.type in ("text/plain", "text/csv"))


def judge_octets(first: bytes, part: Part) -> str | Refusal:
    """The format of a document by how it begins (the first kilobyte), or why it is refused."""
    if not first:
        return Refusal("empty")
    for beginning, why in _REFUSED_BEGINNINGS:
        if first.startswith(beginning):
            return Refusal(why)
    if first.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip(first, part)
    if first.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _ole(part)
    if (found := format_of_octets(first)) != UNSTATED:
        return found
    for beginning, format in _PICTURES:
        if first.startswith(beginning):
            return format
    if first[:4] == b"RIFF" and first[8:12] == b"WEBP":
        return "image/webp"
    if b"\0" in first or first.startswith(b"\x1b"):
        return Refusal("unknown")
    if part.type == "text/html" or part.name.lower().endswith((".html", ".htm")):
        return "text/html"
    if part.type.startswith("text/") or part.name.lower().endswith((".txt", ".csv", ".log", ".md")):
        return "text/plain"
    return Refusal("unknown")


def _suffix(part: Part) -> str:
    return part.name.rpartition(".")[2].lower()


def _zip(first: bytes, part: Part) -> str | Refusal:
    """An office document is an archive too: told by the name of its first entry (APPNOTE 4.3.7)."""
    length = int.from_bytes(first[26:28], "little")
    if first[30 : 30 + length].startswith(_OFFICE_BEGINS):
        stated = part.type if part.type in _OFFICE.values() else ""
        return _OFFICE.get(_suffix(part), stated) or Refusal("unknown")
    encrypted = int.from_bytes(first[6:8], "little") & 1
    return Refusal("encrypted-archive" if encrypted else "archive")


def _ole(part: Part) -> str | Refusal:
    if _suffix(part) in _OLD_OFFICE:
        return _OLD_OFFICE[_suffix(part)]
    if _suffix(part) in _OFFICE:
        return Refusal("encrypted")  # what protects a modern office document with a password
    if part.type in _OLD_OFFICE.values():
        return part.type
    return Refusal("mail-inside" if _suffix(part) == "msg" else "unknown")
