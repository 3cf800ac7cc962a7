"""The audit (核对): once a day the log is replayed from its beginning and held against the rows."""

import json
from collections.abc import Callable

from sqlmodel import Session, col, select

from ingest.clock import Clock
from service.database import Database
from service.evidence.log import Action
from service.evidence.store import Store
from service.evidence.verify import record, verify
from service.needs import DAY_S
from service.tables import LogEntry
from vision.frame import SECOND, Instant, later

ALIVE_S = 10.0
"""Between two signs of life while it checks."""


class Auditor:
    """Finds what was changed behind the log's back; the objects are for the scrub."""

    def __init__(
        self,
        database: Database,
        store: Store,
        clock: Clock,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        """`alive` is called every `ALIVE_S`: a log of years takes longer than silence may."""
        self._database = database
        self._store = store
        self._clock = clock
        self._alive = alive
        self._alive_us = 0

    def step(self) -> None:
        """Check everything, unless that was done in the last day.

        Raises:
            EvidenceError: what is kept beside the key is no checkpoint.
            WorldError: the database cannot be read or written.
        """
        with self._database.read() as session:
            if not _is_due(session, self._clock.now()):
                return
        report = verify(self._database, self._store, objects=False, on_step=self._step)
        with self._database.write() as session:
            record(session, self._clock, report)

    def _step(self) -> None:
        now_us = self._clock.monotonic_us()
        if now_us >= self._alive_us:
            self._alive_us = now_us + round(ALIVE_S * SECOND)
            self._alive()


def _is_due(session: Session, now: Instant) -> bool:
    checks = select(LogEntry.body).where(
        col(LogEntry.action).in_([Action.VERIFIED.value, Action.VERIFY_FAILED.value]),
        # One of a clock that ran ahead must not stop the checks until that day has come.
        col(LogEntry.at_us).between(later(now, -DAY_S) + 1, later(now, DAY_S)),
    )
    # Partial checks say from which entry on they looked.
    return all(json.loads(body or "{}").get("since") != 0 for body in session.exec(checks))
