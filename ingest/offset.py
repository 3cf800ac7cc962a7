"""The camera's clock against the server's (时钟偏差): stated, never used to correct a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_low

from ingest.segments import Gop

ALARM_S = 1.0
"""GB/T 28181-2016 section 9.10.1: devices of a video network keep within a second."""


@dataclass(frozen=True, slots=True)
class Offset:
    """The camera's clock minus ours, microseconds.

    Attributes:
        us: the median over all pictures: single packets are late by the network's whims.
        doubt_us: half of the range over all pictures.
    """

    us: int
    doubt_us: int


def camera_offset(gops: Sequence[Gop]) -> Offset | None:
    """What the camera says of its pictures' times minus where they are placed.

    None when the camera sent no time.
    """
    found = [
        picture.camera_time - gop.wall(picture.pts)
        for gop in gops
        for picture in gop.pictures
        if picture.camera_time is not None
    ]
    return Offset(median_low(found), (max(found) - min(found)) // 2) if found else None
