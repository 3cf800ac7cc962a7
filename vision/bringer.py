"""Who stood by when a thing appeared, from a detector's boxes (glossary: 行为人)."""

from collections.abc import Sequence
from typing import TypeAlias

from vision.boxes import Box, gap, intersection, iou
from vision.detect import VEHICLES, Detection, Label
from vision.frame import Instant, later, seconds_between
from vision.lookback import Glimpse
from vision.sighting import Actor

_COVERED = 0.5
"""Share of the region under one box from which that box may be the thing itself."""
_ALIKE = 0.25
"""A box up to four times the region's area can be the same thing; a larger one stands behind it."""
_OFTEN, _MOSTLY, _NEARLY_ALWAYS = 0.5, 0.65, 0.8
"""Share of looks that make it the thing itself: of its own size, or of any; and that show that a
place was covered. A detector misses a person in a fifth of the looks by night."""
_LAST_LOOKS = 3
"""Looks at the end that show whether somebody is there still; one or two may miss them."""
_LIMB, _ASIDE, _BEYOND = 0.1, 0.25, 0.15
"""A still limb, a shoe, the shadow at it: under this share of a person's box, as what is put down
seldom is; it reaches so far beside the box, of its width, and above and below, of its height."""
_LEAST_PEOPLE = 2
"""Looks with a person from which a detector does see people here; one may be an error."""
REACH = 0.5
"""A bringer is within half of its own height of what it puts down (docs/design/detection.md)."""
_NEXT = 0.25
"""Who waits for something or somebody has it within a step, or at the feet: of their height."""
_CONTACT_S = (-2.0, 2.0)
"""When the bringer is close, in seconds from the onset."""
Looks: TypeAlias = list[tuple[Detection, ...]]
"""What the detector saw, look by look."""
_LIVING = frozenset({Label.PERSON, Label.ANIMAL})
_BODIES = VEHICLES | _LIVING


def is_itself(glimpses: tuple[Glimpse, ...], region: Box, onset: Instant) -> bool:
    """Whether the thing is a person, an animal or a vehicle that stands there since `onset`.

    Judged in the second half of the time since: in the first, whoever put it down may bend over
    it, and a detector's box then covers both. What is there without them in the last looks is not.
    A vehicle that stood there before is no reason. A person is: who waits moves a hand or a foot
    and holds it still again.
    """
    earlier, lately = _around(glimpses, onset)
    looks = [
        [d for d in look if d.label not in VEHICLES or not _stood(d, earlier)] for look in lately
    ]
    surely = [_fill(look, region) or any(_is_of(d, region) for d in look) for look in looks]
    perhaps = [
        any(_covers(d, region, 0.0) for d in look) or of
        for look, of in zip(looks, surely, strict=True)
    ]
    if not any(perhaps[-_LAST_LOOKS:]):
        return False
    return sum(surely) >= _OFTEN * len(looks) or sum(perhaps) >= _MOSTLY * len(looks)


def waits_beside(glimpses: tuple[Glimpse, ...], region: Box, onset: Instant) -> bool:
    """Whether somebody came with the thing and stands next to it still.

    Judged in the second half of the time since the onset, as `is_itself`.
    """
    earlier, lately = _around(glimpses, onset)
    near = [
        d
        for look in lately[-_LAST_LOOKS:]
        for d in look
        if d.label is Label.PERSON
        and gap(d.box, region) <= _NEXT * d.box.height
        and not _stood(d, earlier)
    ]
    return any(_stood(d, lately) for d in near)


def was_covered(
    glimpses: tuple[Glimpse, ...], region: Box, before: Instant, still: Instant
) -> bool:
    """Whether somebody or a vehicle covered the place until `before` and does so no more: what
    came to light there was behind them all the time."""
    earlier, since = _until(glimpses, before), _after(glimpses, still)

    def covered(look: tuple[Detection, ...]) -> bool:
        return any(_covers(d, region, 0.0) for d in look)

    hidden = sum(covered(look) for look in earlier) >= max(1, _NEARLY_ALWAYS * len(earlier))
    return hidden and not any(covered(look) for look in since[-_LAST_LOOKS:])


def bringer(glimpses: tuple[Glimpse, ...], region: Box, onset: Instant) -> tuple[Actor, Box | None]:
    """The nearest person at the onset, else the nearest vehicle that was not parked there."""
    close = [g for g in glimpses if _CONTACT_S[0] <= seconds_between(onset, g.at) <= _CONTACT_S[1]]
    seen = [d for g in close for d in g.detections or () if _in_reach(d, region)]
    people = [d.box for d in seen if d.label is Label.PERSON]
    if people:
        return Actor.PERSON, min(people, key=lambda box: gap(box, region))
    vehicles = [d.box for d in seen if d.label in VEHICLES and not is_parked(d, glimpses)]
    if vehicles:
        return Actor.VEHICLE, min(vehicles, key=lambda box: gap(box, region))
    return Actor.UNKNOWN, None


def sees_people(glimpses: tuple[Glimpse, ...]) -> bool:
    """Whether the detector saw a person anywhere, in more looks than it errs in."""
    looks = [g.detections for g in glimpses if g.detections is not None]
    seen = sum(any(d.label is Label.PERSON for d in look) for look in looks)
    return seen >= _LEAST_PEOPLE


def _is_of(found: Detection, region: Box) -> bool:
    """Whether a region so large, or at that place, belongs to who or what fills the box."""
    if found.label in VEHICLES:
        # What lies under a vehicle's box is a wheel or its shadow; a bag behind it can wait.
        return _covers(found, region, 0.0)
    return _covers(found, region, _ALIKE) or _is_limb(found, region)


def _fill(look: Sequence[Detection], region: Box) -> bool:
    """Whether a few who stand beside each other make up the region: each covers a part of it."""
    alike = [d.box for d in look if d.label in _BODIES and region.area >= _ALIKE * d.box.area]
    return sum(intersection(box, region) for box in alike) > _COVERED * region.area


def _is_limb(found: Detection, region: Box) -> bool:
    """Legs and shoes hold still while the body sways, and the shadow under them does."""
    if found.label not in _LIVING or region.area > _LIMB * found.box.area:
        return False
    x0, y0, x1, y1 = found.box.xyxy
    aside, beyond = _ASIDE * found.box.width, _BEYOND * found.box.height
    around = Box(x0 - aside, y0 - beyond, x1 + aside, y1 + beyond)
    return intersection(around, region) > _COVERED * region.area


def _around(glimpses: tuple[Glimpse, ...], onset: Instant) -> tuple[Looks, Looks]:
    """What the detector saw before the bringer was close, and in the second half of the time
    since."""
    middle = later(onset, seconds_between(onset, glimpses[-1].at) / 2)
    return _until(glimpses, later(onset, _CONTACT_S[0])), _after(glimpses, middle)


def _until(glimpses: tuple[Glimpse, ...], end: Instant) -> Looks:
    """What the detector saw, look by look, until `end`."""
    return [g.detections for g in glimpses if g.detections is not None and g.at <= end]


def _after(glimpses: tuple[Glimpse, ...], start: Instant) -> Looks:
    return [g.detections for g in glimpses if g.detections is not None and g.at > start]


def _stood(found: Detection, earlier: Looks) -> bool:
    """Whether a box like it was there in most of the looks."""
    hits = sum(any(iou(found.box, e.box) > _COVERED for e in look) for look in earlier)
    return bool(earlier) and hits >= _OFTEN * len(earlier)


def _covers(found: Detection, region: Box, least_size: float) -> bool:
    if found.label not in _BODIES:
        return False
    covered = intersection(found.box, region) > _COVERED * region.area
    return covered and region.area >= least_size * found.box.area


def _in_reach(found: Detection, region: Box) -> bool:
    return gap(found.box, region) <= REACH * found.box.height


def is_parked(found: Detection, glimpses: tuple[Glimpse, ...]) -> bool:
    """Whether a box like it was there in the first look and in the last."""
    looks = [g.detections for g in glimpses if g.detections is not None]
    return all(
        any(iou(d.box, found.box) > _COVERED for d in look) for look in (looks[0], looks[-1])
    )
