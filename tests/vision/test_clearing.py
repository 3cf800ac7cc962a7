"""What was told and then taken away is told as gone, once, and nothing else is."""

import json

import pytest

from tests.vision.stage import BAG, CAMERA, DROP_S, Stage, deposit, person, thing, van
from vision.boxes import Box, iou
from vision.candidate import Candidate, Clearing
from vision.frame import later, seconds_between
from vision.memory import memory_of, remember
from vision.sighting import is_cleared
from vision.watch import Watch, WatchSettings

SETTLE = WatchSettings(settle_s=4.0)
GONE_S = 30.0
BRINGER = deposit()[1]
CLEANER = person(((26.0, -20.0), (29.0, 140.0), (31.0, 140.0), (35.0, 330.0)))
PASSERS = tuple(person(((s, -20.0), (s + 4, 330.0))) for s in (20, 24, 28))


def clearings(
    stage: Stage, seconds: float, *, restart_s: float | None = None
) -> tuple[list[Candidate], list[Clearing]]:
    watch = Watch(CAMERA, SETTLE)
    candidates: list[Candidate] = []
    cleared: list[Clearing] = []
    for t_s in range(int(seconds)):
        if t_s == restart_s:
            memory, watch = memory_of(watch, None), Watch(CAMERA, SETTLE)
            remember(watch, memory)
        candidates += watch.see(stage.frame(float(t_s)))
        cleared += watch.cleared
    return candidates, cleared


@pytest.mark.parametrize("restart_s", [None, 25.0])
def test_what_is_taken_away_is_told_as_gone_once(restart_s: float | None):
    stage = Stage((thing(BAG, DROP_S, GONE_S), BRINGER, CLEANER))
    candidates, (gone,) = clearings(stage, 44, restart_s=restart_s)
    assert gone.candidate.onset == candidates[0].onset
    assert iou(gone.candidate.box, Box(*BAG)) >= 0.5
    assert 0 <= seconds_between(later(stage.start, GONE_S), gone.at) <= 8


@pytest.mark.parametrize(
    "stage",
    [
        Stage((thing(BAG, DROP_S), BRINGER)),
        Stage((thing(BAG, DROP_S), BRINGER, *PASSERS)),
        Stage((thing(BAG, DROP_S), BRINGER), light=lambda t_s: 1.0 if t_s < 20 else 1.3),
        Stage((thing(BAG, DROP_S, 10.0), BRINGER)),
        Stage(PASSERS),
    ],
    ids=["lies there", "is passed by", "in another light", "never told", "nothing"],
)
def test_nothing_else_is_told_as_gone(stage: Stage):
    assert clearings(stage, 44)[1] == []


def test_what_another_thing_hides_is_not_gone():
    candidates, gone = clearings(Stage((thing(BAG, DROP_S), BRINGER, van(26.0))), 44)
    assert candidates
    assert gone == []


def test_a_clearing_is_of_its_sighting_and_of_no_other():
    (gone,) = clearings(Stage((thing(BAG, DROP_S, GONE_S), BRINGER, CLEANER)), 44)[1]
    onset, box = gone.candidate.onset, Box(*BAG)
    assert is_cleared(gone, onset, box)
    assert not is_cleared(gone, later(onset, 10), box)
    assert not is_cleared(gone, onset, box.moved(60, 0))


def test_a_clearing_survives_a_file():
    (gone,) = clearings(Stage((thing(BAG, DROP_S, GONE_S), BRINGER, CLEANER)), 44)[1]
    assert Clearing.from_json(json.loads(json.dumps(gone.to_json()))) == gone
