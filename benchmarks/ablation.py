"""What each layer of the watch and each rule of the look-back is good for: with all, without each.

    python -m benchmarks.ablation --media DIR --settle 2 [--model none] [--json FILE]

Five pictures in a second. A rule is left out of the list of rules; only the verdict is given anew.
A layer has no switch: it is taken away by putting a constant at which it never acts, or a function
that does nothing, in its place for the time of the watch (`replacing`). The look-back keeps its
own use of the same function. What is lost is one thing, what it is paid for another: so false
findings and look-backs are counted beside what is found.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from math import inf
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.detection import SETTLE_S, Clip, matches, real_clips, wilson
from benchmarks.dual_background import DualBackground
from benchmarks.footage import Footage, beside_each_other, decoded, detector_for
from benchmarks.machine import machine
from benchmarks.simulated import poisson
from service.analyze import report_of
from service.settings import SHIPPED_MODEL
from vision.candidate import Change
from vision.change import kind_of_change
from vision.dismissal import RULES, Rule, is_unseen
from vision.frame import Image
from vision.picture import Mask
from vision.region import Region, regions
from vision.sighting import ReasonKey, Sighting
from vision.watch import WatchSettings

WORKERS = 2
"""Processes beside each other."""


@dataclass(frozen=True, slots=True)
class Variant:
    """The rule for dumping without something.

    Attributes:
        replaced: what stands in the place of what, while the watch runs.
    """

    name: str
    rules: Sequence[tuple[Rule, ReasonKey]] = RULES
    replaced: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Count:
    """Of one clip or several: events there and found, findings that are none, look-backs."""

    events: int
    found: int
    false: int
    lookbacks: int

    def __add__(self, other: "Count") -> "Count":
        """Of both."""
        return Count(
            self.events + other.events,
            self.found + other.found,
            self.false + other.false,
            self.lookbacks + other.lookbacks,
        )

    @property
    def errors(self) -> int:
        """What was missed, and what is false."""
        return self.events - self.found + self.false

    def to_json(self) -> dict[str, Any]:
        """Counts with their intervals; of the false ones, for as much footage."""
        return {
            "events": self.events,
            "found": self.found,
            "recall_95": [round(x, 3) for x in wilson(self.found, self.events)],
            "false": self.false,
            "false_95": [round(x, 2) for x in poisson(self.false, 1.0)],
            "lookbacks": self.lookbacks,
        }


def _difference(image: Image, reference: Image) -> Mask:
    """`difference` of `vision.scene` pixel by pixel."""
    blue, green, red = cv2.split(cv2.absdiff(image, reference))
    return cv2.max(cv2.max(blue, green), red).astype(np.uint8, copy=False)


def _sure_only(strong: Mask, _: Mask, seams: Mask | None = None) -> Iterator[Region]:
    return regions(strong, strong, seams)


def _faint_too(_: Mask, loose: Mask, seams: Mask | None = None) -> Iterator[Region]:
    return regions(loose, loose, seams)


def _apart_only(strong: Mask, loose: Mask, seams: Mask | None = None) -> Iterator[Region]:
    return iter(()) if seams is None else regions(strong, loose, seams)


def _added(region: Region, now: Image, before: Image) -> tuple[Change, float]:
    return Change.ADDED, kind_of_change(region, now, before)[1]


def _same_scene(*_: object) -> bool:
    return False


LAYERS: dict[str, Mapping[str, object]] = {
    "shift": {"vision.align.fit_shift": lambda *_: (0.0, 0.0)},
    "light": {"vision.align.Light.undo": lambda _, image: image},
    "another scene": {
        "vision.scene._EXPLAINED_SHARE": 0.0,
        "vision.scene.one_is_infrared": _same_scene,
    },
    "following the light": {"vision.scene.Scene._learn": lambda *_: None},
    "forgiving one pixel": {"vision.scene.difference": _difference},
    "creeping pixels": {
        "vision.scene.Scene._creeping": lambda _, __, unchanged: np.zeros_like(unchanged)
    },
    "restless pixels": {"vision.scene._RESTLESS_SHARE": 1.1},
    "hysteresis, sure levels only": {"vision.watch.regions": _sure_only},
    "hysteresis, faint levels only": {"vision.watch.regions": _faint_too},
    "seams": {"vision.watch._seams": lambda look: np.zeros_like(look.change)},
    "whole as well": {"vision.watch.regions": _apart_only},
    "added or removed": {"vision.watch.kind_of_change": _added},
    "nothing new": {"vision.watch._is_nothing_new": lambda *_: False},
    "upright waits double": {"vision.region._UPRIGHT": inf},
    "unclear or upright waits double": {"vision.watch._UNSURE_FACTOR": 1.0},
    "ring": {"vision.watch._APART_SHARE": 1.1},
    "three looks": {"vision.watch._LEAST_LOOKS": 0},
    "told again": {"vision.watch._MOST_REPORTS": 1},
    "any: two running averages": {"benchmarks.footage.Watch": DualBackground},
}
"""What stands in the place of each layer of the watch that is taken away."""

ALL = Variant("all")
RULE_VARIANTS = (
    *(
        Variant(f"without {left.__name__}", [each for each in RULES if each[0] is not left])
        for left, _ in RULES
        # What was never seen whole has no course that another rule could read.
        if left is not is_unseen
    ),
    Variant("is_unseen alone", [each for each in RULES if each[0] is is_unseen]),
)
LAYER_VARIANTS = tuple(
    Variant(f"without {name}", replaced=replaced) for name, replaced in LAYERS.items()
)


@contextmanager
def replacing(replaced: Mapping[str, object]) -> Iterator[None]:
    """Put values in the place of what dotted names mean, until the end.

    Raises:
        AttributeError: a name means nothing; a layer that is gone cannot be taken away.
    """
    with ExitStack() as after:
        for dotted, value in replaced.items():
            holder, name = _holder(dotted)
            after.callback(setattr, holder, name, getattr(holder, name))
            setattr(holder, name, value)
        yield


def _holder(dotted: str) -> tuple[Any, str]:
    """The module or class that holds the last part of a dotted name, and that part."""
    package, module, *classes, name = dotted.split(".")
    holder: Any = import_module(f"{package}.{module}")
    for each in classes:
        holder = getattr(holder, each)
    return holder, name


def counted(clip: Clip, told: Sequence[Sighting], lookbacks: int) -> Count:
    """Each event is found once; every other finding is false."""
    left = report_of(told)
    found = 0
    for truth in clip.events:
        hit = next((finding for finding in left if matches(finding, truth)), None)
        if hit is not None:
            left.remove(hit)
            found += 1
    return Count(len(clip.events), found, len(left), lookbacks)


def tried(variant: Variant, clip: Clip, footage: Footage, settings: WatchSettings) -> Count:
    """What comes of a clip under a variant."""
    with replacing(variant.replaced):
        candidates = footage.candidates(settings)
    return counted(clip, footage.told(candidates, variant.rules), len(candidates))


def ablated(clip: Clip, options: argparse.Namespace) -> dict[str, Count]:
    """What comes of a clip with all, and without each rule and each layer."""
    footage = Footage(decoded(clip.path), detector_for(options.model, options.answers))
    settings = WatchSettings((), options.settle)
    candidates = footage.candidates(settings)
    counts = {
        rules.name: counted(clip, footage.told(candidates, rules.rules), len(candidates))
        for rules in (ALL, *RULE_VARIANTS)
    }
    return counts | {
        layers.name: tried(layers, clip, footage, settings) for layers in LAYER_VARIANTS
    }


def arguments(about: str | None) -> argparse.ArgumentParser:
    """What every benchmark on footage takes."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--media", type=Path, required=True)
    parser.add_argument("--settle", type=float, default=SETTLE_S)
    parser.add_argument("--model", default=SHIPPED_MODEL, help="none: no detector")
    parser.add_argument("--answers", type=Path, help="keeps what the detector said between runs")
    parser.add_argument("--workers", type=int, default=WORKERS)
    parser.add_argument("--json", type=Path)
    return parser


def each_clip(
    job: Callable[[Clip], dict[str, Count]], options: argparse.Namespace
) -> dict[str, dict[str, Count]]:
    """What `job` counts in each clip of `--media`, by the clip's name."""
    clips = list(real_clips(options.media))
    done = beside_each_other(job, clips, options.workers)
    return {clip.name: counts for clip, counts in zip(clips, done, strict=True)}


def totals(by_clip: Mapping[str, Mapping[str, Count]]) -> dict[str, Count]:
    """The counts of each variant over all clips."""
    clips = list(by_clip.values())
    return {name: sum((c[name] for c in clips), Count(0, 0, 0, 0)) for name in clips[0]}


def main() -> None:
    """Command line."""
    options = arguments(__doc__).parse_args()
    by_clip = each_clip(partial(ablated, options=options), options)
    for name, count in totals(by_clip).items():
        print(
            f"{name:42} {count.found}/{count.events} found, {count.false} false, "
            f"{count.lookbacks} look-backs in {len(by_clip)} clips"
        )
    if options.json:
        how = f"--settle {options.settle:g} --model {options.model}"
        result = {
            "command": f"python -m benchmarks.ablation --media DIR {how}",
            "machine": machine(),
            "clips": len(by_clip),
            "variants": {name: count.to_json() for name, count in totals(by_clip).items()},
        }
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
