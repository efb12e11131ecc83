"""Hashes that others rely on: of log leaves and nodes (RFC 6962 section 2.1) and of plain octets."""

import hashlib

__all__ = ["EMPTY_TREE", "Sha256", "leaf_hash", "node_hash", "sha256"]


def sha256(data: bytes | bytearray | memoryview) -> bytes:
    return hashlib.sha256(data).digest()


class Sha256:
    """The same of octets that come in pieces."""

    def __init__(self) -> None:
        self._running = hashlib.sha256()

    def add(self, data: bytes) -> None:
        self._running.update(data)

    def digest(self) -> bytes:
        return self._running.digest()


EMPTY_TREE = sha256(b"")  # the root of a log without leaves


def leaf_hash(leaf: bytes) -> bytes:
    """The 00 in front keeps a leaf from ever hashing like a node (RFC 6962 section 2.1)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
