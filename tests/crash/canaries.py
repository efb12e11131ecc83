"""Words nobody could write by chance, and a search for them in every form a disk might keep them in."""

import base64
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

__all__ = ["forms_of", "found_in_folder", "found_in_image"]

_PIECE = 16 << 20


def forms_of(word: str) -> dict[str, bytes]:
    """The octets of a word as text in two encodings, in hexadecimal, and in base64 at any of its three phases."""
    octets = word.encode()
    forms = {
        "utf-8": octets,
        "utf-16": word.encode("utf-16-le"),
        "hex": octets.hex().encode(),
        "HEX": octets.hex().upper().encode(),
    }
    for phase in range(3):
        text = base64.b64encode(bytes(phase) + octets)
        # The first and last characters also depend on what stands beside the word.
        inner = text[-(-phase * 8 // 6) : (phase + len(octets)) * 8 // 6]
        forms[f"base64 {phase}"] = inner
        forms[f"base64url {phase}"] = inner.translate(bytes.maketrans(b"+/", b"-_"))
    return forms


def _search(octets: bytes, wanted: Mapping[str, bytes]) -> set[str]:
    return {name for name, form in wanted.items() if form in octets}


def _wanted(canaries: Mapping[str, str | bytes]) -> dict[str, bytes]:
    """Octets are looked for as they are, words in all their forms."""
    wanted = {}
    for name, canary in canaries.items():
        if isinstance(canary, bytes):
            wanted[name] = canary
        else:
            wanted.update({f"{name} in {form}": octets for form, octets in forms_of(canary).items()})
    return wanted


def found_in_image(image: Path, canaries: Mapping[str, str | bytes]) -> set[str]:
    """Which of them lie anywhere on a disk, in files, in their names, in journals or in blocks of nobody."""
    os.sync()
    wanted = _wanted(canaries)
    longest = max(map(len, wanted.values()))
    found = set()
    with image.open("rb") as disk:
        for start, stop in _data_of(disk.fileno()):
            for at in range(start, stop, _PIECE):
                found |= _search(os.pread(disk.fileno(), min(_PIECE, stop - at) + longest, at), wanted)
    return found


def _data_of(fd: int) -> Iterator[tuple[int, int]]:
    """The parts of the image that hold anything; what was never written is a hole."""
    end, at = os.fstat(fd).st_size, 0
    while at < end:
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:
            return
        at = os.lseek(fd, start, os.SEEK_HOLE)
        yield start, at


def found_in_folder(folder: Path, canaries: Mapping[str, str | bytes], pattern: str = "**/*") -> set[str]:
    """Which of them lie in a file of this folder, or in a name."""
    wanted = _wanted(canaries)
    found = set()
    for file in folder.glob(pattern):
        found |= _search(os.fsencode(file), wanted)
        if file.is_file():
            found |= _search(file.read_bytes(), wanted)
    return found
