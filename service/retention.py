"""Retention (保留): the ring gives way, oldest first, and never what somebody needs.

`decide` judges over values. `RingKeeper` reads rows and lets the files be removed, in an order that
a crash cannot spoil: docs/design/storage.md, Retention.
"""

import logging
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from uuid import uuid4

from sqlalchemy import func
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from ingest.clock import Clock
from ingest.ring import Ring
from ingest.segments import day_of
from service.alarms import Trouble, close_alarm, close_older, raise_alarm
from service.database import Database, lock_log
from service.evidence.log import MACHINE, Action, append
from service.needs import DAY_S, Needs, needs_of, witnessed
from service.retention_law import KeepRule, load_rules
from service.settings import Settings
from service.tables import Destruction, SegmentRow
from service.times import beijing
from vision.frame import SECOND, Instant, later

ROUND_S = 60.0
"""Between two looks: a camera makes a segment a minute."""
SOON_S = 10.0
"""Between two looks while the disk is short: some file systems free what was removed only later,
and what was needed may be needed no more."""
HEADROOM = 0.5
"""Share of the reserve that is freed beyond it, so that a disk that recording fills in the ordinary
way neither raises the alarm of a full disk nor refuses uploads: 256 MiB last six cameras of
4 Mbit/s for 90 s, nine of the looks above."""
BATCH = 200
"""Segments in a round, so that facts and alarms do not wait: docs/design/storage.md has seconds."""
_PAGE = 1000
"""Rows fetched at once while the oldest ones are needed and the look goes on to younger ones."""

log = logging.getLogger(__name__)


class Rule(StrEnum):
    """Which limit asks for a segment (`ring.rule_<key>`)."""

    AGE = "age"
    BYTES = "bytes"
    RESERVE = "reserve"


@dataclass(frozen=True, slots=True)
class Kept:
    """A segment of the ring that could be destroyed; `size` in bytes."""

    id: str
    camera: str
    start: Instant
    end: Instant
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What the ring may take.

    Attributes:
        before: by age, what ended by then goes.
        lawful: no choice of ours takes what ended after; only `reserve` does.
        size: bytes that the ring may take; None without limit.
        reserve: bytes that should be free on the disk.
    """

    before: Instant
    lawful: Instant
    size: int | None
    reserve: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What to destroy now, oldest first, each with the limit that asks for it.

    Attributes:
        more: the batch was full; there may be more to destroy.
        exhausted: the disk has less than its reserve even so: all that is left is needed.
    """

    doomed: tuple[tuple[Kept, Rule], ...] = ()
    more: bool = False
    exhausted: bool = False


def decide(
    ring: Iterable[Kept], needs: Needs, limits: Limits, *, size: int, free: int, most: int = BATCH
) -> Decision:
    """What of `ring`, which comes by its ends, oldest first, is to be destroyed.

    Args:
        size: bytes of the whole ring now.
        free: bytes free on its disk now.
        most: segments at once.
    """
    beyond = 0 if limits.size is None else size - limits.size
    short = limits.reserve - free
    doomed: list[tuple[Kept, Rule]] = []
    for kept in ring:
        if kept.end <= limits.before:
            rule = Rule.AGE
        elif beyond > 0 and kept.end <= limits.lawful:
            rule = Rule.BYTES
        elif short > 0:
            rule = Rule.RESERVE
        else:
            return Decision(tuple(doomed))
        if needs.cover(kept.camera, kept.start, kept.end):
            continue
        if len(doomed) == most:
            return Decision(tuple(doomed), more=True)
        doomed.append((kept, rule))
        beyond -= kept.size
        short -= kept.size
    return Decision(tuple(doomed), exhausted=short > 0)


class RingKeeper:
    """The clerk of the ring; one per installation, in the registrar's process."""

    def __init__(
        self, database: Database, clock: Clock, settings: Settings, ring: Ring | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._ring = ring or Ring(settings.segments, settings.quarantine)
        self._next_us = self._soon_us = clock.monotonic_us()

    def step(self) -> None:
        """Destroy what is due: once a minute, at once when the disk is short, a batch at a time.

        Raises:
            WorldError: the database could not be written. What was begun is finished later.
        """
        now_us = self._clock.monotonic_us()
        if now_us < self._soon_us or (now_us < self._next_us and not self._is_short()):
            return
        self._next_us = now_us + round(ROUND_S * SECOND)
        self._soon_us = now_us + round(SOON_S * SECOND)
        # What cannot be removed must not make us give up ever more.
        if not self.finish():
            return
        decision = self._mark()
        if decision.doomed:
            self.finish()
        self._tell(decision)
        if decision.more:
            self._next_us = self._soon_us = now_us

    def _is_short(self) -> bool:
        return self._ring.free() < _enough(self._settings)

    def finish(self) -> bool:
        """Remove the files of segments that are garbage and say so in their rows; whether all went.

        A crash before, between or after is made up for by the next call.
        """
        with self._database.read() as session:
            garbage = session.exec(select(SegmentRow.id).where(SegmentRow.state == "garbage"))
            ids = list(garbage)
        if not ids:
            return True
        # The folder of a day that may still be written to is left alone.
        yesterday = day_of(later(self._clock.now(), -DAY_S))
        gone, failed = self._ring.remove(ids, empty_before=yesterday)
        subject = str(self._settings.segments)
        with self._database.write() as session:
            _set_state(session, gone, "destroyed")
            if failed:
                log.error("cannot remove: %s", "; ".join(failed))
                raise_alarm(session, self._clock, Trouble.RING_STUCK, subject, detail=failed[0])
            else:
                close_alarm(session, self._clock, Trouble.RING_STUCK, subject)
        return not failed

    def _mark(self) -> Decision:
        """Let rows become garbage, with a record and a log entry for each camera and rule."""
        law = load_rules().longest(beijing(self._clock.now()).date())
        with self._database.read() as session:
            decision = self._decide(session, law)
        if not decision.doomed:
            return decision
        with self._database.write() as session:
            # Whoever needs something says so in the log: before this, or after it is decided.
            lock_log(session)
            decision = self._decide(session, law)
            ordered = sorted(decision.doomed, key=lambda each: (each[0].camera, each[1]))
            for (_, rule), group in groupby(ordered, key=lambda each: (each[0].camera, each[1])):
                self._condemn(session, [kept for kept, _ in group], rule, law)
        return decision

    def _decide(self, session: Session, law: KeepRule | None) -> Decision:
        now = self._clock.now()
        limits = limits_of(self._settings, now, law, session)
        needs = Needs(needs_of(session, now, self._settings))
        size = _size(session) if limits.size is not None else 0
        with closing(_oldest_first(session)) as ring:
            return decide(ring, needs, limits, size=size, free=self._ring.free())

    def _condemn(
        self, session: Session, batch: Sequence[Kept], rule: Rule, law: KeepRule | None
    ) -> None:
        record = Destruction(
            id=uuid4().hex,
            camera_id=batch[0].camera,
            start_us=min(kept.start for kept in batch),
            end_us=max(kept.end for kept in batch),
            count=len(batch),
            size=sum(kept.size for kept in batch),
            rule=rule.value,
            basis=basis_of(self._settings, law),
            actor=MACHINE,
            at_us=self._clock.now(),
            segments=[[kept.id, kept.sha256] for kept in batch],
        )
        session.add(record)
        _set_state(session, [kept.id for kept in batch], "garbage")
        append(
            session,
            self._clock,
            actor=MACHINE,
            action=Action.DESTROYED,
            subject=record.camera_id,
            body={
                "record": record.id,
                "rule": record.rule,
                "basis": record.basis,
                "start_us": record.start_us,
                "end_us": record.end_us,
                "bytes": record.size,
                "segments": [f"{kept.id} {kept.sha256}" for kept in batch],
            },
        )

    def _tell(self, decision: Decision) -> None:
        """Alarms: there is nothing left to give; less was kept than the law asks."""
        subject = str(self._settings.segments)
        now = self._clock.now()
        law = load_rules().longest(beijing(now).date())
        short = self._ring.free() < self._settings.reserve_bytes
        lawful = limits_of(self._settings, now, law).lawful
        early = [kept.end for kept, _ in decision.doomed if kept.end > lawful]
        with self._database.write() as session:
            if decision.exhausted and short:
                raise_alarm(session, self._clock, Trouble.RING_EXHAUSTED, subject)
            elif not short:
                close_alarm(session, self._clock, Trouble.RING_EXHAUSTED, subject)
            if early and law is not None:
                days = int((now - max(early)) // (DAY_S * SECOND))
                facts = {"days": days, "least": law.least_days}
                raise_alarm(session, self._clock, Trouble.RING_SHORT, subject, **facts)
            close_older(session, self._clock, Trouble.RING_SHORT, DAY_S)


def limits_of(
    settings: Settings, now: Instant, law: KeepRule | None, session: Session | None = None
) -> Limits:
    """The limits of this moment; the law's days win over fewer in the settings.

    With a `session`, so many days must have been witnessed since.
    """
    least = law.least_days if law is not None else 0
    days = max(settings.ring_days, least)
    seen = now if session is None else witnessed(session, now, days)
    return Limits(
        before=min(later(now, -days * DAY_S), seen),
        lawful=min(later(now, -least * DAY_S), seen),
        size=settings.ring_bytes or None,
        reserve=_enough(settings),
    )


def _enough(settings: Settings) -> int:
    """Bytes that must be free for the ring to give nothing."""
    return round(settings.reserve_bytes * (1 + HEADROOM))


def basis_of(settings: Settings, law: KeepRule | None) -> str:
    """What a destruction record says of the limits of its day."""
    told = [
        f"{name}={getattr(settings, name)}" for name in ("ring_days", "ring_bytes", "reserve_bytes")
    ]
    if law is not None:
        told.append(f"{law.cited} >= {law.least_days} d")
    return "; ".join(told)


def _size(session: Session) -> int:
    total = session.exec(
        select(func.sum(SegmentRow.size)).where(col(SegmentRow.state) == "kept")
    ).one()
    return int(total or 0)


def _oldest_first(session: Session) -> Generator[Kept, None, None]:
    """Rows of segments that are there, by their ends; the youngest are rarely asked for."""
    wanted = (
        columns(
            col(SegmentRow.id),
            col(SegmentRow.camera_id),
            col(SegmentRow.start_us),
            col(SegmentRow.end_us),
            col(SegmentRow.size),
            col(SegmentRow.sha256),
        )
        .where(col(SegmentRow.state) == "kept")
        .order_by(col(SegmentRow.end_us), col(SegmentRow.id))
        .execution_options(yield_per=_PAGE)
    )
    with session.connection().execute(wanted) as rows:
        for row in rows:
            name, camera, start, end, size, sha256 = row
            yield Kept(name, camera, Instant(start), Instant(end), size, sha256)


def _set_state(session: Session, ids: Sequence[str], state: str) -> None:
    """Row by row, so that the log tells of each."""
    for some in _chunks(ids):
        for row in session.exec(select(SegmentRow).where(col(SegmentRow.id).in_(some))):
            row.state = state


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Few enough at once for a statement of any SQLite (at most 999 values before 3.32)."""
    for at in range(0, len(ids), 500):
        yield ids[at : at + 500]
