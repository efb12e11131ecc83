"""Pictures on pages: each frame a page, as large as it says it is where that fits, never larger than the sheet."""

import zlib
from collections.abc import Iterator
from contextlib import suppress

import pikepdf
from PIL import Image, ImageOps

try:
    import pi_heif
except ImportError:  # not everybody wants what phones make
    pi_heif = None

from frisket.prepress.inside.making import DOCUMENT, Refused, Task, run
from frisket.prepress.inside.stream import Tell

__all__ = ["main", "place"]

_MARGIN = 12.0  # points: what printers cannot reach
_SCREEN_DPI = 96.0
_DPI = (50.0, 4800.0)  # what a file may say of itself and be believed
_COMPONENTS = {"1": 1, "L": 1, "RGB": 3, "CMYK": 4}
_SPACES = {"1": "/DeviceGray", "L": "/DeviceGray", "RGB": "/DeviceRGB", "CMYK": "/DeviceCMYK"}
_ORIENTATION = 0x0112  # Exif

# The unit square of PDF turned as Exif's orientations 1 to 8 say (JEITA CP-3451, tag 274).
_TURNED = {
    1: (1, 0, 0, 1, 0, 0),
    2: (-1, 0, 0, 1, 1, 0),
    3: (-1, 0, 0, -1, 1, 1),
    4: (1, 0, 0, -1, 0, 1),
    5: (0, -1, -1, 0, 1, 1),
    6: (0, -1, 1, 0, 0, 1),
    7: (0, 1, 1, 0, 0, 0),
    8: (0, 1, -1, 0, 1, 0),
}


def main() -> None:
    if pi_heif is not None:
        pi_heif.register_heif_opener()
    run(lambda: make)


def make(task: Task, result: int, tell: Tell) -> None:
    Image.MAX_IMAGE_PIXELS = task["pixels"]
    try:
        with Image.open(DOCUMENT) as image, pikepdf.new() as document:
            for frame in _frames(image, task):
                _page(document, frame, task["sheet"])
            with open(result, "wb", closefd=False) as out:
                document.save(out)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Refused("pixels") from error
    except (Refused, MemoryError):
        raise
    except Exception as error:  # the top of a unit of work: whatever the library makes of a hostile document
        raise Refused("damaged") from error


def _frames(image: Image.Image, task: Task) -> Iterator[Image.Image]:
    """Every page of a TIFF; of a moving picture the first one."""
    count = int(getattr(image, "n_frames", 1)) if image.format == "TIFF" else 1
    if count > task["pages"]:
        raise Refused("pages")
    left = task["pixels"]
    for number in range(count):
        if number:
            image.seek(number)
        left -= image.width * image.height
        if left < 0:
            raise Refused("pixels")
        image.load()
        yield image


def _page(document: pikepdf.Pdf, image: Image.Image, sheet: list[float]) -> None:
    orientation = image.getexif().get(_ORIENTATION, 1)
    turned = _TURNED.get(orientation, _TURNED[1]) if image.format == "JPEG" else _TURNED[1]
    dpi = _dpi(image)
    if image.format == "JPEG" and image.mode in ("L", "RGB", "CMYK"):
        shown = _as_it_is(document, image)
    else:
        image = ImageOps.exif_transpose(image)
        shown = _squeezed(document, image)
    across, down = image.width * 72 / dpi[0], image.height * 72 / dpi[1]
    if not turned[0]:
        across, down = down, across
    page_width, page_height, left, bottom, width, height = place(across, down, (sheet[0], sheet[1]))
    page = document.add_blank_page(page_size=(page_width, page_height))
    name = page.add_resource(shown, pikepdf.Name.XObject, pikepdf.Name("/Picture"))
    matrix = " ".join(f"{each:g}" for each in turned)
    drawn = f"q {width:.3f} 0 0 {height:.3f} {left:.3f} {bottom:.3f} cm {matrix} cm {name} Do Q"
    page.contents_add(drawn.encode())


def place(across: float, down: float, sheet: tuple[float, float]) -> tuple[float, float, float, float, float, float]:
    """Page width and height, then left, bottom, width and height of the picture on it; all in points.

    across, down: how large the picture is by itself. The page lies across when the picture does.
    """
    short, long = sorted(sheet)
    page_width, page_height = (long, short) if across > down else (short, long)
    fits = across <= page_width + 6 and down <= page_height + 6
    scale = 1.0
    if not fits:
        scale = min((page_width - 2 * _MARGIN) / across, (page_height - 2 * _MARGIN) / down)
    width, height = max(across * scale, 0.1), max(down * scale, 0.1)
    return page_width, page_height, (page_width - width) / 2, (page_height - height) / 2, width, height


def _dpi(image: Image.Image) -> tuple[float, float]:
    told = image.info.get("dpi", (0, 0))
    with suppress(TypeError, ValueError, ZeroDivisionError):
        across, down = float(told[0]), float(told[1])
        if _DPI[0] <= across <= _DPI[1] and _DPI[0] <= down <= _DPI[1]:
            return across, down
    return _SCREEN_DPI, _SCREEN_DPI


def _as_it_is(document: pikepdf.Pdf, image: Image.Image) -> pikepdf.Stream:
    """A JPEG needs no unpacking: PDF has the same compression (ISO 32000-1 7.4.8)."""
    with open(DOCUMENT, "rb") as source:
        shown = _stream(document, image, source.read(), "/DCTDecode")
    if image.mode == "CMYK" and "adobe" in image.info:  # written the other way round by what writes them
        shown.Decode = pikepdf.Array([1, 0] * 4)
    return shown


def _squeezed(document: pikepdf.Pdf, image: Image.Image) -> pikepdf.Stream:
    if image.mode not in _COMPONENTS:
        image = _plain(image)
    return _stream(document, image, zlib.compress(image.tobytes(), 6), "/FlateDecode")


def _plain(image: Image.Image) -> Image.Image:
    """On white paper, eight bits a colour."""
    if image.mode.startswith(("I", "F")):
        low, high = image.getextrema()
        most = 65535 if float(str(high)) > 255 else 255
        return image.point(lambda value: value * (255 / most)).convert("L") if low is not None else image.convert("L")
    if image.mode in ("LA", "PA", "RGBA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        paper.alpha_composite(image)
        return paper.convert("RGB")
    return image.convert("RGB")


def _stream(document: pikepdf.Pdf, image: Image.Image, data: bytes, how: str) -> pikepdf.Stream:
    made = pikepdf.Stream(document, data)
    made.Type, made.Subtype = pikepdf.Name.XObject, pikepdf.Name.Image
    made.Width, made.Height = image.width, image.height
    made.ColorSpace = pikepdf.Name(_SPACES[image.mode])
    made.BitsPerComponent = 1 if image.mode == "1" else 8
    made.Filter = pikepdf.Name(how)
    return made
