"""Memory: saved and restored in mid-event, a watch goes on as if nothing had been."""

import json
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vision.stage import CAMERA, Stage, deposit, person
from vision.candidate import Candidate
from vision.health import Ailing, Health, checked
from vision.memory import Memory, layout, memory_of, remember
from vision.watch import Watch, WatchSettings

SETTLE = WatchSettings(settle_s=4.0)
SECONDS = 24
STAGE = Stage((*deposit(), person(((1.0, -20.0), (9.0, 330.0)))))
FRAMES = [STAGE.frame(t_s) for t_s in range(SECONDS)]


def through_json(memory: Memory) -> Memory:
    """As a file holds it."""
    return Memory(json.loads(json.dumps(memory.values)), memory.arrays)


def told(until_s: int, *restarts: int) -> tuple[list[Candidate], tuple[Ailing, ...]]:
    """What is found when the process is replaced before each of the looks `restarts`."""
    watch, found = Watch(CAMERA, SETTLE), []
    health: Health | None = None
    for n, frame in enumerate(FRAMES[:until_s]):
        if n in restarts:
            memory = through_json(memory_of(watch, health))
            watch = Watch(CAMERA, SETTLE)
            health = remember(watch, memory)
        health = checked(health, frame)
        found += watch.see(frame)
    return found, health.ailing if health else ()


@pytest.fixture(scope="module")
def unbroken() -> tuple[list[Candidate], tuple[Ailing, ...]]:
    return told(SECONDS)


@settings(max_examples=12, deadline=None)
@given(restarts=st.lists(st.integers(0, SECONDS - 1), min_size=1, max_size=3))
def test_a_restart_in_mid_event_changes_nothing(
    unbroken: tuple[list[Candidate], tuple[Ailing, ...]], restarts: list[int]
) -> None:
    """Whenever the process is replaced, the same candidates come out of the same looks."""
    assert unbroken[0]
    assert told(SECONDS, *restarts) == unbroken


def test_a_memory_is_a_copy() -> None:
    """What is seen later does not get into what was saved earlier."""
    watch = Watch(CAMERA, SETTLE)
    for frame in FRAMES[:6]:
        watch.see(frame)
    memory = memory_of(watch, None)
    before = [array.copy() for array in memory.arrays]
    for frame in FRAMES[6:]:
        watch.see(frame)
    assert all((a == b).all() for a, b in zip(before, memory.arrays, strict=True))


def spoilt() -> dict[str, Memory]:
    watch = Watch(CAMERA, SETTLE)
    for frame in FRAMES[:14]:
        watch.see(frame)
    good = memory_of(watch, None)
    return {
        "no arrays": Memory(good.values, ()),
        "no watch": Memory({"health": None}, ()),
        "an unknown kind": Memory({"watch": {"kind": "Path", "fields": {}}, "health": None}, ()),
        "something else learnt": Memory({"watch": {"dict": [["x", 1]]}, "health": None}, ()),
        "another health": Memory(good.values | {"health": 7}, good.arrays),
        "a list": Memory([], ()),
    }


@pytest.mark.parametrize("name", spoilt())
def test_what_is_no_memory_leaves_the_watch_as_it_was(name: str) -> None:
    """A file that another program wrote must not make a watch that fails at every look."""
    watch = Watch(CAMERA, SETTLE)
    with pytest.raises((ValueError, KeyError, TypeError, IndexError)):
        remember(watch, spoilt()[name])
    assert watch.see(FRAMES[0]) == []


@dataclass
class Stranger:
    x: int = 0


def test_what_nobody_listed_is_refused_when_it_is_saved() -> None:
    """A new field of the watch of an unlisted kind fails here, not in a street."""
    watch = Watch(CAMERA, SETTLE)
    vars(watch)["_stranger"] = Stranger()
    with pytest.raises(TypeError, match="Stranger"):
        memory_of(watch, None)


def test_the_layout_has_one_name() -> None:
    assert layout() == layout()
    assert len(layout()) == 16
