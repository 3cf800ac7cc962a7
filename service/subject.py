"""What a hold or a deletion is about (对象): an event, a recorder file or a case."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from sqlmodel import Session, SQLModel, col, select

from ingest.files import Sha256
from service.errors import InputError
from service.tables import (
    Acquisition,
    Case,
    Companion,
    Derived,
    Document,
    Event,
    Exhibit,
    Item,
    Promotion,
    Quarantined,
)


class SubjectKind(StrEnum):
    """Kinds of subjects; the catalogue has the words, `subject.<kind>`."""

    EVENT = "event"
    UPLOAD = "upload"
    """A recorder file, taken in or waiting: acquisition and quarantined file share their id."""
    CASE = "case"


_TABLES: dict[SubjectKind, tuple[type[SQLModel], ...]] = {
    SubjectKind.EVENT: (Event,),
    SubjectKind.UPLOAD: (Acquisition, Quarantined),
    SubjectKind.CASE: (Case,),
}


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """One event, recorder file or case."""

    kind: SubjectKind
    id: str

    def __str__(self) -> str:
        """`event 3f2a...`, as records spell it."""
        return f"{self.kind} {self.id}"


@dataclass(frozen=True, slots=True)
class Part:
    """An object of the store and what it is of its subject."""

    sha256: Sha256
    size: int
    role: str


def is_there(session: Session, subject: Subject) -> bool:
    """Whether there is a row of it."""
    return any(session.get(table, subject.id) is not None for table in _TABLES[subject.kind])


def check_subject(session: Session, subject: Subject) -> None:
    """Refuse what is not there.

    Raises:
        InputError: there is no such event, recorder file or case.
    """
    if not is_there(session, subject):
        raise InputError("not_found")


def events_of(session: Session, case_id: str) -> list[str]:
    """The events that are exhibits of a case."""
    return list(session.exec(select(Exhibit.event_id).where(Exhibit.case_id == case_id)))


def parts_of(session: Session, subject: Subject) -> list[Part]:
    """Every object that a subject has, once; those that are destroyed as well."""
    found = {part.sha256: part for part in _named(session, subject)}
    copies = session.exec(select(Derived).where(col(Derived.parent_sha256).in_(list(found))))
    for copy in copies:
        sha256 = Sha256(copy.sha256)
        found.setdefault(sha256, Part(sha256, copy.size, "copy"))
    return list(found.values())


def _named(session: Session, subject: Subject) -> Iterator[Part]:
    match subject.kind:
        case SubjectKind.EVENT:
            yield from _of_event(session, subject.id)
        case SubjectKind.UPLOAD:
            yield from _of_upload(session, subject.id)
        case SubjectKind.CASE:
            documents = session.exec(select(Document).where(Document.case_id == subject.id))
            yield from _parts(documents, "document")
            for event_id in events_of(session, subject.id):
                yield from _of_event(session, event_id)


def _of_event(session: Session, event_id: str) -> Iterator[Part]:
    for item in session.exec(select(Item).where(Item.event_id == event_id)):
        yield Part(Sha256(item.sha256), item.size, item.role)
    originals = session.exec(select(Promotion).where(Promotion.event_id == event_id))
    yield from _parts(originals, "original")


def _of_upload(session: Session, upload_id: str) -> Iterator[Part]:
    rows = (session.get(Acquisition, upload_id), session.get(Quarantined, upload_id))
    yield from _parts((row for row in rows if row is not None), "original")
    beside = session.exec(select(Companion).where(Companion.upload_id == upload_id))
    yield from _parts(beside, "companion")


_Named = Acquisition | Quarantined | Companion | Document | Promotion
"""Rows with a digest and a size, and no role of their own."""


def _parts(rows: Iterable[_Named], role: str) -> Iterator[Part]:
    for row in rows:
        yield Part(Sha256(row.sha256), row.size, role)
