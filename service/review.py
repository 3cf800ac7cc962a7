"""An officer decides on an event: the only way out of the queue."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum

from sqlmodel import Session, col, select

from ingest.clock import Clock
from ingest.files import Sha256
from service.errors import EvidenceError, InputError
from service.evidence.log import Action, Body, append
from service.evidence.store import Store
from service.roles import Permission, require_officer
from service.tables import Event, Item, Review, User


class Rejection(StrEnum):
    """Why an event is none (the catalogue has the words, `rejection.<key>`)."""

    NOTHING = "nothing"
    PERSON = "person"
    VEHICLE = "vehicle"
    SANITATION = "sanitation"
    LIGHT = "light"
    PERMITTED = "permitted"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Qualities:
    """What 行政处罚法 41 asks of a recording: 真实、清晰、完整、准确."""

    genuine: bool
    clear: bool
    complete: bool
    accurate: bool

    @property
    def admissible(self) -> bool:
        """Only a recording with all four may be evidence of a penalty."""
        return self.genuine and self.clear and self.complete and self.accurate


def queue(session: Session) -> list[Event]:
    """Events that wait for a decision: sure before unsure, likelier first, then older."""
    return list(
        session.exec(
            select(Event)
            .where(Event.state == "pending")
            .order_by(col(Event.certain).desc(), col(Event.score).desc(), col(Event.onset_us))
        )
    )


def items_of(session: Session, event_id: str) -> dict[str, Item]:
    """The stored pieces of an event by role: `clip`, `before`, `onset`, `after`, `manifest`."""
    rows = session.exec(select(Item).where(Item.event_id == event_id))
    return {row.role: row for row in rows}


def check_items(store: Store, items: Iterable[Item]) -> None:
    """Hash every byte of the pieces again.

    Raises:
        EvidenceError: one is not in the store.
        FootageAltered: one is not what was kept.
    """
    for item in items:
        try:
            store.check(Sha256(item.sha256))
        except KeyError as error:
            raise EvidenceError("object_missing", sha256=item.sha256) from error


def locked_event(session: Session, event_id: str) -> Event:
    """The event that an officer is about to act on, locked until the transaction ends.

    Raises:
        InputError: there is none.
    """
    event = session.get(Event, event_id, with_for_update=True)
    if event is None:
        raise InputError("no_event", event=event_id)
    return event


def _pending(session: Session, clock: Clock, event_id: str, officer: User) -> Event:
    require_officer(officer, Permission.DECIDE, clock.now())
    event = locked_event(session, event_id)
    if event.state != "pending":
        raise InputError("already_decided", event=event_id)
    return event


def _record(session: Session, clock: Clock, event: Event, review: Review, told: Body) -> Review:
    event.state = review.decision
    session.add_all([event, review])
    append(
        session,
        clock,
        actor=review.officer_id,
        action=Action.REVIEWED,
        subject=event.id,
        body={"decision": review.decision, "note": review.note, **told},
    )
    return review


def confirm(
    session: Session,
    clock: Clock,
    event_id: str,
    *,
    officer: User,
    qualities: Qualities,
    note: str = "",
) -> Review:
    """Record that an officer saw the offence in the recording.

    Raises:
        InputError: no such event, decided already, no officer with a valid 执法证, or one of the
            four qualities is missing: such a recording can only be a lead.
    """
    event = _pending(session, clock, event_id, officer)
    if not qualities.admissible:
        raise InputError("qualities_missing")
    review = Review(
        event_id=event.id,
        officer_id=officer.id,
        decision="confirmed",
        reason="",
        note=note,
        genuine=qualities.genuine,
        clear=qualities.clear,
        complete=qualities.complete,
        accurate=qualities.accurate,
        decided_us=clock.now(),
    )
    answered = [name for name, met in asdict(qualities).items() if met]
    return _record(session, clock, event, review, {"qualities": answered})


def reject(
    session: Session,
    clock: Clock,
    event_id: str,
    *,
    officer: User,
    reason: Rejection,
    note: str = "",
) -> Review:
    """Record that an officer saw no offence.

    Raises:
        InputError: no such event, decided already, no officer with a valid 执法证, or `other`
            without a note.
    """
    event = _pending(session, clock, event_id, officer)
    if reason is Rejection.OTHER and not note.strip():
        raise InputError("note_missing")
    review = Review(
        event_id=event.id,
        officer_id=officer.id,
        decision="rejected",
        reason=reason.value,
        note=note,
        decided_us=clock.now(),
    )
    return _record(session, clock, event, review, {"reason": review.reason})


def review_of(session: Session, event_id: str) -> Review | None:
    """The decision on an event, if there is one."""
    return session.exec(select(Review).where(Review.event_id == event_id)).first()
