"""The cameras of an installation: rows in, plans for camera processes out."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from sqlmodel import Session, col, select

from ingest.clock import Clock
from ingest.errors import AddressError
from ingest.rtsp import Address, check_transport, check_url
from service.alarms import Trouble, close_alarm, raise_alarm
from service.errors import InputError
from service.evidence.log import MACHINE, Action, append
from service.passwords import camera_password
from service.settings import Settings
from service.tables import Camera
from service.zones import ZonePlan, set_zones, zones_of
from vision.frame import CameraId
from vision.watch import WatchSettings

_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
SHORTEST_SETTLE_S = 0.5
"""Seconds. Below it a thing that is put down and one that is carried past look alike."""
LONGEST_SETTLE_S = 3600
"""Seconds. What lies for an hour is found with any shorter time; more is a slip of the hand."""
_HINDRANCES = {
    "password_missing": Trouble.CAMERA_PASSWORD,
    "secrets_open": Trouble.CAMERA_SECRETS,
    "secrets_unreadable": Trouble.CAMERA_SECRETS,
    "secrets_malformed": Trouble.CAMERA_SECRETS,
}
"""Which alarm says why a camera has no password."""
_PLANNED = (
    Trouble.CAMERA_PASSWORD,
    Trouble.CAMERA_SECRETS,
    Trouble.CAMERA_ADDRESS,
    Trouble.CAMERA_ZONES,
)
"""What keeps a camera from being started."""
_OF_STREAMS = (
    Trouble.CAMERA_DOWN,
    Trouble.CAMERA_REFUSED,
    Trouble.SUB_STREAM_DOWN,
    Trouble.CAMERA_CLOCK,
    Trouble.CAMERA_COVERED,
    Trouble.CAMERA_FROZEN,
    Trouble.CAMERA_DARK,
    Trouble.CAMERA_TURNED,
    Trouble.CAMERA_DEFOCUSED,
    Trouble.CAMERA_CUT,
)
"""What only footage of the camera ends."""


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """What can be set of a camera, by the columns of its row.

    Attributes:
        sub_url: the smaller stream of the same camera, for the watch; None: the main one is used.
        transport: `tcp` or `udp`.
        audio: whether sound is recorded.
        password_variable: name under which the environment or the secrets file holds the password;
            the password itself is never stored.
    """

    place: str
    url: str
    sub_url: str | None = None
    transport: str = "tcp"
    audio: bool = False
    username: str | None = None
    password_variable: str | None = None
    settle_s: float = 10.0
    enabled: bool = True

    @classmethod
    def of(cls, camera: Camera) -> "CameraSettings":
        """What is set now."""
        return cls(**{field.name: getattr(camera, field.name) for field in fields(cls)})

    def told(self) -> dict[str, str]:
        """By name, as the log keeps them; what is not set is empty."""
        values = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: "" if value is None else str(value) for name, value in values}


@dataclass(frozen=True, slots=True)
class NewCamera:
    """What a camera needs; see `CameraSettings`."""

    id: str
    place: str
    url: str
    username: str | None = None
    password_variable: str | None = None
    settle_s: float = 10.0
    zones: tuple[ZonePlan, ...] = ()
    sub_url: str | None = None
    transport: str = "tcp"
    audio: bool = False

    @property
    def settings(self) -> CameraSettings:
        """What is set of it at first."""
        return CameraSettings(
            place=self.place,
            url=self.url,
            sub_url=self.sub_url,
            transport=self.transport,
            audio=self.audio,
            username=self.username,
            password_variable=self.password_variable,
            settle_s=self.settle_s,
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a camera process needs to know; equal plans need no restart.

    Attributes:
        address: what is recorded.
        sub_address: what is watched; None: what is recorded.
        audio: whether sound is recorded.
        memory: folder in which what the watch has learnt outlives its process; None: it does not.
    """

    camera: CameraId
    address: Address
    watch: WatchSettings
    segments: Path
    spool: Path
    segment_s: float
    packet_age_s: float
    floor_bytes: int = 0
    sub_address: Address | None = None
    audio: bool = False
    memory: Path | None = None


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


def _check(camera_id: str, wanted: CameraSettings) -> None:
    """Accept what is to be set of a camera.

    Raises:
        InputError: the place is empty, the settle time is out of range, an address is not one to
            open, or its packets cannot come that way.
    """
    if not wanted.place.strip():
        raise InputError("camera_place", camera=camera_id)
    check_settle(wanted.settle_s)
    for url in _urls(wanted.url, wanted.sub_url):
        try:
            check_url(url)
        except AddressError as error:
            raise InputError(error.code, **error.facts) from error
        try:
            check_transport(url, wanted.transport)
        except AddressError as error:
            facts = {"camera": camera_id, "transport": wanted.transport}
            raise InputError("camera_transport", **facts) from error


def _urls(url: str, sub_url: str | None) -> tuple[str, ...]:
    return (url,) if sub_url is None else (url, sub_url)


def add_camera(session: Session, clock: Clock, new: NewCamera) -> Camera:
    """Enter a camera, and log everything that is set of it.

    Raises:
        InputError: the id is malformed or taken, or something cannot be set so (see `_check`).
    """
    if not _ID.fullmatch(new.id):
        raise InputError("camera_id", camera=new.id)
    if session.get(Camera, new.id) is not None:
        raise InputError("camera_exists", camera=new.id)
    wanted = new.settings
    _check(new.id, wanted)
    camera = Camera(id=new.id, place=new.place, url=new.url, added_us=clock.now())
    _set(camera, wanted)
    session.add(camera)
    session.flush()
    append(
        session,
        clock,
        actor=MACHINE,
        action=Action.CAMERA_ADDED,
        subject=new.id,
        # A penalty must be traceable to the threshold of its day.
        body=wanted.told(),
    )
    set_zones(session, clock, new.id, new.zones)
    return camera


def _set(camera: Camera, wanted: CameraSettings) -> None:
    for field in fields(wanted):
        setattr(camera, field.name, getattr(wanted, field.name))


def camera_of(session: Session, camera_id: str) -> Camera:
    """A camera's row.

    Raises:
        InputError: there is no such camera.
    """
    camera = session.get(Camera, camera_id)
    if camera is None:
        raise InputError("no_camera", camera=camera_id)
    return camera


def change_camera(
    session: Session, clock: Clock, camera_id: str, wanted: CameraSettings
) -> tuple[str, ...]:
    """Set what is wanted of a camera; the names of what was another before.

    The log keeps each with its old and its new value. Nothing is logged when nothing changes.

    Raises:
        InputError: there is no such camera, or something cannot be set so (see `_check`).
    """
    camera = camera_of(session, camera_id)
    old, new = CameraSettings.of(camera).told(), wanted.told()
    body = {name: [old[name], new[name]] for name in old if old[name] != new[name]}
    if not body:
        return ()
    # A camera whose stored address is refused today can still be switched off.
    if wanted.enabled or set(body) != {"enabled"}:
        _check(camera_id, wanted)
    _set(camera, wanted)
    session.add(camera)
    append(
        session, clock, actor=MACHINE, action=Action.CAMERA_CHANGED, subject=camera_id, body=body
    )
    if not wanted.enabled:
        # Nobody is going to see whether the trouble of a camera that is off has gone.
        for trouble in (*_PLANNED, *_OF_STREAMS):
            close_alarm(session, clock, trouble, camera_id)
    if not wanted.sub_url:
        close_alarm(session, clock, Trouble.SUB_STREAM_DOWN, camera_id)
    return tuple(body)


def address_of(
    camera: Camera, settings: Settings, environment: Mapping[str, str] = os.environ
) -> Address:
    """The main address with the password that the environment or the secrets file holds now.

    Raises:
        AddressError: the row holds an address, or a transport, that is not accepted today.
        InputError: neither has the password, or the file is not fit to be read
            (`camera_password`).
    """
    for url in _urls(camera.url, camera.sub_url):
        check_url(url)
        check_transport(url, camera.transport)
    password = None
    if camera.password_variable:
        password = camera_password(camera.password_variable, settings, environment)
    return Address(
        camera.url,
        camera.username,
        password,
        transport=check_transport(camera.url, camera.transport),
        ca_file=settings.camera_ca,
    )


def plans(session: Session, clock: Clock, settings: Settings) -> dict[CameraId, Plan | None]:
    """What every enabled camera's process should be doing; None where that cannot be said now.

    A camera that lacks its password, or has an address or a zone that is none, gets an alarm and
    is not started. One that runs goes on: somebody may be editing the file with the passwords.
    """
    found: dict[CameraId, Plan | None] = {}
    for camera in session.exec(select(Camera).where(col(Camera.enabled))):
        hindrance: Trouble | None = None
        facts: Mapping[str, str | int] = {}
        try:
            found[CameraId(camera.id)] = _plan(session, settings, camera)
        except AddressError as error:
            hindrance, facts = Trouble.CAMERA_ADDRESS, error.facts
        except InputError as error:
            hindrance, facts = _HINDRANCES[error.code], error.facts
        except ValueError as error:
            hindrance, facts = Trouble.CAMERA_ZONES, {"detail": str(error)}
        if hindrance is not None:
            found[CameraId(camera.id)] = None
            raise_alarm(session, clock, hindrance, camera.id, **facts)
        for trouble in _PLANNED:
            if trouble is not hindrance:
                close_alarm(session, clock, trouble, camera.id)
    return found


def _plan(session: Session, settings: Settings, camera: Camera) -> Plan:
    address = address_of(camera, settings)
    return Plan(
        camera=CameraId(camera.id),
        address=address,
        watch=WatchSettings(zones_of(session, camera.id), camera.settle_s),
        segments=settings.segments,
        spool=settings.spool,
        segment_s=settings.segment_s,
        packet_age_s=settings.packet_age_s,
        floor_bytes=settings.floor_bytes,
        sub_address=replace(address, url=camera.sub_url) if camera.sub_url else None,
        audio=camera.audio,
        memory=settings.memories,
    )
