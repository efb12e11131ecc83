"""Hostile names in hot folders and hostile listings of file servers: names are names, or the documented error."""

import os
import random

from tests.fuzz.campaign import ADOPTED, forms, run
from tests.fuzz.mutating import bent
from tests.wire.test_listings import ANSWER, LIST, MLSD

from frisket.intake.sources import address, names
from frisket.intake.sources.errors import BadSource
from frisket.wire import ftp, webdav
from frisket.wire.errors import WireError

PATHS = tuple(
    os.fsencode(each)
    for each in (
        "letter.pdf",
        "anna/A letter ü.pdf",
        ".frisket/x",
        "a/b/c/d/e/f/g/h",
        "~$x.docx",
        "日本語.pdf",
        "x (2).tar.gz",
    )
)
ADDRESSES = (b"/srv/in", b"smb://host/share/folder", b"davs://[2001:db8::1]:8443/in", b"ftps://files.example:990/a/b")
UPSETTING = (
    b"/", b"//", b"../", b"/..", b"\\", b"\0", b"\n", b"\xff", b"\xe2\x80\xae", b"\xed\xa0\x80", b".", b"~", b".part",
    b"x" * 260, b"a/" * 9, b"@", b":", b"[", b"%2e", b"?", b"#", b" ", "\u0130".encode(), "é".encode(),
)  # fmt: skip


def named(source: random.Random, octets: bytes) -> bool:
    """As a folder of this machine gives names: octets that may be no text."""
    path = os.fsdecode(octets)
    text = names.shown(path)
    assert len(text) <= 255 and all(char.isprintable() for char in text) and text.encode() is not None
    names.is_partial(names.leaf(path))
    plain = octets.replace(b"/", b"").replace(b"\0", b"")[:255]
    if plain:
        beside = os.fsencode(names.beside(os.fsdecode(plain), source.randint(1, 99)))
        assert 0 < len(beside) <= 255 and b"/" not in beside
    try:
        found = names.relative(path)
        assert not found.startswith("/") and ".." not in found.split("/")
        assert names.within("/in", path) == "/".join(part for part in ("in", found) if part)
    except BadSource:
        return False
    return True


@forms()
def test_mutated_names_of_files_are_names_or_refused(times: int) -> None:
    tally = run(times, 255, lambda source: bent(source, source.choice(PATHS), UPSETTING), named)
    assert min(tally.read, tally.refused) > times // 50


def addressed(source: random.Random, octets: bytes) -> bool:
    try:
        found = address.Address.read(octets.decode("utf-8", "surrogateescape"))
        assert address.Address.read(found.text) == found and "@" not in found.host
    except BadSource:
        return False
    return True


@forms(ADOPTED)
def test_mutated_addresses_of_places_are_read_the_same_twice_or_refused(times: int) -> None:
    tally = run(times, 3986, lambda source: bent(source, source.choice(ADDRESSES), UPSETTING), addressed)
    assert min(tally.read, tally.refused) > times // 50


MARKUP = (
    b"<", b">", b"&", b"&#0;", b"&#x110000;", b"<!DOCTYPE x>", b"<![CDATA[", b"]]>", b"<d:response>", b"</d:response>",
    b"%", b"%FF", b"%2F", b"../", b"\0", b"\xff", b"\r\n", b";", b"=", b"type=dir;", b"9" * 30, b"<a>" * 70,
    b"x" * 9000,
)  # fmt: skip


def listed(source: random.Random, octets: bytes) -> bool:
    if octets[:1] != b"<":
        for read in (ftp.read_mlsd, ftp.read_list):
            found = read(octets, most=5)
            assert len(found) <= 5 and all(each.name and "\n" not in each.name for each in found)
        ftp.features(octets.decode("latin-1"))
        return True
    try:
        resources = webdav.read_multistatus(octets, most=4)
    except WireError:
        return False
    assert len(resources) <= 4
    for name, _ in webdav.children(resources, "/in"):
        assert name not in (".", "..") and "/" not in name
    return True


@forms(ADOPTED)
def test_mutated_listings_of_file_servers_give_names_or_the_documented_error(times: int) -> None:
    tally = run(times, 4918, lambda source: bent(source, source.choice((ANSWER, MLSD, LIST)), MARKUP), listed)
    assert min(tally.read, tally.refused) > times // 50
