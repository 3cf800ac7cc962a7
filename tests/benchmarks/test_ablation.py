"""A layer that is taken away is away for that time; nothing else changes, and nothing stays so."""

from dataclasses import replace
from pathlib import Path

import pytest

import vision.watch
from benchmarks.ablation import ALL, LAYERS, Count, Variant, _holder, replacing, tried
from benchmarks.detection import Clip, Truth
from benchmarks.footage import Footage
from tests.benchmarks.test_footage import SETTINGS, frames
from tests.vision.stage import BAG, DROP_S
from vision.boxes import Box

BAG_PUT_DOWN = Truth("dumping", (DROP_S, DROP_S + 0.2), 0.0, Box(*BAG), "person")


@pytest.mark.parametrize("layer", LAYERS)
def test_every_layer_can_be_taken_away_and_is_given_back(layer: str):
    """Each name means something in the program as it is, and the very same thing afterwards."""
    places = {dotted: _holder(dotted) for dotted in LAYERS[layer]}
    usual = {dotted: getattr(*place) for dotted, place in places.items()}
    with replacing(LAYERS[layer]):
        for dotted, value in LAYERS[layer].items():
            assert getattr(*places[dotted]) is value
            assert usual[dotted] is not value
    assert usual == {dotted: getattr(*place) for dotted, place in places.items()}


def test_nothing_is_replaced_where_a_name_means_nothing():
    """A layer that was renamed is an error, not a variant that changes nothing; and an error in
    the middle leaves all as it was."""
    usual = vision.watch._APART_SHARE
    with (
        pytest.raises(AttributeError),
        replacing({"vision.watch._APART_SHARE": 2.0, "vision.watch._NO_SUCH_LAYER": 2.0}),
    ):
        pass
    assert usual == vision.watch._APART_SHARE


@pytest.mark.parametrize(
    ("layer", "scene", "more"),
    [
        ("told again", "by itself", -1),
        ("added or removed", "taken away", 1),
        ("ring", "put down, its owner stays", 1),
        ("any: two running averages", "taken away", 1),
    ],
)
def test_without_a_layer_there_are_other_candidates(layer: str, scene: str, more: int):
    """What it holds back comes through; what it adds is missing."""
    footage = Footage(frames(scene), None)
    usual = len(footage.candidates(SETTINGS))
    with replacing(LAYERS[layer]):
        without = len(footage.candidates(SETTINGS))
    assert (without - usual) * more > 0


@pytest.mark.parametrize(
    ("truths", "expected"),
    [
        ((BAG_PUT_DOWN,), (1, 1, 0)),
        ((), (0, 0, 1)),
        ((replace(BAG_PUT_DOWN, deposit_s=(0.0, 1.0)),), (1, 0, 1)),
        ((BAG_PUT_DOWN, BAG_PUT_DOWN), (2, 1, 0)),
    ],
    ids=["there", "no event", "another time", "two in one place"],
)
def test_each_event_is_found_once_and_the_rest_is_false(
    truths: tuple[Truth, ...], expected: tuple[int, int, int]
):
    """A finding answers for one event only."""
    footage = Footage(frames("put down"), None)
    count = tried(ALL, Clip("drawn", Path("drawn"), truths), footage, SETTINGS)
    assert (count.events, count.found, count.false) == expected


def test_a_rule_left_out_is_not_asked():
    """What comes by itself is dismissed by a rule; without any it is told."""
    footage = Footage(frames("by itself"), None)
    clip = Clip("drawn", Path("drawn"), ())
    assert tried(ALL, clip, footage, SETTINGS).false == 0
    assert tried(Variant("none", rules=()), clip, footage, SETTINGS).false == 1


def test_counts_add_up():
    """Errors are what was missed and what is false."""
    both = Count(2, 1, 3, 5) + Count(1, 1, 0, 7)
    assert both == Count(3, 2, 3, 12)
    assert both.errors == 4
