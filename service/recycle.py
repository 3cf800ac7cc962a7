"""The recycle state (回收): what two persons agreed to destroy waits, can be recovered, then goes.

The order of the steps, and what a crash between them leaves, is in docs/design/storage.md,
Deletion.
"""

import logging
from collections.abc import Sequence
from itertools import islice
from uuid import uuid4

from sqlmodel import Session, col, select

from ingest.clock import Clock
from ingest.errors import DiskError
from ingest.files import Sha256
from service.alarms import Trouble, close_alarm, raise_alarm
from service.content_index import forget_index
from service.database import Database, lock_log
from service.deletion import RECOVERED, subject_of
from service.errors import InputError
from service.evidence.log import MACHINE, Action, append
from service.evidence.store import Store
from service.obstacle import obstacle, refuse_foreign
from service.roles import Permission, require
from service.settings import Settings
from service.subject import Subject, SubjectKind, parts_of
from service.tables import Case, Deletion, Tombstone, User
from service.term import Due, forgettable
from service.texts import say
from service.tombstone import DESTROYED, GARBAGE, RECYCLED, living

BATCH = 200
"""Subjects in one round, so that the log's entry stays readable and others wait no second."""

log = logging.getLogger(__name__)


def recover(session: Session, clock: Clock, deletion_id: str, *, by: User, why: str) -> Deletion:
    """Take a subject out of the recycle state; it is as it was before.

    Raises:
        InputError: no such deletion, it waits no more, no reason, this person may not, or it is
            another unit's case.
    """
    require(by, Permission.HOLD)
    if not why.strip():
        raise InputError("why_missing")
    # The recycler decides under the same lock: this comes before its decision, or too late.
    lock_log(session)
    row = session.get(Deletion, deletion_id)
    if row is None or row.state != RECYCLED:
        raise InputError("no_deletion", deletion=deletion_id)
    refuse_foreign(session, subject_of(row), by)
    row.state, row.settled_by, row.settled_us = RECOVERED, by.id, clock.now()
    row.settled_why = why.strip()
    session.add(row)
    append(
        session,
        clock,
        actor=by.id,
        action=Action.DELETION_RECOVERED,
        subject=row.subject,
        body={"deletion": row.id, "kind": row.kind, "why": row.settled_why},
    )
    return row


class Recycler:
    """Destroys what has waited; one per installation, in the keeper's process."""

    def __init__(self, database: Database, store: Store, clock: Clock, settings: Settings) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self._settings = settings

    def step(self) -> bool:
        """Destroy what is due, a batch at a time; whether there may be more.

        Raises:
            WorldError: the database could not be written. What was begun is finished later.
        """
        # What cannot be removed must not make us condemn ever more.
        if not self.finish():
            return False
        condemned = self._condemn()
        return self.finish() and condemned == BATCH

    def forget(self) -> int:
        """Let go of what a rule lets the machine let go alone: how many subjects.

        Raises:
            WorldError: the database could not be written.
        """
        with self._database.read() as session:
            if not forgettable(session, self._clock.now(), self._settings, most=1):
                return 0
        with self._database.write() as session:
            lock_log(session)
            now = self._clock.now()
            found = forgettable(session, now, self._settings, most=BATCH)
            batch = uuid4().hex[:12]
            rows = [self._by_rule(batch, each) for each in found]
            session.add_all(rows)
            if rows:
                append(
                    session,
                    self._clock,
                    actor=MACHINE,
                    action=Action.DELETION_APPROVED,
                    subject=batch,
                    body={
                        "why": rows[0].reason,
                        "subjects": [str(subject_of(row)) for row in rows],
                        "basis": sorted({row.basis for row in rows}),
                    },
                )
        return len(rows)

    def _by_rule(self, batch: str, due: Due) -> Deletion:
        now = self._clock.now()
        return Deletion(
            id=uuid4().hex[:12],
            batch=batch,
            kind=due.subject.kind.value,
            subject=due.subject.id,
            state=RECYCLED,
            reason=say("deletion.by_rule"),
            basis=due.term.basis(now),
            asked_by=MACHINE,
            asked_us=now,
            approved_by=MACHINE,
            approved_us=now,
            # Its term was time enough to take the rejection back.
            due_us=now,
        )

    def _condemn(self) -> int:
        """Let rows become garbage, with a tombstone for each object and one log entry."""
        with self._database.read() as session:
            if not self._waited(session):
                return 0
        with self._database.write() as session:
            # A case or a hold comes before this, or after it is decided.
            lock_log(session)
            rows = self._waited(session)
            for row in rows:
                row.state = GARBAGE
                session.add(row)
            session.flush()
            self._bury(session, rows)
        return len(rows)

    def _waited(self, session: Session) -> list[Deletion]:
        """What has waited long enough and nothing forbids; what is held goes on waiting."""
        found = session.exec(
            select(Deletion)
            .where(Deletion.state == RECYCLED, col(Deletion.due_us) <= self._clock.now())
            .order_by(col(Deletion.due_us), col(Deletion.id))
        )
        free = (row for row in found if obstacle(session, subject_of(row)) is None)
        return list(islice(free, BATCH))

    def _bury(self, session: Session, rows: Sequence[Deletion]) -> None:
        """Tombstones for what nothing else vouches for, and the one entry of the batch."""
        if not rows:
            return
        left, told = living(session), []
        for row in rows:
            subject = subject_of(row)
            if subject.kind is SubjectKind.CASE:
                _forget_party(session, row.subject)
            for stone in self._stones(session, row, subject, left):
                session.add(stone)
                forget_index(session, stone.sha256)
                told.append(f"{stone.sha256} {stone.size} {stone.role} {subject}")
        append(
            session,
            self._clock,
            actor=MACHINE,
            action=Action.OBJECTS_DESTROYED,
            subject=rows[0].batch,
            body={
                "deletions": [f"{row.id} {row.asked_by} {row.approved_by}" for row in rows],
                "basis": sorted({row.basis for row in rows}),
                "objects": told,
            },
        )

    def _stones(
        self, session: Session, row: Deletion, subject: Subject, left: dict[Sha256, int]
    ) -> list[Tombstone]:
        return [
            Tombstone(
                id=uuid4().hex,
                deletion_id=row.id,
                sha256=part.sha256,
                size=part.size,
                role=part.role,
                at_us=self._clock.now(),
            )
            for part in parts_of(session, subject)
            if part.sha256 not in left
        ]

    def finish(self) -> bool:
        """Remove the objects of garbage deletions and say so in the rows; whether all went.

        A crash before, between or after is made up for by the next call.
        """
        with self._database.read() as session:
            rows = session.exec(select(Deletion.id).where(Deletion.state == GARBAGE)).all()
            stones = session.exec(
                select(Tombstone.sha256).where(col(Tombstone.deletion_id).in_(rows))
            ).all()
        if not rows:
            return True
        failed = self._remove(stones)
        subject = str(self._settings.objects)
        with self._database.write() as session:
            if failed is not None:
                log.error("cannot remove objects: %s", failed)
                raise_alarm(session, self._clock, Trouble.DELETION_STUCK, subject, detail=failed)
                return False
            close_alarm(session, self._clock, Trouble.DELETION_STUCK, subject)
            for deletion_id in rows:
                row = session.get_one(Deletion, deletion_id)
                row.state, row.destroyed_us = DESTROYED, self._clock.now()
                session.add(row)
        return True

    def _remove(self, stones: Sequence[str]) -> str | None:
        """Why an object cannot be removed; None when all are gone."""
        for sha256 in dict.fromkeys(stones):
            try:
                self._store.destroy(Sha256(sha256))
            except (DiskError, OSError) as error:
                return str(error)
        return None


def _forget_party(session: Session, case_id: str) -> None:
    """The party's data end with the file; that there was a case stays."""
    case = session.get_one(Case, case_id)
    case.party_name = case.party_id_no = case.party_address = case.party_phone = None
    session.add(case)
