"""What this machine is, what it can do at most, and what its processes use."""

import mmap
import os
import platform
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["Use", "aes_rate", "busy_seconds", "facts", "keep", "sync_ms", "use_of", "write_rate"]

_TICK = os.sysconf("SC_CLK_TCK")


class Use:
    """CPU seconds and memory of a process and its descendants."""

    def __init__(self, cpu: float, rss: int, pss: int) -> None:
        self.cpu = cpu
        self.rss = rss
        self.pss = pss


def use_of(root: int, *, proportional: bool = False) -> Use:
    """``proportional`` also reads the proportional set size, which takes the kernel some time."""
    cpu, rss, pss = 0.0, 0, 0
    for process in _family(root):
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
            pss += _pss(process) if proportional else 0
        except OSError:
            continue  # ended meanwhile
        cpu += sum(int(each) for each in fields[11:15]) / _TICK
        rss += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    return Use(cpu, rss, pss)


def _family(root: int) -> list[int]:
    children: dict[int, list[int]] = defaultdict(list)
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            children[int(fields[1])].append(int(entry))
    found, todo = [], [root]
    while todo:
        process = todo.pop()
        found.append(process)
        todo += children[process]
    return found


def _pss(process: int) -> int:
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def busy_seconds() -> float:
    """CPU seconds the whole machine has worked, to tell how much of it somebody else used."""
    values = [int(each) for each in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return (sum(values) - values[3] - values[4]) / _TICK


def sync_ms(folder: Path, rounds: int = 60) -> float:
    """Median of appending 4 kB and syncing it."""
    file = folder / "sync.probe"
    taken = []
    fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        for _ in range(rounds):
            began = time.perf_counter()
            os.write(fd, bytes(4096))
            os.fdatasync(fd)
            taken.append(time.perf_counter() - began)
    finally:
        os.close(fd)
        file.unlink()
    return median(taken) * 1000


def keep(octets: bytes, file: Path) -> None:
    """As a program that loses nothing writes a file: beside it, synced, renamed, the folder synced."""
    beside = file.with_suffix(".new")
    with beside.open("xb") as out:
        out.write(octets)
        out.flush()
        os.fsync(out.fileno())
    beside.rename(file)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_rate(folder: Path, octets: int) -> float:
    """MB/s of writing so much and syncing it once, the quicker of two ways: through the page cache, and past it."""
    return max(_written(folder, octets, direct=False), _written(folder, octets, direct=True))


def _written(folder: Path, octets: int, *, direct: bool) -> float:
    file = folder / "write.probe"
    block = mmap.mmap(-1, 8 << 20)  # begins at a page, as writing past the cache wants it
    block.write(os.urandom(len(block)))
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    try:
        fd = os.open(file, flags | (os.O_DIRECT if direct else 0), 0o600)
    except OSError:
        return 0.0  # this file system has only one of the ways
    try:
        began = time.perf_counter()
        rounds = max(1, octets // len(block))
        for _ in range(rounds):
            os.write(fd, block)
        os.fsync(fd)
        return rounds * len(block) / 1e6 / (time.perf_counter() - began)
    except OSError:
        return 0.0
    finally:
        os.close(fd)
        file.unlink()


def aes_rate(seconds: float = 1.0) -> float:
    """MB/s of AES-256-GCM over 64 KiB blocks on one core."""
    cipher, block, nonce = AESGCM(os.urandom(32)), os.urandom(1 << 16), bytes(12)
    done, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        cipher.encrypt(nonce, block, None)
        done += len(block)
    return done / 1e6 / (time.perf_counter() - began)


def facts(folder: Path) -> dict[str, str | float | int]:
    model = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "processor": model[0] if model else platform.machine(),
        "cores": os.cpu_count() or 1,
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "sync_ms": round(sync_ms(folder), 3),
        "aes_256_gcm_mb_per_s": round(aes_rate()),
        "load": round(os.getloadavg()[0], 2),
    }
