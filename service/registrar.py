"""The registrar: enters what camera processes wrote into the database and the log.

Everything that it reads says all about itself and everything that it writes is idempotent, so
after a crash it starts again from the files.
"""

import hashlib
import logging
import shutil
import threading
from pathlib import Path

from sqlmodel import Session, col, select

from ingest.clock import Clock, SystemClock
from ingest.errors import FootageAltered
from ingest.files import Sha256
from ingest.segments import TOLERANCE_S, Segment, read_index
from ingest.spool import Fact, FactKind, Spool
from service.alarms import Trouble, close_alarm, close_older, raise_alarm
from service.camera import end_with_parent, stop_on_signal
from service.database import Database
from service.errors import WorldError
from service.evidence.log import MACHINE, Action, append
from service.heartbeat import beat
from service.jobs import add_job
from service.people import forget_expired
from service.settings import Settings
from service.tables import Gap, SegmentRow
from vision.candidate import Candidate
from vision.dumping import span
from vision.frame import SECOND, Instant, later

PAUSE_S = 0.5
"""Between two rounds: far below the seconds that an object must lie anyway."""
TROUBLE_S = 5.0
"""Between two rounds while the disk is full or the database locked."""
GOP_S = 2.0
"""A picture is on disk when its group is complete; cameras should have a key frame so often."""
LATE_S = 600.0
"""An alarm about late analysis ends when ten minutes passed without another skip."""

log = logging.getLogger(__name__)


class Registrar:
    """Enters spool facts, closed segments and gaps; one per installation."""

    def __init__(self, database: Database, clock: Clock, settings: Settings) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._spool = Spool(settings.spool)
        with database.read() as session:
            self._known = set(session.exec(select(SegmentRow.id)))
        self._entered: dict[Path, int] = {}

    def step(self) -> None:
        """One round.

        Raises:
            WorldError: the database could not be written; nothing of the failed part was entered.
        """
        for fact in self._spool.facts():
            try:
                with self._database.write() as session:
                    self._enter_fact(session, fact)
            except (KeyError, ValueError, TypeError):
                log.exception("fact %s is set aside", fact.path.name)
                self._spool.set_aside(fact.path)
            else:
                self._spool.remove(fact)
        for folder in sorted(self._settings.segments.glob("*/")):
            self._enter_segments(folder)
        self._watch()
        beat(self._settings.home, "registrar", self._clock)

    def _enter_fact(self, session: Session, fact: Fact) -> None:
        match fact.kind:
            case FactKind.CANDIDATE:
                candidate = Candidate.from_json(fact.data)
                add_job(
                    session,
                    self._clock,
                    id=candidate.id,
                    kind="lookback",
                    payload=fact.data,
                    # The clip's end must be on disk too, or the look-back would be done twice.
                    not_before=later(span(candidate)[1], self._settings.post_roll_s + GOP_S),
                )
            case FactKind.UP:
                for trouble in (Trouble.CAMERA_DOWN, Trouble.CAMERA_REFUSED):
                    close_alarm(session, self._clock, trouble, fact.camera)
            case FactKind.DOWN:
                cause = fact.data["cause"]
                refused = cause == "refused"
                trouble = Trouble.CAMERA_REFUSED if refused else Trouble.CAMERA_DOWN
                raise_alarm(session, self._clock, trouble, fact.camera, cause=cause)
            case FactKind.FAILED:
                raise_alarm(session, self._clock, Trouble.ANALYSIS_FAILED, fact.camera)
            case FactKind.SKIPPED:
                skipped = fact.data["skipped"]
                raise_alarm(
                    session, self._clock, Trouble.ANALYSIS_LATE, fact.camera, skipped=skipped
                )

    def _enter_segments(self, folder: Path) -> None:
        """Closed segments of one camera, oldest first, in one transaction."""
        new = [path for day in folder.glob("*/") for path in self._unknown(day)]
        new.sort(key=lambda path: int(path.stem))
        segments = []
        for number, path in enumerate(new):
            segment = self._read(path)
            newest = number == len(new) - 1
            if segment is None or not segment.gops or (segment.end is None and newest):
                continue
            segments.append(segment)
        if not segments:
            return
        with self._database.write() as session:
            rows = [self._enter_segment(session, segment) for segment in segments]
            append(
                session,
                self._clock,
                actor=MACHINE,
                action=Action.SEGMENTS_CLOSED,
                subject=folder.name,
                body={"segments": [f"{row.id} {row.sha256}" for row in rows]},
            )
        self._known |= {row.id for row in rows}

    def _unknown(self, day: Path) -> list[Path]:
        """Indexes of a day's folder that are not entered yet.

        A folder in which all are is not listed again until a name in it changes: a camera makes
        43,000 in a month.
        """
        changed_ns = day.stat().st_mtime_ns
        if self._entered.get(day) == changed_ns:
            return []
        indexes = (path for path in day.glob("*.idx") if path.stem.isdecimal())
        unknown = [path for path in indexes if _id(path) not in self._known]
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

    def _enter_segment(self, session: Session, segment: Segment) -> SegmentRow:
        camera = segment.head.camera
        start, end = segment.gops[0].at, segment.gops[-1].end
        self._enter_gap(session, segment, start)
        last = segment.gops[-1]
        size = segment.end.size if segment.end else last.offset + last.size
        row = SegmentRow(
            id=segment.id,
            camera_id=camera,
            run=segment.head.run,
            start_us=start,
            end_us=end,
            size=size,
            sha256=segment.end.sha256 if segment.end else _prefix_hash(segment, size),
            predecessor=segment.head.predecessor,
            end_reason=segment.end.reason if segment.end else "crashed",
        )
        session.add(row)
        session.flush()
        return row

    def _enter_gap(self, session: Session, segment: Segment, start: Instant) -> None:
        """A gap row when the segment before ended noticeably before `start`."""
        camera = segment.head.camera
        before = session.exec(
            select(SegmentRow)
            .where(SegmentRow.camera_id == camera, col(SegmentRow.start_us) < start)
            .order_by(col(SegmentRow.start_us).desc())
        ).first()
        if before is None or start - before.end_us <= TOLERANCE_S * SECOND:
            return
        gap_id = f"{camera}-{before.end_us}"
        if session.get(Gap, gap_id) is not None:
            # The server's clock was set back: the gap that was entered first stands.
            return
        # A segment that could not be closed has no end of its own; the next one tells why.
        told = segment.head.predecessor_end if segment.head.predecessor == before.id else None
        cause = told or before.end_reason
        if cause == "full" and segment.head.run != before.run:
            # The run went on in a segment that a crash left without a whole group of pictures.
            cause = "crashed"
        session.add(
            Gap(
                id=gap_id,
                camera_id=camera,
                start_us=before.end_us,
                end_us=start,
                cause=cause,
            )
        )
        append(
            session,
            self._clock,
            actor=MACHINE,
            action=Action.GAP_FOUND,
            subject=camera,
            body={"start_us": before.end_us, "end_us": start, "cause": cause},
        )

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
            for passing in (Trouble.ANALYSIS_LATE, Trouble.ANALYSIS_FAILED, Trouble.PROCESS_ENDED):
                close_older(session, self._clock, passing, LATE_S)


def _index_with_media(path: Path) -> Segment | None:
    """The index, its segment file being there.

    Raises:
        FootageAltered: the index is damaged or stands alone.
    """
    if not path.with_suffix(".mp4").is_file():
        raise FootageAltered(path=_id(path))
    return read_index(path)


def _id(path: Path) -> str:
    return "/".join(path.with_suffix("").parts[-3:])


def _prefix_hash(segment: Segment, size: int) -> Sha256:
    """Digest of the acknowledged bytes of a segment that a crash left without an end."""
    with segment.head.path.with_suffix(".mp4").open("rb") as stream:
        return Sha256(hashlib.sha256(stream.read(size)).hexdigest())


def run_registrar(settings: Settings) -> None:
    """Main function of the registrar's process."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s registrar %(message)s")
    stop = threading.Event()
    stop_on_signal(stop)
    end_with_parent(stop)
    database = Database(settings)
    registrar = Registrar(database, SystemClock(), settings)
    wait_s = PAUSE_S
    while not stop.wait(wait_s):
        wait_s = PAUSE_S if _entered(registrar) else TROUBLE_S
    # What the cameras wrote while they stopped.
    _entered(registrar)
    database.close()


def _entered(registrar: Registrar) -> bool:
    """One round; False when the world failed. The files stay, so nothing is lost."""
    try:
        registrar.step()
    except WorldError as error:
        log.warning("will try again: %s", error)
        return False
    return True
