"""What the installation is doing: cameras, gaps, jobs, disk; for pages, /readyz and metrics."""

from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, col, select

from service.alarms import BLOCKING, Trouble, open_alarms
from service.jobs import waiting_jobs
from service.scrub import Progress, progress
from service.tables import Alarm, Camera, Event, Gap, SegmentRow
from vision.frame import Instant


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """One camera as the cameras page shows it.

    Attributes:
        recorded_to: end of its latest closed segment; None before the first.
        gaps: its latest gaps, newest first.
    """

    camera: Camera
    recorded_to: Instant | None
    gaps: tuple[Gap, ...]
    alarms: tuple[Alarm, ...]


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether officers can work: `ready` is False while a blocking alarm is open."""

    ready: bool
    alarms: tuple[Alarm, ...]
    pending_events: int
    waiting_jobs: int
    scrub: Progress | None


def camera_statuses(session: Session, *, gaps: int = 20) -> list[CameraStatus]:
    """Every camera with its latest `gaps` gaps."""
    alarms = open_alarms(session)
    found = []
    for camera in session.exec(select(Camera).order_by(col(Camera.id))):
        end = session.exec(
            select(SegmentRow.end_us)
            .where(SegmentRow.camera_id == camera.id)
            .order_by(col(SegmentRow.end_us).desc())
            .limit(1)
        ).first()
        rows = session.exec(
            select(Gap)
            .where(Gap.camera_id == camera.id)
            .order_by(col(Gap.start_us).desc())
            .limit(gaps)
        )
        found.append(
            CameraStatus(
                camera=camera,
                recorded_to=None if end is None else Instant(end),
                gaps=tuple(rows),
                alarms=tuple(a for a in alarms if a.subject == camera.id),
            )
        )
    return found


def readiness(session: Session) -> Readiness:
    """What `/readyz` answers and the banner shows."""
    alarms = tuple(open_alarms(session))
    pending = session.exec(
        select(func.count()).select_from(Event).where(Event.state == "pending")
    ).one()
    return Readiness(
        ready=not any(Trouble(alarm.key) in BLOCKING for alarm in alarms),
        alarms=alarms,
        pending_events=pending,
        waiting_jobs=waiting_jobs(session),
        scrub=progress(session),
    )
