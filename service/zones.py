"""Zones from a JSON file: `{"zones": [{"name", "kind", "points": [[x, y], ...]}]}`, relative."""

import json
from pathlib import Path

from service.errors import InputError
from vision.zone import Zone, ZoneKind


def read_zones(path: Path) -> tuple[Zone, ...]:
    """The zones of a file.

    Raises:
        InputError: it cannot be read, or a zone in it is wrong; the message says which.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["zones"]
        return tuple(
            Zone(
                str(zone["name"]),
                ZoneKind(zone["kind"]),
                tuple((float(x), float(y)) for x, y in zone["points"]),
            )
            for zone in found
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError("zones_file", path=str(path), detail=str(error)) from error
