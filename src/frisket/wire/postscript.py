"""PostScript that is none of a job's business: operators that outlive the job or reach a printer's files (R19).

No interpreter: a program can hide what it calls. What is found here is what plain programs do; the answer to
the others is to let our own sandboxed interpreter make the pages, as level high does.
"""

import re

__all__ = ["Watch"]

_OPERATORS = """
    exitserver startjob setsystemparams setdevparams deletefile renamefile filenameforall devformat devmount devdismount
"""
_WORD = rb"A-Za-z0-9_.\-"
# Stores of a printer that a file name begins with. Any %word% would be too much: a picture is written in printable
# characters (ASCII85), and among millions of those stand all short words in parentheses and per cent signs.
_STORES = rb"(?:disk|ram|rom|font|flash|cartridge|eeprom|nvram|spool|usb)[A-Za-z0-9]{0,8}"
_FOUND = re.compile(
    rb"(?<![" + _WORD + rb"])(" + b"|".join(_OPERATORS.encode().split()) + rb")(?![" + _WORD + rb"])"
    rb"|\((%" + _STORES + rb"%)"
)
_KEEP = 64  # octets; longer than anything looked for


class Watch:
    """Reads a program as it passes by, in pieces of any size."""

    def __init__(self) -> None:
        self._tail = b""

    def feed(self, data: bytes) -> str:
        """The name of the first operator or device found, else "". Where a word may go on, the next call says."""
        text = self._tail + data
        for found in _FOUND.finditer(text):
            if found[2] or found.end() < len(text):
                return (found[1] or found[2]).decode("ascii")
        self._tail = text[-_KEEP:]
        return ""

    def end(self) -> str:
        """The same for a word that the program ends with."""
        return self.feed(b" ")
