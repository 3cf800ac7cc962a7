"""What a camera recorded, by wall time; a segment can be read while it is still being written."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from ingest.errors import FootageAltered, NoFootage
from ingest.files import Sha256, sha256_bytes
from vision.frame import SECOND, CameraId, Instant, later

LONGEST_S = 660.0
"""No segment covers more: the longest setting (600 s) and a GOP of a minute."""
TOLERANCE_S = 2.0
"""Pictures further apart than this are a gap: longer than a frame at 1 fps or a network hiccup."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first line of a segment's index."""

    path: Path
    camera: CameraId
    run: str
    predecessor: str | None
    predecessor_end: str | None
    codec: str
    width: int
    height: int
    time_base: Fraction
    first_dts: int
    init_size: int
    init_sha256: Sha256


@dataclass(frozen=True, slots=True)
class Picture:
    """One packet as the index knows it; fields as in `ingest.packet.Packet`."""

    pts: int
    dts: int
    duration: int
    key: bool
    size: int
    arrival: Instant
    monotonic_us: int
    camera_time: Instant | None


@dataclass(frozen=True, slots=True)
class Gop:
    """A key frame and what follows until the next: the smallest piece that stands alone.

    Attributes:
        offset, size, sha256: where its bytes lie in the segment file, and their digest.
        at: wall time of its key frame.
    """

    head: Head
    offset: int
    size: int
    sha256: Sha256
    at: Instant
    pictures: tuple[Picture, ...]

    def wall(self, pts: int) -> Instant:
        """Wall time of a media time of this GOP."""
        return later(self.at, float((pts - self.pictures[0].pts) * self.head.time_base))

    @property
    def end(self) -> Instant:
        """Wall time at which its last picture ends."""
        last = max(self.pictures, key=lambda picture: picture.pts)
        return self.wall(last.pts + last.duration)


@dataclass(frozen=True, slots=True)
class End:
    """The last line of a closed segment's index."""

    reason: str
    size: int
    sha256: Sha256
    closed: Instant


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment's whole index; `end` is None while it is written or after a crash."""

    head: Head
    gops: tuple[Gop, ...]
    end: End | None

    @property
    def id(self) -> str:
        """Path below the segments folder, without suffix: `<camera>/<yyyymmdd>/<start>`."""
        return "/".join(self.head.path.parts[-3:])


def _head(path: Path, line: dict[str, Any]) -> Head:
    return Head(
        path=path,
        camera=CameraId(line["camera"]),
        run=line["run"],
        predecessor=line["predecessor"],
        predecessor_end=line["predecessor_end"],
        codec=line["codec"],
        width=line["width"],
        height=line["height"],
        time_base=Fraction(*line["time_base"]),
        first_dts=line["first_dts"],
        init_size=line["init_size"],
        init_sha256=Sha256(line["init_sha256"]),
    )


def _gop(head: Head, line: dict[str, Any]) -> Gop:
    return Gop(
        head=head,
        offset=line["offset"],
        size=line["size"],
        sha256=Sha256(line["sha256"]),
        at=Instant(line["at_us"]),
        pictures=tuple(
            Picture(pts, dts, duration, bool(key), *rest)
            for pts, dts, duration, key, *rest in line["packets"]
        ),
    )


def read_index(path: Path) -> Segment | None:
    """The segment whose index is `path`; None when not even its first line is whole.

    A line without its end is a write that a crash cut off; it was never acknowledged.

    Raises:
        FootageAltered: a whole line is not what the recorder writes.
    """
    whole = path.read_bytes().rpartition(b"\n")[0]
    if not whole:
        return None
    try:
        first, *rest = (json.loads(line) for line in whole.split(b"\n"))
        head = _head(path.with_suffix(""), first)
        end = rest.pop() if rest and "end" in rest[-1] else None
        return Segment(
            head=head,
            gops=tuple(_gop(head, line) for line in rest),
            end=End(end["end"], end["size"], Sha256(end["sha256"]), Instant(end["closed_us"]))
            if end
            else None,
        )
    except (ValueError, KeyError, TypeError, ZeroDivisionError) as error:
        raise FootageAltered(path="/".join(path.parts[-3:])) from error


def load(gops: Sequence[Gop]) -> bytes:
    """A playable fragmented MP4 of GOPs of one segment, every byte checked against its hash.

    Raises:
        FootageAltered: bytes are missing or differ from what was recorded.
    """
    head = gops[0].head
    media = head.path.with_suffix(".mp4")
    pieces = [(0, head.init_size, head.init_sha256)]
    pieces += [(gop.offset, gop.size, gop.sha256) for gop in gops]
    found = bytearray()
    with media.open("rb") as stream:
        for offset, size, sha256 in pieces:
            stream.seek(offset)
            data = stream.read(size)
            if sha256_bytes(data) != sha256:
                raise FootageAltered(path="/".join(media.parts[-3:]))
            found += data
    return bytes(found)


def by_segment(gops: Iterable[Gop]) -> Iterator[list[Gop]]:
    """Consecutive GOPs of one segment together, in the order in which they were recorded.

    A wall clock that was set back sorts GOPs otherwise; there another batch begins.
    """
    batch: list[Gop] = []
    for gop in gops:
        if batch and (gop.head.path != batch[0].head.path or gop.offset < batch[-1].offset):
            yield batch
            batch = []
        batch.append(gop)
    if batch:
        yield batch


@dataclass(frozen=True, slots=True)
class Hole:
    """An interval without pictures inside what was asked for."""

    start: Instant
    end: Instant


def holes(gops: Sequence[Gop], start: Instant, end: Instant) -> list[Hole]:
    """Where `gops` leave parts of `[start, end)` uncovered for longer than the tolerance."""
    found, covered = [], start
    for gop in gops:
        reached = min(gop.at, end)
        if reached - covered > TOLERANCE_S * SECOND:
            found.append(Hole(covered, reached))
        covered = max(covered, gop.end)
    if end - covered > TOLERANCE_S * SECOND:
        found.append(Hole(covered, end))
    return found


def day_of(at: Instant) -> str:
    """Name of the folder of segments that begin on that day (UTC): `yyyymmdd`."""
    return datetime.fromtimestamp(at / SECOND, UTC).strftime("%Y%m%d")


class Segments:
    """The recorded ring below `root`, read by camera and wall time."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def indexes(self, camera: CameraId, start: Instant, end: Instant) -> list[Path]:
        """Index files of segments that may cover part of `[start, end)`, by their start."""
        first, last = later(start, -LONGEST_S), end
        days = (self._root / camera).glob("*")
        found = (
            path
            for day in days
            if day.name >= day_of(first)
            for path in day.glob("*.idx")
            if path.stem.isdecimal() and first <= int(path.stem) < last
        )
        return sorted(found, key=lambda path: int(path.stem))

    def read(self, camera: CameraId, start: Instant, end: Instant) -> list[Gop]:
        """Every acknowledged GOP of `camera` with a picture in `[start, end)`, by wall time.

        Raises:
            NoFootage: there is none at all.
            FootageAltered: an index is not what the recorder wrote.
        """
        segments = (read_index(path) for path in self.indexes(camera, start, end))
        gops = [
            gop
            for segment in segments
            if segment is not None
            for gop in segment.gops
            if gop.at < end and gop.end > start
        ]
        if not gops:
            raise NoFootage(camera=camera)
        return sorted(gops, key=lambda gop: gop.at)

    def recorded_to(self, camera: CameraId, since: Instant) -> Instant | None:
        """End of the latest acknowledged GOP that begins after `since`."""
        far = Instant(since + 10**15)
        try:
            return max(gop.end for gop in self.read(camera, since, far))
        except NoFootage:
            return None
