"""A clip has no say in the constants by which it is judged."""

import pkgutil
import sys
from importlib import import_module

import pytest

import vision
from benchmarks.ablation import Count, replacing
from benchmarks.leave_one_out import (
    CONSTANTS,
    FACTORS,
    SHIPPED,
    Constant,
    chosen,
    chosen_without,
    errors_of,
    named,
)

FAINT = next(each for each in CONSTANTS if each.name == "_FAINT")


@pytest.mark.parametrize("constant", CONSTANTS, ids=lambda each: each.name)
def test_a_constant_is_replaced_wherever_it_was_imported(constant: Constant):
    """Half of the system with the old value would be no system at all."""
    for module in pkgutil.iter_modules(vision.__path__):
        import_module(f"vision.{module.name}")
    home = sys.modules[constant.modules[0]]
    value = getattr(home, constant.name)
    modules = [m for name, m in sys.modules.items() if name.startswith("vision.")]
    # What begins with an underscore is nobody else's, though it may be called the same.
    takers = [home] if constant.name.startswith("_") else modules
    held = {m.__name__ for m in takers if vars(m).get(constant.name) is value}
    assert held == set(constant.modules)


@pytest.mark.parametrize("constant", CONSTANTS, ids=lambda each: each.name)
def test_values_rise_around_the_shipped_one(constant: Constant):
    """Nothing is tried twice, and the shipped value is one of them."""
    assert list(constant.values) == sorted(set(constant.values))
    assert constant.values[SHIPPED] == getattr(sys.modules[constant.modules[0]], constant.name)


def test_a_value_keeps_its_name_while_it_is_replaced():
    """Counts of one value would be entered under another."""
    names = [named(FAINT, place) for place in range(len(FACTORS))]
    assert len(set(names)) == len(FACTORS)
    with replacing(FAINT.at(4)):
        assert names == [named(FAINT, place) for place in range(len(FACTORS))]


@pytest.mark.parametrize(
    ("errors", "place"),
    [
        ([0, 0, 0, 0, 0], 2),
        ([1, 1, 1, 0, 0], 3),
        ([3, 0, 0, 0, 2], 2),
        ([0, 0, 2, 2, 2], 1),
        ([0, 1, 1, 1, 0], 0),
        ([4, 3, 2, 1, 0], 4),
    ],
)
def test_the_middle_of_the_best_is_chosen(errors: list[int], place: int):
    """Of two as near to the middle, the one nearer to the shipped; then the lower."""
    assert chosen(errors) == place


def test_the_clip_left_out_has_no_say():
    """However many errors it makes with a value."""

    def clip(*errors: int) -> dict[str, Count]:
        return {named(FAINT, n): Count(0, 0, false, 0) for n, false in enumerate(errors)}

    counts = {"a": clip(0, 0, 1, 1, 1), "b": clip(1, 1, 0, 1, 1), "c": clip(9, 9, 9, 9, 0)}
    assert chosen_without("c", FAINT, counts) == 1
    assert chosen_without("b", FAINT, counts) == 4
    counts["c"] = clip(0, 9, 9, 9, 9)
    assert chosen_without("c", FAINT, counts) == 1


def test_errors_and_clips_that_came_right():
    """Two errors in one clip are two errors and one clip that is wrong."""
    told = errors_of([Count(1, 1, 0, 3), Count(1, 0, 1, 3), Count(0, 0, 0, 0)])
    assert (told["errors"], told["clips_right"]) == (2, 2)
    assert told["clips_right_95"] == [
        pytest.approx(0.208, abs=0.001),
        pytest.approx(0.939, abs=0.001),
    ]
