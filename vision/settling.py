"""A thing that has come to lie still, followed until it has lain long enough (glossary: 留置)."""

from dataclasses import dataclass, replace

import numpy as np

from vision.change import SAME, likeness
from vision.frame import Image, Instant, later, seconds_between
from vision.picture import as_mask
from vision.region import Region, overlap, surroundings
from vision.scene import SEEN_LEVELS, Look

_GONE_SHARE = 0.4
"""When less of the region still differs from the reference, the thing is no longer there."""
_PASSING_S = 1.5
"""What looks like the reference for less may be a passer-by of the colour of the ground."""
_WHOLE_SHARE = 0.7
"""When less still differs, a part of it has gone: someone who stood beside it, as a rule."""
PART_SHARE = 0.5
"""Overlap from which two regions are one thing."""
_RIM_PX = 5
"""A strip so wide next to a reported thing is a part of it that its bringer hid for longer."""
_PARTED_S = 2.5
"""A passer-by hides part of a thing for less; two looks and a half."""
_HIDDEN_S = 20.0
"""A thing hidden for longer has to be found anew."""


@dataclass(frozen=True, slots=True, eq=False)
class Settling:
    """One still thing.

    Attributes:
        region: where, in analysis pixels.
        template: what the region's box looked like when it was found.
        before: the last look before it.
        onset: the first look that showed it.
        seen: the last look that showed it unchanged.
        whole: the last look in which nearly all of the region differed from the reference.
        looks: in how many looks it was seen unchanged.
        reports: how many candidates were emitted for it.
        told_s: seconds from the onset to the last of them.
        told_alone: whether nothing had changed around it then.
    """

    region: Region
    template: Image
    before: Instant
    onset: Instant
    seen: Instant
    whole: Instant
    looks: int = 2
    reports: int = 0
    told_s: float = 0.0
    told_alone: bool = False

    @property
    def reported(self) -> bool:
        """Whether a candidate was emitted for it."""
        return self.reports > 0


def found(region: Region, look: Look) -> Settling:
    """A thing new in `look`."""
    inside = region.mask > 0
    age_s, clear_s = (
        float(np.median(map_[region.window][inside])) for map_ in (look.age, look.clear)
    )
    template = look.image[region.window].copy()
    onset = later(look.at, -age_s)
    return Settling(region, template, min(later(look.at, -clear_s), onset), onset, look.at, look.at)


def followed(thing: Settling, look: Look) -> Settling | None:
    """`thing` after one more look; None when it went, or stayed hidden before it was reported."""
    differs = look.change > SEEN_LEVELS
    if thing.region.share(as_mask(differs | (look.age < _PASSING_S))) < _GONE_SHARE:
        return None
    share = thing.region.share(as_mask(differs))
    if share >= _WHOLE_SHARE:
        thing = replace(thing, whole=look.at)
        if likeness(thing.template, look.image[thing.region.window]) >= SAME:
            return replace(thing, seen=look.at, looks=thing.looks + 1)
    hidden = seconds_between(thing.seen, look.at) >= _HIDDEN_S
    return None if hidden and not thing.reported else thing


def ripened(thing: Settling, region: Region, look: Look) -> Settling:
    """`thing` with the outline of `region` if that shows more of it than its bringer let see."""
    if region.area <= thing.region.area:
        return thing
    return replace(thing, region=region, template=look.image[region.window].copy())


def refreshed(thing: Settling, region: Region, look: Look) -> Settling:
    """A reported `thing` that looks different now, as `region` shows it: its bringer went away."""
    same_place = overlap(thing.region, region, look.change.shape) >= PART_SHARE
    if not thing.reported or thing.seen == look.at or not same_place:
        return thing
    template = look.image[region.window].copy()
    return replace(thing, region=region, template=template, seen=look.at, whole=look.at)


def is_part(region: Region, of: Region, shape: tuple[int, int]) -> bool:
    """Whether most of `region` lies within `of` or its rim, in a picture of `shape` `(H, W)`."""
    return region.share(of.drawn(shape) | surroundings(of, shape, _RIM_PX)) >= PART_SHARE


def hides(thing: Settling, region: Region, look: Look) -> bool:
    """Whether `region` is `thing` again or, after its report, a part of it or its rim.

    A reported thing of which a part has been gone for a while hides no part: someone left, and
    what remains is looked at anew.
    """
    shape = look.change.shape
    if thing.reported and seconds_between(thing.whole, look.at) < _PARTED_S:
        return is_part(region, thing.region, shape)
    return overlap(thing.region, region, shape) >= PART_SHARE
