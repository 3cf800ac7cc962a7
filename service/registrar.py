"""The registrar: enters what camera processes wrote into the database and the log.

Everything that it reads says all about itself and everything that it writes is idempotent, so
after a crash it starts again from the files.
"""

import logging
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from sqlmodel import select

from ingest.clock import Clock, SystemClock
from ingest.errors import FootageAltered
from ingest.lock import holder
from ingest.segments import Segment, read_index
from ingest.spool import Spool
from service.alarms import PASSING, Trouble, close_alarm, close_older, raise_alarm
from service.database import Database
from service.errors import EvidenceError, WorldError
from service.facts import enter_fact
from service.heartbeat import beat
from service.logins import forget_expired
from service.memory import forget_stale
from service.process import begun
from service.retention import RingKeeper
from service.segments import enter_segments, log_recording, unlogged_cameras
from service.settings import Settings
from service.tables import SegmentRow
from vision.frame import SECOND

PAUSE_S = 0.5
"""Between two rounds: far below the seconds that an object must lie anyway."""
MOST_AT_ONCE = 200
"""Segments of a camera in one transaction: after an outage the rest follows in the next rounds. 200
take 0.1 GiB and hold the database for seconds; two days of them took 2 GiB and minutes."""
TROUBLE_S = 5.0
"""Between two rounds while the disk is full or the database locked."""
BUSY_S = 2.0
"""Our own transactions take a tenth of a second; who holds the database for longer is somebody
else, a backup or a person at a prompt."""
LOG_S = 600.0
"""Between two entries about a camera's recording: one for each segment would be most of the log."""
LATE_S = 600.0
"""An alarm about something that passes ends when ten minutes went by without it."""

log = logging.getLogger(__name__)


class Registrar:
    """Enters spool facts, closed segments and gaps; one per installation."""

    def __init__(self, database: Database, clock: Clock, settings: Settings) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._spool = Spool(settings.spool)
        with database.read() as session:
            # Without tombstones, of which there are millions in the end.
            there = select(SegmentRow.id).where(SegmentRow.state != "destroyed")
            self._known = set(session.exec(there))
        self._entered: dict[Path, int] = {}
        self._asked_us: int | None = None
        self.most_at_once = MOST_AT_ONCE
        self._ring = RingKeeper(database, clock, settings)
        self._log_us = clock.monotonic_us()

    def step(self) -> None:
        """One round.

        Raises:
            WorldError: the database could not be written; nothing of the failed part was entered.
        """
        self._wait_for_database()
        for fact in self._spool.facts():
            try:
                with self._database.write() as session:
                    enter_fact(session, self._clock, fact, post_roll_s=self._settings.post_roll_s)
            except (KeyError, ValueError, TypeError):
                log.exception("fact %s is set aside", fact.path.name)
                self._spool.set_aside(fact.path)
            else:
                self._spool.remove(fact)
        for folder in sorted(self._settings.segments.glob("*/")):
            self._enter_segments(folder)
        if self._clock.monotonic_us() >= self._log_us:
            self.log_recording()
        self._ring.step()
        self._watch()
        beat(self._settings.home, "registrar", self._clock)

    def log_recording(self) -> None:
        """Let the log tell of all recording that was entered since the last time.

        Raises:
            WorldError: the database could not be written; the rest comes the next time.
        """
        self._log_us = self._clock.monotonic_us() + round(LOG_S * SECOND)
        with self._database.read() as session:
            cameras = unlogged_cameras(session)
        for camera in cameras:
            complete = False
            while not complete:
                with self._database.write() as session:
                    complete = log_recording(session, self._clock, camera)

    def _wait_for_database(self) -> None:
        """Say afterwards for how long others kept us from writing."""
        self._asked_us = self._asked_us or self._clock.monotonic_us()
        with self._database.write() as session:
            # Takes the writer's lock.
            session.connection()
            waited_s = (self._clock.monotonic_us() - self._asked_us) / SECOND
            if waited_s > BUSY_S:
                subject, seconds = str(self._settings.home), round(waited_s)
                raise_alarm(session, self._clock, Trouble.DATABASE_BUSY, subject, seconds=seconds)
        self._asked_us = None

    def _enter_segments(self, folder: Path) -> None:
        """Segments of one camera that are written no more, as recorded, in one transaction."""
        # Asked first: what its process closes after the answer is closed when it is read.
        process = holder(folder.with_suffix(".lock"))
        new = [path for day in folder.glob("*/") for path in self._unknown(day)]
        new.sort(key=lambda path: int(path.stem))
        read = list(islice(self._filled(new, process), self.most_at_once))
        followed = {segment.head.predecessor for segment in read}
        finished = [
            segment
            for segment in read
            if segment.end or segment.head.process != process or segment.id in followed
        ]
        if finished:
            with self._database.write() as session:
                enter_segments(session, self._clock, folder.name, finished)
            self._known |= {segment.id for segment in finished}

    def _filled(self, paths: Sequence[Path], process: str | None) -> Iterator[Segment]:
        """Segments with anything in them; what a crash left empty is not looked at again."""
        for path in paths:
            segment = self._read(path)
            if segment is None:
                continue
            if segment.gops:
                yield segment
            elif segment.head.process != process:
                self._known.add(segment.id)

    def _unknown(self, day: Path) -> list[Path]:
        """Indexes of a day's folder that are not entered yet.

        A folder in which all are is not listed again until a name in it changes: a camera makes
        43,000 in a month.
        """
        changed_ns = day.stat().st_mtime_ns
        if self._entered.get(day) == changed_ns:
            return []
        # Names only: today's folder is listed in every round, and by night it has 2,900.
        prefix = f"{day.parent.name}/{day.name}/"
        stems = (name[:-4] for name in os.listdir(day) if name.endswith(".idx"))  # noqa: PTH208
        unknown = [
            day / f"{stem}.idx"
            for stem in stems
            if stem.isdecimal() and prefix + stem not in self._known
        ]
        if not unknown:
            self._entered[day] = changed_ns
        return unknown

    def _read(self, path: Path) -> Segment | None:
        """A segment's index; None when there is nothing in it to enter, for good or as yet."""
        try:
            segment = _index_with_media(path)
        except FootageAltered:
            log.exception("segment %s is left out", _id(path))
            with self._database.write() as session:
                raise_alarm(session, self._clock, Trouble.EVIDENCE_BROKEN, _id(path))
            self._known.add(_id(path))
            return None
        return segment

    def _watch(self) -> None:
        """Alarms about the disk and about what was set aside; sessions that are long over."""
        free = shutil.disk_usage(self._settings.home).free
        full = free < self._settings.reserve_bytes
        subject = str(self._settings.home)
        with self._database.write() as session:
            if full:
                raise_alarm(session, self._clock, Trouble.DISK_FULL, subject)
            else:
                close_alarm(session, self._clock, Trouble.DISK_FULL, subject)
            for name in self._spool.aside():
                raise_alarm(session, self._clock, Trouble.EVIDENCE_BROKEN, name)
            forget_expired(session, self._clock.now())
            for passing in PASSING:
                close_older(session, self._clock, passing, LATE_S)
        forget_stale(self._settings.memories, self._clock.now())


def _index_with_media(path: Path) -> Segment | None:
    """The index, its segment file being there.

    Raises:
        FootageAltered: the index is damaged or stands alone.
    """
    media = path.with_suffix(".mp4")
    if not media.is_file():
        raise FootageAltered(path=_id(path))
    segment = read_index(path)
    if segment is not None and segment.gops:
        last = segment.gops[-1]
        if media.stat().st_size < last.offset + last.size:
            raise FootageAltered(path=_id(path))
    return segment


def _id(path: Path) -> str:
    return "/".join(path.with_suffix("").parts[-3:])


def run_registrar(settings: Settings) -> None:
    """Main function of the registrar's process."""
    stop = begun("registrar")
    database = Database(settings)
    registrar = Registrar(database, SystemClock(), settings)
    wait_s = PAUSE_S
    while not stop.wait(wait_s):
        wait_s = PAUSE_S if _done(registrar.step) else TROUBLE_S
    # What the cameras wrote while they stopped.
    if _done(registrar.step):
        _done(registrar.log_recording)
    database.close()


def _done(act: Callable[[], None]) -> bool:
    """Whether an act succeeded; False when the world failed. The files stay: nothing is lost."""
    try:
        act()
    except (OSError, WorldError, EvidenceError) as error:
        # A log that must not be signed is told elsewhere; what cameras recorded is entered.
        log.warning("will try again: %s", error)
        return False
    return True
