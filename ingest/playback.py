"""What the common browsers play, read off a file's header.

Only MP4 is played by all of them, so only its boxes are read (ISO/IEC 14496-12), in plain Python:
a stranger's file meets no decoder here. What they play in it is 8-bit 4:2:0 H.264 with AAC
(caniuse.com "mpeg4" and "hevc"; MDN, "Web video codec guide"). Some play more, such as H.265
where the machine has a decoder for it; that is not relied upon.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from io import SEEK_END
from pathlib import Path
from typing import BinaryIO

_PROFILES = frozenset({66, 77, 100})
"""Baseline, Main and High (ITU-T H.264 annex A): the profiles of 8-bit 4:2:0 that all play."""
_SOUNDS = frozenset({"mp4a", ".mp3"})
"""AAC and MP3 as MP4 names them."""
_MAX_INDEX_BYTES = 64 << 20
"""Index of a day of video; more is no file of ours to read into memory."""
_MAX_BOXES = 10_000
"""At the top of a file or within a box; a fragmented day has fewer."""
_ENTRY = {"vide": 86, "soun": 36}
"""Bytes of a sample entry before the boxes within it (ISO/IEC 14496-12, 12.1.3 and 12.2.3)."""


@dataclass(frozen=True, slots=True)
class Coding:
    """What of a file decides whether it plays.

    Attributes:
        container: `mp4`, `quicktime`, or `other`.
        codec: sample entry of the first video track (`avc1`, `hvc1`, `mp4v`, ...); empty if none.
        profile: H.264 profile_idc; 0 when it is not H.264.
        sounds: sample entries of the audio tracks.
        fragmented: its index is spread over the file; players misjudge how long it is.
    """

    container: str
    codec: str = ""
    profile: int = 0
    sounds: tuple[str, ...] = ()
    fragmented: bool = False


def playable(coding: Coding) -> bool:
    """Whether the common browsers play such a file, picture and sound.

    Where the index stands does not matter as long as ranges of the file are served.
    """
    return (
        coding.container == "mp4"
        and coding.codec in {"avc1", "avc3"}
        and coding.profile in _PROFILES
        and set(coding.sounds) <= _SOUNDS
        and not coding.fragmented
    )


def read_coding(path: Path) -> Coding:
    """The coding of a file; `other` for whatever is not MP4 or is too broken to tell."""
    with path.open("rb") as stream:
        try:
            return _coding(stream)
        except (IndexError, ValueError):
            return Coding("other")


def _coding(stream: BinaryIO) -> Coding:
    brand, index = b"", b""
    fragmented = False
    for kind, size in _top_boxes(stream):
        if kind == b"ftyp":
            brand = stream.read(min(size, 4))
        elif kind == b"moov" and size <= _MAX_INDEX_BYTES:
            index = stream.read(size)
        fragmented = fragmented or kind == b"moof"
    if not index:
        return Coding("other")
    tracks = [_track(data) for kind, data in _boxes(index) if kind == b"trak"]
    entries = [(handler, *entry) for handler, entry in tracks if entry]
    videos = [(name, data) for handler, name, data in entries if handler == "vide"]
    codec, entry = videos[0] if videos else ("", b"")
    return Coding(
        container="quicktime" if brand == b"qt  " or not brand else "mp4",
        codec=codec,
        profile=_profile(entry),
        sounds=tuple(name for handler, name, _ in entries if handler == "soun"),
        fragmented=fragmented or any(kind == b"mvex" for kind, _ in _boxes(index)),
    )


def _top_boxes(stream: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Type and size of every box of a file, the stream at the beginning of its content."""
    end = stream.seek(0, SEEK_END)
    place = stream.seek(0)
    for _ in range(_MAX_BOXES):
        head = stream.read(8)
        if len(head) < 8:
            return
        size, content = int.from_bytes(head[:4], "big"), 8
        if size == 1:
            size, content = int.from_bytes(stream.read(8), "big"), 16
        elif size == 0:
            size = end - place
        if size < content:
            raise ValueError(size)
        yield head[4:], size - content
        place = stream.seek(place + size)
        if place >= end:
            return


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and content of every box in `data`, in order."""
    place = 0
    for _ in range(_MAX_BOXES):
        size = int.from_bytes(data[place : place + 4], "big")
        if size < 8 or place + size > len(data):
            return
        yield data[place + 4 : place + 8], data[place + 8 : place + size]
        place += size


def _within(data: bytes, *path: bytes) -> bytes:
    """Content of the first box at `path`; empty when there is none."""
    for wanted in path:
        data = next((content for kind, content in _boxes(data) if kind == wanted), b"")
    return data


def _track(trak: bytes) -> tuple[str, tuple[str, bytes] | None]:
    """A track's handler, and name and inner boxes of its first sample entry."""
    handler = _within(trak, b"mdia", b"hdlr")[8:12].decode("latin-1")
    entries = _within(trak, b"mdia", b"minf", b"stbl", b"stsd")[8:]
    first = next(_boxes(entries), None)
    if first is None:
        return handler, None
    name, data = first
    return handler, (name.decode("latin-1"), data[_ENTRY.get(handler, 8) - 8 :])


def _profile(entry: bytes) -> int:
    """AVCProfileIndication (ISO/IEC 14496-15, 5.3.3.1.2)."""
    record = _within(entry, b"avcC")
    return record[1] if len(record) > 1 else 0
