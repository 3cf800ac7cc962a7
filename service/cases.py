"""Penalty cases in preparation: confirmed events become exhibits, exhibits carry documents."""

from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import func
from sqlmodel import Session, col, select

from ingest.clock import Clock
from service.database import lock_log
from service.derived import wish_for_exhibit
from service.errors import InputError
from service.evidence.log import Action, append
from service.review import locked_event
from service.roles import Permission, require_officer, shares_unit
from service.subject import Subject, SubjectKind
from service.tables import Camera, Case, Document, Event, Exhibit, User
from service.tombstone import refuse_deleted


@dataclass(frozen=True, slots=True)
class PartyFacts:
    """What officers learnt about the party (当事人) and chose for the draft; None is still blank.

    Attributes:
        provision_id: a provision of the law catalogue; only a person chooses one.
        fine_yuan: whole yuan.
    """

    name: str | None = None
    id_no: str | None = None
    address: str | None = None
    phone: str | None = None
    provision_id: str | None = None
    fine_yuan: int | None = None


_PARTY = (
    *("party_name", "party_id_no", "party_address", "party_phone"),
    *("provision_id", "fine_yuan"),
)
"""What the log says that was learnt, as the case's columns are called: `name` and `address` in the
body of an entry are those of whoever acted."""


def cases(session: Session, user: User) -> list[Case]:
    """The cases that a person may see, newest first."""
    rows = session.exec(
        select(Case, User)
        .join(User, col(User.id) == Case.opened_by)
        .order_by(col(Case.opened_us).desc())
    )
    return [case for case, opener in rows if shares_unit(user, opener)]


def case_of(session: Session, case_id: str) -> Case:
    """A case.

    Raises:
        InputError: there is none.
    """
    case = session.get(Case, case_id)
    if case is None:
        raise InputError("no_case", case=case_id)
    return case


def case_for(session: Session, case_id: str, user: User) -> Case:
    """A case that a person may see: one of their unit, which is that of whoever opened it.

    Raises:
        InputError: there is none, or it is another unit's.
    """
    case = case_of(session, case_id)
    if not shares_unit(user, session.get_one(User, case.opened_by)):
        raise InputError("foreign_case", case=case_id)
    return case


def open_to_change(session: Session, case_id: str, user: User) -> Case:
    """A case that a person may see and that has not ended.

    Raises:
        InputError: there is none, it is another unit's, or it has ended.
    """
    case = case_for(session, case_id, user)
    if case.closed_us is not None:
        raise InputError("case_closed", case=case_id)
    return case


def exhibits_of(session: Session, case_id: str) -> list[tuple[Exhibit, Event]]:
    """The exhibits of a case with their events, by number."""
    rows = session.exec(
        select(Exhibit, Event)
        .join(Event, col(Event.id) == Exhibit.event_id)
        .where(Exhibit.case_id == case_id)
        .order_by(col(Exhibit.number))
    )
    return list(rows)


def documents_of(session: Session, case_id: str) -> list[Document]:
    """Every rendering of the documents of a case, newest first."""
    return list(
        session.exec(
            select(Document)
            .where(Document.case_id == case_id)
            .order_by(col(Document.made_us).desc())
        )
    )


def case_with(session: Session, event_id: str) -> Case | None:
    """The case that relies on an event; None when it is in none."""
    exhibit = session.exec(select(Exhibit).where(Exhibit.event_id == event_id)).first()
    return session.get(Case, exhibit.case_id) if exhibit else None


def _confirmed(session: Session, clock: Clock, event_id: str, officer: User) -> Event:
    require_officer(officer, Permission.CASE_EDIT, clock.now())
    # Locked: nobody else may put it into another case, or destroy it, meanwhile.
    lock_log(session)
    refuse_deleted(session, Subject(SubjectKind.EVENT, event_id))
    event = locked_event(session, event_id)
    if event.state != "confirmed":
        raise InputError("not_confirmed", event=event_id)
    return event


def open_case(session: Session, clock: Clock, event_id: str, *, officer: User, title: str) -> Case:
    """Start a case with a confirmed event as its first exhibit.

    Raises:
        InputError: the event is not confirmed, is deleted or in a case already, or the title is
            empty.
    """
    event = _confirmed(session, clock, event_id, officer)
    if not title.strip():
        raise InputError("title_missing")
    camera = session.get(Camera, event.camera_id)
    case = Case(
        id=uuid4().hex[:12],
        title=title.strip(),
        kind=event.kind,
        place=camera.place if camera else "",
        act_us=event.onset_us,
        opened_by=officer.id,
        opened_us=clock.now(),
    )
    session.add(case)
    session.flush()
    append(session, clock, actor=officer.id, action=Action.CASE_OPENED, subject=case.id)
    add_exhibit(session, clock, case.id, event_id, officer=officer)
    return case


def add_exhibit(
    session: Session, clock: Clock, case_id: str, event_id: str, *, officer: User
) -> Exhibit:
    """Let a case rely on a confirmed event.

    Raises:
        InputError: no such case, another unit's or one that has ended; the event is not confirmed,
            is deleted or is an exhibit already (one act is not punished twice, 行政处罚法 29).
    """
    event = _confirmed(session, clock, event_id, officer)
    # Locked: exhibits are numbered one after the other.
    if session.get(Case, case_id, with_for_update=True) is None:
        raise InputError("no_case", case=case_id)
    open_to_change(session, case_id, officer)
    if case_with(session, event_id) is not None:
        raise InputError("exhibit_exists", event=event_id)
    count = session.exec(
        select(func.count()).select_from(Exhibit).where(Exhibit.case_id == case_id)
    ).one()
    exhibit = Exhibit(
        id=uuid4().hex[:12],
        case_id=case_id,
        event_id=event.id,
        number=count + 1,
        added_by=officer.id,
        added_us=clock.now(),
    )
    session.add(exhibit)
    session.flush()
    append(
        session,
        clock,
        actor=officer.id,
        action=Action.LINKED,
        subject=event.id,
        body={"case": case_id, "number": exhibit.number},
    )
    wish_for_exhibit(session, clock, event)
    return exhibit


def set_party(
    session: Session, clock: Clock, case_id: str, facts: PartyFacts, *, officer: User
) -> Case:
    """Keep what officers learnt about the party; the log has it in a body, which can be erased.

    Raises:
        InputError: no such case or another unit's, no officer with a valid 执法证, or a fine
            that is not positive.
    """
    require_officer(officer, Permission.CASE_EDIT, clock.now())
    if facts.fine_yuan is not None and facts.fine_yuan <= 0:
        raise InputError("fine_not_positive")
    case = open_to_change(session, case_id, officer)
    case.party_name, case.party_id_no = facts.name, facts.id_no
    case.party_address, case.party_phone = facts.address, facts.phone
    case.provision_id, case.fine_yuan = facts.provision_id, facts.fine_yuan
    session.add(case)
    append(
        session,
        clock,
        actor=officer.id,
        action=Action.CASE_CHANGED,
        subject=case_id,
        body={key: getattr(case, key) or "" for key in _PARTY},
    )
    return case
