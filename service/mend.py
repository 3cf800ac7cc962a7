"""Mending what a crash left (docs/design/storage.md, What a crash leaves); never what is damaged.

Only while no service runs on the home folder: whoever calls holds its lock.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby

from sqlmodel import col, select

from ingest.clock import Clock
from ingest.errors import DiskFull
from ingest.files import Sha256, fsync_directory
from ingest.fsck import Code, Depth, Finding, Severity, examine, names_of
from ingest.lock import Lock
from ingest.ring import Ring
from ingest.segments import Segment, day_of
from service.database import Database
from service.errors import WorldError
from service.evidence.log import MACHINE, Action, append
from service.evidence.store import FolderStore
from service.fsck import Checker, Report, record, sentence
from service.needs import DAY_S
from service.retention import RingKeeper
from service.segments import enter_segments
from service.settings import Settings
from service.tables import SegmentRow
from service.tombstone import living
from vision.frame import CameraId, later

START_S = 20.0
"""Seconds of the look at every start: a service must record soon. Measured in
docs/design/storage.md."""

_DAMAGE = Severity.DAMAGE

log = logging.getLogger(__name__)


class Mender:
    """Mends leftovers, each in an order that another crash cannot spoil."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._ring = Ring(settings.segments, settings.quarantine)
        self._store = FolderStore(settings.objects)

    def mend(self, findings: Sequence[Finding]) -> list[Finding]:
        """Mend what can be mended, what matters most first; what was.

        Raises:
            WorldError, DiskFull: a disk or the database does not take it.
        """
        of = {code: [each for each in findings if each.code is code] for code in Code}
        mended: list[Finding] = []
        for camera, some in groupby(of[Code.UNCLOSED], key=_camera):
            mended += self._adopt(camera, list(some))
        mended += self._finish(of[Code.UNFINISHED])
        mended += [each for each in of[Code.OBJECT_BACK] if self._destroy(each)]
        mended += [each for each in of[Code.TEMPORARY] if self._drop(each)]
        orphans = [*of[Code.MEDIA_ALONE], *of[Code.UNACKNOWLEDGED]]
        mended += [each for each in orphans if self._set_aside(each)]
        return mended

    def _finish(self, unfinished: Sequence[Finding]) -> list[Finding]:
        """End destructions: those of garbage rows, then files that came back from a backup."""
        if not unfinished:
            return []
        RingKeeper(self._database, self._clock, self._settings, self._ring).finish()
        yesterday = day_of(later(self._clock.now(), -DAY_S))
        gone, _ = self._ring.remove([each.path for each in unfinished], empty_before=yesterday)
        return [each for each in unfinished if each.path in gone]

    def _destroy(self, back: Finding) -> bool:
        """Remove an object that was destroyed and came back, as from a backup."""
        with self._database.read() as session:
            if back.path in living(session):
                return False
        self._store.destroy(Sha256(back.path))
        return True

    def _set_aside(self, orphan: Finding) -> bool:
        """Move files that acknowledge nothing out of the ring, and log it."""
        with self._locked(_camera(orphan)) as alone:
            if not alone or self._names_pictures(orphan.path):
                return False
            why = {"code": orphan.code.value, "at_us": self._clock.now()}
            try:
                hashes = self._ring.set_aside(orphan.path, why)
            except OSError as error:
                detail = os.strerror(error.errno or 0)
                raise WorldError("set_aside", path=orphan.path, detail=detail) from error
            with self._database.write() as session:
                append(
                    session,
                    self._clock,
                    actor=MACHINE,
                    action=Action.SET_ASIDE,
                    subject=orphan.path,
                    body={"code": orphan.code.value, **hashes},
                )
        return True

    def _names_pictures(self, name: str) -> bool:
        try:
            segment, _ = examine(self._settings.segments, name, live=False)
        except FileNotFoundError:
            return False
        return segment is not None

    def _adopt(self, camera: CameraId, unclosed: Sequence[Finding]) -> list[Finding]:
        """Enter what no process writes any more, with what was closed before it, oldest first."""
        with self._locked(camera) as alone:
            segments = self._unentered(camera) if alone else []
            if not segments:
                return []
            with self._database.write() as session:
                entered = enter_segments(session, self._clock, camera, segments)
        return [each for each in unclosed if each.path in entered]

    def _unentered(self, camera: CameraId) -> list[Segment]:
        with self._database.read() as session:
            ids = set(
                session.exec(select(SegmentRow.id).where(col(SegmentRow.camera_id) == camera))
            )
        names = names_of(self._settings.segments, camera)
        unknown = (names.index & names.media) - ids
        found = []
        for name in sorted(unknown, key=lambda name: int(name.rpartition("/")[2])):
            segment, wrong = examine(self._settings.segments, name, live=False)
            if segment is not None and not any(each.severity is _DAMAGE for each in wrong):
                found.append(segment)
        return found

    def _drop(self, temporary: Finding) -> bool:
        """Remove the beginning of a file; no row and no reader ever knew it."""
        path = self._settings.home / temporary.path
        path.unlink(missing_ok=True)
        fsync_directory(path.parent)
        return True

    @contextmanager
    def _locked(self, camera: CameraId) -> Iterator[bool]:
        """Whether the camera is ours: a recorder whose service was killed may still go on."""
        with Lock(self._settings.segments / f"{camera}.lock") as lock:
            yield lock.take()


def _camera(finding: Finding) -> CameraId:
    return CameraId(finding.path.partition("/")[0])


def mend_at_start(settings: Settings, database: Database, clock: Clock) -> Report:
    """The cheap look before the cameras start, and the mending of what it finds.

    What does not let itself be mended is logged: recording matters more.

    Raises:
        WorldError: the database cannot be read or written.
    """
    report = Checker(settings, database, clock, Depth.PRESENCE, until_s=START_S).run()
    for finding in report.findings:
        level = logging.ERROR if finding.severity is _DAMAGE else logging.INFO
        log.log(level, "%s %s: %s", finding.severity, finding.code, sentence(finding, "en"))
    with database.write() as session:
        record(session, clock, report)
    mended: list[Finding] = []
    try:
        mended = Mender(settings, database, clock).mend(report.findings)
    except (WorldError, DiskFull, OSError) as error:
        log.warning("not everything could be mended: %s", error)
    log.info(
        "looked at %d segments and %d objects in %.1f s%s: %d damaged, %d of %d leftovers mended",
        report.segments,
        report.objects,
        report.seconds,
        "" if report.complete else " (not all)",
        report.count(Severity.DAMAGE),
        len(mended),
        report.count(Severity.LEFTOVER),
    )
    return report
