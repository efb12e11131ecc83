"""Office files that are archives: looked over before anything unpacks them (security-design section 11)."""

import re
import zipfile

from frisket.prepress.inside.making import DOCUMENT, Refused, Task

__all__ = ["is_binary", "is_locked", "look_over"]

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
    if not {"[Content_Types].xml", "mimetype", "content.xml"} & names:  # an archive of something else
        raise Refused("damaged")


_LOOK_FOR = 64 << 20  # octets; the signs stand near the beginning, but nothing says so
_SIGNS = (
    "EncryptedPackage".encode("utf-16-le"),  # [MS-OFFCRYPTO] 2.3.4.4: a newer kind inside the older container
    "EncryptedSummary".encode("utf-16-le"),  # [MS-PPT] 2.1.2
    b"\xdf\xc4\xd1\xf3",  # headerToken of [MS-PPT] 2.3.2, with which an encrypted presentation says so
)
_SHEET_PASSWORD = re.compile(rb"\x09\x08\x10\x00.{16}\x2f\x00", re.DOTALL)  # [MS-XLS] 2.4.117 right after BOF
_ODD = b"".join(b"\\x%02x" % each for each in range(1, 256, 2))
_WORD_PASSWORD = re.compile(rb"\xec\xa5.{9}[" + _ODD + b"]", re.DOTALL)  # fEncrypted of [MS-DOC] 2.5.2
_SECTOR = 512
_OLDER_CONTAINER = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # [MS-CFB] 2.2


def is_binary(name: str) -> bool:
    """Whether there are zeros in it: the office reads as text what it does not know, and prints the noise."""
    with open(name, "rb") as document:
        start = document.read(1 << 20)
    return b"\0" in start or start.startswith(_OLDER_CONTAINER)


def is_locked(name: str) -> bool:
    """Whether a file that could not be opened says that it wants a password."""
    with open(name, "rb") as document:
        data = document.read(_LOOK_FOR)
    if data.startswith(b"PK"):
        try:
            with zipfile.ZipFile(name) as archive, archive.open("META-INF/manifest.xml") as manifest:
                return b"encryption-data" in manifest.read(_LOOK_FOR)
        except (zipfile.BadZipFile, KeyError, ValueError, NotImplementedError, EOFError, RuntimeError):
            return False
    if any(sign in data for sign in _SIGNS) or _SHEET_PASSWORD.search(data):
        return True
    return any(_WORD_PASSWORD.match(data, at) for at in range(0, min(len(data), 1 << 20), _SECTOR))
