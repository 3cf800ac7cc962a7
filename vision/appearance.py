"""What a long recording shows and when, to find a place in it again (glossary: 出现段)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from vision.detect import VEHICLES, Detection, Label
from vision.frame import Instant


class Group(StrEnum):
    """What people look for in a recording."""

    PERSON = "person"
    VEHICLE = "vehicle"
    BAG = "bag"


_GROUPS: Mapping[Label, Group] = {
    Label.PERSON: Group.PERSON,
    **dict.fromkeys(VEHICLES, Group.VEHICLE),
    Label.BAG: Group.BAG,
    Label.RUBBISH: Group.BAG,
}
_MISSED = 1
"""Looks in between that may miss it: a detector misses a person in one look of five."""


@dataclass(frozen=True, slots=True)
class Appearance:
    """A stretch that shows one group: from its first look to its last, `most` at once."""

    group: Group
    start: Instant
    end: Instant
    most: int


@dataclass(frozen=True, slots=True)
class Content:
    """What a recording shows, seen in so many `looks`; instants count from its first picture."""

    appearances: tuple[Appearance, ...]
    looks: int

    def to_json(self) -> dict[str, Any]:
        """Plain values; `from_json` gives an equal value back."""
        rows = [[each.group.value, each.start, each.end, each.most] for each in self.appearances]
        return {"appearances": rows, "looks": self.looks}

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Self:
        """The inverse of `to_json`."""
        found = (
            Appearance(Group(group), Instant(start), Instant(end), most)
            for group, start, end, most in said["appearances"]
        )
        return cls(tuple(found), said["looks"])


def appearances(looks: Iterable[tuple[Instant, tuple[Detection, ...]]]) -> list[Appearance]:
    """The stretches of each group, by their start.

    `looks` are in order of time, a few seconds apart. The camera may move: nobody is followed.
    """
    done: list[Appearance] = []
    current: dict[Group, tuple[int, Appearance]] = {}
    for number, (at, detections) in enumerate(looks):
        for group, count in _counted(detections).items():
            last, known = current.pop(group, (number, Appearance(group, at, at, 0)))
            if number - last > _MISSED + 1:
                done.append(known)
                known = Appearance(group, at, at, 0)
            current[group] = (number, replace(known, end=at, most=max(known.most, count)))
    done += [known for _, known in current.values()]
    return sorted(done, key=lambda each: (each.start, each.group))


def _counted(detections: Iterable[Detection]) -> dict[Group, int]:
    counts: dict[Group, int] = {}
    for found in detections:
        group = _GROUPS.get(found.label)
        if group is not None:
            counts[group] = counts.get(group, 0) + 1
    return counts
