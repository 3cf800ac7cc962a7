"""What was cleared away (清走): an event learns when its thing was gone.

Who took it is not said: the bringer, sanitation workers, a passer-by. Whether the duty to clear was
met is for an officer to judge.
"""

from sqlmodel import Session, col, select

from ingest.clock import Clock
from service.database import Database
from service.evidence.log import MACHINE, Action, append
from service.jobs import add_job, complete_job, lease_job, postpone_job
from service.tables import Event, Job
from vision.boxes import Box
from vision.candidate import Candidate, Clearing
from vision.frame import Instant, later
from vision.sighting import is_cleared

JOB = "clearing"
"""Kind of the job."""
RETRY_S = 30.0
"""Between two looks whether the look-backs that may tell of the thing are done."""


def ask(session: Session, clock: Clock, clearing: Clearing, *, not_before: Instant) -> None:
    """Queue a clearing; again does no harm."""
    add_job(
        session,
        clock,
        id=f"{JOB}-{clearing.candidate.id}-{clearing.at}",
        kind=JOB,
        payload=clearing.to_json(),
        not_before=not_before,
    )


class ClearingWorker:
    """Does clearing jobs, one at a time."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def step(self) -> bool:
        """Do one job that is due; False when there is none."""
        with self._database.write() as session:
            job = lease_job(session, self._clock, JOB)
        if job is None:
            return False
        clearing = Clearing.from_json(job.payload)
        with self._database.write() as session:
            events = _cleared(session, clearing)
            if not events and _is_looked_back_for(session, clearing):
                postpone_job(session, self._clock, job, RETRY_S)
            elif complete_job(session, self._clock, job, f"events: {len(events)}"):
                for event in events:
                    self._enter(session, event, clearing)
        return True

    def _enter(self, session: Session, event: Event, clearing: Clearing) -> None:
        event.cleared_us = clearing.at
        session.add(event)
        append(
            session,
            self._clock,
            actor=MACHINE,
            action=Action.EVENT_CLEARED,
            subject=event.id,
            body={"at_us": clearing.at},
        )


def _cleared(session: Session, clearing: Clearing) -> list[Event]:
    """The events whose thing is gone and that do not know it yet."""
    candidate = clearing.candidate
    onset = col(Event.onset_us).between(later(candidate.before, -60), later(candidate.onset, 60))
    rows = session.exec(
        select(Event).where(
            Event.camera_id == candidate.camera, onset, col(Event.cleared_us).is_(None)
        )
    )
    return [event for event in rows if _is_of(event, clearing)]


def _is_of(event: Event, clearing: Clearing) -> bool:
    # It may have been found in a smaller sub-stream.
    width, height = event.size
    scaled = Clearing(clearing.candidate.scaled((width, height)), clearing.at)
    return is_cleared(scaled, Instant(event.onset_us), Box(*event.box))


def _is_looked_back_for(session: Session, clearing: Clearing) -> bool:
    """Whether a look-back of that camera is still to come that may tell of the thing."""
    open_jobs = select(Job).where(Job.kind == "lookback", col(Job.state).in_(["ready", "leased"]))
    found = (Candidate.from_json(job.payload) for job in session.exec(open_jobs))
    return any(
        each.camera == clearing.candidate.camera and each.onset <= clearing.at for each in found
    )
