"""Zones from a JSON file: `{"zones": [{"name", "kind", "points": [[x, y], ...]}]}`, relative."""

import json
from pathlib import Path
from typing import Any

from service.errors import InputError
from vision.zone import Zone, ZoneKind

_KEYS = ("name", "kind", "points")


def read_zones(path: Path) -> tuple[Zone, ...]:
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
    return tuple(_zone(path, number, zone) for number, zone in enumerate(zones, 1))


def _zone(path: Path, number: int, found: dict[str, Any]) -> Zone:
    for key in found:
        if key not in _KEYS:
            raise InputError("zone_key", path=str(path), number=number, key=key)
    for key in _KEYS:
        if key not in found:
            raise InputError("zone_key_missing", path=str(path), number=number, key=key)
    name, kind, points = (found[key] for key in _KEYS)
    if not isinstance(name, str) or not name.strip():
        raise InputError("zone_name", path=str(path), number=number)
    if kind not in list(ZoneKind):
        known = ", ".join(ZoneKind)
        raise InputError("zone_kind", path=str(path), number=number, kind=str(kind), known=known)
    try:
        return Zone(name, ZoneKind(kind), tuple((_number(x), _number(y)) for x, y in points))
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError("zone_points", path=str(path), number=number) from error


def _number(found: object) -> float:
    """A coordinate; what only looks like a number is none."""
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise TypeError(found)
    return float(found)
