"""Brings a picture to the place and the light of an earlier one (glossary: 配准)."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from vision.frame import Image
from vision.picture import grey

Floats = npt.NDArray[np.float32]

_LEAST_SHIFT_PX = 0.75
"""Smaller shifts are left alone: the comparison forgives one pixel, a warp would blur."""
_MOST_SHIFT = 0.05
"""Of the long side: a held phone drifts up to 20 px of 848; more is a cut."""
_FIT_SIZE = 256, 144
"""A shift is found to a tenth of a pixel in a picture of half the size; even sides that need no
padding for a Fourier transform, or OpenCV's answer is half a pixel off."""
_FIT_BORDER_PX = 16
"""What a shift brings in from outside is left out of the comparison."""
_EXPLAINS = 0.8
"""A shift is believed when it leaves less than this share of the difference."""
_GRID_PX = 8
"""Every eighth pixel, some 2,000 of them, is enough for a fit of two numbers."""
_INLIER_LEVELS = 22.0
"""A grid point whose fitted value is off by less than this still shows the same surface."""
_LEAST_INLIERS = 0.2
"""A fit on fewer points than this share is a fit on chance."""
_LEAST_SPREAD = 25.0
"""Variance in squared levels below which a picture is flat, noise (sigma 5) included."""
_SURELY_SAME, _STEADY_LEVELS = 0.9, 1.5
"""Where so many points are unchanged, and the typical one by less than a level and a half, the
light has not changed, and most looks need no fit."""
_GAIN_RANGE = (0.4, 2.5)
"""Exposure steps of more than a stop and a third are scene changes."""


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """Per-channel `frame = gain * reference + offset`, and the share of points it explains."""

    gain: Floats
    offset: Floats
    explained: float

    def undo(self, image: Image) -> Image:
        """`image` in the light of the reference."""
        if np.abs(self.gain - 1).max() < 0.02 and np.abs(self.offset).max() < 2:
            return image
        levels = np.arange(256, dtype=np.float32)[:, None]
        table = np.clip((levels - self.offset) / self.gain, 0, 255).astype(np.uint8)
        return cv2.LUT(image, table.reshape(1, 256, 3)).astype(np.uint8, copy=False)


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """A picture in the place and light of a reference, and what it took.

    Attributes:
        shift: `(dx, dy)`, pixels by which the camera's picture lay right of and below.
        light: what the exposure did to it.
    """

    image: Image
    shift: tuple[float, float]
    light: Light


def align(image: Image, reference: Image) -> Aligned:
    """`image` moved and lit as `reference`; both have the same shape."""
    light = fit_light(reference, image)
    lit = light.undo(image)
    shift = fit_shift(reference, lit)
    if shift == (0.0, 0.0):
        return Aligned(lit, shift, light)
    image = shifted(image, -shift[0], -shift[1])
    light = fit_light(reference, image)
    return Aligned(light.undo(image), shift, light)


def fit_shift(reference: Image, image: Image) -> tuple[float, float]:
    """`(dx, dy)` in pixels by which `image` lies right of and below `reference`.

    `(0, 0)` when no believable shift explains the difference.
    """
    old, new = (_small_luma(i) for i in (reference, image))
    window = cv2.createHanningWindow(_FIT_SIZE, cv2.CV_32F)
    # OpenCV 5.0 multiplies its inputs by the window in place.
    (dx, dy), _ = cv2.phaseCorrelate(old.copy(), new.copy(), window)
    stretch = reference.shape[1] / _FIT_SIZE[0], reference.shape[0] / _FIT_SIZE[1]
    shift = dx * stretch[0], dy * stretch[1]
    if not _LEAST_SHIFT_PX <= max(map(abs, shift)) <= _MOST_SHIFT * max(reference.shape):
        return 0.0, 0.0
    inner = np.s_[_FIT_BORDER_PX:-_FIT_BORDER_PX, _FIT_BORDER_PX:-_FIT_BORDER_PX]
    before = float(np.abs(new - old)[inner].mean())
    after = float(
        np.abs(cv2.warpAffine(new, _translation(-dx, -dy), _FIT_SIZE) - old)[inner].mean()
    )
    return shift if after < _EXPLAINS * before else (0.0, 0.0)


def _small_luma(image: Image) -> Floats:
    small = cv2.resize(grey(image), _FIT_SIZE, interpolation=cv2.INTER_AREA).astype(np.float32)
    # Texture finer than the grid moves with the sampling, not with the camera.
    return cv2.GaussianBlur(small, (3, 3), 0).astype(np.float32, copy=False)


def shifted(image: Image, dx: float, dy: float) -> Image:
    """`image` moved by `(dx, dy)` pixels; what comes in from outside repeats the edge."""
    size = image.shape[1], image.shape[0]
    moved = cv2.warpAffine(image, _translation(dx, dy), size, borderMode=cv2.BORDER_REPLICATE)
    return moved.astype(np.uint8, copy=False)


def fit_light(reference: Image, image: Image) -> Light:
    """The exposure change between two pictures of the same place, moving things left out."""
    old = reference[::_GRID_PX, ::_GRID_PX].reshape(-1, 3).astype(np.float32)
    new = image[::_GRID_PX, ::_GRID_PX].reshape(-1, 3).astype(np.float32)
    same = Light(np.ones(3, np.float32), np.zeros(3, np.float32), 0.0)
    same = replace(same, explained=float(_inliers(old, new, same).mean()))
    typical = np.median(new - old, axis=0)
    if same.explained > _SURELY_SAME and np.abs(typical).max() < _STEADY_LEVELS:
        return same
    ratio = np.median(new, axis=0) / np.maximum(np.median(old, axis=0), 1)
    brighter = replace(same, gain=np.clip(ratio, *_GAIN_RANGE).astype(np.float32))
    return max((_refined(old, new, fit) for fit in (same, brighter)), key=lambda fit: fit.explained)


def _inliers(old: Floats, new: Floats, light: Light) -> npt.NDArray[np.bool_]:
    """`(N,)`, which grid points `light` explains."""
    blue, green, red = (np.abs(new - light.gain * old - light.offset) < _INLIER_LEVELS).T
    result: npt.NDArray[np.bool_] = blue & green & red
    return result


def _refined(old: Floats, new: Floats, light: Light) -> Light:
    """Least squares on the points that the previous round explains, twice."""
    for _ in range(2):
        inlier = _inliers(old, new, light)
        if inlier.mean() < _LEAST_INLIERS:
            break
        x, y = old[inlier], new[inlier]
        mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
        spread = ((x - mean_x) ** 2).mean(axis=0)
        covariance = ((x - mean_x) * (y - mean_y)).mean(axis=0)
        # A channel without contrast carries no gain: only an offset can be read from it.
        gain = np.where(spread > _LEAST_SPREAD, covariance / np.maximum(spread, 1), 1)
        gain = np.clip(gain, *_GAIN_RANGE).astype(np.float32)
        light = Light(gain, (mean_y - gain * mean_x).astype(np.float32), 0.0)
    return replace(light, explained=float(_inliers(old, new, light).mean()))


def _translation(dx: float, dy: float) -> npt.NDArray[np.float32]:
    return np.array([[1, 0, dx], [0, 1, dy]], np.float32)
