"""Work that must not be lost: a table of jobs with leases.

A worker leases a job, does it, and completes it under the same epoch. A worker that died loses
its lease by time; one that was only slow finds a newer epoch and may not commit.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, and_, col, or_, select

from ingest.clock import Clock
from service.alarms import Trouble, raise_alarm
from service.tables import Job
from vision.frame import Instant, later

LEASE_S = 120.0
"""Longer than any look-back takes (bar: 20 CPU seconds), so only a dead worker loses it."""
MAX_ATTEMPTS = 5
"""A job that failed so often waits for a person."""
_BACK_OFF_S = 5.0
"""First wait after a failure; it doubles each time."""


def add_job(
    session: Session,
    clock: Clock,
    *,
    id: str,
    kind: str,
    payload: Mapping[str, Any],
    not_before: Instant,
) -> bool:
    """Queue a job; False when one with this id was queued before, whatever became of it."""
    if session.get(Job, id) is not None:
        return False
    session.add(
        Job(
            id=id,
            kind=kind,
            payload=dict(payload),
            not_before_us=not_before,
            created_us=clock.now(),
        )
    )
    return True


def lease_job(session: Session, clock: Clock, kind: str) -> Job | None:
    """The oldest job that is due and that nobody holds, now held by the caller.

    A job whose workers died with it every time waits for a person instead.
    """
    now = clock.now()
    job = session.exec(
        select(Job)
        .where(
            Job.kind == kind,
            Job.not_before_us <= now,
            or_(
                col(Job.state) == "ready",
                and_(col(Job.state) == "leased", col(Job.lease_until_us) < now),
            ),
        )
        .order_by(col(Job.not_before_us))
        .limit(1)
        .with_for_update(skip_locked=True)
    ).first()
    if job is None:
        return None
    if job.attempts >= MAX_ATTEMPTS:
        _give_up(session, clock, job, "its workers died")
        return lease_job(session, clock, kind)
    job.state = "leased"
    job.lease_until_us = later(now, LEASE_S)
    job.epoch += 1
    job.attempts += 1
    session.add(job)
    return job


def _held(session: Session, job: Job) -> Job | None:
    current = session.get(Job, job.id, with_for_update=True, populate_existing=True)
    if current is None or current.epoch != job.epoch or current.state != "leased":
        return None
    return current


def extend_lease(session: Session, clock: Clock, job: Job, note: str = "") -> bool:
    """Keep a job that takes longer than a lease; `note` says how far it is.

    False means that the lease was lost: somebody else does the job now.
    """
    current = _held(session, job)
    if current is None:
        return False
    current.lease_until_us, current.outcome = later(clock.now(), LEASE_S), note
    session.add(current)
    return True


def complete_job(session: Session, clock: Clock, job: Job, outcome: str) -> bool:
    """Mark a job done in the transaction that holds its results.

    False means that the lease was lost: the results must not be entered.
    """
    current = _held(session, job)
    if current is None:
        return False
    current.state, current.outcome, current.done_us = "done", outcome, clock.now()
    session.add(current)
    return True


def postpone_job(session: Session, clock: Clock, job: Job, seconds: float) -> None:
    """Give a job back that cannot be done yet; it does not count as an attempt."""
    current = _held(session, job)
    if current is not None:
        current.state, current.not_before_us = "ready", later(clock.now(), seconds)
        current.attempts -= 1
        session.add(current)


def fail_job(session: Session, clock: Clock, job: Job, why: str, *, again: bool = True) -> None:
    """Give a job back after an error, to be tried later; at the limit, raise the alarm.

    `again` is False for what no second try can mend.
    """
    current = _held(session, job)
    if current is None:
        return
    if not again or current.attempts >= MAX_ATTEMPTS:
        _give_up(session, clock, current, why)
        return
    wait = _BACK_OFF_S * 2 ** (current.attempts - 1)
    current.state, current.not_before_us = "ready", later(clock.now(), wait)
    current.outcome = why
    session.add(current)


def _give_up(session: Session, clock: Clock, job: Job, why: str) -> None:
    job.state, job.outcome = "failed", why
    session.add(job)
    raise_alarm(session, clock, Trouble.JOB_FAILED, job.id, detail=why)


def waiting_jobs(session: Session) -> int:
    """How many jobs are not finished."""
    return session.exec(
        select(func.count()).select_from(Job).where(col(Job.state).in_(["ready", "leased"]))
    ).one()
