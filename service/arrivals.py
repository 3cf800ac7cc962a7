"""A file whose bytes are in the store becomes an acquisition, or waits for a person.

Doing it again changes nothing: the id of an arrival is that of its one row.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import tzinfo
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any
from uuid import uuid4

from sqlmodel import Session, col, or_, select

from ingest.clock import Clock
from ingest.errors import MediaError
from ingest.files import Sha256
from ingest.media import Media
from ingest.probe import probe
from ingest.sums import Algorithm, Sum, compare
from service.claim import claim
from service.content_index import ask_index
from service.database import Database
from service.evidence.log import MACHINE, Action, Body, append
from service.evidence.store import Store
from service.roles import is_officer
from service.start_time import (
    CONTAINER,
    CONTAINER_LOCAL,
    MODIFIED,
    NAME,
    SIDECAR,
    Start,
    as_local,
    can_be_shown,
    start_of,
)
from service.tables import Acquisition, Companion, Quarantined, User
from service.times import BEIJING
from vision.frame import Instant, later


class Channel(StrEnum):
    """How a file comes to us; the catalogue has the words."""

    COMMAND = "command"
    PAGE = "page"
    STATION = "station"
    FOLDER = "folder"
    TOKEN = "token"  # noqa: S105  the name of a channel


@dataclass(frozen=True, slots=True)
class Kept:
    """An object of the store and the name under which it came."""

    file_name: str
    sha256: Sha256
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Everything that is known of a file that came.

    Attributes:
        id: of the row that it becomes.
        handed_by: the account, docking station or watch folder; empty when nobody proved it.
        officer: an account or an enforcement card's number, as it was said.
        named, sidecar, modified: times of the name, of a side file, of the last modification.
        given: checksums that came with it.
        needs_device, needs_officer: without one it waits for a person.
    """

    id: str
    kept: Kept
    channel: Channel
    handed_by: str = ""
    device_id: str | None = None
    officer: str | None = None
    named: Instant | None = None
    sidecar: Instant | None = None
    modified: Instant | None = None
    zone: tzinfo = BEIJING
    given: Mapping[Algorithm, str] = field(default_factory=dict)
    companions: tuple[Kept, ...] = ()
    needs_device: bool = False
    needs_officer: bool = False

    @property
    def actor(self) -> str:
        """Who did it, for the log."""
        match self.channel:
            case Channel.PAGE:
                return self.handed_by
            case Channel.STATION:
                return f"station:{self.handed_by}"
            case Channel.TOKEN:
                return f"token:{self.handed_by}"
        return MACHINE


@dataclass(frozen=True, slots=True)
class Found:
    """What the bytes say: `media` or, when they cannot be read as a video, why not."""

    media: Media | None
    broken: MediaError | None
    times: dict[str, Instant]
    start: Start
    sums: tuple[Sum, ...]


def base_name(said: str) -> str:
    """A name that somebody chose, without folders and NULs: never a path, only words."""
    name = PurePosixPath(said.replace("\\", "/")).name.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return "unnamed" if name in {"", ".", ".."} else name


def times_of(arrival: Arrival, media: Media | None) -> dict[str, Instant]:
    """Every time that the file offers and that is a date at all."""
    created = media.created if media else None
    if created is not None and not can_be_shown(created):
        created = None
    modified = arrival.modified
    if media and modified is not None:
        # A recorder's file was last written when the recording ended.
        modified = later(modified, -media.seconds)
    found = {
        NAME: arrival.named,
        CONTAINER: created,
        CONTAINER_LOCAL: None if created is None else as_local(created, arrival.zone),
        SIDECAR: arrival.sidecar,
        MODIFIED: modified,
    }
    return {source: at for source, at in found.items() if at is not None and can_be_shown(at)}


def officer_named(session: Session, said: str) -> User | None:
    """The officer in office with this account or enforcement card; None when there is none."""
    either = or_(col(User.id) == said, col(User.badge_no) == said)
    found = session.exec(select(User).where(either)).all()
    fit = [user for user in found if user.active and is_officer(user)]
    return fit[0] if len(fit) == 1 else None


def look_into(store: Store, clock: Clock, arrival: Arrival) -> Found:
    """Read the object: as a video in a confined child, and its checksums."""
    path = store.path(arrival.kept.sha256)
    media, broken = None, None
    try:
        media = probe(path)
    except MediaError as error:
        broken = error
    times = times_of(arrival, media)
    return Found(media, broken, times, start_of(times, clock.now()), compare(path, arrival.given))


def arrive(
    database: Database, store: Store, clock: Clock, arrival: Arrival
) -> Acquisition | Quarantined:
    """The one row of this arrival, now committed with its log entry."""
    with database.read() as session:
        row = row_of(session, arrival.id)
    if row is not None:
        return row
    found = look_into(store, clock, arrival)
    with database.write() as session:
        # Again: two processes may have looked into it side by side.
        row = row_of(session, arrival.id)
        if row is None:
            kept = (arrival.kept, *arrival.companions)
            claim(session, store, [each.sha256 for each in kept])
            row = enter(session, clock, arrival, found)
    return row


def row_of(session: Session, arrival_id: str) -> Acquisition | Quarantined | None:
    """What became of an arrival."""
    return session.get(Acquisition, arrival_id) or session.get(Quarantined, arrival_id)


def enter(
    session: Session, clock: Clock, arrival: Arrival, found: Found
) -> Acquisition | Quarantined:
    """Add the row of an arrival with its side files and its log entry; there must be none yet."""
    officer = officer_named(session, arrival.officer) if arrival.officer else None
    obstacle = _obstacle(arrival, found, officer)
    add_companions(session, arrival.id, arrival.companions)
    if obstacle is None:
        return acquire(session, clock, arrival, found, officer_id=officer.id if officer else None)
    reason, facts = obstacle
    return _set_apart(session, clock, arrival, found, reason=reason, facts=facts)


def _obstacle(
    arrival: Arrival, found: Found, officer: User | None
) -> tuple[str, dict[str, str | int]] | None:
    """Why a person must look at it first: a key of the catalogue and its blanks."""
    name = arrival.kept.file_name
    if found.broken is not None:
        return found.broken.code, {**found.broken.facts, "name": name}
    if found.start.at is None:
        return "no_time", {"name": name}
    if arrival.needs_device and not arrival.device_id:
        return "no_device", {"name": name}
    if officer is None and (arrival.officer or arrival.needs_officer):
        return "no_officer", {"name": name, "officer": arrival.officer or ""}
    return None


def add_companions(session: Session, upload_id: str, companions: Iterable[Kept]) -> None:
    """Enter what came beside a file."""
    for each in companions:
        session.add(
            Companion(
                id=uuid4().hex,
                upload_id=upload_id,
                file_name=each.file_name,
                sha256=each.sha256,
                size=each.size,
            )
        )


def sum_facts(sums: Iterable[Sum]) -> list[dict[str, Any]]:
    """Checksums as a row keeps them."""
    return [{**asdict(each), "equal": each.equal} for each in sums]


def _body(arrival: Arrival, found: Found) -> Body:
    return {
        "sha256": arrival.kept.sha256,
        "size": arrival.kept.size,
        "file_name": arrival.kept.file_name,
        "officer": arrival.officer or "",
        "channel": arrival.channel.value,
        "handed_by": arrival.handed_by,
        "sums_differ": [each.algorithm.value for each in found.sums if not each.equal],
        "companions": [each.sha256 for each in arrival.companions],
    }


def acquire(
    session: Session, clock: Clock, arrival: Arrival, found: Found, *, officer_id: str | None
) -> Acquisition:
    """Enter the hand-over of a video with its log entry."""
    assert found.media is not None  # noqa: S101  who calls has seen to it
    row = Acquisition(
        id=arrival.id,
        sha256=arrival.kept.sha256,
        size=arrival.kept.size,
        file_name=arrival.kept.file_name,
        device_id=arrival.device_id,
        officer_id=officer_id,
        acquired_us=clock.now(),
        started_us=found.start.at,
        time_source=found.start.source,
        times=dict(found.times),
        media=asdict(found.media),
        confidence=found.start.confidence.value,
        channel=arrival.channel.value,
        handed_by=arrival.handed_by,
        sums=sum_facts(found.sums),
    )
    session.add(row)
    append(
        session,
        clock,
        actor=arrival.actor,
        action=Action.ACQUIRED,
        subject=arrival.id,
        body=_body(arrival, found),
    )
    ask_index(session, clock, arrival.kept.sha256)
    return row


def _set_apart(
    session: Session,
    clock: Clock,
    arrival: Arrival,
    found: Found,
    *,
    reason: str,
    facts: dict[str, str | int],
) -> Quarantined:
    row = Quarantined(
        id=arrival.id,
        sha256=arrival.kept.sha256,
        size=arrival.kept.size,
        file_name=arrival.kept.file_name,
        device_id=arrival.device_id,
        officer_id=arrival.officer,
        channel=arrival.channel.value,
        handed_by=arrival.handed_by,
        arrived_us=clock.now(),
        reason=reason,
        facts=facts,
        times=dict(found.times),
        media=asdict(found.media) if found.media else None,
        sums=sum_facts(found.sums),
    )
    session.add(row)
    append(
        session,
        clock,
        actor=arrival.actor,
        action=Action.QUARANTINED,
        subject=arrival.id,
        body={**_body(arrival, found), "reason": reason},
    )
    return row
