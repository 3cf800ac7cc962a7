"""Recorder and camcorder files (执法记录仪上传): kept bit for bit, every hand-over recorded."""

import os
import re
import shutil
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from sqlmodel import Session

from ingest.clock import Clock
from ingest.media import Media
from ingest.probe import probe
from service.database import Database
from service.errors import InputError, WorldError
from service.evidence.log import MACHINE, Action, append
from service.evidence.store import Store
from service.people import may_decide
from service.settings import Settings
from service.tables import Acquisition, User
from service.times import BEIJING, instant
from vision.frame import Instant, later

_STAMP = re.compile(r"(?<!\d)(20\d{6})[-_T]?(\d{6})(?!\d)")
"""Date and time as recorders put them into file names: local time, 14 digits."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """What the person or docking station says about a file."""

    path: Path
    device_id: str | None = None
    officer_id: str | None = None


def time_in_name(name: str) -> Instant | None:
    """The local date and time that a file name holds; None when it holds none that exists."""
    found = _STAMP.search(name)
    if found is None:
        return None
    try:
        at = datetime.strptime("".join(found.groups()), "%Y%m%d%H%M%S").replace(tzinfo=BEIJING)
    except ValueError:
        return None
    return instant(at)


def name_of(path: Path) -> str:
    """The file's name as text: UTF-8, or GB 18030 as recorders and Chinese archives write it."""
    name = os.fsencode(path.name)
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name.decode("gb18030", errors="replace")


def _times(path: Path, modified: Instant, media: Media) -> dict[str, int]:
    """Every time that the file offers, the most trustworthy first."""
    found = {
        "name": time_in_name(path.name),
        "container": media.created,
        "modified": later(modified, -media.seconds),
    }
    return {source: at for source, at in found.items() if at is not None}


def _check_space(settings: Settings, path: Path) -> None:
    free = shutil.disk_usage(settings.home).free
    if free - path.stat().st_size < settings.reserve_bytes:
        raise WorldError(
            "no_space",
            name=name_of(path),
            free_mib=free >> 20,
            reserve_mib=settings.reserve_bytes >> 20,
        )


def _check_officer(session: Session, officer_id: str) -> None:
    user = session.get(User, officer_id)
    if user is None:
        raise InputError("no_user", user=officer_id)
    if not (user.active and may_decide(user)):
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
            _check_officer(session, hand_over.officer_id)
    _check_space(settings, path)
    # Before anything reads or keeps it: what comes later may change the file.
    modified = Instant(path.stat().st_mtime_ns // 1000)
    media = probe(path)
    times = _times(path, modified, media)
    with path.open("rb") as stream:
        sha256, size = store.add(stream)
    source = next(iter(times))
    acquisition = Acquisition(
        id=uuid4().hex,
        sha256=sha256,
        size=size,
        file_name=name_of(path),
        device_id=hand_over.device_id,
        officer_id=hand_over.officer_id,
        acquired_us=clock.now(),
        started_us=times[source],
        time_source=source,
        times=times,
        media=asdict(media),
    )
    with database.write() as session:
        session.add(acquisition)
        append(
            session,
            clock,
            actor=MACHINE,
            action=Action.ACQUIRED,
            subject=acquisition.id,
            body={
                "sha256": sha256,
                "size": size,
                "file_name": acquisition.file_name,
                # As said, not proved: nobody logged in to hand it over.
                "officer": hand_over.officer_id or "",
            },
        )
    return acquisition
