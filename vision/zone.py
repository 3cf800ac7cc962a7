"""Parts of a camera's picture that mean something: where nothing may be dumped, bins, roads.

`no_dump`: what is put down there counts. `heap`: so does what is added to it, and it is told as
such. `bin`: putting rubbish into it is no dumping. `road`: what stands there is traffic. `ignore`:
nothing there ever counts.
"""

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
import numpy.typing as npt

from vision.frame import SECOND, Instant
from vision.picture import Mask
from vision.region import Region


class ZoneKind(StrEnum):
    """What a zone is for (glossary: 区域)."""

    NO_DUMP = "no_dump"
    HEAP = "heap"
    BIN = "bin"
    NO_VEND = "no_vend"
    ROAD = "road"
    IGNORE = "ignore"


WEEK_MIN = 7 * 24 * 60
"""Minutes in a week."""
_EPOCH_MIN = 3 * 24 * 60
"""1970-01-01 was a Thursday: minutes from the Monday before."""


@dataclass(frozen=True, slots=True)
class Hours:
    """A stretch of every week, `[start_min, end_min)` in minutes since Monday 00:00.

    One that crosses the midnight after Sunday ends beyond `WEEK_MIN`.

    Raises:
        ValueError: it does not begin inside the week, or is empty, or longer than a week.
    """

    start_min: int
    end_min: int

    def __post_init__(self) -> None:
        """Refuse what is no stretch of a week."""
        length = self.end_min - self.start_min
        if not (0 <= self.start_min < WEEK_MIN and 0 < length <= WEEK_MIN):
            msg = f"no stretch of a week: {self.start_min} to {self.end_min} min"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a zone applies; without hours it always does.

    Attributes:
        offset_s: local time minus UTC, the same all year.
    """

    hours: tuple[Hours, ...] = ()
    offset_s: int = 0

    def holds(self, at: Instant) -> bool:
        """Whether `at` lies in one of the hours."""
        local_min = (at + self.offset_s * SECOND) // (60 * SECOND)
        minute = (local_min + _EPOCH_MIN) % WEEK_MIN
        return not self.hours or any(
            each.start_min <= moment < each.end_min
            for each in self.hours
            for moment in (minute, minute + WEEK_MIN)
        )


ALWAYS = Schedule()

LEAST_AREA = 1e-6
"""Of the picture: two pixels of a 1920x1080 one, and far above what rounding makes of a line."""


def _area(points: tuple[tuple[float, float], ...]) -> float:
    """Shoelace formula; the halves of a figure of eight cancel each other out."""
    turned = zip(points, (*points[1:], points[0]), strict=True)
    return abs(sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in turned)) / 2


@dataclass(frozen=True, slots=True)
class Zone:
    """A polygon in relative coordinates: every point `(x, y)` in [0, 1] of width and height.

    Raises:
        ValueError: fewer than three points, a point outside the picture, or next to no area.
    """

    name: str
    kind: ZoneKind
    points: tuple[tuple[float, float], ...]
    schedule: Schedule = ALWAYS

    def __post_init__(self) -> None:
        """Refuse what is not a polygon inside the picture."""
        if len(self.points) < 3:
            msg = f"zone {self.name!r} needs at least 3 points, got {len(self.points)}"
            raise ValueError(msg)
        if any(not (0 <= x <= 1 and 0 <= y <= 1) for x, y in self.points):
            msg = f"zone {self.name!r} has a point outside the picture: {self.points}"
            raise ValueError(msg)
        if _area(self.points) < LEAST_AREA:
            msg = f"zone {self.name!r} encloses no area: {self.points}"
            raise ValueError(msg)


_WANTED = frozenset({ZoneKind.NO_DUMP, ZoneKind.HEAP})
_MASKED = frozenset({ZoneKind.IGNORE, ZoneKind.ROAD, ZoneKind.BIN})
_MOST = 0.5
"""Share of a thing that lies in a zone from which the thing does."""


def watched(zones: tuple[Zone, ...], shape: tuple[int, int], at: Instant) -> Mask:
    """Where dumping is watched for at an instant, in a picture of `shape` `(H, W)`.

    That is every `no_dump` and `heap` zone, or the whole picture when none is drawn, without the
    `ignore`, `road` and `bin` zones; each only in its hours.
    """
    wanted = [zone for zone in zones if zone.kind in _WANTED]
    mask = np.full(shape, 0 if wanted else 255, np.uint8)
    for kinds, level in ((_WANTED, 255), (_MASKED, 0)):
        for zone in zones:
            if zone.kind in kinds and zone.schedule.holds(at):
                cv2.fillPoly(mask, [_corners(zone, shape)], level)
    return mask


def was_watched(
    zones: tuple[Zone, ...], region: Region, shape: tuple[int, int], at: Instant
) -> bool:
    """Whether most of `region` was watched at an instant, the hours alone considered.

    What was put down while it was allowed does not become dumping when the hours begin.
    """
    if not any(zone.schedule.hours for zone in zones):
        return True
    return region.share(watched(zones, shape, at)) >= _MOST


def is_heap(zones: tuple[Zone, ...], region: Region, shape: tuple[int, int], at: Instant) -> bool:
    """Whether most of `region` lies in `heap` zones at an instant."""
    heaps = tuple(zone for zone in zones if zone.kind is ZoneKind.HEAP)
    return bool(heaps) and region.share(watched(heaps, shape, at)) >= _MOST


def _corners(zone: Zone, shape: tuple[int, int]) -> npt.NDArray[np.int32]:
    """The polygon in pixels of a picture of `shape` `(H, W)`."""
    height, width = shape
    return np.rint(np.array(zone.points) * (width, height)).astype(np.int32)
