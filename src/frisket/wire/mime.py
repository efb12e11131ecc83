"""Mail as it is written (RFC 5322, RFC 2045 to 2047, RFC 2231), read as a stream and never held as a whole.

`Reader` takes octets cut anywhere and gives events: the header of the mail, then for each leaf its beginning, its
decoded octets, its end. It does not descend into a mail inside a mail: whoever wants that says so elsewhere. Lines
may end in CRLF or LF, for mail stores hand out both. Whatever comes, nothing but MimeError is raised, and no more
than one header block or one undecided line is kept.
"""

import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from frisket.wire.errors import WireError

__all__ = [
    "Begin",
    "Data",
    "End",
    "Event",
    "Headers",
    "Limits",
    "MimeError",
    "Part",
    "Reader",
    "Top",
    "address_of",
    "message_ids",
    "parameters",
    "text_of",
]

_LONGEST_DELIMITER = 512  # octets of a line that may still be one: RFC 2046 allows 70, spaces may follow
_LONGEST_UNDECIDED = 65_536  # of quoted-printable without a line end
_MOST_FIELDS = 1_000
_MOST_PARAMETERS = 100
_LONGEST_TEXT = 4_000  # characters of one decoded field


class MimeError(WireError):
    """The mail breaks a limit or is cut. ``why`` is a keyword: too-large, header, parts, depth, cut."""

    def __init__(self, why: str, words: str) -> None:
        super().__init__(words)
        self.why = why


@dataclass(frozen=True, slots=True)
class Limits:
    message_bytes: int = 50 << 20
    header_bytes: int = 64 << 10  # of one header block
    parts: int = 200
    depth: int = 10


class Headers:
    """The fields of one header block in their order; names in lower case, values unfolded."""

    __slots__ = ("_fields",)

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self._fields = fields

    def first(self, name: str) -> str:
        """The first field of this name as it was written; "" when there is none."""
        return next((value for known, value in self._fields if known == name), "")

    def all(self, name: str) -> list[str]:
        return [value for known, value in self._fields if known == name]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._fields)

    def __contains__(self, name: object) -> bool:
        return any(known == name for known, _ in self._fields)


@dataclass(frozen=True, slots=True)
class Part:
    """A leaf. parents: the types of the multiparts around it, the outermost first."""

    number: int  # from 1, in the order of the mail
    type: str  # "application/pdf"
    options: Mapping[str, str]  # parameters of content-type
    disposition: str  # "", inline, attachment
    name: str  # of the file; "" when none was given. A claim, not a path
    encoding: str
    headers: Headers
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Top:
    headers: Headers


@dataclass(frozen=True, slots=True)
class Begin:
    part: Part


@dataclass(frozen=True, slots=True)
class Data:
    octets: bytes


@dataclass(frozen=True, slots=True)
class End:
    """damaged: the transfer encoding broke off, so octets are missing."""

    damaged: bool = False


Event = Top | Begin | Data | End


# -- fields ------------------------------------------------------------------------------------------------------

_ENCODED = re.compile(r"=\?([A-Za-z0-9_.:-]{1,40})(?:\*[A-Za-z-]{0,20})?\?([bBqQ])\?([^?\s]{0,1000})\?=")
_TOKEN = re.compile(r"[^\s\x00-\x1f()<>@,;:\\\"/\[\]?=]{1,127}")
_PARAMETER = re.compile(r';\s*([^\s=;"]{1,80})\s*=\s*(?:"((?:[^"\\]|\\.){0,2000})"|([^;]{0,2000}))', re.DOTALL)
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_SECTION = re.compile(r"([^*]{1,80})(?:\*(\d{1,3}))?(\*)?")
_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}){0,30}"
    r"@[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9-]{1,63}){0,20}"
)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_ID = re.compile(r"<([^<>\s]{1,250})>")
_CHARSETS: Final = {
    "utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "iso-8859-2", "iso-8859-5", "iso-8859-7", "iso-8859-9",
    "iso-8859-15", "latin1", "windows-1250", "windows-1251", "windows-1252", "windows-1253", "windows-1254",
    "cp1250", "cp1251", "cp1252", "koi8-r", "koi8-u", "gb2312", "gbk", "gb18030", "big5", "euc-jp", "shift_jis",
    "iso-2022-jp", "euc-kr", "ks_c_5601-1987", "utf-16", "utf-16le", "utf-16be", "macintosh",
}  # fmt: skip


def decoded(octets: bytes, charset: str) -> str:
    """Text in a charset of mail; what cannot be read becomes U+FFFD, an unknown charset is read as UTF-8."""
    known = charset.lower() if charset.lower() in _CHARSETS else "utf-8"
    return octets.decode(known, "replace")


def text_of(value: str) -> str:
    """A field as its reader sees it: encoded words opened (RFC 2047), cut at 4,000 characters."""
    out, at, before = [], 0, False
    for found in _ENCODED.finditer(value[: 4 * _LONGEST_TEXT]):
        between = value[at : found.start()]
        if not (before and not between.strip()):  # blank between two encoded words is not text
            out.append(between)
        out.append(_word(found[1], found[2], found[3]))
        at, before = found.end(), True
    out.append(value[at : 4 * _LONGEST_TEXT])
    return "".join(out)[:_LONGEST_TEXT]


def _word(charset: str, kind: str, text: str) -> str:
    raw = text.encode("utf-8", "replace")
    if kind in "qQ":
        return decoded(binascii.a2b_qp(raw, header=True), charset)
    try:
        return decoded(binascii.a2b_base64(raw + b"=" * (-len(raw) % 4)), charset)
    except binascii.Error:
        return "�"


def parameters(value: str) -> tuple[str, dict[str, str]]:
    """The word a structured field begins with, in lower case, and its parameters (RFC 2045, RFC 2231)."""
    value = value[: 2 * _LONGEST_TEXT]
    head = value.partition(";")[0].strip().lower()[:200]
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[bool, str]]] = {}
    for count, found in enumerate(_PARAMETER.finditer(value)):
        if count >= _MOST_PARAMETERS:
            break
        quoted, bare = found[2], found[3]
        text = re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL) if quoted is not None else bare.strip()
        section = _SECTION.fullmatch(found[1].lower())
        if section is None:
            continue
        name, number, extended = section[1], section[2], section[3] is not None
        if number is None and not extended:
            plain.setdefault(name, text_of(text))
        else:
            pieces.setdefault(name, {}).setdefault(int(number or 0), (extended, text))
    for name, numbered in pieces.items():
        plain[name] = _joined(numbered)
    return head, plain


def _octet(found: re.Match[bytes]) -> bytes:
    return bytes.fromhex(found[1].decode())


def _joined(numbered: dict[int, tuple[bool, str]]) -> str:
    octets, charset = bytearray(), "utf-8"
    for place, (number, (extended, text)) in enumerate(sorted(numbered.items())):
        if number != place:
            break
        if extended and place == 0 and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        raw = text.encode("utf-8", "replace")
        octets += _PERCENT.sub(_octet, raw) if extended else raw
    return decoded(bytes(octets), charset)


def address_of(value: str) -> str | None:
    """The one address a field holds, as written; None for none, for several, and for anything doubtful.

    Narrower than RFC 5322 on purpose: two readers must not see two senders in one field.
    """
    if len(value) > _LONGEST_TEXT:
        return None
    bare = _QUOTED.sub(" ", value)
    while (inner := re.sub(r"\([^()]*\)", " ", bare)) != bare:
        bare = inner
    if any(mark in bare for mark in '()";:,\\[]\r\n\0'):
        return None
    opened, closed = bare.count("<"), bare.count(">")
    if opened == 0 and closed == 0:
        text = bare.strip()
    elif opened == 1 and closed == 1 and bare.rstrip().endswith(">") and "@" not in bare.partition("<")[0]:
        text = bare.partition("<")[2].rstrip()[:-1].strip()
    else:
        return None
    return text if _ADDRESS.fullmatch(text) and len(text) <= 254 else None


def message_ids(value: str) -> list[str]:
    """The identifiers between angle brackets of message-id, in-reply-to or references."""
    return _ID.findall(value[:_LONGEST_TEXT])


def _header_text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _headers(lines: list[bytes]) -> Headers:
    fields: list[tuple[str, bytearray]] = []
    for line in lines:
        if line[:1] in b" \t" and fields:
            fields[-1][1].extend(b" " + line.strip())
        else:
            name, _, value = line.partition(b":")
            fields.append((name.strip().lower().decode("latin-1"), bytearray(value.strip())))
    return Headers([(name, _header_text(bytes(value)).replace("\0", "")) for name, value in fields])


_FIELD_START = re.compile(rb"[!-9;-~]{1,200}[ \t]*:")


# -- transfer encodings ------------------------------------------------------------------------------------------

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_NOT_BASE64 = bytes(octet for octet in range(256) if octet not in _ALPHABET)


class _Base64:
    """Decodes as it comes; line ends and strange octets are passed over, padding ends it."""

    def __init__(self) -> None:
        self._rest = b""
        self._over = False

    def feed(self, data: bytes) -> bytes:
        if self._over:
            return b""
        clean = self._rest + data.translate(None, _NOT_BASE64)
        end = clean.find(b"=")
        if end >= 0:
            self._over, self._rest = True, clean[:end]
            return b""
        whole = len(clean) - len(clean) % 4
        self._rest = clean[whole:]
        return binascii.a2b_base64(clean[:whole])

    def finish(self) -> tuple[bytes, bool]:
        whole = len(self._rest) - len(self._rest) % 4
        rest, octets = self._rest[whole:], binascii.a2b_base64(self._rest[:whole])
        if len(rest) == 1:
            return octets, True
        return octets + (binascii.a2b_base64(rest + b"=" * (4 - len(rest))) if rest else b""), False


class _QuotedPrintable:
    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        data = self._rest + data
        cut = data.rfind(b"\n") + 1
        if not cut and len(data) > _LONGEST_UNDECIDED:
            cut = len(data) - 3  # an escape may be under way in the last octets
            cut -= next((back for back in (1, 2) if data[cut - back : cut - back + 1] == b"="), 0)
        self._rest = data[cut:]
        return binascii.a2b_qp(data[:cut])

    def finish(self) -> tuple[bytes, bool]:
        return binascii.a2b_qp(self._rest), False


class _Plain:
    def feed(self, data: bytes) -> bytes:
        return data

    def finish(self) -> tuple[bytes, bool]:
        return b"", False


def _decoder(encoding: str) -> _Base64 | _QuotedPrintable | _Plain:
    if encoding == "base64":
        return _Base64()
    return _QuotedPrintable() if encoding == "quoted-printable" else _Plain()


# -- the mail ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Level:
    """A multipart that is open."""

    type: str
    mark: bytes  # "--" and its boundary


@dataclass(slots=True)
class Reader:
    """Feed it octets, then call finish() once. Raises MimeError; after that it is of no use."""

    limits: Limits = field(default_factory=Limits)
    _held: bytes = b""
    _seen: int = 0
    _lines: list[bytes] = field(default_factory=list)  # of the header under way
    _header_octets: int = 0
    _fields: int = 0
    _in_header: bool = True
    _top: bool = True
    _levels: list[_Level] = field(default_factory=list)
    _numbers: int = 0
    _sections: int = 0
    _into: _Base64 | _QuotedPrintable | _Plain | None = None  # None: preamble or epilogue, kept nowhere
    _at_start: bool = False  # the held octets begin a line

    def feed(self, data: bytes) -> list[Event]:
        self._seen += len(data)
        if self._seen > self.limits.message_bytes:
            raise MimeError("too-large", f"a mail of more than {self.limits.message_bytes} octets")
        self._held += data
        return list(self._work(last=False))

    def finish(self) -> list[Event]:
        """The end of the mail; what is open ends here. Raises MimeError for a mail that is only a header cut short."""
        events = list(self._work(last=True))
        if self._in_header:
            if self._held:
                self._take_line(self._held)
                self._held = b""
            events += self._end_header()
        if self._into is not None:
            events += self._content(self._held)
            events += self._end_leaf()
        self._held = b""
        return events

    def _work(self, *, last: bool) -> Iterator[Event]:
        while self._held:
            before = (len(self._held), self._in_header, self._at_start)
            yield from self._read_header(last) if self._in_header else self._read_body(last)
            if (len(self._held), self._in_header, self._at_start) == before:
                return

    # header

    def _read_header(self, last: bool) -> Iterator[Event]:
        start = 0
        while (end := self._held.find(b"\n", start)) >= 0:
            line = self._held[start:end].removesuffix(b"\r")
            if not line:
                start = end + 1
                self._held = self._held[start:]
                yield from self._end_header()
                return
            if not self._is_field(line) or self._delimiter(line)[0] is not None:
                self._held = self._held[start:]  # the blank line is missing: the body begins here
                yield from self._end_header()
                return
            self._take_line(line)
            start = end + 1
        self._held = self._held[start:]
        if self._header_octets + len(self._held) > self.limits.header_bytes:
            raise MimeError("header", f"a header of more than {self.limits.header_bytes} octets")

    def _is_field(self, line: bytes) -> bool:
        if line[:1] in (b" ", b"\t"):
            return bool(self._lines)
        if self._top and not self._lines and line.startswith(b"From "):
            return True  # the line some mail stores put before a mail
        return _FIELD_START.match(line) is not None

    def _take_line(self, line: bytes) -> None:
        self._header_octets += len(line)
        if self._header_octets > self.limits.header_bytes:
            raise MimeError("header", f"a header of more than {self.limits.header_bytes} octets")
        if self._top and not self._lines and line.startswith(b"From "):
            return
        self._fields += 1
        if self._fields > _MOST_FIELDS:
            raise MimeError("header", f"a header of more than {_MOST_FIELDS} lines")
        self._lines.append(line)

    def _end_header(self) -> list[Event]:
        headers, self._lines = _headers(self._lines), []
        self._header_octets = self._fields = 0
        self._in_header, self._at_start = False, True
        events: list[Event] = []
        if self._top:
            self._top = False
            events.append(Top(headers))
        self._sections += 1
        if self._sections > self.limits.parts:
            raise MimeError("parts", f"more than {self.limits.parts} parts")
        return events + self._enter(headers)

    def _enter(self, headers: Headers) -> list[Event]:
        """Begin what a header announces: a multipart, of which the preamble follows, or a leaf."""
        default = "message/rfc822" if self._levels and self._levels[-1].type == "multipart/digest" else "text/plain"
        type_, options = parameters(headers.first("content-type"))
        family, slash, kind = type_.partition("/")
        if not slash or not _TOKEN.fullmatch(family) or not _TOKEN.fullmatch(kind):
            type_ = default
        boundary = options.get("boundary", "").rstrip()
        if family == "multipart" and 0 < len(boundary) <= 200:
            if len(self._levels) >= self.limits.depth:
                raise MimeError("depth", f"parts inside parts more than {self.limits.depth} deep")
            self._levels.append(_Level(type_, b"--" + boundary.encode("utf-8", "replace")))
            return []
        disposition, more = parameters(headers.first("content-disposition"))
        encoding = headers.first("content-transfer-encoding").partition(";")[0].partition("(")[0].strip().lower()
        self._numbers += 1
        self._into = _decoder(encoding)
        name = more.get("filename") or options.get("name", "")
        parents = tuple(level.type for level in self._levels)
        part = Part(self._numbers, type_, options, disposition, name, encoding, headers, parents)
        return [Begin(part)]

    # body

    def _read_body(self, last: bool) -> Iterator[Event]:
        """Give out what cannot be part of a delimiter, and act on a delimiter that is whole."""
        held, look = self._held, 0
        while self._levels:
            line_at = 0 if look == 0 and self._at_start and held.startswith(b"--") else held.find(b"\n--", look) + 1
            if line_at == 0 and not (look == 0 and self._at_start and held.startswith(b"--")):
                break
            end = held.find(b"\n", line_at)
            if end < 0 and not last and len(held) - line_at <= _LONGEST_DELIMITER:
                yield from self._give(max(line_at - 2, 0))  # its line end goes with the delimiter
                return
            line = held[line_at : end if end >= 0 else len(held)]
            level, closing = self._delimiter(line)
            if level is not None:
                yield from self._content(held[: max(line_at - 1, 0)].removesuffix(b"\r"))
                self._held = held[end + 1 :] if end >= 0 else b""
                yield from self._turn(level, closing)
                return
            look = line_at + 2
        if last or not self._levels:
            yield from self._give(len(held))
        elif not (self._at_start and held == b"-"):
            yield from self._give(_safe(held))

    def _give(self, octets: int) -> Iterator[Event]:
        """Give out the first of the held octets as content."""
        content, self._held = self._held[:octets], self._held[octets:]
        if content:
            self._at_start = False
        yield from self._content(content)

    def _delimiter(self, line: bytes) -> tuple[int | None, bool]:
        """Which open multipart a line belongs to, the innermost first, and whether it closes it."""
        if len(line) > _LONGEST_DELIMITER:
            return None, False
        line = line.rstrip()
        for level in range(len(self._levels) - 1, -1, -1):
            mark = self._levels[level].mark
            if line == mark:
                return level, False
            if line == mark + b"--":
                return level, True
        return None, False

    def _turn(self, level: int, closing: bool) -> Iterator[Event]:
        if self._into is not None:
            yield from self._end_leaf()
        del self._levels[level + (0 if closing else 1) :]
        self._in_header = not closing
        self._at_start = True

    def _content(self, data: bytes) -> Iterator[Event]:
        if data and self._into is not None:
            octets = self._into.feed(data)
            if octets:
                yield Data(octets)

    def _end_leaf(self) -> Iterator[Event]:
        assert self._into is not None
        octets, damaged = self._into.finish()
        self._into = None
        if octets:
            yield Data(octets)
        yield End(damaged)


def _safe(held: bytes) -> int:
    """How many of these octets cannot begin a delimiter with its line end."""
    for tail in (b"\r\n-", b"\n-", b"\r\n", b"\n", b"\r"):
        if held.endswith(tail):
            return len(held) - len(tail)
    return len(held)
