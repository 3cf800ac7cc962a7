"""The one channel by which the machine tells people of trouble (告警).

An open row here is the banner on every page, the reason of a failing `/readyz` and the metric
`liuhen_alarm`.
"""

from enum import StrEnum

from sqlmodel import Session, col, select

from ingest.clock import Clock
from service.tables import Alarm
from vision.frame import later


class Trouble(StrEnum):
    """Kinds of trouble; the catalogue has the words (`alarm.<key>`)."""

    CAMERA_DOWN = "camera_down"
    CAMERA_REFUSED = "camera_refused"
    CAMERA_PASSWORD = "camera_password"  # noqa: S105  the kind of trouble
    CAMERA_SECRETS = "camera_secrets"
    CAMERA_ADDRESS = "camera_address"
    CAMERA_ZONES = "camera_zones"
    ANALYSIS_FAILED = "analysis_failed"
    DISK_FULL = "disk_full"
    JOB_FAILED = "job_failed"
    PROCESS_ENDED = "process_ended"
    EVIDENCE_BROKEN = "evidence_broken"
    RING_EXHAUSTED = "ring_exhausted"
    RING_SHORT = "ring_short"
    RING_STUCK = "ring_stuck"
    ANALYSIS_LATE = "analysis_late"
    SUB_STREAM_DOWN = "sub_stream_down"
    CAMERA_COVERED = "camera_covered"
    CAMERA_FROZEN = "camera_frozen"
    CAMERA_DARK = "camera_dark"
    CAMERA_TURNED = "camera_turned"
    CAMERA_DEFOCUSED = "camera_defocused"
    CAMERA_CUT = "camera_cut"
    FOOTAGE_LOST = "footage_lost"
    PICTURES_MISSED = "pictures_missed"
    DISK_SLOW = "disk_slow"
    CAMERA_CLOCK = "camera_clock"
    CLOCK_STEPPED = "clock_stepped"
    MEDIA_CLOCK = "media_clock"
    TIMES_MISSING = "times_missing"
    STREAM_CHANGED = "stream_changed"
    DATABASE_BUSY = "database_busy"
    INTAKE_FAILED = "intake_failed"
    LOG_REFUSED = "log_refused"
    LOG_UNSIGNED = "log_unsigned"
    ANCHOR_LATE = "anchor_late"
    DELETION_STUCK = "deletion_stuck"
    SCRUB_LATE = "scrub_late"


BLOCKING = frozenset(
    {
        Trouble.DISK_FULL,
        Trouble.EVIDENCE_BROKEN,
        Trouble.LOG_REFUSED,
        Trouble.LOG_UNSIGNED,
        Trouble.RING_EXHAUSTED,
    }
)
"""With one of these open the installation is not ready."""

PASSING = frozenset(
    {
        Trouble.ANALYSIS_LATE,
        Trouble.ANALYSIS_FAILED,
        Trouble.PROCESS_ENDED,
        Trouble.FOOTAGE_LOST,
        Trouble.PICTURES_MISSED,
        Trouble.DISK_SLOW,
        Trouble.CLOCK_STEPPED,
        Trouble.MEDIA_CLOCK,
        Trouble.TIMES_MISSING,
        Trouble.STREAM_CHANGED,
        Trouble.DATABASE_BUSY,
    }
)
"""These happen and are over; nothing comes that would say so."""


def _open(session: Session, trouble: Trouble, subject: str) -> Alarm | None:
    return session.exec(
        select(Alarm).where(
            Alarm.key == trouble.value, Alarm.subject == subject, col(Alarm.closed_us).is_(None)
        )
    ).first()


def raise_alarm(
    session: Session, clock: Clock, trouble: Trouble, subject: str, **facts: str | int
) -> None:
    """Open an alarm, or renew the open one: what it says of the trouble is the latest."""
    now = clock.now()
    alarm = _open(session, trouble, subject)
    if alarm is None:
        alarm = Alarm(
            key=trouble.value, subject=subject, facts=facts, opened_us=now, renewed_us=now
        )
    alarm.facts, alarm.renewed_us = facts, now
    session.add(alarm)


def close_alarm(session: Session, clock: Clock, trouble: Trouble, subject: str) -> None:
    """Close an alarm whose cause is gone; none open is fine."""
    alarm = _open(session, trouble, subject)
    if alarm is not None:
        alarm.closed_us = clock.now()
        session.add(alarm)


def close_older(session: Session, clock: Clock, trouble: Trouble, seconds: float) -> None:
    """Close alarms of a kind that nothing renewed for `seconds`."""
    before = later(clock.now(), -seconds)
    for alarm in session.exec(
        select(Alarm).where(
            Alarm.key == trouble.value,
            col(Alarm.closed_us).is_(None),
            col(Alarm.renewed_us) < before,
        )
    ):
        alarm.closed_us = clock.now()
        session.add(alarm)


def open_alarms(session: Session) -> list[Alarm]:
    """What is wrong now, oldest first."""
    return list(
        session.exec(
            select(Alarm).where(col(Alarm.closed_us).is_(None)).order_by(col(Alarm.opened_us))
        )
    )
