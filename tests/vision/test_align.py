"""Alignment undoes what a camera does; comparison tells what a change is."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vision.stage import pavement
from vision.align import align, fit_light, fit_shift, shifted
from vision.boxes import Box
from vision.candidate import Change
from vision.change import SAME, kind_of_change, likeness
from vision.frame import Image
from vision.picture import LONG_SIDE_PX, scale_of, shrink
from vision.region import of_box
from vision.scene import difference

BOX = Box(100, 60, 130, 84)


def with_thing(image: Image) -> Image:
    shown = image.copy()
    cv2.rectangle(shown, (100, 60), (129, 83), (30, 40, 30), -1)
    cv2.line(shown, (104, 64), (124, 80), (120, 120, 120), 3)
    return shown


@given(st.integers(-6, 6), st.integers(-6, 6))
@settings(max_examples=15, deadline=None)
def test_shift_is_found(dx: int, dy: int):
    found = fit_shift(pavement(), shifted(pavement(), dx, dy))
    expected = (dx, dy) if max(abs(dx), abs(dy)) >= 1 else (0, 0)
    assert found == pytest.approx(expected, abs=0.8)


@given(st.floats(0.6, 1.4), st.floats(-15, 15))
@settings(max_examples=15, deadline=None)
def test_light_is_undone(gain: float, offset: float):
    lit = np.clip(with_thing(pavement()) * gain + offset, 0, 255).astype(np.uint8)
    light = fit_light(pavement(), lit)
    assert light.explained > 0.9
    rest = cv2.absdiff(light.undo(lit), with_thing(pavement()))
    assert np.percentile(rest, 90) <= 4


def test_another_scene_is_not_explained():
    other = np.ascontiguousarray(255 - pavement()[::-1] // 2)
    assert align(other, pavement()).light.explained < 0.9


@pytest.mark.parametrize("size", [(320, 180), (640, 360), (1920, 1080), (1080, 1920)])
def test_analysis_image_is_small(size: tuple[int, int]):
    small = shrink(np.zeros((size[1], size[0], 3), np.uint8))
    assert max(small.shape) <= LONG_SIDE_PX
    assert small.shape[1] * scale_of(size) == pytest.approx(size[0], abs=2)


@pytest.mark.parametrize(
    ("now", "before", "change"),
    [
        (with_thing(pavement()), pavement(), Change.ADDED),
        (pavement(), with_thing(pavement()), Change.REMOVED),
        (pavement(), pavement(), Change.AMBIGUOUS),
    ],
    ids=["added", "removed", "nothing"],
)
def test_kind_of_change(now: Image, before: Image, change: Change):
    assert kind_of_change(of_box(BOX), now, before)[0] is change


def test_likeness_ignores_light_and_sees_things():
    place = pavement()[50:100, 90:140]
    assert likeness(place, place) == pytest.approx(1)
    assert likeness((place * 0.6).astype(np.uint8), place) > SAME
    assert likeness(with_thing(pavement())[50:100, 90:140], place) < SAME


@pytest.mark.parametrize(("level", "expected"), [(100, 1.0), (110, 1.0), (160, 0.0)])
def test_likeness_of_flat_pictures(level: int, expected: float):
    flat = np.full((20, 20, 3), 100, np.uint8)
    assert likeness(flat, np.full_like(flat, level)) == expected


def test_difference_forgives_one_pixel():
    edge = np.zeros((40, 40, 3), np.uint8)
    edge[:, 20:] = 200
    assert difference(np.roll(edge, 1, 1)[:, 2:], edge[:, 2:]).max() == 0
    assert difference(np.roll(edge, 3, 1)[:, 4:], edge[:, 4:]).max() == 200
