"""What a thing's shape and the boxes around it say, on the evidence of one drawn deposit."""

from dataclasses import replace

import pytest

from tests.vision.stage import BAG, DROP_S, Stage, thing
from tests.vision.test_course import OWNER, candidate
from vision.boxes import Box
from vision.detect import Detection, Label
from vision.dismissal import Evidence, is_somebody, is_unseen
from vision.dumping import seen
from vision.lookback import cut
from vision.region import Region, of_box

LEFT, RIGHT, FAR = Box(150, 96, 156, 102), Box(166, 96, 172, 102), Box(120, 108, 134, 118)
"""Places in the frame: a hand each of two people, and what one of them put down."""


def evidence() -> Evidence:
    found = candidate(18.0)
    lookback = cut(found, Stage((OWNER, thing(BAG, DROP_S))).lookback(found), None)
    told = seen(found, lookback)
    assert told is not None
    return told


def with_thing(told: Evidence, region: Region) -> Evidence:
    return replace(told, course=replace(told.course, thing=region))


def region_of(told: Evidence, *boxes: Box) -> Region:
    """The pixels of `boxes` of the frame as one region of the crops."""
    x0, y0 = told.candidate.box.x0, told.candidate.box.y0
    at, per_px = told.lookback.region, told.per_px
    crops = [of_box(b.moved(-x0, -y0).scaled(per_px, per_px).moved(at.x0, at.y0)) for b in boxes]
    drawn = [crop.drawn(told.course.after.shape[:2]) for crop in crops]
    return Region(0, 0, sum(drawn[1:], drawn[0]))


def watched_by(told: Evidence, *people: Box) -> Evidence:
    """A detector that sees `people` in every look since the onset, and nobody before."""
    boxes = tuple(Detection(Label.PERSON, box, 0.9) for box in people)
    glimpses = tuple(
        replace(g, detections=boxes if g.at > told.onset else ()) for g in told.lookback.glimpses
    )
    return replace(told, lookback=replace(told.lookback, glimpses=glimpses))


def around(part: Box) -> Box:
    """Somebody who is much larger than the part."""
    return Box(part.x0 - 3, part.y0 - 40, part.x1 + 3, part.y1 + 20)


@pytest.mark.parametrize(
    ("boxes", "told"),
    [((Box(*BAG),), False), ((Box(130, 96, 170, 108),), False), ((Box(120, 104, 180, 107),), True)],
    ids=["bag", "a box three times as long", "a tape that sways"],
)
def test_what_is_thin_everywhere_is_no_thing(boxes: tuple[Box, ...], told: bool):
    found = evidence()
    assert is_unseen(with_thing(found, region_of(found, *boxes))) is told


@pytest.mark.parametrize(
    ("parts", "people", "told"),
    [
        ((LEFT, RIGHT), (around(LEFT), around(RIGHT)), True),
        ((LEFT, RIGHT), (around(LEFT),), False),
        ((LEFT, FAR), (around(LEFT),), False),
        ((LEFT, RIGHT), (), False),
    ],
    ids=["a hand of each", "as much of nobody", "a bag beside a hand", "nobody"],
)
def test_a_thing_is_somebody_when_most_of_its_parts_are(
    parts: tuple[Box, ...], people: tuple[Box, ...], told: bool
):
    """Neither person covers half of the box around both hands."""
    found = evidence()
    found = watched_by(with_thing(found, region_of(found, *parts)), *people)
    assert is_somebody(found) is told
