"""The scrub (巡检): every object of the store is hashed again, slowly and without end.

A round takes the objects in the order of their digests and begins every `EVERY_S`. So an object
that came just behind the place where a round was is looked at within two rounds: 28 days.
"""

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass

from sqlmodel import Session, col, select

from ingest.clock import Clock
from ingest.files import Sha256
from service.alarms import Trouble, close_alarm, open_alarms, raise_alarm
from service.database import Database
from service.evidence.log import MACHINE, Action, append
from service.evidence.store import Store
from service.needs import DAY_S
from service.settings import Settings
from service.tables import Scrub
from service.tombstone import living
from vision.frame import SECOND, Instant, later

EVERY_S = 14 * DAY_S
"""From the begin of a round to that of the next: two of them are less than the 30 days within which
every object is to be hashed."""
LATE_S = 30 * DAY_S
"""Without a finished round for so long, the alarm is raised."""
SAVE_S = 60.0
"""Between two notes of how far a round is; a crash costs as much reading."""
_BLOCK = 1 << 20
"""Bytes per read: what the rate is kept by."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the scrub is.

    Attributes:
        objects, total: of the round that goes on, or of the last one.
        finished: when a round was last finished; None before the first.
    """

    objects: int
    total: int
    faults: int
    running: bool
    finished: Instant | None


def progress(session: Session) -> Progress | None:
    """How far the scrub is; None before its first round."""
    last = session.exec(select(Scrub).order_by(col(Scrub.id).desc())).first()
    if last is None:
        return None
    ended = select(Scrub.ended_us).where(col(Scrub.ended_us).is_not(None))
    finished = session.exec(ended.order_by(col(Scrub.id).desc())).first()
    return Progress(
        last.objects,
        last.total,
        last.faults,
        last.ended_us is None,
        None if finished is None else Instant(finished),
    )


class Scrubber:
    """Hashes the store; one per installation, in the keeper's process."""

    def __init__(self, database: Database, store: Store, clock: Clock, settings: Settings) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self._rate = settings.scrub_bytes_per_s
        self._home = str(settings.home)
        self._reading: Iterator[int] | None = None

    def step(self, seconds: float) -> None:
        """Hash as many bytes as `seconds` allow; nothing between two rounds.

        Raises:
            WorldError: the database could not be written; the round goes on from its last note.
        """
        if self._reading is None:
            row = self._begun()
            if row is None:
                return
            self._reading = self._round(row)
        budget = round(self._rate * seconds)
        while budget > 0:
            read = next(self._reading, None)
            if read is None:
                self._reading = None
                return
            budget -= read

    def _begun(self) -> Scrub | None:
        """The round that goes on, or a new one when its time has come."""
        now = self._clock.now()
        with self._database.read() as session:
            row = session.exec(select(Scrub).order_by(col(Scrub.id).desc())).first()
            # A clock that was set back must not stop the rounds.
            is_due = row is None or abs(now - row.began_us) >= EVERY_S * SECOND
            if row is not None and row.ended_us is None:
                return row
            if not is_due:
                return None
            total = len(living(session))
        row = Scrub(began_us=now, total=total)
        with self._database.write() as session:
            session.add(row)
        return row

    def _round(self, row: Scrub) -> Iterator[int]:
        """Bytes read, block by block, until every object behind the last note was hashed."""
        with self._database.read() as session:
            left = sorted(each for each in living(session) if each > row.reached)
            broken = {alarm.subject for alarm in open_alarms(session)}
        saved_us = self._clock.monotonic_us()
        for sha256 in left:
            what = None
            digest = hashlib.sha256()
            try:
                with self._store.open(sha256) as stream:
                    while block := stream.read(_BLOCK):
                        digest.update(block)
                        row.bytes_read += len(block)
                        yield len(block)
                what = None if digest.hexdigest() == sha256 else "altered"
            except KeyError:
                what = "missing"
            except OSError:
                log.exception("object %s cannot be read", sha256)
                what = "altered"
            self._judge(row, sha256, what, broken)
            row.reached, row.objects = sha256, row.objects + 1
            if self._clock.monotonic_us() - saved_us >= SAVE_S * SECOND:
                saved_us = self._clock.monotonic_us()
                self._save(row)
            # An empty object is work, too: the rate must hold for a million of them.
            yield 1
        self._end(row)

    def _judge(self, row: Scrub, sha256: Sha256, what: str | None, broken: set[str]) -> None:
        """Raise or end the alarm of an object, in the words of `liuhen verify`."""
        subjects = {each: f"object {sha256}: {each}" for each in ("missing", "altered")}
        if what is None and broken.isdisjoint(subjects.values()):
            return
        with self._database.write() as session:
            if what is not None and sha256 in living(session):
                row.faults += 1
                raise_alarm(session, self._clock, Trouble.EVIDENCE_BROKEN, subjects[what])
            for each, subject in subjects.items():
                if each != what:
                    close_alarm(session, self._clock, Trouble.EVIDENCE_BROKEN, subject)

    def _save(self, row: Scrub, ended: Instant | None = None) -> None:
        with self._database.write() as session:
            kept = session.get_one(Scrub, row.id)
            kept.reached, kept.objects, kept.bytes_read = row.reached, row.objects, row.bytes_read
            kept.faults, kept.ended_us = row.faults, ended
            # What came since the round began lies partly before and partly behind us.
            kept.total = max(kept.total, row.objects) if ended is None else row.objects
            session.add(kept)
            if ended is not None:
                append(
                    session,
                    self._clock,
                    actor=MACHINE,
                    action=Action.SCRUBBED,
                    subject="objects",
                    body={
                        "objects": row.objects,
                        "bytes": row.bytes_read,
                        "faults": row.faults,
                        "began_us": row.began_us,
                    },
                )
                close_alarm(session, self._clock, Trouble.SCRUB_LATE, self._home)

    def _end(self, row: Scrub) -> None:
        self._save(row, self._clock.now())

    def watch(self) -> None:
        """Raise the alarm when no round was finished for too long.

        Raises:
            WorldError: the database could not be written.
        """
        with self._database.read() as session:
            rows = select(Scrub.began_us, Scrub.ended_us).order_by(col(Scrub.id))
            found = session.exec(rows).all()
        if not found:
            return
        since = max((ended for _, ended in found if ended is not None), default=found[0][0])
        if since < later(self._clock.now(), -LATE_S):
            with self._database.write() as session:
                raise_alarm(session, self._clock, Trouble.SCRUB_LATE, self._home)
