"""What file servers answer: multistatus of WebDAV, MLSD and LIST of FTP."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frisket.wire import ftp, webdav
from frisket.wire.errors import WireError

ANSWER = b"""<?xml version="1.0"?><d:multistatus xmlns:d="DAV:">
<d:response><d:href>/in/</d:href><d:propstat><d:prop><d:resourcetype><d:collection/></d:resourcetype></d:prop>
<d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>
<d:response><d:href>https://host/in/A%20letter%20%C3%BC.pdf</d:href><d:propstat><d:prop><d:resourcetype/>
<d:getcontentlength>12</d:getcontentlength><d:getetag>"e1"</d:getetag>
<d:getlastmodified>Fri, 20 Nov 2026 09:00:00 GMT</d:getlastmodified></d:prop><d:status>HTTP/1.1 200 OK</d:status>
</d:propstat><d:propstat><d:prop><d:getcontentlength>99</d:getcontentlength></d:prop>
<d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response>
<d:response><d:href>/in/sub/</d:href><d:propstat><d:prop><d:resourcetype><d:collection/></d:resourcetype></d:prop>
<d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>
<d:response><d:href>/in/../secret.pdf</d:href><d:propstat><d:prop/><d:status>HTTP/1.1 200 OK</d:status></d:propstat>
</d:response><d:response><d:href>/elsewhere/x.pdf</d:href></d:response></d:multistatus>"""

MLSD = (
    b"type=cdir;modify=20261120090000; .\r\n"
    b"type=file;size=12;modify=20261120090000;unique=ab; A letter \xc3\xbc.pdf\r\n"
    b"type=dir;modify=20261120090000; sub\r\ntype=OS.unix=slink:/etc/passwd;size=1; link\r\nnonsense\r\n"
    b"type=file;size=x; odd size\r\ntype=file;size=3; \xff\xfe\r\n"
)
LIST = (
    b"total 12\r\ndrwxr-xr-x    2 1000     1000         4096 Nov 20 09:00 sub\r\n"
    b"-rw-r--r--    1 ftp      ftp            12 Nov 20  2025 A letter \xc3\xbc.pdf\r\n"
    b"lrwxrwxrwx    1 0        0               3 Nov 20 09:00 link -> /etc/passwd\r\n"
    b"-rw-r--r--   1 owner group domain 7 2026-11-20 09:00 iso.pdf\r\n"
    b"11-20-26  09:00AM       <DIR>          dos folder\r\n11-20-2026  09:00                 42 dos.pdf\r\n"
)


def test_the_members_of_a_folder_are_what_lies_directly_in_it() -> None:
    found = webdav.children(webdav.read_multistatus(ANSWER, most=100), "/in")
    assert [(name, each.folder, each.octets) for name, each in found] == [
        ("A letter ü.pdf", False, 12),
        ("sub", True, None),
    ]
    assert (found[0][1].etag, found[0][1].modified) == ('"e1"', "Fri, 20 Nov 2026 09:00:00 GMT")


def test_no_more_is_kept_than_is_wanted() -> None:
    assert len(webdav.read_multistatus(ANSWER, most=2)) == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<",
        b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>',
        b"<a>" * 65 + b"</a>" * 65,
        b'<d:multistatus xmlns:d="DAV:"><d:response><d:href>' + b"x" * 9000 + b"</d:href></d:response></d:multistatus>",
        b'<?xml version="1.0" encoding="no-such"?><x/>',
    ],
    ids=["empty", "cut", "entities", "external", "deep", "long", "encoding"],
)
def test_an_answer_that_is_none_or_a_trap_is_refused(answer: bytes) -> None:
    with pytest.raises(WireError):
        webdav.read_multistatus(answer, most=10)


@pytest.mark.parametrize("at", range(0, len(ANSWER), 7))
def test_an_answer_cut_anywhere_is_refused(at: int) -> None:
    with pytest.raises(WireError):
        webdav.read_multistatus(ANSWER[:at], most=10)


@given(st.data())
def test_whatever_a_server_answers_only_a_wire_error_comes_out(data: st.DataObject) -> None:
    answer = bytearray(ANSWER)
    for _ in range(data.draw(st.integers(0, 12))):
        at = data.draw(st.integers(0, len(answer) - 1))
        answer[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    with suppress(WireError):
        for name, _ in webdav.children(webdav.read_multistatus(bytes(answer), most=10), "/in"):
            assert name not in (".", "..") and "/" not in name


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=100))
def test_a_path_in_a_request_line_has_no_sign_of_its_own(path: str) -> None:
    line = webdav.url_path(path)
    assert line.startswith("/") and line.isascii() and not set(line) & set(" \r\n?#\\")


def test_mlsd_tells_files_and_folders_and_leaves_out_the_rest() -> None:
    found = ftp.read_mlsd(MLSD, most=100)
    assert [(each.name, each.kind, each.octets) for each in found] == [
        ("A letter ü.pdf", "file", 12),
        ("sub", "folder", 0),
        ("link", "other", 1),
        ("odd size", "file", 0),
    ]
    assert found[0].stamp == "20261120090000:ab"


def test_list_is_read_in_both_forms_and_links_are_none_of_ours() -> None:
    found = {each.name: (each.kind, each.octets) for each in ftp.read_list(LIST, most=100)}
    assert found == {
        "sub": ("folder", 4096),
        "A letter ü.pdf": ("file", 12),
        "link -> /etc/passwd": ("other", 3),
        "iso.pdf": ("file", 7),
        "dos folder": ("folder", 0),
        "dos.pdf": ("file", 42),
    }


def test_what_lies_beyond_the_lines_that_are_looked_at_is_no_name_of_its_own() -> None:
    """A cut listing must not end in one line that holds all the others."""
    many = b"".join(b"type=file;size=1; %d.pdf\r\n" % number for number in range(50))
    assert [each.name for each in ftp.read_mlsd(b"nonsense\r\n" * 11 + many, most=5)] == []
    assert [each.name for each in ftp.read_mlsd(many, most=5)] == [f"{number}.pdf" for number in range(5)]


@given(st.data())
def test_whatever_a_listing_says_names_are_names(data: st.DataObject) -> None:
    octets = bytearray(data.draw(st.sampled_from((MLSD, LIST))))
    for _ in range(data.draw(st.integers(0, 20))):
        at = data.draw(st.integers(0, len(octets)))
        octets[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=5))
    for read in (ftp.read_mlsd, ftp.read_list):
        found = read(bytes(octets), most=5)
        assert len(found) <= 5
        assert all(each.name and "\n" not in each.name and "\0" not in each.name for each in found)


@given(st.binary(max_size=4000))
def test_any_octets_are_a_listing_of_something_or_nothing(octets: bytes) -> None:
    ftp.read_mlsd(octets, most=100)
    ftp.read_list(octets, most=100)
    ftp.features(octets.decode("latin-1"))
