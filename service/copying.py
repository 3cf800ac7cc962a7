"""The process that makes review copies, one at a time, and never in the way of recording."""

import hashlib
import json
import logging
import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from ingest.clock import Clock, SystemClock
from ingest.errors import DiskFull, FootageAltered, IngestError, MediaError
from ingest.files import Sha256, make_directory
from ingest.playback import playable, read_coding
from ingest.transcode import MAX_BIT_RATE, Stretch
from ingest.transcoder import transcode_confined
from service.alarms import Trouble, raise_alarm
from service.claim import claim
from service.database import Database
from service.derived import JOB, MADE, PLAYABLE, Wish, enter
from service.errors import EvidenceError, WorldError
from service.evidence.log import MACHINE
from service.evidence.store import FolderStore, Store
from service.heartbeat import beat
from service.indexing import IndexWorker
from service.jobs import complete_job, fail_job, lease_job, postpone_job
from service.lease_keeper import LeaseKeeper, LeaseLost, Stopped
from service.process import begun
from service.settings import Settings
from service.tables import Derived, Job
from service.tombstone import is_destroyed

NAME = "review-copy"
"""Of the process."""
PAUSE_S = 1.0
"""Between two looks at an empty queue."""
FULL_DISK_S = 60.0
"""A copy waits so long for room; it is late then, not lost."""
_BLOCK = 1 << 20
"""Bytes hashed between two ticks."""

log = logging.getLogger(__name__)


@dataclass
class CopyWorker:
    """Does review-copy jobs; the only one on its home, so what lies in its folder is its own."""

    database: Database
    store: Store
    clock: Clock
    settings: Settings
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def folder(self) -> Path:
        """Where copies are made: on the disk of the store, and nothing there is ever used again."""
        return self.settings.home / "copying"

    def clear(self) -> None:
        """Remove what a worker that was killed has left."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def step(self) -> bool:
        """Do one job that is due; False when there is none."""
        with self.database.write() as session:
            job = lease_job(session, self.clock, JOB)
        if job is None:
            return False
        try:
            self._make(job, Wish.from_json(job.payload))
        except MediaError as error:
            self._refuse(job, error)
        except (FootageAltered, EvidenceError) as error:
            self._tell_broken(job, error)
        except DiskFull:
            with self.database.write() as session:
                postpone_job(session, self.clock, job, FULL_DISK_S)
                raise_alarm(session, self.clock, Trouble.DISK_FULL, str(self.settings.home))
        except Stopped:
            with self.database.write() as session:
                postpone_job(session, self.clock, job, 0.0)
        except LeaseLost:
            log.warning("review copy %s is made by another worker", job.id)
        except (IngestError, WorldError, OSError) as error:
            log.warning("review copy %s failed: %s", job.id, error)
            with self.database.write() as session:
                fail_job(session, self.clock, job, str(error))
        return True

    def _refuse(self, job: Job, error: MediaError) -> None:
        """No trouble of ours: whoever asked is told, and nobody else."""
        name = str(job.payload["name"])
        told = {"code": error.code, "facts": {**error.facts, "name": name}}
        with self.database.write() as session:
            complete_job(session, self.clock, job, json.dumps(told, ensure_ascii=False))

    def _tell_broken(self, job: Job, error: FootageAltered | EvidenceError) -> None:
        log.error("review copy %s: the original does not hold: %s", job.id, error)
        with self.database.write() as session:
            fail_job(session, self.clock, job, str(error), again=False)
            parent = Sha256(str(job.payload["parent"]))
            # What was destroyed meanwhile is no damage.
            if not is_destroyed(session, parent):
                raise_alarm(session, self.clock, Trouble.EVIDENCE_BROKEN, parent)

    def _make(self, job: Job, wish: Wish) -> None:
        """The file first, then its row, in one transaction with the job's end."""
        keeper = LeaseKeeper(NAME, self.database, self.clock, self.settings, self.stop, job)
        source = self._checked(wish.parent, keeper)
        with self.database.read() as session:
            there = session.get(Derived, wish.id) is not None
        if there or (wish.made_for == MACHINE and playable(read_coding(source))):
            with self.database.write() as session:
                complete_job(session, self.clock, job, MADE if there else PLAYABLE)
            return
        if not self._has_room(wish.stretch):
            with self.database.write() as session:
                postpone_job(session, self.clock, job, FULL_DISK_S)
            return
        make_directory(self.folder)
        with TemporaryDirectory(dir=self.folder) as folder:
            target = Path(folder) / "copy.mp4"
            told = f"from sha256 {wish.parent}, {wish.stretch.start_us} us"
            made = transcode_confined(source, target, wish.stretch, told=told, on_tick=keeper.tick)
            with target.open("rb") as stream:
                sha256, size = self.store.add(stream)
        with self.database.write() as session:
            if complete_job(session, self.clock, job, MADE):
                claim(session, self.store, [sha256])
                enter(session, self.clock, wish, made, sha256=sha256, size=size)

    def _checked(self, parent: Sha256, keeper: LeaseKeeper) -> Path:
        """Where the original is, after hashing every byte of it."""
        digest = hashlib.sha256()
        try:
            with self.store.open(parent) as stream:
                while block := stream.read(_BLOCK):
                    digest.update(block)
                    keeper.tick(0.0)
            path = self.store.path(parent)
        except KeyError as error:
            raise EvidenceError("object_missing", sha256=parent) from error
        if digest.hexdigest() != parent:
            raise FootageAltered(path=parent)
        return path

    def _has_room(self, stretch: Stretch) -> bool:
        """Recording comes first: a copy takes none of the reserve.

        Twice its size is needed, for the store takes it before it is gone here.
        """
        needed = round(2 * stretch.length * MAX_BIT_RATE / 8)
        return shutil.disk_usage(self.settings.home).free - needed >= self.settings.reserve_bytes


def run_copying(settings: Settings) -> None:
    """Main function of the review-copy process."""
    stop = begun("review-copy")
    clock = SystemClock()
    database = Database(settings)
    worker = CopyWorker(database, FolderStore(settings.objects), clock, settings, stop)
    indexer = IndexWorker(database, FolderStore(settings.objects), clock, settings, stop)
    worker.clear()
    while not stop.is_set():
        try:
            busy = worker.step() or indexer.step()
        except WorldError as error:
            # The lease runs out by itself and the job comes back.
            log.warning("will try again: %s", error)
            busy = False
        else:
            beat(settings.home, NAME, clock)
        if not busy:
            stop.wait(PAUSE_S)
    database.close()
