"""Takes in what has arrived (收件): uploads that are complete, and files of watch folders.

A process of its own, one for each installation. Everything that it does can be done again: what it
was doing when it died, it does at the next start.
"""

import hashlib
import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path

from ingest.clock import Clock, SystemClock
from ingest.errors import FootageAltered, IngestError
from ingest.sums import MAX_SUM_FILE_BYTES, SUM_SUFFIXES, Algorithm, read_sum
from service.alarms import Trouble, close_alarm, open_alarms, raise_alarm
from service.arrivals import Arrival, Channel, Kept, arrive, base_name, row_of
from service.database import Database
from service.errors import ServiceError, WorldError
from service.evidence.store import FolderStore, Store
from service.heartbeat import beat
from service.process import begun
from service.settings import Settings
from service.sources import Source
from service.start_time import time_in_name, time_in_text
from service.tables import Acquisition, Transfer
from service.texts import say
from service.transfers import State, channel_of, part_path, received, sweep
from service.uploads import check_space, text_of
from service.watchfolder import TEXT_SUFFIXES, Bundle, Shape, WatchFolder, put_away
from vision.frame import SECOND, Instant

PAUSE_S = 1.0
"""Between two looks: as long as a person waits for an answer without wondering."""
AGAIN_S = 30.0
"""Before what failed is tried again: full disks and unmounted folders take a person to mend."""
SWEEP_S = 600.0
"""Between two looks for what has expired; it has days."""
_TEXT_BYTES = 1 << 16
"""How much of a log or GPS text is searched for a time: the first one stands near its beginning."""
NAME = "intake"
"""The process, its sign of life, and the subject of alarms about uploads."""

log = logging.getLogger(__name__)


class Intake:
    """Looks for what has arrived and takes it in, one after the other.

    `alive` is called before each piece of work.
    """

    def __init__(
        self,
        database: Database,
        store: Store,
        clock: Clock,
        settings: Settings,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self._settings = settings
        self._alive = alive
        self._folders = [WatchFolder(source, clock) for source in settings.sources]
        self._kept: dict[Path, Shape] = {}
        self._not_before_us: dict[str, int] = {}
        self._said: dict[str, str] = {}
        self._swept_us: int | None = None
        self._begun = False

    def step(self, stop: Callable[[], bool] = lambda: False) -> int:
        """Take in everything that is complete; how many that were.

        What fails raises an alarm, stays where it is and is tried again; the others go on.

        Raises:
            WorldError: the database cannot be used.
        """
        if not self._begun:
            self._close_unwatched()
            self._begun = True
        with self._database.read() as session:
            waiting = received(session)
        done = self._all(NAME, [(each.id, self._finishing(each)) for each in waiting], stop)
        for folder in self._folders:
            done += self._all(folder.source.name, self._bundles(folder), stop)
        now = self._clock.monotonic_us()
        if self._swept_us is None or now - self._swept_us >= SWEEP_S * SECOND:
            sweep(self._database, self._clock, self._settings)
            self._swept_us = now
        return done

    def _all(
        self, subject: str, work: list[tuple[str, Callable[[], None]]], stop: Callable[[], bool]
    ) -> int:
        """Do what is due of `work`; how much of it went well. The first trouble is the alarm."""
        done, first = 0, ""
        for name, act in work:
            if stop():
                break
            trouble = self._try(subject, name, act)
            first = first or trouble
            done += not trouble
        self._tell(subject, first)
        return done

    def _try(self, subject: str, name: str, act: Callable[[], None]) -> str:
        """Why it failed or waits after a failure; empty when it is done.

        The outermost loop around one file: whatever is wrong with it, the next one is taken in.
        """
        key, now = f"{subject}/{name}", self._clock.monotonic_us()
        if now < self._not_before_us.get(key, 0):
            return self._said.get(subject, name)
        self._alive()
        try:
            act()
        except Exception as error:
            if isinstance(error, WorldError) and error.code == "database":
                raise
            log.exception("%s: %s was not taken in", subject, name)
            self._not_before_us[key] = now + round(AGAIN_S * SECOND)
            if isinstance(error, FootageAltered):
                self._alarm(Trouble.EVIDENCE_BROKEN, name)
            return f"{name}: {_words(error)}"
        self._not_before_us.pop(key, None)
        return ""

    def _tell(self, subject: str, detail: str) -> None:
        if self._said.get(subject) == detail:
            return
        if detail:
            self._alarm(Trouble.INTAKE_FAILED, subject, detail=detail)
        else:
            with self._database.write() as session:
                close_alarm(session, self._clock, Trouble.INTAKE_FAILED, subject)
        self._said[subject] = detail

    def _close_unwatched(self) -> None:
        """Close alarms of sources that the settings no longer have: nothing else ever would."""
        watched = {NAME, *(folder.source.name for folder in self._folders)}
        with self._database.write() as session:
            for alarm in open_alarms(session):
                if alarm.key == Trouble.INTAKE_FAILED and alarm.subject not in watched:
                    close_alarm(session, self._clock, Trouble.INTAKE_FAILED, alarm.subject)

    def _alarm(self, trouble: Trouble, subject: str, **facts: str) -> None:
        with self._database.write() as session:
            raise_alarm(session, self._clock, trouble, subject, **facts)

    # Uploads

    def _finishing(self, transfer: Transfer) -> Callable[[], None]:
        return lambda: self._finish(transfer)

    def _finish(self, transfer: Transfer) -> None:
        """Make an acquisition of an upload whose last byte was acknowledged."""
        path = part_path(self._settings, transfer.id)
        with self._database.read() as session:
            row = row_of(session, transfer.id)
        if row is None:
            if transfer.length == 0:
                path.touch()
            sha256, size = self._store.adopt(path)
            if size != transfer.length:
                raise FootageAltered(path=transfer.id)
            kept = Kept(transfer.file_name, sha256, size)
            row = arrive(self._database, self._store, self._clock, _arrival(transfer, kept))
        state = State.TAKEN if isinstance(row, Acquisition) else State.QUARANTINED
        with self._database.write() as session:
            session.get_one(Transfer, transfer.id).state = state.value
        # Last: until here the bytes have two names.
        path.unlink(missing_ok=True)

    # Watch folders

    def _bundles(self, folder: WatchFolder) -> list[tuple[str, Callable[[], None]]]:
        """Work for each complete file; that the folder cannot be read is work that fails."""
        try:
            found = folder.complete()
        except OSError as error:
            return [(str(folder.source.folder), _raising(error))]
        here = {bundle.path for bundle in found}
        self._kept = {path: shape for path, shape in self._kept.items() if path in here}
        return [(text_of(os.fsencode(b.name)), self._moving(folder.source, b)) for b in found]

    def _moving(self, source: Source, bundle: Bundle) -> Callable[[], None]:
        return lambda: self._move_in(source, bundle)

    def _move_in(self, source: Source, bundle: Bundle) -> None:
        """Keep a file with its side files, then move them out of the way."""
        if self._kept.get(bundle.path) != bundle.shape:
            if not self._keep(source, bundle):
                return
            self._kept[bundle.path] = bundle.shape
        if _shape(bundle.path.lstat()) != bundle.shape:
            # Its writer went on: what is here now is another file, to be taken in when it is whole.
            return
        mark = hashlib.sha256(repr(bundle.shape).encode()).hexdigest()[:8]
        # The video last: side files that are left alone would look like files of their own.
        for path in (*bundle.sides, bundle.path):
            put_away(source, path, mark)

    def _keep(self, source: Source, bundle: Bundle) -> bool:
        """Copy a file into the store and enter it; False when it changed under our hands.

        Copied, never linked: whoever wrote it may still have it open.
        """
        name = text_of(os.fsencode(bundle.name))
        check_space(self._settings, name, bundle.shape[0])
        kept = self._copied(bundle.path, bundle.shape)
        if kept is None:
            return False
        sides = [self._copied(path) for path in bundle.sides]
        said = source.read_name(name)
        arrival = Arrival(
            id=_id(source, bundle, kept),
            kept=kept,
            channel=Channel.FOLDER,
            handed_by=source.name,
            device_id=said.device_id,
            officer=said.officer,
            named=said.at,
            sidecar=_time_beside(source, bundle.sides),
            modified=Instant(bundle.shape[1] // 1000),
            zone=source.zone,
            given=_sums_beside(bundle.sides, kept.file_name),
            companions=tuple(side for side in sides if side is not None),
            needs_device=source.needs_device,
            needs_officer=source.needs_officer,
        )
        arrive(self._database, self._store, self._clock, arrival)
        return True

    def _copied(self, path: Path, wanted: Shape | None = None) -> Kept | None:
        """The file in the store; None when its shape is, or became, another than wanted."""
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
            before = os.fstat(stream.fileno())
            if not stat.S_ISREG(before.st_mode):
                return None
            sha256, size = self._store.add(stream)
            after = os.fstat(stream.fileno())
        if wanted is not None and not (_shape(before) == _shape(after) == wanted):
            return None
        return Kept(base_name(text_of(os.fsencode(path.name))), sha256, size)


def _shape(found: os.stat_result) -> Shape:
    return found.st_size, found.st_mtime_ns, found.st_ino


def _words(error: Exception) -> str:
    if isinstance(error, (IngestError, ServiceError)):
        return say(f"error.{error.code}", **error.facts)
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else repr(error)


def _raising(error: OSError) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


def _arrival(transfer: Transfer, kept: Kept) -> Arrival:
    channel, name = channel_of(transfer)
    return Arrival(
        id=transfer.id,
        kept=kept,
        channel=channel,
        handed_by=name,
        device_id=transfer.device_id,
        officer=transfer.officer_id,
        named=time_in_name(transfer.file_name),
        modified=None if transfer.modified_us is None else Instant(transfer.modified_us),
        given={Algorithm(each): text for each, text in transfer.sums.items()},
    )


def _id(source: Source, bundle: Bundle, kept: Kept) -> str:
    """The same copy of the same file is the same arrival, however often it is found."""
    parts = (source.name, bundle.name, str(bundle.shape[1]), kept.sha256)
    return hashlib.sha256(os.fsencode("\0".join(parts))).hexdigest()[:32]


def _time_beside(source: Source, sides: tuple[Path, ...]) -> Instant | None:
    for path in sides:
        if path.name.lower().endswith(TEXT_SUFFIXES):
            with path.open("rb") as stream:
                text = text_of(stream.read(_TEXT_BYTES))
            found = time_in_text(text, source.zone)
            if found is not None:
                return found
    return None


def _sums_beside(sides: tuple[Path, ...], name: str) -> dict[Algorithm, str]:
    found: dict[Algorithm, str] = {}
    for path in sides:
        algorithm = SUM_SUFFIXES.get(path.suffix.lower())
        if algorithm is None or path.stat().st_size > MAX_SUM_FILE_BYTES:
            continue
        text = read_sum(algorithm, path.read_bytes(), name)
        if text is not None:
            found[algorithm] = text
    return found


def run_intake(settings: Settings) -> None:
    """Main function of the intake's process."""
    stop = begun("intake")
    clock = SystemClock()
    database = Database(settings)

    def alive() -> None:
        beat(settings.home, NAME, clock)

    intake = Intake(database, FolderStore(settings.objects), clock, settings, alive)
    while not stop.wait(PAUSE_S):
        try:
            alive()
            intake.step(stop.is_set)
        except (OSError, WorldError) as error:
            log.warning("will try again: %s", error)
    database.close()
