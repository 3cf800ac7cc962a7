"""What the dumping rule finds: on real clips with ground truth, and on simulated streets.

    python -m benchmarks.detection --media DIR --settle 3 [--model CARD --weights DIR] [--json FILE]
    python -m benchmarks.detection --simulated 10 --settle 6 [--json FILE]
    python -m benchmarks.detection --attack --media DIR --settle 2 [--answers FILE] [--json FILE]

Real and simulated results are never mixed in one number. `DIR` holds a `clips.json` that lists for
each file its events: kind, `deposit_s`, `tolerance_s`, `box_xyxy`.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from math import sqrt
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any

from benchmarks.detection_attack import ATTACKS, HELD_SETTLE_S, Attack, held
from benchmarks.footage import (
    Footage,
    Frames,
    Remembering,
    beside_each_other,
    decoded,
    detector_for,
)
from benchmarks.machine import machine
from service.analyze import ClipReport, Finding, Request, analyze, report_of
from service.demo import plot
from service.demo.encoder import Format, encode
from service.demo.scene import Scene
from service.settings import NO_MODEL, SHIPPED_MODEL
from vision.boxes import Box, iou
from vision.watch import WatchSettings

ONSET_SLACK_S = 2.0
"""Added to the tolerance of the ground truth's reading on both sides of the deposit interval."""
REMOVAL_S = 1.0
"""How well the second of a removal was read."""
LEAST_IOU = 0.2
LEAST_STILL = 3
"""Pictures that show a thing lying still below which nobody could tell that it stays."""
WORKERS = 2
"""Clips attacked beside each other."""
HELD_OUT = 9000
"""First seed of the simulated streets; tests and the demo use none from here on."""
SETTLE_S = 2.0
"""Things lie for 2.4 s and more in the real clips at hand, which is far less than in a street."""
SECONDS = 60.0
"""Length of a simulated street: the deposit is at 13 s."""


@dataclass(frozen=True, slots=True)
class Truth:
    """An event that must be found."""

    kind: str
    deposit_s: tuple[float, float]
    tolerance_s: float
    box: Box
    actor: str
    leaves_s: tuple[float, float] | None = None
    """From when the actor begins to go until the actor is out of the picture."""
    still_s: float | None = None
    """From when the thing lies still, if that was read."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One file with what happens in it."""

    name: str
    path: Path
    events: tuple[Truth, ...]
    removals: tuple[Truth, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """A clip's result.

    Attributes:
        unsure: findings that reach the queue as unsure; each is counted as found or false too.
        onset_errors_s: seconds outside the deposit interval.
        departure_errors_s: seconds outside the interval in which the actor leaves; of those found
            whose departure was told.
        alarm_delays_s: seconds from the end of the deposit to the alarm.
    """

    clip: str
    events: int
    found: int
    false: int
    unsure: int
    actors_right: int
    onset_errors_s: list[float]
    departure_errors_s: list[float]
    alarm_delays_s: list[float]
    media_s: float
    cpu_s: float
    frames_decoded: int
    detector_calls: int


def matches(finding: Finding, truth: Truth) -> bool:
    """Same kind, onset near the deposit, and boxes that overlap or a centre inside."""
    first, last = truth.deposit_s
    slack = truth.tolerance_s + ONSET_SLACK_S
    box = Box(*finding.box_xyxy)
    x, y = box.centre
    inside = truth.box.x0 <= x <= truth.box.x1 and truth.box.y0 <= y <= truth.box.y1
    return (
        finding.kind == truth.kind
        and first - slack <= finding.onset_s <= last + slack
        and (iou(box, truth.box) >= LEAST_IOU or inside)
    )


def score(clip: Clip, report: ClipReport) -> Score:
    """Each event is found once; every other finding is false."""
    left = list(report.events)
    hits: list[tuple[Finding, Truth]] = []
    for truth in clip.events:
        hit = next((finding for finding in left if matches(finding, truth)), None)
        if hit is not None:
            left.remove(hit)
            hits.append((hit, truth))
    return Score(
        clip=clip.name,
        events=len(clip.events),
        found=len(hits),
        false=len(left),
        unsure=sum(not finding.certain for finding in report.events),
        actors_right=sum(hit.actor == truth.actor for hit, truth in hits),
        onset_errors_s=[_outside(hit.onset_s, truth.deposit_s) for hit, truth in hits],
        departure_errors_s=[
            _outside(hit.left_s, truth.leaves_s)
            for hit, truth in hits
            if hit.left_s is not None and truth.leaves_s is not None
        ],
        alarm_delays_s=[round(hit.alarm_s - truth.deposit_s[1], 2) for hit, truth in hits],
        media_s=report.media_s,
        cpu_s=report.cpu_s,
        frames_decoded=report.frames_decoded,
        detector_calls=report.detector_calls,
    )


def _outside(at_s: float, interval: tuple[float, float]) -> float:
    first, last = interval
    return round(max(first - at_s, at_s - last, 0.0), 2)


def wilson(hits: int, n: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927); (0, 1) for n = 0."""
    if n == 0:
        return 0.0, 1.0
    z, p = 1.96, hits / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def _leaves(event: dict[str, Any]) -> tuple[float, float] | None:
    if event.get("actor_leaves_s") is None or event.get("actor_gone_s") is None:
        return None
    return event["actor_leaves_s"], event["actor_gone_s"]


def real_clips(media: Path) -> Iterator[Clip]:
    """The clips that `media/clips.json` lists."""
    for entry in json.loads((media / "clips.json").read_text(encoding="utf-8"))["clips"]:
        events = tuple(
            Truth(
                event["kind"],
                (event["deposit_s"][0], event["deposit_s"][1]),
                event["tolerance_s"],
                Box(*event["box_xyxy"]),
                event["actor"],
                _leaves(event),
                event.get("static_from_s"),
            )
            for event in entry["events"]
        )
        removals = tuple(
            Truth("dumping", (r["at_s"], r["at_s"]), REMOVAL_S, Box(*r["box_xyxy"]), "person")
            for r in entry.get("removals", ())
        )
        yield Clip(entry["file"], media / entry["file"], events, removals)


def attacked(
    clip: Clip,
    frames: Frames,
    attack: Attack,
    settings: WatchSettings,
    detector: Remembering | None,
) -> Score:
    """A clip's score under a variation; what is taken away reversed must be found as put down.

    Where too few of its pictures show the thing lying still, the last is held, at 10 s.
    """
    began, asked = time.process_time(), detector.calls if detector else 0
    changed = attack.apply(frames, _deed_s(clip, frames))
    settle_s = attack.settle_s or settings.settle_s
    truths = _reversed(clip.removals, frames[-1][0]) if attack.reverses else clip.events
    if any(_shown(truth, changed) < LEAST_STILL for truth in truths):
        changed, settle_s = held(changed), HELD_SETTLE_S
    footage = Footage(changed, detector)
    told = footage.told(footage.candidates(replace(settings, settle_s=settle_s)))
    report = ClipReport(
        file=clip.name,
        media_s=changed[-1][0],
        frames_decoded=len(changed),
        detector_calls=detector.calls - asked if detector else 0,
        cpu_s=time.process_time() - began,
        events=report_of(told),
    )
    return score(replace(clip, name=f"{attack.name}: {clip.name}", events=truths), report)


def _reversed(removals: tuple[Truth, ...], end_s: float) -> tuple[Truth, ...]:
    return tuple(
        replace(t, deposit_s=(end_s - t.deposit_s[1], end_s - t.deposit_s[0])) for t in removals
    )


def _deed_s(clip: Clip, frames: Frames) -> float:
    """The middle of the first deed; that of the clip where there is none."""
    return sum(clip.events[0].deposit_s) / 2 if clip.events else frames[-1][0] / 2


def _shown(truth: Truth, frames: Frames) -> int:
    """Pictures of the thing lying still; it stays until the end in all the clips."""
    still_s = truth.deposit_s[1] if truth.still_s is None else truth.still_s
    return sum(second >= still_s for second, _ in frames)


def _all_attacks(clip: Clip, options: argparse.Namespace) -> list[Score]:
    frames, detector = decoded(clip.path), detector_for(options.model, options.answers)
    settings = WatchSettings((), options.settle)
    return [attacked(clip, frames, attack, settings, detector) for attack in ATTACKS]


def attacks(options: argparse.Namespace) -> Iterator[Score]:
    """Every real clip under every variation, each clip decoded once."""
    job = partial(_all_attacks, options=options)
    for scores in beside_each_other(job, list(real_clips(options.media)), WORKERS):
        yield from scores


SCENES: dict[str, Callable[[int], Scene]] = {
    "dumping": plot.dumping,
    "lingering": plot.lingering,
    "passers": plot.passers,
    "parked_van": plot.parked_van,
    "removal": plot.removal,
}


def simulated_clips(seeds: int, folder: Path) -> Iterator[Clip]:
    """`seeds` streets of every kind, rendered one at a time with exact truth."""
    for name, scene_of in SCENES.items():
        for seed in range(HELD_OUT, HELD_OUT + seeds):
            scene = scene_of(seed)
            path = encode(folder / f"{name}-{seed}.mp4", scene, SECONDS, Format(fps=10.0))
            events = tuple(
                Truth(
                    truth.kind.value,
                    (truth.contact_s, truth.release_s),
                    0.0,
                    Box(*truth.box_xyxy),
                    truth.actor.value,
                )
                for truth in scene.deposits(0.0, SECONDS)
            )
            yield Clip(path.stem, path, events)
            path.unlink()


def summary(scores: list[Score]) -> dict[str, Any]:
    """Totals with n and intervals."""
    events, found = sum(s.events for s in scores), sum(s.found for s in scores)
    media_s, cpu_s = max(1e-6, sum(s.media_s for s in scores)), sum(s.cpu_s for s in scores)
    return {
        "clips": len(scores),
        "events": events,
        "found": found,
        "recall_95": [round(x, 3) for x in wilson(found, events)],
        "false": sum(s.false for s in scores),
        "unsure_per_hour": round(sum(s.unsure for s in scores) * 3600 / media_s, 2),
        "actors_right": sum(s.actors_right for s in scores),
        "worst_onset_error_s": max((e for s in scores for e in s.onset_errors_s), default=None),
        "worst_departure_error_s": max(
            (e for s in scores for e in s.departure_errors_s), default=None
        ),
        "worst_alarm_delay_s": max((e for s in scores for e in s.alarm_delays_s), default=None),
        "frames_decoded": sum(s.frames_decoded for s in scores),
        "detector_calls": sum(s.detector_calls for s in scores),
        "peak_memory_mib": getrusage(RUSAGE_SELF).ru_maxrss >> 10,
        "media_hours": round(media_s / 3600, 4),
        "cpu_s_per_media_s": round(cpu_s / media_s, 4),
    }


def command(options: argparse.Namespace) -> str:
    """What to type for the same figures; where the clips and weights lie is each machine's own."""
    what = "--media DIR" if options.media else f"--simulated {options.simulated or 4}"
    if options.attack:
        how = f"--settle {options.settle:g} --model {options.model}"
        return f"python -m benchmarks.detection --attack {what} {how}"
    model = f" --model {options.model} --weights DIR" if options.model else ""
    return f"python -m benchmarks.detection {what} --settle {options.settle:g}{model}"


def _scores(options: argparse.Namespace, request: Request, folder: Path) -> Iterator[Score]:
    if options.attack:
        yield from attacks(options)
        return
    clips = (
        real_clips(options.media)
        if options.media
        else simulated_clips(options.simulated or 4, folder)
    )
    for clip in clips:
        yield score(clip, analyze(clip.path, request))


def by_attack(scores: list[Score]) -> dict[str, dict[str, Any]]:
    """Totals of each variation."""
    names = dict.fromkeys(s.clip.partition(": ")[0] for s in scores)
    return {name: summary([s for s in scores if s.clip.startswith(f"{name}: ")]) for name in names}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--media", type=Path)
    parser.add_argument("--attack", action="store_true", help="vary the clips of --media")
    parser.add_argument("--simulated", type=int, metavar="SEEDS")
    parser.add_argument("--settle", type=float, default=SETTLE_S)
    parser.add_argument("--model", default=SHIPPED_MODEL, help="none: no detector")
    parser.add_argument("--weights", type=Path, action="append", default=[])
    parser.add_argument("--answers", type=Path, help="keeps what the detector said of --attack")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    model = "" if options.model == NO_MODEL else options.model
    request = Request(WatchSettings((), options.settle), model, tuple(options.weights))
    with tempfile.TemporaryDirectory() as folder:
        scores = []
        for last in _scores(options, request, Path(folder)):
            scores.append(last)
            print(
                f"{last.clip:45} {last.found}/{last.events} found, {last.false} false, "
                f"{last.unsure} unsure, actor right {last.actors_right}/{last.found}, "
                f"onset off {last.onset_errors_s} s, alarm after {last.alarm_delays_s} s, "
                f"{last.frames_decoded} frames, {last.detector_calls} detector calls, "
                f"{last.cpu_s:.1f} CPU s of {last.media_s:.0f} s",
                flush=True,
            )
    total = summary(scores)
    print(json.dumps(total))
    variations = by_attack(scores) if options.attack else {}
    for name, each in variations.items():
        print(f"{name:24} {each['found']}/{each['events']} found, {each['false']} false")
    if options.json:
        result = {
            "command": command(options),
            "machine": machine(),
            "total": total,
            "variations": variations,
            "clips": [asdict(each) for each in scores],
        }
        options.json.write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
