"""A recorder between a client and a door: passes every octet on, and keeps what the client sent."""

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.peers.programs import program
from tests.peers.served import until

from frisket.wire import ipp

__all__ = ["Recorder", "recording", "recording_inside_tls"]


@dataclass
class Recorder:
    port: int = 0
    sent: list[bytearray] = field(default_factory=list)  # one for each connection

    def documents(self) -> list[bytes]:
        """The document of each Print-Job and Send-Document, in the order of their connections."""
        found = []
        for stream in self.sent:
            for body in _bodies(bytes(stream)):
                message, document = ipp.decode(body)
                if message.code in (ipp.Operation.PRINT_JOB, ipp.Operation.SEND_DOCUMENT) and document:
                    found.append(bytes(document))
        return found


def _bodies(stream: bytes) -> Iterator[bytes]:
    """The bodies of the HTTP requests in a stream (RFC 9112 sections 6.2 and 7.1)."""
    while b"\r\n\r\n" in stream:
        head, _, stream = stream.partition(b"\r\n\r\n")
        fields = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")[1:])
        }
        if fields.get(b"transfer-encoding", b"").lower() == b"chunked":
            body = bytearray()
            while True:
                size, _, stream = stream.partition(b"\r\n")
                length = int(size.split(b";")[0] or b"0", 16)
                body += stream[:length]
                stream = stream[length + 2 :]
                if not length:
                    break
            yield bytes(body)
        else:
            length = int(fields.get(b"content-length", b"0"))
            body_octets, stream = stream[:length], stream[length:]
            if body_octets:
                yield body_octets


@contextmanager
def recording(to_port: int) -> Iterator[Recorder]:
    listening = socket.create_server(("127.0.0.1", 0))
    recorder = Recorder(listening.getsockname()[1])

    def accept() -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", to_port))
            kept = bytearray()
            recorder.sent.append(kept)
            threading.Thread(target=_pass_on, args=(client, server, kept), daemon=True).start()
            threading.Thread(target=_pass_on, args=(server, client, None), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield recorder
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


@contextmanager
def recording_inside_tls(to_port: int, folder: Path) -> Iterator[Recorder]:
    """What is inside TLS: one socat ends the client's, another begins TLS to the door. folder: for a certificate."""
    pem = folder / "between.pem"
    # For longer than any before it: cupsd takes another certificate for a name it knows only when it ends later.
    words = (
        "req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=localhost -addext subjectAltName=DNS:localhost".split()
    )
    files = ["-keyout", str(pem), "-out", str(folder / "cert")]
    subprocess.run([program("openssl"), *words, *files], check=True, capture_output=True)
    pem.write_text(pem.read_text() + (folder / "cert").read_text())
    outward = _free_port()
    onward = _socat(outward, f"TCP-LISTEN:{outward},bind=127.0.0.1,fork", f"OPENSSL:127.0.0.1:{to_port},verify=0")
    with onward, recording(outward) as recorder:
        inward = _free_port()
        with _socat(
            inward,
            f"OPENSSL-LISTEN:{inward},bind=127.0.0.1,fork,verify=0,cert={pem}",
            f"TCP:127.0.0.1:{recorder.port}",
        ):
            recorder.port = inward
            yield recorder


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _socat(port: int, *sides: str) -> Iterator[None]:
    running = subprocess.Popen([program("socat"), *sides], stderr=subprocess.DEVNULL)
    try:
        until(lambda: _listens(port))
        yield
    finally:
        running.terminate()
        running.wait(10)


def _listens(port: int) -> bool:
    """Whether somebody listens there, without calling: a call would be recorded."""
    return any(
        line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
    )


def _pass_on(source: socket.socket, sink: socket.socket, kept: bytearray | None) -> None:
    try:
        while data := source.recv(1 << 16):
            if kept is not None:
                kept += data
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        sink.close()
