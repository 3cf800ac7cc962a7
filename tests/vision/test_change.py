"""Outlines: what has one all around is a thing, what has a gap in it a limb; and what is alike."""

import cv2
import numpy as np
import pytest

from vision.boxes import Box
from vision.change import contour_energy, is_shade, likeness, weakest_side
from vision.frame import Image
from vision.region import of_box

BOX = Box(40, 40, 64, 60)
GROUND = (120, 120, 120)


def drawn(colour: tuple[int, int, int], *more: tuple[Box, tuple[int, int, int]]) -> Image:
    image = np.full((100, 120, 3), GROUND, np.uint8)
    for box, tint in ((BOX, colour), *more):
        x0, y0, x1, y1 = (int(v) for v in box.xyxy)
        image[y0:y1, x0:x1] = tint
    return cv2.GaussianBlur(image, (3, 3), 0).astype(np.uint8)


def test_a_thing_has_an_outline_all_around():
    assert weakest_side(of_box(BOX), drawn((40, 40, 40))) >= 0.8


@pytest.mark.parametrize(
    "body",
    [Box(40, 0, 64, 40), Box(64, 30, 90, 70), Box(10, 30, 40, 70), Box(30, 60, 80, 100)],
    ids=["above", "right", "left", "below"],
)
def test_a_limb_has_none_where_it_joins_the_body(body: Box):
    assert weakest_side(of_box(BOX), drawn((40, 40, 40), (body, (40, 40, 40)))) <= 0.5


def test_somebody_in_another_colour_beside_it_makes_no_gap():
    beside = Box(64, 10, 80, 70), (30, 30, 200)
    assert weakest_side(of_box(BOX), drawn((40, 160, 40), beside)) >= 0.8


def test_an_empty_picture_has_no_side():
    assert weakest_side(of_box(BOX), drawn(GROUND)) == 0.0


def test_a_thing_as_bright_as_the_ground_has_an_outline_by_its_colour():
    """Blue 200, green 120, red 76 is as bright as the grey ground of 120 (ITU-R BT.601)."""
    tint = (200, 120, 96)
    grey = cv2.cvtColor(np.uint8([[tint, GROUND]]), cv2.COLOR_BGR2GRAY)
    assert abs(int(grey[0, 0]) - int(grey[0, 1])) <= 3
    assert contour_energy(of_box(BOX), drawn(tint)) >= 15


@pytest.mark.parametrize(
    ("other", "same"), [((70, 110, 130), 1.0), ((80, 120, 140), 1.0), ((70, 80, 190), 0.0)]
)
def test_flat_pictures_are_told_apart_by_colour(other: tuple[int, int, int], same: float) -> None:
    """Two surfaces as bright as each other, one of them red, are not the same."""
    a, b = (np.full((8, 8, 3), colour, np.uint8) for colour in ((70, 110, 130), other))
    assert likeness(a, b) == same
    assert likeness(a, b, np.eye(8, dtype=np.uint8) * 255) == same


@pytest.mark.parametrize(
    ("light", "told"),
    [
        ((0.75, 0.75, 0.75), True),
        ((0.62, 0.62, 0.62), True),
        ((0.96, 0.96, 0.96), False),
        ((0.4, 0.4, 0.4), False),
        ((0.7, 0.7, 0.85), False),
        ((1.2, 1.2, 1.2), False),
    ],
    ids=["a soft shadow", "a deeper one", "hardly any", "a dark thing", "of a colour", "lighter"],
)
def test_a_soft_shadow_takes_the_same_from_all_colours(
    light: tuple[float, float, float], told: bool
):
    """Ground with slabs of different colours."""
    rng = np.random.default_rng(1)
    slabs = np.kron(rng.integers(90, 160, (10, 12, 3)), np.ones((10, 10, 1)))
    shaded = slabs.copy()
    x0, y0, x1, y1 = (int(v) for v in BOX.xyxy)
    shaded[y0:y1, x0:x1] *= light
    now, before = (i.round().astype(np.uint8) for i in (shaded, slabs))
    assert is_shade(of_box(BOX), now, before) is told
