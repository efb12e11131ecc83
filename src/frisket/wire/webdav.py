"""WebDAV as a client needs it: what PROPFIND asks and what a multistatus answers (RFC 4918 sections 9.1 and 13)."""

import re
from dataclasses import dataclass, field
from xml.parsers import expat

from frisket.wire.errors import WireError

__all__ = ["PROPFIND", "Resource", "children", "read_multistatus", "url_path"]

# Live properties by name (RFC 4918 section 9.1): "allprop" may bring whatever a server likes.
PROPFIND = (
    b'<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/>'
    b"<getlastmodified/><getetag/></prop></propfind>"
)
_DAV = "DAV: "
_TEXTS = {"href", "status", "getcontentlength", "getlastmodified", "getetag"}
_LONGEST_TEXT = 8192
_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
_QUOTED = re.compile(rb"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


@dataclass(frozen=True, slots=True)
class Resource:
    """One response of a multistatus. ``path`` is decoded; ``octets`` is None where the server does not say."""

    path: str
    folder: bool
    octets: int | None
    modified: str  # as the server wrote it: an HTTP date
    etag: str


@dataclass(slots=True)
class _Response:
    texts: dict[str, str] = field(default_factory=dict)
    found: dict[str, str] = field(default_factory=dict)  # of the propstats that say 200
    now: dict[str, str] = field(default_factory=dict)  # of the propstat that is open
    folder: bool = False
    folder_now: bool = False
    in_propstat: bool = False


class _Reader:
    def __init__(self, most: int, deepest: int) -> None:
        self.resources: list[Resource] = []
        self._most, self._deepest = most, deepest
        self._path: list[str] = []
        self._text: list[str] | None = None
        self._length = 0
        self._response: _Response | None = None

    def start(self, name: str, _: object) -> None:
        self._path.append(name)
        if len(self._path) > self._deepest:
            raise WireError("the answer is nested too deeply")
        short = name.removeprefix(_DAV)
        if name == _DAV + "response":
            self._response = _Response()
        elif self._response is not None and name == _DAV + "propstat":
            self._response.now, self._response.folder_now, self._response.in_propstat = {}, False, True
        elif self._response is not None and name == _DAV + "collection":
            self._response.folder_now = True
        elif self._response is not None and name.startswith(_DAV) and short in _TEXTS:
            self._text, self._length = [], 0

    def data(self, text: str) -> None:
        if self._text is not None:
            self._length += len(text)
            if self._length > _LONGEST_TEXT:
                raise WireError("a value of the answer is too long")
            self._text.append(text)

    def end(self, name: str) -> None:
        self._path.pop()
        response, short = self._response, name.removeprefix(_DAV)
        if response is None:
            return
        if self._text is not None and name.startswith(_DAV) and short in _TEXTS:
            into = response.now if response.in_propstat else response.texts
            into.setdefault(short, "".join(self._text).strip())
            self._text = None
        elif name == _DAV + "propstat":
            if " 200" in response.now.get("status", ""):
                response.found.update(response.now)
                response.folder = response.folder or response.folder_now
            response.in_propstat = False
        elif name == _DAV + "response":
            self._add(response)
            self._response = None

    def _add(self, response: _Response) -> None:
        path = _decoded(response.texts.get("href", ""))
        length = response.found.get("getcontentlength", "")
        if path is None or len(self.resources) >= self._most:
            return  # a name that is no Unicode, by which nothing can be asked for; or more than are wanted
        self.resources.append(
            Resource(
                path,
                response.folder,
                int(length) if length.isascii() and length.isdigit() and len(length) < 19 else None,
                response.found.get("getlastmodified", ""),
                response.found.get("getetag", ""),
            )
        )


def _no_doctype(*_: object) -> None:
    raise WireError("the answer has a document type; none is read")


def read_multistatus(data: bytes, *, most: int, deepest: int = 64) -> list[Resource]:
    """The resources of a 207 answer.

    most: entries that are kept. deepest: nesting of elements. Raises WireError; a document type or entity is refused.
    """
    reader = _Reader(most, deepest)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.data
    parser.StartDoctypeDeclHandler = _no_doctype
    parser.EntityDeclHandler = _no_doctype
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise WireError("the answer is no XML that can be read") from error
    return reader.resources


def _decoded(href: str) -> str | None:
    """The path of a URL or of an absolute path (RFC 4918 section 8.3), its octets decoded; None for no Unicode."""
    path = _AUTHORITY.sub("", href, count=1).partition("?")[0].partition("#")[0]
    try:
        octets = path.encode("utf-8")
        return _QUOTED.sub(lambda found: bytes([int(found[1], 16)]), octets).decode("utf-8")
    except UnicodeError:
        return None


def children(resources: list[Resource], folder: str) -> list[tuple[str, Resource]]:
    """Name and resource of each member of a folder; ``folder`` is its decoded path. The folder itself is left out,
    and whatever does not lie directly in it: a server may answer anything."""
    inside = "/" + "/".join(part for part in folder.split("/") if part)
    prefix = inside.rstrip("/") + "/"
    found = []
    for resource in resources:
        if not resource.path.startswith(prefix):
            continue
        name = resource.path[len(prefix) :].removesuffix("/")
        if name and "/" not in name and name not in (".", ".."):
            found.append((name, resource))
    return found


def url_path(path: str) -> str:
    """A decoded path as it stands in a request line: every part quoted (RFC 3986 section 3.3)."""
    return "/" + "/".join(_quoted(part) for part in path.split("/") if part)


def _quoted(part: str) -> str:
    return "".join(chr(octet) if octet in _UNRESERVED else f"%{octet:02X}" for octet in part.encode("utf-8"))
