"""Programs that are not ours, started privately: cupsd, and files made for their clients."""

import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.peers.served import until

__all__ = ["Cups", "cups_running", "program"]


def program(name: str) -> str:
    """The path of a real program; a missing one skips at a desk and fails in CI."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if found is None and os.environ.get("CI"):
        pytest.fail(f"{name} is not installed")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


_FILES = """
SystemGroup root
User {user}
Group {group}
ServerRoot {root}/etc
RequestRoot {root}/spool
TempDir {root}/spool/tmp
CacheDir {root}/cache
StateDir {root}/state
ServerKeychain {root}/etc/ssl
CreateSelfSignedCerts yes
FileDevice Yes
AccessLog {root}/log/access_log
ErrorLog {root}/log/error_log
PageLog {root}/log/page_log
"""
_DAEMON = """
LogLevel debug
MaxLogSize 0
Listen 127.0.0.1:{port}
Listen {root}/state/cups.sock
Browsing No
DefaultAuthType None
WebInterface No
KeepAlive Yes
PreserveJobHistory Yes
PreserveJobFiles No
IdleExitTimeout 0
ErrorPolicy retry-job
JobRetryInterval 2
<Location />
  Order allow,deny
  Allow 127.0.0.1
</Location>
<Policy default>
  JobPrivateAccess all
  JobPrivateValues none
  SubscriptionPrivateAccess all
  SubscriptionPrivateValues none
  <Limit All>
    Order deny,allow
    Allow 127.0.0.1
  </Limit>
</Policy>
"""


@dataclass
class Cups:
    """A private cupsd; every file of it lies in ``root``."""

    root: Path
    port: int

    def run(self, *words: str, check: bool = True) -> str:
        """A CUPS client program against this daemon; what it said."""
        return cups_client(f"127.0.0.1:{self.port}", *words, check=check)

    def add_queue(self, name: str, uri: str, model: str = "everywhere") -> None:
        self.run("lpadmin", "-p", name, "-E", "-v", uri, "-m", model, "-o", "printer-error-policy=retry-job")

    def log(self) -> str:
        return (self.root / "log" / "error_log").read_text(errors="replace")


def cups_client(server: str, *words: str, check: bool = True) -> str:
    """Run lp, lpstat, cancel, lpadmin … against a server; standard output and error together."""
    done = subprocess.run(
        [program(words[0]), *words[1:]],
        env={**os.environ, "CUPS_SERVER": server, "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        text=True,
    )
    if check:
        assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}"
    return done.stdout


def number_of(said: str) -> int:
    """The job number in what lp prints: request id is NAME-N (1 file(s))."""
    found = re.search(r"request id is \S+-(\d+)", said)
    assert found is not None, said
    return int(found[1])


@contextmanager
def cups_running() -> Iterator[Cups]:
    """In a folder of its own: filters run as another account, and pytest's folders are for ours alone."""
    root = Path(tempfile.mkdtemp(prefix="frisket-cups-"))
    try:
        with _cups_running(root) as daemon:
            yield daemon
    finally:
        shutil.rmtree(root, ignore_errors=True)


@contextmanager
def _cups_running(root: Path) -> Iterator[Cups]:
    daemon = program("cupsd")
    user, group = ("lp", "lp") if os.geteuid() == 0 else (pwd.getpwuid(os.geteuid()).pw_name,) * 2
    for folder in ("etc/ppd", "etc/ssl", "spool/tmp", "cache", "state/certs", "log"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        lp = pwd.getpwnam("lp")
        for folder in ("etc/ppd", "spool", "spool/tmp", "cache", "state", "log"):
            os.chown(root / folder, 0, lp.pw_gid)
            os.chmod(root / folder, 0o770)
        os.chmod(root, 0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    values = {"root": str(root), "port": port, "user": user, "group": group}
    (root / "etc" / "cups-files.conf").write_text(_FILES.format(**values))
    (root / "etc" / "cupsd.conf").write_text(_DAEMON.format(**values))
    (root / "etc" / "printers.conf").touch()
    files = ["-c", str(root / "etc" / "cupsd.conf"), "-s", str(root / "etc" / "cups-files.conf")]
    process = subprocess.Popen([daemon, "-f", *files], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: _listens(port) or process.poll() is not None)
        assert process.poll() is None, "cupsd ended at once"
        yield Cups(root, port)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
