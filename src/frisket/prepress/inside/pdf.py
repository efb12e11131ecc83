"""Page facts of a PDF (ISO 32000), read with pikepdf."""

import time

import pikepdf

from frisket.prepress.inside.colour import Colours
from frisket.prepress.inside.media import media_name
from frisket.prepress.inside.stream import Tell

__all__ = ["facts", "is_remains"]


def facts(tell: Tell) -> None:
    try:
        # By descriptor, not mapped: a mapping as large as the document would count as memory.
        with open(0, "rb", closefd=False) as source:
            with pikepdf.open(source, access_mode=pikepdf.AccessMode.stream, suppress_warnings=True) as document:
                _document(document, tell)
    except pikepdf.PasswordError:
        tell(problem="password")
    except MemoryError:
        raise
    except Exception:  # the top of a unit of work: whatever the library makes of a hostile document
        tell(problem="damaged")


def _document(document: pikepdf.Pdf, tell: Tell) -> None:
    pages = document.pages
    count = len(pages)
    tell(pages=count)
    if count == 0:
        tell(problem="damaged")
        return
    tell(media=_media(pages[0]), blank=is_blank(document))
    if is_remains(document):
        tell(pages=None, problem="damaged")
        return
    tell(colour=Colours(until=time.process_time() + 20).anywhere(document))


# What marks paper: paths, letters, pictures, shadings and forms (ISO 32000-1 annex A).
_MARKS = "S s f F f* B B* b b* Tj TJ ' \" Do sh BI ID EI"
_SMALL = 512  # octets of a page's content: what is longer marks something, and is not worth reading for this


_SEARCHED = "file is damaged"  # how the library begins to say that it does without the file's own index


def is_blank(document: pikepdf.Pdf) -> bool:
    """Does no page mark anything? An interpreter makes an empty sheet of what it cannot read."""
    for page in document.pages:
        content = page.obj.get("/Contents", pikepdf.Array())
        streams = list(content) if isinstance(content, pikepdf.Array) else [content]
        if page.obj.get("/Annots") or sum(int(each.get("/Length", 0)) for each in streams) > _SMALL:
            return False
        if pikepdf.parse_content_stream(page, _MARKS):
            return False
    return True


def is_remains(document: pikepdf.Pdf) -> bool:
    """Had its objects to be searched for, and are there but empty pages? A device would print just those."""
    return any(_SEARCHED in str(each) for each in document.get_warnings()) and is_blank(document)


def _media(page: pikepdf.Page) -> str:
    """The sheet of a page: its crop box, in user units; rotation does not change the name."""
    box = [float(edge) for edge in page.cropbox]
    unit = float(page.obj.get("/UserUnit", 1))
    return media_name(abs(box[2] - box[0]) * unit, abs(box[3] - box[1]) * unit)
