"""The small picture that the always-on layer works on (glossary: 分析图像)."""

import cv2
import numpy as np
import numpy.typing as npt

from vision.frame import Image

Mask = npt.NDArray[np.uint8]
"""`(H, W)` uint8, 255 where it holds and 0 elsewhere."""

Bools = npt.NDArray[np.bool_]
"""A condition for every element of an array."""

LONG_SIDE_PX = 480
"""Longest side of an analysis image: 5.5 ms for a pixel stage at this size, and the smallest real
deposit at hand (27 by 12 px of 352 by 240) is still whole."""

COLOURLESS, COLOURED = 2.0, 4.0
"""Mean chroma, in levels, below which a camera films infrared and above which it does not."""
_AVERAGED_SCALE = 2.0
"""From here on a pixel of the analysis image is the mean of an area: pixels would be skipped."""


def scale_of(size: tuple[int, int]) -> float:
    """Original pixels per analysis pixel of a frame of `size` `(width, height)`, at least 1."""
    return max(1.0, max(size) / LONG_SIDE_PX)


def small_size(size: tuple[int, int]) -> tuple[int, int]:
    """`(width, height)` of the analysis image of a frame of `size`."""
    scale = scale_of(size)
    return max(1, round(size[0] / scale)), max(1, round(size[1] / scale))


def averaged_size(size: tuple[int, int]) -> tuple[int, int]:
    """`(width, height)` to which a picture of `size` may be averaged before `shrink`."""
    return small_size(size) if scale_of(size) >= _AVERAGED_SCALE else size


def shrink(image: Image) -> Image:
    """`image` with its long side at `LONG_SIDE_PX` or less, slightly blurred against noise."""
    size = image.shape[1], image.shape[0]
    scale = scale_of(size)
    if scale > 1:
        # Averaging costs four times as much.
        how = cv2.INTER_AREA if scale >= _AVERAGED_SCALE else cv2.INTER_LINEAR
        image = cv2.resize(image, small_size(size), interpolation=how).astype(np.uint8, copy=False)
    return cv2.GaussianBlur(image, (3, 3), 0).astype(np.uint8, copy=False)


def grey(image: Image) -> npt.NDArray[np.uint8]:
    """Luma of `image`, `(H, W)` uint8."""
    return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)


def chroma(image: Image) -> float:
    """Mean spread between the channels, in levels."""
    blue, green, red = cv2.split(image[::4, ::4])
    most, least = cv2.max(cv2.max(blue, green), red), cv2.min(cv2.min(blue, green), red)
    return float((most - least).mean())


def one_is_infrared(a: Image, b: Image) -> bool:
    """Whether exactly one of the two was filmed in infrared."""
    low, high = sorted((chroma(a), chroma(b)))
    return low < COLOURLESS and high > COLOURED


def without_colour(image: Image) -> Image:
    """`image` with its luma in all three channels, as a camera films in infrared."""
    return cv2.cvtColor(grey(image), cv2.COLOR_GRAY2BGR).astype(np.uint8, copy=False)


def as_mask(condition: Bools) -> Mask:
    """255 where `condition` (`(H, W)`) holds."""
    return condition.view(np.uint8) * np.uint8(255)
