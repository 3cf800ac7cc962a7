"""Does everything that was kept still hold? Every object hashed again, every log entry too."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from sqlmodel import Session, col, select

from ingest.clock import Clock
from ingest.errors import FootageAltered
from ingest.files import Sha256
from service.alarms import Trouble, close_alarm, open_alarms, raise_alarm
from service.database import Database
from service.evidence.broken import concern
from service.evidence.log import faults
from service.evidence.store import Store
from service.tables import (
    Acquisition,
    Companion,
    Derived,
    Document,
    Item,
    LogEntry,
    Quarantined,
)


@dataclass(frozen=True, slots=True)
class Report:
    """What was checked, and each fault in a line."""

    objects: int
    entries: int
    faults: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing was found wrong."""
        return not self.faults

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"holds": self.holds}


def verify(
    database: Database,
    store: Store,
    *,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Report:
    """Check store and log against the rows.

    Not seen here: log entries that were rewritten with fresh hashes or cut off at the end (that
    takes a signed checkpoint), and the ring of segments.
    """
    with database.read() as session:
        entries = list(session.exec(select(LogEntry).order_by(col(LogEntry.seq))))
        named = {
            Sha256(sha256)
            for table in (Acquisition, Companion, Quarantined, Item, Derived, Document)
            for sha256 in session.exec(select(table.sha256))
        }
    found = [f"log entry {fault.seq}: {fault.what}" for fault in faults(entries)]
    for number, sha256 in enumerate(sorted(named), start=1):
        try:
            store.check(sha256)
        except KeyError:
            found.append(f"object {sha256}: missing")
        except FootageAltered:
            found.append(f"object {sha256}: altered")
        on_progress(number, len(named))
    return Report(objects=len(named), entries=len(entries), faults=tuple(found))


def record(session: Session, clock: Clock, report: Report) -> None:
    """Tell people what was found: an alarm for each fault, and its end when everything holds."""
    for fault in report.faults:
        raise_alarm(session, clock, Trouble.EVIDENCE_BROKEN, fault)
    if report.holds:
        for alarm in open_alarms(session):
            # Of the ring and the spool nothing was seen here: ending those is for fsck.
            if alarm.key == Trouble.EVIDENCE_BROKEN and concern(alarm.subject) is None:
                close_alarm(session, clock, Trouble.EVIDENCE_BROKEN, alarm.subject)
