"""How long a subject is kept (保管期限), what is due for deletion, and what the machine may let go.

A term counts in days on which something was logged here, as the ring's do (storage, R6).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice

from sqlalchemy import ScalarResult
from sqlmodel import Session, col, select

from service.needs import DAY_S, Past
from service.obstacle import obstacle
from service.retention_law import Scope, load_rules
from service.settings import Settings
from service.subject import Subject, SubjectKind
from service.tables import Acquisition, Case, Deletion, Event, Exhibit, Quarantined, Review
from service.texts import say
from service.times import beijing
from vision.frame import SECOND, Instant, later

_PROCEDURES = {"ordinary": Scope.FILE_ORDINARY, "summary": Scope.FILE_SUMMARY}
_STANDING = ("asked", "recycled", "garbage", "destroyed")
"""States of a deletion beside which none is proposed."""


@dataclass(frozen=True, slots=True)
class Term:
    """From when and for how many days something is kept, and by which rule."""

    since: Instant
    days: int
    scope: Scope
    cited: str

    @property
    def until(self) -> Instant:
        """When it is over by the clock."""
        return later(self.since, self.days * DAY_S)

    def basis(self, now: Instant) -> str:
        """What a record says of it; what persons cut short says by how many days."""
        since = f"{beijing(self.since):%Y-%m-%d}"
        told = say("deletion.basis", since=since, days=self.days, cited=self.cited)
        left = -((now - self.until) // round(DAY_S * SECOND))
        return told + say("deletion.early", days=left) if left > 0 else told


@dataclass(frozen=True, slots=True)
class Due:
    """A subject whose term is over."""

    subject: Subject
    term: Term


def term_of(session: Session, subject: Subject, settings: Settings, now: Instant) -> Term | None:
    """The longest term that holds for a subject; None while its time has not begun."""
    begun = _begun(session, subject)
    if begun is None:
        return None
    scope, since = begun
    return _term(scope, since, settings, beijing(now).date())


def _term(scope: Scope, since: Instant, settings: Settings, today: date) -> Term:
    rule = load_rules().longest(today, scope)
    asked = _asked(settings).get(scope, 0)
    days = max(asked, rule.least_days if rule else 0)
    return Term(since, days, scope, rule.cited if rule else "-")


def _asked(settings: Settings) -> dict[Scope, int]:
    return {
        Scope.CONFIRMED: settings.confirmed_keep_days,
        Scope.UPLOAD: settings.upload_keep_days,
        Scope.UNACTIONED: settings.rejected_keep_days,
        Scope.ACCESS_LOG: settings.access_log_days,
    }


def access_term(settings: Settings, now: Instant) -> Term:
    """How long the log remembers who looked at what, until now."""
    return _term(Scope.ACCESS_LOG, now, settings, beijing(now).date())


def _begun(session: Session, subject: Subject) -> tuple[Scope, Instant] | None:
    match subject.kind:
        case SubjectKind.EVENT:
            return _event_begun(session, subject.id)
        case SubjectKind.UPLOAD:
            taken = session.get(Acquisition, subject.id)
            if taken is not None:
                return Scope.UPLOAD, Instant(taken.acquired_us)
            waiting = session.get_one(Quarantined, subject.id)
            return Scope.UPLOAD, Instant(waiting.arrived_us)
        case SubjectKind.CASE:
            case = session.get_one(Case, subject.id)
            if case.closed_us is None or case.procedure is None:
                return None
            return _PROCEDURES[case.procedure], Instant(case.closed_us)


def _event_begun(session: Session, event_id: str) -> tuple[Scope, Instant] | None:
    event = session.get_one(Event, event_id)
    if event.state == "confirmed":
        return Scope.CONFIRMED, Instant(event.onset_us)
    review = session.exec(select(Review).where(Review.event_id == event_id)).first()
    return None if review is None else (Scope.UNACTIONED, Instant(review.decided_us))


def due(session: Session, now: Instant, settings: Settings, *, most: int) -> list[Due]:
    """What persons may let go now, oldest first within its kind; nothing goes by itself."""
    confirmed = _events(session, "confirmed", _before(Scope.CONFIRMED, settings, now))
    uploads = _uploads(session, _before(Scope.UPLOAD, settings, now))
    closed = session.exec(
        select(Case.id).where(col(Case.closed_us).is_not(None)).order_by(col(Case.closed_us))
    )
    subjects = [
        *(Subject(SubjectKind.EVENT, each) for each in confirmed),
        *(Subject(SubjectKind.UPLOAD, each) for each in uploads),
        *(Subject(SubjectKind.CASE, each) for each in closed),
    ]
    return list(islice(_over(session, subjects, now, settings), most))


def forgettable(session: Session, now: Instant, settings: Settings, *, most: int) -> list[Due]:
    """Rejected events whose pictures nobody needs any more: they go by themselves."""
    before = _before(Scope.UNACTIONED, settings, now)
    rejected = [Subject(SubjectKind.EVENT, each) for each in _events(session, "rejected", before)]
    return list(islice(_over(session, rejected, now, settings), most))


def _before(scope: Scope, settings: Settings, now: Instant) -> Instant:
    """What began later is not over by any clock: most rows need no closer look."""
    return later(now, -_term(scope, now, settings, beijing(now).date()).days * DAY_S)


def _events(session: Session, state: str, before: Instant) -> ScalarResult[str]:
    """Events of that state in no case, oldest first."""
    return session.exec(
        select(Event.id)
        .join(Exhibit, col(Exhibit.event_id) == Event.id, isouter=True)
        .where(Event.state == state, Event.onset_us <= before, col(Exhibit.id).is_(None))
        .order_by(col(Event.onset_us), col(Event.id))
    )


def _uploads(session: Session, before: Instant) -> Iterator[str]:
    """Recorder files that were taken in or set aside, oldest first of each."""
    taken = select(Acquisition.id).where(Acquisition.acquired_us <= before)
    yield from session.exec(taken.order_by(col(Acquisition.acquired_us)))
    aside = select(Quarantined.id).where(
        Quarantined.settlement == "set_aside", Quarantined.arrived_us <= before
    )
    yield from session.exec(aside.order_by(col(Quarantined.arrived_us)))


def _over(
    session: Session, subjects: list[Subject], now: Instant, settings: Settings
) -> Iterator[Due]:
    past = Past(session, now)
    rows = session.exec(
        select(Deletion.kind, Deletion.subject).where(col(Deletion.state).in_(_STANDING))
    )
    standing = {Subject(SubjectKind(kind), name) for kind, name in rows}
    for subject in subjects:
        if subject in standing:
            continue
        term = term_of(session, subject, settings, now)
        if term is None or not past.is_over(term.since, term.days):
            continue
        if obstacle(session, subject) is None:
            yield Due(subject, term)
