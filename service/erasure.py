"""Erasure (抹除): the log forgets details when their term is over; its leaves hold all the same.

An entry's body goes and its leaf stays, so the log still says that something was done, when, by
whom and to what. Two kinds are forgotten: who looked at what, after the term of the access log, and
everything that was said of a case whose file is destroyed. Nothing of a case or a hold goes before.

Rows that only an erased body told are told again by the entry of the erasure, as they are now, so
that the log goes on to say what the rows are.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import islice

from sqlmodel import Session, col, or_, select

from ingest.clock import Clock
from service.alarms import Trouble, raise_alarm
from service.database import Database, lock_log
from service.evidence.log import MACHINE, Action, append
from service.evidence.projection import Projection
from service.evidence.rebuild import compare_told
from service.evidence.span import spans
from service.ledger.rows import changes_of
from service.needs import DAY_S, Past
from service.obstacle import obstacle
from service.settings import Settings
from service.subject import Subject, SubjectKind, is_there
from service.tables import Deletion, Document, Item, LogEntry
from service.term import access_term
from service.tombstone import DESTROYED, GONE, deletion_of
from vision.frame import later

BATCH = 500
"""Entries in one round."""
_PAGE = 500
"""Entries fetched at once where all of the log is read: it does not fit into memory."""
ACCESS = (
    Action.VIEWED,
    Action.VIEW_ENDED,
    Action.DOWNLOADED,
    Action.LOGGED_IN,
    Action.LOGGED_OUT,
    Action.LOGIN_FAILED,
    Action.LOGIN_LOCKED,
    Action.REASON_STATED,
    Action.LOG_READ,
    Action.TOKEN_USED,
)
"""Acts that change nothing: who looked at what, and who came and went."""
AGAIN_S = 7 * DAY_S
"""For so long after a file was destroyed the log is searched for it: each search reads all of the
log, and what comes later is the access log's."""
_RECORDS = (Action.OBJECTS_DESTROYED, Action.BODIES_ERASED)
"""These say what went, and stay."""


class Eraser:
    """Erases bodies whose term is over; one per installation, in the keeper's process."""

    def __init__(self, database: Database, clock: Clock, settings: Settings) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings

    def step(self) -> bool:
        """Erase a batch of each kind; whether there may be more. What does not hold stays.

        Raises:
            WorldError: the database could not be written; nothing was erased.
        """
        more = False
        for find in (self._looks, self._files):
            with self._database.read() as session:
                if next(iter(find(session)), None) is None:
                    continue
            with self._database.write() as session:
                lock_log(session)
                found = list(islice(find(session), BATCH))
                erased = self._erase(session, found)
            more = more or erased == BATCH
        return more

    def _looks(self, session: Session) -> Iterator[tuple[LogEntry, str]]:
        """Entries of the access log that are old enough, and the rule."""
        now = self._clock.now()
        term, past, needed = access_term(self._settings, now), Past(session, now), _Needed(session)
        rows = session.exec(
            select(LogEntry)
            .where(
                col(LogEntry.action).in_([each.value for each in ACCESS]),
                col(LogEntry.body).is_not(None),
                col(LogEntry.at_us) < term.since - (term.until - term.since),
            )
            .order_by(col(LogEntry.seq))
        )
        for entry in rows:
            if past.is_over(entry.at_us, term.days) and not needed.by(entry):
                yield entry, term.cited

    def _files(self, session: Session) -> Iterator[tuple[LogEntry, str]]:
        """Entries that say anything of a case whose file is destroyed, and that file's rule."""
        cases = select(Deletion).where(
            Deletion.kind == SubjectKind.CASE.value,
            Deletion.state == DESTROYED,
            col(Deletion.destroyed_us) > later(self._clock.now(), -AGAIN_S),
        )
        for deletion in session.exec(cases).all():
            documents = select(Document.id).where(Document.case_id == deletion.subject)
            subjects = [deletion.subject, *session.exec(documents)]
            rows = session.exec(
                select(LogEntry)
                .where(
                    col(LogEntry.action).not_in([each.value for each in _RECORDS]),
                    or_(
                        col(LogEntry.subject).in_(subjects),
                        col(LogEntry.body).contains(deletion.subject),
                    ),
                    col(LogEntry.body).is_not(None),
                )
                .order_by(col(LogEntry.seq))
            )
            for entry in rows:
                if entry.subject in subjects or ("cases", deletion.subject) in told_rows(entry):
                    yield entry, deletion.basis

    def _erase(self, session: Session, found: Sequence[tuple[LogEntry, str]]) -> int:
        """How many were erased."""
        if not found:
            return 0
        rows = {row for entry, _ in found for row in told_rows(entry)}
        if rows and not self._hold(session, rows):
            return 0
        for table, key in sorted(rows):
            changes_of(session).tell_again(session, table, key)
        for entry, _ in found:
            entry.body = None
            session.add(entry)
        append(
            session,
            self._clock,
            actor=MACHINE,
            action=Action.BODIES_ERASED,
            subject="log",
            body={
                "entries": spans(entry.seq for entry, _ in found),
                "basis": sorted({basis for _, basis in found}),
            },
        )
        return len(found)

    def _hold(self, session: Session, rows: set[tuple[str, str]]) -> bool:
        """Whether rows are what the log tells; else the alarm is raised.

        Telling an altered row again would make it true.
        """
        bodies = session.exec(
            select(LogEntry.body)
            .where(col(LogEntry.body).contains('"rows":'))
            .order_by(col(LogEntry.seq))
            .execution_options(yield_per=_PAGE)
        )
        with Projection() as projection:
            for body in bodies:
                for text in json.loads(body or "{}").get("rows", []):
                    if tuple(json.loads(text)[:2]) in rows:
                        projection.tell(text)
            differences = compare_told(session, projection).differences
        for each in differences:
            raise_alarm(session, self._clock, Trouble.EVIDENCE_BROKEN, each.to_text())
        return not differences


class _Needed:
    """Whether a case or a hold needs what an entry says; asked once for each subject."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[str, bool] = {}

    def by(self, entry: LogEntry) -> bool:
        """Whether the entry's subject, or an event whose pictures it names, is needed."""
        named = json.loads(entry.body or "{}").get("sha256", [])
        hashes = [named] if isinstance(named, str) else named
        events = select(Item.event_id).where(col(Item.sha256).in_(hashes))
        return any(self._is_needed(each) for each in (entry.subject, *self._session.exec(events)))

    def _is_needed(self, name: str) -> bool:
        if name not in self._known:
            self._known[name] = any(map(self._needs, self._subjects(name)))
        return self._known[name]

    def _subjects(self, name: str) -> Iterator[Subject]:
        document = self._session.get(Document, name)
        name = document.case_id if document is not None else name
        found = (Subject(kind, name) for kind in SubjectKind)
        return (each for each in found if is_there(self._session, each))

    def _needs(self, subject: Subject) -> bool:
        """A case needs what was said of it until its file is destroyed, ended or not."""
        deletion = deletion_of(self._session, subject)
        if deletion is not None and deletion.state in GONE:
            return False
        return subject.kind is SubjectKind.CASE or obstacle(self._session, subject) is not None


def told_rows(entry: LogEntry) -> Iterator[tuple[str, str]]:
    """Table and key of the rows that an entry's body tells of."""
    for text in json.loads(entry.body or "{}").get("rows", []):
        table, key, _ = json.loads(text)
        yield table, key
