"""Street pictures put together for training: photos of bags, and bags pasted into other pictures.

Close-up photos of bags say nothing of a bag at 30 m. Bags are therefore cut out along their
outlines and put at 16 to 96 px into pictures without rubbish, with the light, the blur and the
compression of a street camera. Patches of the same outlines with something else inside are pasted
as well: else the network would learn the seams. A sample is a function of its generator.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from models.cutting import Chance, Cutting, drawn_bag
from models.dataset import Photo, boxes_of, read_picture
from vision.frame import Image

PAD = 114
"""Grey around a picture, 0-255; ultralytics' own, so that the start weights know it."""

_SMALLEST_PX = 12.0
"""A pasted bag's least width and height in pixels: below it there is nothing to learn."""

_LEAST_PX = 6.0
"""Labels below this many pixels on a side are left out: specks of a rough outline."""

_FLAT = 2.0
"""Standard deviation of brightness below which a place is padding, no ground."""

_DRAWN = 0.25
"""Share of pasted bags that are drawn: no photo has a bag of dark cloth with a strap."""


@dataclass(frozen=True, slots=True)
class Sample:
    """`image`: `(H, W, 3)` uint8 BGR; `bags`: `(N, 4)` float32 corners in its pixels."""

    image: Image
    bags: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Collage:
    """Draws samples of `size` `(width, height)` px.

    Attributes:
        photos: pictures whose bags are labelled.
        grounds: pictures of streets and things without rubbish bags.
        cuttings: bags to paste.
    """

    photos: Sequence[Photo]
    grounds: Sequence[Image]
    cuttings: Sequence[Cutting]
    size: tuple[int, int]

    def draw(self, chance: Chance) -> Sample:
        """One sample: a photo of bags, a street with bags pasted, or four of those as tiles."""
        tiled = chance.random() < 0.3
        sample = self._tiles(chance) if tiled else self._single(chance, self.size)
        if chance.random() < 0.5:
            sample = _mirrored(sample)
        image = _filmed(sample.image, chance)
        sides = sample.bags[:, 2:] - sample.bags[:, :2]
        return Sample(image, sample.bags[(sides >= _LEAST_PX).all(axis=1)])

    def _single(self, chance: Chance, size: tuple[int, int]) -> Sample:
        if chance.random() < 0.4:
            photo = _one_of(self.photos, chance)
            image = read_picture(photo.path)
            boxes = boxes_of(photo.outlines, (image.shape[1], image.shape[0]))
            behind = self._street(chance, size).image
            return _placed(image, boxes, size, chance, scale=(0.25, 1.3), behind=behind)
        return self._littered(self._street(chance, size), chance)

    def _street(self, chance: Chance, size: tuple[int, int]) -> Sample:
        """A picture without bags, large or small, in front of another: people near and far."""
        none = np.zeros((0, 4), np.float32)
        far = _placed(_one_of(self.grounds, chance), none, size, chance, scale=(0.9, 1.8))
        near = _one_of(self.grounds, chance)
        return _placed(near, none, size, chance, scale=(0.4, 1.8), behind=far.image)

    def _tiles(self, chance: Chance) -> Sample:
        width, height = self.size
        cx, cy = (int(side * chance.uniform(0.35, 0.65)) for side in self.size)
        canvas, bags = np.full((height, width, 3), PAD, np.uint8), []
        for x0, y0, x1, y1 in (
            (0, 0, cx, cy),
            (cx, 0, width, cy),
            (0, cy, cx, height),
            (cx, cy, width, height),
        ):
            part = self._single(chance, (x1 - x0, y1 - y0))
            canvas[y0:y1, x0:x1] = part.image
            bags.append(part.bags + np.array((x0, y0, x0, y0), np.float32))
        return Sample(canvas, np.concatenate(bags))

    def _littered(self, street: Sample, chance: Chance) -> Sample:
        """The street with up to four bags, often none, and up to five patches that are none."""
        image, bags = street.image.astype(np.float32), []
        taken = np.zeros(image.shape[:2], np.bool_)
        bags_here = max(0, int(chance.integers(-1, 5)))
        kinds = [True] * bags_here + [False] * int(chance.integers(6))
        for is_bag in chance.permutation(kinds) if kinds else ():
            cutting = self._bag(chance) if is_bag else self._decoy(chance)
            box = _paste(image, taken, _shaped(cutting, chance), chance)
            if box is not None and is_bag:
                bags.append(box)
        found = np.array(bags, np.float32).reshape(-1, 4)
        return Sample(image.clip(0, 255).astype(np.uint8), found)

    def _bag(self, chance: Chance) -> Cutting:
        if chance.random() < _DRAWN:
            return drawn_bag(chance)
        return _recoloured(_one_of(self.cuttings, chance), chance)

    def _decoy(self, chance: Chance) -> Cutting:
        """The outline of a bag filled from a picture that has none."""
        cutting = self._bag(chance)
        height, width = cutting.alpha.shape
        ground = _one_of(self.grounds, chance)
        filled = _placed(
            ground, np.zeros((0, 4), np.float32), (width, height), chance, scale=(1, 3)
        )
        return Cutting(filled.image, cutting.alpha)


_Thing = TypeVar("_Thing")


def _one_of(things: Sequence[_Thing], chance: Chance) -> _Thing:
    return things[int(chance.integers(len(things)))]


def _placed(
    image: Image,
    boxes: npt.NDArray[np.float32],
    size: tuple[int, int],
    chance: Chance,
    *,
    scale: tuple[float, float],
    behind: Image | None = None,
) -> Sample:
    """`image` scaled (1 fits it in `size`) and put somewhere on a canvas of `size`, or cropped.

    Around it is `behind`, of that size, or grey.
    """
    height, width = image.shape[:2]
    fit = min(size[0] / width, size[1] / height)
    factor = fit * float(np.exp(chance.uniform(np.log(scale[0]), np.log(scale[1]))))
    inner = max(1, round(width * factor)), max(1, round(height * factor))
    x, y = (
        int(chance.integers(min(0, s - i), max(0, s - i) + 1))
        for s, i in zip(size, inner, strict=True)
    )
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    scaled = cv2.resize(image, inner, interpolation=way)
    canvas = np.full((size[1], size[0], 3), PAD, np.uint8) if behind is None else behind
    x0, y0, x1, y1 = max(0, x), max(0, y), min(size[0], x + inner[0]), min(size[1], y + inner[1])
    canvas[y0:y1, x0:x1] = scaled[y0 - y : y1 - y, x0 - x : x1 - x]
    moved = boxes * np.float32(factor) + np.array((x, y, x, y), np.float32)
    inside = np.clip(moved, 0, np.array(size * 2, np.float32))
    # What shows less than a third of a bag is no example of one.
    shown = _areas(inside) > _areas(moved) / 3
    return Sample(canvas, inside[shown].astype(np.float32))


def _areas(boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    sides = boxes[:, 2:] - boxes[:, :2]
    product: npt.NDArray[np.float32] = sides[:, 0] * sides[:, 1]
    return product


def _recoloured(cutting: Cutting, chance: Chance) -> Cutting:
    """Half of the bags in another colour: black, white or tinted, as bags elsewhere are."""
    image = cutting.image.astype(np.float32)
    grey = image.mean(axis=2, keepdims=True)
    kind = chance.random()
    if kind < 0.3:  # black bags still shine where the light falls on them
        image = (grey * 0.8 + image * 0.2) * chance.uniform(0.15, 0.45)
    elif kind < 0.4:
        image = 255 - (255 - grey) * chance.uniform(0.3, 0.7) + (image - grey) * 0.2
    elif kind < 0.5:
        image = grey * (np.float32(chance.uniform(0.4, 1.1, 3)))
    return Cutting(image.clip(0, 255).astype(np.uint8), cutting.alpha)


def _shaped(cutting: Cutting, chance: Chance) -> Cutting:
    """Scaled to 16-96 px, turned, stretched and sometimes partly hidden behind a straight edge."""
    side = float(np.exp(chance.uniform(np.log(16), np.log(96))))
    height, width = cutting.alpha.shape
    factor = side / (width * height) ** 0.5
    stretch = float(np.exp(chance.uniform(-0.2, 0.2)))
    size = max(4, round(width * factor * stretch)), max(4, round(height * factor / stretch))
    image = cv2.resize(cutting.image, size, interpolation=cv2.INTER_AREA)
    alpha = cv2.resize(cutting.alpha, size, interpolation=cv2.INTER_AREA)
    middle, angle = (size[0] / 2, size[1] / 2), float(chance.normal(0, 12))
    turn = cv2.getRotationMatrix2D(middle, angle, 1)
    image = cv2.warpAffine(image, turn, size, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpAffine(alpha, turn, size)
    if chance.random() < 0.35:
        hidden = int(chance.uniform(0.2, 0.5) * size[0])
        alpha[:, :hidden] = 0
    if chance.random() < 0.5:
        image, alpha = image[:, ::-1], alpha[:, ::-1]
    return Cutting(image.astype(np.uint8), alpha.astype(np.float32))


def _paste(
    image: npt.NDArray[np.float32],
    taken: npt.NDArray[np.bool_],
    cutting: Cutting,
    chance: Chance,
) -> tuple[float, float, float, float] | None:
    """Blend a cutting into `image` and say where; None where it did not fit or hit another."""
    rows, columns = np.nonzero(cutting.alpha > 0.5)
    height, width = cutting.alpha.shape
    high, wide = image.shape[:2]
    if not len(rows) or height >= high * 0.8 or width >= wide:
        return None
    # The sky is no place for a bag; a camera that looks down has ground almost everywhere.
    x, y = (
        int(chance.integers(wide - width)),
        int(chance.integers(int(high * 0.15), high - height + 1)),
    )
    box = x + columns.min(), y + rows.min(), x + columns.max() + 1, y + rows.max() + 1
    if (
        min(box[2] - box[0], box[3] - box[1]) < _SMALLEST_PX
        or taken[box[1] : box[3], box[0] : box[2]].any()
    ):
        return None
    place = image[y : y + height, x : x + width]
    if place.std() < _FLAT:
        return None
    alpha = cv2.GaussianBlur(cutting.alpha, (3, 3), 0)[..., None]
    light = chance.uniform(0.6, 1.2) * (0.6 + 0.4 * float(place.mean()) / 110)
    shadow = cv2.GaussianBlur(
        np.roll(cutting.alpha, height // 10, 0), (0, 0), max(1.0, height / 12)
    )
    place *= 1 - np.float32(chance.uniform(0, 0.4)) * shadow[..., None]
    place += (cutting.image * np.float32(light) - place) * alpha
    taken[box[1] : box[3], box[0] : box[2]] = True
    return box


def _mirrored(sample: Sample) -> Sample:
    width = sample.image.shape[1]
    bags = sample.bags.copy()
    bags[:, (0, 2)] = width - sample.bags[:, (2, 0)]
    return Sample(np.ascontiguousarray(sample.image[:, ::-1]), bags)


def _filmed(image: Image, chance: Chance) -> Image:
    """The picture as a street camera gives it: other light, blur, noise, compression."""
    drawn = _lit(image, chance)
    if chance.random() < 0.4:
        drawn = cv2.GaussianBlur(drawn, (0, 0), chance.uniform(0.4, 1.3)).astype(np.uint8)
    if chance.random() < 0.3:
        noise = chance.normal(0, chance.uniform(2, 10), drawn.shape)
        drawn = (drawn + noise).clip(0, 255).astype(np.uint8)
    return _coded(drawn, chance) if chance.random() < 0.5 else drawn


def _lit(image: Image, chance: Chance) -> Image:
    """Darker or lighter, more or less coloured; one in ten without colour, as infrared is."""
    if chance.random() < 0.1:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR).astype(
            np.uint8
        )
    colour = cv2.cvtColor(image, cv2.COLOR_BGR2HSV).astype(np.float32)
    colour[..., 0] = (colour[..., 0] + chance.normal(0, 4)) % 180
    colour[..., 1] *= chance.uniform(0.4, 1.4)
    colour[..., 2] *= chance.uniform(0.5, 1.35)
    lit = cv2.cvtColor(colour.clip(0, 255).astype(np.uint8), cv2.COLOR_HSV2BGR)
    return lit.astype(np.uint8)


def _coded(image: Image, chance: Chance) -> Image:
    """As it comes out of strong compression."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(chance.integers(25, 85))]
    coded = cv2.imencode(".jpg", image, quality)[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
