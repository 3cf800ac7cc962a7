"""Bags to paste: cut out of photos along their outlines, or drawn."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from models.dataset import Photo, boxes_of, read_picture
from vision.frame import Image

Chance = np.random.Generator

_CUT_OUT_PX = 48
"""Least side of a bag to cut out, in pixels of its photo: smaller ones are mush when scaled."""

_DRAWN_PX = 128
"""Side of a drawn bag: more than any is pasted at."""


@dataclass(frozen=True, slots=True)
class Cutting:
    """`image`: `(H, W, 3)` uint8 BGR; `alpha`: `(H, W)` float32 in [0, 1], 1 inside the outline."""

    image: Image
    alpha: npt.NDArray[np.float32]


def cut_outs(photo: Photo) -> tuple[Cutting, ...]:
    """The bags of a photo that are large enough and lie whole inside the picture."""
    image = read_picture(photo.path)
    height, width = image.shape[:2]
    boxes = boxes_of(photo.outlines, (width, height))
    found = []
    for outline, box in zip(photo.outlines, boxes, strict=True):
        x0, y0, x1, y1 = (int(v) for v in box)
        whole = x0 > 1 and y0 > 1 and x1 < width - 2 and y1 < height - 2
        if not whole or min(x1 - x0, y1 - y0) < _CUT_OUT_PX:
            continue
        mask = np.zeros((height, width), np.uint8)
        cv2.fillPoly(mask, [np.round(outline.points * (width, height)).astype(np.int32)], 255)
        alpha = (mask[y0:y1, x0:x1] / np.float32(255)).astype(np.float32)
        found.append(Cutting(image[y0:y1, x0:x1].copy(), alpha))
    return tuple(found)


def drawn_bag(chance: Chance) -> Cutting:
    """A dark bag of cloth or leather as people leave them: a rounded body, folds, often a strap."""
    body = _body(chance)
    shape = np.zeros((_DRAWN_PX, _DRAWN_PX), np.uint8)
    cv2.fillPoly(shape, [body], 255)
    image = _cloth(body, chance)
    if chance.random() < 0.6:
        high, middle = body[:, 1].min(), body.mean(axis=0)
        hung = int(middle[0] + chance.uniform(-30, 30)), int(chance.uniform(high, middle[1]))
        axes = int(chance.uniform(12, 50)), int(chance.uniform(12, 50))
        turn, width = float(chance.uniform(0, 180)), int(chance.integers(3, 8))
        cv2.ellipse(shape, hung, axes, turn, 0, 360, 255, width)
    return Cutting(image, (shape / np.float32(255)).astype(np.float32))


def _cloth(body: npt.NDArray[np.int32], chance: Chance) -> Image:
    """Dark cloth: light falls from above, folds scatter it, seams and zips cross it."""
    tint = chance.uniform(0.8, 1.2, 3) * chance.uniform(18, 80)
    noise = chance.normal(0, 1, (_DRAWN_PX, _DRAWN_PX))
    folds = np.asarray(cv2.GaussianBlur(noise, (0, 0), float(chance.uniform(4, 12))))
    depth = chance.uniform(0, 0.35) / max(1e-6, float(folds.std()))
    slope = np.linspace(1 + chance.uniform(0, 0.5), 1 - chance.uniform(0, 0.3), _DRAWN_PX)
    light = slope[:, None] * (1 + depth * folds)
    image = (tint * light[..., None]).clip(0, 255).astype(np.uint8)
    left, right = int(body[:, 0].min()), int(body[:, 0].max())
    for _ in range(int(chance.integers(3))):
        heights = chance.uniform(body[:, 1].min(), body[:, 1].max(), 2)
        colour = [float(each) for each in tint * chance.uniform(0.4, 2)]
        ends = (left, int(heights[0])), (right, int(heights[1]))
        cv2.line(image, ends[0], ends[1], colour, int(chance.integers(1, 4)))
    return image


def _body(chance: Chance) -> npt.NDArray[np.int32]:
    """`(K, 2)` outline between an ellipse and a box, a little dented, in a `_DRAWN_PX` square."""
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    power = 2 / chance.uniform(2, 6)
    ways = np.stack((np.cos(angle), np.sin(angle)), axis=1)
    rounded = np.sign(ways) * np.abs(ways) ** power
    dents = 1 + np.asarray(cv2.GaussianBlur(chance.normal(0, 0.12, (48, 1)), (1, 9), 0))
    radii = _DRAWN_PX * chance.uniform(0.22, 0.4, 2)
    outline = _DRAWN_PX / 2 + rounded * radii * dents.reshape(-1, 1)
    return np.asarray(outline.round(), np.int32)
