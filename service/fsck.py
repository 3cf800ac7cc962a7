"""Does what lies on disk, and what the rows say of it, keep what docs/design/storage.md promises?

`Checker` joins the findings of `ingest/fsck.py` with rows, store and spool, and writes nothing. It
may look while the service records and destroys: whatever is wrong is looked at again at the end.
What a crash left is mended by `service/mend.py`.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from ingest.clock import Clock
from ingest.files import Sha256
from ingest.fsck import (
    Code,
    Depth,
    Finding,
    Link,
    Names,
    Pace,
    Severity,
    acknowledged,
    cameras_in,
    examine,
    hash_all,
    names_of,
    overlaps,
)
from ingest.lock import Lock
from ingest.ring import SUFFIXES, Ring
from ingest.segments import Segment
from service.alarms import Trouble, close_alarm, open_alarms, raise_alarm
from service.database import Database
from service.evidence.broken import concern, subject_of
from service.evidence.store import FolderStore
from service.settings import Settings
from service.tables import Installation, SegmentRow, Tombstone
from service.texts import Language, say
from service.times import beijing_date_clock
from service.tombstone import living
from vision.frame import SECOND, CameraId, Instant

STALE_S = 86_400.0
"""A temporary file of the day before: no writer of ours takes so long."""
FRESH = 100
"""Segments without a row that the cheap look reads: a crash leaves one for each camera."""
MOST_ALARMS = 20
"""A lost disk is one trouble, not 50,000; the command lists them all."""

_BLOCK = 1 << 20
"""Bytes per read while hashing."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was looked at and what was found; `complete` is False when time ran out."""

    depth: Depth
    findings: tuple[Finding, ...]
    segments: int
    objects: int
    bytes_read: int
    seconds: float
    complete: bool = True

    def count(self, severity: Severity) -> int:
        """How many findings mean that."""
        return sum(finding.severity is severity for finding in self.findings)

    @property
    def holds(self) -> bool:
        """Whether nothing is damaged."""
        return self.count(Severity.DAMAGE) == 0

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            **asdict(self),
            "depth": self.depth.name.lower(),
            "holds": self.holds,
            "findings": [_plain(finding) for finding in self.findings],
        }


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code.value,
        "severity": finding.severity.value,
        "invariant": finding.invariant,
        "path": finding.path,
        "detail": finding.detail,
        "start_us": finding.start,
        "end_us": finding.end,
        "zh": sentence(finding),
        "en": sentence(finding, "en"),
    }


def sentence(finding: Finding, language: Language = "zh") -> str:
    """A finding in words; times are those of Beijing."""
    start, end = (
        "" if at is None else beijing_date_clock(at) for at in (finding.start, finding.end)
    )
    return say(
        f"fsck.{finding.code.value}",
        language,
        path=finding.path,
        detail=finding.detail,
        start=start,
        end=end,
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """What a row says of its segment."""

    state: str
    size: int
    sha256: Sha256
    run: str


def is_recorded(segments: Path, camera: CameraId) -> bool:
    """Whether a process records this camera now."""
    path = segments / f"{camera}.lock"
    if not path.exists():
        return False
    with Lock(path) as lock:
        return not lock.take()


class Checker:
    """One look at an installation.

    Args:
        bytes_per_s: how fast bytes are hashed at most; 0 is as fast as it goes.
        until_s: seconds after which the look ends where it is; None never.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        depth: Depth,
        *,
        bytes_per_s: float = 0.0,
        until_s: float | None = None,
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._depth = depth
        self._ring = Ring(settings.segments, settings.quarantine)
        self._pace = Pace(clock, bytes_per_s)
        self._began_us = clock.monotonic_us()
        self._until_us = None if until_s is None else self._began_us + round(until_s * SECOND)
        self._found: list[Finding] = []
        self._segments = self._objects = 0
        self._vouched: dict[Sha256, int] = {}

    def run(self) -> Report:
        """Look at everything.

        Raises:
            WorldError: the database cannot be read.
        """
        self._found = self._leftovers()
        cameras, strangers = cameras_in(self._settings.segments)
        self._found += strangers
        every = select(SegmentRow.camera_id).distinct()
        with self._database.read() as session:
            entered = {CameraId(each) for each in session.exec(every)}
        complete = all(self._camera(camera) for camera in sorted({*cameras, *entered}))
        if complete:
            self._store()
        self._found = self._look_again()
        passed_us = self._clock.monotonic_us() - self._began_us
        return Report(
            self._depth,
            tuple(sorted(self._found, key=lambda each: (each.severity, each.path, each.code))),
            self._segments,
            self._objects,
            self._pace.read,
            round(passed_us / SECOND, 3),
            complete,
        )

    def _in_time(self) -> bool:
        return self._until_us is None or self._clock.monotonic_us() < self._until_us

    def _camera(self, camera: CameraId) -> bool:
        """One camera's segments and rows; False when time ran out."""
        if not self._in_time():
            return False
        root = self._settings.segments
        there = (root / camera).is_dir()
        # In this order: what is being written was listed while its camera was locked, and what
        # was listed and is destroyed meanwhile says so in its row.
        names = names_of(root, camera) if there else Names(set(), set(), [])
        live = is_recorded(root, camera)
        rows = self._rows(camera)
        self._segments += len(names.every)
        self._found += [Finding(Code.STRANGER, f"segments/{each}") for each in names.strangers]
        fresh = self._compare_names(names, rows)
        if self._depth >= Depth.SIZES:
            entered = names.index & names.media & rows.keys()
            return self._read(entered | fresh, rows, names, live=live)
        if not live:
            self._read(set(sorted(fresh)[-FRESH:]), rows, names, live=False)
        return True

    def _rows(self, camera: CameraId) -> dict[str, _Row]:
        """Rows of segments that are there or about to go; a camera makes 43,000 in a month."""
        wanted = columns(
            col(SegmentRow.id),
            col(SegmentRow.state),
            col(SegmentRow.size),
            col(SegmentRow.sha256),
            col(SegmentRow.run),
        ).where(col(SegmentRow.camera_id) == camera, col(SegmentRow.state) != "destroyed")
        with self._database.read() as session:
            found = session.connection().execute(wanted)
            return {
                name: _Row(state, size, Sha256(sha256), run)
                for name, state, size, sha256, run in found
            }

    def _states(self, names: Iterable[str]) -> dict[str, str]:
        """The state of each segment that has a row."""
        wanted = sorted(names)
        found: dict[str, str] = {}
        with self._database.read() as session:
            for at in range(0, len(wanted), 500):
                some = col(SegmentRow.id).in_(wanted[at : at + 500])
                rows = session.exec(select(SegmentRow.id, SegmentRow.state).where(some))
                found |= dict(rows.all())
        return found

    def _compare_names(self, names: Names, rows: dict[str, _Row]) -> set[str]:
        """Names against rows; segments with both files and no row."""
        for name, row in rows.items():
            missing = [
                suffix
                for suffix, there in zip(SUFFIXES, (names.index, names.media), strict=True)
                if name not in there
            ]
            if row.state == "garbage":
                self._found.append(Finding(Code.UNFINISHED, name))
            elif missing:
                self._found.append(Finding(Code.FILES_MISSING, name, ", ".join(missing)))
        unknown = names.every - rows.keys()
        states = self._states(unknown)
        self._found += [Finding(Code.UNFINISHED, each) for each in states]
        unknown -= states.keys()
        self._found += [Finding(Code.INDEX_ALONE, each) for each in unknown - names.media]
        self._found += [Finding(Code.MEDIA_ALONE, each) for each in unknown - names.index]
        return unknown & names.index & names.media

    def _read(self, wanted: set[str], rows: dict[str, _Row], names: Names, *, live: bool) -> bool:
        """Segments from within, and how they follow each other; False when time ran out."""
        links: list[Link] = []
        for name in sorted(wanted):
            if not self._in_time():
                return False
            try:
                segment = self._segment(name, rows.get(name), live=live)
            except FileNotFoundError:
                # Destroyed meanwhile, or the look at the end says otherwise.
                continue
            if segment is not None:
                links.append(Link.of(name, segment))
        if self._depth >= Depth.SIZES:
            self._found += overlaps(links)
            self._chain(links, names.every | rows.keys())
        return True

    def _segment(self, name: str, row: _Row | None, *, live: bool) -> Segment | None:
        """One segment; None when its index tells of nothing."""
        root = self._settings.segments
        segment, found = examine(root, name, live=live and row is None)
        if segment is None and row is not None:
            # What a row vouches for was acknowledged: never a leftover that may be moved away.
            found = [Finding(Code.INDEX_BROKEN, name, each.detail) for each in found]
        self._found += found
        if segment is None:
            return None
        if row is not None:
            self._found += _compare(name, segment, row, live=live)
        elif segment.end is None and not live:
            self._found.append(Finding(Code.UNCLOSED, name))
        if self._depth >= Depth.HASHES:
            # What a crash left has no digest of the whole but in its row.
            whole = row.sha256 if row is not None and segment.end is None and not live else None
            self._found += hash_all(root, name, segment, self._pace, whole=whole)
        return segment

    def _chain(self, links: Sequence[Link], known: set[str]) -> None:
        """Every predecessor is there, or a row says what became of it, or it was set aside."""
        missing = {
            link.predecessor: link.name
            for link in links
            if link.predecessor is not None and link.predecessor not in known
        }
        states = self._states(missing)
        self._found += [
            Finding(Code.CHAIN, name, predecessor)
            for predecessor, name in missing.items()
            if predecessor not in states and not self._ring.was_set_aside(predecessor)
        ]

    def _store(self) -> None:
        """Objects against the rows that name them."""
        store = FolderStore(self._settings.objects)
        root = self._settings.objects / "sha256"
        there = set()
        for path in root.glob("*/*"):
            if len(path.name) == 64 and path.parent.name == path.name[:2]:
                there.add(path.name)
            else:
                self._found.append(Finding(Code.STRANGER, self._below_home(path)))
        with self._database.read() as session:
            named = living(session)
            buried = set(session.exec(select(Tombstone.sha256)))
            row = session.exec(select(Installation)).first()
        mark = self._settings.objects / "INSTALLATION"
        told = mark.read_text() if mark.is_file() else ""
        if row is None or told != row.id:
            detail = f"{told or '-'} != {row.id if row else '-'}"
            self._found.append(Finding(Code.INSTALLATION, self._below_home(mark), detail))
        self._objects = len(there)
        unnamed = there - named.keys()
        self._found += [Finding(Code.OBJECT_UNNAMED, each) for each in unnamed - buried]
        self._found += [Finding(Code.OBJECT_BACK, each) for each in unnamed & buried]
        for sha256, size in named.items():
            try:
                self._found += self._object(store.path(sha256), sha256, size)
            except (KeyError, FileNotFoundError):
                self._found.append(Finding(Code.OBJECT_MISSING, sha256))

    def _object(self, path: Path, sha256: Sha256, size: int) -> Iterator[Finding]:
        if self._depth >= Depth.SIZES:
            counted = path.stat().st_size
            if counted != size:
                yield Finding(Code.OBJECT_SIZE, sha256, f"{counted} != {size}")
                return
        if self._depth >= Depth.HASHES:
            digest = hashlib.sha256()
            with path.open("rb") as stream:
                while block := stream.read(_BLOCK):
                    self._pace.spend(len(block))
                    digest.update(block)
            if digest.hexdigest() != sha256:
                yield Finding(Code.OBJECT_HASH, sha256)

    def _leftovers(self) -> list[Finding]:
        """Beginnings of files that nobody writes any more, and facts that were set aside."""
        stale = self._clock.now() - STALE_S * SECOND
        found = [
            Finding(Code.TEMPORARY, self._below_home(path))
            for folder in writing_folders(self._settings)
            for path in sorted(folder.glob("*.tmp"))
            if modified_us(path) < stale
        ]
        aside = sorted(self._settings.spool.glob("*.bad"))
        return found + [Finding(Code.FACT_ASIDE, self._below_home(path)) for path in aside]

    def _below_home(self, path: Path) -> str:
        return str(path.relative_to(self._settings.home))

    def _look_again(self) -> list[Finding]:
        """What still is as it was found: the service goes on meanwhile."""
        states = self._states(finding.path for finding in self._found)
        with self._database.read() as session:
            self._vouched = living(session)
        return [each for each in self._found if self._still(each, states.get(each.path))]

    def _still(self, finding: Finding, state: str | None) -> bool:
        index, media = (
            (self._settings.segments / f"{finding.path}{suffix}").exists() for suffix in SUFFIXES
        )
        match finding.code:
            case Code.UNFINISHED:
                return state == "garbage" or (state == "destroyed" and (index or media))
            case Code.FILES_MISSING:
                return state == "kept" and not (index and media)
            case Code.INDEX_ALONE:
                return state is None and index and not media
            case Code.MEDIA_ALONE:
                return state is None and media and not index
            case Code.OBJECT_MISSING | Code.OBJECT_BACK:
                store = FolderStore(self._settings.objects)
                missing = finding.code is Code.OBJECT_MISSING
                there = _has(store, Sha256(finding.path))
                return (finding.path in self._vouched) is missing and there is not missing
            case _:
                return state in {None, "kept"}


def _has(store: FolderStore, sha256: Sha256) -> bool:
    try:
        store.path(sha256)
    except KeyError:
        return False
    return True


def _compare(name: str, segment: Segment, row: _Row, *, live: bool) -> Iterator[Finding]:
    """A row against the index of which it is a copy."""
    last = acknowledged(segment)[-1]
    size = segment.end.size if segment.end else last.offset + last.size
    # Where the clock was set back, what is being written may look like what a crash left.
    grown = live and segment.end is None and row.size < size
    told = {
        "size": row.size == size or grown,
        "sha256": segment.end is None or row.sha256 == segment.end.sha256,
        "run": row.run == segment.head.run,
    }
    differing = [field for field, same in told.items() if not same]
    if differing:
        yield Finding(Code.ROW_DIFFERS, name, ", ".join(differing))


def writing_folders(settings: Settings) -> list[Path]:
    """Where files are begun under names that end in `.tmp`."""
    return [settings.spool, settings.objects, settings.objects / "sha256", settings.parts]


def modified_us(path: Path) -> Instant:
    """When a file was last written to; now and always for one that has gone."""
    try:
        return Instant(os.stat(path).st_mtime_ns // 1000)  # noqa: PTH116
    except FileNotFoundError:
        return Instant(1 << 62)


def record(session: Session, clock: Clock, report: Report) -> None:
    """Tell people: an alarm for each damage, and the end of those that this look saw mended."""
    damaged = [each for each in report.findings if each.severity is Severity.DAMAGE]
    # The registrar has an alarm for each fact that it set aside.
    told = [each for each in damaged if each.code is not Code.FACT_ASIDE]
    subjects = [subject_of(each) for each in told[:MOST_ALARMS]]
    if len(told) > MOST_ALARMS:
        subjects.append(f"fsck: +{len(told) - MOST_ALARMS}")
    for subject in subjects:
        raise_alarm(session, clock, Trouble.EVIDENCE_BROKEN, subject)
    if not report.complete:
        return
    paths = {each.path for each in damaged}
    for alarm in open_alarms(session):
        about = concern(alarm.subject)
        if about is None or about.depth > report.depth or alarm.key != Trouble.EVIDENCE_BROKEN:
            continue
        wrong = alarm.subject in subjects if about.code else about.path in paths
        if not wrong and alarm.subject not in subjects:
            close_alarm(session, clock, Trouble.EVIDENCE_BROKEN, alarm.subject)
