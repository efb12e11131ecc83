"""Documents into PDF, by the real programs behind the real walls."""

import io
import shutil
import socket
import subprocess
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from PIL import Image
from tests.samples import office
from tests.samples.make import pdf as sample_pdf

from frisket import prepress
from frisket.prepress import converting
from frisket.prepress.inside.archive import is_locked
from frisket.prepress.inside.making import Refused
from frisket.prepress.inside.picture import place
from frisket.prepress.inside.text import decoded, document_of, web_page

pytestmark = pytest.mark.usefixtures("walls")

OPEN_XML = "application/vnd.openxmlformats-officedocument."
DOCX, XLSX, PPTX = (
    OPEN_XML + kind for kind in ("wordprocessingml.document", "spreadsheetml.sheet", "presentationml.presentation")
)
ODT = "application/vnd.oasis.opendocument.text"
PDF = "application/pdf"
# One waits ahead: the second of two tests does not pay for the start of the office again.
BOUNDS = prepress.Bounds(ahead=1, ahead_s=30)

with_office = [
    pytest.mark.peer("libreoffice"),
    pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed"),
]
with_ghostscript = [
    pytest.mark.peer("ghostscript"),
    pytest.mark.skipif(shutil.which("gs") is None, reason="Ghostscript is not installed"),
]


def by_office(test):
    for mark in with_office:
        test = mark(test)
    return test


def by_ghostscript(test):
    for mark in with_ghostscript:
        test = mark(test)
    return test


@pytest.fixture(scope="module", autouse=True)
def tidy() -> Iterator[None]:
    yield
    prepress.shrink()


def convert(document: bytes, format: str, **more: object) -> prepress.Converted | prepress.Failed:
    pieces = iter([document[:100], document[100:]] if len(document) > 100 else [document])
    return prepress.convert(pieces, format, **{"bounds": BOUNDS, **more})  # type: ignore[arg-type]


def made(document: bytes, format: str, **more: object) -> bytes:
    found = convert(document, format, **more)
    assert isinstance(found, prepress.Converted), found
    assert found.pdf is not None and found.facts.pages
    with found.pdf as memory:
        return b"".join(memory.pieces())


def text_of(document: bytes) -> str:
    said = subprocess.run(["pdftotext", "-layout", "-", "-"], input=document, capture_output=True, check=True)
    return said.stdout.decode()


# -- what becomes PDF ------------------------------------------------------------------------------


@by_office
@pytest.mark.requirement("PREP-12")
@pytest.mark.parametrize(
    ("document", "format", "words"),
    [
        (office.docx("A letter.", "Two paragraphs."), DOCX, "A letter."),
        (office.odt("A letter.", "Two paragraphs."), ODT, "Two paragraphs."),
        (office.xlsx(("Name", 7), ("Sum", 4711)), XLSX, "4711"),
        (office.pptx("One slide"), PPTX, "One slide"),
        (office.rtf("Rich text"), "application/rtf", "Rich text"),
        (office.html_page("A mail"), "text/html", "A mail"),
        (b"a,b\n4711,2\n", "text/csv", "4711"),
        (b"Plain text\n", "text/plain", "Plain text"),
        (office.docx("Untold kind"), "application/vnd.openxmlformats-officedocument", "Untold kind"),
    ],
    ids=["docx", "odt", "xlsx", "pptx", "rtf", "html", "csv", "txt", "untold"],
)
def test_an_office_file_becomes_a_pdf_with_its_words(document, format, words):
    assert words in text_of(made(document, format))


@by_ghostscript
def test_postscript_becomes_pdf_page_by_page():
    source = (
        b"%!PS\n/Helvetica findfont 20 scalefont setfont 72 72 moveto (one) show showpage (two) 9 9 moveto showpage\n"
    )
    found = convert(source, "application/postscript")
    assert isinstance(found, prepress.Converted) and found.facts.pages == 2


@by_ghostscript
def test_encapsulated_postscript_is_as_large_as_it_says():
    source = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 10 20 210 120\n10 20 200 100 rectfill\n"
    with pikepdf.open(io.BytesIO(made(source, "application/eps"))) as document:
        box = [float(edge) for edge in document.pages[0].mediabox]
    assert [round(box[2] - box[0]), round(box[3] - box[1])] == [200, 100]


@by_ghostscript
def test_postscript_sees_no_file_and_no_other_program():
    source = b"%!PS\n{(/etc/passwd) (r) file pop (open) print} stopped {0 0 9 9 rectfill showpage} if "
    source += b"{(%pipe%ls) (r) file} stopped pop\n"
    found = convert(source, "application/postscript")
    assert isinstance(found, prepress.Converted) and found.facts.pages == 1


def picture_of(image: Image.Image, kind: str, **more: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def test_a_jpeg_stays_the_jpeg_it_is():
    photo = picture_of(Image.new("RGB", (300, 200), "red"), "JPEG")
    with pikepdf.open(io.BytesIO(made(photo, "image/jpeg"))) as document:
        shown = document.pages[0].get_images()["/Picture"]
        assert shown.Filter == "/DCTDecode" and shown.read_raw_bytes() == photo


@pytest.mark.parametrize(
    ("image", "kind", "pages"),
    [
        (Image.new("RGBA", (50, 40), (255, 0, 0, 0)), "PNG", 1),
        (Image.new("P", (50, 40)), "GIF", 1),
        (Image.new("1", (50, 40)), "TIFF", 1),
        (Image.new("RGB", (50, 40)), "WEBP", 1),
        (Image.new("I;16", (50, 40)), "PNG", 1),
        (Image.new("CMYK", (50, 40)), "TIFF", 1),
        (Image.new("RGB", (50, 40)), "BMP", 1),
    ],
    ids=["transparent", "palette", "one bit", "webp", "sixteen bits", "cmyk", "bmp"],
)
def test_pictures_of_every_kind_become_a_page(image, kind, pages):
    format = {"BMP": "image/bmp"}.get(kind, f"image/{kind.lower()}")
    found = convert(picture_of(image, kind), format)
    assert isinstance(found, prepress.Converted) and found.facts.pages == pages


def test_every_page_of_a_tiff_becomes_one():
    pages = [Image.new("L", (40, 60), shade) for shade in (0, 99, 255)]
    found = convert(picture_of(pages[0], "TIFF", save_all=True, append_images=pages[1:]), "image/tiff")
    assert isinstance(found, prepress.Converted) and found.facts.pages == 3


def test_a_transparent_picture_lies_on_white_paper():
    clear = picture_of(Image.new("RGBA", (8, 8), (0, 0, 0, 0)), "PNG")
    with pikepdf.open(io.BytesIO(made(clear, "image/png"))) as document:
        assert document.pages[0].get_images()["/Picture"].read_bytes() == b"\xff" * (8 * 8 * 3)


def test_a_photo_taken_across_lies_as_it_was_seen():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    photo = picture_of(Image.new("RGB", (400, 200), "blue"), "JPEG", exif=exif)
    with pikepdf.open(io.BytesIO(made(photo, "image/jpeg"))) as document:
        box = [float(edge) for edge in document.pages[0].mediabox]
    assert box[2] < box[3]


@pytest.mark.peer("heif-enc")
@pytest.mark.skipif(shutil.which("heif-enc") is None, reason="heif-enc is not installed")
def test_a_photo_of_a_phone_becomes_a_page(tmp_path: Path):
    (tmp_path / "photo.png").write_bytes(office.picture(64, 48))
    command = ["heif-enc", "-q", "60", str(tmp_path / "photo.png"), "-o", str(tmp_path / "photo.heic")]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    found = convert((tmp_path / "photo.heic").read_bytes(), "image/heic")
    assert isinstance(found, prepress.Converted) and found.facts.pages == 1 and found.facts.colour


@by_office
@pytest.mark.parametrize("encoding", ["utf-16-le", "cp1252"])
def test_text_of_every_encoding_keeps_its_letters(encoding):
    assert "Grüße, 5 €" in text_of(made("Grüße, 5 €\nund mehr von derselben Art\n".encode(encoding), "text/plain"))


@by_office
def test_text_lies_on_the_sheet_that_is_wanted_and_keeps_its_page_ends():
    letter = prepress.sheet_of("na_letter_8.5x11in")
    found = convert(b"one\n\ttabbed   and   spaced\n\x0ctwo\n", "text/plain", sheet=letter)
    assert isinstance(found, prepress.Converted)
    assert (found.facts.pages, found.facts.media) == (2, "na_letter_8.5x11in")


# -- what stays outside ----------------------------------------------------------------------------


class Listener:
    """Counts who connects."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.calls = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            self.calls += 1
            line.close()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listening = Listener()
    yield listening
    listening.close()


@by_office
def test_what_a_document_links_to_is_never_asked_for(listener: Listener, tmp_path: Path):
    address = f"http://127.0.0.1:{listener.port}/picture.png"
    linked = [
        (office.odt("Linked", image_from=address), ODT),
        (office.docx("Linked", picture_from=address), DOCX),
        (office.html_page("Linked", image_from=address), "text/html"),
    ]
    for document, format in linked:
        assert "Linked" in text_of(made(document, format))
    assert listener.calls == 0
    # The same file, outside: it is a link that would be followed.
    (tmp_path / "linked.html").write_bytes(linked[2][0])
    command = ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", "pdf"]
    subprocess.run([*command, "--outdir", tmp_path, tmp_path / "linked.html"], capture_output=True, timeout=120)
    assert listener.calls > 0


@by_office
def test_a_local_file_that_a_document_names_is_not_there(tmp_path: Path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(office.picture(30, 30))
    for document, format in (
        (office.html_page("Named", image_from=secret.as_uri()), "text/html"),
        (office.odt("Named", image_from=secret.as_uri()), ODT),
    ):
        with pikepdf.open(io.BytesIO(made(document, format))) as found:
            colours = [bytes(image.read_bytes()[:3]) for page in found.pages for image in page.get_images().values()]
        assert bytes((200, 30, 40)) not in colours


@by_office
def test_a_macro_does_not_run():
    macro = "Sub Main&#10;ThisComponent.Text.String = &quot;MACRO RAN&quot;&#10;End Sub&#10;"
    assert "MACRO" not in text_of(made(office.odt("Calm text", macro=macro), ODT))


# -- what cannot be made ---------------------------------------------------------------------------


@by_office
@pytest.mark.requirement("PREP-47")
def test_a_locked_office_file_opens_with_its_password_only():
    locked = office.locked_odt("open sesame", "Treasure")
    assert convert(locked, ODT) == prepress.Failed("password")
    assert convert(locked, ODT, password="wrong") == prepress.Failed("wrong-password")
    assert "Treasure" in text_of(made(locked, ODT, password="open sesame"))


def locked_pdf(user: str = "", owner: str = "owner", **allowed: bool) -> bytes:
    out = io.BytesIO()
    allow = pikepdf.Permissions(**allowed)
    with pikepdf.open(io.BytesIO(sample_pdf(2))) as document:
        document.save(out, encryption=pikepdf.Encryption(user=user, owner=owner, allow=allow))
    return out.getvalue()


def unlock(document: bytes, password: str = "") -> prepress.Converted | prepress.Failed:
    return prepress.unlock(iter([document]), bounds=BOUNDS, password=password)


@pytest.mark.requirement("PREP-47")
def test_a_pdf_with_a_password_is_opened_by_it_and_by_nothing_else():
    locked = locked_pdf(user="open sesame")
    assert unlock(locked) == prepress.Failed("password")
    assert unlock(locked, "wrong") == prepress.Failed("wrong-password")
    found = unlock(locked, "open sesame")
    assert isinstance(found, prepress.Converted) and found.pdf is not None and found.facts.pages == 2
    with found.pdf as memory, pikepdf.open(io.BytesIO(b"".join(memory.pieces()))) as opened:
        assert not opened.is_encrypted


def test_a_pdf_that_may_be_printed_stays_as_it_is():
    found = unlock(locked_pdf(modify_other=False, extract=False))
    assert isinstance(found, prepress.Converted) and found.pdf is None


def test_a_pdf_that_may_not_be_printed_wants_its_authors_password():
    forbidden = locked_pdf(owner="author", print_lowres=False, print_highres=False)
    assert unlock(forbidden) == prepress.Failed("forbidden")
    found = unlock(forbidden, "author")
    assert isinstance(found, prepress.Converted) and found.pdf is not None


def bomb() -> bytes:
    """A Word file of 300 MB of the same letter."""
    with zipfile.ZipFile(io.BytesIO(office.docx("x"))) as small:
        entries = {name: small.read(name) for name in small.namelist()}
    entries["word/media/a.xml"] = b"a" * (300 << 20)
    return office.archive(entries, how=zipfile.ZIP_DEFLATED)  # type: ignore[arg-type]


@by_office
@pytest.mark.parametrize(
    ("document", "format", "problem"),
    [
        (lambda: office.docx("cut off")[:-300], DOCX, "damaged"),
        (lambda: bytes(range(256)) * 40, DOCX, "damaged"),
        (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"noise" * 300, "application/x-ole-storage", "damaged"),
        (lambda: office.archive({"readme.txt": b"no document"}), DOCX, "damaged"),
        (bomb, DOCX, "archive"),
        (lambda: b"", "text/plain", "empty"),
        (lambda: b" \n\n", "text/plain", "empty"),
        (lambda: bytes(range(32)) * 100, "text/plain", "damaged"),
        (lambda: b"x\n" * 700_000, "text/plain", "pages"),
        (lambda: office.picture(30, 2, says=(30_000, 9_000)), "image/png", "pixels"),
        (lambda: office.picture(30, 20)[:-40], "image/png", "damaged"),
        (lambda: b"GIF89a nonsense", "image/gif", "damaged"),
    ],
    ids=[
        "cut",
        "noise",
        "old noise",
        "no office",
        "bomb",
        "nothing",
        "blank",
        "binary",
        "endless",
        "dots",
        "half",
        "gif",
    ],
)
def test_what_is_broken_or_too_much_is_answered_within_seconds(document, format, problem):
    octets = document()
    began = time.monotonic()
    found = convert(octets, format)
    assert isinstance(found, prepress.Failed) and found.problem == problem
    assert time.monotonic() - began < 20


@by_ghostscript
def test_a_broken_pdf_is_mended_where_somebody_can_read_it():
    broken = sample_pdf(3)
    broken = broken[: broken.rindex(b"xref") - 20]
    found = convert(broken, PDF)
    assert isinstance(found, prepress.Converted) and found.facts.pages == 3


@by_ghostscript
@pytest.mark.parametrize(
    "document",
    [
        lambda: b"%PDF-1.7\nnothing of what it says\n%%EOF\n",
        lambda: sample_pdf(2)[:600],  # nothing is left of it that could be read
        lambda: sample_pdf(8)[:2400],  # its pages are found again, and nothing that stood on them
    ],
    ids=["nothing", "beginning", "pages without content"],
)
def test_no_empty_sheets_are_made_of_a_pdf_that_cannot_be_read(document):
    assert convert(document(), PDF) == prepress.Failed("empty")
    assert unlock(document()) == prepress.Failed("damaged")
    found = prepress.facts(iter([document()]), PDF)
    assert (found.pages, found.problem) == (None, "damaged")


@by_ghostscript
def test_postscript_that_marks_nothing_is_no_document():
    assert convert(b"%!PS\n/x 1 def showpage\n", "application/postscript") == prepress.Failed("empty")


def test_an_empty_page_that_is_whole_stays_a_page():
    made = io.BytesIO()
    with pikepdf.new() as document:
        document.add_blank_page()
        document.save(made)
    found = prepress.facts(iter([made.getvalue()]), PDF)
    assert (found.pages, found.problem, found.blank) == (1, "", True)
    assert not prepress.facts(iter([sample_pdf(1)]), PDF).blank


@pytest.mark.parametrize(
    ("document", "locked"),
    [
        (bytes(512) + b"\xec\xa5" + bytes(9) + b"\x13" + bytes(500), True),  # Word, with another flag beside it
        (bytes(512) + b"\xec\xa5" + bytes(9) + b"\x12" + bytes(500), False),
        (bytes(700) + b"\xdf\xc4\xd1\xf3", True),  # PowerPoint
        (bytes(700) + b"\x5f\xc0\x91\xe3", False),
    ],
)
def test_older_office_files_say_that_they_are_locked(tmp_path: Path, document: bytes, locked: bool):
    (tmp_path / "file").write_bytes(document)
    assert is_locked(str(tmp_path / "file")) is locked


def test_a_format_nobody_can_read_here_is_said_so():
    assert convert(b"MZ", "application/x-msdownload") == prepress.Failed("unavailable")


@by_office
def test_a_document_that_takes_too_long_is_given_up():
    slow = prepress.Bounds(wall_s=0.3, ahead=0)
    assert convert(office.docx("x"), DOCX, bounds=slow) == prepress.Failed("slow", "wall")


def test_a_document_larger_than_it_may_be_is_given_up():
    narrow = prepress.Bounds(document=1000)
    assert convert(bytes(4000), "image/png", bounds=narrow) == prepress.Failed("large", "document")


def test_a_result_larger_than_it_may_be_is_given_up():
    noise = Image.effect_noise((700, 700), 90)
    narrow = prepress.Bounds(output=100_000)
    found = convert(picture_of(noise, "PNG"), "image/png", bounds=narrow)
    assert isinstance(found, prepress.Failed) and found.problem == "large"


# -- started ahead ---------------------------------------------------------------------------------


@by_office
def test_an_office_that_waits_takes_one_document_and_is_gone():
    ahead = converting._ahead(BOUNDS.limits())
    ahead.shrink()
    made(office.odt("first"), ODT)
    waiting = ahead._waiting[0]
    assert waiting.waits()
    made(office.odt("second"), ODT)
    assert not waiting.waits() and ahead._waiting[0] is not waiting


@by_office
def test_offices_that_wait_for_nothing_go_away():
    bounds = prepress.Bounds(ahead=1, ahead_s=0.2, wall_s=59)
    made(office.odt("only"), ODT, bounds=bounds)
    ahead = converting._ahead(bounds.limits())
    deadline = time.monotonic() + 20
    while ahead.waiting() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert ahead.waiting() == 0


# -- parts alone -----------------------------------------------------------------------------------


@given(st.binary(max_size=400))
def test_whatever_octets_come_they_are_text_or_refused(octets):
    assert isinstance(decoded(octets, stated_inside=True), str)
    try:
        etree.fromstring(document_of(octets, [595, 842], pages=3))
    except Refused:
        pass


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "cp1252"])
def test_every_encoding_of_text_is_told_from_the_others(encoding):
    text = "Grüße aus Köln, 5 €\nund mehr davon in lauter gewöhnlichen Worten"
    assert decoded(text.encode(encoding)) == text


def test_a_web_page_is_read_in_the_encoding_it_states():
    page = '<html><head><meta charset="iso-8859-2"></head>Příliš</html>'.encode("iso-8859-2")
    assert "Příliš" in decoded(page, stated_inside=True)


@given(st.text(max_size=200))
def test_text_in_the_file_that_is_made_is_the_text_that_came(text):
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        root = etree.fromstring(document_of(text.encode("utf-8", "ignore"), [595, 842], pages=10))
    except Refused:
        return
    told = "".join(root.itertext())
    assert [each for each in told if each.isalpha()] == [each for each in lines if each.isalpha()]


@given(st.binary(max_size=300))
def test_a_web_page_is_plain_letters_whatever_came(octets):
    try:
        assert web_page(octets, [595, 842]).isascii()
    except Refused:
        pass


@given(st.floats(0.1, 1e6), st.floats(0.1, 1e6), st.tuples(st.floats(100, 3000), st.floats(100, 3000)))
def test_a_picture_never_hangs_over_its_sheet(across, down, sheet):
    page_width, page_height, left, bottom, width, height = place(across, down, sheet)
    assert {round(page_width, 3), round(page_height, 3)} == {round(each, 3) for each in sheet}
    assert left >= -3.1 and bottom >= -3.1
    assert width <= page_width + 6.1 and height <= page_height + 6.1


@pytest.mark.parametrize(
    ("name", "sheet"),
    [
        ("iso_a4_210x297mm", (595, 842)),
        ("na_letter_8.5x11in", (612, 792)),
        ("custom_x_100.5x200mm", (285, 567)),
        ("stationery", None),
        ("iso_a4_210x297", None),
        ("bad_0x0mm", None),
    ],
)
def test_a_sheet_is_as_large_as_its_name_says(name, sheet):
    found = prepress.sheet_of(name)
    assert (found and tuple(round(each) for each in found)) == sheet
