"""Does everything that was kept still hold? The log, the rows it tells of, and every object.

The database is a projection of the log (docs/design/evidence.md, Verification): its rows are
replayed from the log's entries, and each row and column that differs is named.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlmodel import Session, col, select

from ingest.clock import Clock
from ingest.errors import FootageAltered
from ingest.files import Sha256
from service.alarms import Trouble, close_alarm, open_alarms, raise_alarm
from service.database import Database
from service.evidence.broken import concern
from service.evidence.history import read_history
from service.evidence.log import MACHINE, Action, append
from service.evidence.projection import Projection
from service.evidence.rebuild import compare_all, compare_told
from service.evidence.store import Store
from service.ledger.merkle import Frontier, Hash
from service.ledger.note import Note
from service.tables import LogEntry
from service.tombstone import living

MOST_TOLD = 1000
"""Faults that are entered and raise alarms: a table that is gone must not stop everybody's writing
for as many alarms as it had rows. The report has all of them."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was checked, and each fault in a line.

    Attributes:
        entries: of the whole log.
        since: entries before that one were not read again; 0 after a whole check.
        frontier: complete subtrees over the log, hexadecimal: where the next check can go on.
        rows: compared with what the log tells.
        objects: hashed again; None when that was left out.
    """

    entries: int
    since: int
    frontier: tuple[str, ...]
    rows: int
    objects: int | None
    faults: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing was found wrong."""
        return not self.faults

    @property
    def counts(self) -> dict[str, int]:
        """What was looked at, for a sentence."""
        return {
            "objects": self.objects or 0,
            "entries": self.entries - self.since,
            "rows": self.rows,
        }

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"holds": self.holds}


def verify(
    database: Database,
    store: Store,
    *,
    whole: bool = True,
    objects: bool = True,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    on_step: Callable[[], None] = lambda: None,
) -> Report:
    """Check the log, the rows and, if asked, the `objects`, which `on_progress` counts.

    `on_step` is called for every entry and row: a log of years takes minutes.

    Not `whole`: the entries since the last check that found everything in order, and the rows that
    they tell of. The ring of segments is for `liuhen fsck`.

    Raises:
        EvidenceError: what is kept beside the key is no checkpoint.
        WorldError: the database cannot be read.
    """
    # Before the database is looked at, which then has at least as many entries.
    remembered = _remembered(database)
    with database.read() as session, Projection() as projection:
        since = Frontier() if whole else _verified(session)
        history = read_history(session, projection, since, remembered, on_step)
        compare = compare_all if whole else compare_told
        comparison = compare(session, projection, on_step)
        named = sorted(living(session)) if objects else []
    rows = (difference.to_text() for difference in comparison.differences)
    return Report(
        entries=history.frontier.size,
        since=since.size,
        frontier=tuple(peak.hex() for peak in history.frontier.peaks),
        rows=comparison.rows,
        objects=len(named) if objects else None,
        faults=(*history.faults, *rows, *_broken(database, store, named, on_progress)),
    )


def _remembered(database: Database) -> Note | None:
    """The last checkpoint as it is kept beside the key; None where its owner alone may read it."""
    try:
        return database.sealer.remembered()
    except PermissionError:
        return None


def _verified(session: Session) -> Frontier:
    """How far the log was found in order last.

    Whoever changes the entry that says so changes what is read now: it came after what it tells of.
    """
    entry = session.exec(
        select(LogEntry)
        .where(LogEntry.action == Action.VERIFIED.value)
        .order_by(col(LogEntry.seq).desc())
        .limit(1)
    ).first()
    try:
        body = json.loads(entry.body or "{}") if entry is not None else {}
        peaks = tuple(Hash(bytes.fromhex(peak)) for peak in body["frontier"])
        return Frontier(body["entries"], peaks)
    except (ValueError, KeyError, TypeError):
        return Frontier()


def _broken(
    database: Database,
    store: Store,
    named: Sequence[Sha256],
    on_progress: Callable[[int, int], None],
) -> list[str]:
    found = dict[Sha256, str]()
    for number, sha256 in enumerate(named, start=1):
        try:
            store.check(sha256)
        except KeyError:
            found[sha256] = "missing"
        except FootageAltered:
            found[sha256] = "altered"
        on_progress(number, len(named))
    if found:
        # Hashing takes hours: what was destroyed by rule meanwhile is not missing.
        with database.read() as session:
            still = living(session)
        found = {sha256: what for sha256, what in found.items() if sha256 in still}
    return [f"object {sha256}: {what}" for sha256, what in found.items()]


def record(session: Session, clock: Clock, report: Report, *, actor: str = MACHINE) -> None:
    """Log what was checked and tell people what was found: an alarm for each of the first faults.

    Alarms about what was looked at whole and found in order end.
    """
    told = report.faults[:MOST_TOLD]
    for fault in told:
        raise_alarm(session, clock, Trouble.EVIDENCE_BROKEN, fault)
    body = {"entries": report.entries, "since": report.since, "compared": report.rows}
    append(
        session,
        clock,
        actor=actor,
        action=Action.VERIFIED if report.holds else Action.VERIFY_FAILED,
        subject="log",
        body={**body, "frontier": list(report.frontier)}
        if report.holds
        else {**body, "count": len(report.faults), "faults": list(told)},
    )
    found = frozenset(report.faults)
    for alarm in open_alarms(session):
        if alarm.key != Trouble.EVIDENCE_BROKEN or alarm.subject in found:
            continue
        if _was_looked_at(alarm.subject, report):
            close_alarm(session, clock, Trouble.EVIDENCE_BROKEN, alarm.subject)


def _was_looked_at(subject: str, report: Report) -> bool:
    """Whether a check looked at what an alarm is about."""
    # Of the ring and the spool nothing was seen here: ending those is for fsck.
    if concern(subject) is not None:
        return False
    return report.objects is not None if subject.startswith("object ") else not report.since
