"""The whole river on one machine: a simulated street, camera to case file."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from sqlmodel import select

from ingest.clock import Clock
from ingest.files import Sha256
from service.bundle.export import Desk, export
from service.bundle.order import order
from service.cameras import NewCamera, add_camera
from service.cases import PartyFacts, open_case, set_party
from service.database import Database
from service.demo import plot
from service.demo.digest import Login
from service.demo.encoder import STREET, encode_recorder_file
from service.demo.server import CameraServer
from service.demo.source import SceneSource
from service.drafts import DocumentKind, Office, make_documents
from service.duty import Duty
from service.errors import WorldError
from service.evidence.store import Store
from service.evidence.verify import verify
from service.people import Facts, NewUser, add_user
from service.review import Qualities, confirm, items_of, queue
from service.roles import Role
from service.settings import Settings
from service.subject import Subject, SubjectKind
from service.tables import Acquisition, Document, Event, User
from service.texts import say
from service.uploads import HandOver, take_in
from vision.candidate import Kind
from vision.frame import Instant, later, seconds_between

PASSWORD_VARIABLE = "LIUHEN_CAMERA_DEMO"  # noqa: S105  the name of a variable
SEED = 20231
SETTLE_S = 6.0
"""Shorter than in the field, so that a visitor need not wait; the rule is the same."""
RECORDER_S = 8.0
"""Length of the recorder file that the demo uploads."""
PATIENCE_S = 150.0
"""The deposit is at 13 s; a river that has not brought it by then is dry."""
ONSET_SLACK_S = 2.0
"""A finding whose onset is as close to the deposit is of it; others wait in the queue beside it."""

UNIT = "演示中队"
BADGE_UNTIL = date(2099, 12, 31)
"""No badge is valid for so long: nobody can take it for a real one."""

CAMERAS = {
    "gate": ("示范路垃圾房（模拟）", plot.dumping),
    "yard": ("示范路菜市场口（模拟）", plot.passers),
    "lane": ("示范路停车点（模拟）", plot.parked_van),
}
"""Camera id: its place and its scene."""


@dataclass(frozen=True, slots=True)
class Account:
    """A demo account; the password is new with every start."""

    id: str
    name: str
    role: Role
    badge_no: str
    password: str = field(repr=False)


def accounts() -> tuple[Account, ...]:
    """One who decides, one who only sees, one who keeps it running, one who watches them all."""
    return (
        Account("zhang", "张（演示执法队员）", Role.OFFICER, "演示-0001", _password()),
        Account("li", "李（演示坐席员）", Role.OPERATOR, "", _password()),
        Account("admin", "演示管理员", Role.ADMIN, "", _password()),
        Account("sun", "孙（演示监督员）", Role.SUPERVISOR, "", _password()),
    )


def _password() -> str:
    return secrets.token_urlsafe(9)


@contextmanager
def street(clock: Clock, login: Login) -> Iterator[CameraServer]:
    """The simulated cameras, real RTSP on a free port, for the duration of the block."""
    sources = {
        name: SceneSource(scene(SEED + number), STREET, name=name)
        for number, (name, (_, scene)) in enumerate(CAMERAS.items())
    }
    with CameraServer(sources, clock=clock, login=login) as server:
        yield server


def employ(database: Database, clock: Clock, people: tuple[Account, ...]) -> None:
    """Enter the accounts into a fresh installation; each password takes a while to hash."""
    with database.write() as session:
        for who in people:
            facts = Facts(
                who.name, who.role, UNIT, who.badge_no, BADGE_UNTIL if who.badge_no else None
            )
            add_user(session, clock, NewUser(who.id, facts, who.password))


def furnish(database: Database, clock: Clock, server: CameraServer, login: Login) -> None:
    """Enter the cameras, which play already: the deposit comes once, and soon."""
    with database.write() as session:
        for name, (place, _) in CAMERAS.items():
            camera = NewCamera(
                id=name,
                place=place,
                url=server.url(name),
                username=login.user,
                password_variable=PASSWORD_VARIABLE,
                settle_s=SETTLE_S,
            )
            add_camera(session, clock, camera)


def upload_recorder_file(
    database: Database, store: Store, clock: Clock, settings: Settings
) -> Acquisition:
    """Make a file as a body-worn recorder does, and take it in."""
    path = settings.home / "DSJ-DEMO1_000001_20261101093000.mp4"
    scene = plot.passers(SEED + len(CAMERAS))
    encode_recorder_file(path, scene, RECORDER_S, STREET, began=clock.now())
    hand_over = HandOver(path, device_id="DSJ-DEMO1", officer_id="zhang")
    return take_in(database, store, clock, settings, hand_over)


@dataclass(frozen=True, slots=True)
class Flagged:
    """The demo's dumping as it stands in the queue.

    Attributes:
        waited_s: seconds from the hand letting go to the row in the queue.
        onset_error_s: the found onset minus the true one.
    """

    event: Event
    waited_s: float
    onset_error_s: float


def wait_for_dumping(database: Database, clock: Clock, epoch: Instant) -> Flagged:
    """Wait until the deposit of the first scene is in the queue.

    Raises:
        WorldError: it did not come.
    """
    truth = plot.dumping(SEED).truth[0]
    released = later(epoch, truth.release_s)
    began = clock.monotonic_us()
    while clock.monotonic_us() - began < PATIENCE_S * 1_000_000:
        with database.read() as session:
            events = [event for event in queue(session) if event.camera_id == "gate"]
        for event in events:
            waited = seconds_between(released, Instant(event.found_us))
            error = seconds_between(released, Instant(event.onset_us))
            if abs(error) <= ONSET_SLACK_S:
                return Flagged(event, waited, error)
        clock.sleep(0.5)
    raise WorldError("demo_dry", seconds=round(PATIENCE_S))


@dataclass(frozen=True, slots=True)
class CaseFile:
    """What the demo officer's decision led to: files in a folder."""

    case_id: str
    files: tuple[Path, ...]


def decide(
    database: Database, office: Office, event_id: str, officer_id: str, folder: Path
) -> CaseFile:
    """Do what the demo officer would: confirm, open a case, draft both documents, copy them out.

    Raises:
        ServiceError: a station of the river does not do what it should.
    """
    clock = office.clock
    with database.write() as session:
        officer = session.get_one(User, officer_id)
        confirm(session, clock, event_id, officer=officer, qualities=Qualities(*[True] * 4))
        title = say(f"allegation.{Kind.DUMPING.value}", place=CAMERAS["gate"][0])
        case = open_case(session, clock, event_id, officer=officer, title=title)
        set_party(session, clock, case.id, PartyFacts(name="王某（演示）"), officer=officer)
        documents = [
            document
            for kind in DocumentKind
            for document in make_documents(session, office, case.id, kind=kind, officer=officer)
        ]
        items = items_of(session, event_id)
    wanted = [(item.sha256, f"{role}-{item.sha256[:8]}") for role, item in items.items()]
    suffixes = {"clip": ".mp4", "manifest": ".json"}
    files = [
        _copy(office.store, sha256, folder / f"{name}{suffixes.get(name.split('-')[0], '.jpg')}")
        for sha256, name in wanted
    ]
    files += [_copy(office.store, each.sha256, folder / each.file_name) for each in documents]
    _check(database, office.store, documents)
    return CaseFile(case.id, tuple(files))


def _copy(store: Store, sha256: str, target: Path) -> Path:
    with store.open(Sha256(sha256)) as stream:
        target.write_bytes(stream.read())
    return target


def _check(database: Database, store: Store, documents: list[Document]) -> None:
    report = verify(database, store)
    with database.read() as session:
        uploads = list(session.exec(select(Acquisition)))
    if not report.holds or len(documents) != len(DocumentKind) or not uploads:
        raise WorldError("demo_incomplete", detail="; ".join(report.faults))


def hand_over(desk: Desk, case_id: str, officer_id: str, folder: Path) -> Path:
    """Export the case as an officer does who hands it to a court; the zip file.

    Raises:
        WorldError: the recording of the act is not closed in time.
        ServiceError: the bundle cannot be made.
    """
    began = desk.clock.monotonic_us()
    with desk.database.read() as session:
        duty = Duty(session.get_one(User, officer_id), "", "", "")
        subject = Subject(SubjectKind.CASE, case_id)
        wanted = order(session, duty, subject, say("demo.reason"))
    while True:
        try:
            made = export(desk, wanted)
        except WorldError as error:
            # The clip ends in a segment that the cameras are still filling.
            waited_us = desk.clock.monotonic_us() - began
            if error.code != "export_recording" or waited_us > PATIENCE_S * 1_000_000:
                raise
            desk.clock.sleep(1.0)
        else:
            break
    target = folder / f"{made.name}.zip"
    made.write(target)
    return target
