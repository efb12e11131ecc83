"""Small office files, made here: the least that is one. Stored, not compressed, so that the octets never change."""

import base64
import hashlib
import io
import struct
import zipfile
import zlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

__all__ = ["archive", "docx", "html_page", "locked_odt", "odt", "picture", "pptx", "rtf", "sheet_text", "xlsx"]

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_LINKS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_KINDS = "application/vnd.openxmlformats-officedocument"


def archive(entries: dict[str, bytes | str], *, how: int = zipfile.ZIP_STORED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", how) as out:
        for name, data in entries.items():
            info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            info.compress_type = how
            out.writestr(info, data)
    return made.getvalue()


def _package(main: str, kind: str, parts: dict[str, tuple[str, str]], more: dict[str, str] | None = None) -> bytes:
    """An Open Packaging file: main part, its kind, parts with their kinds, and further entries."""
    overrides = "".join(f'<Override PartName="/{name}" ContentType="{of}"/>' for name, (of, _) in parts.items())
    types = (
        f'{_XML}<Types xmlns="{_TYPES}"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>'
    )
    root = (
        f'{_XML}<Relationships xmlns="{_LINKS}"><Relationship Id="r1" Type="{_OFFICE}/officeDocument" '
        f'Target="{main}"/></Relationships>'
    )
    entries: dict[str, bytes | str] = {"[Content_Types].xml": types, "_rels/.rels": root}
    entries |= {name: f"{_XML}{text}" for name, (_, text) in parts.items()} | (more or {})
    return archive(entries)


def docx(*paragraphs: str, picture_from: str = "") -> bytes:
    """A Word document; picture_from: a picture that is linked from this address, not in the file."""
    w = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    body = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in paragraphs)
    more = {}
    if picture_from:
        body += _LINKED_PICTURE
        more["word/_rels/document.xml.rels"] = (
            f'{_XML}<Relationships xmlns="{_LINKS}"><Relationship Id="pic" Type="{_OFFICE}/image" '
            f'Target="{picture_from}" TargetMode="External"/></Relationships>'
        )
    text = f'<w:document xmlns:w="{w}"><w:body>{body}</w:body></w:document>'
    main = f"{_KINDS}.wordprocessingml.document.main+xml"
    return _package("word/document.xml", main, {"word/document.xml": (main, text)}, more)


_LINKED_PICTURE = (
    '<w:p><w:r><w:drawing><wp:inline xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing">'
    '<wp:extent cx="900000" cy="900000"/><wp:docPr id="1" name="p"/><a:graphic '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"><a:graphicData '
    'uri="http://schemas.openxmlformats.org/drawingml/2006/picture"><pic:pic '
    'xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture"><pic:nvPicPr><pic:cNvPr id="0" name="p"/>'
    '<pic:cNvPicPr/></pic:nvPicPr><pic:blipFill><a:blip r:link="pic" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"/><a:stretch><a:fillRect/>'
    '</a:stretch></pic:blipFill><pic:spPr><a:xfrm><a:off x="0" y="0"/><a:ext cx="900000" cy="900000"/></a:xfrm>'
    '<a:prstGeom prst="rect"/></pic:spPr></pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p>'
)


def xlsx(*rows: tuple[str | int, ...]) -> bytes:
    """A sheet of texts and numbers."""
    s = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"

    def cell(value: str | int) -> str:
        if isinstance(value, int):
            return f"<c><v>{value}</v></c>"
        return f'<c t="inlineStr"><is><t>{value}</t></is></c>'

    lines = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
    main, sheet = f"{_KINDS}.spreadsheetml.sheet.main+xml", f"{_KINDS}.spreadsheetml.worksheet+xml"
    parts = {
        "xl/workbook.xml": (
            main,
            f'<workbook xmlns="{s}" xmlns:r="{_OFFICE}"><sheets><sheet name="One" sheetId="1" r:id="r1"/></sheets>'
            "</workbook>",
        ),
        "xl/worksheets/sheet1.xml": (sheet, f'<worksheet xmlns="{s}"><sheetData>{lines}</sheetData></worksheet>'),
    }
    rels = (
        f'{_XML}<Relationships xmlns="{_LINKS}"><Relationship Id="r1" Type="{_OFFICE}/worksheet" '
        'Target="worksheets/sheet1.xml"/></Relationships>'
    )
    return _package("xl/workbook.xml", main, parts, {"xl/_rels/workbook.xml.rels": rels})


def pptx(text: str) -> bytes:
    """One slide with one text."""
    p, a = (
        "http://schemas.openxmlformats.org/presentationml/2006/main",
        "http://schemas.openxmlformats.org/drawingml/2006/main",
    )
    kinds = f"{_KINDS}.presentationml"
    names = f'xmlns:p="{p}" xmlns:a="{a}" xmlns:r="{_OFFICE}"'
    group = '<p:nvGrpSpPr><p:cNvPr id="1" name=""/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr/>'
    shape = (
        '<p:sp><p:nvSpPr><p:cNvPr id="2" name="t"/><p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr><a:xfrm>'
        '<a:off x="900000" y="900000"/><a:ext cx="6000000" cy="900000"/></a:xfrm><a:prstGeom prst="rect"/></p:spPr>'
        f"<p:txBody><a:bodyPr/><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"
    )
    parts = {
        "ppt/presentation.xml": (
            f"{kinds}.presentation.main+xml",
            f'<p:presentation {names}><p:sldIdLst><p:sldId id="256" r:id="r1"/></p:sldIdLst>'
            '<p:sldSz cx="9144000" cy="6858000"/><p:notesSz cx="6858000" cy="9144000"/></p:presentation>',
        ),
        "ppt/slides/slide1.xml": (
            f"{kinds}.slide+xml",
            f"<p:sld {names}><p:cSld><p:spTree>{group}{shape}</p:spTree></p:cSld></p:sld>",
        ),
    }
    rels = (
        f'{_XML}<Relationships xmlns="{_LINKS}"><Relationship Id="r1" Type="{_OFFICE}/slide" '
        'Target="slides/slide1.xml"/></Relationships>'
    )
    return _package("ppt/presentation.xml", "", parts, {"ppt/_rels/presentation.xml.rels": rels})


def odt(*paragraphs: str, macro: str = "", image_from: str = "") -> bytes:
    """An OpenDocument text. macro: a Basic module that runs when the document opens. image_from: a linked picture."""
    names = " ".join(
        f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{long}:1.0"'
        for short, long in (("office", "office"), ("text", "text"), ("script", "script"), ("draw", "drawing"))
    )
    names += ' xmlns:svg="urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0"'
    names += ' xmlns:xlink="http://www.w3.org/1999/xlink" office:version="1.3"'
    body = "".join(f"<text:p>{text}</text:p>" for text in paragraphs)
    if image_from:
        body += (
            '<text:p><draw:frame svg:width="2cm" svg:height="2cm" text:anchor-type="as-char"><draw:image '
            f'xlink:href="{image_from}" xlink:type="simple" xlink:actuate="onLoad"/></draw:frame></text:p>'
        )
    scripts = ""
    entries: dict[str, bytes | str] = {"mimetype": "application/vnd.oasis.opendocument.text"}
    files = ["content.xml"]
    if macro:
        scripts = (
            '<office:scripts><office:event-listeners><script:event-listener script:language="ooo:script" '
            'script:event-name="dom:load" xlink:type="simple" '
            'xlink:href="vnd.sun.star.script:Standard.Module1.Main?language=Basic&amp;location=document"/>'
            "</office:event-listeners></office:scripts>"
        )
        entries |= _basic(macro)
        files += [name for name in entries if name.startswith("Basic/")]
    entries["content.xml"] = (
        f"{_XML}<office:document-content {names}>{scripts}<office:body><office:text>{body}</office:text>"
        "</office:body></office:document-content>"
    )
    listed = "".join(f'<m:file-entry m:full-path="{name}" m:media-type="text/xml"/>' for name in files)
    entries["META-INF/manifest.xml"] = (
        f'{_XML}<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" m:version="1.3">'
        '<m:file-entry m:full-path="/" m:media-type="application/vnd.oasis.opendocument.text"/>'
        f"{listed}</m:manifest>"
    )
    return archive(entries)


def _basic(macro: str) -> dict[str, bytes | str]:
    library = 'xmlns:library="http://openoffice.org/2000/library" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return {
        "Basic/script-lc.xml": f'{_XML}<library:libraries {library}><library:library library:name="Standard" '
        'library:link="false"/></library:libraries>',
        "Basic/Standard/script-lb.xml": f'{_XML}<library:library {library} library:name="Standard" '
        'library:readonly="false" library:passwordprotected="false"><library:element library:name="Module1"/>'
        "</library:library>",
        "Basic/Standard/Module1.xml": f'{_XML}<script:module xmlns:script="http://openoffice.org/2000/script" '
        f'script:name="Module1" script:language="StarBasic">{macro}</script:module>',
    }


def rtf(text: str) -> bytes:
    return rb"{\rtf1\ansi\deff0{\fonttbl{\f0 Helvetica;}}\f0\fs24 " + text.encode("ascii") + rb"\par}"


def html_page(text: str, *, image_from: str = "") -> bytes:
    image = f'<img src="{image_from}" width="90" height="90">' if image_from else ""
    return f"<!doctype html><html><head><title>t</title></head><body><p>{text}</p>{image}</body></html>".encode()


def sheet_text(lines: int) -> str:
    return "".join(f"Line {number}\n" for number in range(1, lines + 1))


def picture(
    width: int = 60, height: int = 40, *, colour: tuple[int, int, int] = (200, 30, 40), says: tuple[int, int] = (0, 0)
) -> bytes:
    """A PNG of one colour (ISO/IEC 15948); says: a size it claims to have and has not."""
    line = b"\0" + bytes(colour) * width

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    pack = zlib.compressobj(1)
    packed = b"".join(pack.compress(line) for _ in range(height)) + pack.flush()
    head = struct.pack(">IIBBBBB", says[0] or width, says[1] or height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def locked_odt(password: str, *paragraphs: str) -> bytes:
    """An OpenDocument text that opens with its password only (OpenDocument 1.3, part 2, section 3.4)."""
    plain = zipfile.ZipFile(io.BytesIO(odt(*paragraphs))).read("content.xml")
    salt, start = b"s" * 16, b"i" * 16
    key = PBKDF2HMAC(hashes.SHA1(), 32, salt, 100_000).derive(hashlib.sha256(password.encode()).digest())
    pack = zlib.compressobj(6, zlib.DEFLATED, -15)
    packed = pack.compress(plain) + pack.flush()
    check = hashlib.sha256(packed[:1024]).digest()
    packed += bytes(15 - len(packed) % 16) + bytes([16 - len(packed) % 16])
    cipher = Cipher(algorithms.AES(key), modes.CBC(start)).encryptor()
    sealed = cipher.update(packed) + cipher.finalize()

    def told(octets: bytes) -> str:
        return base64.b64encode(octets).decode()

    spec = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
    manifest = (
        f'{_XML}<m:manifest xmlns:m="{spec}" m:version="1.3"><m:file-entry m:full-path="/" m:version="1.3" '
        'm:media-type="application/vnd.oasis.opendocument.text"/>'
        f'<m:file-entry m:full-path="content.xml" m:media-type="text/xml" m:size="{len(plain)}"><m:encryption-data '
        f'm:checksum-type="{spec}#sha256-1k" m:checksum="{told(check)}"><m:algorithm '
        f'm:algorithm-name="http://www.w3.org/2001/04/xmlenc#aes256-cbc" m:initialisation-vector="{told(start)}"/>'
        '<m:start-key-generation m:start-key-generation-name="http://www.w3.org/2000/09/xmldsig#sha256" '
        'm:key-size="32"/>'
        f'<m:key-derivation m:key-derivation-name="PBKDF2" m:key-size="32" m:iteration-count="100000" '
        f'm:salt="{told(salt)}"/></m:encryption-data></m:file-entry></m:manifest>'
    )
    entries: dict[str, bytes | str] = {"mimetype": "application/vnd.oasis.opendocument.text"}
    return archive(entries | {"content.xml": sealed, "META-INF/manifest.xml": manifest})
