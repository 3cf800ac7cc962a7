"""Holds (保全): a person forbids to destroy a stretch of recording, an event, a recorder file or a
case, and lets it go again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import func
from sqlmodel import Session, col, select

from ingest.clock import Clock
from service.database import lock_log
from service.errors import InputError
from service.evidence.log import Action, append
from service.obstacle import refuse_foreign
from service.roles import Permission, require
from service.subject import Subject, SubjectKind, check_subject
from service.tables import Camera, Hold, SegmentRow, User
from service.tombstone import GONE, deletion_of
from vision.frame import Instant


@dataclass(frozen=True, slots=True)
class HoldRequest:
    """What is to be held, and why."""

    camera: str
    start: Instant
    end: Instant
    reason: str


@dataclass(frozen=True, slots=True)
class Held:
    """A hold and how many segments of its time are there and were destroyed before it."""

    hold: Hold
    kept: int
    destroyed: int


def place_hold(session: Session, clock: Clock, request: HoldRequest, *, by: str) -> Hold:
    """Hold a stretch of recording. What was destroyed before stays destroyed: see `holds`.

    Raises:
        InputError: no such camera or account, the account is closed or may not, the times are the
            wrong way round, or no reason is given.
    """
    # Retention decides under the same lock: this hold comes before its decision, or after it.
    lock_log(session)
    if session.get(Camera, request.camera) is None:
        raise InputError("no_camera", camera=request.camera)
    if request.end <= request.start:
        raise InputError("hold_span")
    hold = Hold(
        id=uuid4().hex[:12],
        camera_id=request.camera,
        start_us=request.start,
        end_us=request.end,
        reason=_reason(request.reason),
        placed_by=_person(session, by).id,
        placed_us=clock.now(),
    )
    body = {"start_us": request.start, "end_us": request.end}
    return _placed(session, clock, hold, request.camera, body)


def hold_subject(session: Session, clock: Clock, subject: Subject, *, by: str, reason: str) -> Hold:
    """Hold an event, a recorder file or a case with all its objects.

    Raises:
        InputError: there is no such subject, it is destroyed, the account is unknown, closed or
            may not, or no reason is given.
    """
    lock_log(session)
    check_subject(session, subject)
    deletion = deletion_of(session, subject)
    if deletion is not None and deletion.state in GONE:
        raise InputError("destroyed", record=deletion.id)
    hold = Hold(
        id=uuid4().hex[:12],
        kind=subject.kind.value,
        subject=subject.id,
        reason=_reason(reason),
        placed_by=_person(session, by).id,
        placed_us=clock.now(),
    )
    return _placed(session, clock, hold, subject.id, {"kind": hold.kind})


def _placed(
    session: Session, clock: Clock, hold: Hold, subject: str, told: Mapping[str, str | int]
) -> Hold:
    session.add(hold)
    session.flush()
    append(
        session,
        clock,
        actor=hold.placed_by,
        action=Action.HELD,
        subject=subject,
        body={"hold": hold.id, "reason": hold.reason, **told},
    )
    return hold


def release_hold(session: Session, clock: Clock, hold_id: str, *, by: str, reason: str) -> Hold:
    """Let a hold go; from now on its recording is kept no longer than any other.

    Raises:
        InputError: no such hold or account, the account is closed or may not, the hold was
            released or is on another unit's case, or no reason is given.
    """
    hold = session.get(Hold, hold_id, with_for_update=True)
    if hold is None:
        raise InputError("no_hold", hold=hold_id)
    if hold.released_us is not None:
        raise InputError("hold_released", hold=hold_id)
    person = _person(session, by)
    if hold.subject is not None:
        refuse_foreign(session, Subject(SubjectKind(hold.kind), hold.subject), person)
    hold.release_reason = _reason(reason)
    hold.released_by = person.id
    hold.released_us = clock.now()
    session.add(hold)
    append(
        session,
        clock,
        actor=by,
        action=Action.RELEASED,
        subject=hold.camera_id or hold.subject or "",
        body={"hold": hold.id, "reason": hold.release_reason},
    )
    return hold


def holds(session: Session) -> list[Held]:
    """Every hold, newest first, those that were released too."""
    rows = session.exec(select(Hold).order_by(col(Hold.placed_us).desc(), col(Hold.id)))
    return [held_of(session, hold) for hold in rows]


def holds_on(session: Session, subject: Subject) -> list[Hold]:
    """The holds on a subject, newest first, those that were released too."""
    rows = select(Hold).where(Hold.kind == subject.kind.value, Hold.subject == subject.id)
    return list(session.exec(rows.order_by(col(Hold.placed_us).desc(), col(Hold.id))))


def held_of(session: Session, hold: Hold) -> Held:
    """What a hold found to hold; segments of recording, so none where it holds a subject."""
    if hold.start_us is None or hold.end_us is None:
        return Held(hold, 0, 0)
    rows = session.exec(
        select(SegmentRow.state, func.count())
        .where(
            col(SegmentRow.camera_id) == hold.camera_id,
            col(SegmentRow.start_us) < hold.end_us,
            col(SegmentRow.end_us) > hold.start_us,
        )
        .group_by(col(SegmentRow.state))
    )
    counts = dict(rows.all())
    kept = counts.pop("kept", 0)
    return Held(hold, kept, sum(counts.values()))


def _person(session: Session, user_id: str) -> User:
    user = session.get(User, user_id)
    if user is None:
        raise InputError("no_user", user=user_id)
    if not user.active:
        raise InputError("user_inactive", user=user_id)
    require(user, Permission.HOLD)
    return user


def _reason(words: str) -> str:
    if not words.strip():
        raise InputError("hold_reason")
    return words.strip()
