"""What stands in the way of a deletion (障碍): a case, a hold, or that nobody has decided yet."""

from sqlmodel import Session, col, select

from service.cases import case_for
from service.subject import Subject, SubjectKind, events_of
from service.tables import Acquisition, Case, Event, Exhibit, Hold, Item, Quarantined, User


def obstacle(session: Session, subject: Subject) -> str | None:
    """Why a subject must not be destroyed now, `obstacle.<key>`; None when nothing forbids it.

    A case and a hold stop every deletion, whoever agrees to it. What nobody has decided on is
    decided first: a deletion is no way around the queue.
    """
    if _is_held(session, subject):
        return "held"
    match subject.kind:
        case SubjectKind.EVENT:
            return _of_event(session, subject.id)
        case SubjectKind.UPLOAD:
            return _of_upload(session, subject.id)
        case SubjectKind.CASE:
            return "open" if session.get_one(Case, subject.id).closed_us is None else None


def refuse_foreign(session: Session, subject: Subject, user: User) -> None:
    """Let nobody decide on a case that they may not see.

    Raises:
        InputError: it is another unit's.
    """
    if subject.kind is SubjectKind.CASE:
        case_for(session, subject.id, user)


def _of_event(session: Session, event_id: str) -> str | None:
    if _case_of(session, event_id) is not None:
        return "case"
    return "undecided" if session.get_one(Event, event_id).state == "pending" else None


def _of_upload(session: Session, upload_id: str) -> str | None:
    waiting = session.get(Quarantined, upload_id)
    if waiting is not None and waiting.settled_us is None:
        return "undecided"
    for event_id in _found_in(session, upload_id):
        if session.get_one(Event, event_id).state == "pending":
            return "undecided"
        if _case_of(session, event_id) is not None:
            return "case"
    return None


def _found_in(session: Session, upload_id: str) -> list[str]:
    """The events that were found in a recorder file: it is their recording."""
    acquisition = session.get(Acquisition, upload_id)
    if acquisition is None:
        return []
    found = select(Event.id).where(Event.camera_id == f"upload:{acquisition.sha256}")
    return list(session.exec(found))


def _case_of(session: Session, event_id: str) -> str | None:
    return session.exec(select(Exhibit.case_id).where(Exhibit.event_id == event_id)).first()


def _is_held(session: Session, subject: Subject) -> bool:
    """Held itself, or by an event of it, or by a hold on the recording of such an event."""
    match subject.kind:
        case SubjectKind.EVENT:
            events = [subject.id]
        case SubjectKind.UPLOAD:
            events = _found_in(session, subject.id)
        case SubjectKind.CASE:
            events = events_of(session, subject.id)
    wanted = {subject, *(Subject(SubjectKind.EVENT, each) for each in events)}
    held = select(Hold).where(col(Hold.released_us).is_(None))
    for each in wanted:
        rows = held.where(Hold.kind == each.kind.value, Hold.subject == each.id)
        if session.exec(rows).first() is not None:
            return True
    return any(_recording_is_held(session, event_id) for event_id in events)


def _recording_is_held(session: Session, event_id: str) -> bool:
    event = session.get_one(Event, event_id)
    clips = select(Item).where(Item.event_id == event_id, Item.role == "clip")
    clip = session.exec(clips).first()
    start, end = (clip.start_us, clip.end_us) if clip else (event.onset_us, event.alarm_us)
    rows = select(Hold.id).where(
        col(Hold.released_us).is_(None),
        col(Hold.camera_id) == event.camera_id,
        col(Hold.start_us) < end,
        col(Hold.end_us) > start,
    )
    return session.exec(rows).first() is not None
