"""Pages, colour and sheets of documents."""

import io
import json
import os
from pathlib import Path
from struct import pack_into

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frisket import prepress
from frisket.prepress.inside import postscript, raster
from frisket.prepress.inside.media import media_name
from frisket.prepress.inside.stream import Stream, TooShort
from frisket.prepress.pagefacts import _checked

pytestmark = pytest.mark.usefixtures("walls")


def facts(document: bytes, format: str = "application/pdf") -> prepress.PageFacts:
    return prepress.facts(iter([document[:7], document[7:]]), format)


def test_a_plain_pdf_is_counted_measured_and_gray(pdf):
    assert facts(pdf(3)) == prepress.PageFacts(3, False, "iso_a4_210x297mm")


def test_a_pdf_is_found_behind_an_unspoken_format(pdf):
    assert facts(pdf(2), "application/octet-stream").pages == 2


@pytest.mark.parametrize(
    ("size", "name"),
    [
        ((842, 595), "iso_a4_210x297mm"),
        ((612, 792), "na_letter_8.5x11in"),
        ((842, 1191), "iso_a3_297x420mm"),
        ((200, 300), "custom_70.6x105.8mm_70.6x105.8mm"),
    ],
)
def test_the_sheet_is_named_whichever_way_it_lies(pdf, size, name):
    assert facts(pdf(1, size)).media == name


@pytest.mark.parametrize(
    ("draw", "colour"),
    [
        (lambda paper: paper.setFillColorRGB(0.5, 0.5, 0.5), False),
        (lambda paper: paper.setFillColorRGB(1, 0, 0), True),
        (lambda paper: paper.setStrokeColorCMYK(0, 0, 0, 1), False),
        (lambda paper: paper.setStrokeColorCMYK(0.1, 0, 0, 0), True),
        (lambda paper: paper.linearGradient(0, 0, 9, 9, ("red", "blue")), True),
        (lambda paper: paper.drawInlineImage(picture("L"), 0, 0), False),
        (lambda paper: paper.drawInlineImage(picture("RGB"), 0, 0), True),
        (lambda paper: paper.drawImage(reader("RGB"), 0, 0), True),
        (lambda paper: paper.drawImage(reader("L"), 0, 0), False),
    ],
)
def test_colour_is_seen_in_operators_images_and_shadings(pdf, draw, colour):
    assert facts(pdf(1, draw=draw)).colour is colour


def made_by_hand(**page: object) -> bytes:
    """One A4 page with these entries, by the PDF library itself."""
    pikepdf = pytest.importorskip("pikepdf")
    made = pikepdf.new()
    made.add_blank_page(page_size=(595, 842))
    for name, value in page.items():
        made.pages[0].obj[f"/{name}"] = value(pikepdf, made)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


@pytest.mark.parametrize(("ink", "colour"), [([1, 0, 0], True), ([0.5, 0.5, 0.5], False), ([], False)])
def test_an_annotation_without_a_look_is_drawn_in_its_colour(ink, colour):
    document = made_by_hand(
        Annots=lambda pikepdf, made: [pikepdf.Dictionary(Type="/Annot", Subtype=pikepdf.Name.Highlight, C=ink)]
    )
    assert facts(document).colour is colour


@pytest.mark.parametrize(("content", "colour"), [(b"1 0 0 rg 0 0 9 9 re f", True), (b"0.5 g 0 0 9 9 re f", False)])
def test_letters_that_are_drawings_bring_their_colours(content, colour):
    def fonts(pikepdf, made):
        letters = pikepdf.Dictionary(a=made.make_stream(content))
        font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type3, CharProcs=letters)
        return pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=made.make_indirect(font)))

    assert facts(made_by_hand(Resources=fonts)).colour is colour


def test_a_form_that_shows_itself_ends():
    def resources(pikepdf, made):
        form = made.make_stream(b"/Again Do", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form)
        form.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Again=form))
        return pikepdf.Dictionary(XObject=pikepdf.Dictionary(Again=form))

    document = made_by_hand(Resources=resources, Contents=lambda pikepdf, made: made.make_stream(b"/Again Do"))
    assert facts(document) == prepress.PageFacts(1, False, "iso_a4_210x297mm")


def picture(mode):
    image = pytest.importorskip("PIL.Image")
    return image.new(mode, (4, 4), 1)


def reader(mode):
    utils = pytest.importorskip("reportlab.lib.utils")
    return utils.ImageReader(picture(mode))


def test_a_pdf_that_wants_a_password_says_so(pdf):
    encrypt = pytest.importorskip("reportlab.lib.pdfencrypt")
    assert facts(pdf(2, encrypt=encrypt.StandardEncryption("secret"))) == prepress.PageFacts(problem="password")
    assert facts(pdf(2, encrypt=encrypt.StandardEncryption("", "owner"))).pages == 2


@pytest.mark.filterwarnings("ignore:Encryption R=5 is deprecated")
@pytest.mark.parametrize("revision", [2, 3, 4, 5, 6])
def test_every_kind_of_encryption_opens_when_no_password_is_needed(revision):
    pikepdf = pytest.importorskip("pikepdf")
    made = pikepdf.new()
    made.add_blank_page(page_size=(595, 842))
    out = io.BytesIO()
    made.save(
        out, encryption=pikepdf.Encryption(owner="owner", user="", R=revision, aes=revision > 3, metadata=revision > 3)
    )
    assert facts(out.getvalue()) == prepress.PageFacts(1, False, "iso_a4_210x297mm", blank=True)


@pytest.mark.parametrize("document", [b"", b"%PDF-1.7 and then nothing", b"no document at all"])
def test_what_is_no_pdf_is_damaged(document):
    assert facts(document) == prepress.PageFacts(problem="damaged")


def test_a_pdf_that_inflates_beyond_memory_keeps_its_page_count():
    pikepdf = pytest.importorskip("pikepdf")
    bomb = pikepdf.new()
    bomb.add_blank_page(page_size=(595, 842))
    content = pikepdf.Stream(bomb, b"0 g\n" * (64 << 20 >> 2))
    bomb.pages[0].Contents = bomb.make_indirect(content)
    out = io.BytesIO()
    bomb.save(out, compress_streams=True)
    assert len(out.getvalue()) < 1 << 20
    found = prepress.facts(iter([out.getvalue()]), "application/pdf", limits=prepress.Limits(memory=160 << 20))
    assert found == prepress.PageFacts(1, None, "iso_a4_210x297mm", "memory")


def test_formats_that_cannot_be_counted_are_unknown_without_a_problem():
    assert prepress.facts(iter([b"some text"]), "text/plain") == prepress.PageFacts()
    assert facts(b"\x1bE some PCL", "application/octet-stream").problem == "unknown format"


def pwg(pages: int, *, space: int = 18, named: bytes = b"", width: int = 8, height: int = 4) -> bytes:
    header = bytearray(1796)
    header[:10] = b"PwgRaster\0"
    pack_into(">II", header, 352, 595, 842)
    pack_into(">IIIIII", header, 372, width, height, 0, 8, 8, width)
    pack_into(">I", header, 400, space)
    header[1732 : 1732 + len(named)] = named
    line = b"\x00\x07\xff"  # one line, eight white pixels
    return b"RaS2" + (bytes(header) + line * height) * pages


def urf(pages: int, *, space: int = 0, literal: bool = False) -> bytes:
    header = bytearray(32)
    header[0], header[1] = 8, space
    pack_into(">III", header, 12, 1654, 2339, 200)
    line = b"\x00" + (b"\x80" if not literal else b"\x81" + bytes(128) + b"\x80")
    return b"UNIRAST\0" + pages.to_bytes(4) + (bytes(header) + line * 2339) * pages


def test_raster_pages_are_walked_not_believed():
    assert facts(pwg(3), "image/pwg-raster") == prepress.PageFacts(3, False, "iso_a4_210x297mm")
    assert facts(pwg(1, space=19, named=b"iso_a3_297x420mm"), "image/pwg-raster").media == "iso_a3_297x420mm"
    assert facts(pwg(2, space=19), "application/octet-stream").colour is True
    assert facts(urf(2), "image/urf") == prepress.PageFacts(2, False, "iso_a4_210x297mm")
    assert facts(urf(1, space=1, literal=True), "image/urf").colour is True


def test_raster_that_ends_early_is_damaged():
    assert facts(pwg(2)[:-1], "image/pwg-raster").problem == "damaged"
    assert facts(b"RaS2junk", "image/pwg-raster").problem == "damaged"


def test_postscript_is_counted_by_its_comments():
    head = b"%!PS-Adobe-3.0\n%%Pages: (atend)\r\n%%DocumentMedia: A4 595 842 80 () ()\n%%DocumentProcessColors: Black\n"
    document = head + b"%%Page: 1 1\nshowpage\n%%Page: 2 2\nshowpage\n%%Trailer\n%%Pages: 2\n%%EOF\n"
    expected = prepress.PageFacts(2, False, "iso_a4_210x297mm")
    assert facts(document, "application/postscript") == expected
    assert facts(b"%!PS\nshowpage\n", "application/postscript").problem == "no page comments"


def test_a_photograph_is_one_page():
    out = io.BytesIO()
    picture("RGB").save(out, "JPEG")
    assert facts(out.getvalue(), "image/jpeg") == prepress.PageFacts(1, True)
    out = io.BytesIO()
    picture("L").save(out, "JPEG")
    assert facts(out.getvalue(), "image/jpeg").colour is False
    assert facts(out.getvalue()[:10], "image/jpeg").problem == "damaged"


def through_pipe(read, document: bytes) -> dict[str, object]:
    """What one of the streaming readers says, in this process: they use no document library."""
    memory = os.memfd_create("sample")
    try:
        os.write(memory, document)
        os.lseek(memory, 0, os.SEEK_SET)
        told: dict[str, object] = {}
        read(Stream(memory), lambda **facts: told.update(facts))
        return told
    finally:
        os.close(memory)


@given(st.integers(0, len(pwg(2))), st.sampled_from([raster.pwg, raster.urf, raster.jpeg, postscript.facts]))
def test_a_cut_document_is_too_short_or_counts_less(length, read):
    document = {raster.pwg: pwg(2), raster.urf: urf(2), raster.jpeg: b"\xff\xd8\xff\xe0\0\x10" + bytes(14)}.get(
        read, b"%!PS\n%%Pages: 2\n"
    )[:length]
    try:
        told = through_pipe(read, document)
    except TooShort:
        return
    assert told.get("pages") in (None, 0, 1, 2)


@given(st.binary(max_size=400), st.sampled_from([raster.pwg, raster.urf, raster.jpeg, postscript.facts]))
def test_whatever_the_octets_only_too_short_comes_out(data, read):
    start = {raster.pwg: b"RaS2PwgRaster\0", raster.urf: b"UNIRAST\0" + bytes(4), raster.jpeg: b"\xff\xd8"}
    try:
        through_pipe(read, start.get(read, b"%!PS\n") + data)
    except TooShort:
        pass


@given(st.floats(1, 20_000), st.floats(1, 20_000))
def test_turning_a_page_does_not_change_its_name(width, height):
    assert media_name(width, height) == media_name(height, width) != ""


@given(
    st.dictionaries(st.sampled_from(["pages", "colour", "media", "problem"]), st.integers() | st.text() | st.booleans())
)
def test_an_answer_from_inside_is_believed_only_where_it_fits(said):
    found = _checked(said, "")
    assert found.pages is None or 0 <= found.pages < 1 << 31
    assert found.colour in (None, True, False)
    assert found.media.isascii() and len(found.media) <= 255


def corpus() -> list[dict[str, object]]:
    root = os.environ.get("FRISKET_CORPORA", "")
    file = Path(root) / "pdf" / "FACTS.jsonl"
    if not root or not file.exists():
        return []
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.long
@pytest.mark.skipif(not corpus(), reason="FRISKET_CORPORA names no folder with pdf/FACTS.jsonl")
def test_page_counts_of_the_corpus_are_those_of_other_tools():
    root = Path(os.environ["FRISKET_CORPORA"]) / "pdf"
    wrong = []
    for row in corpus():
        file = root / str(row["path"])
        if row.get("agree") in (4, 5) and row.get("pages") and file.exists() and not row.get("needs_password"):
            found = facts(file.read_bytes())
            if found.pages != row["pages"]:
                wrong.append((row["path"], row["pages"], found))
    assert wrong == []
