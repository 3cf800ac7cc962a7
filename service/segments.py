"""Recorded segments as rows, with the gaps between them and the steps of the clock in them."""

import hashlib
from collections.abc import Sequence
from typing import Any

from sqlmodel import Session, col, select

from ingest.clock import Clock
from ingest.files import Sha256
from ingest.offset import ALARM_S, Offset, camera_offset
from ingest.segments import TOLERANCE_S, Hole, Segment, holes
from service.alarms import Trouble, close_alarm, raise_alarm
from service.database import lock_log
from service.evidence.log import MACHINE, Action, Body, append
from service.tables import ClockStep, Gap, SegmentRow
from vision.frame import SECOND, CameraId, Instant

LOGGED_AT_ONCE = 500
"""Rows of a kind in one entry: ten minutes have ten or twenty, the rest is from an outage."""
_RECORDED: tuple[type[SegmentRow], type[Gap], type[ClockStep]] = (SegmentRow, Gap, ClockStep)


def in_recorded_order(segments: Sequence[Segment]) -> list[Segment]:
    """Each behind the one that it names as its predecessor; else by name.

    Names are wall times: a clock that was set back puts what was recorded later in front.
    """
    by_id = {segment.id: segment for segment in segments}
    placed: dict[str, Segment] = {}
    for segment in segments:
        chain: list[Segment] = []
        step: Segment | None = segment
        while step is not None and step.id not in placed and step not in chain:
            chain.append(step)
            step = by_id.get(step.head.predecessor or "")
        placed |= {each.id: each for each in reversed(chain)}
    return list(placed.values())


def enter_segments(
    session: Session, clock: Clock, camera: str, segments: Sequence[Segment]
) -> set[str]:
    """Enter those that have no row yet; their ids. `log_recording` lets the log tell of them."""
    # Registrar and mender may want the same at once: whoever comes second finds the rows.
    lock_log(session)
    new = [each for each in segments if session.get(SegmentRow, each.id) is None]
    if not new:
        return set()
    return {enter_segment(session, clock, each).id for each in in_recorded_order(new)}


def unlogged_cameras(session: Session) -> list[str]:
    """Cameras with recording that the log does not tell of yet."""
    found: set[str] = set()
    for kind in _RECORDED:
        found |= set(session.exec(select(kind.camera_id).where(col(kind.logged).is_(False))))
    return sorted(found)


def log_recording(session: Session, clock: Clock, camera: str) -> bool:
    """Let the log tell of a camera's recording that it does not know yet, in one entry.

    The rows are in it: segments with their digests, gaps, steps of the clock, not more than
    `LOGGED_AT_ONCE` of each. Whether that was all.
    """
    rows: list[Any] = []
    complete = True
    for kind in _RECORDED:
        unlogged = (
            select(kind)
            .where(col(kind.camera_id) == camera, col(kind.logged).is_(False))
            .order_by(col(kind.id))
            .limit(LOGGED_AT_ONCE)
        )
        found = session.exec(unlogged).all()
        rows += found
        complete = complete and len(found) < LOGGED_AT_ONCE
    if rows:
        for row in rows:
            row.logged = True
        action = Action.SEGMENTS_CLOSED
        append(session, clock, actor=MACHINE, action=action, subject=camera, body=_told(rows))
    return complete


def _told(rows: Sequence[SegmentRow | Gap | ClockStep]) -> Body:
    """What an entry says of a camera's recording."""
    segments = [row for row in rows if isinstance(row, SegmentRow)]
    gaps = [row for row in rows if isinstance(row, Gap)]
    steps = [row for row in rows if isinstance(row, ClockStep)]
    return {
        "segments": [f"{row.id} {row.sha256}" for row in segments],
        "gaps": [f"{row.start_us} {row.end_us} {row.cause}" for row in gaps],
        "clock_steps": [f"{row.at_us} {row.step_us}" for row in steps],
    }


def enter_segment(session: Session, clock: Clock, segment: Segment) -> SegmentRow:
    """Enter a segment that is written no more, what is missing before it, and its clocks."""
    start = segment.gops[0].at
    _enter_gap(session, segment, start)
    last = segment.gops[-1]
    size = segment.end.size if segment.end else last.offset + last.size
    offset = camera_offset(segment.gops)
    row = SegmentRow(
        id=segment.id,
        camera_id=segment.head.camera,
        run=segment.head.run,
        start_us=start,
        end_us=last.end,
        size=size,
        sha256=segment.end.sha256 if segment.end else _prefix_hash(segment, size),
        predecessor=segment.head.predecessor,
        end_reason=segment.end.reason if segment.end else "crashed",
        camera_offset_us=offset.us if offset else None,
        clock_synchronised=segment.head.quality.synchronised,
        clock_error_us=segment.head.quality.error_us,
        codec=segment.head.codec,
        audio=segment.head.audio,
    )
    session.add(row)
    session.flush()
    for hole in holes(segment.gops, start, last.end):
        _enter_hole(session, segment.head.camera, hole, "paused")
    _enter_steps(session, clock, segment)
    _tell_stream(session, clock, segment)
    _compare_clocks(session, clock, segment.head.camera, offset)
    return row


def _prefix_hash(segment: Segment, size: int) -> Sha256:
    """Digest of the acknowledged bytes of a segment that a crash left without an end."""
    with segment.head.path.with_suffix(".mp4").open("rb") as stream:
        return Sha256(hashlib.sha256(stream.read(size)).hexdigest())


def _compare_clocks(
    session: Session, clock: Clock, camera: CameraId, offset: Offset | None
) -> None:
    """Say when the camera's own clock is off; of one that sends no time there is nothing to say."""
    if offset is not None and abs(offset.us) >= ALARM_S * SECOND:
        seconds = f"{offset.us / SECOND:+.1f}"
        raise_alarm(session, clock, Trouble.CAMERA_CLOCK, camera, seconds=seconds)
    else:
        close_alarm(session, clock, Trouble.CAMERA_CLOCK, camera)


_ENDS = {
    "media_clock_jump": Trouble.MEDIA_CLOCK,
    "parameters_changed": Trouble.STREAM_CHANGED,
}
"""Ends that nobody chose and that lose nothing: somebody ought to know the camera does this."""


def _tell_stream(session: Session, clock: Clock, segment: Segment) -> None:
    """Say what is odd about the stream itself."""
    camera = segment.head.camera
    trouble = _ENDS.get(segment.end.reason) if segment.end else None
    if trouble is not None:
        raise_alarm(session, clock, trouble, camera)
    guessed = sum(piece.guessed for gop in segment.gops for piece in gop.pieces)
    if guessed:
        raise_alarm(session, clock, Trouble.TIMES_MISSING, camera, pictures=guessed)


def _enter_steps(session: Session, clock: Clock, segment: Segment) -> None:
    camera = segment.head.camera
    for gop in segment.gops:
        step_us = sum(piece.step_us for piece in gop.pieces)
        if not step_us:
            continue
        session.add(
            ClockStep(id=f"{camera}-{gop.at}", camera_id=camera, at_us=gop.at, step_us=step_us)
        )
        seconds = f"{step_us / SECOND:+.1f}"
        raise_alarm(session, clock, Trouble.CLOCK_STEPPED, camera, seconds=seconds)


def _enter_gap(session: Session, segment: Segment, start: Instant) -> None:
    """A gap row when the segment before ended noticeably before `start`."""
    camera = segment.head.camera
    before = _before(session, segment, start)
    if before is None:
        return
    cause = _cause(segment, before)
    # Between two connections pictures are missing however short the time. Within one there may be
    # none missing: where the clock was set, or the camera counted anew, only the times jump.
    goes_on = segment.head.run == before.run or cause == "media_clock_jump"
    if goes_on and cause == "clock_stepped":
        return
    if not goes_on and segment.gops[0].pieces[0].step_us:
        # A pause is as long as the clock said that it was right before it.
        start = Instant(start - _set_in_pause_us(segment))
    if start - before.end_us <= (TOLERANCE_S * SECOND if goes_on else 0):
        return
    _enter_hole(session, camera, Hole(Instant(before.end_us), start), cause)


def _set_in_pause_us(segment: Segment) -> int:
    """By how much the clock was set before the first picture; its steps after that are its own."""
    gop = segment.gops[0]
    first, last = gop.pictures[0], gop.pictures[-1]
    within = (last.arrival - last.monotonic_us) - (first.arrival - first.monotonic_us)
    return sum(piece.step_us for piece in gop.pieces) - within


def _enter_hole(session: Session, camera: CameraId, hole: Hole, cause: str) -> None:
    gap_id = f"{camera}-{hole.start}"
    if session.get(Gap, gap_id) is not None:
        # The server's clock was set back: the gap that was entered first stands.
        return
    session.add(Gap(id=gap_id, camera_id=camera, start_us=hole.start, end_us=hole.end, cause=cause))


def _before(session: Session, segment: Segment, start: Instant) -> SegmentRow | None:
    """The segment before: the one that it names, or the latest that began earlier."""
    named = segment.head.predecessor and session.get(SegmentRow, segment.head.predecessor)
    return (
        named
        or session.exec(
            select(SegmentRow)
            .where(SegmentRow.camera_id == segment.head.camera, col(SegmentRow.start_us) < start)
            .order_by(col(SegmentRow.start_us).desc())
            .limit(1)
        ).first()
    )


def _cause(segment: Segment, before: SegmentRow) -> str:
    """Why the recording before `segment` ended."""
    # A segment that could not be closed has no end of its own; the next one tells why.
    cause = segment.head.predecessor_end or before.end_reason
    if cause == "full" and segment.head.run != before.run:
        # The run went on in a segment that a crash left without a whole group of pictures.
        return "crashed"
    return cause
