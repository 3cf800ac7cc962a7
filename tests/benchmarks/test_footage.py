"""Footage in memory tells what a file's analysis would; a detector is asked once of a picture."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from benchmarks.footage import Footage, Frames, Remembering, between, detector_for
from tests.vision.stage import BAG, DROP_S, Stage, Table, deposit, person, thing
from vision.boxes import Box
from vision.detect import Detection, Label
from vision.dumping import attribute, each_act
from vision.frame import Image
from vision.lookback import spans
from vision.sighting import Sighting
from vision.watch import WatchSettings

SETTINGS = WatchSettings(settle_s=4.0)
PERSON = Detection(Label.PERSON, Box(130.25, 60.0, 146.5, 116.125), 0.7)


@dataclass
class Asked:
    """Sees one person, and counts how often it is asked."""

    times: int = 0
    seen: tuple[Detection, ...] = field(default=(PERSON,))

    def detect(self, _: Image) -> tuple[Detection, ...]:
        self.times += 1
        return self.seen


OWNER = person(((4.0, -20.0), (7.5, 132.0), (9.5, 132.0), (13.0, 330.0)), sways=False)

SCENES = {
    "put down": Stage((thing(BAG, DROP_S), OWNER)),
    "put down, its owner stays": Stage(deposit(gone=False)),
    "by itself": Stage((thing(BAG, DROP_S),)),
    "taken away": Stage((thing(BAG, 0.0, DROP_S), person(((4.0, -20.0), (13.0, 330.0))))),
}


@cache
def frames(scene: str, seconds: float = 20.0, every_s: float = 0.2) -> Frames:
    times = np.arange(0, seconds, every_s).tolist()
    return [(t_s, SCENES[scene].frame(t_s).image) for t_s in times]


@pytest.mark.parametrize("every_s", [0.4, 2.0])
@pytest.mark.parametrize("scene", SCENES)
def test_what_is_told_is_what_attribute_tells(scene: str, every_s: float):
    """Look-backs kept and judged again give each verdict that the system itself gives; also of
    pictures too few to judge by."""
    footage = Footage(frames(scene, every_s=every_s), Table())
    candidates = footage.candidates(SETTINGS)
    acts = each_act(
        candidates,
        lambda each: attribute(each, between(footage.frames, *spans(each)[0]), Table()),
    )
    expected = [act for act in acts if isinstance(act, Sighting)]
    assert footage.told(candidates) == expected
    assert footage.told(candidates) == expected
    assert candidates or scene == "taken away"


def test_a_detector_is_asked_once_of_a_picture():
    """Pixels decide, not the array that holds them; another shape is another picture."""
    asked = Asked()
    detector = Remembering(asked)
    picture = np.arange(2 * 6 * 3, dtype=np.uint8).reshape(2, 6, 3)
    for image in (picture, picture.copy(), picture):
        assert detector.detect(image) == (PERSON,)
    assert asked.times == detector.calls == 1
    detector.detect(picture.reshape(3, 4, 3))
    detector.detect(picture + np.uint8(1))
    assert asked.times == detector.calls == 3


def test_answers_outlive_the_process_but_not_the_model(tmp_path: Path):
    """The very same boxes come back, to the last bit, and nothing of other weights."""
    file, picture = tmp_path / "answers", np.zeros((2, 2, 3), np.uint8)
    first, again, other = Asked(), Asked(seen=()), Asked(seen=())
    assert Remembering(first, "one", file).detect(picture) == (PERSON,)
    assert Remembering(again, "one", file).detect(picture) == (PERSON,)
    assert again.times == 0
    assert Remembering(other, "two", file).detect(picture) == ()


def test_none_is_no_detector():
    assert detector_for("none", None) is None
