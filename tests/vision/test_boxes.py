"""Laws of boxes, zones and regions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.boxes import Box, gap, intersection, iou
from vision.frame import Instant
from vision.picture import as_mask
from vision.region import Region, of_box, overlap, regions, surroundings
from vision.zone import Zone, ZoneKind, watched

edges = st.integers(0, 60)
boxes = st.builds(
    lambda x, y, w, h: Box(x, y, x + w, y + h), edges, edges, st.integers(1, 30), st.integers(1, 30)
)


@given(boxes, boxes)
def test_iou_is_symmetric_and_a_share(a: Box, b: Box):
    assert iou(a, b) == iou(b, a)
    assert 0 <= iou(a, b) <= 1
    assert iou(a, a) == 1


@given(boxes, boxes)
def test_boxes_that_share_area_have_no_gap(a: Box, b: Box):
    assert (gap(a, b) == 0) or intersection(a, b) == 0


@given(boxes, edges, edges)
def test_moving_back_undoes_moving(box: Box, dx: int, dy: int):
    assert box.moved(dx, dy).moved(-dx, -dy) == box
    assert box.moved(dx, dy).area == box.area


@given(boxes, boxes)
def test_regions_of_boxes_overlap_as_the_boxes(a: Box, b: Box):
    assert overlap(of_box(a), of_box(b), (100, 100)) == pytest.approx(iou(a, b))


def test_box_refuses_to_be_inside_out():
    with pytest.raises(ValueError, match="inside out"):
        Box(3, 0, 2, 1)


SQUARE = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))


@pytest.mark.parametrize(
    ("kinds", "centre", "corner"),
    [
        ((), True, True),
        ((ZoneKind.NO_DUMP,), True, False),
        ((ZoneKind.HEAP,), True, False),
        ((ZoneKind.NO_VEND,), True, True),
        ((ZoneKind.IGNORE,), False, True),
        ((ZoneKind.NO_DUMP, ZoneKind.BIN), False, False),
    ],
)
def test_watched(kinds: tuple[ZoneKind, ...], centre: bool, corner: bool):
    mask = watched(tuple(Zone(kind.value, kind, SQUARE) for kind in kinds), (60, 80), Instant(0))
    assert (mask[30, 40] == 255, mask[2, 2] == 255) == (centre, corner)


def picture_of(*patches: tuple[slice, slice]) -> np.ndarray:
    shown = np.zeros((100, 120), np.bool_)
    for patch in patches:
        shown[patch] = True
    return as_mask(shown)


def test_regions_bridge_gaps_and_leave_specks():
    halves = np.s_[20:40, 20:30], np.s_[20:40, 33:43]
    found = list(regions(picture_of(*halves), picture_of(*halves, np.s_[80:82, 80:82])))
    assert [region.box for region in found] == [Box(20, 20, 43, 40)]
    assert found[0].area == 400


def test_regions_need_strong_pixels():
    loose = picture_of(np.s_[20:40, 20:40])
    assert not list(regions(picture_of(np.s_[20:22, 20:40]), loose))


def test_region_drops_thin_shapes():
    frame = picture_of(np.s_[20:80, 20:23], np.s_[20:23, 20:80])
    assert not list(regions(frame, frame))


@given(boxes)
def test_surroundings_touch_and_do_not_cover(box: Box):
    region = of_box(box)
    ring = surroundings(region, (100, 100), 3)
    assert region.share(ring) == 0
    assert ring.any()


def test_upright():
    assert Region(0, 0, np.full((40, 20), 255, np.uint8)).is_upright
    assert not Region(0, 0, np.full((30, 20), 255, np.uint8)).is_upright


@pytest.mark.parametrize(
    ("width", "height", "least", "most"),
    [(40, 40, 0.75, 0.82), (40, 20, 0.37, 0.43), (100, 20, 0.15, 0.17), (90, 6, 0.04, 0.07)],
    ids=["square", "bag", "bar", "tape"],
)
def test_thickness_does_not_depend_on_size(width: int, height: int, least: float, most: float):
    for times in (1, 3):
        region = of_box(Box(0, 0, times * width, times * height))
        assert least <= region.thickness <= most


def test_patches_are_the_connected_parts_of_a_region():
    """Corners that touch connect; the parts make up the whole."""
    mask = picture_of(np.s_[0:10, 0:10], np.s_[10:14, 10:20], np.s_[0:6, 30:40])
    region = Region(5, 7, mask)
    patches = region.patches
    assert sorted(p.box.xyxy for p in patches) == [(5, 7, 25, 21), (35, 7, 45, 13)]
    drawn = sum(p.drawn((150, 150)).astype(int) for p in patches)
    assert np.array_equal(drawn, region.drawn((150, 150)))


def test_seams_part_regions():
    """What came to rest at another time is another thing, though the two touch."""
    both = picture_of(np.s_[20:40, 20:50])
    seam = picture_of(np.s_[20:40, 34:36])
    assert [r.box.xyxy for r in regions(both, both)] == [(20, 20, 50, 40)]
    parted = sorted(r.box.xyxy for r in regions(both, both, seam))
    assert parted == [(20, 20, 34, 40), (36, 20, 50, 40)]
