"""How far constants are from an edge, and whether a clip comes out right without having a say.

    python -m benchmarks.leave_one_out --media DIR --settle 2 [--answers FILE] [--json FILE]

Each constant alone takes the shipped value and four around it, all others as shipped. Then, for
each clip, each constant takes the value with which the other clips have the fewest errors, the
middle one of several: the clip left out is judged with that, for each constant alone, and with all
of them together. An error is an event that was missed, or a finding that is none.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

from benchmarks.ablation import Count, arguments, counted, each_clip, replacing, totals
from benchmarks.detection import Clip, wilson
from benchmarks.footage import Footage, decoded, detector_for
from benchmarks.machine import machine
from benchmarks.simulated import poisson
from vision.watch import WatchSettings

FACTORS = (0.7, 0.85, 1.0, 1.15, 1.4)
"""Steps of a sixth and of two fifths: what a threshold read from a dozen scenes is worth."""
SHIPPED = FACTORS.index(1.0)
_LOOKBACK = frozenset({"vision.course", "vision.dismissal", "vision.dumping"})
"""Modules that the watch does not use."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A threshold that was read from footage.

    Attributes:
        modules: where it is defined, and where it was imported by name.
        most: above this it means nothing, as a share of more than all.
    """

    name: str
    modules: tuple[str, ...]
    most: float = float("inf")

    @property
    def is_of_the_watch(self) -> bool:
        """Whether the watch has to run anew with another value."""
        return not _LOOKBACK.issuperset(self.modules)

    @property
    def values(self) -> tuple[float, ...]:
        """What it takes in turn, least first; the shipped value stands at `SHIPPED`."""
        shipped: float = getattr(import_module(self.modules[0]), self.name)
        return tuple(min(self.most, shipped * factor) for factor in FACTORS)

    def at(self, place: int) -> dict[str, object]:
        """What stands in whose place where it takes the value at `place`."""
        return {f"{module}.{self.name}": self.values[place] for module in self.modules}


CONSTANTS = (
    Constant("_LARGER", ("vision.dismissal",)),
    Constant("_OUTSIDE", ("vision.dismissal",)),
    Constant("_STANDS_OUT", ("vision.dismissal",)),
    Constant("_FAINT", ("vision.dismissal",)),
    Constant("_ALL_ROUND", ("vision.dismissal",)),
    Constant("_NEW_OUTLINE", ("vision.dismissal",)),
    Constant("_FAINT_LEVELS", ("vision.dismissal",)),
    Constant("_EDGE_RATIO", ("vision.dismissal",)),
    Constant("BESIDE", ("vision.dismissal", "vision.dumping")),
    Constant("_BESIDE_FAINT", ("vision.dismissal",)),
    Constant("UNMOVED", ("vision.course", "vision.dismissal"), most=1.0),
    Constant("_APART_SHARE", ("vision.watch",)),
    Constant("LEAST_AREA", ("vision.region", "vision.dismissal")),
    Constant("CHANGED_LEVELS", ("vision.scene", "vision.watch", "vision.course", "vision.dumping")),
    Constant(
        "SEEN_LEVELS", ("vision.scene", "vision.watch", "vision.settling", "vision.dismissal")
    ),
)

ByClip = Mapping[str, Mapping[str, Count]]
"""By the name of a clip, the count under each name of a value."""


def named(constant: Constant, place: int) -> str:
    """Name of a constant's value, whatever stands in its place at the moment."""
    return f"{constant.name} x {FACTORS[place]:g}"


def varied(clip: Clip, options: argparse.Namespace) -> dict[str, Count]:
    """What comes of a clip with each value of each constant, all others as shipped."""
    footage = Footage(decoded(clip.path), detector_for(options.model, options.answers))
    settings = WatchSettings((), options.settle)
    shipped = footage.candidates(settings)
    counts = {}
    for constant in CONSTANTS:
        for place in range(len(FACTORS)):
            with replacing(constant.at(place)):
                seen = footage.candidates(settings) if constant.is_of_the_watch else shipped
                counts[named(constant, place)] = counted(clip, footage.told(seen), len(seen))
    return counts


def held_out(
    clip: Clip, options: argparse.Namespace, places: Mapping[str, Sequence[int]]
) -> dict[str, Count]:
    """What comes of a clip with all constants at the `places` that the other clips chose."""
    footage = Footage(decoded(clip.path), detector_for(options.model, options.answers))
    together = [c.at(place) for c, place in zip(CONSTANTS, places[clip.name], strict=True)]
    with replacing({name: value for each in together for name, value in each.items()}):
        candidates = footage.candidates(WatchSettings((), options.settle))
        return {"together": counted(clip, footage.told(candidates), len(candidates))}


def chosen(errors: Sequence[int]) -> int:
    """The place with the fewest errors; of several the one nearest to the middle of them."""
    best = [place for place, count in enumerate(errors) if count == min(errors)]
    middle = (best[0] + best[-1]) / 2
    return min(best, key=lambda place: (abs(place - middle), abs(place - SHIPPED)))


def chosen_without(left_out: str, constant: Constant, counts: ByClip) -> int:
    """The place that all clips but one choose."""
    others = [count for clip, count in counts.items() if clip != left_out]
    return chosen(
        [sum(c[named(constant, place)].errors for c in others) for place in range(len(FACTORS))]
    )


def errors_of(counts: Sequence[Count]) -> dict[str, Any]:
    """Errors over clips, and the clips without any, with their intervals."""
    errors = sum(count.errors for count in counts)
    right = sum(count.errors == 0 for count in counts)
    return {
        "errors": errors,
        "errors_95": [round(x, 2) for x in poisson(errors, 1.0)],
        "clips_right": right,
        "clips_right_95": [round(x, 3) for x in wilson(right, len(counts))],
    }


def report(constant: Constant, counts: ByClip) -> dict[str, Any]:
    """What the values of a constant lead to, and what the clips choose without each other."""
    total = totals(counts)
    choices = {clip: chosen_without(clip, constant, counts) for clip in counts}
    left_out = [counts[clip][named(constant, place)] for clip, place in choices.items()]
    return {
        "values": {
            f"{value:.4g}": total[named(constant, place)].to_json()
            for place, value in enumerate(constant.values)
        },
        "chosen": {clip: round(constant.values[place], 5) for clip, place in choices.items()},
        "left_out": errors_of(left_out),
    }


def told(constant: Constant, figures: dict[str, Any]) -> str:
    """A line for a constant: found and false at each value, and errors of the clips left out."""
    cells = [
        f"{value}: {count['found']}/{count['events']} {count['false']}f"
        for value, count in figures["values"].items()
    ]
    return f"{constant.name:16} {'  '.join(cells)}  left out: {figures['left_out']['errors']}"


def main() -> None:
    """Command line."""
    options = arguments(__doc__).parse_args()
    counts = each_clip(partial(varied, options=options), options)
    figures = {constant.name: report(constant, counts) for constant in CONSTANTS}
    for constant in CONSTANTS:
        print(told(constant, figures[constant.name]), flush=True)
    places = {clip: [chosen_without(clip, c, counts) for c in CONSTANTS] for clip in counts}
    all_at_once = each_clip(partial(held_out, options=options, places=places), options)
    together = errors_of([count["together"] for count in all_at_once.values()])
    shipped = errors_of([count[named(CONSTANTS[0], SHIPPED)] for count in counts.values()])
    print(f"of {len(counts)} clips, shipped: {shipped}; left out, all constants: {together}")
    if options.json:
        how = f"--settle {options.settle:g} --model {options.model}"
        result = {
            "command": f"python -m benchmarks.leave_one_out --media DIR {how}",
            "machine": machine(),
            "clips": len(counts),
            "shipped": shipped,
            "left_out_all_constants": together,
            "constants": figures,
        }
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
