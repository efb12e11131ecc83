"""Programs that print over LPD and RAW: rlpr, LPRng, the backends of CUPS, netcat."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.peers.programs import program

__all__ = ["Done", "backend", "lprng", "netcat", "rlpr"]

_LPRNG = Path(__file__).parents[2] / ".venv" / "peers" / "lprng"
_SIGHT = """
    --ro-bind /usr /usr --symlink usr/lib /lib --symlink usr/lib64 /lib64 --symlink usr/bin /bin --dev /dev --proc /proc
    --tmpfs /tmp --ro-bind /etc/passwd /etc/passwd --ro-bind /etc/group /etc/group --ro-bind /etc/hosts /etc/hosts
""".split()


@dataclass(frozen=True)
class Done:
    status: int
    said: str


def _run(*words: str, stdin: bytes | None = None, **environment: str) -> Done:
    done = subprocess.run(
        words,
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        env={**os.environ, "LC_ALL": "C.UTF-8", **environment},
    )
    return Done(done.returncode, done.stdout.decode(errors="replace"))


def rlpr(name: str, port: int, queue: str, *words: str) -> Done:
    """rlpr, rlpq or rlprm. It prints as the account it runs under."""
    return _run(program(name), "-N", "-P", queue, "-H", "127.0.0.1", f"--port={port}", *words)


def lprng(name: str, port: int, queue: str, *words: str, see: Path | None = None) -> Done:
    """LPRng's lpr, lpq or lprm. It insists on /etc/lprng and /etc/printcap, so it sees a system of its own."""
    if not _LPRNG.is_dir() and os.environ.get("CI"):
        pytest.fail("lprng is not unpacked")
    if not _LPRNG.is_dir():
        pytest.skip("lprng is not unpacked: tests/peers/install.sh")
    printcap = _LPRNG / "printcap"
    printcap.touch()
    own = ["--ro-bind", str(_LPRNG / "etc" / "lprng"), "/etc/lprng", "--ro-bind", str(printcap), "/etc/printcap"]
    seen = ["--ro-bind", str(see), str(see)] if see is not None else []
    peer = ["--ro-bind", str(_LPRNG / "usr"), "/peer", f"/peer/bin/{name}", f"-P{queue}@127.0.0.1%{port}"]
    return _run(program("bwrap"), *_SIGHT, *own, *seen, *peer, *words)


def backend(uri: str, user: str, title: str, document: Path, *, copies: int = 1) -> Done:
    """A backend of CUPS as its scheduler starts it: job, user, title, copies, options, file."""
    path = program(f"/usr/lib/cups/backend/{uri.partition(':')[0]}")
    given = {"DEVICE_URI": uri, "CONTENT_TYPE": "application/pdf", "FINAL_CONTENT_TYPE": "application/pdf"}
    return _run(path, "42", user, title, str(copies), "", str(document), **given)


def netcat(port: int, octets: bytes) -> Done:
    """Send and end; what came back."""
    return _run(program("nc"), "-N", "-w", "20", "127.0.0.1", str(port), stdin=octets)
