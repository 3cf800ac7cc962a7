"""When and where a thing came to rest, read from drawn looks."""

from dataclasses import replace

import pytest

from tests.vision.stage import BAG, DROP_S, START, Stage, person, thing, truth
from vision.boxes import Box, iou
from vision.candidate import Candidate, Change, Kind
from vision.course import Course, read
from vision.frame import CameraId, later, seconds_between
from vision.lookback import Lookback, cut

OWNER = person(((4.0, -20.0), (7.0, 134.0), (11.0, 134.0), (13.0, 330.0)), sways=False)
PASSERS = tuple(person(((s, -20.0), (s + 4, 330.0)), y=70) for s in (10, 12.5, 15))
WIDE = Box(120, 50, 180, 122)
"""The bag and whoever stands beside it, as a watch may see them: in one piece."""


def candidate(alarm_s: float, before_s: float = 4.0) -> Candidate:
    return Candidate(
        camera=CameraId("cam"),
        kind=Kind.DUMPING,
        before=later(START, before_s),
        onset=later(START, DROP_S),
        alarm=later(START, alarm_s),
        box=WIDE,
        size=(320, 180),
        change=Change.ADDED,
        contrast=0.3,
    )


def course_of(stage: Stage, found: Candidate) -> tuple[Course, Lookback]:
    lookback = cut(found, stage.lookback(found), None)
    course = read(found, lookback)
    assert course is not None
    return course, lookback


def box_of(course: Course, lookback: Lookback) -> Box:
    per_px = lookback.region.width / WIDE.width
    off = course.thing.box.moved(-lookback.region.x0, -lookback.region.y0)
    return off.scaled(1 / per_px, 1 / per_px).moved(WIDE.x0, WIDE.y0)


@pytest.mark.parametrize(
    "stage",
    [
        Stage((OWNER, thing(BAG, DROP_S))),
        Stage((OWNER, thing(BAG, DROP_S)), noise=5.0),
        Stage((OWNER, thing(BAG, DROP_S), *PASSERS)),
    ],
    ids=["plain", "noise", "passers-by"],
)
def test_only_what_came_to_rest_together_is_the_thing(stage: Stage):
    """Neither passers-by nor an owner who lingered move its box or its onset."""
    course, lookback = course_of(stage, candidate(18.0))
    assert iou(box_of(course, lookback), truth()) >= 0.6
    at_s = (int(course.times[course.onset]) - START) / 1e6
    assert abs(at_s - DROP_S) <= 0.4


def test_nothing_that_differs_gives_no_course():
    found = candidate(18.0)
    assert read(found, cut(found, Stage().lookback(found), None)) is None


def test_glimpses_of_one_side_give_no_course():
    """A recording that begins after the deposit tells nothing of before."""
    found = candidate(18.0)
    late = [
        frame
        for frame in Stage((thing(BAG, DROP_S),)).lookback(found)
        if seconds_between(START, frame.at) > DROP_S
    ]
    assert read(found, cut(found, late, None)) is None


def test_a_thing_of_the_first_second_is_read_though_the_watch_rounds():
    """Its seconds of 32 bits make "clear until the first look" a little earlier than that look."""
    found = candidate(18.0, before_s=DROP_S - 0.5)
    first = [f for f in Stage((thing(BAG, DROP_S),)).lookback(found) if f.at >= found.before]
    rounded = replace(found, before=later(first[0].at, -0.000002))
    assert read(rounded, cut(rounded, first, None)) is not None
