"""The figures by which one detector is preferred to another."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evaluate import (
    Judged,
    average_precision,
    overlaps,
    precision_interval,
    recall_by_height,
)

Box = tuple[float, float, float, float]
HERE: Box = (0, 0, 10, 10)
THERE: Box = (50, 50, 60, 70)
NOWHERE: Box = (200, 200, 210, 210)


def judged(found: Sequence[tuple[float, Box]], truth: Sequence[Box]) -> Judged:
    return Judged(
        np.array([score for score, _ in found], np.float64),
        np.array([box for _, box in found], np.float32).reshape(-1, 4),
        np.array(truth, np.float32).reshape(-1, 4),
    )


@pytest.mark.parametrize(
    ("found", "truth", "expected"),
    [
        ([(0.9, HERE), (0.8, THERE)], [HERE, THERE], 1.0),
        ([], [HERE], 0.0),
        ([(0.9, NOWHERE)], [HERE], 0.0),
        # Recall 0 to 0.5 at precision 1: 51 of COCO's 101 places.
        ([(0.9, HERE)], [HERE, THERE], 51 / 101),
        # The false one comes first: precision is 1/2 wherever it is reached.
        ([(0.9, NOWHERE), (0.8, HERE)], [HERE], 0.5),
        # A thing found twice is found once and once wrong, without harm to what came before.
        ([(0.9, HERE), (0.8, HERE)], [HERE], 1.0),
        ([(0.9, HERE), (0.8, HERE), (0.7, THERE)], [HERE, THERE], (51 + 50 * 2 / 3) / 101),
    ],
    ids=["all", "none found", "wrong place", "half", "false first", "twice", "twice, then right"],
)
def test_average_precision(
    found: list[tuple[float, Box]], truth: list[Box], expected: float
) -> None:
    """COCO's definition (pycocotools), on cases that a pencil can do."""
    assert average_precision([judged(found, truth)]) == pytest.approx(expected)


def test_nothing_to_find_is_no_figure() -> None:
    """An AP of nothing is not 0 and not 1."""
    assert np.isnan(average_precision([judged([(0.9, HERE)], [])]))


def test_findings_of_one_picture_find_nothing_in_another() -> None:
    """Pictures are matched one by one."""
    pictures = [judged([(0.9, HERE)], []), judged([], [HERE])]
    assert average_precision(pictures) == 0


corner = st.floats(0, 50, width=32)
boxes = st.tuples(corner, corner, st.floats(1, 50, width=32), st.floats(1, 50, width=32)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


@given(st.lists(boxes, min_size=1, max_size=6), st.lists(boxes, min_size=1, max_size=6))
def test_overlap_is_symmetric_and_a_share(some: list[Box], others: list[Box]) -> None:
    """IoU lies in [0, 1] and does not depend on who is asked."""
    a, b = np.array(some, np.float32), np.array(others, np.float32)
    there, back = overlaps(a, b), overlaps(b, a)
    assert np.allclose(there, back.T)
    assert ((there >= 0) & (there <= 1 + 1e-9)).all()
    assert np.allclose(np.diag(overlaps(a, a)), 1)


@given(st.lists(st.tuples(st.floats(0, 1), boxes), max_size=8), st.lists(boxes, max_size=5))
def test_no_thing_is_found_twice(found: list[tuple[float, Box]], truth: list[Box]) -> None:
    """Else repeating a finding would raise the figure."""
    ordered = sorted(found, key=lambda each: -each[0])
    partners = judged(ordered, truth).partners(0.5)
    named = partners[partners >= 0].tolist()
    assert len(set(named)) == len(named) <= len(truth)


def test_an_interval_holds_its_figure_and_pairs_pictures() -> None:
    """A detector is no better than itself, on whatever pictures: resampled together, not apart."""
    chance = np.random.default_rng(1)
    pictures = [
        judged([(float(chance.random()), HERE if chance.random() < 0.6 else NOWHERE)], [HERE])
        for _ in range(40)
    ]
    alone = precision_interval(pictures, rounds=200)
    assert alone.low < alone.value < alone.high
    same = precision_interval(pictures, pictures, rounds=50)
    assert (same.low, same.value, same.high) == (0, 0, 0)


def test_recall_by_height() -> None:
    """The score at which one finding per picture is wrong, and tall things apart from low ones."""
    pictures = [
        judged([(0.9, THERE), (0.8, NOWHERE), (0.3, NOWHERE), (0.2, HERE)], [HERE, THERE]),
        judged([(0.7, HERE), (0.4, NOWHERE)], [HERE]),
    ]
    low, tall = recall_by_height(pictures, (0, 15))
    assert (low.found, low.things) == (1, 2)  # the one at 0.2 costs a third wrong finding
    assert (tall.found, tall.things) == (1, 1)
    assert (low.high, tall.high) == (15, float("inf"))
