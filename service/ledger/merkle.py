"""The Merkle tree of RFC 6962 section 2.1 over the hashes of leaves; pure.

A leaf's hash begins with 0x00 and a node's with 0x01, so that neither can be taken for the other.
The largest power of two below the size is on the left. `Tree` gives proofs, `Frontier` only grows
and fits into a row.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NewType

Hash = NewType("Hash", bytes)
"""32 bytes of SHA-256: of a leaf, a subtree or a whole tree."""
Proof = tuple[Hash, ...]

_HASH_SIZE = 32
EMPTY = Hash(hashlib.sha256(b"").digest())
"""Root of the tree without leaves."""


def leaf(data: bytes) -> Hash:
    """Hash of a leaf that holds `data`."""
    return Hash(hashlib.sha256(b"\x00" + data).digest())


def node(left: bytes | bytearray, right: bytes | bytearray) -> Hash:
    """Hash of the subtree made of two."""
    return Hash(hashlib.sha256(b"\x01" + left + right).digest())


def _split(size: int) -> int:
    """The largest power of two smaller than `size`, which is at least 2."""
    return 1 << ((size - 1).bit_length() - 1)


def _joined(peaks: Sequence[Hash]) -> Hash:
    """Root over complete subtrees from left to right; there is at least one."""
    joined = peaks[-1]
    for left in reversed(peaks[:-1]):
        joined = node(left, joined)
    return joined


@dataclass(frozen=True, slots=True)
class Frontier:
    """The complete subtrees of a tree, from left to right: enough to append and to tell the root.

    Raises:
        ValueError: there are not as many subtrees as `size` has bits set, or one is no hash.
    """

    size: int = 0
    peaks: Proof = ()

    def __post_init__(self) -> None:
        """See the class."""
        if self.size < 0 or self.size.bit_count() != len(self.peaks):
            raise ValueError(f"{len(self.peaks)} subtrees cannot be those of {self.size} leaves")
        if any(len(peak) != _HASH_SIZE for peak in self.peaks):
            raise ValueError("a subtree's hash is not 32 bytes long")

    def extend(self, leaves: Iterable[Hash]) -> "Frontier":
        """The frontier after more leaves."""
        size, peaks = self.size, list(self.peaks)
        for each in leaves:
            grown, rest = each, size
            while rest & 1:
                grown, rest = node(peaks.pop(), grown), rest >> 1
            peaks.append(grown)
            size += 1
        return Frontier(size, tuple(peaks))

    def root(self) -> Hash:
        """Root of the tree."""
        return _joined(self.peaks) if self.peaks else EMPTY


def root(leaves: Iterable[Hash]) -> Hash:
    """Root of the tree over the hashes of `leaves`."""
    return Frontier().extend(leaves).root()


class Tree:
    """Every complete subtree of a growing tree: about 64 bytes a leaf.

    The sizes and indexes that its methods take are the caller's to check against `size`.
    """

    def __init__(self, leaves: Iterable[Hash] = ()) -> None:
        self._levels: list[bytearray] = [bytearray()]
        self.extend(leaves)

    @property
    def size(self) -> int:
        """Number of leaves."""
        return len(self._levels[0]) // _HASH_SIZE

    def extend(self, leaves: Iterable[Hash]) -> None:
        """Append leaves by their hashes."""
        for each in leaves:
            self._levels[0] += each
            level = 0
            while (len(self._levels[level]) // _HASH_SIZE) % 2 == 0:
                below = self._levels[level]
                if level + 1 == len(self._levels):
                    self._levels.append(bytearray())
                self._levels[level + 1] += node(below[-64:-32], below[-32:])
                level += 1

    def subtree(self, level: int, index: int) -> Hash:
        """Root of the complete subtree of `2**level` leaves that begins at `index * 2**level`."""
        at = index * _HASH_SIZE
        return Hash(bytes(self._levels[level][at : at + _HASH_SIZE]))

    def _range(self, begin: int, end: int) -> Hash:
        """Root of the leaves from `begin` to `end`; `begin` is where a subtree of them begins."""
        peaks = []
        while begin < end:
            level = (end - begin).bit_length() - 1
            peaks.append(self.subtree(level, begin >> level))
            begin += 1 << level
        return _joined(peaks)

    def root(self, size: int) -> Hash:
        """Root of the tree of the first `size` leaves."""
        return self._range(0, size) if size else EMPTY

    def inclusion_proof(self, index: int, size: int) -> Proof:
        """Proof that leaf `index` is in the tree of the first `size` (RFC 6962 section 2.1.1)."""
        begin, end = 0, size
        proof: list[Hash] = []
        while end - begin > 1:
            middle = begin + _split(end - begin)
            if index < middle:
                proof.append(self._range(middle, end))
                end = middle
            else:
                proof.append(self._range(begin, middle))
                begin = middle
        return tuple(reversed(proof))

    def consistency_proof(self, old: int, size: int) -> Proof:
        """Proof that the first `old` of `size` leaves are unchanged (RFC 6962 section 2.1.2)."""
        if old in {0, size}:
            return ()
        begin, end = 0, size
        proof: list[Hash] = []
        while end != old:
            middle = begin + _split(end - begin)
            if old <= middle:
                proof.append(self._range(middle, end))
                end = middle
            else:
                proof.append(self._range(begin, middle))
                begin = middle
        # Where the old tree is a complete subtree from the left, whoever checks knows its root.
        if begin:
            proof.append(self._range(begin, end))
        return tuple(reversed(proof))


def verify_inclusion(leaf: Hash, index: int, size: int, proof: Sequence[Hash], root: Hash) -> bool:
    """Whether `proof` leads from a leaf to `root` (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, grown = index, size - 1, leaf
    for each in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            grown = node(each, grown)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            grown = node(grown, each)
        at, last = at >> 1, last >> 1
    return last == 0 and grown == root


def verify_consistency(
    old: int, size: int, proof: Sequence[Hash], old_root: Hash, root: Hash
) -> bool:
    """Whether `proof` shows that a tree only grew from `old` to `size` (RFC 9162 2.1.4.2)."""
    if not 0 <= old <= size:
        return False
    if old in {0, size}:
        return not proof and old_root == (EMPTY if old == 0 else root)
    path = list(proof)
    if old.bit_count() == 1:
        path.insert(0, old_root)
    if not path:
        return False
    at, last = old - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = path[0]
    for each in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            before, after = node(each, before), node(each, after)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            after = node(after, each)
        at, last = at >> 1, last >> 1
    return last == 0 and before == old_root and after == root
