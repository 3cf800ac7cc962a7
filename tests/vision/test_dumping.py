"""Which part of a recording a look-back reads, and what it makes of what was told late."""

from dataclasses import replace

import numpy as np
import pytest

from tests.vision.stage import BAG, DROP_S, START, Sprite, Stage, person, thing, van
from tests.vision.test_course import candidate
from vision.dismissal import Dismissal
from vision.dumping import attribute
from vision.frame import Image, later, seconds_between
from vision.lookback import spans
from vision.sighting import ReasonKey, Sighting

OWNER = person(((4.0, -20.0), (7.0, 134.0), (11.0, 134.0), (13.0, 330.0)), sways=False)


@pytest.mark.parametrize(
    ("before_s", "onset_s", "alarm_s", "expected"),
    [
        (200.0, 201.0, 211.0, [(195.0, 211.0)]),
        (200.0, 201.0, 500.0, [(195.0, 315.0)]),
        (20.0, 201.0, 211.0, [(15.0, 20.0), (141.0, 211.0)]),
        (20.0, 201.0, 500.0, [(15.0, 20.0), (141.0, 261.0)]),
        (135.0, 201.0, 211.0, [(130.0, 211.0)]),
        (131.0, 201.0, 211.0, [(126.0, 131.0), (141.0, 211.0)]),
    ],
    ids=["usual", "told late", "hidden for long", "both", "for a minute", "for a little longer"],
)
def test_spans(
    before_s: float, onset_s: float, alarm_s: float, expected: list[tuple[float, float]]
):
    """They show the onset, what came before it and the place when it was clear."""
    found = replace(candidate(alarm_s, before_s), onset=later(START, onset_s))
    told = [tuple(seconds_between(START, at) for at in span) for span in spans(found)]
    assert told == expected


@pytest.mark.parametrize("unloads", [True, False])
def test_what_a_van_hid_for_minutes_is_compared_with_how_the_place_was(unloads: bool):
    """Neither passed on unread nor lost: the load is seen when the van has gone."""
    load = (thing(BAG, 60.0),) if unloads else ()
    stage = Stage((*load, van(8.0, 121.0)))
    told = stage.sightings(150)
    assert len(told) == int(unloads)


def test_what_is_told_after_minutes_is_judged_by_its_first_two():
    """Not passed on unread to the officer; the alarm is that of the watch."""
    found = candidate(alarm_s=190.0)
    stage = Stage((OWNER, thing(BAG, DROP_S)))
    verdict = attribute(found, stage.lookback(found), None)
    assert isinstance(verdict, Sighting)
    assert verdict.certain
    assert verdict.alarm == found.alarm


def ground(image: Image, _t_s: float) -> None:
    """One grey, on which a faint thing ends all around."""
    image[:] = 135


def faint(levels: int) -> Sprite:
    """A bag that is so much darker than the ground."""
    x0, y0, x1, y1 = BAG

    def draw(image: Image, t_s: float) -> None:
        if t_s >= DROP_S:
            image[y0:y1, x0:x1] -= np.uint8(levels)

    return draw


@pytest.mark.parametrize(
    ("levels", "alarm_s", "told"),
    [(30, 14.0, True), (16, 14.0, False), (16, 18.0, True), (8, 18.0, False)],
    ids=["plain", "faint", "faint and long there", "fainter than can be told"],
)
def test_a_faint_thing_counts_once_it_has_lain_long(levels: int, alarm_s: float, told: bool):
    """The noise of a still picture falls with the time over which it is taken."""
    stage = Stage((ground, OWNER, faint(levels)))
    found = candidate(alarm_s)
    verdict = attribute(found, stage.lookback(found), None)
    nothing = Dismissal(found, ReasonKey.NOT_CHANGED)
    assert isinstance(verdict, Sighting) if told else verdict == nothing
