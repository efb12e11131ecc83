"""The real ClamAV with a signature of our own, and what it is asked."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.peers.served import until

__all__ = ["EICAR", "clamd_running", "command_to", "own_signatures"]

# The test file of EICAR, which every scanner takes for a virus; in two parts, so that none takes this file for one.
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR" + rb"-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


def own_signatures(folder: Path) -> Path:
    """A folder with the one signature of the test file."""
    signatures = folder / "signatures"
    signatures.mkdir()
    (signatures / "own.ndb").write_text(f"Eicar-Test-Signature:0:*:{EICAR[28:60].hex()}\n")
    return signatures


@contextmanager
def clamd_running(folder: Path, signatures: Path) -> Iterator[Path]:
    """The socket of a running clamd."""
    if shutil.which("clamd") is None:
        pytest.skip("clamd is not installed")
    line = folder / "clamd.ctl"
    (folder / "clamd.conf").write_text(
        f"LocalSocket {line}\nDatabaseDirectory {signatures}\nForeground yes\nTemporaryDirectory {folder}\n"
        "StreamMaxLength 1M\nMaxThreads 2\n"
    )
    running = subprocess.Popen(
        ["clamd", "-c", folder / "clamd.conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until(line.exists, within_s=60)
        yield line
    finally:
        running.terminate()
        running.wait(20)


def command_to(line: Path, command: str) -> str:
    """What clamd says to a command (clamd(8)); it ends the connection when all is said."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(120)
        asking.connect(str(line))
        asking.sendall(command.encode())
        said = b""
        while piece := asking.recv(1 << 16):
            said += piece
    return said.decode("utf-8", "replace")
