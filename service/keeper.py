"""The keeper (保管): a process of the lowest priority that looks after what the store holds.

It promotes the recording of exhibits, destroys what two persons agreed to, forgets what a rule lets
it forget, hashes every object again, and holds the rows against the log.
"""

import logging
import os

from ingest.clock import Clock, SystemClock
from service.audit import Auditor
from service.database import Database
from service.erasure import Eraser
from service.errors import EvidenceError, WorldError
from service.evidence.store import FolderStore, Store
from service.heartbeat import beat
from service.process import begun
from service.promotion import Promoter
from service.recycle import BATCH, Recycler
from service.scrub import Scrubber
from service.settings import Settings
from vision.frame import SECOND

NAME = "keeper"
"""Of the process."""
PAUSE_S = 2.0
"""Between two looks: nobody waits for any of this."""
TROUBLE_S = 30.0
"""Between two looks while the disk or the database fails."""
ROUTINE_S = 3600.0
"""Between two looks at what a rule lets go: terms are days."""
NICE = 15
"""Below recording, look-backs and pages, as the makers of review copies."""

log = logging.getLogger(__name__)


class Keeper:
    """All of it, one thing after the other."""

    def __init__(self, database: Database, store: Store, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._promoter = Promoter(database, store, clock, settings)
        self._recycler = Recycler(database, store, clock, settings)
        self._eraser = Eraser(database, clock, settings)
        self._scrubber = Scrubber(database, store, clock, settings)
        self._auditor = Auditor(database, store, clock, lambda: beat(settings.home, NAME, clock))
        self._routine_us = clock.monotonic_us()

    def step(self) -> bool:
        """One round; whether there is more to do at once.

        Raises:
            WorldError: the database could not be written.
        """
        more = self._promoter.step()
        more = self._recycler.step() or more
        if self._clock.monotonic_us() >= self._routine_us:
            busy = self._recycler.forget() == BATCH
            busy = self._eraser.step() or busy
            self._scrubber.watch()
            self._auditor.step()
            wait_s = 0.0 if busy else ROUTINE_S
            self._routine_us = self._clock.monotonic_us() + round(wait_s * SECOND)
        self._scrubber.step(PAUSE_S)
        return more


def run_keeper(settings: Settings) -> None:
    """Main function of the keeper's process."""
    stop = begun(NAME)
    os.nice(NICE)
    clock = SystemClock()
    database = Database(settings)
    keeper = Keeper(database, FolderStore(settings.objects), clock, settings)
    wait_s = 0.0
    while not stop.wait(wait_s):
        try:
            wait_s = 0.0 if keeper.step() else PAUSE_S
        except (WorldError, EvidenceError, OSError) as error:
            # A log that must not be signed is told by the signer; a restart would mend nothing.
            log.warning("will try again: %s", error)
            wait_s = TROUBLE_S
        else:
            beat(settings.home, NAME, clock)
    database.close()
