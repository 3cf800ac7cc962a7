"""The audit (核对): rows are held against the log, each day the new ones, each week all of them."""

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

WHOLE_S = 7 * DAY_S
"""Between two replays of the whole log, which take minutes for each year of many cameras."""
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
        """Check everything or what came since the last check, if its time has come.

        Raises:
            EvidenceError: what is kept beside the key is no checkpoint.
            WorldError: the database cannot be read or written.
        """
        with self._database.read() as session:
            now = self._clock.now()
            whole = _is_due(session, now, WHOLE_S, whole=True)
            if not whole and not _is_due(session, now, DAY_S, whole=False):
                return
        report = verify(self._database, self._store, whole=whole, objects=False, on_step=self._step)
        with self._database.write() as session:
            record(session, self._clock, report)

    def _step(self) -> None:
        now_us = self._clock.monotonic_us()
        if now_us >= self._alive_us:
            self._alive_us = now_us + round(ALIVE_S * SECOND)
            self._alive()


def _is_due(session: Session, now: Instant, every_s: float, *, whole: bool) -> bool:
    checks = select(LogEntry.body).where(
        col(LogEntry.action).in_([Action.VERIFIED.value, Action.VERIFY_FAILED.value]),
        # One of a clock that ran ahead must not stop the checks until that day has come.
        col(LogEntry.at_us).between(later(now, -every_s) + 1, later(now, every_s)),
    )
    # Partial checks say from which entry on they looked.
    since = [json.loads(body or "{}").get("since") for body in session.exec(checks)]
    return 0 not in since if whole else not since
