"""A disk with a volatile write cache, whose power can be cut.

A program of its own: it serves one file, ``disk``, as a FUSE file system, over which a loop device and a
real file system are laid. Every write it is sent lies in its cache until a sync (FUSE_FSYNC, which is how a
loop device passes on a flush) brings all of them onto the platter. ``cut`` writes the platter as a power cut
leaves it into a file: what was synced, and of what was not, any part: in any order, and torn at a sector.

usage: python -m tests.crash.platter FOLDER IMAGE        mounts on FOLDER, beginning with the octets of IMAGE
On standard input, each answered by a line of JSON: ``cut FILE SHARE SEED`` (SHARE of the unsynced writes that
happened to reach the platter, 0 to 1), ``writes`` how many came so far.
Protocol: Linux include/uapi/linux/fuse.h, version 7.31.
"""

import ctypes
import errno
import json
import mmap
import os
import random
import select
import struct
import sys

_IN = struct.Struct("<IIQQIIIHH")
_OUT = struct.Struct("<IiQ")
_ATTRIBUTES = struct.Struct("<6Q10I")
_MOST = 1 << 17  # of one write
_SECTOR = 512
_PIECE = 1 << 20
_FILE = 2  # its node; 1 is the folder
_LOOKUP, _FORGET, _GETATTR, _SETATTR, _OPEN, _READ, _WRITE, _STATFS = 1, 2, 3, 4, 14, 15, 16, 17
_RELEASE, _FSYNC, _FLUSH, _INIT, _OPENDIR, _RELEASEDIR, _INTERRUPT, _DESTROY, _BATCH_FORGET = (
    18, 20, 25, 26, 27, 29, 36, 38, 42,
)  # fmt: skip
_NO_ANSWER = (_FORGET, _INTERRUPT, _BATCH_FORGET)


class Platter:
    def __init__(self, image: str) -> None:
        self.size = os.path.getsize(image)
        self._now = mmap.mmap(-1, self.size)  # what reads see
        self._synced = mmap.mmap(-1, self.size)
        self._cache: list[tuple[int, bytes]] = []
        self.writes = 0
        with open(image, "rb") as octets:
            at = 0
            while piece := octets.read(_PIECE):
                if piece.count(0) != len(piece):
                    self._now[at : at + len(piece)] = piece
                    self._synced[at : at + len(piece)] = piece
                at += len(piece)

    def read(self, offset: int, size: int) -> bytes:
        return self._now[offset : min(offset + size, self.size)]

    def write(self, offset: int, data: bytes) -> None:
        self.writes += 1
        self._now[offset : offset + len(data)] = data
        self._cache.append((offset, data))

    def sync(self) -> None:
        for offset, data in self._cache:
            self._synced[offset : offset + len(data)] = data
        self._cache.clear()

    def cut(self, file: str, share: float, seed: int) -> dict[str, int]:
        chance = random.Random(seed)
        reached = [each for each in self._cache if chance.random() < share]
        chance.shuffle(reached)
        with open(file, "wb") as out:
            out.truncate(self.size)
            for at in range(0, self.size, _PIECE):
                piece = self._synced[at : at + _PIECE]
                if piece.count(0) != len(piece):
                    os.pwrite(out.fileno(), piece, at)
            for offset, data in reached:
                torn = chance.random() < 0.2
                length = chance.randrange(0, len(data), _SECTOR) if torn else len(data)
                os.pwrite(out.fileno(), data[:length], offset)
        return {"unsynced": len(self._cache), "reached": len(reached), "writes": self.writes}


class Fuse:
    """Just enough of the protocol for one file that a loop device has open."""

    def __init__(self, folder: str, platter: Platter) -> None:
        self._platter = platter
        self.fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self.fd},rootmode=40000,user_id=0,group_id=0".encode()
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"platter", folder.encode(), b"fuse", 0, options) != 0:
            raise OSError(ctypes.get_errno(), "mount")

    def serve_one(self) -> bool:
        """False once it was unmounted."""
        try:
            request = os.read(self.fd, _MOST + 8192)
        except OSError as error:
            if error.errno == errno.ENODEV:
                return False
            if error.errno in (errno.ENOENT, errno.EINTR, errno.EAGAIN):
                return True
            raise
        _, code, unique, node, *_ = _IN.unpack_from(request)
        if code in _NO_ANSWER:
            return True
        answer = self._answer(code, node, memoryview(request)[_IN.size :])
        number, data = (answer, b"") if isinstance(answer, int) else (0, answer)
        try:
            os.write(self.fd, _OUT.pack(_OUT.size + len(data), -number, unique) + data)
        except OSError as error:
            if error.errno != errno.ENOENT:  # whoever asked has gone
                raise
        return code != _DESTROY

    def _answer(self, code: int, node: int, body: memoryview) -> bytes | int:
        if code == _READ:
            _, offset, size = struct.unpack_from("<QQI", body)
            return self._platter.read(offset, size)
        if code == _WRITE:
            _, offset, size = struct.unpack_from("<QQI", body)
            self._platter.write(offset, bytes(body[40 : 40 + size]))
            return struct.pack("<II", size, 0)
        if code == _FSYNC:
            self._platter.sync()
            return b""
        if code == _INIT:
            return struct.pack("<IIIIHHIIHHI28x", 7, 31, 1 << 17, 0, 64, 48, _MOST, 1, 0, 0, 0)
        if code == _LOOKUP:
            found = bytes(body).rstrip(b"\0") == b"disk"
            return struct.pack("<QQQQII", _FILE, 0, 3600, 3600, 0, 0) + self._of(_FILE) if found else errno.ENOENT
        if code in (_GETATTR, _SETATTR):
            return struct.pack("<QII", 3600, 0, 0) + self._of(node)
        if code in (_OPEN, _OPENDIR):
            return struct.pack("<QII", node, 0, 0)
        if code == _STATFS:
            return struct.pack("<5Q4I24x", 1 << 20, 0, 0, 1, 0, 4096, 255, 4096, 0)
        return b"" if code in (_RELEASE, _RELEASEDIR, _FLUSH, _DESTROY) else errno.ENOSYS

    def _of(self, node: int) -> bytes:
        mode, size = (0o100600, self._platter.size) if node == _FILE else (0o040700, 0)
        return _ATTRIBUTES.pack(node, size, size // _SECTOR, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def main() -> None:
    platter = Platter(sys.argv[2])
    fuse = Fuse(sys.argv[1], platter)
    print(json.dumps({"mounted": True}), flush=True)
    asked = [fuse.fd, 0]
    while True:
        ready = select.select(asked, [], [])[0]
        if fuse.fd in ready and not fuse.serve_one():
            return
        if 0 in ready:
            line = sys.stdin.readline()
            if not line:
                asked.remove(0)  # goes on until it is unmounted
                continue
            word, *rest = line.split()
            if word == "cut":
                print(json.dumps(platter.cut(rest[0], float(rest[1]), int(rest[2]))), flush=True)
            else:
                print(json.dumps({"writes": platter.writes}), flush=True)


if __name__ == "__main__":
    main()
