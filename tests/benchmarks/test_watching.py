"""What the naive pipeline tells, and how costs are summed; the measuring itself is
`python -m benchmarks.watching`."""

from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.detection import Truth
from benchmarks.watching import CAMERA, Beside, Naive, Rival, found_of, total
from vision.boxes import Box
from vision.detect import Detection, Label
from vision.frame import SECOND, Frame, Image, Instant

BAG = Box(100, 100, 130, 120)
NEAR, FAR = Box(140, 60, 160, 120), Box(400, 60, 420, 120)
PICTURE = np.zeros((180, 480, 3), np.uint8)
SETTLE_S = 6.0


class Table:
    """A detector that was told what there is to see in each picture, one after the other."""

    def __init__(self, seen: Callable[[int], dict[Box, Label]]) -> None:
        self._seen = seen
        self._pictures = 0

    def detect(self, image: Image) -> tuple[Detection, ...]:
        boxes = self._seen(self._pictures)
        self._pictures += 1
        return tuple(Detection(label, box, 0.9) for box, label in boxes.items())


COURSES: dict[str, tuple[Callable[[int], dict[Box, Label]], list[float]]] = {
    # what is seen in the nth picture, five a second for 12 s: when something is told
    "a bag alone": (lambda _: {BAG: Label.BAG}, [6.0]),
    "rubbish alone": (lambda _: {BAG: Label.RUBBISH}, [6.0]),
    "somebody far away": (lambda _: {BAG: Label.BAG, FAR: Label.PERSON}, [6.0]),
    "its owner beside it": (lambda _: {BAG: Label.BAG, NEAR: Label.PERSON}, []),
    "its owner until 9 s": (
        lambda n: {BAG: Label.BAG} | ({NEAR: Label.PERSON} if n < 45 else {}),
        [9.0],
    ),
    "missed in every other picture": (lambda n: {BAG: Label.BAG} if n % 2 == 0 else {}, [6.0]),
    "unseen for two seconds": (lambda n: {} if 25 <= n < 35 else {BAG: Label.BAG}, []),
    "on its way": (lambda n: {BAG.moved(20 * n, 0): Label.BAG}, []),
}


@pytest.mark.parametrize(("seen", "told"), COURSES.values(), ids=COURSES)
def test_the_naive_pipeline_tells_bags_that_lie_alone(
    seen: Callable[[int], dict[Box, Label]], told: list[float]
) -> None:
    """What is compared with is a fair one: it tells the plain case, once, and no other."""
    judge = Naive(Table(seen), SETTLE_S)
    for n in range(60):
        judge.see(Frame(CAMERA, Instant(n * SECOND // 5), PICTURE.copy()), n / 5)
    assert [finding.alarm_s for finding in judge.findings] == told
    truth = Truth("dumping", (0.0, 0.0), 0.5, BAG, "person")
    assert found_of(judge.findings, [truth]) == (len(told), 0)


def test_sums_are_over_all_streams_and_by_pipeline() -> None:
    """A ratio of sums, not a mean of ratios: a short clip must not count as a long one."""
    rows = [
        Beside(
            "a", 10.0, 1, 2.0, 1, 1, 0, (Rival("x", 4.0, 2.0, 0, 1), Rival("y", 9.0, 4.5, 1, 0))
        ),
        Beside(
            "b", 30.0, 1, 2.0, 0, 0, 1, (Rival("x", 8.0, 4.0, 0, 2), Rival("y", 1.0, 0.5, 0, 0))
        ),
    ]
    assert total(rows) == {
        "streams": 2,
        "media_s": 40.0,
        "lookbacks": 2,
        "lookbacks_per_hour": 180.0,
        "events": 1,
        "found": 1,
        "false": 1,
        "cpu_s_per_media_s": 0.1,
        "x": {"found": 0, "false": 3, "cpu_s_per_media_s": 0.3, "ratio": 3.0},
        "y": {"found": 1, "false": 0, "cpu_s_per_media_s": 0.25, "ratio": 2.5},
    }
