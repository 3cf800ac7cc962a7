"""A file that goes into a bundle: where it comes from, and what it is once it was hashed."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ingest.errors import FootageAltered
from ingest.files import Sha256
from service.errors import EvidenceError

_BLOCK = 1 << 20
"""Bytes per read: large enough that the system calls do not count."""


class Role(StrEnum):
    """What a file is in a bundle; stills have the role of their item."""

    SEGMENT = "segment"
    UPLOAD = "upload"
    COMPANION = "companion"
    INDEX = "index"
    CLIP = "clip"
    MANIFEST = "manifest"
    REVIEW = "review"
    DOCUMENT = "document"
    CLOCK = "clock"
    REPORT = "report"


UNLOGGED = frozenset({Role.INDEX, Role.CLOCK, Role.REPORT})
"""Files that no entry of the log names but that of the export itself."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A file to be taken along.

    Attributes:
        path: in the bundle.
        sha256: what it must be; None where only the bundle says what it is.
        size: how many of its first bytes count; None for all. Behind the acknowledged bytes of a
            segment a crash may have left others.
        parent: path of the file from which it was made.
    """

    path: str
    role: str
    source: Path
    sha256: Sha256 | None
    size: int | None = None
    parent: str | None = None

    def blocks(self) -> Iterator[bytes]:
        """Its bytes.

        Raises:
            EvidenceError: it is not there.
        """
        left = self.size
        try:
            with self.source.open("rb") as stream:
                while left is None or left > 0:
                    block = stream.read(_BLOCK if left is None else min(_BLOCK, left))
                    if not block:
                        return
                    left = None if left is None else left - len(block)
                    yield block
        except FileNotFoundError as error:
            raise EvidenceError("export_missing", path=self.path) from error


@dataclass(frozen=True, slots=True)
class Measured:
    """A file of a bundle as it was read.

    Attributes:
        sm3: digest of GB/T 32905 beside the SHA-256, for programs that ask for it; empty where
            the machine's OpenSSL does not know it.
    """

    piece: Piece
    size: int
    sha256: Sha256
    sm3: str


@dataclass(frozen=True, slots=True)
class Absent:
    """A file that belongs to the evidence and cannot be taken along, because it was destroyed."""

    kind: str
    id: str
    sha256: str
    why: str


def sm3_bytes(data: bytes) -> str:
    """See `Measured.sm3`."""
    digest = _sm3()
    if digest is None:
        return ""
    digest.update(data)
    return digest.hexdigest()


def _sm3() -> "hashlib._Hash | None":
    return hashlib.new("sm3") if "sm3" in hashlib.algorithms_available else None


def measure(piece: Piece) -> Measured:
    """Read and hash a file.

    Raises:
        FootageAltered: it is not what it must be.
        EvidenceError: it is not there.
    """
    sha256, sm3, size = hashlib.sha256(), _sm3(), 0
    for block in piece.blocks():
        sha256.update(block)
        if sm3 is not None:
            sm3.update(block)
        size += len(block)
    found = Sha256(sha256.hexdigest())
    if piece.sha256 not in {None, found}:
        raise FootageAltered(path=piece.path)
    return Measured(piece, size, found, sm3.hexdigest() if sm3 else "")
