"""Parts of a camera's picture that mean something: where nothing may be dumped, bins, roads."""

from dataclasses import dataclass
from enum import StrEnum


class ZoneKind(StrEnum):
    """What a zone is for (glossary: 区域)."""

    NO_DUMP = "no_dump"
    HEAP = "heap"
    BIN = "bin"
    NO_VEND = "no_vend"
    ROAD = "road"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Zone:
    """A polygon in relative coordinates: every point `(x, y)` in [0, 1] of width and height.

    Raises:
        ValueError: fewer than three points, or a point outside the picture.
    """

    name: str
    kind: ZoneKind
    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        """Refuse what is not a polygon inside the picture."""
        if len(self.points) < 3:
            msg = f"zone {self.name!r} needs at least 3 points, got {len(self.points)}"
            raise ValueError(msg)
        if any(not (0 <= x <= 1 and 0 <= y <= 1) for x, y in self.points):
            msg = f"zone {self.name!r} has a point outside the picture: {self.points}"
            raise ValueError(msg)
