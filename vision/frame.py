"""A picture and when it was taken: the value that enters vision."""

from dataclasses import dataclass
from typing import NewType

import numpy as np
import numpy.typing as npt

CameraId = NewType("CameraId", str)
"""Name of a camera, unique in an installation: letters, digits, `-` and `_`."""

Instant = NewType("Instant", int)
"""Microseconds since 1970-01-01T00:00:00Z (UTC)."""

Image = npt.NDArray[np.uint8]
"""`(H, W, 3)` uint8, channels blue-green-red."""

SECOND = 1_000_000
"""Microseconds in a second, the unit of `Instant`."""


def seconds_between(start: Instant, end: Instant) -> float:
    """Seconds from `start` to `end`; negative when `end` comes first."""
    return (end - start) / SECOND


def later(at: Instant, seconds: float) -> Instant:
    """The instant `seconds` after `at` (before it when negative), rounded to the microsecond."""
    return Instant(at + round(seconds * SECOND))


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of one camera.

    `image` is made read-only; the caller must not keep a writable view of it.

    Raises:
        ValueError: `image` is not `(H, W, 3)` uint8.
    """

    camera: CameraId
    at: Instant
    image: Image

    def __post_init__(self) -> None:
        """Check shape and dtype, and freeze the pixels."""
        if self.image.ndim != 3 or self.image.shape[2] != 3 or self.image.dtype != np.uint8:
            msg = f"image must be (H, W, 3) uint8, got {self.image.shape} {self.image.dtype}"
            raise ValueError(msg)
        self.image.flags.writeable = False

    @property
    def size(self) -> tuple[int, int]:
        """`(width, height)` in pixels."""
        return int(self.image.shape[1]), int(self.image.shape[0])
