"""What a scene is compared with, and when it is over."""

import numpy as np
import pytest

from vision.frame import Image, Instant, later
from vision.picture import without_colour
from vision.scene import Scene

START = Instant(60_000_000)
SHAPE = (90, 160, 3)


def blocks(seed: int) -> Image:
    """Surfaces of ten pixels, another picture for each seed."""
    rng = np.random.default_rng(seed)
    return np.kron(rng.integers(0, 255, (9, 16, 3)), np.ones((10, 10, 1))).astype(np.uint8)


def moving(seed: int, share: float) -> Image:
    """The street of seed 0 behind foliage: so much of it shows something else in each picture."""
    picture = blocks(0).copy()
    picture[:, : round(share * SHAPE[1])] = blocks(seed)[:, : round(share * SHAPE[1])]
    return picture


def test_a_picture_that_stands_and_is_another_is_a_new_scene():
    """Not compared meanwhile, but for the step itself, and over after three seconds."""
    scene = Scene(blocks(0), START)
    assert scene.look(blocks(0), later(START, 1), []) is not None
    scene.look(blocks(1), later(START, 2), [])
    for second in (3, 4, 5):
        assert scene.look(blocks(1), later(START, second), []) is None
        assert not scene.is_over(later(START, second))
    assert scene.is_over(later(START, 6))


@pytest.mark.parametrize("share", [0.6, 0.9])
def test_a_picture_that_never_stands_is_the_same_scene(share: float):
    """Foliage close to the lens hides most of the street all the time: it is watched all the same,
    and what stands behind is compared."""
    scene = Scene(moving(1, share), START)
    looks = [scene.look(moving(2 + n, share), later(START, n), []) for n in range(1, 30)]
    assert all(looks)
    assert not scene.is_over(later(START, 30))
    last = looks[-1]
    assert last is not None
    assert not last.change[:, round(share * SHAPE[1]) + 2 :].any()


def with_thing(picture: Image) -> Image:
    """`picture` with something of one colour on it."""
    shown = picture.copy()
    shown[30:50, 60:90] = (240, 40, 40)
    return shown


def test_what_is_new_stays_new_when_the_camera_switches_to_infrared():
    """The rest is as before, in grey; and what came to rest before the switch did so then."""
    scene = Scene(blocks(0), START)
    for second in (1, 2, 3):
        scene.look(with_thing(blocks(0)), later(START, second), [])
    for second in (4, 5):
        look = scene.look(without_colour(with_thing(blocks(0))), later(START, second), [])
    assert look is not None
    inside = np.zeros(SHAPE[:2], np.bool_)
    inside[33:47, 63:87] = True
    assert (look.change[inside] > 18).mean() > 0.8
    assert not look.change[28:52, :58].any()
    assert np.median(look.age[inside]) == 4
    assert not scene.is_over(later(START, 5))


@pytest.mark.parametrize("light", ["other shadows", "as before"])
def test_an_infrared_light_that_shows_another_picture_begins_a_new_scene(light: str):
    """Where more than a fifth looks different, what only looks new would be told as new."""
    night = without_colour(blocks(0)).copy()
    if light == "other shadows":
        night[:, :60] = without_colour(blocks(1))[:, :60]
    scene = Scene(blocks(0), START)
    looks = [scene.look(night, later(START, second), []) for second in (1, 2, 3, 4)]
    assert [look is None for look in looks] == [light == "other shadows"] * 4
    assert scene.is_over(later(START, 4)) is (light == "other shadows")


def test_a_grey_reference_has_faded_once_colours_are_back_and_nothing_is_new():
    scene, grey = Scene(blocks(0), START), without_colour(blocks(0))
    told = []
    for second, picture in enumerate((blocks(0), grey, grey, with_thing(blocks(0)), blocks(0)), 1):
        for more in (0.0, 0.5):
            scene.look(picture, later(START, second + more), [])
        told.append(scene.is_faded)
    assert told == [False, False, False, False, True]
