"""The pictures that are kept of an event: stills (截图) and close-ups (特写), by role."""

from collections.abc import Iterator
from dataclasses import dataclass

from vision.boxes import Box
from vision.frame import Instant
from vision.sighting import CloseUpRole, Sighting

CLOSE_UPS = tuple(role.value for role in CloseUpRole)
"""Roles of close-ups: who came and went, and their vehicle."""
STILLS = ("before", "onset", "leaving", "after", *CLOSE_UPS)
"""All roles, in the order in which they are shown; an event may lack some."""
_MARGIN = 0.3
"""Of its longer side, around whoever is shown close up: what they carry is beside them."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture to be kept: the recorded one nearest `at`, or the `part` of it, in its pixels."""

    role: str
    at: Instant
    part: Box | None = None


def shots(sighting: Sighting) -> Iterator[Shot]:
    """What is to be kept of a sighting."""
    yield Shot("before", sighting.before)
    yield Shot("onset", sighting.onset)
    yield Shot("after", sighting.alarm)
    if sighting.visit is None:
        return
    if sighting.visit.leaving is not None:
        yield Shot("leaving", sighting.visit.leaving)
    for each in sighting.visit.close_ups:
        margin = _MARGIN * max(each.box.width, each.box.height)
        part = each.box.grown(margin).clipped(*sighting.size)
        yield Shot(each.role.value, each.at, part)
