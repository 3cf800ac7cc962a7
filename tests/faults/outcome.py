"""What a fault did: the four answers, and how long the recording was away."""

from dataclasses import dataclass, field

from sqlmodel import col, select

from service.tables import Gap, SegmentRow
from tests.faults.receipt import Receipts, unkept
from tests.faults.rig import Rig
from vision.frame import SECOND


@dataclass(frozen=True, slots=True)
class Outcome:
    """One fault, committed once.

    Attributes:
        acknowledged, unkept: pieces that the indexes named before the fault, and how many of them
            are not there any more, byte for byte.
        lost_s: seconds of pictures received before the fault that were not kept.
        away_s: seconds from the end of the fault to the first picture that was recorded again;
            None: nothing was.
        damage: what fsck calls damage.
        alarms: kinds of all alarms that were raised.
        missing: pictures left out of the whole recording; None: the fault lets nothing through.
        told: what else tells of it, in rows.
        ffmpeg_lost_s: as `lost_s` for FFmpeg's recorder, by container format.
    """

    acknowledged: int
    unkept: int
    lost_s: float
    away_s: float | None
    damage: tuple[str, ...]
    alarms: tuple[str, ...]
    missing: int | None = None
    told: str = ""
    ffmpeg_lost_s: dict[str, float] = field(default_factory=dict)


def answers(made: Rig, given: Receipts, fault_us: int, over_us: int, **more: object) -> Outcome:
    """Ask everything; the recorder is stopped."""
    made.stop()
    made.registrar.step()
    again_us = made.recorded_after(over_us)
    told = {"told": _told(made)} | more
    return Outcome(
        acknowledged=sum(map(len, given.values())),
        unkept=unkept(made.root, given),
        lost_s=round(max(0, fault_us - made.recorded_before(fault_us)) / SECOND, 2),
        away_s=None if again_us is None else round((again_us - over_us) / SECOND, 2),
        damage=tuple(made.damage()),
        alarms=tuple(sorted(made.alarms())),
        **told,  # type: ignore[arg-type]
    )


def _told(made: Rig) -> str:
    """What rows tell of a recording: why there are gaps, or else why segments ended."""
    with made.database.read() as session:
        gaps = session.exec(select(Gap).order_by(col(Gap.start_us))).all()
        rows = session.exec(select(SegmentRow).order_by(col(SegmentRow.start_us))).all()
    ends = {row.end_reason for row in rows} - {"full", "stopped"}
    return ", ".join([f"gap: {gap.cause}" for gap in gaps] or [f"end: {end}" for end in ends])
