"""Zones: the hours count when a thing is put down, and what is added to a heap is told."""

import pytest

from tests.vision.stage import BAG, DROP_S, START, Sprite, Stage, deposit, thing, truth
from vision.boxes import iou
from vision.candidate import Candidate
from vision.frame import SECOND, CameraId
from vision.sighting import ReasonKey, Sighting
from vision.watch import Watch, WatchSettings
from vision.zone import WEEK_MIN, Hours, Schedule, Zone, ZoneKind

AROUND_BAG = ((0.4, 0.45), (0.6, 0.45), (0.6, 0.75), (0.4, 0.75))
THE_PAVEMENT = ((0.0, 0.3), (1.0, 0.3), (1.0, 1.0), (0.0, 1.0))
START_MIN = (START // (60 * SECOND) + 3 * 24 * 60) % WEEK_MIN
"""The minute of the week, UTC, in which the scenes begin."""
DROP_MIN_S = 60 - START // SECOND % 60
"""Seconds from the start of the scenes to the next minute."""


def found(kind: ZoneKind, hours: tuple[Hours, ...], *, offset_s: int = 0) -> int:
    zone = Zone("z", kind, AROUND_BAG, Schedule(hours, offset_s))
    return len(Stage(deposit()).sightings(24, WatchSettings((zone,), 4.0)))


NOW, LATER = Hours(START_MIN, START_MIN + 2), Hours((START_MIN + 600) % WEEK_MIN, START_MIN + 660)


@pytest.mark.parametrize(
    ("kind", "hours", "told"),
    [
        (ZoneKind.NO_DUMP, NOW, 1),
        (ZoneKind.NO_DUMP, LATER, 0),
        (ZoneKind.IGNORE, NOW, 0),
        (ZoneKind.IGNORE, LATER, 1),
    ],
    ids=["forbidden now", "forbidden later", "ignored now", "ignored later"],
)
def test_a_zone_counts_in_its_hours(kind: ZoneKind, hours: Hours, told: int) -> None:
    assert found(kind, (hours,)) == told


def test_what_was_put_down_before_the_hours_is_no_dumping() -> None:
    """Goods that were delivered while it was allowed are not reported as the clock strikes."""
    begins_s = DROP_MIN_S + 60 * (1 + (DROP_S >= DROP_MIN_S))
    begins_min = START_MIN + begins_s // 60 + (START // SECOND % 60 > 0)
    zone = Zone("z", ZoneKind.NO_DUMP, AROUND_BAG, Schedule((Hours(begins_min, begins_min + 60),)))
    stage, watch = Stage(deposit()), Watch(CameraId("cam"), WatchSettings((zone,), 4.0))
    assert stage.candidates(begins_s + 40, watch, 1.0) == []


HEAP_ZONE = WatchSettings((Zone("h", ZoneKind.HEAP, THE_PAVEMENT),), 4.0)


def heap() -> tuple[Sprite, ...]:
    """Nine bags like the one that is brought, around its place."""
    x0, y0, x1, y1 = BAG
    return tuple(
        thing((x0 + dx, y0 + dy, x1 + dx, y1 + dy), -1.0)
        for dx in (-26, 0, 26)
        for dy in (-14, 6, 22)
        if (dx, dy) != (0, 6)
    )


def test_what_lies_on_a_heap_is_told_as_such() -> None:
    (sighting,) = Stage(deposit()).sightings(24, HEAP_ZONE)
    assert ReasonKey.HEAP_CHANGED in [reason.key for reason in sighting.reasons]
    assert not sighting.certain


def test_another_bag_among_bags_reaches_a_person() -> None:
    """There what is added stands out as little as what is taken: a person decides."""
    stage = Stage((*heap(), *deposit()))
    told = [s for s in stage.findings(40, HEAP_ZONE) if isinstance(s, Sighting)]
    assert any(iou(sighting.box, truth()) >= 0.3 for sighting in told)


def test_a_candidate_says_that_it_lies_on_a_heap_and_older_ones_do_not() -> None:
    """Jobs of an earlier version are still read."""
    candidate = Stage(deposit()).candidates(20, Watch(CameraId("cam"), HEAP_ZONE))[0]
    assert candidate.heap
    told = candidate.to_json()
    assert Candidate.from_json(told) == candidate
    del told["heap"]
    assert not Candidate.from_json(told).heap
