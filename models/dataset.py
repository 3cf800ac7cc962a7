"""Pictures for training and measuring: read, split by time, cut out and put together.

Labels are YOLO's text files beside the pictures: a class number and either a box (centre and size)
or a polygon, in fractions of the picture. Nothing here knows a network; a sample is a function
of its seed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from vision.frame import Image

Points = npt.NDArray[np.float32]
"""`(K, 2)` float32, `(x, y)`; in fractions of the picture where a label holds them."""

_TAKEN = re.compile(r"^(\d{8}_\d{6})")
"""Phones name a photo by its second; copies of one photo share the name up to `_jpg.rf.`."""

CLUSTER_GAP = timedelta(seconds=60)
"""Photos less than this apart show the same heap: with a random split, most photos for
validation lie within seconds of one for training."""

HELD_OUT_SHARE = 0.2
"""Least share of the photos to hold out: enough boxes for an interval, few enough to learn from."""


@dataclass(frozen=True, slots=True)
class Outline:
    """One labelled thing: class number and `(K, 2)` points in fractions of the picture."""

    number: int
    points: Points


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture file and what is labelled in it."""

    path: Path
    outlines: tuple[Outline, ...]

    @property
    def name(self) -> str:
        """The photo that this file shows: augmented copies of one photo have one name."""
        return re.split(r"_jpe?g\.rf\.", self.path.name)[0]


@dataclass(frozen=True, slots=True)
class Split:
    """Photos to learn from, and photos that are no copy and no neighbour of those."""

    learnt: tuple[Photo, ...]
    held_out: tuple[Photo, ...]


def read_photos(folder: Path) -> tuple[Photo, ...]:
    """Every picture of `folder/images` with its labels of `folder/labels`, by file name."""
    files = sorted((folder / "images").glob("*.jpg"))
    return tuple(Photo(file, _outlines(folder / "labels" / f"{file.stem}.txt")) for file in files)


def _outlines(label: Path) -> tuple[Outline, ...]:
    """What a label file says; nothing where there is none, as YOLO has it."""
    if not label.is_file():
        return ()
    lines = (line.split() for line in label.read_text(encoding="ascii").splitlines())
    return tuple(Outline(int(line[0]), _points(line[1:])) for line in lines if line)


def _points(numbers: Sequence[str]) -> Points:
    values = np.array(numbers, np.float32)
    if len(values) != 4:
        return values.reshape(-1, 2)
    centre, half = values[:2], values[2:] / 2
    corners = np.array(((-1, -1), (1, -1), (1, 1), (-1, 1)), np.float32)
    return (centre + corners * half).astype(np.float32)


def split_by_time(photos: Sequence[Photo]) -> Split:
    """The earliest clusters in time that make `HELD_OUT_SHARE` of the photos, held out whole.

    A cluster ends where the next photo was taken more than `CLUSTER_GAP` later. Photos without a
    time in their names cannot be told from neighbours and are only learnt from. Of each photo
    held out one file remains, since copies are no further evidence.
    """
    by_name: dict[str, list[Photo]] = {}
    for photo in photos:
        by_name.setdefault(photo.name, []).append(photo)
    held: set[str] = set()
    for cluster in _clusters(sorted(by_name)):
        if len(held) >= HELD_OUT_SHARE * len(by_name):
            break
        held.update(cluster)
    learnt = tuple(photo for photo in photos if photo.name not in held)
    return Split(learnt, tuple(by_name[name][0] for name in sorted(held)))


def _clusters(names: Sequence[str]) -> list[list[str]]:
    """The names that hold a time, in its order, broken where the gap is too long."""
    clusters: list[list[str]] = []
    last = datetime.min  # noqa: DTZ901 (a phone's local time, compared with its like only)
    for name in names:
        if not (match := _TAKEN.match(name)):
            continue
        taken = datetime.strptime(match[1], "%Y%m%d_%H%M%S")  # noqa: DTZ007 (as above)
        if taken - last > CLUSTER_GAP:
            clusters.append([])
        clusters[-1].append(name)
        last = taken
    return clusters


def boxes_of(outlines: Sequence[Outline], size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """`(N, 4)` float32 boxes `(x_min, y_min, x_max, y_max)` in pixels of a `(width, height)`."""
    if not outlines:
        return np.zeros((0, 4), np.float32)
    ends = [(*each.points.min(axis=0), *each.points.max(axis=0)) for each in outlines]
    scale = np.array(size * 2, np.float32)
    return (np.clip(np.array(ends, np.float32), 0, 1) * scale).astype(np.float32)


def read_picture(path: Path) -> Image:
    """The picture in a file, `(H, W, 3)` uint8 BGR.

    Raises:
        ValueError: it is no picture that OpenCV can read.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        msg = f"not a picture: {path}"
        raise ValueError(msg)
    return image.astype(np.uint8, copy=False)
