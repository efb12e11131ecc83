"""Documents shown to ClamAV: to its daemon over a socket, or to its program in a sandbox of its own.

The daemon is somebody else's process with its own memory and temporary folder; the program gets the walls of every
other converter, and its temporary files lie in memory.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

from frisket.prepress.cells import Cell
from frisket.prepress.errors import ScannerDown
from frisket.prepress.pagefacts import available
from frisket.prepress.sandbox import Limits, MiB, Room

__all__ = ["Scanner", "Verdict", "look_for_viruses"]

_PIECE = 256 << 10
_LONGEST_ANSWER = 4096
_SIGNATURES = "/signatures"
_NAME = re.compile(r"[^A-Za-z0-9._+-]")


@dataclass(frozen=True, slots=True)
class Scanner:
    """by: clamd or clamscan. clamd: a path, or host:port. signatures: folder. memory: octets, of clamscan."""

    by: str
    clamd: str = "/run/clamav/clamd.ctl"
    signatures: str = "/var/lib/clamav"
    time_s: float = 60
    memory: int = 4096 * MiB
    document: int = 512 * MiB


@dataclass(frozen=True, slots=True)
class Verdict:
    """virus: what the scanner calls it, in letters, digits, dots, dashes and underlines; "" for a clean document."""

    virus: str = ""


def look_for_viruses(source: Iterator[bytes], scanner: Scanner) -> Verdict:
    """Show one document to the scanner. Raises ScannerDown when there is no answer that can be believed."""
    if scanner.by == "clamd":
        return _read(_ask_daemon(source, scanner))
    return _read(_ask_program(source, scanner))


def _read(answer: str) -> Verdict:
    """clamd(8): ``stream: NAME FOUND``, ``stream: OK``, ``… ERROR``; clamscan(1) the same with a file name."""
    for line in answer.replace("\0", "\n").splitlines():
        _, _, said = line.rpartition(": ")
        said = said.strip()
        if said == "FOUND" or said.endswith(" FOUND"):
            return Verdict(_NAME.sub("_", said.removesuffix("FOUND").strip())[:80] or "unnamed")
        if said == "OK":
            return Verdict()
    raise ScannerDown("the virus scanner gave no verdict")


def _ask_daemon(source: Iterator[bytes], scanner: Scanner) -> str:
    deadline = time.monotonic() + scanner.time_s
    try:
        with _connected(scanner) as line:
            try:
                line.sendall(b"zINSTREAM\0")
                for piece in source:
                    for at in range(0, len(piece), _PIECE):
                        chunk = piece[at : at + _PIECE]
                        line.settimeout(max(0.1, deadline - time.monotonic()))
                        line.sendall(len(chunk).to_bytes(4) + chunk)
                line.sendall(bytes(4))
            except (BrokenPipeError, ConnectionResetError):
                pass  # it has seen enough, or too much; its answer says which
            return _answer(line, deadline)
    except OSError as error:
        raise ScannerDown("the virus scanner does not answer") from error


def _connected(scanner: Scanner) -> socket.socket:
    if scanner.clamd.startswith("/"):
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        line.settimeout(scanner.time_s)
        try:
            line.connect(scanner.clamd)
        except OSError:
            line.close()
            raise
        return line
    host, _, port = scanner.clamd.rpartition(":")
    if not port.isdigit():
        raise ScannerDown("antivirus.clamd is neither a path nor host:port")
    return socket.create_connection((host.strip("[]"), int(port)), timeout=scanner.time_s)


def _answer(line: socket.socket, deadline: float) -> str:
    answer = b""
    while len(answer) < _LONGEST_ANSWER:
        line.settimeout(max(0.1, deadline - time.monotonic()))
        piece = line.recv(_LONGEST_ANSWER)
        if not piece:
            break
        answer += piece
        if b"\0" in piece:
            break
    return answer.decode("utf-8", "replace")


def _ask_program(source: Iterator[bytes], scanner: Scanner) -> str:
    program = shutil.which("clamscan")
    if program is None or not available().possible:
        raise ScannerDown("clamscan is not installed, or there is no sandbox for it")
    folder = os.path.realpath(scanner.signatures)
    if not os.path.isdir(folder):
        raise ScannerDown("there is no folder of signatures")
    limits = Limits(
        wall_s=scanner.time_s,
        cpu_s=int(scanner.time_s) + 1,
        memory=scanner.memory,
        scratch=2 * scanner.document,
        document=scanner.document,
    )
    room = Room(packages=(), shown=(program, os.path.realpath(program)), shown_as=((folder, _SIGNATURES),))
    answer, made = Cell("scanner", [program, _SIGNATURES], room, limits).make({}, source, whatever_it_says=True)
    if made is None:
        raise ScannerDown(f"clamscan ended without a verdict: {answer.stopped or 'nothing said'}")
    with made:
        return b"".join(made.pieces())[:_LONGEST_ANSWER].decode("utf-8", "replace")
