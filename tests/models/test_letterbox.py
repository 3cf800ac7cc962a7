import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.card import Place
from models.letterbox import Letterbox

sides = st.integers(1, 5000)
sizes = st.tuples(sides, sides)
canvases = st.tuples(st.integers(32, 1280), st.integers(32, 1280))
places = st.sampled_from(Place)
unit = st.floats(0, 1, width=32)


@given(sizes, canvases, places, st.tuples(unit, unit, unit, unit))
def test_canvas_and_back(
    size: tuple[int, int],
    canvas: tuple[int, int],
    place: Place,
    corners: tuple[float, float, float, float],
) -> None:
    letterbox = Letterbox.fit(size, canvas, place)
    x0, x1 = sorted(corners[:2])
    y0, y1 = sorted(corners[2:])
    boxes = np.array([[x0, y0, x1, y1]], np.float32) * np.array(size * 2, np.float32)
    stretch = np.array(letterbox.inner * 2) / np.array(size * 2)
    placed = boxes * stretch + np.array(letterbox.corner * 2)
    back = letterbox.to_image(placed.astype(np.float32))
    # float32 keeps about 1e-7 of the canvas, which one canvas pixel blows up to `coarse`.
    coarse = max(size[0] / letterbox.inner[0], size[1] / letterbox.inner[1])
    assert np.allclose(back, boxes, atol=1e-3 * max(1.0, coarse))


@given(sizes, canvases, places)
def test_picture_lies_inside_and_touches_two_sides(
    size: tuple[int, int], canvas: tuple[int, int], place: Place
) -> None:
    letterbox = Letterbox.fit(size, canvas, place)
    (x, y), (width, height) = letterbox.corner, letterbox.inner
    assert x >= 0
    assert y >= 0
    assert x + width <= canvas[0]
    assert y + height <= canvas[1]
    assert width == canvas[0] or height == canvas[1]


@given(places)
def test_drawn_picture_is_where_it_says(place: Place) -> None:
    letterbox = Letterbox.fit((40, 10), (64, 32), place)
    drawn = letterbox.draw(np.full((10, 40, 3), 200, np.uint8), pad=7)
    (x, y), (width, height) = letterbox.corner, letterbox.inner
    inside = np.zeros(drawn.shape[:2], bool)
    inside[y : y + height, x : x + width] = True
    assert (drawn[inside] == 200).all()
    assert (drawn[~inside] == 7).all()
