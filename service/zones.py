"""Zones: from a JSON file, as rows with their history, and as what a camera process is given.

The file: `{"zones": [{"name", "kind", "points": [[x, y], ...], "hours": [...], "time_zone"}]}`,
points relative to width and height; hours and time zone may be left out.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlmodel import Session, col, select

from ingest.clock import Clock
from service.errors import InputError
from service.evidence.log import MACHINE, Action, append
from service.schedules import TIME_ZONE, is_time_zone, schedule_of
from service.tables import ZoneRow
from vision.zone import Zone, ZoneKind

_NEEDED = ("name", "kind", "points")
_OPTIONAL = ("hours", "time_zone")


@dataclass(frozen=True, slots=True)
class ZonePlan:
    """A zone as a person wrote it.

    Attributes:
        zone: what the watch is given of it.
        hours: the weekly hours in which it applies, as written; empty means always.
        time_zone: of those hours.
    """

    zone: Zone
    hours: tuple[str, ...] = ()
    time_zone: str = TIME_ZONE

    def to_json(self) -> dict[str, Any]:
        """As in a zones file."""
        zone = self.zone
        written = {
            "name": zone.name,
            "kind": zone.kind.value,
            "points": [list(point) for point in zone.points],
        }
        return written | (
            {"hours": list(self.hours), "time_zone": self.time_zone} if self.hours else {}
        )


@dataclass(frozen=True, slots=True)
class ZoneChange:
    """What `set_zones` did, by the names of the zones."""

    added: tuple[str, ...]
    ended: tuple[str, ...]
    kept: tuple[str, ...]


def read_zones(path: Path) -> tuple[ZonePlan, ...]:
    """The zones of a file.

    Raises:
        InputError: it cannot be read, or a zone in it is wrong; the message says which, counted
            from 1.
    """
    try:
        # Editors on Windows put a byte order mark in front.
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError("zones_file", path=str(path), detail=str(error)) from error
    if not isinstance(found, dict):
        raise InputError("zones_shape", path=str(path))
    for key in found.keys() - {"zones"}:
        raise InputError("zones_key", path=str(path), key=key)
    zones = found.get("zones")
    if not isinstance(zones, list) or not all(isinstance(zone, dict) for zone in zones):
        raise InputError("zones_shape", path=str(path))
    read = tuple(_read(path, number, zone) for number, zone in enumerate(zones, 1))
    names = [each.zone.name for each in read]
    for number, name in enumerate(names, 1):
        if name in names[: number - 1]:
            raise InputError("zone_twice", path=str(path), number=number, name=name)
    return read


def _read(path: Path, number: int, found: dict[str, Any]) -> ZonePlan:
    for key in found:
        if key not in _NEEDED + _OPTIONAL:
            raise InputError("zone_key", path=str(path), number=number, key=key)
    for key in _NEEDED:
        if key not in found:
            raise InputError("zone_key_missing", path=str(path), number=number, key=key)
    name, kind, points = (found[key] for key in _NEEDED)
    if not isinstance(name, str) or not name.strip():
        raise InputError("zone_name", path=str(path), number=number)
    if kind not in list(ZoneKind):
        known = ", ".join(ZoneKind)
        raise InputError("zone_kind", path=str(path), number=number, kind=str(kind), known=known)
    hours, time_zone = _read_hours(path, number, found)
    try:
        corners = tuple((_number(x), _number(y)) for x, y in points)
        zone = Zone(name, ZoneKind(kind), corners, schedule_of(hours, time_zone))
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError("zone_points", path=str(path), number=number) from error
    return ZonePlan(zone, hours, time_zone)


def _read_hours(path: Path, number: int, found: dict[str, Any]) -> tuple[tuple[str, ...], str]:
    hours, time_zone = found.get("hours", []), found.get("time_zone", TIME_ZONE)
    where: dict[str, str | int] = {"path": str(path), "number": number}
    if not isinstance(time_zone, str) or not is_time_zone(time_zone):
        raise InputError("zone_time_zone", time_zone=str(time_zone), **where)
    if not isinstance(hours, list) or not all(isinstance(each, str) for each in hours):
        raise InputError("zone_hours", hours=str(hours), **where)
    try:
        schedule_of(hours, time_zone)
    except ValueError as error:
        raise InputError("zone_hours", hours=str(hours), **where) from error
    return tuple(hours), time_zone


def _number(found: object) -> float:
    """A coordinate; what only looks like a number is none."""
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise TypeError(found)
    return float(found)


def set_zones(
    session: Session, clock: Clock, camera_id: str, wanted: Sequence[ZonePlan]
) -> ZoneChange:
    """Make `wanted` the zones of a camera, which is there, from now on.

    A row is never changed: it ends, and another begins, so that it can be told which zones a
    find was made with. What is wanted as it is stays. Nothing is logged when nothing changes.
    """
    rows = _rows(session, camera_id)
    there = [_plan_of(row) for row in rows]
    ended = [row for row, plan in zip(rows, there, strict=True) if plan not in wanted]
    added = [plan for plan in wanted if plan not in there]
    for row in ended:
        row.valid_to_us = clock.now()
        session.add(row)
    session.add_all(_row(camera_id, plan, clock) for plan in added)
    change = ZoneChange(
        added=tuple(plan.zone.name for plan in added),
        ended=tuple(row.name for row in ended),
        kept=tuple(plan.zone.name for plan in there if plan in wanted),
    )
    if added or ended:
        body = {
            "added": [json.dumps(plan.to_json(), ensure_ascii=False) for plan in added],
            "ended": [row.id for row in ended],
        }
        append(
            session, clock, actor=MACHINE, action=Action.ZONES_CHANGED, subject=camera_id, body=body
        )
    return change


def zone_plans(session: Session, camera_id: str) -> tuple[ZonePlan, ...]:
    """The zones that are in force for a camera, as they were written.

    Raises:
        ValueError: a row holds something that is no zone.
    """
    return tuple(_plan_of(row) for row in _rows(session, camera_id))


def zones_of(session: Session, camera_id: str) -> tuple[Zone, ...]:
    """The same as the watch is given them.

    Raises:
        ValueError: as `zone_plans`.
    """
    return tuple(plan.zone for plan in zone_plans(session, camera_id))


def _rows(session: Session, camera_id: str) -> list[ZoneRow]:
    rows = select(ZoneRow).where(ZoneRow.camera_id == camera_id, col(ZoneRow.valid_to_us).is_(None))
    return list(session.exec(rows.order_by(col(ZoneRow.valid_from_us), col(ZoneRow.name))))


def _plan_of(row: ZoneRow) -> ZonePlan:
    points = tuple((x, y) for x, y in row.points)
    schedule = schedule_of(row.hours, row.time_zone)
    zone = Zone(row.name, ZoneKind(row.kind), points, schedule)
    return ZonePlan(zone, tuple(row.hours), row.time_zone)


def _row(camera_id: str, plan: ZonePlan, clock: Clock) -> ZoneRow:
    zone = plan.zone
    return ZoneRow(
        id=uuid4().hex,
        camera_id=camera_id,
        name=zone.name,
        kind=zone.kind.value,
        points=[list(point) for point in zone.points],
        hours=list(plan.hours),
        time_zone=plan.time_zone,
        valid_from_us=clock.now(),
    )
