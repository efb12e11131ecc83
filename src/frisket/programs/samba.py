"""Samba in front: a configuration whose print command hands each document to this house (boundary B5, IN-4).

Samba takes the document over SMB 3, encrypted, from somebody it has signed in; the print command runs as the house's
own account and gives the document to the control socket with that person's name. Samba writes documents down in
clear while they arrive, so its folder for them must be in memory.
"""

import os
import pwd
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from frisket.errors import Blame, FrisketError

__all__ = ["SPOOL", "NotInMemory", "Printer", "configuration", "in_memory", "program"]

SPOOL = Path("/run/frisket/samba")
PATIENCE_S = 600  # Samba has told its client that all is well by then: a house that is busy is waited for
_MEMORY = {"tmpfs", "ramfs"}
_HEAD = """# Made by `frisket samba config`. Make it again when queues change: it has one printer for each.
[global]
  server role = standalone server
  security = user
  map to guest = never
  restrict anonymous = 2
  ntlm auth = ntlmv2-only
  server min protocol = SMB3_00
  server smb encrypt = required
  server signing = required
  disable netbios = yes
  smb ports = {port}
  load printers = no
  printcap name = /dev/null
  show add printer wizard = no
"""
_PRINTING = """  printing = sysv
  print command = {command}
  lpq command = /bin/true
  lprm command = /bin/true
  lppause command = /bin/true
  lpresume command = /bin/true
  queuepause command = /bin/true
  queueresume command = /bin/true
"""
_SHARE = """
[{name}]
  comment = {comment}
  path = {spool}
  printable = yes
  guest ok = no
  browseable = yes
  use client driver = yes
  force user = {account}
  server smb encrypt = required
"""


class NotInMemory(FrisketError):
    """Documents would lie on a disk in clear while they arrive (rule 3 of security-design section 1)."""

    blame = Blame.OPERATOR
    remedy = "Choose a folder in memory (tmpfs), for example below /run, and switch swap off or encrypt it."


@dataclass(frozen=True, slots=True)
class Printer:
    """One queue as a shared printer."""

    name: str
    comment: str


def program() -> list[str]:
    """How this very program is started again, by somebody with another folder and environment."""
    script = Path(sys.argv[0])
    if script.name == "frisket" and script.is_absolute():
        return [str(script)]
    return [sys.executable, "-m", "frisket"]


def in_memory(folder: Path) -> bool:
    """Is this folder, or the nearest one above it that exists, on a file system in memory?"""
    while not folder.exists():
        folder = folder.parent
    best, kind = "", ""
    path = f"{folder.resolve()}/"
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, at, found, *_ = line.split(" ")
        at = at.replace("\\040", " ").rstrip("/") + "/"
        if path.startswith(at) and len(at) >= len(best):
            best, kind = at, found
    return kind in _MEMORY


def _value(text: str) -> str:
    """Words of an operator as a value: nothing of them is a variable of Samba's, or goes on in the next line."""
    return "".join(char for char in text if char.isprintable()).replace("%", "%%").rstrip("\\ ")


def configuration(printers: Sequence[Printer], *, data: Path, spool: Path, port: int, only_printers: bool) -> str:
    """An smb.conf, or only the part with the printers, to be included in one that is there.

    Raises NotInMemory.
    """
    if not in_memory(spool):
        raise NotInMemory("the folder for arriving documents is not in memory")
    words = [*program(), "--data", str(data.resolve()), "job", "submit"]
    # %s, %U and %J are Samba's: the document, who signed in, and the title without quotes.
    hand_in = " ".join(shlex.quote(word) for word in words).replace("%", "%%")
    shares = []
    for printer in printers:
        command = f"{hand_in} %s --person '%U' --queue {printer.name} --title '%J' --door samba --patience {PATIENCE_S}"
        share = _SHARE.format(
            name=printer.name,
            comment=_value(printer.comment) or f"Frisket: {printer.name}",
            spool=spool,
            account=pwd.getpwuid(os.geteuid()).pw_name,
        )
        # The status tells Samba whether the document was taken; it goes either way.
        shares.append(share + _PRINTING.format(command=f"{command}; taken=$?; rm -f %s; exit $taken"))
    return ("" if only_printers else _HEAD.format(port=port)) + "".join(shares)
