"""Drawn scenes with an exact truth: what is found, what is not."""

from collections.abc import Callable
from itertools import pairwise

import cv2
import numpy as np
import pytest

from tests.vision.stage import (
    BAG,
    DROP_S,
    START,
    Sprite,
    Stage,
    Table,
    deposit,
    person,
    thing,
    truth,
    van,
)
from vision.boxes import Box, iou
from vision.candidate import Candidate, Change
from vision.detect import Detection, Label
from vision.dismissal import Dismissal
from vision.dumping import attribute
from vision.frame import CameraId, Image, Instant, later, seconds_between
from vision.picture import without_colour
from vision.sighting import Actor, ReasonKey, Sighting
from vision.watch import Watch, WatchSettings
from vision.zone import Zone, ZoneKind

SETTLE = WatchSettings(settle_s=4.0)
WALKERS = tuple(
    person(((s, -20.0), (s + 7, 330.0)), y=40 + 10 * n) for n, s in enumerate((1, 6, 9, 17))
)


def only_bag(sightings: list[Sighting]) -> Sighting:
    (found,) = sightings
    assert iou(found.box, truth()) >= 0.5
    assert abs(seconds_between(START, found.onset) - DROP_S) <= 0.6
    return found


@pytest.mark.parametrize(
    "stage",
    [
        Stage(deposit()),
        Stage(deposit(), noise=6.0),
        Stage((*deposit(), *WALKERS)),
        Stage((person(((0.0, 60.0), (3.0, 60.0), (9.0, 330.0)), y=20), *deposit())),
        Stage(deposit(), light=lambda t_s: 1.0 if t_s < 11 else 1.3),
        Stage(deposit(), light=lambda t_s: 1.0 - 0.015 * t_s),
        Stage(deposit(), shift=lambda t_s: (round(t_s) % 5, -(round(t_s) % 3))),
    ],
    ids=["plain", "noise", "passers-by", "starts busy", "exposure step", "dusk", "shake"],
)
def test_deposit_is_found_once(stage: Stage):
    found = only_bag(stage.sightings(30))
    assert found.certain
    assert found.left is not None
    assert found.actor is Actor.UNKNOWN
    assert found.before < found.onset < found.alarm


@pytest.mark.parametrize("step_s", [0.5, 1.0, 2.0])
def test_deposit_is_found_at_any_rate_of_looks(step_s: float):
    found = Stage(deposit()).candidates(32, Watch(CameraId("cam"), SETTLE), step_s)
    assert found
    assert all(iou(c.box, truth()) >= 0.5 for c in found)


def test_what_stays_is_reported_again_after_twice_the_time():
    """The first look-back may meet a thing hidden; asking for ever would cost for ever."""
    found = Stage(deposit()).candidates(60, Watch(CameraId("cam"), SETTLE))
    assert len(found) == 4
    waits = [seconds_between(c.onset, c.alarm) for c in found]
    assert all(after >= 2 * sooner for sooner, after in pairwise(waits))


def billboard(image: Image, t_s: float) -> None:
    shown = np.random.default_rng(int(t_s / 3)).integers(0, 255, (4, 6, 3), np.uint8)
    image[20:60, 220:280] = cv2.resize(shown, (60, 40), interpolation=cv2.INTER_NEAREST)
    cv2.rectangle(image, (218, 18), (281, 61), (20, 20, 20), 2)


@pytest.mark.parametrize(
    "stage",
    [
        Stage(),
        Stage(noise=8.0),
        Stage(WALKERS),
        Stage((person(((3.0, -20.0), (7.0, 150.0), (22.0, 150.0), (27.0, 330.0))),)),
        Stage((person(((0.0, 150.0), (9.0, 150.0), (14.0, 330.0))),)),
        Stage((thing(BAG, 0.0, 12.0), person(((8.0, -20.0), (12.0, 140.0), (17.0, 330.0))))),
        Stage((van(8.0), *WALKERS)),
        Stage((van(8.0, 24.0),)),
        Stage((billboard, *WALKERS)),
        Stage(light=lambda t_s: 1.0 if t_s < 12 else 1.35),
        Stage(light=lambda t_s: 1.0 + 0.2 * np.sin(t_s / 4)),
        Stage(WALKERS, shift=lambda t_s: (round(5 * np.sin(t_s)), round(3 * np.cos(t_s)))),
        Stage(effect=lambda image, t_s: image if t_s < 12 else np.ascontiguousarray(image[::-1])),
        Stage(
            (lambda image, t_s: cv2.putText(image, f"{t_s:.0f}", (4, 20), 0, 0.7, (0, 0, 0), 2),)
        ),
    ],
    ids=[
        "empty",
        "noise",
        "passers-by",
        "stands and leaves",
        "stands from the start",
        "removal",
        "parked van",
        "van parks and leaves",
        "billboard",
        "exposure step",
        "flickering light",
        "shaking camera",
        "scene cut",
        "clock in the picture",
    ],
)
def test_nothing_is_found(stage: Stage):
    assert stage.sightings(32) == []


def test_what_remains_when_the_owner_leaves_is_found():
    owner = person(((4.0, -20.0), (7.5, 132.0), (20.0, 132.0), (24.0, 330.0)), y=62, sways=False)
    found = Stage((owner, thing(BAG, DROP_S))).sightings(36)
    assert any(iou(s.box, truth()) >= 0.5 and s.left is not None for s in found)


def tinted(image: Image, _t_s: float) -> None:
    """A street with colours, which a camera in infrared does not show."""
    cv2.add(image, (60, 20, 0, 0), image)


def infrared(from_s: float, until_s: float = 1e9) -> Callable[[Image, float], Image]:
    def seen(image: Image, t_s: float) -> Image:
        return without_colour(image) if from_s <= t_s < until_s else image

    return seen


@pytest.mark.parametrize("until_s", [18.0, 1e9])
def test_infrared_switch_makes_nothing(until_s: float):
    stage = Stage((tinted, *WALKERS), effect=infrared(12.0, until_s))
    assert stage.sightings(40) == []


@pytest.mark.parametrize("at_s", [DROP_S - 3, DROP_S - 0.5, DROP_S + 1, DROP_S + 3, DROP_S + 6])
@pytest.mark.parametrize("to_colour", [False, True])
def test_a_deposit_is_found_over_a_switch(at_s: float, to_colour: bool):
    """Before, during and after it, into the night and out of it."""
    effect = infrared(0.0, at_s) if to_colour else infrared(at_s)
    only_bag(Stage((tinted, *deposit()), effect=effect).sightings(30))


def test_after_a_night_in_infrared_colours_count_again():
    """A thing as bright as the ground is seen by day, though a grey reference did not show it."""
    ground, red = (70, 110, 130), (70, 80, 190)

    def flat(image: Image, _t_s: float) -> None:
        image[:] = ground

    def bag(image: Image, t_s: float) -> None:
        if t_s >= DROP_S + 20:
            x0, y0, x1, y1 = BAG
            image[y0:y1, x0:x1] = red

    owner = person(((22.0, -20.0), (27.5, 134.0), (28.5, 134.0), (33.0, 330.0)))
    stage = Stage((flat, owner, bag), effect=infrared(5.0, 15.0))
    (found,) = stage.sightings(60)
    assert iou(found.box, truth()) >= 0.5


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        (ZoneKind.NO_DUMP, 1),
        (ZoneKind.IGNORE, 0),
        (ZoneKind.ROAD, 0),
        (ZoneKind.BIN, 0),
        (ZoneKind.NO_VEND, 1),
    ],
)
def test_zones(kind: ZoneKind, found: int):
    around_bag = ((0.4, 0.45), (0.6, 0.45), (0.6, 0.75), (0.4, 0.75))
    settings = WatchSettings((Zone("z", kind, around_bag),), 4.0)
    assert len(Stage(deposit()).sightings(24, settings)) == found


def test_outside_of_the_zone_nothing_counts():
    left = Zone("z", ZoneKind.NO_DUMP, ((0.0, 0.0), (0.3, 0.0), (0.3, 1.0), (0.0, 1.0)))
    assert Stage(deposit()).findings(24, WatchSettings((left,), 4.0)) == []


def test_origin_of_time_changes_nothing():
    watches = [Watch(CameraId("cam"), SETTLE) for _ in range(2)]
    early = Stage(deposit(), start=Instant(0))
    here = early.candidates(20, watches[0])
    there = Stage(deposit()).candidates(20, watches[1])
    offset_s = seconds_between(Instant(0), START)
    assert [(c.box, later(c.onset, offset_s), later(c.alarm, offset_s)) for c in here] == [
        (c.box, c.onset, c.alarm) for c in there
    ]


def test_watches_do_not_influence_each_other():
    alone = Stage(deposit()).candidates(20, Watch(CameraId("cam"), SETTLE))
    one, other = Watch(CameraId("cam"), SETTLE), Watch(CameraId("cam"), SETTLE)
    busy, quiet = Stage(deposit()), Stage(WALKERS)
    together = []
    for t_s in range(20):
        together += one.see(busy.frame(t_s))
        assert other.see(quiet.frame(t_s)) == []
    assert together == alone


Found = tuple[Stage, list[Candidate]]


@pytest.fixture(scope="module")
def found_bag() -> Found:
    stage = Stage(deposit())
    return stage, stage.candidates(15, Watch(CameraId("cam"), SETTLE))


def test_a_detector_that_sees_nothing_changes_nothing(found_bag: Found):
    stage, (candidate,) = found_bag
    assert attribute(candidate, stage.lookback(candidate), Table()) == attribute(
        candidate, stage.lookback(candidate), None
    )


BESIDE = Box(134, 60, 150, 116)


@pytest.mark.parametrize(
    ("seen", "actor"),
    [
        ((Detection(Label.PERSON, BESIDE, 0.9),), Actor.PERSON),
        ((Detection(Label.TRUCK, BESIDE, 0.9),), Actor.UNKNOWN),
        ((Detection(Label.BAG, truth(), 0.9),), Actor.UNKNOWN),
    ],
    ids=["person beside", "truck parked beside", "bag"],
)
def test_actor(found_bag: Found, seen: tuple[Detection, ...], actor: Actor):
    stage, (candidate,) = found_bag
    sighting = attribute(candidate, stage.lookback(candidate), Table(seen))
    assert isinstance(sighting, Sighting)
    assert sighting.actor is actor


def test_what_appears_while_people_are_seen_elsewhere_was_brought_by_nobody(found_bag: Found):
    """A screen, an edge that flickers: the detector sees people here, and saw none there."""
    stage, (candidate,) = found_bag
    far_off = (Detection(Label.PERSON, Box(0, 0, 16, 56), 0.9),)
    judged = attribute(candidate, stage.lookback(candidate), Table(far_off))
    assert judged == Dismissal(candidate, ReasonKey.CAME_BY_ITSELF)


class Newcomer:
    """Sees a thing at the bag's place, in all but the first looks."""

    def __init__(self, label: Label) -> None:
        self.label, self.looks = label, 0

    def detect(self, image: Image) -> tuple[Detection, ...]:
        self.looks += 1
        return (Detection(self.label, truth().grown(2), 0.9),) if self.looks > 12 else ()


class Waiting:
    """Sees somebody stand beside the bag's place, in all but the first looks."""

    looks = 0

    def detect(self, image: Image) -> tuple[Detection, ...]:
        self.looks += 1
        return (Detection(Label.PERSON, BESIDE, 0.9),) if self.looks > 12 else ()


def pole(image: Image, t_s: float) -> None:
    """As upright as an arm or a leg."""
    if t_s >= DROP_S:
        image[80:116, 152:166] = (40, 30, 30)


def soft_shadow(image: Image, t_s: float) -> None:
    x0, y0, x1, y1 = BAG
    if t_s >= DROP_S:
        image[y0:y1, x0:x1] = (image[y0:y1, x0:x1] * 0.7).astype(np.uint8)


@pytest.mark.parametrize(
    ("sprite", "told"),
    [(thing(BAG, DROP_S), True), (pole, False), (soft_shadow, False)],
    ids=["a bag", "an upright part", "a shadow"],
)
def test_at_who_stands_there_shadows_and_upright_parts_are_theirs(sprite: Sprite, told: bool):
    """Told when they have gone; a bag is told at once."""
    stage = Stage((sprite, person(((4.0, -20.0), (7.5, 132.0), (24.0, 330.0)), sways=False)))
    candidates = stage.candidates(24, Watch(CameraId("cam"), SETTLE))
    verdicts = [attribute(each, stage.lookback(each), Waiting()) for each in candidates]
    assert candidates
    assert any(isinstance(each, Sighting) for each in verdicts) is told


@pytest.mark.parametrize("label", [Label.PERSON, Label.CAR, Label.ANIMAL])
def test_a_person_or_vehicle_is_no_deposit(found_bag: Found, label: Label):
    stage, (candidate,) = found_bag
    judged = attribute(candidate, stage.lookback(candidate), Newcomer(label))
    assert judged == Dismissal(candidate, ReasonKey.PERSON_OR_VEHICLE)


@pytest.mark.parametrize("kept", [0, 1, 3])
def test_too_few_frames_make_it_unsure(found_bag: Found, kept: int):
    stage, (candidate,) = found_bag
    frames = list(stage.lookback(candidate))[len(list(stage.lookback(candidate))) - kept :]
    sighting = attribute(candidate, frames, None)
    assert isinstance(sighting, Sighting)
    assert not sighting.certain
    assert sighting.box == candidate.box


def test_candidate_comes_with_the_words_of_the_watch(found_bag: Found):
    _, (candidate,) = found_bag
    assert candidate.change is Change.ADDED
    assert candidate.before < candidate.onset
    assert seconds_between(candidate.onset, candidate.alarm) >= SETTLE.settle_s
