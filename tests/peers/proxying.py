"""A real web proxy for one test: tinyproxy, on a port of its own, open to this machine."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers.programs import program
from tests.peers.samba import free_port
from tests.peers.served import until

__all__ = ["WebProxy", "web_proxy_running"]

_CONF = """
Port {port}
Listen 127.0.0.1
Allow 127.0.0.1
Timeout 60
LogFile "{folder}/proxy.log"
LogLevel Connect
MaxClients 20
{connect}
"""


@dataclass
class WebProxy:
    port: int
    log: Path
    process: "subprocess.Popen[bytes]"

    def asked(self) -> str:
        return self.log.read_text(errors="replace")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


@contextmanager
def web_proxy_running(folder: Path, *connect_ports: int) -> Iterator[WebProxy]:
    """connect_ports: where CONNECT may lead to."""
    port, conf, log = free_port(), folder / "tinyproxy.conf", folder / "proxy.log"
    connect = "\n".join(f"ConnectPort {each}" for each in connect_ports)
    conf.write_text(_CONF.format(port=port, folder=folder, connect=connect))
    process = subprocess.Popen([program("tinyproxy"), "-d", "-c", str(conf)], stdout=subprocess.DEVNULL)
    try:
        until(
            lambda: f":{port:04X} 00000000:0000 0A" in Path("/proc/net/tcp").read_text() or process.poll() is not None
        )
        assert process.poll() is None, log.read_text() if log.exists() else "it did not start"
        yield WebProxy(port, log, process)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(10)
