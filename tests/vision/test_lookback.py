"""What the detector is shown in a look-back: the frame, and a window where the frame is large."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from vision.boxes import Box
from vision.candidate import Candidate, Change, Kind
from vision.detect import Detection, Label
from vision.frame import SECOND, CameraId, Frame, Image, Instant, later
from vision.lookback import cut
from vision.picture import chroma, without_colour

START = Instant(1_780_000_000_000_000)
LARGE, SMALL = (1920, 1080), (640, 360)


@dataclass
class Shown:
    """A detector that remembers what it was shown and has an answer for each shape."""

    answers: dict[tuple[int, int], tuple[Detection, ...]] = field(default_factory=dict)
    shapes: list[tuple[int, int]] = field(default_factory=list)

    def detect(self, image: Image) -> tuple[Detection, ...]:
        size = (image.shape[1], image.shape[0])
        self.shapes.append(size)
        return self.answers.get(size, ())


def candidate(size: tuple[int, int], box: Box) -> Candidate:
    return Candidate(
        camera=CameraId("gate"),
        kind=Kind.DUMPING,
        before=START,
        onset=later(START, 1),
        alarm=later(START, 2),
        box=box,
        size=size,
        change=Change.ADDED,
        contrast=0.5,
    )


def seen(size: tuple[int, int], box: Box, detector: Shown) -> tuple[Detection, ...]:
    image = np.full((size[1], size[0], 3), 90, np.uint8)
    frame = Frame(CameraId("gate"), START, image)
    (glimpse,) = cut(candidate(size, box), [frame], detector).glimpses
    assert glimpse.detections is not None
    return glimpse.detections


def person(*box: float) -> Detection:
    return Detection(Label.PERSON, Box(*box), 0.9)


def test_a_small_frame_is_shown_once() -> None:
    """No second look where the first one shrank nothing."""
    detector = Shown()
    seen(SMALL, Box(300, 200, 330, 230), detector)
    assert detector.shapes == [SMALL]


@pytest.mark.parametrize(
    ("box", "moved"),
    [
        (Box(900, 500, 960, 560), (610, 338)),
        (Box(0, 0, 40, 40), (0, 0)),
        (Box(1880, 1040, 1920, 1080), (1280, 696)),
    ],
)
def test_a_large_frame_is_shown_close_by_too(box: Box, moved: tuple[int, int]) -> None:
    """Boxes come back in pixels of the frame, also at its corners."""
    detector = Shown({(640, 384): (person(100, 100, 120, 160),)})
    assert seen(LARGE, box, detector) == (person(*box_at(moved)),)
    assert detector.shapes == [LARGE, (640, 384)]


def box_at(moved: tuple[int, int]) -> tuple[float, float, float, float]:
    x, y = moved
    return (x + 100.0, y + 100.0, x + 120.0, y + 160.0)


def test_what_was_seen_twice_counts_once_and_what_is_cut_off_not_at_all() -> None:
    """A body cut by the window's rim is shorter than it is, and the reach of its hand with it."""
    detector = Shown(
        {
            LARGE: (person(710, 440, 732, 498),),
            (640, 384): (
                person(100, 102, 120, 160),
                person(300, 0, 340, 90),
                Detection(Label.CAR, Box(100, 102, 120, 160), 0.5),
            ),
        }
    )
    assert seen(LARGE, Box(900, 500, 960, 560), detector) == (
        person(710, 440, 732, 498),
        Detection(Label.CAR, Box(710, 440, 730, 498), 0.5),
    )


def test_in_the_lull_a_look_a_second_is_enough() -> None:
    """Around the onset and at the end every frame is used, whatever comes in between."""
    size, box = (64, 36), Box(20, 20, 30, 30)
    long = replace(candidate(size, box), alarm=later(START, 20))
    image = np.full((36, 64, 3), 90, np.uint8)
    looks = [Frame(long.camera, later(START, n / 5), image) for n in range(101)]
    taken = [(g.at - START) / SECOND for g in cut(long, looks, None).glimpses]
    lull = [6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0]
    assert taken == [*(n / 5 for n in range(26)), *lull, *(n / 5 for n in range(83, 101))]


def test_the_detector_is_asked_again_at_the_end() -> None:
    """Else whoever goes in the last second of a short look-back is there still for all it knows."""
    size, box = (64, 36), Box(20, 20, 30, 30)
    short = replace(candidate(size, box), alarm=later(START, 4.6))
    image = np.full((36, 64, 3), 90, np.uint8)
    looks = [Frame(short.camera, later(START, n / 5), image) for n in range(24)]
    seen = cut(short, looks, Shown()).glimpses
    asked = [(g.at - START) / SECOND for g in seen if g.detections is not None]
    assert asked == [0.0, 0.4, 0.8, 1.2, 1.6, 2.0, 2.4, 2.8, 3.8, 4.4]


def test_a_lookback_over_a_switch_to_infrared_is_grey_throughout() -> None:
    """Half in colour, everything would differ from everything."""
    box, rng = Box(20, 20, 30, 30), np.random.default_rng(3)
    day = np.kron(rng.integers(0, 255, (9, 16, 3)), np.ones((20, 20, 1))).astype(np.uint8)
    for pictures in ((day, day, without_colour(day)), (without_colour(day), day, day)):
        looks = [Frame(CameraId("gate"), later(START, n / 5), i) for n, i in enumerate(pictures)]
        images = [g.image for g in cut(candidate((320, 180), box), looks, None).glimpses]
        assert all(chroma(image) == 0 for image in images)
        assert all(np.abs(i.astype(int) - images[0]).max() <= 2 for i in images)
    looks = [Frame(CameraId("gate"), later(START, n / 5), day) for n in range(3)]
    assert all(chroma(g.image) > 4 for g in cut(candidate((320, 180), box), looks, None).glimpses)
