"""Uploads on their way (传输): what was acknowledged of each, and what may begin at all.

The offset that a client is told is the row's. It grows only after the bytes are durable, and the
row is durable before the client is told (docs/design/storage.md, "Uploads").
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from uuid import uuid4

from sqlalchemy import func
from sqlmodel import Session, col, select

from ingest.clock import Clock
from ingest.errors import PartBusy
from ingest.part import Part
from ingest.sums import Algorithm, is_sum
from service.arrivals import Channel, base_name
from service.database import Database
from service.errors import InputError
from service.settings import Settings
from service.tables import Transfer
from service.uploads import check_officer, check_space
from vision.frame import SECOND, Instant, later

MAX_NAME = 1024
"""Characters of a name; file systems stop at 255 bytes, what clients make up does not."""
_ID = re.compile(r"[0-9a-f]{32}")
_DAY_S = 86_400.0
_OWNERS = {Channel.PAGE: "user", Channel.STATION: "station", Channel.TOKEN: "token"}
"""Whose names stand before the colon in `Transfer.owner`."""


class State(StrEnum):
    """How far a transfer is."""

    ARRIVING = "arriving"
    RECEIVED = "received"
    """Every byte was acknowledged; the intake makes an acquisition of it."""
    TAKEN = "taken"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class Uploader:
    """Who uploads: a person who is logged in, a docking station or a program with its token."""

    channel: Channel
    id: str

    @property
    def owner(self) -> str:
        """As a transfer's row names it."""
        return f"{_OWNERS[self.channel]}:{self.id}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A transfer that a client asks for: its length, and what it says of the file."""

    length: int
    said: Mapping[str, str]
    header: str = ""


def part_path(settings: Settings, transfer_id: str) -> Path:
    """Where a transfer's bytes are while it arrives."""
    return settings.parts / f"{transfer_id}.part"


def channel_of(transfer: Transfer) -> tuple[Channel, str]:
    """How and by whom a transfer came."""
    kind, _, name = transfer.owner.partition(":")
    return next(channel for channel, owner in _OWNERS.items() if owner == kind), name


def begin(
    session: Session, clock: Clock, settings: Settings, uploader: Uploader, wanted: Wanted
) -> Transfer:
    """Enter a transfer of which nothing has arrived yet.

    Raises:
        InputError: it is too large, the uploader has promised too much already, or what is said
            of the file cannot be (an officer who is none, a checksum that is none).
        WorldError: the disk could not hold it and all others that were promised.
    """
    name = base_name(wanted.said.get("filename", ""))[:MAX_NAME]
    _check_room(session, settings, uploader, name, wanted.length)
    officer = _plain(wanted.said, "officer")
    if officer is not None and uploader.channel is Channel.PAGE:
        check_officer(session, officer)
    now = clock.now()
    transfer = Transfer(
        id=uuid4().hex,
        owner=uploader.owner,
        length=wanted.length,
        offset=0,
        file_name=name,
        device_id=_plain(wanted.said, "device"),
        officer_id=officer,
        modified_us=_milliseconds(wanted.said.get("modified", "")),
        sums=_sums(wanted.said),
        said=wanted.header,
        state=(State.ARRIVING if wanted.length else State.RECEIVED).value,
        created_us=now,
        expires_us=later(now, settings.upload_days * _DAY_S),
    )
    session.add(transfer)
    return transfer


def _plain(said: Mapping[str, str], key: str) -> str | None:
    text = said.get(key, "").replace("\0", "").strip()
    if len(text) > 200:
        raise InputError("bad_request", detail=key)
    return text or None


def _milliseconds(text: str) -> Instant | None:
    """`File.lastModified` of browsers; what is no such number is as if it were not said.

    Fourteen digits reach the year 5138, and every database holds them.
    """
    if not re.fullmatch(r"[0-9]{1,14}", text):
        return None
    return Instant(int(text) * 1000)


def _sums(said: Mapping[str, str]) -> dict[str, str]:
    given = {each: said[each.value].strip().lower() for each in Algorithm if each.value in said}
    for algorithm, text in given.items():
        if not is_sum(algorithm, text):
            raise InputError("bad_sum", algorithm=algorithm.value)
    return {algorithm.value: text for algorithm, text in given.items()}


def _check_room(
    session: Session, settings: Settings, uploader: Uploader, name: str, length: int
) -> None:
    if length > settings.upload_max_bytes:
        raise InputError("upload_too_large", name=name, limit_mib=settings.upload_max_bytes >> 20)
    unfinished = Transfer.state == State.ARRIVING.value
    promised = select(func.coalesce(func.sum(Transfer.length), 0)).where(unfinished)
    own = session.exec(promised.where(Transfer.owner == uploader.owner)).one()
    if own + length > settings.upload_quota_bytes:
        raise InputError("upload_quota", name=name, limit_mib=settings.upload_quota_bytes >> 20)
    missing = select(func.coalesce(func.sum(Transfer.length - Transfer.offset), 0))
    # What others were promised is as good as used.
    check_room(settings, name, length + int(session.exec(missing.where(unfinished)).one()))


def check_room(settings: Settings, name: str, size: int) -> None:
    """See that the reserve stays free where uploads arrive.

    Raises:
        WorldError: it would not.
    """
    check_space(settings, name, size, settings.parts)


def find(session: Session, uploader: Uploader, transfer_id: str) -> Transfer:
    """A transfer of this uploader.

    Raises:
        InputError: there is none of that id, or it is somebody else's.
    """
    known = _ID.fullmatch(transfer_id) is not None
    transfer = session.get(Transfer, transfer_id) if known else None
    if transfer is None or transfer.owner != uploader.owner:
        raise InputError("no_transfer")
    return transfer


def advance(
    session: Session, clock: Clock, settings: Settings, transfer_id: str, offset: int
) -> Transfer:
    """Acknowledge the bytes below `offset`, which must be durable.

    With the last byte the transfer is received in the same transaction.

    Raises:
        InputError: the transfer was ended meanwhile.
    """
    transfer = session.get(Transfer, transfer_id, with_for_update=True)
    if transfer is None:
        raise InputError("no_transfer")
    transfer.offset = offset
    transfer.expires_us = later(clock.now(), settings.upload_days * _DAY_S)
    if offset == transfer.length:
        transfer.state = State.RECEIVED.value
    session.add(transfer)
    return transfer


def end(database: Database, settings: Settings, uploader: Uploader, transfer_id: str) -> None:
    """Forget a transfer that its uploader does not want to finish.

    Raises:
        InputError: there is none, or every byte of it was acknowledged: such a file is kept.
        PartBusy: bytes of it are arriving.
    """
    with database.read() as session:
        find(session, uploader, transfer_id)
    with Part(part_path(settings, transfer_id)), database.write() as session:
        transfer = find(session, uploader, transfer_id)
        if transfer.state != State.ARRIVING.value:
            raise InputError("transfer_complete")
        session.delete(transfer)
        session.flush()
    part_path(settings, transfer_id).unlink(missing_ok=True)


def received(session: Session) -> list[Transfer]:
    """What is complete and not taken in yet, oldest first."""
    rows = select(Transfer).where(Transfer.state == State.RECEIVED.value)
    return list(session.exec(rows.order_by(col(Transfer.created_us))))


def sweep(database: Database, clock: Clock, settings: Settings) -> None:
    """Forget transfers that expired, and part files without an unfinished transfer.

    What was received is no part any more: it stays until it is taken in.
    """
    now = clock.now()
    with database.read() as session:
        old = col(Transfer.expires_us) <= now
        expired = session.exec(
            select(Transfer.id).where(old, Transfer.state != State.RECEIVED.value)
        ).all()
    for transfer_id in expired:
        _forget(database, clock, settings, transfer_id)
    for path in settings.parts.glob("*.part"):
        _sweep_part(database, path)


def _forget(database: Database, clock: Clock, settings: Settings, transfer_id: str) -> None:
    try:
        with Part(part_path(settings, transfer_id)), database.write() as session:
            transfer = session.get(Transfer, transfer_id)
            still = transfer is not None and transfer.expires_us <= clock.now()
            if transfer is not None and still and transfer.state != State.RECEIVED.value:
                session.delete(transfer)
    except PartBusy:
        return


def _sweep_part(database: Database, path: Path) -> None:
    """No lock is needed: who writes has seen the row while holding it, and no row comes back."""
    with database.read() as session:
        transfer = session.get(Transfer, path.stem)
    unfinished = {State.ARRIVING.value, State.RECEIVED.value}
    if transfer is None or transfer.state not in unfinished:
        path.unlink(missing_ok=True)


def expires(transfer: Transfer) -> float:
    """When a transfer is forgotten, in seconds since 1970."""
    return transfer.expires_us / SECOND
