"""The chain of custody (监管链): entries of the log about the evidence, and who did what."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, select

from service.bundle.contents import Contents
from service.bundle.piece import UNLOGGED, Measured
from service.erasure import ACCESS
from service.errors import EvidenceError
from service.evidence.log import Action
from service.ledger.adoption import ROWS_ADOPTED
from service.tables import Camera, LogEntry, SegmentRow, User
from service.texts import say
from vision.frame import Instant, later

_SOON_S = 86_400.0
"""A segment is entered within minutes of its end, after an outage within a day; one that came later
is searched for in all of the log."""
_LOOKS = frozenset({*ACCESS, Action.EXPORTED, ROWS_ADOPTED})
"""Entries that name a file without having brought it, such as one whose reason somebody typed; the
adopted rows are those of all cases."""


def entries_about(
    session: Session, contents: Contents, files: Sequence[Measured]
) -> list[LogEntry]:
    """The entries that name the files or are about their subjects, by number.

    Raises:
        EvidenceError: no entry names a file that was taken in by an act.
    """
    rows = session.exec(select(LogEntry).where(col(LogEntry.subject).in_(list(contents.subjects))))
    found = {row.seq: row for row in rows}
    for row in _segments(session, contents):
        found |= {row.seq: row}
    for each in files:
        if each.piece.role not in UNLOGGED and not naming(found.values(), each.sha256):
            row = _anywhere(session, each)
            found |= {row.seq: row}
    return [found[seq] for seq in sorted(found)]


def naming(entries: Iterable[LogEntry], sha256: str) -> list[int]:
    """Numbers of the entries that vouch for a file: they name it and are no mere look at it."""
    return [
        each.seq
        for each in entries
        if each.action not in _LOOKS and each.body is not None and sha256 in each.body
    ]


def _segments(session: Session, contents: Contents) -> Iterable[LogEntry]:
    for segment in contents.segments:
        row = session.get(SegmentRow, segment)
        if row is None:
            continue
        about = select(LogEntry).where(
            LogEntry.subject == row.camera_id,
            LogEntry.action == Action.SEGMENTS_CLOSED.value,
            col(LogEntry.at_us).between(row.start_us, later(Instant(row.end_us), _SOON_S)),
            col(LogEntry.body).contains(row.sha256),
        )
        yield from session.exec(about)


def _anywhere(session: Session, file: Measured) -> LogEntry:
    vouching = select(LogEntry).where(
        col(LogEntry.action).not_in(_LOOKS), col(LogEntry.body).contains(file.sha256)
    )
    row = session.exec(vouching.order_by(col(LogEntry.seq)).limit(1)).first()
    if row is None:
        raise EvidenceError("export_unlogged", path=file.piece.path)
    return row


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the chain, as people read it."""

    seq: int
    at: Instant
    person: str
    unit: str
    act: str
    what: str
    reason: str


def chain(session: Session, contents: Contents, entries: Sequence[LogEntry]) -> list[Step]:
    """The entries in words."""
    people = {user.id: user for user in session.exec(select(User))}
    names = {camera.id: camera.place for camera in session.exec(select(Camera))}
    names |= contents.subjects
    return [_step(entry, people, names) for entry in entries]


def _step(entry: LogEntry, people: Mapping[str, User], names: Mapping[str, str]) -> Step:
    body: dict[str, Any] = json.loads(entry.body or "{}")
    person = people.get(entry.actor)
    return Step(
        seq=entry.seq,
        at=Instant(entry.at_us),
        person=body.get("name") or (person.name if person else say("custody.machine")),
        unit=body.get("unit") or (person.unit if person and person.unit else ""),
        act=say(f"action.{entry.action}"),
        what=names.get(entry.subject, entry.subject),
        reason=str(body.get("reason") or body.get("why") or ""),
    )
