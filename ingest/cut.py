"""Clips by stream copy: the recorded packets themselves, never re-encoded, never re-timed.

最高法行诉证据规定 57(七) excludes recordings that were technically processed. A player shows
the clip from the asked moment through an edit list; the pictures between the key frame before it
and that moment are in the file too, and the manifest says so.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer

from ingest.errors import NoFootage
from ingest.files import disk_errors
from ingest.segments import Gop, Picture, by_segment, load, nearest
from vision.frame import SECOND, Instant


@dataclass(frozen=True, slots=True)
class Cut:
    """What a clip holds.

    Attributes:
        gops: the recorded pieces that its pictures were copied from, in order.
        start, end: wall time of its first shown picture and of the end of its last.
        lead_in: pictures before `start` that decoding needs and players hide.
        pictures: all pictures, the lead-in included.
    """

    gops: tuple[Gop, ...]
    start: Instant
    end: Instant
    lead_in: int
    pictures: int


@dataclass(frozen=True, slots=True)
class _Copied:
    gop: Gop
    picture: Picture
    data: bytes


def alike(gops: Sequence[Gop], moment: Instant) -> list[Gop]:
    """Those GOPs that can share one file with the one nearest `moment`: same stream parameters."""
    wanted = nearest(gops, moment).head.init_sha256
    return [gop for gop in gops if gop.head.init_sha256 == wanted]


def _copies(gops: Sequence[Gop]) -> Iterator[_Copied]:
    for batch in by_segment(gops):
        pictures = [(gop, picture) for gop in batch for picture in gop.pictures]
        with av.open(io.BytesIO(load(batch)), "r", format="mp4") as container:
            packets = (p for p in container.demux(container.streams.video[0]) if p.size)
            for packet, (gop, picture) in zip(packets, pictures, strict=True):
                yield _Copied(gop, picture, bytes(packet))


def cut(gops: Sequence[Gop], start: Instant, end: Instant, target: Path) -> Cut:
    """Write the pictures of `[start, end)` to `target`, an MP4 whose index comes first.

    Within a run media times are kept to the tick; from one run to the next they jump by the wall
    time that passed, so a gap is seen as a gap. Where pictures were coded out of order, the few
    after `end` that those before it refer to are kept and shown. `gops` are of one camera, in
    order, and `alike`.

    Raises:
        NoFootage: no picture falls into the interval.
        DiskFull: the clip does not fit.
        FootageAltered: bytes differ from what was recorded.
    """
    copies = _until(list(_copies(gops)), end)
    # Decoding starts at the last key frame that is not after the start.
    keys = [n for n, c in enumerate(copies) if c.picture.key and _wall(c) <= start]
    copies = copies[keys[-1] if keys else 0 :]
    shown = [n for n, c in enumerate(copies) if _wall(c) >= start]
    if not shown:
        raise NoFootage(camera=gops[0].head.camera)
    base = gops[0].head.time_base
    ticks = _continuous_ticks(copies, base)
    first = min(shown, key=lambda n: ticks[n][0])
    zero = ticks[first][0]
    options = {"movflags": "faststart", "use_editlist": "1", "avoid_negative_ts": "disabled"}
    with (
        disk_errors(target),
        av.open(str(target), "w", format="mp4", options=options) as container,
    ):
        _mux(container, copies, [(pts - zero, dts - zero) for pts, dts in ticks])
    last = max(copies, key=_wall)
    return Cut(
        gops=tuple(dict.fromkeys(c.gop for c in copies)),
        start=_wall(copies[first]),
        end=last.gop.wall(last.picture.pts + last.picture.duration),
        lead_in=len(copies) - len(shown),
        pictures=len(copies),
    )


def _wall(copied: _Copied) -> Instant:
    return copied.gop.wall(copied.picture.pts)


def _until(copies: list[_Copied], end: Instant) -> list[_Copied]:
    """Pictures before `end`, in coded order, with those that they may refer to."""
    before = [n for n, c in enumerate(copies) if _wall(c) < end]
    needed = copies[: before[-1] + 1] if before else []
    # A picture that is coded early is shown late: what is shown until then belongs to it.
    latest = max(map(_wall, needed), default=end)
    last = max((n for n, c in enumerate(copies) if needed and _wall(c) <= latest), default=-1)
    return copies[: last + 1]


def _continuous_ticks(copies: Sequence[_Copied], base: Fraction) -> list[tuple[int, int]]:
    """`(pts, dts)` of every picture on one time line, runs joined by wall time.

    A wall clock that was set back sorts a run's GOPs anew; where that happened a piece begins too.
    """
    found: list[tuple[int, int]] = []
    shift = 0
    for before, copied in zip([None, *copies[:-1]], copies, strict=True):
        picture = copied.picture
        if before is not None and _breaks(before, copied):
            passed = Fraction(_wall(copied) - _wall(before), SECOND)
            ticks = max(before.picture.duration, round(passed / base))
            shift = found[-1][1] + ticks - picture.dts
        found.append((picture.pts + shift, picture.dts + shift))
    return found


def _breaks(before: _Copied, copied: _Copied) -> bool:
    if before.gop.head.run != copied.gop.head.run:
        return True
    return copied.picture.dts <= before.picture.dts


def _mux(
    container: OutputContainer, copies: Sequence[_Copied], ticks: Sequence[tuple[int, int]]
) -> None:
    head = copies[0].gop
    with av.open(io.BytesIO(load([head])), "r", format="mp4") as template:
        stream = container.add_stream_from_template(template.streams.video[0])
        stream.time_base = head.head.time_base
        for copied, (pts, dts) in zip(copies, ticks, strict=True):
            packet = av.Packet(copied.data)
            packet.stream = stream
            packet.time_base = head.head.time_base
            packet.pts, packet.dts = pts, dts
            packet.duration = copied.picture.duration
            packet.is_keyframe = copied.picture.key
            container.mux_one(packet)
