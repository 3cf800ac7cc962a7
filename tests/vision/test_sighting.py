"""When two findings of one camera are one act, and a candidate is of a finding."""

import pytest

from vision.boxes import Box
from vision.candidate import Candidate, Change, Kind
from vision.frame import CameraId, Instant, later
from vision.sighting import same_act, tells_of

AT = Instant(60_000_000)
BAG = Box(100, 100, 130, 130)


@pytest.mark.parametrize(
    ("after_s", "box", "same"),
    [
        (0.0, BAG, True),
        (1.9, Box(105, 100, 135, 130), True),
        (2.1, BAG, False),
        (1.9, Box(125, 100, 155, 130), False),
        (0.4, Box(134, 100, 160, 130), True),
        (0.6, Box(134, 100, 160, 130), False),
        (0.4, Box(145, 100, 171, 130), False),
        (0.4, Box(95, 80, 135, 130), True),
        (0.4, Box(60, 0, 160, 130), False),
    ],
    ids=[
        "the same", "a little off", "later", "hardly overlapping", "a piece beside it",
        "a piece that came later", "apart", "with a small owner", "within something large",
    ],
)  # fmt: skip
def test_same_act(after_s: float, box: Box, same: bool):
    assert same_act(AT, BAG, later(AT, after_s), box) is same
    assert same_act(later(AT, after_s), box, AT, BAG) is same


@pytest.mark.parametrize(
    ("onset_s", "box", "told"),
    [
        (0.0, BAG, True),
        (-5.9, BAG, True),
        (-6.1, BAG, False),
        (1.9, BAG, True),
        (2.1, BAG, False),
        (0.0, Box(109, 100, 139, 130), True),
        (0.0, Box(111, 100, 141, 130), False),
        (0.0, Box(60, 0, 160, 130), False),
    ],
    ids=[
        "the same", "its onset read earlier", "before its place was clear", "a little later",
        "another act", "a little off", "beside it", "within something large",
    ],
)  # fmt: skip
def test_tells_of(onset_s: float, box: Box, told: bool):
    """The look-back reads an onset more exactly, between the last clear look and the first."""
    candidate = Candidate(
        camera=CameraId("gate"),
        kind=Kind.DUMPING,
        before=later(AT, -4.0),
        onset=AT,
        alarm=later(AT, 20.0),
        box=BAG,
        size=(640, 360),
        change=Change.ADDED,
        contrast=0.3,
    )
    assert tells_of(candidate, later(AT, onset_s), box) is told
