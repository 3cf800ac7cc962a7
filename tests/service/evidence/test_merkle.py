"""The tree: test vectors of RFC 6962's own implementations, and the laws of its proofs."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ledger.merkle import (
    EMPTY,
    Frontier,
    Hash,
    Tree,
    leaf,
    node,
    root,
    verify_consistency,
    verify_inclusion,
)

DATA = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"]
DATA += ["606162636465666768696a6b6c6d6e6f"]
VECTORS = [leaf(bytes.fromhex(each)) for each in DATA]
"""Leaves of the test vectors of Certificate Transparency (merkle/rfc6962)."""
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
MOST = 70
MANY = [leaf(bytes([n])) for n in range(MOST)]
TREE = Tree(MANY)


def naive_root(leaves: list[Hash]) -> Hash:
    """MTH of RFC 6962 section 2.1, word for word."""
    if not leaves:
        return Hash(hashlib.sha256().digest())
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return node(naive_root(leaves[:k]), naive_root(leaves[k:]))


def naive_path(m: int, leaves: list[Hash]) -> list[Hash]:
    """PATH of RFC 6962 section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    if m < k:
        return [*naive_path(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(m - k, leaves[k:]), naive_root(leaves[:k])]


def naive_subproof(m: int, leaves: list[Hash], *, known: bool) -> list[Hash]:
    """SUBPROOF of RFC 6962 section 2.1.2."""
    if m == len(leaves):
        return [] if known else [naive_root(leaves)]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    if m <= k:
        return [*naive_subproof(m, leaves[:k], known=known), naive_root(leaves[k:])]
    return [*naive_subproof(m - k, leaves[k:], known=False), naive_root(leaves[:k])]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_the_test_vectors(size: int) -> None:
    assert root(VECTORS[:size]).hex() == ROOTS[size]
    assert Tree(VECTORS).root(size).hex() == ROOTS[size]


def test_every_root_is_that_of_the_definition() -> None:
    frontier = Frontier()
    for size in range(MOST + 1):
        assert frontier.root() == TREE.root(size) == naive_root(MANY[:size])
        frontier = frontier.extend(MANY[size : size + 1])


def test_every_inclusion_proof_is_that_of_the_definition_and_holds() -> None:
    for size in range(1, MOST + 1):
        for index in range(size):
            proof = TREE.inclusion_proof(index, size)
            assert list(proof) == naive_path(index, MANY[:size])
            assert verify_inclusion(MANY[index], index, size, proof, TREE.root(size))


def test_every_consistency_proof_is_that_of_the_definition_and_holds() -> None:
    for size in range(MOST + 1):
        for old in range(size + 1):
            proof = TREE.consistency_proof(old, size)
            if old:
                assert list(proof) == naive_subproof(old, MANY[:size], known=True)
            assert verify_consistency(old, size, proof, TREE.root(old), TREE.root(size))


indexes = st.integers(0, MOST - 1)
sizes = st.integers(1, MOST)


@given(st.data())
def test_no_other_leaf_place_proof_or_root_holds(data: st.DataObject) -> None:
    """Attack: what is proven of one leaf passes for another."""
    size = data.draw(sizes)
    index = data.draw(st.integers(0, size - 1))
    proof = TREE.inclusion_proof(index, size)
    other = data.draw(st.integers(-2, MOST + 2).filter(lambda each: each != index))
    assert not verify_inclusion(MANY[index], other, size, proof, TREE.root(size))
    assert not verify_inclusion(MANY[index - 1], index, size, proof, TREE.root(size)) or size == 1
    assert not verify_inclusion(MANY[index], index, size, (*proof, EMPTY), TREE.root(size))
    assert not verify_inclusion(MANY[index], index, size, proof, EMPTY)
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        forged = (*proof[:at], EMPTY, *proof[at + 1 :])
        assert not verify_inclusion(MANY[index], index, size, forged, TREE.root(size))
        assert not verify_inclusion(MANY[index], index, size, proof[:-1], TREE.root(size))


@given(st.data())
def test_a_tree_that_did_not_only_grow_is_seen(data: st.DataObject) -> None:
    """Attack: an old entry is rewritten, whatever honest or forged proof comes with it."""
    size = data.draw(st.integers(2, MOST))
    old = data.draw(st.integers(1, size - 1))
    changed = data.draw(st.integers(0, old - 1))
    forged = Tree([*MANY[:changed], EMPTY, *MANY[changed + 1 :]])
    for proof in (TREE.consistency_proof(old, size), forged.consistency_proof(old, size)):
        assert not verify_consistency(old, size, proof, TREE.root(old), forged.root(size))
    honest = TREE.consistency_proof(old, size)
    assert not verify_consistency(old, size, (*honest, EMPTY), TREE.root(old), TREE.root(size))
    assert not verify_consistency(size, old, honest, TREE.root(size), TREE.root(old))


@pytest.mark.parametrize(
    ("size", "peaks"), [(1, ()), (0, (EMPTY,)), (3, (EMPTY,)), (-1, ()), (1, (Hash(b"short"),))]
)
def test_a_frontier_that_cannot_be_is_refused(size: int, peaks: tuple[Hash, ...]) -> None:
    with pytest.raises(ValueError, match="subtree"):
        Frontier(size, peaks)
