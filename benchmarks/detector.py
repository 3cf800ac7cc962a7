"""How good the street detector is, against its start weights and YOLOX-nano.

    python -m benchmarks.detector --images DIR --media DIR --model liuhen-street \\
        [--against FILE.toml ...] [--start FILE.toml] [--json FILE]

DIR of `--images` has `bags/` and `coco256/`, DIR of `--media` has `clips.json`. `--start` is a card
of the start weights exported by `python -m models.export --start ...`; the differences that the
bars speak of are measured against it, picture by picture. Every figure has its n; the clips that
were learnt from are counted apart.
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np

from benchmarks.machine import machine
from benchmarks.streets import streets
from models.collage import PAD, Collage
from models.cutting import cut_outs
from models.dataset import Photo, read_photos, read_picture, split_by_time
from models.evaluate import (
    PERSON,
    RUBBISH,
    VEHICLE,
    Judged,
    Labelled,
    average_precision,
    coco_kinds,
    for_judging,
    judge,
    labelled,
    precision_interval,
    recall_by_height,
    strict_precision,
)
from models.session import OnnxDetector
from models.weights_file import open_weights
from service.demo.plot import passers
from service.demo.street import render
from vision.boxes import Box, iou
from vision.detect import Detector, Label
from vision.frame import Image

SQUARE, WIDE = (416, 416), (640, 384)
"""Inputs measured, `(width, height)` px: crops and whole frames."""
BAG_SIDES_PX = (16, 24, 32, 48, 64)
"""Mean side of a bag in the network's input: 0.5 m at 10 to 40 m in a street camera's picture."""
PERSON_HEIGHTS_PX = (0, 16, 32, 64, 128, 256)
"""Lower ends of the bands of heights, in pixels of the picture as it is."""
COMPOSED, COMPOSED_SEED = 200, 77_000
"""Composed streets and their first seed: none of training's."""
HELD_OUT_STREETS = (5000, 20)
"""First seed and number of simulated streets behind them; training has others."""
LEARNT_CLIPS = frozenset({"intel_car-detection.mp4", "intel_one-by-one-person.mp4"})
"""Their frames were grounds in training: a false bag there would say little."""
CLIPS_WITH_BAGS = ("aboda_video4.avi", "garbagebag_alley_b.mp4")
LOOKS_PER_S, QUIET_LOOKS_PER_S = 5.0, 2.0
"""Looks in a second at a clip with a bag, as the look-back looks, and at a quiet clip."""
LEAST_SCORES = (0.1, 0.2, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7)
"""Places on the curves; which of them the card takes is its `thresholds`."""
ROUNDS = 1000
"""Resamples of an interval."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """A card with its bytes."""

    name: str
    card: Any
    weights: bytes

    def judging(self, size: tuple[int, int] | None = None) -> OnnxDetector:
        """It at the floor of scores, for AP."""
        return OnnxDetector(for_judging(self.card, size), self.weights)

    def working(self, size: tuple[int, int] | None = None, threads: int = 2) -> OnnxDetector:
        """It as the running system has it."""
        wide, high = size or (self.card.input.width, self.card.input.height)
        prepared = replace(self.card.input, width=wide, height=high)
        return OnnxDetector(replace(self.card, input=prepared), self.weights, threads=threads)

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """The inputs that its graph takes of those measured."""
        return (SQUARE, WIDE) if self.card.head.format == "ultralytics-raw" else (SQUARE,)


def contestant(name: str, folders: Sequence[Path]) -> Contestant:
    """The card of that name or file."""
    card, weights = open_weights(name, folders)
    return Contestant(card.name, card, weights)


def figures(
    pictures: Sequence[Judged], start: Sequence[Judged] | None = None, *, interval: bool = True
) -> dict[str, Any]:
    """AP50, AP, n, and if asked AP50's interval and how far it lies above the start's."""
    things = sum(len(each.truth) for each in pictures)
    if not things:
        return {"n": 0, "pictures": len(pictures)}
    made: dict[str, Any] = {
        "AP50": average_precision(pictures),
        "AP": strict_precision(pictures),
        "n": things,
        "pictures": len(pictures),
    }
    if interval:
        made["AP50 interval"] = asdict(precision_interval(pictures, rounds=ROUNDS))
    if interval and start is not None:
        made["AP50 above start"] = asdict(precision_interval(pictures, start, rounds=ROUNDS))
    return made


def on_coco(who: Contestant, start: Contestant | None, folder: Path) -> dict[str, Any]:
    """People, vehicles together and every known class, at each input."""
    kinds = [
        kind for kind in (PERSON, VEHICLE, *coco_kinds()[1:]) if kind.labels & set(who.card.labels)
    ]
    photos = read_photos(folder / "coco256" / "val2017")
    made: dict[str, Any] = {}
    for size in who.sizes:
        mine = judge(who.judging(size), labelled(photos), kinds)
        base = judge(start.judging(size), labelled(photos), kinds) if start else None
        made[_name(size)] = {
            kind.name: figures(
                mine[kind.name],
                base[kind.name] if base else None,
                interval=kind in {PERSON, VEHICLE},
            )
            for kind in kinds
        }
        heights = recall_by_height(mine["person"], PERSON_HEIGHTS_PX)
        made[_name(size)]["person recall at 1 false per picture by height"] = [
            asdict(band) for band in heights
        ]
    return made


def bag_photos(folder: Path) -> tuple[Photo, ...]:
    """All photos of the bag set, its own split undone."""
    return tuple(
        p for part in ("train", "valid", "test") for p in read_photos(folder / "bags" / part)
    )


def on_bags(who: Contestant, folder: Path) -> dict[str, Any]:
    """Bags of the photos held out by time: as they are, and brought to each side."""
    photos = split_by_time(bag_photos(folder)).held_out
    detector = who.judging(SQUARE)
    made = {"as photographed": figures(judge(detector, labelled(photos), (RUBBISH,))[RUBBISH.name])}
    for side in BAG_SIDES_PX:
        scaled = (_brought_to(each, side) for each in labelled(photos))
        made[f"{side} px"] = figures(judge(detector, scaled, (RUBBISH,))[RUBBISH.name])
    return made


def _brought_to(picture: Labelled, side: float) -> Labelled:
    """The picture smaller, so that its bags' median side is `side`, on grey of the input's size."""
    sides = picture.boxes[:, 2:] - picture.boxes[:, :2]
    factor = side / float(np.median(np.sqrt(sides.prod(axis=1))))
    high, wide = picture.image.shape[:2]
    inner = max(1, round(wide * factor)), max(1, round(high * factor))
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    small = cv2.resize(picture.image, inner, interpolation=way)
    canvas = np.full((max(SQUARE[1], inner[1]), max(SQUARE[0], inner[0]), 3), PAD, np.uint8)
    canvas[: inner[1], : inner[0]] = small
    scale = np.array((inner[0] / wide, inner[1] / high) * 2, np.float32)
    return Labelled(canvas, picture.numbers, picture.boxes * scale)


def composed(folder: Path) -> Iterator[Labelled]:
    """Streets of held-out seeds and COCO's held-out half with held-out bags pasted in."""
    photos = split_by_time(bag_photos(folder)).held_out
    grounds = [read_picture(p.path) for p in read_photos(folder / "coco256" / "val2017")]
    grounds.extend(streets(*HELD_OUT_STREETS))
    cuttings = [cutting for photo in photos for cutting in cut_outs(photo)]
    collage = Collage(photos, grounds, cuttings, SQUARE)
    for seed in range(COMPOSED_SEED, COMPOSED_SEED + COMPOSED):
        sample = collage.draw(np.random.default_rng(seed))
        yield Labelled(sample.image, np.zeros(len(sample.bags), np.intp), sample.bags)


def on_clips(who: Contestant, folder: Path) -> dict[str, Any]:
    """By score: frames with a bag in which it is found, frames of quiet clips in which one is."""
    clips = json.loads((folder / "clips.json").read_text(encoding="utf-8"))["clips"]
    named = {Path(clip["file"]).name: clip for clip in clips}
    made: dict[str, Any] = {}
    for size in who.sizes:
        detector = who.judging(size)
        made[f"hits, whole frames at {_name(size)}"] = {
            name: _curve(_hits(detector, folder, named[name], crop=False))
            for name in CLIPS_WITH_BAGS
        }
        quiet = {
            name: _best_scores(detector, folder / clip["file"])
            for name, clip in named.items()
            if clip["file"].startswith("quiet/")
        }
        made[f"false bags, whole frames at {_name(size)}"] = {
            name: _curve(scores) for name, scores in quiet.items()
        }
        unseen = [score for name in quiet if name not in LEARNT_CLIPS for score in quiet[name]]
        made[f"false bags in clips not learnt from at {_name(size)}"] = _curve(unseen)
    detector = who.judging(SQUARE)
    made["hits, crops at native size"] = {
        name: _curve(_hits(detector, folder, named[name], crop=True)) for name in CLIPS_WITH_BAGS
    }
    return made


def _curve(scores: Sequence[float]) -> dict[str, float]:
    """How many of the frames have such a finding, by least score."""
    counted = {f"{least:.2f}": sum(score >= least for score in scores) for least in LEAST_SCORES}
    return {"frames": len(scores), **counted}


def _hits(detector: Detector, folder: Path, clip: dict[str, Any], *, crop: bool) -> list[float]:
    """Of each frame after the bag lies there, the score of the best bag found in its place."""
    event = clip["events"][0]
    truth, scores = Box(*event["box_xyxy"]), []
    for at_s, image in looks(folder / clip["file"], LOOKS_PER_S):
        if at_s >= event["static_from_s"]:
            place, shown = (truth, image) if not crop else _cropped(truth, image)
            scores.append(_best(detector, shown, place))
    return scores


def _best_scores(detector: Detector, path: Path) -> list[float]:
    return [_best(detector, image, None) for _, image in looks(path, QUIET_LOOKS_PER_S)]


def _best(detector: Detector, image: Image, place: Box | None) -> float:
    """The score of the best bag, in that place or anywhere; 0 for none."""
    bags = (found for found in detector.detect(image) if found.label is Label.RUBBISH)
    return max((bag.score for bag in bags if place is None or _same(bag.box, place)), default=0.0)


def _same(found: Box, truth: Box) -> bool:
    """As `clips.json` has it: an overlap of 0.2, or the middle inside."""
    x, y = found.centre
    inside = truth.x0 <= x <= truth.x1 and truth.y0 <= y <= truth.y1
    return iou(found, truth) >= 0.2 or inside


def _cropped(box: Box, image: Image) -> tuple[Box, Image]:
    """The network's input cut around `box` at the camera's own pixels."""
    high, wide = image.shape[:2]
    side_x, side_y = min(wide, SQUARE[0]), min(high, SQUARE[1])
    x = int(min(max(0, box.centre[0] - side_x / 2), wide - side_x))
    y = int(min(max(0, box.centre[1] - side_y / 2), high - side_y))
    return box.moved(-x, -y), image[y : y + side_y, x : x + side_x]


def looks(path: Path, per_s: float) -> Iterator[tuple[float, Image]]:
    """Seconds from the first frame, and the frame, `per_s` times a second."""
    clip = cv2.VideoCapture(str(path))
    fps, due, number = clip.get(cv2.CAP_PROP_FPS), 0.0, 0
    while clip.grab():
        if number / fps >= due:
            due += 1 / per_s
            yield number / fps, clip.retrieve()[1].astype(np.uint8)
        number += 1


def latency(who: Contestant, rounds: int = 40) -> dict[str, Any]:
    """Milliseconds for a 1080p picture, all of `detect()`: median and best of `rounds`."""
    picture = render(passers(1, size=(1920, 1080)), 5.0)
    made = {}
    for size in who.sizes:
        for threads in (1, 2):
            detector = who.working(size, threads)
            spent = []
            for _ in range(rounds):
                began = time.perf_counter()
                detector.detect(picture)
                spent.append(1000 * (time.perf_counter() - began))
            made[f"{_name(size)}, {threads} threads"] = {
                "median_ms": median(spent), "best_ms": min(spent), "n": rounds
            }  # fmt: skip
    return made


def _name(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def measure(who: Contestant, start: Contestant | None, images: Path, media: Path) -> dict[str, Any]:
    """Everything of one contestant."""
    sees_bags = Label.RUBBISH in who.card.labels
    made = {
        "sha256": who.card.sha256,
        "bytes": len(who.weights),
        "latency": latency(who),
        "coco": on_coco(who, start if start and start.name != who.name else None, images),
    }
    if sees_bags:
        made["clips"] = on_clips(who, media)
        made["bags held out by time"] = on_bags(who, images)
        found = judge(who.judging(SQUARE), composed(images), (RUBBISH,))
        made["bags composed, held-out seeds"] = figures(found[RUBBISH.name])
    return made


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--media", type=Path, required=True)
    parser.add_argument("--model", default="liuhen-street")
    parser.add_argument("--start", default="")
    parser.add_argument("--against", nargs="*", default=[])
    parser.add_argument("--weights", type=Path, nargs="*", default=[])
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    start = contestant(given.start, given.weights) if given.start else None
    others = [contestant(name, given.weights) for name in (given.model, *given.against)]
    report: dict[str, Any] = {"machine": machine(), "detectors": {}}
    for who in [*others, *([start] if start else [])]:
        base = start if who is others[0] else None
        report["detectors"][who.name] = measure(who, base, given.images, given.media)
        print(f"{who.name}: {json.dumps(report['detectors'][who.name], indent=1)}", flush=True)
        if given.json:
            given.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
