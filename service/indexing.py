"""Looks through recorder files one after the other, and keeps what they show (内容索引)."""

import json
import logging
import threading
from dataclasses import dataclass, field

from ingest.clock import Clock
from ingest.errors import MediaError
from ingest.files import Sha256
from models.errors import ModelError
from models.weights_file import open_weights
from service.content_index import JOB
from service.database import Database
from service.errors import WorldError
from service.evidence.store import Store
from service.indexer import index_confined
from service.jobs import complete_job, fail_job, lease_job, postpone_job
from service.lease_keeper import LeaseKeeper, LeaseLost, Stopped
from service.settings import NO_MODEL, Settings
from service.tables import ContentIndex, Job
from service.tombstone import is_destroyed
from vision.appearance import Content, Group

PROCESS = "review-copy"
"""The process that does it, after whatever a person waits for."""

log = logging.getLogger(__name__)


@dataclass
class IndexWorker:
    """Does index jobs, one at a time."""

    database: Database
    store: Store
    clock: Clock
    settings: Settings
    stop: threading.Event = field(default_factory=threading.Event)

    def step(self) -> bool:
        """Do one job that is due; False when there is none."""
        with self.database.write() as session:
            job = lease_job(session, self.clock, JOB)
        if job is None:
            return False
        try:
            self._make(job, Sha256(str(job.payload["sha256"])))
        except MediaError as error:
            # No trouble of ours: the page says what a player would.
            self._complete(job, json.dumps({"code": error.code}))
        except Stopped:
            with self.database.write() as session:
                postpone_job(session, self.clock, job, 0.0)
        except LeaseLost:
            log.warning("index %s is made by another worker", job.id)
        except (ModelError, WorldError, OSError) as error:
            log.warning("index %s failed: %s", job.id, error)
            with self.database.write() as session:
                fail_job(session, self.clock, job, str(error))
        return True

    def _make(self, job: Job, sha256: Sha256) -> None:
        model, weights = self.settings.model, self.settings.weights
        if model == NO_MODEL:
            self._complete(job, "no detector")
            return
        try:
            path = self.store.path(sha256)
        except KeyError:
            # Destroyed, or lost: scrub and fsck tell of that.
            self._complete(job, "gone")
            return
        card, _ = open_weights(model, weights)
        keeper = LeaseKeeper(PROCESS, self.database, self.clock, self.settings, self.stop, job)
        found = index_confined(path, model, weights, on_tick=keeper.tick)
        with self.database.write() as session:
            # Destroyed while it was looked through: then nothing of it stays.
            if complete_job(session, self.clock, job, "made") and not is_destroyed(session, sha256):
                session.merge(self._row(sha256, card.sha256, found))

    def _row(self, sha256: Sha256, model: str, found: Content) -> ContentIndex:
        shown = {each.group for each in found.appearances}
        return ContentIndex(
            sha256=sha256,
            model=model,
            **found.to_json(),
            person=Group.PERSON in shown,
            vehicle=Group.VEHICLE in shown,
            bag=Group.BAG in shown,
            made_us=self.clock.now(),
        )

    def _complete(self, job: Job, outcome: str) -> None:
        with self.database.write() as session:
            complete_job(session, self.clock, job, outcome)
