"""PWG raster (PWG 5102.4), Apple raster, and JPEG: pages by walking, never by what a header declares."""

import time
from struct import unpack_from

from frisket.prepress.inside.media import media_name
from frisket.prepress.inside.stream import Stream, Tell, TooShort

__all__ = ["jpeg", "pwg", "urf"]

_PWG_HEADER = 1796
_PWG_GRAY = (3, 18, 48)  # black, sGray, one device colour
_URF_GRAY = (0, 4)
_LONGEST_WALK_S = 40.0  # processor seconds; after that the declared count has to do
_LARGEST_PAGE = 1 << 31  # octets of one page, unpacked


def pwg(source: Stream, tell: Tell) -> None:
    if source.take(4) != b"RaS2":
        raise TooShort
    pages, colour, declared = 0, False, 0
    while source.peek(1):
        header = source.take(_PWG_HEADER)
        if not header.startswith(b"PwgRaster\0"):
            raise TooShort
        height, bits, line = unpack_from(">I", header, 376)[0], *unpack_from(">II", header, 388)
        colour = colour or unpack_from(">I", header, 400)[0] not in _PWG_GRAY
        if pages == 0:
            declared = unpack_from(">I", header, 452)[0]
            named = header[1732:1796].split(b"\0")[0].decode("ascii", "replace")
            tell(media=named or media_name(*unpack_from(">II", header, 352)))
        unit = max(1, bits // 8)
        if not _walk(source, height, line // unit, unit):
            tell(pages=declared or None, colour=colour or None, problem="declared" if declared else "too slow")
            return
        pages += 1
    tell(pages=pages, colour=colour)


def urf(source: Stream, tell: Tell) -> None:
    declared = int.from_bytes(source.take(12)[8:])
    declared = declared if declared < 0xFFFFFFFF else 0
    pages, colour = 0, False
    while source.peek(1):
        header = source.take(32)
        bits, space = header[0], header[1]
        width, height, dots = unpack_from(">III", header, 12)
        if dots == 0:
            raise TooShort
        colour = colour or space not in _URF_GRAY
        if pages == 0:
            tell(media=media_name(width * 72 / dots, height * 72 / dots))
        unit = max(1, bits // 8)
        if not _walk(source, height, width if bits >= 8 else (width * bits + 7) // 8, unit):
            tell(pages=declared or None, colour=colour or None, problem="declared" if declared else "too slow")
            return
        pages += 1
    tell(pages=pages, colour=colour)


def _walk(source: Stream, height: int, width: int, unit: int) -> bool:
    """Step over one page of run-length coded lines; width in units of so many octets. False: no time left."""
    if height * width * unit > _LARGEST_PAGE:
        raise TooShort
    line = 0
    while line < height:
        if time.process_time() > _LONGEST_WALK_S:
            return False
        line += source.take(1)[0] + 1
        _skip_line(source, width, unit)
    return True


def _skip_line(source: Stream, width: int, unit: int) -> None:
    """One coded line. Works on the buffer itself: this loop is where the time goes."""
    done = 0
    while done < width:
        buffer, at = source.buffer, source.at
        end = len(buffer)
        while done < width and at < end:
            run = buffer[at]
            if run < 128:
                step, done = 1 + unit, done + run + 1
            elif run == 128:
                step, done = 1, width
            else:
                step, done = 1 + (257 - run) * unit, done + 257 - run
            at += step
        if at <= end:
            source.at = at
            if done < width and not source.more():
                raise TooShort
        else:
            source.at = end
            source.skip(at - end)


def jpeg(source: Stream, tell: Tell) -> None:
    """One page; colour when the frame has more than one component."""
    if source.take(2) != b"\xff\xd8":
        raise TooShort
    while True:
        marker = source.take(2)
        if marker[0] != 0xFF:
            raise TooShort
        length = int.from_bytes(source.take(2))
        if 0xC0 <= marker[1] <= 0xCF and marker[1] not in (0xC4, 0xC8, 0xCC):
            tell(pages=1, colour=source.take(6)[5] > 1)
            return
        source.skip(max(0, length - 2))
