"""Attacks keep what happens in a clip and change how it is shown."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.detection import Clip, Truth, attacked
from benchmarks.detection_attack import ATTACKS, HELD_SETTLE_S, Attack, held
from benchmarks.footage import Frames
from tests.benchmarks.test_footage import frames
from tests.vision.stage import BAG, DROP_S
from vision.boxes import Box
from vision.watch import WatchSettings

BY_NAME = {attack.name: attack for attack in ATTACKS}
SETTINGS = WatchSettings(settle_s=4.0)
SHOWN: Frames = frames("put down", 12.0)
LAID = Truth("dumping", (DROP_S, DROP_S + 0.2), 0.0, Box(*BAG), "person", still_s=9.5)


def is_grey(image: np.ndarray) -> bool:
    return bool((image.max(axis=2) == image.min(axis=2)).all())


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda each: each.name)
def test_an_attack_gives_pictures_in_order(attack: Attack):
    """Times rise, pictures keep their format, and what was given is not changed in place."""
    given = [(second, image.copy()) for second, image in SHOWN]
    changed = attack.apply(SHOWN, DROP_S)
    seconds = [second for second, _ in changed]
    assert seconds == sorted(set(seconds))
    assert {(image.shape, image.dtype) for _, image in changed} == {
        ((180, 320, 3), np.dtype(np.uint8))
    }
    assert all((a == b).all() for (_, a), (_, b) in zip(SHOWN, given, strict=True))


@pytest.mark.parametrize(
    ("name", "from_s"),
    [
        ("grey throughout", -1.0),
        ("to grey before the deed", DROP_S / 2),
        ("to grey during the deed", DROP_S),
        ("to grey after the deed", (DROP_S + SHOWN[-1][0]) / 2),
    ],
)
def test_infrared_begins_where_it_is_said(name: str, from_s: float):
    """Before, while and after something is put down."""
    for second, image in BY_NAME[name].apply(SHOWN, DROP_S):
        assert is_grey(image) == (second > from_s)


@pytest.mark.parametrize(("name", "pace_s"), [("2 a second", 0.5), ("1 in 2 s", 2.0)])
def test_thinned_pictures_are_apart(name: str, pace_s: float):
    """By the pace asked for, to half the time between the pictures there are."""
    seconds = [second for second, _ in BY_NAME[name].apply(SHOWN, DROP_S)]
    assert np.diff(seconds).min() >= pace_s - 0.1


def test_the_last_picture_is_held_at_the_pace_of_the_others():
    """As a recorder repeats it: a thinned clip stays thin."""
    thin = BY_NAME["1 in 2 s"].apply(SHOWN, DROP_S)
    longer = held(thin)
    assert longer[: len(thin)] == thin
    assert {id(image) for _, image in longer[len(thin) :]} == {id(thin[-1][1])}
    assert np.diff([second for second, _ in longer]) == pytest.approx(2.0, abs=0.21)


def test_reversed_twice_is_as_it_was():
    twice = BY_NAME["reversed"].apply(BY_NAME["reversed"].apply(SHOWN, DROP_S), DROP_S)
    assert [second for second, _ in twice] == pytest.approx([second for second, _ in SHOWN])
    assert all((a == b).all() for (_, a), (_, b) in zip(SHOWN, twice, strict=True))


@pytest.mark.parametrize(
    ("name", "is_held"), [("plain", False), ("1 a second", False), ("1 in 2 s", True)]
)
def test_what_is_hardly_seen_still_gets_more_time(name: str, is_held: bool):
    """Fewer than three pictures of the thing at rest: the last is held, and the settle time is
    that of a street; it is found either way."""
    clip = Clip("drawn", Path("drawn"), (LAID,))
    score = attacked(clip, frames("put down", 14.0), BY_NAME[name], SETTINGS, None)
    assert (score.media_s > 14.0) == is_held
    assert (score.found, score.false) == (1, 0)
    assert (score.alarm_delays_s[0] >= HELD_SETTLE_S - 1) == is_held


def test_what_was_taken_away_is_put_down_when_it_runs_backwards():
    """And what was put down must not be told."""
    removal = Truth("dumping", (DROP_S, DROP_S), 1.0, Box(*BAG), "person")
    clip = Clip("drawn", Path("drawn"), (LAID,), (removal,))
    score = attacked(clip, frames("taken away"), BY_NAME["reversed"], SETTINGS, None)
    assert (score.events, score.false) == (1, 0)
