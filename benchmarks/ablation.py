"""What each rule of the look-back is good for: all of them, each left out, and none.

    python -m benchmarks.ablation --media DIR --settle 2 [--model none] [--json FILE]

The watch runs once over five pictures in a second and each look-back is cut once; only the verdict
is given anew. Where a rule is left out the events found may be more: what is lost is then paid for
in false findings.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.detection import SETTLE_S, Clip, matches, real_clips, wilson
from benchmarks.detection_attack import between, candidates, decoded
from benchmarks.machine import machine
from models.session import open_detector
from service.analyze import report_of
from service.settings import NO_MODEL, SHIPPED_MODEL
from vision.course import has_both, read
from vision.detect import Detector
from vision.dismissal import RULES, Dismissal, Evidence, is_unseen
from vision.dumping import judged, span
from vision.lookback import cut
from vision.sighting import Sighting, same_act
from vision.watch import WatchSettings

Rules = Sequence[Any]

VARIANTS: dict[str, Rules] = {
    "all rules": RULES,
    **{
        f"without {rule.__name__}": [each for each in RULES if each[0] is not rule]
        for rule, _ in RULES
        # What was never seen whole has no course that another rule could read.
        if rule is not is_unseen
    },
    "is_unseen alone": [each for each in RULES if each[0] is is_unseen],
}


def evidence(clip: Clip, settings: WatchSettings, detector: Detector | None) -> Iterator[Evidence]:
    """What was seen of each candidate of a clip, where there was something to see."""
    frames = decoded(clip.path)
    for candidate in candidates(frames, settings):
        lookback = cut(candidate, between(frames, *span(candidate)), detector)
        course = read(candidate, lookback) if has_both(candidate, lookback) else None
        if course is not None:
            yield Evidence(candidate, lookback, course)


def verdicts(shown: Sequence[Evidence], rules: Rules) -> list[Sighting]:
    """What is told of the candidates of one clip under `rules`, each act once."""
    told: list[Sighting] = []
    for each in shown:
        verdict = judged(each, rules)
        if not isinstance(verdict, Dismissal) and not any(
            same_act(verdict.onset, verdict.box, other.onset, other.box) for other in told
        ):
            told.append(verdict)
    return told


def found_and_false(clip: Clip, told: Sequence[Sighting]) -> tuple[int, int]:
    """Events found, and findings that are none."""
    left = report_of(told)
    found = 0
    for truth in clip.events:
        hit = next((finding for finding in left if matches(finding, truth)), None)
        if hit is not None:
            left.remove(hit)
            found += 1
    return found, len(left)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--media", type=Path, required=True)
    parser.add_argument("--settle", type=float, default=SETTLE_S)
    parser.add_argument("--model", default=SHIPPED_MODEL, help="none: no detector")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    detector = None if options.model == NO_MODEL else open_detector(options.model, threads=1)
    settings = WatchSettings((), options.settle)
    totals = {name: [0, 0] for name in VARIANTS}
    events = clips = 0
    for clip in real_clips(options.media):
        shown = list(evidence(clip, settings, detector))
        clips, events = clips + 1, events + len(clip.events)
        for name, rules in VARIANTS.items():
            found, false = found_and_false(clip, verdicts(shown, rules))
            totals[name][0] += found
            totals[name][1] += false
    for name, (found, false) in totals.items():
        print(f"{name:36} {found}/{events} found, {false} false in {clips} clips")
    if options.json:
        how = f"--settle {options.settle:g} --model {options.model}"
        result = {
            "command": f"python -m benchmarks.ablation --media DIR {how}",
            "machine": machine(),
            "clips": clips,
            "events": events,
            "variants": {
                name: {"found": found, "recall_95": wilson(found, events), "false": false}
                for name, (found, false) in totals.items()
            },
        }
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
