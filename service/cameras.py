"""The cameras of an installation: rows in, plans for camera processes out."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from sqlmodel import Session, col, select

from ingest.clock import Clock
from ingest.errors import AddressError
from ingest.rtsp import Address, check_url
from service.alarms import Trouble, close_alarm, raise_alarm
from service.errors import InputError
from service.evidence.log import MACHINE, Action, append
from service.settings import Settings
from service.tables import Camera, ZoneRow
from vision.frame import CameraId
from vision.watch import WatchSettings
from vision.zone import Zone, ZoneKind

_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
SHORTEST_SETTLE_S = 0.5
"""Seconds. Below it a thing that is put down and one that is carried past look alike."""
LONGEST_SETTLE_S = 3600
"""Seconds. What lies for an hour is found with any shorter time; more is a slip of the hand."""


@dataclass(frozen=True, slots=True)
class NewCamera:
    """What a camera needs.

    Attributes:
        password_variable: name of the environment variable with the password; the password itself
            is never stored.
    """

    id: str
    place: str
    url: str
    username: str | None = None
    password_variable: str | None = None
    settle_s: float = 10.0
    zones: tuple[Zone, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a camera process needs to know; equal plans need no restart."""

    camera: CameraId
    address: Address
    watch: WatchSettings
    segments: Path
    spool: Path
    segment_s: float
    packet_age_s: float


def check_settle(settle_s: float) -> None:
    """Accept a time for which a thing must lie.

    Raises:
        InputError: it is too short, too long or no number.
    """
    if not SHORTEST_SETTLE_S <= settle_s <= LONGEST_SETTLE_S:
        raise InputError(
            "settle_time",
            seconds=str(settle_s),
            least=str(SHORTEST_SETTLE_S),
            most=str(LONGEST_SETTLE_S),
        )


def add_camera(session: Session, clock: Clock, new: NewCamera) -> Camera:
    """Enter a camera.

    Raises:
        InputError: the id is malformed or taken, the place is empty, the settle time is out of
            range, or the address is not one to open.
    """
    if not _ID.fullmatch(new.id):
        raise InputError("camera_id", camera=new.id)
    if session.get(Camera, new.id) is not None:
        raise InputError("camera_exists", camera=new.id)
    if not new.place.strip():
        raise InputError("camera_place", camera=new.id)
    check_settle(new.settle_s)
    try:
        check_url(new.url)
    except AddressError as error:
        raise InputError(error.code, **error.facts) from error
    camera = Camera(
        id=new.id,
        place=new.place,
        url=new.url,
        username=new.username,
        password_variable=new.password_variable,
        settle_s=new.settle_s,
        added_us=clock.now(),
    )
    session.add(camera)
    session.flush()
    for zone in new.zones:
        session.add(
            ZoneRow(
                id=uuid4().hex,
                camera_id=new.id,
                name=zone.name,
                kind=zone.kind.value,
                points=[list(point) for point in zone.points],
                valid_from_us=clock.now(),
            )
        )
    append(
        session,
        clock,
        actor=MACHINE,
        action=Action.CAMERA_ADDED,
        subject=new.id,
        # A penalty must be traceable to the threshold of its day.
        body={"place": new.place, "url": new.url, "settle_s": str(new.settle_s)},
    )
    return camera


def zones_of(session: Session, camera_id: str) -> tuple[Zone, ...]:
    """The zones that are in force for a camera."""
    rows = session.exec(
        select(ZoneRow).where(
            ZoneRow.camera_id == camera_id,
            col(ZoneRow.valid_to_us).is_(None),
        )
    )
    return tuple(
        Zone(row.name, ZoneKind(row.kind), tuple((x, y) for x, y in row.points)) for row in rows
    )


def address_of(camera: Camera, environment: Mapping[str, str] = os.environ) -> Address:
    """The address with the password that the environment holds now.

    Raises:
        InputError: the variable that should hold it is empty.
    """
    password = None
    if camera.password_variable:
        password = environment.get(camera.password_variable)
        if not password:
            raise InputError("password_missing", variable=camera.password_variable)
    return Address(camera.url, camera.username, password)


def plans(session: Session, clock: Clock, settings: Settings) -> dict[CameraId, Plan]:
    """What every enabled camera's process should be doing.

    A camera that lacks its password or has a zone that is none gets an alarm instead; the others
    never notice.
    """
    found = {}
    for camera in session.exec(select(Camera).where(col(Camera.enabled))):
        try:
            found[CameraId(camera.id)] = _plan(session, settings, camera)
        except InputError as error:
            raise_alarm(session, clock, Trouble.CAMERA_PASSWORD, camera.id, **error.facts)
        except ValueError as error:
            raise_alarm(session, clock, Trouble.CAMERA_ZONES, camera.id, detail=str(error))
        else:
            for trouble in (Trouble.CAMERA_PASSWORD, Trouble.CAMERA_ZONES):
                close_alarm(session, clock, trouble, camera.id)
    return found


def _plan(session: Session, settings: Settings, camera: Camera) -> Plan:
    return Plan(
        camera=CameraId(camera.id),
        address=address_of(camera),
        watch=WatchSettings(zones_of(session, camera.id), camera.settle_s),
        segments=settings.segments,
        spool=settings.spool,
        segment_s=settings.segment_s,
        packet_age_s=settings.packet_age_s,
    )
