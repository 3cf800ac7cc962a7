"""Trials: the same for ever, true to their truth, and fair to the rule that they test."""

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from service.demo.calm import CALMS, calm, kinds
from service.demo.deed import DEEDS, LEAST_CONTRAST, LEAST_SHARE, LEAST_SHOWN, deed
from service.demo.place import SIZE
from service.demo.trial import Trial
from service.demo.weather import Light
from vision.boxes import Box
from vision.detect import Label
from vision.frame import Instant
from vision.picture import as_mask
from vision.region import of_box
from vision.zone import watched

SEED = 17
DEED_TRIALS = {kind: deed(kind, SEED, Light.DAY) for kind in DEEDS}
CALM_TRIALS = {kind: calm(kind, SEED, Light.LAMPS) for kind in CALMS}
TRIALS = [*DEED_TRIALS.values(), *CALM_TRIALS.values()]
SETTLE_S = 10.0
"""The usual settle time: quiet trials leave nothing for so long outside of a bin zone."""


def name(trial: Trial) -> str:
    return trial.kind


def without_loads(trial: Trial) -> Trial:
    return replace(trial, laid=())


def levels_in(box: Box, a: Trial, b: Trial, t_s: float) -> float:
    """Mean difference of two trials inside a box, the noise averaged out."""
    soft = [cv2.GaussianBlur(t.picture(t_s), (0, 0), 2).astype(np.int16) for t in (a, b)]
    window = of_box(box).window
    return float(np.abs(soft[0] - soft[1]).max(axis=2)[window].mean())


@pytest.mark.parametrize("light", list(Light), ids=str)
def test_a_trial_is_the_same_for_ever(light: Light):
    """Equal kinds, seeds and lights: equal pictures; any other: others."""
    again = [deed("bag", 4, light).coded(9.0) for _ in range(2)]
    assert again[0] == again[1]
    assert again[0] != deed("bag", 5, light).coded(9.0)
    assert again[0] != deed("bag", 4, light).coded(9.2), "noise moves"


@pytest.mark.parametrize("trial", TRIALS, ids=name)
def test_a_picture_is_one_of_a_camera(trial: Trial):
    image = trial.picture(30.0)
    assert (image.shape, image.dtype) == ((SIZE[1], SIZE[0], 3), np.uint8)
    assert image.std() > 2, "there is something to see"


@pytest.mark.parametrize("trial", DEED_TRIALS.values(), ids=name)
def test_the_pictures_show_what_the_truth_tells(trial: Trial):
    """A deposit changes its box once it can be seen, and is there to the end."""
    for truth in trial.truths():
        assert truth.contact_s <= truth.seen_s < trial.seconds - 2 * SETTLE_S
        assert truth.share >= LEAST_SHARE
        assert truth.shown >= LEAST_SHOWN
        assert truth.contrast >= LEAST_CONTRAST
        assert levels_in(truth.box, trial, without_loads(trial), trial.seconds - 1) > 5


def test_what_a_van_hides_is_seen_when_it_leaves():
    trial = DEED_TRIALS["behind_van"]
    (truth,) = trial.truths()
    assert truth.seen_s - truth.contact_s > 2
    bare = without_loads(trial)
    hidden = levels_in(truth.box, trial, bare, truth.contact_s + 0.5)
    assert hidden < levels_in(truth.box, trial, bare, truth.seen_s + 1) / 2


@pytest.mark.parametrize("trial", TRIALS, ids=name)
def test_nothing_jumps_out_of_a_hand(trial: Trial):
    """What is carried is at its place as it touches the ground, and as it is lifted."""
    for laid in trial.laid:
        for at_s, carrier in ((laid.from_s, laid.bringer), (laid.to_s, laid.taker)):
            if carrier is None:
                continue
            before, after = laid.foot(at_s - 1e-3), laid.foot(at_s)
            if before is not None and after is not None:
                assert np.hypot(*(np.array(before) - after)[:2]) < 0.02
                assert abs(before[2] - after[2]) < 0.05


@pytest.mark.parametrize("trial", CALM_TRIALS.values(), ids=name)
def test_a_quiet_trial_leaves_nothing_behind(trial: Trial):
    """What comes and lies for the settle time lies inside of a bin zone, which is left out."""
    assert not trial.truths()
    counts = watched(trial.zones, (SIZE[1], SIZE[0]), Instant(0))
    for laid in trial.laid:
        if laid.from_s > 0 and laid.to_s - laid.from_s >= SETTLE_S - 2:
            assert of_box(laid.box(trial.place)).share(as_mask(counts > 0)) < 0.5


def test_who_waits_is_never_quite_still():
    """A drawn person as still as a statue would be an easier, and an unreal, case."""
    trial = CALM_TRIALS["waiting"]
    waits = [p for p in trial.players if any(a.x == b.x for a, b in pairwise(p.part.path))]
    assert len(waits) >= 3
    for player in waits:
        a, _ = next((a, b) for a, b in pairwise(player.part.path) if a.x == b.x)
        poses = [player.pose(a.t_s + 1.0 + n) for n in range(5)]
        xs = {pose.x for pose in poses if pose is not None}
        assert len(xs) == 5
        assert max(xs) - min(xs) < 0.3 * trial.place.unit(a.y)


def test_actors_are_who_can_be_seen():
    """The van that stops is told all the time; its driver is not while the van hides them."""
    trial = DEED_TRIALS["behind_van"]
    (truth,) = trial.truths()
    seen = [label for label, _ in trial.actors_at(truth.contact_s)]
    assert Label.TRUCK in seen
    assert Label.TRUCK not in [label for label, _ in trial.actors_at(trial.seconds - 1)]


def test_lights_have_their_own_kinds():
    assert "headlights" not in kinds(Light.DAY)
    assert "shadow" not in kinds(Light.LAMPS)
    assert set(kinds(Light.DAY)) | set(kinds(Light.INFRARED)) == set(CALMS)
