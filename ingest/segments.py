"""What a camera recorded, by wall time; a segment can be read while it is still being written."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

from ingest.clock import UNKNOWN, ClockQuality
from ingest.errors import FootageAltered, NoFootage
from ingest.files import Sha256, sha256_bytes
from vision.frame import SECOND, CameraId, Instant, later

LONGEST_S = 660.0
"""What a segment covers at most: the longest setting (600 s) and a GOP of a minute. One that is
longer, of a camera that sends no key frames, is found as the one before."""
FAR = Instant(1 << 60)
"""Later than anything that is recorded."""
LATEST_S = 10.0
"""A segment is named by the arrival of its first packet, which may be so much later than the time
of its first picture: a network that holds packets back for longer breaks the connection."""
TOLERANCE_S = 2.0
"""Pictures further apart than this are a gap: longer than a frame at 1 fps or a network hiccup."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first line of a segment's index.

    Attributes:
        process: the camera process that wrote it, as it signs its lock.
        first_dts: media time at which the times in the file begin.
        audio: codec of the sound that is recorded with the pictures; None when there is none.
        quality: how far the server's clock could be trusted when the segment began.
    """

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
    process: str = ""
    audio: str | None = None
    quality: ClockQuality = UNKNOWN


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes that were acknowledged together: one line of the index.

    Attributes:
        offset, size, sha256: where they lie in the segment file, and their digest.
        step_us: by how much the server's wall clock was set while they were received.
        guessed: how many of its pictures came without media times of their own.
    """

    offset: int
    size: int
    sha256: Sha256
    step_us: int = 0
    guessed: int = 0


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
        pieces: where its bytes lie, one behind the other; more than one when it is long.
        at: wall time of its key frame.
    """

    head: Head
    pieces: tuple[Piece, ...]
    at: Instant
    pictures: tuple[Picture, ...]

    @property
    def offset(self) -> int:
        """Where its bytes begin in the segment file."""
        return self.pieces[0].offset

    @property
    def size(self) -> int:
        """How many they are."""
        return sum(piece.size for piece in self.pieces)

    def wall(self, pts: int) -> Instant:
        """Wall time of a media time of this GOP."""
        return later(self.at, float((pts - self.pictures[0].pts) * self.head.time_base))

    def shown(self, picture: Picture) -> tuple[Instant, Instant]:
        """Wall times between which a picture of this GOP is shown.

        One that is followed by a pause lasts no time: nobody saw what happened after it.
        """
        begin = self.wall(picture.pts)
        paused = picture.duration * self.head.time_base > TOLERANCE_S
        return begin, begin if paused else self.wall(picture.pts + picture.duration)

    @property
    def end(self) -> Instant:
        """Wall time at which its last picture ends."""
        return self.shown(max(self.pictures, key=lambda picture: picture.pts))[1]


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
        # Version 1 has none of these.
        process=line.get("process", ""),
        audio=line.get("audio"),
        quality=ClockQuality(line.get("synchronised"), line.get("clock_error_us")),
    )


def _picture(told: list[Any]) -> Picture:
    pts, dts, duration, key, *rest = told
    return Picture(pts, dts, duration, bool(key), *rest)


def _gops(head: Head, lines: Iterable[dict[str, Any]]) -> tuple[Gop, ...]:
    """The groups of pictures; a line that does not begin with a key frame goes on with one."""
    gops: list[Gop] = []
    for line in lines:
        piece = Piece(
            line["offset"],
            line["size"],
            Sha256(line["sha256"]),
            line.get("step_us", 0),
            line.get("guessed", 0),
        )
        pictures = tuple(map(_picture, line["packets"]))
        if pictures and pictures[0].key:
            gops.append(Gop(head, (piece,), Instant(line["at_us"]), pictures))
            continue
        if not gops:
            msg = "a segment that does not begin with a key frame"
            raise ValueError(msg)
        last = gops[-1]
        gops[-1] = replace(last, pieces=(*last.pieces, piece), pictures=(*last.pictures, *pictures))
    return tuple(gops)


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
            gops=_gops(head, rest),
            end=End(end["end"], end["size"], Sha256(end["sha256"]), Instant(end["closed_us"]))
            if end
            else None,
        )
    except (ValueError, KeyError, TypeError, ZeroDivisionError) as error:
        raise FootageAltered(path="/".join(path.parts[-3:])) from error


def load(gops: Sequence[Gop]) -> bytes:
    """A playable fragmented MP4 of GOPs of one segment, every byte checked against its hash.

    Raises:
        NoFootage: the segment was destroyed since its index was read.
        FootageAltered: bytes are missing or differ from what was recorded.
    """
    head = gops[0].head
    media = head.path.with_suffix(".mp4")
    pieces = [Piece(0, head.init_size, head.init_sha256)]
    pieces += [piece for gop in gops for piece in gop.pieces]
    found = bytearray()
    with _opened(media, head) as stream:
        for piece in pieces:
            stream.seek(piece.offset)
            data = stream.read(piece.size)
            if sha256_bytes(data) != piece.sha256:
                raise FootageAltered(path="/".join(media.parts[-3:]))
            found += data
    return bytes(found)


def _opened(media: Path, head: Head) -> BinaryIO:
    try:
        return media.open("rb")
    except FileNotFoundError as error:
        # The ring gives way index first: pictures without their index were destroyed on purpose.
        if media.with_suffix(".idx").exists():
            raise FootageAltered(path="/".join(media.parts[-3:])) from error
        raise NoFootage(camera=head.camera) from error


def nearest(gops: Iterable[Gop], moment: Instant) -> Gop:
    """The GOP that shows `moment`, or the one that is nearest to it."""
    return min(gops, key=lambda gop: max(gop.at - moment, moment - gop.end, 0))


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


def holes(gops: Iterable[Gop], start: Instant, end: Instant) -> list[Hole]:
    """Where the pictures of `gops` leave parts of `[start, end)` uncovered for too long."""
    found, covered = [], start
    for begin, to in sorted(gop.shown(picture) for gop in gops for picture in gop.pictures):
        reached = min(begin, end)
        if reached - covered > TOLERANCE_S * SECOND:
            found.append(Hole(covered, reached))
        covered = max(covered, to)
    if end - covered > TOLERANCE_S * SECOND:
        found.append(Hole(covered, end))
    return found


def day_of(at: Instant) -> str:
    """Name of the folder of segments that begin on that day (UTC): `yyyymmdd`."""
    return datetime.fromtimestamp(at / SECOND, UTC).strftime("%Y%m%d")


def _read(path: Path) -> Segment | None:
    """As `read_index`; None also for what the ring gave up since it was listed."""
    try:
        return read_index(path)
    except FileNotFoundError:
        return None


class Segments:
    """The recorded ring below `root`, read by camera and wall time."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def indexes(self, camera: CameraId, start: Instant, end: Instant) -> list[Path]:
        """Index files of segments that may cover part of `[start, end)`, by their start."""
        first, last = later(start, -LONGEST_S), later(end, LATEST_S)
        # A day more: the segment before may be longer than any should be.
        since = day_of(later(first, -86_400))
        days = (day for day in (self._root / camera).glob("*") if day.name >= since)
        found = sorted(
            (
                path
                for day in days
                for path in day.glob("*.idx")
                if path.stem.isdecimal() and int(path.stem) < last
            ),
            key=lambda path: int(path.stem),
        )
        early = sum(int(path.stem) < first for path in found)
        return found[max(0, early - 1) :]

    def read(self, camera: CameraId, start: Instant, end: Instant) -> list[Gop]:
        """Every acknowledged GOP of `camera` with a picture in `[start, end)`, by wall time.

        Raises:
            NoFootage: there is none at all.
            FootageAltered: an index is not what the recorder wrote.
        """
        segments = map(_read, self.indexes(camera, start, end))
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
        """End of the latest acknowledged GOP that begins after `since`.

        Raises:
            FootageAltered: the index is not what the recorder wrote.
        """
        # Only the newest segments are read: those of a day hold two million pictures.
        for path in reversed(self.indexes(camera, since, FAR)):
            segment = _read(path)
            ends = [gop.end for gop in segment.gops if gop.end > since] if segment else []
            if ends:
                return max(ends)
        return None
