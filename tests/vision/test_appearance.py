"""Stretches of a recording that show people, vehicles or bags."""

from hypothesis import given
from hypothesis import strategies as st

from vision.appearance import Appearance, Group, appearances
from vision.boxes import Box
from vision.detect import Detection, Label
from vision.frame import Instant, later, seconds_between

START = Instant(0)
BOX = Box(0, 0, 10, 20)


def looks(*labels: str) -> list[tuple[Instant, tuple[Detection, ...]]]:
    """A look in four seconds; `p`, `v`, `b`, `c` are a person, a van, a bag, a chair each."""
    known = {"p": Label.PERSON, "v": Label.TRUCK, "b": Label.RUBBISH, "c": Label.CHAIR}
    return [
        (later(START, 4 * n), tuple(Detection(known[each], BOX, 0.5) for each in seen))
        for n, seen in enumerate(labels)
    ]


def told(*labels: str) -> list[tuple[str, float, float, int]]:
    return [
        (each.group.value, seconds_between(START, each.start), seconds_between(START, each.end),
         each.most)
        for each in appearances(looks(*labels))
    ]  # fmt: skip


def test_a_person_who_stays_is_one_stretch_with_the_most_at_once():
    assert told("", "p", "ppp", "p", "") == [("person", 4.0, 12.0, 3)]


def test_one_look_may_miss_them_and_two_may_not():
    assert told("p", "", "p", "", "", "p") == [("person", 0.0, 8.0, 1), ("person", 20.0, 20.0, 1)]


def test_groups_do_not_part_each_other():
    assert told("pv", "v", "pvb", "b") == [
        ("person", 0.0, 8.0, 1),
        ("vehicle", 0.0, 8.0, 1),
        ("bag", 8.0, 12.0, 1),
    ]


def test_what_nobody_looks_for_is_left_out():
    assert told("c", "", "cc") == []


@given(st.lists(st.sampled_from(["", "p", "pp", "v", "pv", "b"]), max_size=30))
def test_every_look_with_somebody_is_in_a_stretch_and_stretches_do_not_touch(labels: list[str]):
    found = appearances(looks(*labels))
    people = [each for each in found if each.group is Group.PERSON]
    for n, seen in enumerate(labels):
        at = later(START, 4 * n)
        covered = [each for each in people if each.start <= at <= each.end]
        assert len(covered) == 1 if "p" in seen else len(covered) <= 1
    assert all(isinstance(each, Appearance) and each.start <= each.end for each in found)
