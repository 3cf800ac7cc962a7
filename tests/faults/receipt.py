"""Receipts: what the indexes acknowledged at one moment, to be asked for later."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import av

from ingest.files import sha256_bytes
from ingest.segments import Segment, load, read_index
from tests.faults.reel import Reel
from vision.frame import SECOND

_Piece = tuple[int, int, str]
"""Offset, size and SHA-256 of acknowledged bytes."""
Receipts: TypeAlias = dict[str, set[_Piece]]
"""By segment, every piece that its index named."""


def segments_in(root: Path, camera: str = "*") -> Iterator[Segment]:
    """Every segment below a ring whose index has a whole line, in the order of recording."""
    found = [s for path in root.glob(f"{camera}/*/*.idx") if (s := read_index(path)) and s.gops]
    yield from sorted(found, key=lambda s: s.gops[0].pictures[0].monotonic_us)


def receipts(root: Path) -> Receipts:
    """What is acknowledged now."""
    return {
        segment.id: {
            (0, segment.head.init_size, segment.head.init_sha256),
            *((p.offset, p.size, p.sha256) for gop in segment.gops for p in gop.pieces),
        }
        for segment in segments_in(root)
    }


def unkept(root: Path, given: Receipts) -> int:
    """How many acknowledged pieces are no longer named, or no longer there byte for byte."""
    now = receipts(root)
    gone = 0
    for name, pieces in given.items():
        data = (root / f"{name}.mp4").read_bytes()
        for offset, size, sha256 in pieces:
            named = (offset, size, sha256) in now.get(name, set())
            gone += not named or sha256_bytes(data[offset : offset + size]) != sha256
    return gone


@dataclass(frozen=True, slots=True)
class Shown:
    """A recorded picture: when it came, and its place in the reel; None if it is damaged."""

    monotonic_us: int
    place: int | None


def shown(root: Path, reel: Reel, camera: str = "*") -> list[Shown]:
    """Every recorded picture in the order of recording, its bytes compared with the reel's."""
    found = []
    for segment in segments_in(root, camera):
        for gop in segment.gops:
            for picture, coded in zip(gop.pictures, _coded(load([gop])), strict=True):
                found.append(Shown(picture.monotonic_us, _place(reel, coded)))
    return found


def _coded(data: bytes) -> Iterator[bytes]:
    with av.open(io.BytesIO(data), "r", format="mp4") as container:
        yield from (bytes(p) for p in container.demux(video=0) if p.size)


def _place(reel: Reel, coded: bytes) -> int | None:
    try:
        return reel.place(coded)
    except KeyError:
        return None


def missing(pictures: list[Shown], reel: Reel) -> int:
    """How many pictures a camera that never paused sent between those that were recorded."""
    whole = [p for p in pictures if p.place is not None]
    lost = 0
    for one, other in pairwise(whole):
        assert one.place is not None
        assert other.place is not None
        between = (other.place - one.place - 1) % reel.count
        sent = (other.monotonic_us - one.monotonic_us) * reel.fps / SECOND - 1
        # The reel goes round: time tells how often.
        lost += between + reel.count * round((sent - between) / reel.count)
    return lost
