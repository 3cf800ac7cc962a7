"""Docking stations (采集工作站) that upload by themselves, each with a token for that alone."""

import re
import secrets

from sqlmodel import Session, col, select

from ingest.clock import Clock
from ingest.files import sha256_bytes
from service.errors import InputError
from service.evidence.log import MACHINE, Action, append
from service.tables import Station

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PREFIX = "lh_"
"""Marks our tokens for programs that look for secrets where none should be."""


def add_station(session: Session, clock: Clock, station_id: str, place: str) -> str:
    """Enter a station; its token, which is shown once and kept nowhere.

    Raises:
        InputError: the id is none or taken, or the place is blank.
    """
    if not _ID.fullmatch(station_id):
        raise InputError("station_id", station=station_id)
    if not place.strip():
        raise InputError("station_place")
    if session.get(Station, station_id) is not None:
        raise InputError("station_exists", station=station_id)
    token = _PREFIX + secrets.token_urlsafe(32)
    session.add(
        Station(
            id=station_id,
            place=place.strip(),
            token_sha256=sha256_bytes(token.encode()),
            added_us=clock.now(),
        )
    )
    append(session, clock, actor=MACHINE, action=Action.STATION_ADDED, subject=station_id)
    return token


def revoke_station(session: Session, clock: Clock, station_id: str) -> None:
    """Let a station's token open nothing from now on; what it brought stays.

    Raises:
        InputError: there is no such station, or it was revoked before.
    """
    station = session.get(Station, station_id)
    if station is None or station.revoked_us is not None:
        raise InputError("no_station", station=station_id)
    station.revoked_us = clock.now()
    session.add(station)
    append(session, clock, actor=MACHINE, action=Action.STATION_REVOKED, subject=station_id)


def stations(session: Session) -> list[Station]:
    """Every station, by id, those that were revoked included."""
    return list(session.exec(select(Station).order_by(col(Station.id))))


def station_of(session: Session, token: str) -> Station | None:
    """The station behind a token; None when it is unknown or revoked."""
    # Found by hash: how long the look takes tells nothing of the token.
    rows = select(Station).where(Station.token_sha256 == sha256_bytes(token.encode()))
    station = session.exec(rows).first()
    return station if station is not None and station.revoked_us is None else None
