"""How good a detector is on labelled pictures: `python -m models.evaluate --help`.

Needs nothing but the running system's packages. A figure is a function of what was found and
what is true, picture by picture, so that two detectors can be compared on the same pictures.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer

from models.card import Card
from models.classes import BAG, STREET_CLASSES
from models.dataset import Photo, boxes_of, read_photos, read_picture, split_by_time
from models.session import OnnxDetector
from models.weights_file import open_weights
from vision.detect import VEHICLES, Detector, Label
from vision.frame import Image

Boxes = npt.NDArray[np.float32]
"""`(N, 4)` float32, `(x_min, y_min, x_max, y_max)` in pixels."""

Floats = npt.NDArray[np.float64]

SCORE_FLOOR = 0.01
"""Score from which findings count towards AP: the curve's tail below adds less than 0.001."""

_RECALLS = np.linspace(0, 1, 101)
"""COCO's places on the recall axis (Lin et al. 2014, pycocotools)."""

STRICT_IOUS = tuple(round(0.5 + 0.05 * i, 2) for i in range(10))
"""COCO's overlaps for AP without a number."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One picture, one kind of thing: what was found and what is there.

    Attributes:
        scores: `(N,)` of the findings, best first.
        boxes: `(N, 4)` of the findings.
        truth: `(M, 4)` of what is there.
    """

    scores: Floats
    boxes: Boxes
    truth: Boxes

    def hits(self, iou: float) -> npt.NDArray[np.bool_]:
        """`(N,)`: which are right; each thing is found once, by the best that covers it."""
        return self.partners(iou) >= 0

    def partners(self, iou: float) -> npt.NDArray[np.intp]:
        """`(N,)`: the number of the thing that each finding found, -1 for none."""
        shared, found = overlaps(self.boxes, self.truth), np.full(len(self.boxes), -1, np.intp)
        free = np.ones(len(self.truth), np.bool_)
        for number, row in enumerate(shared):
            fitting = np.where(free & (row >= iou), row, -1.0)
            if len(fitting) and fitting.max() >= 0:
                found[number] = best = int(fitting.argmax())
                free[best] = False
        return found


def overlaps(some: Boxes, others: Boxes) -> Floats:
    """`(N, M)`: intersection over union of every pair."""
    a, b = some[:, None].astype(np.float64), others[None].astype(np.float64)
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = sides.clip(min=0).prod(axis=2)
    areas = (a[..., 2:] - a[..., :2]).prod(axis=2) + (b[..., 2:] - b[..., :2]).prod(axis=2)
    return np.asarray(shared / np.maximum(areas - shared, 1e-9), np.float64)


def average_precision(pictures: Sequence[Judged], iou: float = 0.5) -> float:
    """COCO's AP at one overlap, in [0, 1]; not a number where nothing is there to find."""
    return _area(
        np.concatenate([np.zeros(0), *(each.scores for each in pictures)]),
        np.concatenate([np.zeros(0, np.bool_), *(each.hits(iou) for each in pictures)]),
        sum(len(each.truth) for each in pictures),
    )


def strict_precision(pictures: Sequence[Judged]) -> float:
    """COCO's AP: the mean over `STRICT_IOUS`."""
    return float(np.mean([average_precision(pictures, iou) for iou in STRICT_IOUS]))


def _area(scores: Floats, hits: npt.NDArray[np.bool_], things: int) -> float:
    if not things:
        return float("nan")
    right = np.cumsum(hits[np.argsort(-scores, kind="stable")])
    precision = right / np.arange(1, len(right) + 1)
    # The best precision at this recall or beyond, as COCO reads the curve.
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(right / things, _RECALLS, side="left")
    reached = np.append(envelope, 0.0)[np.minimum(places, len(envelope))]
    return float(reached.mean())


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and the middle 95 % of what resampled pictures give."""

    value: float
    low: float
    high: float


def precision_interval(
    pictures: Sequence[Judged],
    other: Sequence[Judged] | None = None,
    *,
    rounds: int = 1000,
    seed: int = 0,
) -> Interval:
    """AP at overlap 0.5, or how far it lies above that of `other` on the same pictures.

    Bootstrap over pictures; with `other` both are resampled together (paired).
    """
    chance = np.random.default_rng(seed)
    one, two = _Resampled(pictures), _Resampled(other) if other is not None else None

    def figure(chosen: npt.NDArray[np.intp]) -> float:
        return one.precision(chosen) - (two.precision(chosen) if two else 0.0)

    drawn = [figure(chance.integers(len(pictures), size=len(pictures))) for _ in range(rounds)]
    low, high = np.nanpercentile(drawn, (2.5, 97.5))
    return Interval(figure(np.arange(len(pictures))), float(low), float(high))


class _Resampled:
    """Pictures matched once, so that a thousand resamples cost seconds."""

    def __init__(self, pictures: Sequence[Judged]) -> None:
        self._scores = [each.scores for each in pictures]
        self._hits = [each.hits(0.5) for each in pictures]
        self._things = [len(each.truth) for each in pictures]

    def precision(self, chosen: npt.NDArray[np.intp]) -> float:
        scores = np.concatenate([np.zeros(0), *(self._scores[i] for i in chosen)])
        hits = np.concatenate([np.zeros(0, np.bool_), *(self._hits[i] for i in chosen)])
        return _area(scores, hits, sum(self._things[i] for i in chosen))


@dataclass(frozen=True, slots=True)
class HeightRecall:
    """How many of the things of at least `low` and less than `high` px in height were found."""

    low: float
    high: float
    found: int
    things: int


def recall_by_height(
    pictures: Sequence[Judged], edges: Sequence[float], *, false_per_picture: float = 1.0
) -> tuple[HeightRecall, ...]:
    """Recall at the score where `false_per_picture` findings are wrong, by height of the thing."""
    threshold = _threshold(pictures, false_per_picture)
    found, heights = [], []
    for each in pictures:
        partners = each.partners(0.5)[each.scores >= threshold]
        found.append(np.isin(np.arange(len(each.truth)), partners))
        heights.append(each.truth[:, 3] - each.truth[:, 1])
    seen, high = np.concatenate(found), np.concatenate(heights)
    bands = zip(edges, (*edges[1:], float("inf")), strict=True)
    return tuple(
        HeightRecall(
            a, b, int(seen[(high >= a) & (high < b)].sum()), int(((high >= a) & (high < b)).sum())
        )
        for a, b in bands
    )


def _threshold(pictures: Sequence[Judged], false_per_picture: float) -> float:
    """The lowest score at which no more than that many findings are wrong."""
    wrong = np.concatenate([each.scores[~each.hits(0.5)] for each in pictures])
    allowed = int(false_per_picture * len(pictures))
    if len(wrong) <= allowed:
        return 0.0
    return float(np.nextafter(np.sort(wrong)[::-1][allowed], 2))


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of thing to judge: what the detector calls it and how a label file numbers it."""

    name: str
    labels: frozenset[Label]
    numbers: frozenset[int]


PERSON = Kind("person", frozenset({Label.PERSON}), frozenset({0}))
VEHICLE = Kind("vehicle", VEHICLES, frozenset({1, 2, 3, 5, 7}))
RUBBISH = Kind(BAG, frozenset({Label.RUBBISH}), frozenset({0, 1}))
"""Numbers are COCO's for people and vehicles; the bag set's two kinds of bag are one here."""


def coco_kinds() -> tuple[Kind, ...]:
    """The street's classes that COCO knows, one kind for each label."""
    numbers: dict[Label, set[int]] = {}
    for each in STREET_CLASSES:
        if each.coco is not None:
            numbers.setdefault(each.label, set()).add(each.coco)
    return tuple(Kind(label, frozenset({label}), frozenset(n)) for label, n in numbers.items())


@dataclass(frozen=True, slots=True)
class Labelled:
    """A picture in memory: `image` `(H, W, 3)` uint8 BGR, `(N,)` class numbers, `(N, 4)` boxes."""

    image: Image
    numbers: npt.NDArray[np.intp]
    boxes: Boxes


def labelled(photos: Iterable[Photo]) -> Iterator[Labelled]:
    """The photos with their labels as boxes, read one after the other."""
    for photo in photos:
        image = read_picture(photo.path)
        numbers = np.array([each.number for each in photo.outlines], np.intp)
        yield Labelled(image, numbers, boxes_of(photo.outlines, (image.shape[1], image.shape[0])))


def judge(
    detector: Detector, pictures: Iterable[Labelled], kinds: Sequence[Kind]
) -> dict[str, list[Judged]]:
    """For each kind's name, every picture judged; each picture is looked at once."""
    judged: dict[str, list[Judged]] = {kind.name: [] for kind in kinds}
    for picture in pictures:
        found = detector.detect(picture.image)
        for kind in kinds:
            mine = [each for each in found if each.label in kind.labels]
            judged[kind.name].append(
                Judged(
                    np.array([each.score for each in mine], np.float64),
                    np.array([each.box.xyxy for each in mine], np.float32).reshape(-1, 4),
                    picture.boxes[np.isin(picture.numbers, list(kind.numbers))],
                )
            )
    return judged


def open_for_judging(
    name_or_path: str | Path,
    folders: Sequence[Path] = (),
    *,
    size: tuple[int, int] | None = None,
    threads: int = 1,
) -> OnnxDetector:
    """The detector of a card that reports from `SCORE_FLOOR` on, at another input if asked.

    Raises:
        ModelError: as `models.session.open_detector`.
    """
    card, weights = open_weights(name_or_path, folders)
    return OnnxDetector(for_judging(card, size), weights, threads=threads)


def for_judging(card: Card, size: tuple[int, int] | None = None) -> Card:
    """The card with the score floor, and with an input of `(width, height)` px if given."""
    width, height = size or (card.input.width, card.input.height)
    return replace(
        card,
        input=replace(card.input, width=width, height=height),
        head=replace(card.head, score_threshold=SCORE_FLOOR),
        thresholds={},
    )


def evaluate(
    model: Annotated[str, typer.Argument(help="name of a card, a card's .toml or an .onnx file")],
    bags: Annotated[
        list[Path] | None, typer.Option(help="photos of bags, of which a part is held out by time")
    ] = None,
    held_out: Annotated[
        list[Path] | None, typer.Option(help="photos of bags that none learnt: held_out of a set")
    ] = None,
    coco: Annotated[
        Path | None, typer.Option(help="folder of COCO pictures that none learnt")
    ] = None,
) -> None:
    """Print AP with its interval and n, for bags held out by time and for COCO's classes."""
    detector = open_for_judging(model)
    photos = split_by_time([each for folder in bags or () for each in read_photos(folder)]).held_out
    others = tuple(each for folder in held_out or () for each in read_photos(folder))
    sets: list[tuple[Sequence[Photo], tuple[Kind, ...]]] = [((*photos, *others), (RUBBISH,))]
    if coco is not None:
        sets.append((read_photos(coco), (PERSON, VEHICLE, *coco_kinds()[1:])))
    for pictured, kinds in sets:
        for name, pictures in judge(detector, labelled(pictured), kinds).items():
            typer.echo(_line(name, pictures))


def _line(name: str, pictures: Sequence[Judged]) -> str:
    things = sum(len(each.truth) for each in pictures)
    if not things:
        return f"{name}: none in {len(pictures)} pictures"
    found = precision_interval(pictures)
    return (
        f"{name}: AP50 {found.value:.3f} ({found.low:.3f}-{found.high:.3f}),"
        f" AP {strict_precision(pictures):.3f}, n = {things} in {len(pictures)} pictures"
    )


if __name__ == "__main__":
    typer.run(evaluate)
