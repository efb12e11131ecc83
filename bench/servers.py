"""The servers that are compared: a house, and cupsd as it comes or made to keep what it acknowledged."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

__all__ = ["Cups", "Frisket", "NotUp", "Server", "Workshop", "free_port", "listens"]

FRISKET = Path(sys.executable).with_name("frisket")
_PATIENCE_S = 120.0


class NotUp(Exception):
    """A server did not come up, or one of its commands failed; the words are its own."""


class Server(Protocol):
    """Something jobs are sent to."""

    @property
    def name(self) -> str: ...

    @property
    def pid(self) -> int: ...

    @property
    def held(self) -> str:
        """Address of a queue whose jobs wait."""
        ...

    def forward_to(self, port: int) -> str:
        """Address of a queue that sends at once to a RAW printer on this port."""
        ...

    def start(self) -> float:
        """Seconds until it listens."""
        ...

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None: ...


class Workshop:
    """Where the servers of one run live; everything goes when it is left."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="bench-", dir=folder))
        os.chmod(self.folder, 0o755)  # the peer's helpers run under another account
        self._servers: list[Server] = []

    def __enter__(self) -> "Workshop":
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.stop(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def frisket(self, more: str = "") -> "Frisket":
        """more: further lines of its settings file."""
        house = Frisket(self._new("house"), more)
        self._servers.append(house)
        house.furnish()
        return house

    def cups(self, *, durable: bool) -> "Cups | None":
        """None where cupsd is not installed."""
        if shutil.which("cupsd", path=_PATHS) is None:
            return None
        peer = Cups(self._new("cups"), durable=durable)
        self._servers.append(peer)
        peer.start()
        return peer

    def all_three(self) -> "list[Server]":
        """A fresh house and both forms of the peer, as far as there is one."""
        peers = [self.cups(durable=True), self.cups(durable=False)]
        return [self.frisket(), *[peer for peer in peers if peer is not None]]

    def close(self, servers: "Sequence[Server]") -> None:
        for server in servers:
            server.stop(signal.SIGKILL)
            shutil.rmtree(getattr(server, "data", self.folder / "none"), ignore_errors=True)

    def _new(self, name: str) -> Path:
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))


_PATHS = "/usr/sbin:/usr/bin:/sbin:/bin"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _end(process: "subprocess.Popen[bytes] | None", how: signal.Signals) -> None:
    if process is None or process.poll() is not None:
        return
    process.send_signal(how)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Frisket:
    """A house in a folder of its own, run as anybody runs it."""

    name = "Frisket"

    def __init__(self, folder: Path, more: str = "") -> None:
        self.data = folder / "data"
        self._ready = folder / "ready.json"
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self.urls: dict[str, str] = {}
        self.token = ""
        self.mail_address = ""
        self.inside: tuple[str, ...] = ()  # words in front of the command, which start it in another network
        self.run("init", "--ephemeral-ports")
        with (self.data / "frisket.toml").open("a") as settings:
            settings.write("\n[limits]\npages_per_second = 10000\n")  # one client asks for every page here
            settings.write(more)

    def furnish(self) -> None:
        """Started, with a holding queue, one that forwards, and a person whose stated name is believed."""
        self.start()
        self.run("queue", "add", "secure", "--hold", "--trust-network", "127.0.0.0/8")
        self.mail_address = self.run("person", "add", "load", "--card", "04A1B2C3D4").get("mail_address") or ""
        self.token = self.run("person", "token", "load")["token"]

    def run(self, *words: str) -> Any:
        """A command; what it answers."""
        done = subprocess.run(
            [str(FRISKET), "--data", str(self.data), *words, "--json"], capture_output=True, timeout=_PATIENCE_S
        )
        if done.returncode:
            raise NotUp(f"frisket {' '.join(words[:2])}: {done.stderr.decode()[-300:]}")
        return json.loads(done.stdout)

    def start(self) -> float:
        self._ready.unlink(missing_ok=True)
        began = time.perf_counter()
        command = [*self.inside, str(FRISKET), "--data", str(self.data), "serve", "--ready-file", str(self._ready)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        while not self._ready.exists():
            if self._process.poll() is not None or time.perf_counter() - began > _PATIENCE_S:
                raise NotUp(f"the house did not come up: {self._log.read_text()[-500:]}")
            time.sleep(0.005)
        took = time.perf_counter() - began
        self.urls = json.loads(self._ready.read_text())["urls"]
        return took

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def held(self) -> str:
        return self.urls["ipp"] + "/secure"

    def forward_to(self, port: int) -> str:
        self.device(port)
        self.run("queue", "add", "direct", "--trust-network", "127.0.0.0/8", "--device", "sink")
        return self.urls["ipp"] + "/direct"

    def device(self, port: int) -> None:
        """A printer called sink."""
        self.run("device", "add", "sink", f"socket://127.0.0.1:{port}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        _end(self._process, how)


class Cups:
    """cupsd with every path of its own; ``durable``: what it acknowledged survives a kill."""

    def __init__(self, folder: Path, *, durable: bool) -> None:
        self.name = "cupsd durable" if durable else "cupsd default"
        self.durable = durable
        self.data = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        os.chmod(folder, 0o755)
        for each in ("etc/ppd", "etc/ssl", "spool/tmp", "cache", "state/certs", "log"):
            (folder / each).mkdir(parents=True)
        for each, mode in (("spool/tmp", 0o1770), ("spool", 0o710), ("cache", 0o770)):
            os.chmod(folder / each, mode)
        (folder / "etc/cups-files.conf").write_text(_FILES.format(root=folder, more=_SYNC if durable else ""))
        lazy = "DirtyCleanInterval 0" if durable else ""
        (folder / "etc/cupsd.conf").write_text(_CONF.format(root=folder, port=self.port, more=lazy))
        (folder / "etc/printers.conf").touch()

    def start(self) -> float:
        began = time.perf_counter()
        command = ["cupsd", "-f", "-c", str(self.data / "etc/cupsd.conf"), "-s", str(self.data / "etc/cups-files.conf")]
        environment = {**os.environ, "PATH": _PATHS}
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdout=quiet, stderr=quiet, env=environment)
        while not listens(self.port):
            if self._process.poll() is not None or time.perf_counter() - began > _PATIENCE_S:
                raise NotUp("cupsd did not come up")
            time.sleep(0.005)
        took = time.perf_counter() - began
        if not (self.data / "made").exists():
            self._queue("null", "file:///dev/null")
            (self.data / "made").touch()
        return took

    def _queue(self, name: str, uri: str) -> None:
        environment = {**os.environ, "PATH": _PATHS, "CUPS_SERVER": f"localhost:{self.port}"}
        command = ["lpadmin", "-p", name, "-E", "-v", uri, "-m", "raw", "-o", "printer-is-shared=true"]
        done = subprocess.run(command, capture_output=True, env=environment, timeout=_PATIENCE_S)
        if done.returncode:
            raise NotUp(f"lpadmin: {done.stderr.decode()[-300:]}")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def held(self) -> str:
        return f"ipp://localhost:{self.port}/printers/null"

    def forward_to(self, port: int) -> str:
        self._queue("direct", f"socket://127.0.0.1:{port}")
        return f"ipp://localhost:{self.port}/printers/direct"

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        _end(self._process, how)


def listens(port: int) -> bool:
    try:
        socket.create_connection(("localhost", port), timeout=1).close()
    except OSError:
        return False
    return True


_SYNC = "SyncOnClose Yes"
_FILES = """\
SystemGroup lpadmin root
User lp
Group lp
ServerRoot {root}/etc
RequestRoot {root}/spool
TempDir {root}/spool/tmp
CacheDir {root}/cache
StateDir {root}/state
ServerKeychain {root}/etc/ssl
FileDevice Yes
AccessLog {root}/log/access_log
ErrorLog {root}/log/error_log
PageLog {root}/log/page_log
{more}
"""
_CONF = """\
LogLevel warn
AccessLogLevel actions
MaxLogSize 0
Listen localhost:{port}
Listen {root}/state/cups.sock
Browsing No
WebInterface No
MaxJobs 0
MaxJobsPerUser 0
MaxJobsPerPrinter 0
MaxHoldTime 0
MaxClients 500
MaxClientsPerHost 500
MaxRequestSize 0
KeepAlive Yes
Timeout 300
PreserveJobHistory Yes
PreserveJobFiles Yes
IdleExitTimeout 0
{more}
<Location />
  Order allow,deny
  Allow localhost
</Location>
<Policy default>
  JobPrivateAccess all
  JobPrivateValues none
  SubscriptionPrivateAccess all
  SubscriptionPrivateValues none
  <Limit All>
    Order deny,allow
    Allow localhost
  </Limit>
</Policy>
"""
