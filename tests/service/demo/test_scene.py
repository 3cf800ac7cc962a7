"""Scenes: the same for ever, and their truth is what the pixels show."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.demo.part import Mark, Part, Role, Stoop
from service.demo.plot import PLOTS, dumping, lingering, parked_van, passers, removal
from service.demo.scene import Caption, Scene
from service.demo.street import render
from vision.boxes import Box, intersection
from vision.detect import Label
from vision.frame import SECOND, Image, Instant

SEEDS = (0, 1, 7)


def difference(a: Image, b: Image) -> np.ndarray:
    """`(H, W)` grey levels by which two pictures differ, with the sensor noise averaged out."""
    soft = [cv2.GaussianBlur(image, (0, 0), 2).astype(np.int16) for image in (a, b)]
    return np.abs(soft[0] - soft[1]).max(axis=2)


def inside(box: Box, shape: tuple[int, ...]) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[int(box.y0) : int(box.y1) + 1, int(box.x0) : int(box.x1) + 1] = True
    return mask


@pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
def test_a_scene_is_the_same_for_ever(plot: Callable[..., Scene]) -> None:
    for t_s in (0.0, 9.28, 500.0):
        assert np.array_equal(render(plot(3), t_s), render(plot(3), t_s))
    assert not np.array_equal(render(plot(3), 0.0), render(plot(4), 0.0))
    assert not np.array_equal(render(plot(3), 0.0), render(plot(3), 0.08)), "noise moves"


def test_a_picture_belongs_to_its_caller() -> None:
    image = render(dumping(1), 0.0)
    image[:] = 0
    assert render(dumping(1), 0.0).any()


@pytest.mark.parametrize("size", [(640, 360), (704, 576), (1920, 1080)], ids=str)
def test_every_size_is_rendered(size: tuple[int, int]) -> None:
    image = render(dumping(1, size=size), 14.0)
    assert image.shape == (size[1], size[0], 3)
    assert image.dtype == np.uint8


def test_an_odd_size_is_refused() -> None:
    with pytest.raises(ValueError, match="even"):
        dumping(1, size=(641, 360))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("plot", [dumping, lingering])
@pytest.mark.parametrize("size", [(640, 360), (704, 576), (1280, 720)], ids=str)
def test_truth_agrees_with_pixels(
    plot: Callable[..., Scene], seed: int, size: tuple[int, int]
) -> None:
    scene = plot(seed, size=size)
    (deposit,) = scene.truth
    box = Box(*deposit.box_xyxy)
    changed = difference(render(scene, 6.0), render(scene, deposit.actor_gone_s + 1.0))
    where = inside(box, changed.shape)
    assert changed[where].mean() > 40
    assert changed[~inside(box.grown(size[1] / 60), changed.shape)].max() < 15
    assert box.clipped(*size) == box


@pytest.mark.parametrize("seed", SEEDS)
def test_the_bag_lies_still_from_contact_to_removal(seed: int) -> None:
    scene = dumping(seed)
    (deposit,) = scene.truth
    assert deposit.removed_s is not None
    where = inside(Box(*deposit.box_xyxy).grown(-6), (360, 640))
    lying = render(scene, deposit.actor_gone_s + 1)
    free = render(scene, deposit.contact_s - 0.5)
    assert difference(lying, render(scene, deposit.static_from_s + 0.05))[where].mean() < 8
    assert difference(lying, free)[where].mean() > 25
    cleaned = render(scene, deposit.removed_s + 10)
    assert difference(render(scene, 6.0), cleaned)[where].mean() < 15


@pytest.mark.parametrize("seed", range(20))
def test_dumping_keeps_its_timetable(seed: int) -> None:
    scene = dumping(seed)
    (deposit,) = scene.truth
    assert scene.actors_at(7.9) == []
    assert [label for label, _ in scene.actors_at(9.0)] == [Label.PERSON]
    times = (
        deposit.contact_s, deposit.release_s, deposit.actor_leaves_s, deposit.actor_gone_s,
    )  # fmt: skip
    assert list(times) == sorted(times)
    assert deposit.contact_s == 13.0
    assert deposit.actor_gone_s <= 19.0
    assert scene.actors_at(deposit.actor_gone_s + 0.1) == []
    ((_, actor),) = scene.actors_at(deposit.contact_s)
    assert intersection(actor, Box(*deposit.box_xyxy)) > 0


@pytest.mark.parametrize("size", [(640, 360), (704, 576)], ids=str)
def test_the_bag_does_not_jump_at_contact(size: tuple[int, int]) -> None:
    scene = dumping(1, size=size)
    carried, lying = (render(scene, t_s) for t_s in (12.999, 13.001))
    assert difference(carried, lying).mean() < 1.0
    assert (difference(carried, lying) > 40).sum() < 150, "a rim, and the shadow that begins"


def test_lingering_stands_for_eight_seconds() -> None:
    (deposit,) = lingering(2).truth
    assert deposit.actor_leaves_s - deposit.release_s > 8.0
    boxes = [lingering(2).actors_at(t_s)[0][1] for t_s in (14.5, 18.0, 21.5)]
    assert boxes[0] == boxes[1] == boxes[2]


def test_truth_of_an_interval_of_a_long_run() -> None:
    scene = dumping(5, period_s=240.0)
    found = scene.deposits(240.0, 961.0)
    assert [deposit.contact_s for deposit in found] == [253.0, 493.0, 733.0]
    assert [deposit.removed_s for deposit in found] == [390.0, 630.0, 870.0]
    assert len({deposit.box_xyxy for deposit in found}) == 3
    assert scene.deposits(14.0, 250.0) == ()


def test_a_short_round_ends_with_its_bag() -> None:
    scene = dumping(5, period_s=30.0)
    assert [deposit.removed_s for deposit in scene.deposits(0.0, 60.0)] == [None, None]
    assert scene.poses(30.1) == []


def test_passers_leave_nothing() -> None:
    scene = passers(1)
    assert scene.deposits(0.0, 2400.0) == ()
    counts = [len(scene.actors_at(float(t_s))) for t_s in range(480)]
    assert min(counts) == 0
    assert max(counts) >= 2


def test_the_van_stays() -> None:
    scene = parked_van(1)
    assert scene.truth == ()
    assert not [label for label, _ in scene.actors_at(5.0) if label is Label.TRUCK]
    vans = [dict(scene.actors_at(t_s))[Label.TRUCK] for t_s in (10.5, 100.0, 239.9, 240.1, 5000.0)]
    assert len(set(vans)) == 1


def test_the_cleaner_takes_the_bag() -> None:
    scene = removal(1)
    assert scene.deposits(0.0, 1000.0) == ()

    def bags(t_s: float) -> int:
        return sum(pose.role is Role.BAG for pose in scene.poses(t_s))

    assert [bags(t_s) for t_s in (0.0, 19.9, 20.1, 60.0, 250.0)] == [1, 1, 0, 0, 0]
    (cleaner,) = [pose for pose in scene.poses(20.1) if pose.role is Role.CLEANER]
    assert cleaner.laden


@pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
def test_rounds_join_without_a_jump(plot: Callable[..., Scene]) -> None:
    scene = plot(2)
    for border_s in (240.0, 480.0):
        changed = difference(render(scene, border_s - 0.01), render(scene, border_s + 0.01))
        assert changed.max() < 10


@pytest.mark.parametrize("seed", SEEDS)
def test_boxes_hold_the_figures(seed: int) -> None:
    scene = dumping(seed)
    empty = render(scene, 5.0)
    for t_s in (9.7, 10.1, 12.7, 13.2, 13.8):
        changed = difference(empty, render(scene, t_s))
        ((_, box),) = scene.actors_at(t_s)
        bags = [Box(*deposit.box_xyxy) for deposit in scene.truth]
        # The carried bag and the shadow reach a little beyond the body.
        allowed = inside(box.grown(20).clipped(640, 360), changed.shape)
        allowed |= inside(bags[0].grown(12), changed.shape)
        assert changed[~allowed].max() < 25
        assert (changed[inside(box, changed.shape)] > 10).mean() > 0.3


def test_a_caption_shows_name_and_clock() -> None:
    scene = dumping(1)
    shown = replace(scene, caption=Caption("东门路口", Instant(1_780_000_000 * SECOND)))
    changed = difference(render(scene, 1.0), render(shown, 1.0)) > 20
    assert changed[:40, :200].any()
    assert changed[-40:, -200:].any()
    assert not changed[60:300].any()
    assert not np.array_equal(render(shown, 1.0)[:40], render(shown, 2.0)[:40])


@given(st.floats(-10.0, 40.0))
@settings(max_examples=200, deadline=None)
def test_a_part_is_on_stage_between_its_marks(t_s: float) -> None:
    path = (Mark(5.0, -0.1, 0.5), Mark(9.0, 0.5, 0.55), Mark(12.0, 0.5, 0.55), Mark(20.0, 1.1, 0.6))
    part = Part(Role.PERSON, 1, path, laden_s=(5.0, 10.0), stoop=Stoop(9.5, 10.0, 10.5, 11.0))
    pose = part.pose(t_s)
    assert (pose is not None) == (5.0 <= t_s < 20.0)
    if pose:
        assert -0.1 <= pose.x <= 1.1
        assert 0.0 <= pose.stoop <= 1.0
        assert 0.0 <= pose.swing <= 1.0
        assert pose.facing == 1


@pytest.mark.parametrize("times", [(), (1.0, 1.0), (2.0, 1.0)], ids=str)
def test_a_path_must_go_forward_in_time(times: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="grow"):
        Part(Role.PERSON, 1, tuple(Mark(t_s, 0.5, 0.5) for t_s in times))
