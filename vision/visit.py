"""Who brought a thing, followed from look to look: came, left, best seen (glossary: 到场经过)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from vision.boxes import Box, gap, intersection, iou
from vision.bringer import REACH, is_parked
from vision.detect import VEHICLES, Detection, Label
from vision.frame import Instant, seconds_between
from vision.lookback import Glimpse
from vision.sighting import Actor, CloseUp, CloseUpRole, Visit

_LOST_S = 2.5
"""Not seen for longer, and whoever is there then may be another: the detector is asked every 2 s at
least."""
_SLACK = 0.3
"""Of its height: so far a detector's box of who stands still jumps."""
_PERSON_SPEED, _VEHICLE_SPEED = 1.5, 4.0
"""Own heights a second at most: who runs, and a van that drives off at 25 km/h."""
_LEAST_SIZE, _MOST_SIZE = 0.5, 2.0
"""Of the height in the look before; beyond, it is somebody else, or a part."""
_ALONG = 1.0
"""A vehicle so many of its own heights from the thing or from who brought it may be theirs, if it
stood there."""
_AROUND_S = 4.0
"""So long before and after the onset a vehicle that waits for somebody stands."""
_STOOD, _LEAST_LOOKS = 0.5, 3
"""IoU of the boxes of what stands, and looks that show it there: some 0.8 s."""
_RIM_PX = 2.0
"""What ends so close to the rim of the picture is cut off there."""
_PEOPLE = frozenset({Label.PERSON})
_OF_PERSON = CloseUpRole.PERSON_ARRIVING, CloseUpRole.PERSON_LEAVING
OF_VEHICLE = CloseUpRole.VEHICLE_ARRIVING, CloseUpRole.VEHICLE_LEAVING


@dataclass(frozen=True, slots=True)
class _Look:
    """What the detector saw at an instant."""

    at: Instant
    detections: tuple[Detection, ...]


@dataclass(frozen=True, slots=True)
class _Step:
    """Where somebody was at an instant."""

    at: Instant
    box: Box


_Trail: TypeAlias = tuple[_Step, ...]
"""In the order of time."""


@dataclass(frozen=True, slots=True)
class Deposit:
    """What a visit was for.

    Attributes:
        thing: where it lies, in pixels of frames of `size` `(width, height)`.
        onset: the first look that shows it.
        released: from when it lies as it stays.
    """

    thing: Box
    size: tuple[int, int]
    onset: Instant
    released: Instant


def visit_of(
    glimpses: tuple[Glimpse, ...], deposit: Deposit, actor: Actor, actor_box: Box | None
) -> Visit | None:
    """The course of the actor whom `bringer` named, and of a vehicle that stopped there with them.

    None where it named nobody. Where people cross, another may be followed from there on: the
    pictures are for an officer to look at and prove nothing by themselves.
    """
    if actor_box is None:
        return None
    looks = [_Look(g.at, g.detections) for g in glimpses if g.detections is not None]
    seen = [
        _Step(look.at, actor_box) for look in looks if actor_box in _boxes(look, _PEOPLE | VEHICLES)
    ]
    start = min(seen, key=lambda step: abs(step.at - deposit.onset))
    if actor is Actor.VEHICLE:
        trail = vehicle = _trail(looks, VEHICLES, start)
        close_ups: tuple[CloseUp, ...] = ()
    else:
        trail = _trail(looks, _PEOPLE, start)
        waiting = _waiting(glimpses, looks, deposit, actor_box)
        vehicle = () if waiting is None else _trail(looks, VEHICLES, waiting)
        close_ups = _close_ups(trail, deposit, _OF_PERSON)
    came, near = trail[0].at, [step.at for step in trail if _is_in_reach(step.box, deposit.thing)]
    near_until = max(near, default=start.at)
    return Visit(
        arrived=came if looks[0].at < came < deposit.onset else None,
        contact=min(_contact(trail, start, deposit.thing), deposit.onset),
        near_until=near_until,
        gone=next((step.at for step in trail if step.at > near_until), None),
        leaving=_leaving(trail, deposit),
        close_ups=(*close_ups, *_close_ups(vehicle, deposit, OF_VEHICLE)),
    )


def _boxes(look: _Look, labels: frozenset[Label]) -> list[Box]:
    return [found.box for found in look.detections if found.label in labels]


def _trail(looks: Sequence[_Look], labels: frozenset[Label], start: _Step) -> _Trail:
    """`start` and the same body in the looks before and after it."""
    earlier = [look for look in reversed(looks) if look.at < start.at]
    later = [look for look in looks if look.at > start.at]
    return (*reversed([*_steps(earlier, labels, start)]), start, *_steps(later, labels, start))


def _steps(looks: Iterable[_Look], labels: frozenset[Label], last: _Step) -> Iterator[_Step]:
    """Look by look the nearest box that `last` may have moved to, until it is lost."""
    speed = _PERSON_SPEED if labels == _PEOPLE else _VEHICLE_SPEED
    for look in looks:
        away_s = abs(seconds_between(last.at, look.at))
        if away_s > _LOST_S:
            return
        reach = (_SLACK + speed * away_s) * last.box.height
        near = [
            box
            for box in _boxes(look, labels)
            if _LEAST_SIZE <= box.height / last.box.height <= _MOST_SIZE
            and _apart(box, last.box) <= reach
        ]
        if near:
            last = _Step(look.at, min(near, key=partial(_apart, last.box)))
            yield last


def _apart(a: Box, b: Box) -> float:
    """Pixels between the middles."""
    (ax, ay), (bx, by) = a.centre, b.centre
    return float(((ax - bx) ** 2 + (ay - by) ** 2) ** 0.5)


def _waiting(
    glimpses: tuple[Glimpse, ...], looks: Sequence[_Look], deposit: Deposit, person: Box
) -> _Step | None:
    """The nearest vehicle that stood by for a while and is not parked there."""
    close = [look for look in looks if abs(seconds_between(deposit.onset, look.at)) <= _AROUND_S]
    found = [
        _Step(look.at, vehicle.box)
        for look in close
        for vehicle in look.detections
        if vehicle.label in VEHICLES
        and _distance(vehicle.box, deposit, person) <= _ALONG * vehicle.box.height
        and sum(any(iou(b, vehicle.box) > _STOOD for b in _boxes(o, VEHICLES)) for o in close)
        >= _LEAST_LOOKS
        and not is_parked(vehicle, glimpses)
    ]
    return min(found, key=lambda step: _distance(step.box, deposit, person), default=None)


def _distance(vehicle: Box, deposit: Deposit, person: Box) -> float:
    return min(gap(vehicle, deposit.thing), gap(vehicle, person))


def _contact(trail: _Trail, start: _Step, thing: Box) -> Instant:
    """Since when the actor was in reach without a break."""
    at = start.at
    for step in reversed([step for step in trail if step.at <= start.at]):
        if not _is_in_reach(step.box, thing):
            break
        at = step.at
    return at


def _is_in_reach(box: Box, thing: Box) -> bool:
    """Whether the feet or wheels are: a body covers all that lies behind it."""
    feet = Box(box.x0, box.y1, box.x1, box.y1)
    return gap(feet, thing) <= REACH * box.height


def _leaving(trail: _Trail, deposit: Deposit) -> Instant | None:
    """The first look that shows both the thing as it stays and the actor apart from it."""
    apart = (
        step.at
        for step in trail
        if step.at >= deposit.released and intersection(step.box, deposit.thing) == 0.0
    )
    return next(apart, None)


def _close_ups(
    trail: _Trail, deposit: Deposit, roles: tuple[CloseUpRole, CloseUpRole]
) -> tuple[CloseUp, ...]:
    """The best look before the thing is there and after it was let go, where there is any."""
    arriving = [step for step in trail if step.at < deposit.onset]
    leaving = [step for step in trail if step.at >= deposit.released]
    best = [
        (role, max(steps, key=lambda step: _worth(step.box, deposit.size)))
        for role, steps in zip(roles, (arriving, leaving), strict=True)
        if steps
    ]
    return tuple(CloseUp(role, step.at, step.box) for role, step in best)


def _worth(box: Box, size: tuple[int, int]) -> tuple[bool, float]:
    """Whole before cut off, large before small."""
    width, height = size
    whole = (
        box.x0 >= _RIM_PX
        and box.y0 >= _RIM_PX
        and box.x1 <= width - _RIM_PX
        and box.y1 <= height - _RIM_PX
    )
    return whole, box.area
