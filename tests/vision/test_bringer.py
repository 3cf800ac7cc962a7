"""What a detector's boxes say of a thing: who brought it, and whether it is somebody itself."""

from dataclasses import replace

import numpy as np
import pytest

from vision.boxes import Box
from vision.bringer import bringer, is_itself, sees_people, waits_beside, was_covered
from vision.detect import Detection, Label
from vision.frame import Instant, later
from vision.lookback import Glimpse
from vision.sighting import Actor

START, NOTHING = Instant(0), np.zeros((4, 4, 3), np.uint8)
BAG = Box(100, 100, 130, 120)
OVER_IT = Box(90, 40, 140, 122)
BESIDE = Box(135, 40, 165, 120)
AWAY = Box(300, 40, 330, 120)
ONSET_S = 6.0


def glimpses(*boxes: Box | None, label: Label = Label.PERSON) -> tuple[Glimpse, ...]:
    """A look each second; None sees nobody."""
    return tuple(
        Glimpse(
            later(START, second),
            NOTHING,
            () if box is None else (Detection(label, box, 0.9),),
        )
        for second, box in enumerate(boxes)
    )


def itself(looks: tuple[Glimpse, ...]) -> bool:
    return is_itself(looks, BAG, later(START, ONSET_S))


FREE = (None,) * 6
"""Nobody until the onset."""


def test_who_stands_there_until_the_end_is_the_thing():
    assert itself(glimpses(*FREE, *(OVER_IT,) * 7))


def test_who_walks_up_does_not_count_as_having_stood_there_before():
    """The last steps of a person who comes to stand overlap the place; they excuse nobody."""
    walking = (AWAY, AWAY, AWAY, AWAY, AWAY, OVER_IT)
    assert itself(glimpses(*walking, *(OVER_IT,) * 7))


@pytest.mark.parametrize(("label", "told"), [(Label.CAR, False), (Label.PERSON, True)])
def test_who_stood_there_before_is_the_thing_and_a_parked_car_is_not(label: Label, told: bool):
    """Who waits moves a hand and holds it still again; a parked car changes nowhere."""
    assert itself(glimpses(*(OVER_IT,) * 13, label=label)) is told


@pytest.mark.parametrize(
    ("height", "told"), [(24, True), (240, False)], ids=["who fill it", "who are larger"]
)
def test_two_who_stand_beside_each_other_are_the_thing_together(height: float, told: bool):
    """Each covers a third of it; a bag that reaches behind two people is none of them."""
    pair = tuple(Detection(Label.PERSON, Box(x, 121 - height, x + 15, 121), 0.9) for x in (95, 120))
    looks = tuple(replace(g, detections=pair) for g in glimpses(*(OVER_IT,) * 7))
    shifted = tuple(replace(g, at=later(g.at, ONSET_S)) for g in looks)
    assert itself((*glimpses(*FREE), *shifted)) is told


def test_a_bringer_who_leaves_is_not_the_thing():
    assert not itself(glimpses(*FREE, OVER_IT, OVER_IT, BESIDE, AWAY, None, None, None))


@pytest.mark.parametrize(("label", "told"), [(Label.TRUCK, True), (Label.PERSON, False)])
def test_what_lies_under_a_vehicle_in_half_of_the_looks_is_part_of_it(label: Label, told: bool):
    """The detector misses a van now and then; a person over a bag may be bending down to it."""
    looks = (OVER_IT, OVER_IT, OVER_IT, OVER_IT, None, OVER_IT, None, OVER_IT)
    assert itself(glimpses(*FREE, *looks, label=label)) is told


def test_a_vehicle_that_drives_off_leaves_what_lies_there():
    looks = (OVER_IT, OVER_IT, OVER_IT, OVER_IT, None, None, None)
    assert not itself(glimpses(*FREE, *looks, label=Label.TRUCK))


def test_what_a_leaving_person_uncovers_was_there_all_the_time():
    looks = glimpses(*(OVER_IT,) * 6, AWAY, None, None)
    assert was_covered(looks, BAG, later(START, 5.0), later(START, 6.0))


@pytest.mark.parametrize(
    "boxes",
    [
        (None,) * 6 + (OVER_IT, BESIDE, None),
        (OVER_IT,) * 9,
        (None, None, None, OVER_IT, OVER_IT, AWAY),
    ],
    ids=["free before", "covered still", "a bringer passes over the place"],
)
def test_a_place_that_was_seen_free_or_is_hidden_still_was_not_uncovered(
    boxes: tuple[Box | None, ...],
):
    assert not was_covered(glimpses(*boxes), BAG, later(START, 5.0), later(START, 5.5))


def test_without_a_look_nothing_was_covered():
    assert not was_covered((), BAG, later(START, 5.0), later(START, 6.0))


def test_a_person_is_the_bringer_before_a_vehicle_that_is_nearer():
    at = later(START, ONSET_S)
    both = (Detection(Label.CAR, OVER_IT, 0.9), Detection(Label.PERSON, BESIDE, 0.5))
    looks = (*glimpses(None), Glimpse(at, NOTHING, both), *glimpses(None))
    assert bringer(looks, BAG, at) == (Actor.PERSON, BESIDE)


@pytest.mark.parametrize(
    ("limb", "told"),
    [
        (Box(105, 112, 125, 124), True),
        (Box(85, 114, 100, 124), True),
        (Box(105, 70, 125, 82), True),
        (Box(88, 55, 96, 95), True),
        (Box(105, 100, 135, 124), False),
        (Box(142, 108, 165, 124), False),
    ],
    ids=[
        "shoes",
        "their shadow",
        "in the hand",
        "an arm",
        "a bag before the feet",
        "a bag beside them",
    ],
)
def test_limbs_and_shoes_belong_to_who_stands_there(limb: Box, told: bool):
    """The detector sees who stands there in two looks of three."""
    seen = (OVER_IT, None, OVER_IT, OVER_IT, None, OVER_IT, OVER_IT, None)
    assert is_itself(glimpses(*FREE, *seen), limb, later(START, ONSET_S)) is told


@pytest.mark.parametrize(
    ("before", "since", "told"),
    [
        (FREE, (BESIDE,) * 7, True),
        (FREE, (BESIDE, None, BESIDE, BESIDE, None, BESIDE, BESIDE), True),
        ((BESIDE,) * 6, (BESIDE,) * 7, False),
        (FREE, (AWAY,) * 7, False),
        (FREE, (BESIDE,) * 5 + (AWAY,) * 3, False),
        (FREE, (BESIDE, AWAY, None, None, None, None, BESIDE), False),
        (FREE, (None,) * 7, False),
    ],
    ids=[
        "stands there", "is missed at times", "stood there before", "stands elsewhere", "has gone",
        "passes at the end", "nobody",
    ],
)  # fmt: skip
def test_who_came_with_it_waits_beside_it(
    before: tuple[Box | None, ...], since: tuple[Box | None, ...], told: bool
):
    assert waits_beside(glimpses(*before, *since), BAG, later(START, ONSET_S)) is told


@pytest.mark.parametrize(
    ("boxes", "label", "told"),
    [
        ((AWAY, AWAY, None), Label.PERSON, True),
        ((AWAY, None, None), Label.PERSON, False),
        ((AWAY, AWAY, AWAY), Label.CAR, False),
    ],
)
def test_a_detector_that_sees_people_sees_them_more_than_once(
    boxes: tuple[Box | None, ...], label: Label, told: bool
):
    assert sees_people(glimpses(*boxes, label=label)) is told
