"""Anchors outside this machine (锚定): checkpoints shown to an authority and to witnesses.

Every hour the newest checkpoint is queued for each of them, in the place of an older one that
still waits: who sees a later one has seen the earlier. A process asks, again and again while the
network is away; an alarm says when it takes too long.
"""

import base64
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

from sqlmodel import Session, col, select

from ingest.clock import Clock, SystemClock
from service.alarms import Trouble, close_alarm, raise_alarm
from service.database import Database
from service.errors import EvidenceError, InputError, ServiceError, WorldError
from service.evidence.timestamp import Authority, authority
from service.evidence.witness_client import cosigned
from service.heartbeat import beat
from service.ledger.adoption import newest
from service.ledger.merkle import Tree
from service.ledger.note import Note
from service.ledger.sealer import leaves
from service.process import begun
from service.settings import Settings
from service.tables import AnchorRow, CheckpointRow, LogEntry
from service.witness_site import WitnessSite
from vision.frame import SECOND, Instant

NAME = "anchors"
ROUND_S = 10.0
"""Between two looks at what is due."""
_FIRST_S, _LONGEST_S = 30.0, 900.0
"""Wait after a failure, doubled each time: a line that comes back is used within minutes."""
UNSIGNED_S = 60.0
"""An entry that nobody signed for so long is an alarm: a signature takes milliseconds."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an anchor said: a token to keep, and its time."""

    token: str
    at: Instant


class Anchor(Protocol):
    """Somebody outside; a fake stands here in the tests."""

    @property
    def kind(self) -> str:
        """What they give: a column of `AnchorRow`."""
        ...

    @property
    def name(self) -> str:
        """Who they are: a column of `AnchorRow`."""
        ...

    def show(self, database: Database, checkpoint: CheckpointRow) -> Answer:
        """What they answer to a checkpoint.

        Raises:
            WorldError: they are out of reach.
            EvidenceError: they have seen another log, or their answer is none to this.
        """
        ...


@dataclass(frozen=True, slots=True)
class TimeStamps:
    """An authority as an anchor; its token is the whole response in base64."""

    authority: Authority
    kind: str = "tsa"

    @property
    def name(self) -> str:
        """Its address."""
        return self.authority.url

    def show(self, database: Database, checkpoint: CheckpointRow) -> Answer:
        """See `Anchor.show`."""
        stamp = self.authority.stamp(checkpoint.note)
        return Answer(base64.b64encode(stamp.response).decode(), stamp.at)


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness as an anchor; its token is its signature line."""

    site: WitnessSite
    kind: str = "witness"

    @property
    def name(self) -> str:
        """The name in its key."""
        return self.site.verifier.name

    def show(self, database: Database, checkpoint: CheckpointRow) -> Answer:
        """See `Anchor.show`."""
        with database.read() as session:
            seen = latest(session, self.kind, self.name)
            tree = Tree(leaves(session, checkpoint.size))
        note = Note.from_text(checkpoint.note)
        signed = cosigned(self.site, note, tree, checkpoint.size, seen.size if seen else 0)
        return Answer(signed.line, signed.at)


def configured(settings: Settings) -> list[Anchor]:
    """The anchors of the settings.

    Raises:
        InputError: one of them cannot be used.
    """
    found: list[Anchor] = [Witness(site) for site in settings.witnesses]
    if settings.tsa_url:
        found.append(TimeStamps(authority(settings.tsa_url, settings.tsa_ca)))
    return found


def latest(session: Session, kind: str, name: str) -> AnchorRow | None:
    """The newest checkpoint that an anchor has seen."""
    return session.exec(
        select(AnchorRow)
        .where(AnchorRow.kind == kind, AnchorRow.name == name, AnchorRow.state == "done")
        .order_by(col(AnchorRow.size).desc())
        .limit(1)
    ).first()


def waiting(session: Session, kind: str, name: str) -> AnchorRow | None:
    """The checkpoint that an anchor has still to be shown."""
    return session.exec(
        select(AnchorRow).where(
            AnchorRow.kind == kind, AnchorRow.name == name, AnchorRow.state == "waiting"
        )
    ).first()


def newest_checkpoint(session: Session) -> CheckpointRow | None:
    """The checkpoint that covers most."""
    return session.exec(
        select(CheckpointRow).order_by(col(CheckpointRow.size).desc()).limit(1)
    ).first()


class Anchorer:
    """Shows checkpoints to every anchor; one per installation, in a process of its own."""

    def __init__(
        self, database: Database, clock: Clock, settings: Settings, anchors: Sequence[Anchor]
    ) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._anchors = anchors
        self._queue_us = clock.monotonic_us()
        self._again_us: dict[str, int] = {}
        self._well: set[tuple[Trouble, str]] = set()

    def step(self) -> None:
        """Queue what is due, ask whom it is time to ask, and see that everything is signed.

        Raises:
            WorldError: the database could not be read or written.
        """
        now_us = self._clock.monotonic_us()
        if now_us >= self._queue_us:
            self._queue_us = now_us + round(self._settings.anchor_hours * 3600 * SECOND)
            self.queue()
        for anchor in self._anchors:
            if now_us >= self._again_us.get(anchor.name, now_us):
                self._ask(anchor)
            self._watch_age(anchor)
        self._watch_signer()

    def queue(self) -> None:
        """Let the newest checkpoint wait for every anchor that has not seen it."""
        for anchor in self._anchors:
            with self._database.write() as session:
                checkpoint = newest_checkpoint(session)
                seen = latest(session, anchor.kind, anchor.name)
                if checkpoint is None or (seen is not None and seen.size >= checkpoint.size):
                    continue
                older = waiting(session, anchor.kind, anchor.name)
                row = older or AnchorRow(
                    id=uuid4().hex,
                    size=checkpoint.size,
                    kind=anchor.kind,
                    name=anchor.name,
                    state="waiting",
                    asked_us=self._clock.now(),
                )
                row.size = checkpoint.size
                session.add(row)

    def ask_all(self) -> None:
        """Queue the newest checkpoint and ask every anchor once, now.

        Raises:
            WorldError: the database could not be read or written.
        """
        self.queue()
        for anchor in self._anchors:
            self._ask(anchor)

    def _ask(self, anchor: Anchor) -> None:
        with self._database.read() as session:
            row = waiting(session, anchor.kind, anchor.name)
            checkpoint = session.get(CheckpointRow, row.size) if row is not None else None
        if row is None or checkpoint is None:
            return
        try:
            # With no session open: a reader can keep every writer out while the network is slow.
            answer = anchor.show(self._database, checkpoint)
        except ServiceError as error:
            self._failed(anchor, row.id, error)
            return
        self._again_us.pop(anchor.name, None)
        with self._database.write() as session:
            row = session.get_one(AnchorRow, row.id)
            close_alarm(session, self._clock, Trouble.LOG_REFUSED, anchor.name)
            # An export may have let a later one wait meanwhile: that one is still to be shown.
            if (row.state, row.size) == ("waiting", checkpoint.size):
                row.state, row.token = "done", answer.token
                row.time_us, row.error = answer.at, ""

    def _failed(self, anchor: Anchor, row_id: str, error: ServiceError) -> None:
        log.warning("%s: %s", anchor.name, error)
        with self._database.write() as session:
            row = session.get_one(AnchorRow, row_id)
            row.attempts, row.error = row.attempts + 1, str(error)
            if isinstance(error, EvidenceError) and anchor.kind == "witness":
                why = str(error)
                raise_alarm(session, self._clock, Trouble.LOG_REFUSED, anchor.name, why=why)
        # From ten failures on it is the longest wait anyway.
        wait_s = min(_LONGEST_S, _FIRST_S * 2 ** min(row.attempts - 1, 10))
        self._again_us[anchor.name] = self._clock.monotonic_us() + round(wait_s * SECOND)

    def _watch_age(self, anchor: Anchor) -> None:
        """An alarm while a checkpoint waits for too long."""
        with self._database.read() as session:
            row = waiting(session, anchor.kind, anchor.name)
        waited_us = self._clock.now() - row.asked_us if row is not None else 0
        is_late = waited_us > self._settings.anchor_late_hours * 3600 * SECOND
        hours, detail = waited_us // (3600 * SECOND), row.error if row is not None else ""
        self._tell(Trouble.ANCHOR_LATE, anchor.name, is_so=is_late, hours=hours, detail=detail)

    def _watch_signer(self) -> None:
        """An alarm while entries stay unsigned."""
        with self._database.read() as session:
            checkpoint, last = newest_checkpoint(session), newest(session)
            signed = checkpoint.size if checkpoint is not None else 0
            first = session.get(LogEntry, signed)
        waited_us = self._clock.now() - first.at_us if first is not None else 0
        is_late = waited_us > UNSIGNED_S * SECOND
        self._tell(Trouble.LOG_UNSIGNED, "log", is_so=is_late, count=last + 1 - signed)

    def _tell(self, trouble: Trouble, subject: str, *, is_so: bool, **facts: str | int) -> None:
        """Raise an alarm, or end it; what is well and was well needs no transaction."""
        if not is_so and (trouble, subject) in self._well:
            return
        with self._database.write() as session:
            if is_so:
                raise_alarm(session, self._clock, trouble, subject, **facts)
                self._well.discard((trouble, subject))
            else:
                close_alarm(session, self._clock, trouble, subject)
                self._well.add((trouble, subject))


def anchor_now(database: Database, clock: Clock, settings: Settings) -> None:
    """Show the newest checkpoint to every anchor once, for a bundle that is about to be made.

    Who is out of reach is asked again by the process; that is no error here.

    Raises:
        InputError: the settings of an anchor cannot be used.
        WorldError: the database could not be read or written.
    """
    Anchorer(database, clock, settings, configured(settings)).ask_all()


def run_anchors(settings: Settings) -> None:
    """Main function of the process that asks the anchors."""
    stop, clock = begun(NAME), SystemClock()
    database = Database(settings, clock)
    anchorer = Anchorer(database, clock, settings, _usable(settings))
    while not stop.wait(ROUND_S):
        try:
            anchorer.step()
            beat(settings.home, NAME, clock)
        except WorldError as error:
            log.warning("will try again: %s", error)
    database.close()


def _usable(settings: Settings) -> list[Anchor]:
    """The anchors of the settings; none when they are wrong, which is told."""
    try:
        return configured(settings)
    except InputError:
        log.exception("no anchor is asked")
        return []
