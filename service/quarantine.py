"""Files that are kept and wait for a person (待处理), and how an officer settles them."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import func
from sqlmodel import Session, col, select

from ingest.clock import Clock
from service.database import lock_log
from service.errors import InputError
from service.evidence.log import Action, append
from service.roles import Permission, require_officer
from service.start_time import STATED, Confidence, check_stated
from service.tables import Acquisition, Quarantined, User
from service.uploads import check_officer
from vision.frame import Instant


class Settlement(StrEnum):
    """What an officer can do with a file that waits; the catalogue has the words."""

    TAKEN = "taken"
    SET_ASIDE = "set_aside"


@dataclass(frozen=True, slots=True)
class Statement:
    """What an officer says of a file that waits, and why."""

    why: str
    device_id: str | None = None
    officer_id: str | None = None
    started: Instant | None = None


def waiting(session: Session, *, limit: int) -> list[Quarantined]:
    """The oldest files that wait."""
    rows = select(Quarantined).where(col(Quarantined.settled_us).is_(None))
    return list(session.exec(rows.order_by(col(Quarantined.arrived_us)).limit(limit)))


def waiting_count(session: Session) -> int:
    """How many files wait."""
    rows = select(func.count()).select_from(Quarantined)
    return session.exec(rows.where(col(Quarantined.settled_us).is_(None))).one()


def quarantined(session: Session, quarantined_id: str) -> Quarantined:
    """One file, settled or not.

    Raises:
        InputError: there is none of that id.
    """
    row = session.get(Quarantined, quarantined_id)
    if row is None:
        raise InputError("not_found")
    return row


def take(
    session: Session, clock: Clock, quarantined_id: str, *, officer: User, said: Statement
) -> Acquisition:
    """Take a file in with what the officer states; the acquisition has the same id.

    Raises:
        InputError: it is settled already, it is no video, no reason or no start is given, the
            start cannot be, the officer may not, or the one named may not.
    """
    row = _settle(session, clock, quarantined_id, officer, said, Settlement.TAKEN)
    if row.media is None:
        raise InputError("quarantine_unreadable", name=row.file_name)
    if said.started is None:
        raise InputError("start_missing")
    if said.officer_id is not None:
        check_officer(session, said.officer_id)
    acquisition = Acquisition(
        id=row.id,
        sha256=row.sha256,
        size=row.size,
        file_name=row.file_name,
        device_id=said.device_id,
        officer_id=said.officer_id,
        acquired_us=clock.now(),
        started_us=said.started,
        time_source=STATED,
        times={**row.times, STATED: said.started},
        media=row.media,
        confidence=Confidence.STATED.value,
        channel=row.channel,
        handed_by=row.handed_by,
        sums=row.sums,
    )
    session.add(acquisition)
    _log(session, clock, Action.ACQUIRED, row, officer, said)
    return acquisition


def set_aside(
    session: Session, clock: Clock, quarantined_id: str, *, officer: User, said: Statement
) -> Quarantined:
    """Decide that a file is of no use; it is kept all the same.

    Raises:
        InputError: it is settled already, no reason is given, the start cannot be, or the
            officer may not.
    """
    return _settle(session, clock, quarantined_id, officer, said, Settlement.SET_ASIDE)


def _settle(
    session: Session,
    clock: Clock,
    quarantined_id: str,
    officer: User,
    said: Statement,
    settlement: Settlement,
) -> Quarantined:
    require_officer(officer, Permission.DECIDE, clock.now())
    if not said.why.strip():
        raise InputError("why_missing")
    if said.started is not None:
        check_stated(said.started, clock.now())
    # One decision at a time, on every engine.
    lock_log(session)
    row = quarantined(session, quarantined_id)
    if row.settled_us is not None:
        raise InputError("quarantine_settled")
    row.settled_us, row.settled_by = clock.now(), officer.id
    row.settlement, row.settled_why = settlement.value, said.why.strip()
    session.add(row)
    _log(session, clock, Action.QUARANTINE_SETTLED, row, officer, said)
    return row


def _log(
    session: Session,
    clock: Clock,
    action: Action,
    row: Quarantined,
    officer: User,
    said: Statement,
) -> None:
    append(
        session,
        clock,
        actor=officer.id,
        action=action,
        subject=row.id,
        body={
            "sha256": row.sha256,
            "size": row.size,
            "file_name": row.file_name,
            "settlement": row.settlement or "",
            "why": said.why.strip(),
            "device": said.device_id or "",
            "officer": said.officer_id or "",
            "started_us": said.started or 0,
        },
    )
