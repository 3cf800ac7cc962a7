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

Luma = npt.NDArray[np.uint8]
"""`(H, W)` uint8, brightness; what a decoder gives lies within 16 to 235 as a rule."""

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

    Arrays are made read-only; the caller must not keep a writable view of them.

    Attributes:
        image: the picture, or a smaller one of it where `luma` has its full size.
        luma: None where `image` has all of it.

    Raises:
        ValueError: `image` is not `(H, W, 3)` uint8, or `luma` not `(H, W)` uint8.
    """

    camera: CameraId
    at: Instant
    image: Image
    luma: Luma | None = None

    def __post_init__(self) -> None:
        """Check shapes and dtypes, and freeze the pixels."""
        if self.image.ndim != 3 or self.image.shape[2] != 3 or self.image.dtype != np.uint8:
            msg = f"image must be (H, W, 3) uint8, got {self.image.shape} {self.image.dtype}"
            raise ValueError(msg)
        self.image.flags.writeable = False
        if self.luma is not None:
            if self.luma.ndim != 2 or self.luma.dtype != np.uint8:
                msg = f"luma must be (H, W) uint8, got {self.luma.shape} {self.luma.dtype}"
                raise ValueError(msg)
            self.luma.flags.writeable = False

    @property
    def size(self) -> tuple[int, int]:
        """`(width, height)` of the picture in pixels."""
        whole = self.image if self.luma is None else self.luma
        return int(whole.shape[1]), int(whole.shape[0])
