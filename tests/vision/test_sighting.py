"""When two findings of one camera are one act."""

import pytest

from vision.boxes import Box
from vision.frame import Instant, later
from vision.sighting import same_act

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
