"""Keeps the lease, the sign of life and the order to stop while a child works on a long job."""

import logging
import threading
from dataclasses import dataclass, field

from ingest.clock import Clock
from service.database import Database
from service.errors import WorldError
from service.heartbeat import beat
from service.jobs import extend_lease
from service.settings import Settings
from service.tables import Job
from vision.frame import Instant, later

EXTEND_S = 20.0
"""Between two extensions of the lease: several may fail before it is lost."""

log = logging.getLogger(__name__)


class Stopped(Exception):
    """The process shall end."""


class LeaseLost(Exception):
    """Another worker does the job now."""


@dataclass
class LeaseKeeper:
    """Of one job of the process `name`."""

    name: str
    database: Database
    clock: Clock
    settings: Settings
    stop: threading.Event
    job: Job
    _due: Instant = field(default=Instant(0), init=False)

    def tick(self, done_s: float) -> None:
        """Hear how far the work is.

        Raises:
            Stopped, LeaseLost: it shall not go on.
        """
        if self.stop.is_set():
            raise Stopped
        now = self.clock.now()
        if now < self._due:
            return
        self._due = later(now, EXTEND_S)
        beat(self.settings.home, self.name, self.clock)
        try:
            with self.database.write() as session:
                held = extend_lease(session, self.clock, self.job, f"{done_s:.1f}")
        except WorldError as error:
            # A busy database; the lease lasts until several more ticks.
            log.warning("lease not extended: %s", error)
            return
        if not held:
            raise LeaseLost
