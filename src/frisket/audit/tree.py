"""The tree over the leaves: RFC 6962 section 2.1, without files.

A tree of n leaves is held as its peaks, the roots of the complete subtrees that n's binary digits name,
largest first. Adding a leaf costs one hash on average, a root at most one per digit.
"""

from collections.abc import Sequence
from typing import Protocol

from frisket.plumbing.keys import EMPTY_TREE, node_hash

__all__ = ["TILE", "Frontier", "Nodes", "consistency", "inclusion", "subtree_root"]

TILE = 256  # hashes of one level that lie together; a tile's root is one hash of the next level
TILE_HEIGHT = 8


def subtree_root(hashes: Sequence[bytes]) -> bytes:
    """The root over a power of two of hashes."""
    while len(hashes) > 1:
        pairs = iter(hashes)
        hashes = [node_hash(left, right) for left, right in zip(pairs, pairs, strict=True)]
    return hashes[0]


class Frontier:
    """The right edge of a growing tree: enough to add leaves and to say the root."""

    __slots__ = ("_peaks", "size")

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        self.size = size
        self._peaks = list(peaks)

    def add(self, leaves: Sequence[bytes]) -> list[tuple[int, bytes]]:
        """Add hashes of leaves; the tile roots that became complete: level (from 1) and hash, in order."""
        complete: list[tuple[int, bytes]] = []
        if len(leaves) == TILE and self.size % TILE == 0:
            root = subtree_root(leaves)
            complete.append((1, root))
            self._push(root, TILE_HEIGHT, complete)
        else:
            for leaf in leaves:
                self._push(leaf, 0, complete)
        return complete

    def _push(self, node: bytes, height: int, complete: list[tuple[int, bytes]]) -> None:
        left = self.size >> height
        self.size += 1 << height
        while left & 1:
            node = node_hash(self._peaks.pop(), node)
            height += 1
            left >>= 1
            if height % TILE_HEIGHT == 0:
                complete.append((height // TILE_HEIGHT, node))
        self._peaks.append(node)

    def root(self) -> bytes:
        if not self._peaks:
            return EMPTY_TREE
        *others, root = self._peaks
        for peak in reversed(others):
            root = node_hash(peak, root)
        return root


class Nodes(Protocol):
    """Where the hashes of a tree are looked up."""

    def node(self, height: int, index: int) -> bytes:
        """The root over the leaves from ``index << height``, ``1 << height`` of them, all present."""


def _split(count: int) -> int:
    """The largest power of two that is smaller than count."""
    return 1 << ((count - 1).bit_length() - 1)


def _over(nodes: Nodes, start: int, end: int) -> bytes:
    count = end - start
    if count & (count - 1) == 0:
        height = count.bit_length() - 1
        return nodes.node(height, start >> height)
    middle = start + _split(count)
    return node_hash(_over(nodes, start, middle), _over(nodes, middle, end))


def inclusion(nodes: Nodes, position: int, size: int) -> list[bytes]:
    """The audit path of a leaf in the tree of the first ``size`` leaves, lowest first (section 2.1.1)."""
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if position < middle:
            path.append(_over(nodes, middle, end))
            end = middle
        else:
            path.append(_over(nodes, start, middle))
            start = middle
    path.reverse()
    return path


def consistency(nodes: Nodes, first: int, second: int) -> list[bytes]:
    """Proof that the tree of ``second`` leaves begins with that of ``first`` (section 2.1.2).

    Empty when they are the same tree or the first is empty.
    """
    if first in (0, second):
        return []
    proof: list[bytes] = []
    start, end, known = 0, second, True  # known: the reader has the root over what is left of first
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            proof.append(_over(nodes, middle, end))
            end = middle
        else:
            proof.append(_over(nodes, start, middle))
            start, known = middle, False
    if not known:
        proof.append(_over(nodes, start, end))
    proof.reverse()
    return proof
