"""Why a candidate is no dumping: the rules that explain it otherwise (glossary: 排除)."""

from dataclasses import dataclass
from math import prod

import numpy as np

from vision.boxes import Box
from vision.bringer import bringer, is_itself, was_covered
from vision.candidate import Candidate, Change
from vision.change import contour_energy, contrast, kind_of_change, weakest_side
from vision.course import UNMOVED, Course
from vision.frame import SECOND, Instant
from vision.lookback import Lookback
from vision.region import LEAST_AREA
from vision.scene import SEEN_LEVELS
from vision.sighting import Actor, ReasonKey

_LARGER = 0.3
"""More that came with the thing, as a share of what lies around it, and it is a part of something
larger that came or went: a background uncovered, a vehicle."""
_OUTSIDE = 4.0
"""Pixels that came with the thing in one piece, per pixel of it, above which it is a part of that:
a limb of someone who stands there. A bag that its owner touches makes 2 to 6."""
_STANDS_OUT = 0.3
"""Contrast gained from which a thing stands out from whoever touches it."""
_ALL_ROUND = 0.8
"""Gradient along the weakest eighth of an outline, as a share of the mean, from which the thing
ends all around and is no part of what it touches. Measured: limbs and halves 0.3 to 0.6, things
beside their owner 1.0 to 1.4."""
_NEW_OUTLINE = 1.5
"""Energy along it after as a multiple of that before: the outline was not there."""
_FAINT_LEVELS = 3.0
"""Mean gradient along the outline of what ends all around; of anything else it must be
`SEEN_LEVELS`, as the borders of clouds and lamps have less. The mean is over a band: a step of 10
levels makes 3."""
_SOLIDITY = 0.4
"""Area over that of the convex hull; looser shapes are the outline of something that moved."""
_UPRIGHT = 1.6
"""Height over width from which a thing may be somebody who stands there, where no detector tells:
one person has 2 to 3.5, two beside each other less. Put down: 0.3 to 1.3."""
_SURE_SHARE = 0.7
"""Share of a thing that differs surely: its rim is mixed with the background."""
_EDGE_RATIO = 2.0
"""Energy along the outline that must be gained where contrast proves nothing. Measured there:
put down 2.3 to 3.5, uncovered and swaying things 1.0 to 2.0."""
_MOST_LOOKS = 20
"""Percentile: a thing looks unmoved in four looks of five; a fifth may be hidden."""
_LEAST_LOOKS = 3
"""Looks without passers-by from which the stillness of a thing can be read; fewer are chance."""
BESIDE = 0.65
"""What comes and goes next to a thing as it comes to lie still, per pixel of the thing: who brings
something is about as large. Measured: put down 0.7 to 8.6, walking up by oneself 0 to 0.25."""
_BESIDE_FAINT = 1.25
"""The same where the thing hardly stands out: two people who overlap as they walk make 0.9 to
1.1."""
_BODY = 0.5
"""Share of a person's box that the person fills."""
ALONE = 0.2
"""Below this nobody is next to the thing: as much as a flickering screen made (as above)."""
_BESIDE_S = 1.5
"""So long after a thing lies still its bringer is next to it or leaves it."""
_DENSE_S = 2.2
"""Gap between looks around the onset above which nothing is proved by seeing nobody: the slowest
rate of looks at which anything is asked for has one in two seconds."""


@dataclass(frozen=True, slots=True)
class Dismissal:
    """A candidate that the look-back explained without an offence; recorded, not shown."""

    candidate: Candidate
    reason: ReasonKey


def explained(candidate: Candidate, lookback: Lookback, course: Course) -> ReasonKey | None:
    """Why it is no dumping; None when it may be one. The order is that of certainty."""
    if not _is_seen(candidate, lookback, course):
        return ReasonKey.NOT_CHANGED
    if _is_part(course) or not (candidate.heap or _is_added(course)):
        return ReasonKey.TAKEN_AWAY
    seen_by = _by_detector(candidate, lookback, course)
    if seen_by is not None:
        return seen_by
    if not _holds_still(course):
        return ReasonKey.NOT_STILL
    if watched_closely(course) and _bringing(course) < _least_bringing(candidate, lookback, course):
        return ReasonKey.CAME_BY_ITSELF
    return None


def is_unsure(course: Course) -> bool:
    """Whether the pictures do not tell that something was added rather than taken away."""
    return _kind(course) is Change.AMBIGUOUS


def box_in_frame(candidate: Candidate, lookback: Lookback, course: Course) -> Box:
    """Where the thing lies in the frame: the watch saw it together with whoever stood by."""
    scale = 1 / _per_px(candidate, lookback)
    box, region = course.thing.box, lookback.region
    off = box.moved(-region.x0, -region.y0).scaled(scale, scale)
    return off.moved(candidate.box.x0, candidate.box.y0).clipped(*candidate.size)


def watched_closely(course: Course) -> bool:
    """Whether the looks around the onset are so dense that a bringer cannot have been missed."""
    looks = course.times[course.within(course.still, -_DENSE_S, _BESIDE_S)]
    return bool(np.diff(looks).max(initial=0) <= _DENSE_S * SECOND)


def _is_seen(candidate: Candidate, lookback: Lookback, course: Course) -> bool:
    """Whether there is a thing of some size, with an outline, that was once seen whole."""
    least = _SURE_SHARE * LEAST_AREA * prod(candidate.size) * _per_px(candidate, lookback) ** 2
    least_levels = _FAINT_LEVELS if _is_delimited(course) else SEEN_LEVELS
    return (
        course.thing.area >= least
        and course.thing.solidity >= _SOLIDITY
        and contour_energy(course.thing, course.after) >= least_levels
        and course.still < len(course.times)
    )


def _is_part(course: Course) -> bool:
    """Whether it hangs together with something larger, and not only because that touches it."""
    touched = course.outside > _OUTSIDE and not _is_delimited(course)
    return course.larger > _LARGER or touched


def _is_delimited(course: Course) -> bool:
    """Whether it stands out from what surrounds it, and ends all around."""
    ends = weakest_side(course.thing, course.after) >= _ALL_ROUND
    energy = [contour_energy(course.thing, image) for image in (course.before, course.after)]
    return ends and _gained(course) >= _STANDS_OUT and energy[1] >= _NEW_OUTLINE * energy[0]


def _is_added(course: Course) -> bool:
    """Whether something was added; what is unclear can wait until nobody is next to it."""
    kind = _kind(course)
    alone = bool((course.beside[-_LEAST_LOOKS:] < ALONE).all())
    return kind is Change.ADDED or (kind is Change.AMBIGUOUS and alone)


def _by_detector(candidate: Candidate, lookback: Lookback, course: Course) -> ReasonKey | None:
    """What a detector's boxes explain; without a detector, whether the thing stands upright."""
    box = box_in_frame(candidate, lookback, course)
    glimpses = lookback.glimpses
    if all(glimpse.detections is None for glimpse in glimpses):
        return ReasonKey.PERSON_OR_VEHICLE if box.height >= _UPRIGHT * box.width else None
    onset, still = (Instant(int(course.times[i])) for i in (course.onset, course.still))
    if is_itself(glimpses, box, onset):
        return ReasonKey.PERSON_OR_VEHICLE
    if was_covered(glimpses, box, candidate.before, still):
        return ReasonKey.TAKEN_AWAY
    nobody = bringer(glimpses, box, onset)[0] is Actor.UNKNOWN
    return ReasonKey.CAME_BY_ITSELF if nobody and _gained(course) < _STANDS_OUT else None


def _holds_still(course: Course) -> bool:
    """Whether it looks unmoved in most looks, or in most of those in which nobody passes by it."""
    present, beside = course.present[course.still :], course.beside[course.still :]
    alone = present[beside < BESIDE]
    looks = (present, alone) if alone.size >= _LEAST_LOOKS else (present,)
    return max(float(np.percentile(each, _MOST_LOOKS)) for each in looks) >= UNMOVED


def _kind(course: Course) -> Change:
    return kind_of_change(course.thing, course.after, course.before, _EDGE_RATIO)[0]


def _gained(course: Course) -> float:
    return contrast(course.thing, course.after) - contrast(course.thing, course.before)


def _per_px(candidate: Candidate, lookback: Lookback) -> float:
    """Pixels of a crop for each pixel of the frame."""
    return lookback.region.width / candidate.box.width


def _least_bringing(candidate: Candidate, lookback: Lookback, course: Course) -> float:
    """How much must have come and gone beside it; less where a person brought something larger."""
    least = BESIDE if _gained(course) >= _STANDS_OUT else _BESIDE_FAINT
    onset = Instant(int(course.times[course.onset]))
    actor, box = bringer(lookback.glimpses, box_in_frame(candidate, lookback, course), onset)
    if actor is not Actor.PERSON or box is None:
        return least
    body = _BODY * box.area * _per_px(candidate, lookback) ** 2
    return least * min(1.0, body / course.thing.area)


def _bringing(course: Course) -> float:
    """The most that came or went next to the thing as it came to lie still, per pixel of it.

    What comes by itself sticks out of its place by no more than it still lacks there.
    """
    still, onset = course.times[course.still], course.times[course.onset]
    pause_s = float(np.median(np.diff(course.times))) / SECOND
    looks = course.within(course.still, (onset - still) / SECOND - pause_s, _BESIDE_S + pause_s)
    return float((course.beside + course.present - 1)[looks].max())
