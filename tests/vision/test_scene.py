"""What a scene is compared with, and when it is over."""

import numpy as np
import pytest

from vision.frame import Image, Instant, later
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
