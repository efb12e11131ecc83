"""SNMP agents to ask: one of our own that answers from a walk and misbehaves on request, and net-snmp's snmpd.

A walk is {object identifier: int, str (an object identifier) or bytes}; Counter makes a Counter32 of a number.
"""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

__all__ = ["PRINTER", "Counter", "ReplayAgent", "Snmpd", "Walk", "office", "read_walk", "snmpd"]

P, H = "1.3.6.1.2.1.43", "1.3.6.1.2.1.25.3"
PRINTER = "1.3.6.1.2.1.25.3.1.5"
END, NO_OBJECT = 0x82, 0x80


class Counter(int):
    """A Counter32."""


Walk = dict[str, "int | str | bytes"]


def office(*, state: int = 3, host: int = 2, errors: bytes = b"\0", marked: int = 4711) -> Walk:
    """A colour device of the field, drawn up by hand: three trays, four toners, a waste box, two covers."""
    walk: Walk = {
        "1.3.6.1.2.1.1.1.0": b"Example Works 4500, firmware 1.2",
        "1.3.6.1.2.1.1.2.0": "1.3.6.1.4.1.99999.1",
        f"{H}.2.1.2.1": PRINTER,
        f"{H}.2.1.3.1": b"Example Works 4500",
        f"{H}.2.1.5.1": host,
        f"{H}.5.1.1.1": state,
        f"{H}.5.1.2.1": errors,
        f"{P}.5.1.1.1.1": Counter(7),
        f"{P}.5.1.1.2.1": 1,
        f"{P}.5.1.1.16.1": b"Works 4500",
        f"{P}.5.1.1.17.1": b"EX0815",
        f"{P}.7.1.1.4.1.1": 106,
        f"{P}.10.2.1.3.1.1": 7,
        f"{P}.10.2.1.4.1.1": Counter(marked),
        f"{P}.16.5.1.2.1.1": b"Ready",
    }
    for n, (name, shown) in enumerate((("Front cover", 4), ("Side door", 4)), 1):
        walk |= {f"{P}.6.1.1.2.1.{n}": name.encode(), f"{P}.6.1.1.3.1.{n}": shown}
    trays = (
        ("Tray 1", 297000, 210000, 500, 250, 3),
        ("Tray 2", 420000, 297000, 500, -3, 3),
        ("Bypass", -1, -1, 100, 0, 5),
    )
    for n, (name, feed, across, most, now, kind) in enumerate(trays, 1):
        columns = {2: kind, 3: 4, 4: feed, 5: across, 6: feed, 7: across, 8: 8, 9: most, 10: now, 13: name.encode()}
        walk |= {f"{P}.8.2.1.{column}.1.{n}": value for column, value in columns.items()}
    walk |= {f"{P}.9.2.1.3.1.1": 8, f"{P}.9.2.1.4.1.1": 250, f"{P}.9.2.1.5.1.1": -2, f"{P}.9.2.1.7.1.1": b"Upper bin"}
    toners = (("Black toner", 3, 40), ("Cyan toner", 3, 8), ("Magenta toner", 3, -3), ("Yellow toner", 3, -2))
    for n, (name, kind, now) in enumerate(toners, 1):
        columns = {2: 1, 3: n, 4: 3, 5: kind, 6: name.encode(), 7: 19, 8: 100, 9: now}
        walk |= {f"{P}.11.1.1.{column}.1.{n}": value for column, value in columns.items()}
        walk[f"{P}.12.1.1.4.1.{n}"] = name.split()[0].lower().encode()
    columns = {2: 1, 3: 0, 4: 4, 5: 4, 6: b"Waste box", 7: 19, 8: 100, 9: 70}
    return walk | {f"{P}.11.1.1.{column}.1.5": value for column, value in columns.items()}


def read_walk(file: Path) -> Walk:
    """snmprec: object identifier, tag, value in each line; a tag with x is in hexadecimal."""
    walk: Walk = {}
    for line in file.read_bytes().decode("latin-1").splitlines():
        oid, _, rest = line.partition("|")
        tag, _, value = rest.partition("|")
        octets = bytes.fromhex(value) if tag.endswith("x") else value.encode("latin-1")
        kind = tag.rstrip("x").partition(":")[0]
        if kind in ("2", "66", "67", "70"):
            walk[oid] = int(octets or b"0")
        elif kind == "65":
            walk[oid] = Counter(int(octets or b"0"))
        elif kind == "6":
            walk[oid] = octets.decode().lstrip(".")
        elif kind == "4":
            walk[oid] = octets
    return walk


def key(oid: str) -> tuple[int, ...]:
    return tuple(map(int, oid.split(".")))


# -- BER, as much as an agent needs --------------------------------------------------------------


def tlv(tag: int, body: bytes) -> bytes:
    size = len(body)
    if size < 128:
        return bytes([tag, size]) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def number(value: int, tag: int = 2) -> bytes:
    return tlv(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def identifier(oid: str) -> bytes:
    first, second, *rest = key(oid)
    body = bytearray([first * 40 + second])
    for part in rest:
        septets = [part & 0x7F]
        while part := part >> 7:
            septets.append(0x80 | (part & 0x7F))
        body += bytes(reversed(septets))
    return tlv(6, bytes(body))


def value_of(value: "int | str | bytes | None") -> bytes:
    if value is None:
        return tlv(5, b"")
    if isinstance(value, bytes):
        return tlv(4, value)
    if isinstance(value, str):
        return identifier(value)
    return number(value, 0x41 if isinstance(value, Counter) else 2)


def take(data: bytes) -> tuple[int, bytes, bytes]:
    tag, size, at = data[0], data[1], 2
    if size & 0x80:
        at += size & 0x7F
        size = int.from_bytes(data[2:at], "big")
    return tag, data[at : at + size], data[at + size :]


def oid_text(body: bytes) -> str:
    parts, now = [body[0] // 40, body[0] % 40], 0
    for octet in body[1:]:
        now = now << 7 | (octet & 0x7F)
        if not octet & 0x80:
            parts.append(now)
            now = 0
    return ".".join(map(str, parts))


class ReplayAgent:
    """An SNMPv1 and v2c agent on loopback. Change ``walk`` while it runs; ``bend`` gets each answer before it goes
    out and may give other octets, or None for silence."""

    def __init__(self, walk: Walk, *, community: str = "public", bulk: bool = True) -> None:
        self.walk = dict(walk)
        self.community = community
        self.bulk = bulk  # False: answers no GetBulk at all, as some do
        self.bend: Callable[[bytes], bytes | None] | None = None
        self.asked = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]

    def __enter__(self) -> "ReplayAgent":
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            data, peer = self._socket.recvfrom(65536)
            if not data:
                return
            answer = self._answer(data)
            if answer is not None and self.bend is not None:
                answer = self.bend(answer)
            if answer is not None:
                self._socket.sendto(answer, peer)

    def _answer(self, data: bytes) -> bytes | None:
        self.asked += 1
        _, message, _ = take(data)
        _, version, rest = take(message)
        _, community, rest = take(rest)
        if community != self.community.encode():
            return None
        question, pdu, _ = take(rest)
        if question == 0xA5 and not self.bulk:
            return None
        _, request_id, rest = take(pdu)
        _, _first, rest = take(rest)
        _, second, rest = take(rest)
        _, bindings, _ = take(rest)
        names = []
        while bindings:
            _, one, bindings = take(bindings)
            names.append(oid_text(take(one)[1]))
        error, found = self._look(question, names, int.from_bytes(second, "big"), version == b"\0")
        body = b"".join(tlv(0x30, identifier(oid) + value) for oid, value in found)
        told = tlv(2, request_id) + number(error) + number(1 if error else 0) + tlv(0x30, body)
        return tlv(0x30, tlv(2, version) + tlv(4, community) + tlv(0xA2, told))

    def _look(self, question: int, names: list[str], most: int, v1: bool) -> tuple[int, list[tuple[str, bytes]]]:
        found: list[tuple[str, bytes]] = []
        for name in names:
            if question == 0xA0:
                value = self.walk.get(name)
                if value is None and v1:
                    return 2, [(each, value_of(None)) for each in names]
                found.append((name, value_of(value) if value is not None else tlv(NO_OBJECT, b"")))
                continue
            after = [oid for oid in sorted(self.walk, key=key) if key(oid) > key(name)]
            if not after and v1:
                return 2, [(each, value_of(None)) for each in names]
            found += [(oid, value_of(self.walk[oid])) for oid in after[: most if question == 0xA5 else 1]]
            if not after:
                found.append((name, tlv(END, b"")))
        return 0, found


# -- net-snmp ------------------------------------------------------------------------------------


class Snmpd:
    """What a test needs of a running snmpd: where it is, who may ask, and the walk it reads anew each time."""

    USER, AUTH, PRIV = "mon", "authentic enough", "private enough"

    def __init__(self, port: int, file: Path) -> None:
        self.port = port
        self._file = file

    def serve(self, walk: Mapping[str, "int | str | bytes"]) -> None:
        lines = []
        for oid in sorted(walk, key=key):
            value = walk[oid]
            if isinstance(value, bytes):
                lines.append(f"{oid}|octet|{value.hex(' ')}")
            elif isinstance(value, str):
                lines.append(f"{oid}|objectid|.{value}")
            else:
                lines.append(f"{oid}|{'counter' if isinstance(value, Counter) else 'integer'}|{value}")
        fresh = self._file.with_suffix(".new")
        fresh.write_text("\n".join(lines))
        os.replace(fresh, self._file)


_BRANCHES = (".1.3.6.1.2.1.43", ".1.3.6.1.2.1.25")
_SCRIPT = """
import sys
key = lambda oid: tuple(map(int, oid.strip(".").split(".")))
def rows():
    return [line.split("|", 2) for line in open(sys.argv[1]).read().splitlines() if line]
while True:
    word = sys.stdin.readline().strip()
    if not word:
        break
    if word == "PING":
        print("PONG", flush=True)
        continue
    asked = key(sys.stdin.readline())
    found = [row for row in rows() if (key(row[0]) == asked if word == "get" else key(row[0]) > asked)]
    print(("." + found[0][0] + "\\n" + found[0][1] + "\\n" + found[0][2]) if found else "NONE", flush=True)
"""


@contextmanager
def snmpd(folder: Path, walk: Walk) -> Iterator[Snmpd]:
    """net-snmp's agent with a v2c community "public" and a v3 user with authPriv."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = Snmpd(port, folder / "walk")
    running.serve(walk)
    (folder / "serve.py").write_text(_SCRIPT)
    passed = [
        f"pass_persist -p 1 {branch} {sys.executable} -u {folder / 'serve.py'} {folder / 'walk'}"
        for branch in _BRANCHES
    ]
    lines = [
        f"agentAddress udp:127.0.0.1:{port}",
        "rocommunity public",
        f'createUser {Snmpd.USER} SHA-256 "{Snmpd.AUTH}" AES "{Snmpd.PRIV}"',
        f"rouser {Snmpd.USER} authpriv",
        *passed,
    ]
    (folder / "snmpd.conf").write_text("\n".join(lines) + "\n")
    program = shutil.which("snmpd") or "/usr/sbin/snmpd"
    # Of its own modules only what SNMPv3 and passing need: its host resources would answer in place of the walk.
    quiet = ["-I", "-hr_device,hr_print,hr_disk,hr_system,hr_storage,hr_proc,hr_network,hr_partition,hr_filesys"]
    process = subprocess.Popen(
        [program, "-f", "-C", "-c", str(folder / "snmpd.conf"), "-Lf", str(folder / "log"), *quiet],
        env={**os.environ, "SNMP_PERSISTENT_DIR": str(folder / "persistent"), "MIBS": ""},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _answers(process, port, folder)
        yield running
    finally:
        process.terminate()
        process.wait(10)


def _answers(process: "subprocess.Popen[bytes]", port: int, folder: Path) -> None:
    """Until it says anything at all to a v2c question."""
    pdu = tlv(0xA1, number(1) + number(0) + number(0) + tlv(0x30, tlv(0x30, identifier("1.3.6.1.2.1") + tlv(5, b""))))
    question = tlv(0x30, number(1) + tlv(4, b"public") + pdu)
    end = time.monotonic() + 20
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.2)
        while time.monotonic() < end:
            assert process.poll() is None, (folder / "log").read_text()
            try:
                asking.sendto(question, ("127.0.0.1", port))
                asking.recvfrom(4096)
                return
            except OSError:
                continue
    raise AssertionError("snmpd does not answer")
