"""A small brigade: people, a camera, findings with their evidence, and the pages over them."""

import io
import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from uuid import uuid4

import av
import cv2
import numpy as np
from fastapi import FastAPI
from sqlmodel import Session, col, select

from ingest.clock import SimulatedClock
from ingest.errors import MediaError
from ingest.files import Sha256
from ingest.media import describe
from service.arrivals import Arrival, Channel, Found, Kept, enter, times_of
from service.cases import open_case
from service.clips import Piece
from service.credentials import hashed
from service.database import Database, open_database
from service.events import add_event
from service.evidence.log import Action
from service.evidence.store import FolderStore
from service.intake import Intake
from service.logins import open_session
from service.review import Qualities, confirm, items_of
from service.roles import Role
from service.settings import load
from service.start_time import start_of, time_in_name
from service.tables import (
    Acquisition,
    Camera,
    Document,
    Event,
    Gap,
    LogEntry,
    Quarantined,
    User,
)
from service.web.app import create_app
from service.web.gate import COOKIE
from vision.boxes import Box
from vision.candidate import Kind
from vision.frame import CameraId, Instant, later
from vision.sighting import Actor, Reason, ReasonKey, Sighting

with warnings.catch_warnings():
    # It asks for httpx2, which is not among our dependencies; httpx serves it as well.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

PASSWORD = "correct horse battery"
REASON = "值班审核"
ORIGIN = {"Origin": "http://testserver"}
ALL_GOOD = Qualities(genuine=True, clear=True, complete=True, accurate=True)
SIZE = (320, 180)


@cache
def clip_bytes(seconds: int) -> bytes:
    """An H.264 clip; a bright square crosses a dark street."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for number in range(25 * seconds):
            image = np.full((SIZE[1], SIZE[0], 3), 60, np.uint8)
            left = number * 2 % 280
            image[100:130, left : left + 30] = 220
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


def still_bytes(*, bag: bool) -> bytes:
    """A JPEG of the street, with or without a bag on it."""
    image = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    image[120:, :] = 120
    if bag:
        cv2.rectangle(image, (150, 100), (190, 140), (20, 20, 20), -1)
    _, data = cv2.imencode(".jpg", image)
    return data.tobytes()


@dataclass(frozen=True, slots=True)
class Office:
    """The parts that a test looks into, and the application over them."""

    app: FastAPI
    database: Database
    store: FolderStore
    clock: SimulatedClock

    def user(self, user_id: str) -> User:
        with self.database.read() as session:
            user = session.get(User, user_id)
        assert user is not None
        return user

    @contextmanager
    def browser(self, user_id: str | None = None) -> Iterator[TestClient]:
        """A browser, logged in as `user_id` if one is named."""
        with TestClient(self.app, headers=ORIGIN, follow_redirects=False) as client:
            if user_id is not None:
                client.cookies.set(COOKIE, self.session(user_id))
            yield client

    def session(self, user_id: str) -> str:
        """The token of a login session; no password is hashed for it."""
        user = self.user(user_id)
        with self.database.write() as session:
            return open_session(session, self.clock, user, REASON, hours=8)

    def add_event(
        self,
        event_id: str,
        *,
        certain: bool = True,
        clip: bytes | None = None,
        seen_s: Mapping[str, float] | None = None,
    ) -> None:
        """A finding in the queue, with a clip of four seconds around its onset.

        `seen_s` has further pictures: roles, and seconds from the onset.
        """
        now = self.clock.now()
        onset = later(now, -60)
        pieces = self._pieces(event_id, onset, clip or clip_bytes(4))
        for role, seconds in (seen_s or {}).items():
            at = later(onset, seconds)
            pieces.append(self._keep(role, still_bytes(bag=False), "image/jpeg", at, at))
        with self.database.write() as session:
            sighting = _sighting(onset, certain=certain)
            assert add_event(session, self.clock, sighting, pieces, event_id=event_id, model=None)

    def _pieces(self, event_id: str, onset: Instant, clip: bytes) -> list[Piece]:
        start, end = later(onset, -2), later(onset, 2)
        manifest = {
            "event": event_id,
            "clip": {"width": SIZE[0], "height": SIZE[1], "codec": "h264", "fps": 25},
            "gaps": [{"start_us": later(onset, 1), "end_us": end}],
            "camera_clock_minus_server_ms": 120,
        }
        return [
            self._keep("clip", clip, "video/mp4", start, end),
            self._keep("before", still_bytes(bag=False), "image/jpeg", start, start),
            self._keep("onset", still_bytes(bag=True), "image/jpeg", onset, onset),
            self._keep("after", still_bytes(bag=True), "image/jpeg", end, end),
            self._keep("manifest", json.dumps(manifest).encode(), "application/json", start, end),
        ]

    def _keep(
        self, role: str, content: bytes, media_type: str, start: Instant, end: Instant
    ) -> Piece:
        sha256, size = self.store.add(io.BytesIO(content))
        return Piece(role, sha256, size, media_type, start, end)

    def confirm(self, event_id: str, user_id: str = "officer") -> None:
        officer = self.user(user_id)
        with self.database.write() as session:
            confirm(session, self.clock, event_id, officer=officer, qualities=ALL_GOOD)

    def open_case(self, event_id: str, title: str = "涉嫌随意倾倒垃圾") -> str:
        officer = self.user("officer")
        with self.database.write() as session:
            return open_case(session, self.clock, event_id, officer=officer, title=title).id

    def add_document(self, case_id: str) -> str:
        """A document as the drafting leaves it."""
        sha256, size = self.store.add(io.BytesIO(b"PK a document"))
        with self.database.write() as session:
            session.add(
                Document(
                    id="doc1",
                    case_id=case_id,
                    kind="evidence_sheet",
                    sha256=sha256,
                    size=size,
                    template_sha256="0" * 64,
                    file_name="视听资料证据说明单.docx",
                    made_by="officer",
                    made_us=self.clock.now(),
                )
            )
        return "doc1"

    def add_upload(
        self, name: str = "DSJ-1_20260528093000.mp4", content: bytes | None = None
    ) -> str:
        """A recorder file that was handed over."""
        return self._arrive(name, content or clip_bytes(1)).id

    def add_quarantined(self, name: str = "notes.mp4", content: bytes = b"no video") -> str:
        """A file that waits for a person."""
        return self._arrive(name, content).id

    def _arrive(self, name: str, content: bytes) -> Acquisition | Quarantined:
        kept = Kept(name, *self.store.add(io.BytesIO(content)))
        arrival = Arrival(
            id=uuid4().hex,
            kept=kept,
            channel=Channel.PAGE,
            handed_by="officer",
            device_id="DSJ-1",
            officer="officer",
            named=time_in_name(name),
        )
        # Read here and not in a confined child: it is our own file, and a child takes long.
        media, broken = None, None
        try:
            media = describe(self.store.path(kept.sha256))
        except MediaError as error:
            broken = error
        times = times_of(arrival, media)
        found = Found(media, broken, times, start_of(times, self.clock.now()), ())
        with self.database.write() as session:
            return enter(session, self.clock, arrival, found)

    def intake(self) -> Intake:
        """What takes in finished uploads."""
        settings = self.app.state.web.settings
        return Intake(self.database, self.store, self.clock, settings)

    def state(self, event_id: str) -> str:
        with self.database.read() as session:
            event = session.get(Event, event_id)
        assert event is not None
        return event.state

    def forbid_log(self) -> None:
        """Let every further entry of the log fail, as a broken disk would."""
        with self.database.write() as session:
            session.connection().exec_driver_sql(
                "CREATE TRIGGER broken BEFORE INSERT ON log "
                "BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END"
            )

    def log(self, action: Action) -> list[LogEntry]:
        """The entries of one action, oldest first."""
        with self.database.read() as session:
            rows = select(LogEntry).where(LogEntry.action == action.value)
            return list(session.exec(rows.order_by(col(LogEntry.seq))))

    def sha256(self, event_id: str, role: str) -> Sha256:
        with self.database.read() as session:
            items = items_of(session, event_id)
        return Sha256(items[role].sha256)


def _sighting(onset: Instant, *, certain: bool) -> Sighting:
    return Sighting(
        camera=CameraId("gate-1"),
        kind=Kind.DUMPING,
        before=later(onset, -2),
        onset=onset,
        released=later(onset, 0.4),
        alarm=later(onset, 10),
        left=None,
        box=Box(150, 100, 190, 140),
        size=SIZE,
        actor=Actor.PERSON,
        actor_box=None,
        visit=None,
        score=0.87654,
        certain=certain,
        reasons=(
            Reason(ReasonKey.APPEARED, at=onset),
            Reason(ReasonKey.STAYED, seconds=10.0),
        ),
    )


PEOPLE = {
    "operator": ("王坐席", Role.OPERATOR),
    "officer": ("李队员", Role.OFFICER),
    "leader": ("周队长", Role.LEADER),
    "reviewer": ("吴法制", Role.REVIEWER),
    "director": ("郑主任", Role.DIRECTOR),
    "admin": ("赵管理", Role.ADMIN),
    "supervisor": ("孙监督", Role.SUPERVISOR),
}
"""One person of each role, named after it; `neighbour` is an officer of an other unit."""


def _add_people(session: Session, clock: SimulatedClock) -> None:
    # One hash for all: it takes a good part of a second.
    kept = hashed(PASSWORD)
    people = {**PEOPLE, "neighbour": ("钱队员", Role.OFFICER)}
    badges = {"officer": "津A-0001", "leader": "津A-0002", "neighbour": "津A-0003"}
    for user_id, (name, role) in people.items():
        user = User(
            id=user_id,
            name=name,
            role=role.value,
            password_hash=kept,
            badge_no=badges.get(user_id),
            badge_until="2099-12-31" if user_id in badges else None,
            unit="二中队" if user_id == "neighbour" else "一中队",
            created_us=clock.now(),
        )
        session.add(user)


def _add_camera(session: Session, clock: SimulatedClock) -> None:
    now = clock.now()
    session.add(
        Camera(
            id="gate-1",
            place="和平路 12 号东侧",
            url="rtsp://192.0.2.7/stream",
            added_us=now,
        )
    )
    gap = Gap(
        id="gap-1",
        camera_id="gate-1",
        start_us=later(now, -500),
        end_us=later(now, -440),
        cause="disconnected",
    )
    session.add(gap)


def found(home: Path) -> None:
    """Set up a brigade in an empty folder: one camera, its people and one finding, `event1`."""
    with office_at(home) as office:
        with office.database.write() as session:
            _add_people(session, office.clock)
            _add_camera(session, office.clock)
        office.add_event("event1")


@contextmanager
def office_at(home: Path) -> Iterator[Office]:
    """The brigade that lives in a folder."""
    clock = SimulatedClock()
    settings = load(home, {})
    database = open_database(settings, clock)
    store = FolderStore(settings.objects)
    yield Office(create_app(settings, database, store, clock), database, store, clock)
    database.close()
