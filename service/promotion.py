"""Promotion (转存): the recording that an exhibit needs is kept in the store, as original bytes.

From then on the ring need not keep it. Where store and ring are on one disk nothing is copied: the
file gets a second name, and the ring's may go.
"""

import logging
from pathlib import Path
from uuid import uuid4

from sqlmodel import Session, col, select

from ingest.clock import Clock
from ingest.errors import DiskFull, FootageAltered, IngestError
from ingest.files import Sha256
from ingest.fsck import Pace, Severity, examine, hash_all
from ingest.ring import SUFFIXES
from ingest.segments import LONGEST_S
from service.alarms import Trouble, raise_alarm
from service.claim import claim
from service.database import Database
from service.errors import WorldError
from service.evidence.log import MACHINE, Action, append
from service.evidence.store import Store
from service.jobs import add_job, complete_job, extend_lease, fail_job, lease_job, postpone_job
from service.needs import around
from service.settings import Settings
from service.tables import Event, Exhibit, Job, Promotion, SegmentRow
from vision.frame import later

JOB = "promotion"
"""Kind of the job."""
FULL_DISK_S = 60.0
"""A promotion waits so long for room; the ring keeps the recording meanwhile."""

log = logging.getLogger(__name__)


def originals_of(session: Session, event_id: str) -> list[Promotion]:
    """The files of the ring that were kept for an event, by path; none before the job is done."""
    rows = select(Promotion).where(Promotion.event_id == event_id)
    return list(session.exec(rows.order_by(col(Promotion.path))))


class Promoter:
    """Does promotion jobs; one per installation, in the keeper's process."""

    def __init__(self, database: Database, store: Store, clock: Clock, settings: Settings) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self._settings = settings

    def step(self) -> bool:
        """Do one job that is due; False when there is none.

        Raises:
            WorldError: the database could not be written; the lease runs out by itself.
        """
        self._ask()
        with self._database.read() as session:
            waiting = session.exec(
                select(Job.id).where(Job.kind == JOB, col(Job.state).in_(["ready", "leased"]))
            ).first()
        if waiting is None:
            return False
        with self._database.write() as session:
            job = lease_job(session, self._clock, JOB)
        if job is not None:
            self._do(job)
        return job is not None

    def _ask(self) -> None:
        """Queue a job for each exhibit whose recording only the ring has; once."""
        with self._database.read() as session:
            rows = session.exec(
                select(Exhibit.event_id).where(col(Exhibit.promoted_us).is_(None))
            ).all()
            new = [each for each in rows if session.get(Job, f"{JOB}-{each}") is None]
        if not new:
            return
        with self._database.write() as session:
            for event_id in new:
                event = session.get_one(Event, event_id)
                # By then what belongs to it was closed and entered.
                end = later(around(event, self._settings)[1], LONGEST_S)
                add_job(
                    session,
                    self._clock,
                    id=f"{JOB}-{event_id}",
                    kind=JOB,
                    payload={"event": event_id},
                    not_before=max(self._clock.now(), end),
                )

    def _do(self, job: Job) -> None:
        try:
            self._promote(job, str(job.payload["event"]))
        except FootageAltered as error:
            log.exception("promotion %s: the recording does not hold", job.id)
            with self._database.write() as session:
                fail_job(session, self._clock, job, str(error), again=False)
                subject = str(error.facts["path"])
                raise_alarm(session, self._clock, Trouble.EVIDENCE_BROKEN, subject)
        except DiskFull:
            with self._database.write() as session:
                postpone_job(session, self._clock, job, FULL_DISK_S)
                raise_alarm(session, self._clock, Trouble.DISK_FULL, str(self._settings.home))
        except (IngestError, WorldError, OSError) as error:
            log.warning("promotion %s failed: %s", job.id, error)
            with self._database.write() as session:
                fail_job(session, self._clock, job, str(error))

    def _promote(self, job: Job, event_id: str) -> None:
        """The objects first, then their rows, in one transaction with the job's end."""
        with self._database.read() as session:
            rows = self._needed(session, session.get_one(Event, event_id))
        kept: list[Promotion] = []
        for row in rows:
            with self._database.write() as session:
                if not extend_lease(session, self._clock, job, row.id):
                    return
            kept += self._keep(event_id, row)
        with self._database.write() as session:
            if not complete_job(session, self._clock, job, str(len(kept))):
                return
            claim(session, self._store, [Sha256(each.sha256) for each in kept])
            session.add_all(kept)
            exhibits = select(Exhibit).where(Exhibit.event_id == event_id)
            exhibit = session.exec(exhibits).one()
            exhibit.promoted_us = self._clock.now()
            session.add(exhibit)
            append(
                session,
                self._clock,
                actor=MACHINE,
                action=Action.PROMOTED,
                subject=event_id,
                body={
                    "case": exhibit.case_id,
                    "files": [f"{each.path} {each.sha256} {each.size}" for each in kept],
                },
            )

    def _needed(self, session: Session, event: Event) -> list[SegmentRow]:
        start, end = around(event, self._settings)
        return list(
            session.exec(
                select(SegmentRow)
                .where(
                    SegmentRow.camera_id == event.camera_id,
                    SegmentRow.state == "kept",
                    col(SegmentRow.start_us) < end,
                    col(SegmentRow.end_us) > start,
                )
                .order_by(col(SegmentRow.start_us))
            )
        )

    def _keep(self, event_id: str, row: SegmentRow) -> list[Promotion]:
        """Both files of a segment in the store, after every acknowledged byte was hashed.

        Raises:
            FootageAltered: the segment is not what was recorded.
        """
        self._check(row)
        made = []
        for suffix in SUFFIXES:
            path = Path(f"{row.id}{suffix}")
            sha256, size = self._store.adopt(self._settings.segments / path)
            made.append(
                Promotion(
                    id=uuid4().hex,
                    event_id=event_id,
                    path=str(path),
                    sha256=sha256,
                    size=size,
                    promoted_us=self._clock.now(),
                )
            )
        return made

    def _check(self, row: SegmentRow) -> None:
        root, name = self._settings.segments, row.id
        segment, found = examine(root, name, live=False)
        if segment is None:
            raise FootageAltered(path=name)
        whole = Sha256(row.sha256)
        found += hash_all(root, name, segment, Pace(self._clock), whole=whole)
        if any(each.severity is Severity.DAMAGE for each in found):
            raise FootageAltered(path=name)
