"""Page facts of a PDF (ISO 32000), read with pikepdf."""

import time

import pikepdf

from frisket.prepress.inside.colour import Colours
from frisket.prepress.inside.media import media_name
from frisket.prepress.inside.stream import Tell

__all__ = ["facts"]


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
    tell(media=_media(pages[0]))
    tell(colour=Colours(until=time.process_time() + 20).anywhere(document))


def _media(page: pikepdf.Page) -> str:
    """The sheet of a page: its crop box, in user units; rotation does not change the name."""
    box = [float(edge) for edge in page.cropbox]
    unit = float(page.obj.get("/UserUnit", 1))
    return media_name(abs(box[2] - box[0]) * unit, abs(box[3] - box[1]) * unit)
