"""Office files that are archives: looked over before anything unpacks them (security-design section 11)."""

import zipfile

from frisket.prepress.inside.making import DOCUMENT, Refused, Task

__all__ = ["look_over"]

_SMALL = 64 << 20  # octets: below this a file of one colour may well shrink a thousand times


def look_over(task: Task) -> None:
    """Raises Refused: too much in it, folded too often, or not an archive at its end."""
    with open(DOCUMENT, "rb") as document:
        if document.read(4) != b"PK\x03\x04":
            return
    try:
        with zipfile.ZipFile(DOCUMENT) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
        raise Refused("damaged") from error
    unpacked = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    if len(entries) > task["entries"] or unpacked > task["unpacked"]:
        raise Refused("archive")
    if unpacked > _SMALL and unpacked > packed * task["ratio"]:
        raise Refused("archive")
    if len({(entry.header_offset) for entry in entries}) < len(entries):  # several names for the same octets
        raise Refused("archive")
    names = {entry.filename for entry in entries}
    if not {"[Content_Types].xml", "mimetype", "content.xml"} & names:
        raise Refused("archive")
