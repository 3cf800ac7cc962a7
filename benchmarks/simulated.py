"""What the dumping rule finds in simulated trials, and what it flags in quiet ones.

    python -m benchmarks.simulated --events 200 --hours 24 --settle 10 [--workers 2] [--json FILE]
    python -m benchmarks.simulated --render KIND SEED FILE.mp4 [--conditions day]

A regression net, not a claim about streets: docs/design/simulated.md says what is simulated and
what is not. Reported figures are of seeds from `HELD_OUT` on; look at others with `--first-seed`.
"""

import argparse
import json
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from itertools import chain, pairwise
from math import ceil, exp, inf
from pathlib import Path
from typing import Any

import av
import cv2
from av.video.stream import VideoStream

from benchmarks.detection import HELD_OUT, LEAST_IOU, ONSET_SLACK_S, wilson
from benchmarks.machine import machine
from benchmarks.simulated_film import CAMERA, Film, SimulatedDetector
from service.demo.calm import SECONDS, calm, kinds
from service.demo.deed import DEEDS, deed
from service.demo.place import SIZE
from service.demo.trial import Trial, Truth
from service.demo.weather import Light
from vision.boxes import Box, iou
from vision.candidate import Candidate
from vision.dismissal import Dismissal
from vision.dumping import attribute, each_act
from vision.frame import Instant, seconds_between
from vision.lookback import LOOKBACK_FPS, spans
from vision.sighting import Sighting
from vision.watch import Watch, WatchSettings

LOOK_S = 1.0
"""Seconds between two looks, as at a camera (`service/analyst.py`)."""
CONDITIONS: dict[str, tuple[Light, ...]] = {
    "day": (Light.DAY,),
    "night": (Light.LAMPS, Light.INFRARED),
}
"""Which lights a condition has; seeds take turns."""
_BANDS = (14, 20, 30, 50, 256)
"""Levels of contrast between which recall is told apart."""


@dataclass(frozen=True, slots=True)
class Miss:
    """A deposit that was not found, how hard it was, and what became of it."""

    contact_s: float
    share: float
    contrast: float
    why: str


@dataclass(frozen=True, slots=True)
class Mistake:
    """A finding that is of no deposit; `again` where it is one that was found already."""

    onset_s: float
    alarm_s: float
    box_xyxy: list[float]
    certain: bool
    again: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a trial; delays are from when the thing could be seen to the alarm."""

    condition: str
    light: str
    kind: str
    seed: int
    seconds: float
    events: int
    found: int
    unsure: int
    delays_s: list[float]
    contrasts: list[int]
    missed: list[Miss]
    false: list[Mistake]
    lookbacks: int
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Task:
    """A trial to run."""

    condition: str
    kind: str
    seed: int
    settle_s: float
    detector: bool

    @property
    def light(self) -> Light:
        """Of its condition, by its seed."""
        lights = CONDITIONS[self.condition]
        return lights[self.seed % len(lights)]

    def trial(self) -> Trial:
        """As drawn."""
        make = deed if self.kind in DEEDS else calm
        return make(self.kind, self.seed, self.light)


def verdicts(trial: Trial, settle_s: float, *, detector: bool) -> list[Sighting | Dismissal]:
    """What the watch and its look-backs say, each act once, as `liuhen analyze` does."""
    film = Film(trial, SimulatedDetector(trial) if detector else None)
    watch = Watch(CAMERA, WatchSettings(trial.zones, settle_s))
    looks = range(0, int(trial.seconds * LOOKBACK_FPS), round(LOOK_S * LOOKBACK_FPS))
    candidates = [each for tick in looks for each in watch.see(film.frame(tick))]

    def judge(candidate: Candidate) -> Sighting | Dismissal:
        frames = chain.from_iterable(film.between(*span) for span in spans(candidate))
        return attribute(candidate, frames, film.detector)

    return list(each_act(candidates, judge))


def run(task: Task) -> Outcome:
    """Draw and judge one trial."""
    cv2.setNumThreads(1)
    began = time.process_time()
    trial = task.trial()
    told = verdicts(trial, task.settle_s, detector=task.detector)
    left = [each for each in told if isinstance(each, Sighting)]
    truths, hits, missed = trial.truths(), [], []
    for truth in truths:
        hit = next((each for each in left if _matches(each, truth)), None)
        if hit is None:
            why = _why(truth, told)
            missed.append(
                Miss(round(truth.contact_s, 1), round(truth.share, 4), round(truth.contrast), why)
            )
        else:
            left.remove(hit)
            hits.append((hit, truth))
    return Outcome(
        condition=task.condition,
        light=task.light.value,
        kind=task.kind,
        seed=task.seed,
        seconds=round(trial.seconds, 1),
        events=len(truths),
        found=len(hits),
        unsure=sum(not hit.certain for hit, _ in hits),
        delays_s=[round(_s(hit.alarm) - truth.seen_s, 1) for hit, truth in hits],
        contrasts=[round(truth.contrast) for truth in truths],
        missed=missed,
        false=[_false(each, truths) for each in left],
        lookbacks=len(told),
        cpu_s=round(time.process_time() - began, 2),
    )


def _s(at: Instant) -> float:
    return seconds_between(Instant(0), at)


def _is_there(box: Box, truth: Truth) -> bool:
    x, y = box.centre
    inside = truth.box.x0 <= x <= truth.box.x1 and truth.box.y0 <= y <= truth.box.y1
    return inside or iou(box, truth.box) >= LEAST_IOU


def _matches(sighting: Sighting, truth: Truth) -> bool:
    first, last = truth.contact_s - ONSET_SLACK_S, truth.seen_s + ONSET_SLACK_S
    return first <= _s(sighting.onset) <= last and _is_there(sighting.box, truth)


def _is_again(sighting: Sighting, truth: Truth) -> bool:
    return _matches(sighting, truth) or iou(sighting.box, truth.box) >= LEAST_IOU


def _why(truth: Truth, told: Sequence[Sighting | Dismissal]) -> str:
    """What the rule said about the thing's place."""
    said = [
        str(each.reason) if isinstance(each, Dismissal) else f"onset {_s(each.onset):.1f}"
        for each in told
        if _is_there(each.candidate.box if isinstance(each, Dismissal) else each.box, truth)
    ]
    return ", ".join(said) or "no candidate"


def _false(sighting: Sighting, truths: Sequence[Truth]) -> Mistake:
    return Mistake(
        onset_s=round(_s(sighting.onset), 1),
        alarm_s=round(_s(sighting.alarm), 1),
        box_xyxy=[round(v) for v in sighting.box.xyxy],
        certain=sighting.certain,
        again=any(_is_again(sighting, truth) for truth in truths),
    )


def poisson(count: int, per: float) -> tuple[float, float]:
    """Exact 95 % interval of a rate (Garwood 1936): `count` in `per` units of time."""

    def at_most(k: int, mean: float) -> float:
        total = term = exp(-mean)
        for n in range(1, k + 1):
            term *= mean / n
            total += term
        return total if k >= 0 else 0.0

    def solve(holds: Callable[[float], bool]) -> float:
        low, high = 0.0, 10.0 + 4.0 * count
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if holds(middle) else (low, middle)
        return low

    least = solve(lambda mean: 1 - at_most(count - 1, mean) < 0.025) if count else 0.0
    most = solve(lambda mean: at_most(count, mean) > 0.025)
    return least / per, most / per


def tasks(options: argparse.Namespace) -> list[Task]:
    """The trials with an event, then the quiet ones; each seed by seed, in turns by condition."""
    result: list[Task] = []
    for condition in options.conditions:
        # One trial of each kind, and `several` has two deposits at least.
        rounds = ceil(options.events / (len(DEEDS) + 1))
        pairs = [(k, options.first_seed + n) for n in range(rounds) for k in DEEDS]
        quiet = kinds(CONDITIONS[condition][0])
        count = ceil(options.hours * 3600 / SECONDS)
        pairs += [
            (quiet[n % len(quiet)], options.first_seed + n // len(quiet)) for n in range(count)
        ]
        result += [
            Task(condition, kind, seed, options.settle, options.detector)
            for kind, seed in pairs
            if not options.kinds or kind in options.kinds
        ]
    return sorted(result, key=lambda task: (task.kind not in DEEDS, task.seed))


def totals(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Recall and false findings with n and 95 % intervals."""
    deeds = [o for o in outcomes if o.kind in DEEDS]
    calms = [o for o in outcomes if o.kind not in DEEDS]
    events, found = sum(o.events for o in deeds), sum(o.found for o in deeds)
    hours, false = sum(o.seconds for o in calms) / 3600, sum(len(o.false) for o in calms)
    delays = sorted(delay for o in deeds for delay in o.delays_s)
    return {
        "events": events,
        "found": found,
        "recall": round(found / events, 4) if events else None,
        "recall_95": [round(v, 4) for v in wilson(found, events)],
        "unsure": sum(o.unsure for o in deeds),
        "median_delay_s": delays[len(delays) // 2] if delays else None,
        "found_by_contrast": by_contrast(deeds),
        "false_beside_events": sum(not f.again for o in deeds for f in o.false),
        "told_again": sum(f.again for o in deeds for f in o.false),
        "quiet_hours": round(hours, 2),
        "quiet_false": false,
        "quiet_false_unsure": sum(not f.certain for o in calms for f in o.false),
        "quiet_false_per_day_95": [round(24 * v, 2) for v in poisson(false, hours)]
        if hours
        else None,
        "lookbacks_per_quiet_hour": round(sum(o.lookbacks for o in calms) / hours, 1)
        if hours
        else None,
        "cpu_s": round(sum(o.cpu_s for o in outcomes)),
    }


def by_contrast(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """Found of all, by the levels that a thing differs by."""
    everything = [levels for o in outcomes for levels in o.contrasts]
    lost = [miss.contrast for o in outcomes for miss in o.missed]
    result = {}
    for least, most in pairwise(_BANDS):
        n, m = (sum(least <= levels < most for levels in some) for some in (everything, lost))
        result[f"{least} to {most}"] = f"{n - m} of {n}"
    return result


def by_kind(outcomes: Sequence[Outcome]) -> dict[str, dict[str, Any]]:
    """Totals of each kind, with the seeds of what failed."""
    result = {}
    for kind in dict.fromkeys(o.kind for o in outcomes):
        mine = [o for o in outcomes if o.kind == kind]
        result[kind] = {
            "trials": len(mine),
            "events": sum(o.events for o in mine),
            "found": sum(o.found for o in mine),
            "hours": round(sum(o.seconds for o in mine) / 3600, 2),
            "false": sum(not f.again for o in mine for f in o.false),
            "missed_seeds": [o.seed for o in mine for _ in o.missed],
            "false_seeds": [o.seed for o in mine for f in o.false if not f.again],
        }
    return result


def render(task: Task, path: Path) -> None:
    """A film of a trial with its truth in red and the detector's boxes in green, 5 a second."""
    trial = task.trial()
    film, detector = Film(trial, None), SimulatedDetector(trial)
    truths = trial.truths()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=round(LOOKBACK_FPS))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for tick in range(int(trial.seconds * LOOKBACK_FPS)):
            detector.now_s = tick / LOOKBACK_FPS
            image = film.frame(tick).image.copy()
            boxes = [(each.box, (0, 255, 0)) for each in detector.detect(image)]
            boxes += [(t.box, (0, 0, 255)) for t in truths if t.seen_s <= detector.now_s]
            for box, colour in boxes:
                x0, y0, x1, y1 = (round(v) for v in box.xyxy)
                cv2.rectangle(image, (x0, y0), (x1, y1), colour, 1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))


def told(outcome: Outcome) -> str:
    """One line about a trial that failed."""
    name = f"{outcome.condition}/{outcome.light} {outcome.kind} {outcome.seed}"
    missed = [f"missed at {m.contact_s} ({m.share}, {m.contrast}): {m.why}" for m in outcome.missed]
    false = [
        f"{'again' if f.again else 'FALSE'} at {f.onset_s}, {f.box_xyxy}" for f in outcome.false
    ]
    return f"{name}: {'; '.join(missed + false)}"


def outcomes_of(todo: Sequence[Task], workers: int, most_s: float) -> Iterator[Outcome]:
    """Run `todo` in its order and tell what fails while running.

    After `most_s` nothing more is begun: what is left out is the end of the order, not the slow.
    """
    began, context = time.monotonic(), multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        running = [pool.submit(run, task) for task in todo]
        for done in as_completed(running):
            if done.cancelled():
                continue
            if time.monotonic() - began > most_s:
                for each in running:
                    each.cancel()
            outcome = done.result()
            if outcome.missed or outcome.false:
                print(told(outcome), flush=True)
            yield outcome


def options_of() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200, help="of each condition, at least")
    parser.add_argument("--hours", type=float, default=24.0, help="quiet ones of each condition")
    parser.add_argument("--settle", type=float, default=10.0)
    parser.add_argument("--first-seed", type=int, default=HELD_OUT)
    parser.add_argument("--conditions", nargs="+", choices=CONDITIONS, default=list(CONDITIONS))
    parser.add_argument("--kinds", nargs="+", help="only these")
    parser.add_argument("--no-detector", dest="detector", action="store_false")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=inf, help="begin no trial after these")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--render", nargs=3, metavar=("KIND", "SEED", "FILE"))
    return parser.parse_args()


def main() -> None:
    """Run, tell what fails while running, and sum up."""
    options = options_of()
    if options.render:
        kind, seed, path = options.render
        render(Task(options.conditions[0], kind, int(seed), options.settle, True), Path(path))
        return
    outcomes = list(outcomes_of(tasks(options), options.workers, 60 * options.minutes))
    outcomes.sort(key=lambda o: (o.condition, o.kind, o.seed))
    result: dict[str, Any] = {"command": command(options), "machine": machine(), "conditions": {}}
    for condition in options.conditions:
        mine = [o for o in outcomes if o.condition == condition]
        result["conditions"][condition] = {"total": totals(mine), "kinds": by_kind(mine)}
        print(condition, json.dumps(totals(mine)))
        for kind, each in by_kind(mine).items():
            figures = f"{each['found']}/{each['events']} found, {each['false']} false"
            print(f"  {kind:14} {figures}, {each['hours']} h")
    if options.json:
        result["failed"] = [asdict(o) for o in outcomes if o.missed or o.false]
        options.json.write_text(json.dumps(result, indent=1), encoding="utf-8")


def command(options: argparse.Namespace) -> str:
    """What to type for the same figures."""
    seeds = "" if options.first_seed == HELD_OUT else f" --first-seed {options.first_seed}"
    only = f" --conditions {' '.join(options.conditions)}"
    most = "" if options.minutes == inf else f" --minutes {options.minutes:g}"
    bare = "" if options.detector else " --no-detector"
    return (
        f"python -m benchmarks.simulated --events {options.events} --hours {options.hours:g}"
        f" --settle {options.settle:g}{only}{seeds}{most}{bare}"
    )


if __name__ == "__main__":
    main()
