"""The tree of RFC 6962, against its definition, published roots and a verifier of our own."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.audit.proving import follows, leads_to

from frisket.audit.tree import Frontier, consistency, inclusion

# The leaves and roots that Certificate Transparency implementations test themselves with.
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def leaf(data):
    return hashlib.sha256(b"\x00" + data).digest()


def mth(hashes):
    """The definition in RFC 6962 section 2.1, word for word."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return hashlib.sha256(b"\x01" + mth(hashes[:k]) + mth(hashes[k:])).digest()


class Whole:
    """Nodes computed from all leaves by the definition."""

    def __init__(self, hashes):
        self._hashes = hashes

    def node(self, height, index):
        start, end = index << height, (index + 1) << height
        assert end <= len(self._hashes)
        return mth(self._hashes[start:end])


LEAVES = [leaf(str(number).encode()) for number in range(700)]


@pytest.mark.parametrize("size", range(9))
def test_the_roots_are_the_published_ones(size):
    frontier = Frontier()
    frontier.add([leaf(bytes.fromhex(data)) for data in INPUTS[:size]])
    assert frontier.root().hex() == ROOTS[size]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 300), max_size=4))
def test_it_makes_no_difference_in_which_portions_leaves_are_added(portions):
    frontier, at = Frontier(), 0
    for portion in portions:
        part = LEAVES[at : at + portion]
        frontier.add(part)
        at += len(part)
    assert frontier.size == at and frontier.root() == mth(LEAVES[:at])


def test_tiles_are_told_as_they_become_complete():
    frontier = Frontier()
    told = [node for start in range(0, 700, 50) for node in frontier.add(LEAVES[start : start + 50])]
    assert told == [(1, mth(LEAVES[:256])), (1, mth(LEAVES[256:512]))]


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 600).flatmap(lambda size: st.tuples(st.integers(0, size - 1), st.just(size))))
def test_every_inclusion_proof_convinces_a_verifier_who_has_only_the_root(case):
    position, size = case
    path = inclusion(Whole(LEAVES), position, size)
    root = mth(LEAVES[:size])
    assert leads_to(root, LEAVES[position], position, size, path)
    assert not leads_to(root, LEAVES[position + 1], position, size, path)


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 600).flatmap(lambda size: st.tuples(st.integers(1, size), st.just(size))))
def test_every_consistency_proof_convinces_a_verifier_who_has_only_the_two_roots(case):
    first, second = case
    path = consistency(Whole(LEAVES), first, second)
    old, new = mth(LEAVES[:first]), mth(LEAVES[:second])
    assert follows(old, new, first, second, path)
    if first != second:
        assert not follows(LEAVES[0] if first > 1 else LEAVES[1], new, first, second, path)
