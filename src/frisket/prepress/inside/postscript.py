"""PostScript by its structuring comments; nothing is interpreted."""

import re

from frisket.prepress.inside.media import media_name
from frisket.prepress.inside.stream import Stream, Tell

__all__ = ["facts"]

_PAGES = re.compile(rb"%%Pages:\s*(\d{1,7})")
_MEDIA = re.compile(rb"%%DocumentMedia:\s*\S+\s+([\d.]{1,8})\s+([\d.]{1,8})")
_LONGEST_LINE = 4096


def facts(source: Stream, tell: Tell) -> None:
    declared: int | None = None
    colour: bool | None = None
    counted, media = 0, ""
    for line in source.lines(_LONGEST_LINE):
        if not line.startswith(b"%%"):
            continue
        if line.startswith(b"%%Page:"):
            counted += 1
        elif found := _PAGES.match(line):
            declared = int(found[1])
        elif (found := _MEDIA.match(line)) and not media:
            media = _media(found)
        elif line.startswith(b"%%DocumentProcessColors:"):
            words = line.split(b":", 1)[1].split()
            colour = None if not words or words[0] == b"(atend)" else words != [b"Black"]
    pages = counted or declared
    tell(pages=pages, colour=colour, media=media, problem="" if pages else "no page comments")


def _media(found: re.Match[bytes]) -> str:
    try:
        return media_name(float(found[1]), float(found[2]))
    except ValueError:
        return ""
