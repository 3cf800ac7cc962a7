"""The timeline (时间线) of a camera: what was recorded, what is missing, what the clocks did.

Made of rows alone, so that a person can follow a faulty hour long after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median_low
from typing import Any

from sqlmodel import Session, col, or_, select

from ingest.errors import FootageAltered
from ingest.segments import Gop, Segments, holes, read_index
from service.tables import Alarm, ClockStep, Gap, SegmentRow
from service.texts import Language, say
from vision.frame import SECOND, CameraId, Instant, seconds_between

LATE_S = 20.0
"""Seconds after which footage that did not come is missing: the 10 s that may wait for the disk,
and as much for a network that stutters."""


class Kind(StrEnum):
    """What a moment tells of; the catalogue has the words (`timeline.<kind>`)."""

    RECORDED = "recorded"
    DESTROYED = "destroyed"
    GAP = "gap"
    CLOCK_STEP = "clock_step"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the timeline.

    Attributes:
        end: None for what is still going on or has no length.
        cause: why a run or a gap ended, or which alarm; keys of the catalogue.
        facts: what else is to be said: number of segments and bytes of a run, seconds of a step,
            the facts of an alarm.
    """

    kind: Kind
    start: Instant
    end: Instant | None
    cause: str
    facts: dict[str, Any]

    @property
    def seconds(self) -> float:
        """Its length; 0 for what is still going on or has none."""
        return 0.0 if self.end is None else seconds_between(self.start, self.end)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "kind": self.kind.value,
            "start_us": self.start,
            "end_us": self.end,
            "cause": self.cause,
            "facts": self.facts,
        }


@dataclass(frozen=True, slots=True)
class Offsets:
    """The camera's clock minus ours in an interval, seconds, once for each segment."""

    count: int
    least_s: float
    usual_s: float
    most_s: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """An interval of one camera, `[start, end)`.

    Attributes:
        recorded_s: seconds of which the recording is there; runs that overlap count once.
        offsets: None when the camera sent no time.
        unsynchronised: segments that began while no time service kept our clock.
    """

    camera: str
    start: Instant
    end: Instant
    moments: tuple[Moment, ...]
    recorded_s: float
    offsets: Offsets | None
    unsynchronised: int

    @property
    def gaps(self) -> list[Moment]:
        """What is missing."""
        return [moment for moment in self.moments if moment.kind is Kind.GAP]

    @property
    def longest_gap_s(self) -> float:
        """Seconds of the longest of them; 0 when nothing is missing."""
        return max((gap.seconds for gap in self.gaps), default=0.0)

    @property
    def coverage(self) -> float:
        """The part of the interval that is recorded, in [0, 1]."""
        asked_s = seconds_between(self.start, self.end)
        return self.recorded_s / asked_s if asked_s > 0 else 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        offsets = self.offsets
        return {
            "camera": self.camera,
            "start_us": self.start,
            "end_us": self.end,
            "recorded_s": round(self.recorded_s, 3),
            "coverage": round(self.coverage, 5),
            "camera_clock_minus_server_s": None
            if offsets is None
            else {
                "segments": offsets.count,
                "least": offsets.least_s,
                "usual": offsets.usual_s,
                "most": offsets.most_s,
            },
            "segments_with_unsynchronised_clock": self.unsynchronised,
            "moments": [moment.to_json() for moment in self.moments],
        }


def timeline(
    session: Session, segments: Segments, camera: str, start: Instant, end: Instant
) -> Timeline:
    """What rows say of `[start, end)`, and the files of what is not entered yet.

    Raises:
        FootageAltered: an index that is not entered yet is not what the recorder writes.
    """
    rows = session.exec(
        select(SegmentRow)
        .where(
            SegmentRow.camera_id == camera,
            col(SegmentRow.end_us) > start,
            col(SegmentRow.start_us) < end,
        )
        .order_by(col(SegmentRow.start_us))
    ).all()
    entered = Instant(max((row.end_us for row in rows), default=start))
    live = _live(segments, CameraId(camera), entered, end)
    spans = [(Instant(row.start_us), Instant(row.end_us)) for row in rows if row.state == "kept"]
    spans += [(gop.at, gop.end) for gop in live]
    moments = [*_runs(rows), *_gaps(session, camera, start, end)]
    moments += [*_steps(session, camera, start, end), *_alarms(session, camera, start, end)]
    moments += _now(live, entered, end, known=bool(rows))
    return Timeline(
        camera=camera,
        start=start,
        end=end,
        moments=tuple(sorted(moments, key=lambda moment: moment.start)),
        recorded_s=_covered_s(spans, start, end),
        offsets=_offsets(rows),
        unsynchronised=sum(row.clock_synchronised is False for row in rows),
    )


def _live(segments: Segments, camera: CameraId, entered: Instant, end: Instant) -> list[Gop]:
    """Footage behind the last row: it is being written, or will be entered in a second."""
    found: list[Gop] = []
    for path in segments.indexes(camera, entered, end):
        try:
            segment = read_index(path)
        except (FileNotFoundError, FootageAltered):
            # Destroyed meanwhile; or damaged, which is an alarm and must not hide the others.
            continue
        found += [gop for gop in (segment.gops if segment else ()) if entered <= gop.at < end]
    return sorted(found, key=lambda gop: gop.at)


def _now(live: Sequence[Gop], entered: Instant, end: Instant, *, known: bool) -> list[Moment]:
    """What goes on at the end of the interval: footage that grows, or a gap that does."""
    found = []
    reached = entered
    if live:
        told = live[0].head.predecessor_end or "unknown"
        missing = holes(live, entered, live[-1].end) if known else []
        found += [Moment(Kind.GAP, hole.start, hole.end, told, {}) for hole in missing]
        found.append(Moment(Kind.RECORDED, live[0].at, None, "", {}))
        reached = live[-1].end
    if (known or live) and seconds_between(reached, end) > LATE_S:
        found.append(Moment(Kind.GAP, reached, None, "unknown", {}))
    return found


def _runs(rows: Sequence[SegmentRow]) -> list[Moment]:
    """Segments of one run that follow each other, as one line; where a run changed files for a
    reason, as several.
    """
    found: list[list[SegmentRow]] = []
    for row in rows:
        last = found[-1][-1] if found else None
        if last and (last.run, last.state, last.end_reason) == (row.run, row.state, "full"):
            found[-1].append(row)
        else:
            found.append([row])
    return [
        Moment(
            Kind.RECORDED if run[0].state == "kept" else Kind.DESTROYED,
            Instant(run[0].start_us),
            Instant(run[-1].end_us),
            run[-1].end_reason,
            {"segments": len(run), "size": sum(row.size for row in run), "codec": run[0].codec},
        )
        for run in found
    ]


def _gaps(session: Session, camera: str, start: Instant, end: Instant) -> list[Moment]:
    rows = session.exec(
        select(Gap).where(Gap.camera_id == camera, col(Gap.end_us) > start, col(Gap.start_us) < end)
    )
    return [
        Moment(Kind.GAP, Instant(row.start_us), Instant(row.end_us), row.cause, {}) for row in rows
    ]


def _steps(session: Session, camera: str, start: Instant, end: Instant) -> list[Moment]:
    rows = session.exec(
        select(ClockStep).where(
            ClockStep.camera_id == camera, col(ClockStep.at_us).between(start, end)
        )
    )
    return [
        Moment(
            Kind.CLOCK_STEP,
            Instant(row.at_us),
            None,
            "clock_stepped",
            {"step_s": row.step_us / SECOND},
        )
        for row in rows
    ]


def _alarms(session: Session, camera: str, start: Instant, end: Instant) -> list[Moment]:
    rows = session.exec(
        select(Alarm).where(
            # The camera itself, and the process that records it.
            col(Alarm.subject).in_([camera, f"camera-{camera}"]),
            col(Alarm.opened_us) < end,
            or_(col(Alarm.closed_us).is_(None), col(Alarm.closed_us) > start),
        )
    )
    return [
        Moment(
            Kind.ALARM,
            Instant(row.opened_us),
            None if row.closed_us is None else Instant(row.closed_us),
            row.key,
            {"subject": row.subject, **row.facts},
        )
        for row in rows
    ]


def _covered_s(spans: Sequence[tuple[Instant, Instant]], start: Instant, end: Instant) -> float:
    """Length of the union of `spans` inside the interval."""
    covered, reached = 0, start
    for begin, to in sorted(spans):
        begins, ends = max(begin, reached), min(to, end)
        if ends > begins:
            covered += ends - begins
            reached = ends
    return covered / SECOND


def _offsets(rows: Sequence[SegmentRow]) -> Offsets | None:
    found = [row.camera_offset_us for row in rows if row.camera_offset_us is not None]
    if not found:
        return None
    least, usual, most = (us / SECOND for us in (min(found), median_low(found), max(found)))
    return Offsets(len(found), least, usual, most)


def words_of(moment: Moment, language: Language) -> str:
    """A line of the timeline in one language."""
    if moment.kind is Kind.CLOCK_STEP:
        return say("timeline.clock_step", language, seconds=f"{moment.facts['step_s']:+.1f}")
    if moment.kind is Kind.ALARM:
        facts = dict(moment.facts)
        if "cause" in facts:
            facts["cause"] = say(f"cause.{facts['cause']}", language)
        return say(f"alarm.{moment.cause}", language, **facts)
    cause = say(f"cause.{moment.cause}", language) if moment.cause else ""
    if moment.kind is Kind.GAP:
        key = "timeline.gap" if moment.end is not None else "timeline.gap_now"
        return say(key, language, cause=cause)
    if moment.end is None:
        return say("timeline.recording", language)
    return say(
        f"timeline.{moment.kind.value}",
        language,
        segments=moment.facts["segments"],
        mib=f"{moment.facts['size'] / (1 << 20):.1f}",
        codec=moment.facts["codec"] or "?",
        cause=cause,
    )
