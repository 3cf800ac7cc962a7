"""Deletions (删除): one person asks, another approves; never the same (evidence.md, two persons).

What is approved goes to the recycle state (`service/recycle.py`); nothing is destroyed here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from sqlmodel import Session, col, select

from ingest.clock import Clock
from service.database import lock_log
from service.errors import InputError
from service.evidence.log import Action, append
from service.needs import DAY_S
from service.obstacle import obstacle, refuse_foreign
from service.roles import Permission, may, require
from service.settings import Settings
from service.subject import Subject, SubjectKind, check_subject
from service.tables import Deletion, User
from service.term import term_of
from service.texts import say
from service.tombstone import GONE, RECYCLED
from vision.frame import Instant, later

RECYCLE_S = 7 * DAY_S
"""For so long what two persons agreed to destroy can be recovered."""
MOST = 200
"""Subjects in one request: as many as a person can look through before agreeing."""
ASKED, REFUSED, RECOVERED = "asked", "refused", "recovered"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks to be deleted, and why."""

    subjects: tuple[Subject, ...]
    reason: str


def subject_of(deletion: Deletion) -> Subject:
    """What a deletion is about."""
    return Subject(SubjectKind(deletion.kind), deletion.subject)


def ask(session: Session, clock: Clock, settings: Settings, wish: Wish, *, by: User) -> str:
    """Ask for a deletion; the id of the batch that another person has to approve.

    Raises:
        InputError: the person may not; no reason; nothing or too much is named; a subject is not
            there, is another unit's, has a deletion already, or a case or a hold forbids it.
    """
    require(by, Permission.DELETE_REQUEST)
    if not wish.reason.strip():
        raise InputError("why_missing")
    if not 0 < len(wish.subjects) <= MOST:
        raise InputError("deletion_count", most=MOST)
    # Cases and holds come before this, or find the deletion.
    lock_log(session)
    row_of = _Maker(clock.now(), settings, uuid4().hex[:12], wish.reason.strip(), by.id)
    rows = []
    for subject in dict.fromkeys(wish.subjects):
        _refuse_standing(session, subject)
        refuse_foreign(session, subject, by)
        rows.append(row_of(session, subject))
    session.add_all(rows)
    _log(session, clock, Action.DELETION_ASKED, by, rows, why=wish.reason.strip())
    return rows[0].batch


def _refuse_standing(session: Session, subject: Subject) -> None:
    check_subject(session, subject)
    standing = session.exec(
        select(Deletion.id).where(
            Deletion.kind == subject.kind.value,
            Deletion.subject == subject.id,
            col(Deletion.state).in_([ASKED, RECYCLED, *GONE]),
        )
    ).first()
    if standing is not None:
        raise InputError("deletion_stands", subject=subject.id)
    stop = obstacle(session, subject)
    if stop is not None:
        raise InputError(f"deletion_{stop}", subject=subject.id)


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes the rows of one request."""

    now: Instant
    settings: Settings
    batch: str
    reason: str
    by: str

    def __call__(self, session: Session, subject: Subject) -> Deletion:
        """A row that says how long the subject would have been kept."""
        term = term_of(session, subject, self.settings, self.now)
        return Deletion(
            id=uuid4().hex[:12],
            batch=self.batch,
            kind=subject.kind.value,
            subject=subject.id,
            state=ASKED,
            reason=self.reason,
            basis=term.basis(self.now) if term else "-",
            asked_by=self.by,
            asked_us=self.now,
        )


def batch_of(session: Session, batch: str, state: str = ASKED) -> list[Deletion]:
    """The deletions of a request that are in a state.

    Raises:
        InputError: there are none.
    """
    rows = session.exec(
        select(Deletion)
        .where(Deletion.batch == batch, Deletion.state == state)
        .order_by(col(Deletion.kind), col(Deletion.subject))
    ).all()
    if not rows:
        raise InputError("no_deletion", deletion=batch)
    return list(rows)


def approve(session: Session, clock: Clock, batch: str, *, by: User) -> list[Deletion]:
    """Agree to a request; those of it that a case or a hold forbids by now, which are refused.

    Raises:
        InputError: no such request, this person may not, or asked for it, or it is about another
            unit's case.
    """
    require(by, Permission.DELETE_APPROVE)
    lock_log(session)
    rows, now = batch_of(session, batch), clock.now()
    if any(row.asked_by == by.id for row in rows):
        raise InputError("deletion_same_person")
    for row in rows:
        refuse_foreign(session, subject_of(row), by)
    agreed, stopped = [], []
    for row in rows:
        stop = obstacle(session, subject_of(row))
        if stop is None:
            row.state, row.due_us = RECYCLED, later(now, RECYCLE_S)
            row.approved_by, row.approved_us = by.id, now
            agreed.append(row)
        else:
            _settle(row, by, now, say(f"obstacle.{stop}"))
            stopped.append(row)
        session.add(row)
    _log(session, clock, Action.DELETION_APPROVED, by, agreed)
    _log(session, clock, Action.DELETION_REFUSED, by, stopped, why="obstacle")
    return stopped


def _settle(row: Deletion, by: User, now: Instant, why: str) -> None:
    row.state, row.settled_by, row.settled_us, row.settled_why = REFUSED, by.id, now, why


def refuse(session: Session, clock: Clock, batch: str, *, by: User, why: str) -> None:
    """Turn a request down, or take one's own back.

    Raises:
        InputError: no such request, no reason, this person neither approves nor asked, or it is
            about another unit's case.
    """
    if not why.strip():
        raise InputError("why_missing")
    lock_log(session)
    rows = batch_of(session, batch)
    if not may(by, Permission.DELETE_APPROVE) and any(row.asked_by != by.id for row in rows):
        raise InputError("no_access")
    for row in rows:
        refuse_foreign(session, subject_of(row), by)
        _settle(row, by, clock.now(), why.strip())
        session.add(row)
    _log(session, clock, Action.DELETION_REFUSED, by, rows, why=why.strip())


def _log(
    session: Session,
    clock: Clock,
    action: Action,
    by: User,
    rows: Sequence[Deletion],
    *,
    why: str = "",
) -> None:
    """One entry for a batch; none for no row."""
    if rows:
        append(
            session,
            clock,
            actor=by.id,
            action=action,
            subject=rows[0].batch,
            body={
                "why": why,
                "subjects": [str(subject_of(row)) for row in rows],
                "basis": sorted({row.basis for row in rows}),
            },
        )
