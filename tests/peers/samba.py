"""A private smbd: every file of it lies in one folder, and nobody outside this machine reaches it. Needs root."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.peers.programs import program
from tests.peers.served import until

__all__ = ["Samba", "free_port", "samba_running"]

PASSWORD = "a quiet-walk 7"
ACCOUNT = "games"  # of every Debian; whoever signs in is mapped to it, so that no account has to be made
_PRIVATE = """
[global]
  interfaces = 127.0.0.1/8
  bind interfaces only = yes
  smb ports = {port}
  username map = {root}/users
  passdb backend = tdbsam:{root}/private/passdb.tdb
  private dir = {root}/private
  lock directory = {root}/lock
  state directory = {root}/state
  cache directory = {root}/cache
  pid directory = {root}/pid
  ncalrpc dir = {root}/ncalrpc
  log file = {root}/log/smbd.log
  log level = 1
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Samba:
    root: Path
    port: int

    def words(self, share: str, command: str, *options: str, user: str = "alice") -> list[str]:
        """How smbclient is started against it."""
        words = [program("smbclient"), f"//127.0.0.1/{share}", "-p", str(self.port), "-U", f"{user}%{PASSWORD}"]
        return [*words, "-s", "/dev/null", *(options or ("-m", "SMB3", "--client-protection=encrypt")), "-c", command]

    def client(self, share: str, command: str, *options: str, user: str = "alice") -> subprocess.CompletedProcess[str]:
        words = self.words(share, command, *options, user=user)
        return subprocess.run(words, capture_output=True, text=True, timeout=60)

    def log(self) -> str:
        return (self.root / "log" / "smbd.log").read_text(errors="replace")


@contextmanager
def samba_running(shares: Callable[[Path, int], str], *users: str) -> Iterator[Samba]:
    """``shares`` gives the configuration for a folder in memory and a port; our private places are added."""
    daemon = program("smbd")
    if os.geteuid() != 0:
        pytest.skip("only root can run smbd")
    root = Path(tempfile.mkdtemp(prefix="frisket-samba-", dir="/dev/shm"))
    root.chmod(0o755)
    for folder in ("private", "lock", "state", "cache", "pid", "log", "ncalrpc", "spool"):
        (root / folder).mkdir(mode=0o755)
    (root / "spool").chmod(0o700)
    port = free_port()
    (root / "users").write_text(f"{ACCOUNT} = {' '.join(users or ('alice',))}\n")
    conf = root / "smb.conf"
    conf.write_text(shares(root / "spool", port) + _PRIVATE.format(root=root, port=port))
    twice = f"{PASSWORD}\n{PASSWORD}\n"
    words = [program("smbpasswd"), "-c", str(conf), "-s", "-a", ACCOUNT]
    subprocess.run(words, input=twice, text=True, check=True, capture_output=True)
    with (root / "log" / "started.log").open("wb") as out:
        process = subprocess.Popen(
            [daemon, "-F", "--no-process-group", "-s", str(conf)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,  # its children are ended with it
        )
    try:
        until(lambda: _listens(port) or process.poll() is not None)
        assert process.poll() is None, (root / "log" / "started.log").read_text()
        yield Samba(root, port)
    finally:
        try:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(10)
        except (subprocess.TimeoutExpired, ProcessLookupError):
            process.kill()
            process.wait(5)
        shutil.rmtree(root, ignore_errors=True)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
