"""Do the files of the ring keep what docs/design/storage.md promises? Findings, and no opinions.

Three costs: names only (presence), sizes with the indexes read (sizes), and every byte read and
hashed (hashes). What needs rows, and what is done about it, is in `service/fsck.py`.

A segment may be written or removed while this looks at it. Its index is read before its bytes are
counted, and a file that has gone meanwhile is nothing: whoever joins this with rows looks again.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from itertools import pairwise
from pathlib import Path

from ingest.clock import Clock
from ingest.errors import FootageAltered
from ingest.files import Sha256, sha256_bytes
from ingest.ring import SUFFIXES, is_id
from ingest.segments import Piece, Segment, read_index
from vision.frame import SECOND, CameraId, Instant


class Depth(IntEnum):
    """How much is read."""

    PRESENCE = 0
    SIZES = 1
    HASHES = 2


class Severity(StrEnum):
    """What a finding means: evidence does not hold, a crash left it, or merely to be known."""

    DAMAGE = "damage"
    LEFTOVER = "leftover"
    NOTE = "note"


class Code(StrEnum):
    """What can be found; the catalogue has the words (`fsck.<key>`)."""

    INDEX_ALONE = "index_alone"
    MEDIA_ALONE = "media_alone"
    UNACKNOWLEDGED = "unacknowledged"
    INDEX_BROKEN = "index_broken"
    TORN_LINE = "torn_line"
    UNCLOSED = "unclosed"
    TAIL = "tail"
    SIZE = "size"
    HEADER_HASH = "header_hash"
    GOP_HASH = "gop_hash"
    SEGMENT_HASH = "segment_hash"
    CHAIN = "chain"
    OVERLAP = "overlap"
    FILES_MISSING = "files_missing"
    UNFINISHED = "unfinished"
    ROW_DIFFERS = "row_differs"
    OBJECT_MISSING = "object_missing"
    OBJECT_SIZE = "object_size"
    OBJECT_HASH = "object_hash"
    OBJECT_UNNAMED = "object_unnamed"
    OBJECT_BACK = "object_back"
    TEMPORARY = "temporary"
    FACT_ASIDE = "fact_aside"
    INSTALLATION = "installation"
    STRANGER = "stranger"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a code means.

    Attributes:
        invariant: its number in docs/design/storage.md.
        depth: the cheapest look that sees it.
    """

    severity: Severity
    invariant: str
    depth: Depth


_DAMAGE, _LEFTOVER, _NOTE = Severity.DAMAGE, Severity.LEFTOVER, Severity.NOTE

RULES: dict[Code, Rule] = {
    Code.INDEX_ALONE: Rule(_DAMAGE, "1", Depth.PRESENCE),
    Code.MEDIA_ALONE: Rule(_LEFTOVER, "R4", Depth.PRESENCE),
    Code.UNACKNOWLEDGED: Rule(_LEFTOVER, "R4", Depth.PRESENCE),
    Code.INDEX_BROKEN: Rule(_DAMAGE, "4", Depth.SIZES),
    Code.TORN_LINE: Rule(_LEFTOVER, "1", Depth.SIZES),
    Code.UNCLOSED: Rule(_LEFTOVER, "4", Depth.PRESENCE),
    Code.TAIL: Rule(_LEFTOVER, "1", Depth.SIZES),
    Code.SIZE: Rule(_DAMAGE, "2", Depth.SIZES),
    Code.HEADER_HASH: Rule(_DAMAGE, "3", Depth.HASHES),
    Code.GOP_HASH: Rule(_DAMAGE, "3", Depth.HASHES),
    Code.SEGMENT_HASH: Rule(_DAMAGE, "3", Depth.HASHES),
    Code.CHAIN: Rule(_DAMAGE, "R5", Depth.SIZES),
    Code.OVERLAP: Rule(_DAMAGE, "R5", Depth.SIZES),
    Code.FILES_MISSING: Rule(_DAMAGE, "R3", Depth.PRESENCE),
    Code.UNFINISHED: Rule(_LEFTOVER, "R3", Depth.PRESENCE),
    Code.ROW_DIFFERS: Rule(_DAMAGE, "4", Depth.SIZES),
    Code.OBJECT_MISSING: Rule(_DAMAGE, "6", Depth.PRESENCE),
    Code.OBJECT_SIZE: Rule(_DAMAGE, "5", Depth.SIZES),
    Code.OBJECT_HASH: Rule(_DAMAGE, "5", Depth.HASHES),
    Code.OBJECT_UNNAMED: Rule(_NOTE, "6", Depth.PRESENCE),
    Code.OBJECT_BACK: Rule(_LEFTOVER, "D3", Depth.PRESENCE),
    Code.TEMPORARY: Rule(_LEFTOVER, "6", Depth.PRESENCE),
    Code.FACT_ASIDE: Rule(_DAMAGE, "7", Depth.PRESENCE),
    Code.INSTALLATION: Rule(_DAMAGE, "6", Depth.PRESENCE),
    Code.STRANGER: Rule(_NOTE, "R4", Depth.PRESENCE),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        path: what it is about: a segment's id, or a path below the home folder.
        detail: numbers or names that belong to it, in no language.
        start, end: wall time of the pictures concerned, where that is known.
    """

    code: Code
    path: str
    detail: str = ""
    start: Instant | None = None
    end: Instant | None = None

    @property
    def severity(self) -> Severity:
        """What it means."""
        return RULES[self.code].severity

    @property
    def invariant(self) -> str:
        """What it violates."""
        return RULES[self.code].invariant


@dataclass
class Pace:
    """Reads no faster than `bytes_per_s` on average, so that recording has the disk; 0 is as fast
    as it goes.
    """

    clock: Clock
    bytes_per_s: float = 0.0
    read: int = 0

    def __post_init__(self) -> None:
        """Start the clock."""
        self._began_us = self.clock.monotonic_us()

    def spend(self, size: int) -> None:
        """Account for bytes that were read; returns when they may have been."""
        self.read += size
        if self.bytes_per_s:
            due_us = self._began_us + round(self.read / self.bytes_per_s * SECOND)
            ahead_us = due_us - self.clock.monotonic_us()
            if ahead_us > 0:
                self.clock.sleep(ahead_us / SECOND)


@dataclass(slots=True)
class Names:
    """What lies under one camera's folder: by segment, which of its two files are there."""

    index: set[str]
    media: set[str]
    strangers: list[str]

    @property
    def every(self) -> set[str]:
        """All segments of which there is a file."""
        return self.index | self.media


def cameras_in(root: Path) -> tuple[list[CameraId], list[Finding]]:
    """The folders of cameras, and what else lies beside them."""
    cameras, strangers = [], []
    for entry in sorted(os.scandir(root), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False) and is_id(f"{entry.name}/20260101/1"):
            cameras.append(CameraId(entry.name))
        elif not entry.name.endswith(".lock"):
            strangers.append(Finding(Code.STRANGER, f"segments/{entry.name}"))
    return cameras, strangers


def names_of(root: Path, camera: CameraId) -> Names:
    """Every name below a camera's folder; nothing is opened."""
    found = Names(set(), set(), [])
    for day in os.scandir(root / camera):
        if not (day.is_dir(follow_symlinks=False) and is_id(f"{camera}/{day.name}/1")):
            found.strangers.append(f"{camera}/{day.name}")
            continue
        for entry in os.scandir(day.path):
            stem, suffix = os.path.splitext(entry.name)  # noqa: PTH122  for 50,000 names
            name = f"{camera}/{day.name}/{stem}"
            if suffix not in SUFFIXES or not entry.is_file(follow_symlinks=False):
                found.strangers.append(f"{camera}/{day.name}/{entry.name}")
            elif not is_id(name):
                found.strangers.append(f"{name}{suffix}")
            else:
                (found.index if suffix == ".idx" else found.media).add(name)
    return found


def acknowledged(segment: Segment) -> list[Piece]:
    """Every stretch of bytes that the index vouches for, header first, one behind the other."""
    head = Piece(0, segment.head.init_size, segment.head.init_sha256)
    return [head, *(piece for gop in segment.gops for piece in gop.pieces)]


def _gapless(pieces: Sequence[Piece]) -> bool:
    """Whether each begins where the one before ends."""
    return all(one.offset + one.size == other.offset for one, other in pairwise(pieces))


def examine(root: Path, name: str, *, live: bool) -> tuple[Segment | None, list[Finding]]:
    """Read a segment's index and count its bytes; what is wrong with either.

    Args:
        live: it may be being written: an end that is not whole is no finding.

    Raises:
        FileNotFoundError: one of its files has gone.
    """
    index, media = (root / f"{name}{suffix}" for suffix in SUFFIXES)
    whole = _ends_whole(index)
    try:
        segment = read_index(index)
    except FootageAltered:
        return None, [Finding(Code.INDEX_BROKEN, name, "JSON")]
    if segment is None or not segment.gops:
        return None, [] if live else [Finding(Code.UNACKNOWLEDGED, name)]
    open_still = live and segment.end is None
    found = [] if whole or open_still else [Finding(Code.TORN_LINE, name)]
    if segment.head.camera != name.partition("/")[0]:
        found.append(Finding(Code.INDEX_BROKEN, name, segment.head.camera))
    if not _gapless(acknowledged(segment)):
        found.append(Finding(Code.INDEX_BROKEN, name, "offset"))
    found += _counted(segment, media.stat().st_size, name, open_still=open_still)
    return segment, found


def _ends_whole(index: Path) -> bool:
    """Whether the last line has its end."""
    with index.open("rb") as stream:
        if stream.seek(0, os.SEEK_END) == 0:
            return True
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) == b"\n"


def _counted(segment: Segment, size: int, name: str, *, open_still: bool) -> Iterator[Finding]:
    last = acknowledged(segment)[-1]
    told = segment.end.size if segment.end else last.offset + last.size
    if size < told or (segment.end and size > told):
        yield Finding(Code.SIZE, name, f"{size} != {told}")
    elif size > told and not open_still:
        yield Finding(Code.TAIL, name, str(size - told))


def hash_all(
    root: Path, name: str, segment: Segment, pace: Pace, *, whole: Sha256 | None
) -> Iterator[Finding]:
    """Read every acknowledged byte of a segment; what differs from what was recorded.

    Args:
        whole: digest of all of them, as the row says; the index's end has its own.

    Raises:
        FileNotFoundError: the file has gone.
    """
    digest = hashlib.sha256()
    times = {p.offset: (gop.at, gop.end) for gop in segment.gops for p in gop.pieces}
    # One fault is one finding: the whole is only news where every part holds.
    sound = _gapless(acknowledged(segment))
    with (root / f"{name}.mp4").open("rb") as stream:
        for piece in acknowledged(segment):
            stream.seek(piece.offset)
            data = stream.read(piece.size)
            pace.spend(len(data))
            digest.update(data)
            if sha256_bytes(data) != piece.sha256:
                sound = False
                stretch = f"{piece.offset}-{piece.offset + piece.size}"
                at = times.get(piece.offset)
                if at is None:
                    yield Finding(Code.HEADER_HASH, name, stretch)
                else:
                    yield Finding(Code.GOP_HASH, name, stretch, *at)
    told = {"index": segment.end.sha256 if segment.end else None, "row": whole}
    differing = [who for who, sha256 in told.items() if sha256 not in {None, digest.hexdigest()}]
    if sound and differing:
        yield Finding(Code.SEGMENT_HASH, name, ", ".join(differing))


@dataclass(frozen=True, slots=True)
class Link:
    """What places a segment among the others of its camera; media times in ticks."""

    name: str
    run: str
    predecessor: str | None
    first: int
    last: int

    @classmethod
    def of(cls, name: str, segment: Segment) -> "Link":
        """The link of a segment that has pictures."""
        last = max(picture.dts for gop in segment.gops for picture in gop.pictures)
        return cls(name, segment.head.run, segment.head.predecessor, segment.head.first_dts, last)


def overlaps(links: Iterable[Link]) -> Iterator[Finding]:
    """Segments of one run that hold the same stretch of media time; they must be of one camera."""
    before: Link | None = None
    for link in sorted(links, key=lambda link: (link.run, link.first, link.name)):
        if before is not None and before.run == link.run and link.first <= before.last:
            yield Finding(Code.OVERLAP, link.name, before.name)
        before = link
