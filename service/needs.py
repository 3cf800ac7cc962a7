"""Which recording is needed, by whom and until when: what retention never destroys.

| what | from | to | until |
|---|---|---|---|
| pending event | clip, `MARGIN_S` before | clip, `MARGIN_S` after | decided, or `review_keep_days` old |
| confirmed event without a case | the same | the same | `confirmed_keep_days` old |
| exhibit | the same | the same | its recording was promoted into the store |
| rejected event | | | not needed |
| look-back that waits, runs or failed | span, pre-roll, margin and longest segment before | alarm, post-roll and margin after | done; failed: `review_keep_days` old |
| hold | as placed, or as of a confirmed event | the same | released |
| a camera's last minutes | settle time and longest segment before now | without end | a look-back may yet ask for them |
"""  # noqa: E501  a table

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from sqlmodel import Session, col, select

from ingest.segments import LONGEST_S
from service.settings import Settings
from service.tables import Camera, Event, Exhibit, Hold, Job, LogEntry
from vision.candidate import Candidate
from vision.frame import SECOND, CameraId, Instant, later
from vision.lookback import spans

MARGIN_S = 60.0
"""Around a clip: a segment of the usual length more, for whoever wants to see what came before."""
DAY_S = 86_400.0
"""Seconds in a day: Beijing knows no daylight saving."""
ENDLESS = Instant(1 << 60)
"""Later than any recording."""


class Why(StrEnum):
    """What needs a recording."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    EXHIBIT = "exhibit"
    JOB = "job"
    HOLD = "hold"
    RECENT = "recent"


@dataclass(frozen=True, slots=True)
class Need:
    """Recording of `camera` in `[start, end)` must not be destroyed."""

    camera: CameraId
    start: Instant
    end: Instant
    why: Why


class Needs:
    """Many needs, quickly asked."""

    def __init__(self, needs: Iterable[Need]) -> None:
        self._starts: dict[str, list[int]] = {}
        self._ends: dict[str, list[int]] = {}
        ordered = sorted(needs, key=lambda need: (need.camera, need.start))
        for camera, group in groupby(ordered, key=lambda need: need.camera):
            starts, ends = self._starts.setdefault(camera, []), self._ends.setdefault(camera, [])
            for need in group:
                if ends and need.start <= ends[-1]:
                    ends[-1] = max(ends[-1], need.end)
                else:
                    starts.append(need.start)
                    ends.append(need.end)

    def cover(self, camera: str, start: int, end: int) -> bool:
        """Whether any part of `[start, end)` is needed."""
        place = bisect_right(self._starts.get(camera, []), max(start, end - 1)) - 1
        return place >= 0 and self._ends[camera][place] > start


def witnessed(session: Session, now: Instant, days: int) -> Instant:
    """Start of the `days`-th latest day on which anything was logged; 0 when there are fewer.

    A clock that leaps by a year makes nothing old: a day counts only if we were there.
    """
    at, day_us = now + 1, round(DAY_S * SECOND)
    for _ in range(days):
        last = session.exec(
            select(LogEntry.at_us)
            .where(col(LogEntry.at_us) < at)
            .order_by(col(LogEntry.at_us).desc())
            .limit(1)
        ).first()
        if last is None:
            return Instant(0)
        at = last - last % day_us
    return Instant(at)


class Past:
    """When so many days ago was: by the clock, and by the days that were witnessed."""

    def __init__(self, session: Session, now: Instant) -> None:
        self._session = session
        self._now = now
        self._witnessed: dict[int, Instant] = {}

    def is_over(self, at: int, days: int) -> bool:
        """Whether `days` have passed since `at`."""
        if at >= later(self._now, -days * DAY_S):
            return False
        # Asked only where the clock says yes: it takes a question for each day.
        if days not in self._witnessed:
            self._witnessed[days] = witnessed(self._session, self._now, days)
        return at < self._witnessed[days]


def needs_of(session: Session, now: Instant, settings: Settings) -> list[Need]:
    """Everything that is needed now.

    Raises:
        KeyError, ValueError: a look-back job's payload is not a candidate; only `add_job` of the
            registrar makes them, from one.
    """
    past = Past(session, now)
    return [
        *_events(session, past, settings),
        *_jobs(session, past, settings),
        *_holds(session, settings),
        *_recent(session, now),
    ]


def around(event: Event, settings: Settings) -> tuple[Instant, Instant]:
    """The recording that belongs to an event: its clip, and a margin before and after."""
    last = max(event.alarm_us, event.left_us or event.alarm_us)
    start = later(Instant(event.onset_us), -settings.pre_roll_s - MARGIN_S)
    return start, later(Instant(last), settings.post_roll_s + MARGIN_S)


def _events(session: Session, past: Past, settings: Settings) -> Iterable[Need]:
    rows = session.exec(
        select(Event, Exhibit)
        .join(Exhibit, col(Exhibit.event_id) == Event.id, isouter=True)
        .where(col(Event.state).in_(["pending", "confirmed"]))
    )
    for event, exhibit in rows:
        why = _why(event, exhibit, past=past, settings=settings)
        if why is not None:
            yield Need(CameraId(event.camera_id), *around(event, settings), why)


def _why(event: Event, exhibit: Exhibit | None, *, past: Past, settings: Settings) -> Why | None:
    if exhibit is not None:
        return Why.EXHIBIT if exhibit.promoted_us is None else None
    pending = event.state == "pending"
    days = settings.review_keep_days if pending else settings.confirmed_keep_days
    # A finding's time counts from when officers could see it, an act's from when it was done.
    since = event.found_us if pending else event.onset_us
    if past.is_over(since, days):
        return None
    return Why.PENDING if pending else Why.CONFIRMED


def _jobs(session: Session, past: Past, settings: Settings) -> Iterable[Need]:
    rows = session.exec(
        select(Job).where(Job.kind == "lookback", col(Job.state).in_(["ready", "leased", "failed"]))
    )
    for job in rows:
        if job.state == "failed" and past.is_over(job.created_us, settings.review_keep_days):
            continue
        candidate = Candidate.from_json(job.payload)
        *clear, (start, _) = spans(candidate)
        last = min(start, candidate.onset), candidate.alarm
        for first, end in (*clear, last):
            # Whoever reads a span opens every index that may reach into it.
            yield Need(
                candidate.camera,
                later(first, -settings.pre_roll_s - MARGIN_S - LONGEST_S),
                later(end, settings.post_roll_s + MARGIN_S),
                Why.JOB,
            )


def _holds(session: Session, settings: Settings) -> Iterable[Need]:
    for hold in session.exec(select(Hold).where(col(Hold.released_us).is_(None))):
        event = session.get(Event, hold.subject) if hold.kind == "event" else None
        if event is not None:
            yield Need(CameraId(event.camera_id), *around(event, settings), Why.HOLD)
        elif hold.camera_id and hold.start_us is not None and hold.end_us is not None:
            camera = CameraId(hold.camera_id)
            yield Need(camera, Instant(hold.start_us), Instant(hold.end_us), Why.HOLD)


def _recent(session: Session, now: Instant) -> Iterable[Need]:
    """What the watch has not reported yet, and whatever is being written."""
    for camera in session.exec(select(Camera)):
        since = later(now, -camera.settle_s - LONGEST_S)
        yield Need(CameraId(camera.id), since, ENDLESS, Why.RECENT)
