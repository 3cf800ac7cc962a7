"""What is left of destroyed objects (销毁记录), and which rows still vouch for bytes.

A row of the database outlives the object that it names. It vouches for the object as long as no
deletion of its subject says `garbage` or `destroyed`.
"""

from typing import Any

from sqlalchemy import select as columns
from sqlmodel import Session, SQLModel, col, select

from ingest.files import Sha256
from service.errors import InputError
from service.subject import Subject, SubjectKind
from service.tables import Deletion, Derived, Exhibit, SegmentRow, Tombstone

GARBAGE, DESTROYED = "garbage", "destroyed"
RECYCLED = "recycled"
GONE = (GARBAGE, DESTROYED)
"""States of a deletion that nothing takes back."""

_SUBJECT_OF = {
    "items": (SubjectKind.EVENT, "event_id"),
    "promotions": (SubjectKind.EVENT, "event_id"),
    "acquisitions": (SubjectKind.UPLOAD, "id"),
    "quarantine": (SubjectKind.UPLOAD, "id"),
    "companions": (SubjectKind.UPLOAD, "upload_id"),
    "documents": (SubjectKind.CASE, "case_id"),
}
"""By table: whose objects its rows name. Rows of any other table vouch for ever."""
_NO_OBJECTS = {SegmentRow.__tablename__, Tombstone.__tablename__, Derived.__tablename__}
"""The ring's own files; objects that are gone; copies, which go with their parents."""


def deletion_of(session: Session, subject: Subject) -> Deletion | None:
    """The deletion because of which nobody may see a subject now; an exhibit goes with its case."""
    wanted = [subject]
    if subject.kind is SubjectKind.EVENT:
        exhibit = session.exec(select(Exhibit).where(Exhibit.event_id == subject.id)).first()
        if exhibit is not None:
            wanted.append(Subject(SubjectKind.CASE, exhibit.case_id))
    for each in wanted:
        found = session.exec(
            select(Deletion).where(
                Deletion.kind == each.kind.value,
                Deletion.subject == each.id,
                col(Deletion.state).in_([RECYCLED, *GONE]),
            )
        ).first()
        if found is not None:
            return found
    return None


def refuse_deleted(session: Session, subject: Subject) -> None:
    """Let nobody see or use what is in the recycle state or destroyed.

    Raises:
        InputError: it is.
    """
    deletion = deletion_of(session, subject)
    if deletion is not None:
        code = "recycled" if deletion.state == RECYCLED else "destroyed"
        raise InputError(code, record=deletion.id)


def gone(session: Session) -> set[Subject]:
    """Every subject that is destroyed or being destroyed, exhibits of such cases too."""
    rows = session.exec(select(Deletion).where(col(Deletion.state).in_(GONE)))
    found = {Subject(SubjectKind(row.kind), row.subject) for row in rows}
    cases = [each.id for each in found if each.kind is SubjectKind.CASE]
    events = session.exec(select(Exhibit.event_id).where(col(Exhibit.case_id).in_(cases)))
    return found | {Subject(SubjectKind.EVENT, each) for each in events}


def living(session: Session) -> dict[Sha256, int]:
    """Every object that must be there, with the size that its rows give.

    Whatever table has a digest and a size names objects, but for the ring's own.
    """
    left = gone(session)
    found: dict[Sha256, int] = {}
    for table in SQLModel.metadata.sorted_tables:
        if {"sha256", "size"} <= set(table.columns.keys()) and table.name not in _NO_OBJECTS:
            found |= _vouched(session, table, left)
    copies = session.exec(select(Derived.sha256, Derived.size, Derived.parent_sha256)).all()
    return found | {
        Sha256(sha256): size for sha256, size, parent in copies if Sha256(parent) in found
    }


def _vouched(session: Session, table: Any, left: set[Subject]) -> dict[Sha256, int]:
    kind, column = _SUBJECT_OF.get(table.name, (None, "sha256"))
    rows = session.connection().execute(columns(table.c.sha256, table.c.size, table.c[column]))
    return {
        Sha256(sha256): size
        for sha256, size, owner in rows
        if sha256 is not None and (kind is None or Subject(kind, owner) not in left)
    }


def is_destroyed(session: Session, sha256: str) -> bool:
    """Whether a deletion has destroyed an object, or is about to."""
    return session.exec(select(Tombstone.id).where(Tombstone.sha256 == sha256)).first() is not None


def is_going(session: Session, sha256: str) -> bool:
    """Whether an object is being destroyed at this moment."""
    rows = (
        select(Tombstone.id)
        .join(Deletion, col(Deletion.id) == Tombstone.deletion_id)
        .where(Tombstone.sha256 == sha256, Deletion.state == GARBAGE)
    )
    return session.exec(rows).first() is not None
