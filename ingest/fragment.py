"""What is in a fragment of an MP4: read from the boxes that the muxer wrote (ISO/IEC 14496-12)."""

from collections import Counter
from collections.abc import Iterator

PICTURES, SOUNDS = 1, 2
"""Numbers that the muxer gives the tracks, in the order in which they were added."""


def samples(data: bytes) -> Counter[int]:
    """How many samples of each track the fragments in `data` hold, by track number."""
    found: Counter[int] = Counter()
    for name, moof in _boxes(data):
        if name != b"moof":
            continue
        for kind, traf in _boxes(moof):
            if kind == b"traf":
                track, count = _track(traf)
                found[track] += count
    return found


def _track(traf: bytes) -> tuple[int, int]:
    """Number of a track (`tfhd`, 8.8.7) and its samples (`trun`, 8.8.8) in one fragment."""
    track, count = 0, 0
    for kind, body in _boxes(traf):
        # Both begin with a version and flags of four bytes together.
        number = int.from_bytes(body[4:8])
        if kind == b"tfhd":
            track = number
        elif kind == b"trun":
            count += number
    return track, count


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each box, one behind the other (4.2)."""
    at = 0
    while at + 8 <= len(data):
        size, header = int.from_bytes(data[at : at + 4]), 8
        if size == 1:
            size, header = int.from_bytes(data[at + 8 : at + 16]), 16
        if size < header:
            return
        yield data[at + 4 : at + 8], data[at + header : at + size]
        at += size
