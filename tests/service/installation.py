"""An installation to attack: its database, store and clock, and the shortest ways to fill them."""

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
from sqlmodel import Session, SQLModel, col, func, select

from ingest.clock import SimulatedClock
from ingest.files import sha256_bytes
from service.clips import Piece
from service.database import Database, open_database
from service.events import add_event
from service.evidence.log import MACHINE, Action, append
from service.evidence.store import FolderStore
from service.intake import Intake
from service.ledger.entry import body_hash, leaf_hash
from service.review import Qualities, confirm
from service.roles import Role
from service.settings import Settings, load
from service.tables import Camera, LogEntry, User
from vision.boxes import Box
from vision.candidate import Kind
from vision.frame import CameraId, Instant, later
from vision.sighting import Actor, Reason, ReasonKey, Sighting, Visit

ALL_GOOD = Qualities(genuine=True, clear=True, complete=True, accurate=True)
SIZE = (64, 48)
PLACE = "和平路 12 号东侧"


@dataclass(frozen=True, slots=True)
class Installation:
    """Everything that a test looks into."""

    settings: Settings
    database: Database
    store: FolderStore
    clock: SimulatedClock

    def count(self, table: type[SQLModel]) -> int:
        """How many rows a table has."""
        with self.database.read() as session:
            return session.exec(select(func.count()).select_from(table)).one()

    def rows(self, table: type[Any]) -> list[Any]:
        """Every row of a table."""
        with self.database.read() as session:
            return list(session.exec(select(table)))

    def log(self, action: Action | None = None) -> list[LogEntry]:
        """The log, or the entries of one action, oldest first."""
        rows = select(LogEntry).order_by(col(LogEntry.seq))
        if action is not None:
            rows = rows.where(LogEntry.action == action.value)
        with self.database.read() as session:
            return list(session.exec(rows))

    def add_person(self, user_id: str, role: Role = Role.OFFICER) -> User:
        """An account that nobody can log in to: hashing a password takes long."""
        has_badge = role in {Role.OFFICER, Role.LEADER}
        user = User(
            id=user_id,
            name=f"{user_id}（姓名）",
            role=role.value,
            password_hash="-",
            badge_no="津A-0001" if has_badge else None,
            badge_until="2099-12-31" if has_badge else None,
            created_us=self.clock.now(),
        )
        with self.database.write() as session:
            session.add(user)
        return user

    def add_camera(self, camera_id: str = "gate-1") -> None:
        """A fixed camera at `PLACE`."""
        with self.database.write() as session:
            session.add(
                Camera(id=camera_id, place=PLACE, url="rtsp://192.0.2.7/", added_us=self.now())
            )

    def intake(self) -> Intake:
        """What takes in finished uploads and watch folders."""
        return Intake(self.database, self.store, self.clock, self.settings)

    def pass_days(self, days: float) -> None:
        """Days on each of which something is logged: those that count."""
        with self.database.write() as session:
            for _ in range(int(days)):
                self.clock.sleep(86_400)
                append(session, self.clock, actor=MACHINE, action=Action.LOGGED_IN, subject="wang")
        self.clock.sleep(days % 1 * 86_400)

    def now(self) -> Instant:
        """The time on the clock."""
        return self.clock.now()

    def add_event(
        self,
        event_id: str,
        *,
        kind: Kind = Kind.DUMPING,
        bare: bool = False,
        manifest: Mapping[str, Any] = MappingProxyType({}),
    ) -> Sighting:
        """A finding in the queue with all its pieces; the clip is not a real one.

        A bare one has no pieces: they take long to make durable. `manifest` says more of the clip.
        """
        found = sighting(later(self.now(), -60), kind=kind)
        with self.database.write() as session:
            pieces = [] if bare else self._pieces(event_id, found, manifest)
            assert add_event(session, self.clock, found, pieces, event_id=event_id, model=None)
        return found

    def confirm(self, event_id: str, officer: User) -> None:
        """The decision that lets an event become an exhibit."""
        with self.database.write() as session:
            confirm(session, self.clock, event_id, officer=officer, qualities=ALL_GOOD)

    def _pieces(self, event_id: str, found: Sighting, more: Mapping[str, Any]) -> list[Piece]:
        start, end = later(found.onset, -15), later(found.alarm, 10)
        clip = f"clip of {event_id}".encode()
        manifest = {
            "event": event_id,
            "clip": {"sha256": sha256_bytes(clip), "width": 64, "height": 48, "codec": "h264"},
            "gaps": [],
            "camera_clock_minus_server_ms": 120,
            **more,
        }
        contents = {
            "clip": (clip, "video/mp4", start, end),
            "before": (picture(60), "image/jpeg", found.before, found.before),
            "onset": (picture(90), "image/jpeg", found.onset, found.onset),
            "after": (picture(120), "image/jpeg", found.alarm, found.alarm),
            "manifest": (json.dumps(manifest).encode(), "application/json", start, end),
        }
        return [
            Piece(role, *self.store.add(io.BytesIO(data)), media_type, first, last)
            for role, (data, media_type, first, last) in contents.items()
        ]


def picture(grey: int) -> bytes:
    """A JPEG of one grey."""
    _, data = cv2.imencode(".jpg", np.full((SIZE[1], SIZE[0], 3), grey, np.uint8))
    return data.tobytes()


def sighting(onset: Instant, *, kind: Kind = Kind.DUMPING) -> Sighting:
    """A finding at `onset` with a score that no document may show."""
    return Sighting(
        camera=CameraId("gate-1"),
        kind=kind,
        before=later(onset, -2),
        onset=onset,
        released=later(onset, 0.4),
        alarm=later(onset, 10),
        left=later(onset, 4),
        box=Box(10, 10, 20, 20),
        size=SIZE,
        actor=Actor.PERSON,
        actor_box=None,
        visit=Visit(later(onset, -3), later(onset, -1), later(onset, 3), None, None, ()),
        score=0.87654,
        certain=True,
        reasons=(Reason(ReasonKey.APPEARED, at=onset), Reason(ReasonKey.STAYED, seconds=10.0)),
    )


@contextmanager
def installed(home: Path, environment: Mapping[str, str]) -> Iterator[Installation]:
    """The installation in `home`, made if there is none."""
    clock = SimulatedClock()
    settings = load(home, {"LIUHEN_RESERVE_BYTES": "0", "LIUHEN_MODEL": "none", **environment})
    database = open_database(settings, clock)
    try:
        yield Installation(settings, database, FolderStore(settings.objects), clock)
    finally:
        database.close()


def add_entries(session: Session, installation: Installation, number: int) -> None:
    """Some entries of the log."""
    for n in range(number):
        append(
            session,
            installation.clock,
            actor=MACHINE,
            action=Action.VIEWED,
            subject=f"event-{n}",
            body={"n": n, "shown": ["clip", "原件"]},
        )


@dataclass(frozen=True, slots=True)
class Fault:
    """An entry that does not hold, and how."""

    seq: int
    what: str


def faults(entries: Iterable[LogEntry]) -> list[Fault]:
    """What is wrong with `entries`, which must be all of the log in order; empty when nothing.

    Quicker than `verify`, which also looks at rows and checkpoints.
    """
    found = []
    for expected, each in enumerate(entries):
        if each.seq != expected:
            found.append(Fault(expected, "missing"))
            break
        if each.body is not None and body_hash(each.body) != each.body_sha256:
            found.append(Fault(each.seq, "body"))
        if leaf_hash(each).hex() != each.leaf_sha256:
            found.append(Fault(each.seq, "leaf"))
    return found
