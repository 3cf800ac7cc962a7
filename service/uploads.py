"""Recorder and camcorder files that a command takes in (执法记录仪上传)."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from sqlmodel import Session

from ingest.clock import Clock
from ingest.probe import probe
from service.arrivals import Arrival, Channel, Found, Kept, acquire, times_of
from service.database import Database
from service.errors import InputError, WorldError
from service.evidence.store import Store
from service.roles import is_officer
from service.settings import Settings
from service.start_time import start_of, time_in_name
from service.tables import Acquisition, User
from vision.frame import Instant


@dataclass(frozen=True, slots=True)
class HandOver:
    """What the person who brings a file says about it."""

    path: Path
    device_id: str | None = None
    officer_id: str | None = None


def name_of(path: Path) -> str:
    """The file's name as text: UTF-8, or GB 18030 as recorders and Chinese archives write it."""
    return text_of(os.fsencode(path.name))


def text_of(name: bytes) -> str:
    """A name's bytes as text, whichever of the two spellings they are."""
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name.decode("gb18030", errors="replace")


def check_space(settings: Settings, name: str, size: int, folder: Path | None = None) -> None:
    """See that the reserve stays free on the disk of `folder` when `size` more bytes are kept.

    Without a folder it is that of the home.

    Raises:
        WorldError: it would not.
    """
    free = shutil.disk_usage(folder or settings.home).free
    if free - size < settings.reserve_bytes:
        raise WorldError(
            "no_space",
            name=name,
            free_mib=free >> 20,
            reserve_mib=settings.reserve_bytes >> 20,
        )


def check_officer(session: Session, officer_id: str) -> None:
    """See that somebody can have recorded a file.

    Raises:
        InputError: there is no such account, or it is not that of an officer in office.
    """
    user = session.get(User, officer_id)
    if user is None:
        raise InputError("no_user", user=officer_id)
    if not (user.active and is_officer(user)):
        raise InputError("no_active_officer", user=officer_id)


def take_in(
    database: Database, store: Store, clock: Clock, settings: Settings, hand_over: HandOver
) -> Acquisition:
    """Keep a file and record its hand-over; the row exists only if the bytes are durable.

    The same bytes handed over again are one object with two acquisitions. A file that breaks off
    is kept as it is and marked incomplete: it may be all that there is.

    Raises:
        InputError: no such file, or the officer has no account in use.
        MediaError: not a video; nothing is kept.
        WorldError, DiskFull: it does not fit; nothing is kept and nothing else is lost.
    """
    path = hand_over.path
    if not path.is_file():
        raise InputError("no_file", path=str(path))
    if hand_over.officer_id is not None:
        with database.read() as session:
            check_officer(session, hand_over.officer_id)
    name = name_of(path)
    check_space(settings, name, path.stat().st_size)
    # Before anything reads or keeps it: what comes later may change the file.
    modified = Instant(path.stat().st_mtime_ns // 1000)
    media = probe(path)
    with path.open("rb") as stream:
        sha256, size = store.add(stream)
    arrival = Arrival(
        id=uuid4().hex,
        kept=Kept(name, sha256, size),
        channel=Channel.COMMAND,
        device_id=hand_over.device_id,
        # As said, not proved: nobody logged in to hand it over.
        officer=hand_over.officer_id,
        named=time_in_name(name),
        modified=modified,
    )
    times = times_of(arrival, media)
    found = Found(media, None, times, start_of(times, clock.now()), ())
    with database.write() as session:
        return acquire(session, clock, arrival, found, officer_id=hand_over.officer_id)
