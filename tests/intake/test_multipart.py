"""Forms as streams: whatever the cut of the packets, the same fields; whatever octets, only BadForm."""

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frisket.intake.multipart import BadForm, Field, Multipart, boundary_of

BOUNDARY = b"limit"
FORM = (
    b"preamble\r\n--limit\r\n"
    b'Content-Disposition: form-data; name="queue"\r\n\r\nsecure\r\n'
    b"--limit\r\n"
    b'Content-Disposition: form-data; name="empty"\r\n\r\n\r\n'
    b"--limit  \r\n"
    b'content-disposition: form-data; name="document"; filename="a \\"b\\" %22c%22.pdf"\r\n'
    b"Content-Type: application/pdf\r\n\r\n"
    b"%PDF-1.4\r\n--limi\r\n\r\n--limitless no\r\n-- binary \x00\xff\r\r\n\n"
    b"\r\n--limit--\r\nepilogue"
)
DOCUMENT = b"%PDF-1.4\r\n--limi\r\n\r\n"


async def pieces(octets: Iterable[bytes]) -> AsyncIterator[bytes]:
    for each in octets:
        yield each


async def read(octets: Iterable[bytes], boundary: bytes = BOUNDARY) -> list[tuple[Field, bytes]]:
    form = Multipart(boundary, pieces(octets))
    found = []
    while (field := await form.next()) is not None:
        data = bytearray()
        async for piece in form.data():
            data += piece
        found.append((field, bytes(data)))
    return found


def a_form(*values: tuple[str, bytes], boundary: bytes = BOUNDARY) -> bytes:
    body = b"".join(
        b'--%s\r\nContent-Disposition: form-data; name="%s"; filename="f"\r\n\r\n%s\r\n'
        % (boundary, name.encode(), value)
        for name, value in values
    )
    return body + b"--" + boundary + b"--\r\n"


def test_text_and_files_are_told_apart() -> None:
    whole = FORM.replace(b"\r\n\r\n--limitless no\r\n-- binary \x00\xff\r\r\n\n", b"")
    fields = asyncio.run(read([whole]))
    assert [(field.name, field.file_name) for field, _ in fields] == [
        ("queue", None), ("empty", None), ("document", 'a "b" "c".pdf'),
    ]  # fmt: skip
    assert [data for _, data in fields[:2]] == [b"secure", b""]
    assert fields[2][0].content_type == "application/pdf"


@given(st.lists(st.tuples(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.binary(max_size=300)), max_size=6))
def test_what_went_into_a_form_comes_out_of_it(values: list[tuple[str, bytes]]) -> None:
    boundary = b"a-boundary-that-is-not-in-the-values"
    found = asyncio.run(read([a_form(*values, boundary=boundary)], boundary))
    assert [(field.name, data) for field, data in found] == values


def test_a_form_cut_at_every_octet_gives_the_same_fields() -> None:
    form = a_form(("one", b"\r\n--limi"), ("two", b""), ("three", b"x--limit" * 3 + b"\r\n\r\n"))
    whole = asyncio.run(read([form]))
    assert [data for _, data in whole] == [b"\r\n--limi", b"", b"x--limit" * 3 + b"\r\n\r\n"]
    for at in range(1, len(form)):
        assert asyncio.run(read([form[:at], form[at:]])) == whole, at
    assert asyncio.run(read([form[at : at + 1] for at in range(len(form))])) == whole


def test_a_form_that_ends_early_is_no_form_wherever_it_ends() -> None:
    form = a_form(("one", b"value"))
    end = form.rindex(b"--limit--") + len(b"--limit--")
    for at in range(end):
        with pytest.raises(BadForm):
            asyncio.run(read([form[:at]]))


@given(st.binary(max_size=400))
def test_whatever_a_client_sends_only_bad_form_comes_out(octets: bytes) -> None:
    for form in (octets, b"--limit\r\n" + octets, FORM[:60] + octets + FORM[60:], FORM + octets):
        try:
            asyncio.run(read([form]))
        except BadForm:
            pass


def test_a_field_that_nobody_reads_is_passed_over() -> None:
    async def names() -> list[str]:
        form = Multipart(BOUNDARY, pieces([a_form(("one", b"x" * 1000), ("two", b"y"))]))
        found = []
        while (field := await form.next()) is not None:
            found.append(field.name)
        return found

    assert asyncio.run(names()) == ["one", "two"]


def test_too_many_fields_and_endless_headers_are_refused() -> None:
    with pytest.raises(BadForm, match="fields"):
        asyncio.run(read([a_form(*[("x", b"")] * 201)]))
    with pytest.raises(BadForm, match="header"):
        asyncio.run(read([b"--limit\r\n", *[b"X: " + b"a" * 4096] * 10]))


def test_a_text_field_has_a_limit() -> None:
    async def text() -> str:
        form = Multipart(BOUNDARY, pieces([a_form(("one", b"x" * 100))]))
        await form.next()
        return await form.text(limit=99)

    with pytest.raises(BadForm, match="too long"):
        asyncio.run(text())


@pytest.mark.parametrize(
    ("header", "boundary"),
    [
        (b"multipart/form-data; boundary=abc", b"abc"),
        (b'multipart/form-data; boundary="a b"; x=y', b"a b"),
        (b"Multipart/Form-Data; charset=utf-8; boundary=--x--", b"--x--"),
        (b"application/pdf", None),
        (b"", None),
    ],
)
def test_the_boundary_is_read_from_the_header(header: bytes, boundary: bytes | None) -> None:
    assert boundary_of(header) == boundary


def test_a_form_without_a_boundary_is_refused() -> None:
    with pytest.raises(BadForm):
        boundary_of(b"multipart/form-data")
