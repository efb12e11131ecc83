"""File systems of a test's own, on loop devices. Only root can mount; elsewhere these tests say so."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

__all__ = ["Disk", "ext4_image", "mounted", "needs_loop_devices"]


def _run(*command: str | Path) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 0, f"{command[0]}: {done.stderr or done.stdout}"
    return done.stdout


def needs_loop_devices() -> None:
    """Skip, or fail in CI, where nothing can be mounted."""
    words = ""
    if os.geteuid() != 0:
        words = "only root can mount a file system"
    elif not os.path.exists("/dev/loop-control"):
        words = "this kernel has no loop devices"
    elif subprocess.run(["losetup", "-f"], capture_output=True).returncode != 0:
        words = "no loop device is free"
    if words and os.environ.get("CI"):
        pytest.fail(words)
    if words:
        pytest.skip(words)


def ext4_image(image: Path, megabytes: int) -> None:
    with image.open("wb") as out:
        out.truncate(megabytes << 20)
    # No blocks kept for root, who would otherwise never see a full disk here.
    _run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", image)


@contextmanager
def mounted(image: Path, at: Path, *, options: str = "") -> Iterator[Path]:
    """The image's file system at this folder while the block lasts."""
    at.mkdir(exist_ok=True)
    _run("mount", "-o", ",".join(filter(None, ("loop", options))), image, at)
    try:
        yield at
    finally:
        _run("umount", at)


class Disk:
    """A disk with a volatile cache, as a program of its own (`platter`), with a file system mounted on it."""

    def __init__(self, image: Path, folder: Path) -> None:
        """image: how it begins; folder: for its mount points."""
        self._below, self.at = folder / "below", folder / "disk"
        for each in (folder, self._below, self.at):
            each.mkdir(exist_ok=True)
        self._program = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.platter", str(self._below), str(image)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        self._read()
        self._loop = ""
        try:
            self._loop = _run("losetup", "--find", "--show", self._below / "disk").strip()
            _run("mount", self._loop, self.at)
        except BaseException:
            self.close()
            raise

    def _read(self) -> dict[str, int]:
        assert self._program.stdout is not None
        line = self._program.stdout.readline()
        assert line, "the disk ended"
        answer: dict[str, int] = json.loads(line)
        return answer

    def cut(self, image: Path, *, share: float) -> dict[str, int]:
        """The disk as a power cut in this moment leaves it. share: of unsynced writes that got through."""
        assert self._program.stdin is not None
        self._program.stdin.write(f"cut {image} {share} {random.randrange(1 << 30)}\n")
        self._program.stdin.flush()
        return self._read()

    def close(self) -> None:
        for command in (("umount", self.at), ("losetup", "-d", self._loop), ("umount", self._below)):
            if command[-1]:
                subprocess.run([str(word) for word in command], capture_output=True)
        assert self._program.stdin is not None
        self._program.stdin.close()
        self._program.wait(timeout=30)
