"""The rule for illegal dumping (偷倒垃圾): look back at a candidate and say who, when and where."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

import numpy as np

from vision.boxes import Box
from vision.bringer import bringer, is_itself
from vision.candidate import Candidate, Change
from vision.change import contour_energy, kind_of_change
from vision.course import UNMOVED, Course, has_both, read
from vision.detect import Detector
from vision.frame import SECOND, Frame, Instant, later, seconds_between
from vision.lookback import Lookback, cut
from vision.region import LEAST_AREA, Region
from vision.scene import SEEN_LEVELS
from vision.sighting import Actor, Reason, ReasonKey, Sighting

LOOKBACK_FPS = 5.0
"""Frames per second that a look-back wants."""

_APPROACH_S = 5.0
"""How long before the change its bringer is looked for: some seven metres of walking."""
_LONGEST_S = 120.0
"""A look-back reads no more: a longer one is of a thing that lay hidden, and starts later."""
_LARGER = 0.3
"""More that came with the thing, as a share of what lies around it, and it is a part of something
larger that came or went: a background uncovered, a vehicle."""
_OUTSIDE = 4.0
"""Pixels that came with the thing in one piece, per pixel of it, above which it is a part of that:
a limb of someone who stands there. A bag that its owner touches makes 2 to 6."""
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
_BESIDE = 0.65
"""What comes and goes next to a thing as it comes to lie still, per pixel of the thing: who brings
something is about as large. Measured: put down 0.7 to 8.6, walking up by oneself 0 to 0.25."""
_ALONE = 0.2
"""Below this nobody is next to the thing: as much as a flickering screen made (as above)."""
_BESIDE_S = 1.5
"""So long after a thing lies still its bringer is next to it or leaves it."""
_GONE_S = 0.6
"""With nobody next to the thing for so long, three looks and more, its bringer counts as gone."""
_DENSE_S = 2.2
"""Gap between looks around the onset above which nothing is proved by seeing nobody: the slowest
rate of looks at which anything is asked for has one in two seconds."""


@dataclass(frozen=True, slots=True)
class Dismissal:
    """A candidate that the look-back explained without an offence; recorded, not shown."""

    candidate: Candidate
    reason: ReasonKey


def span(candidate: Candidate) -> tuple[Instant, Instant]:
    """The interval whose frames `attribute` wants to see; it ends with the alarm."""
    start = max(later(candidate.before, -_APPROACH_S), later(candidate.alarm, -_LONGEST_S))
    return Instant(start), candidate.alarm


def attribute(
    candidate: Candidate, frames: Iterable[Frame], detector: Detector | None
) -> Sighting | Dismissal:
    """Judge `candidate` from the frames of `span(candidate)`, in order, about `LOOKBACK_FPS`.

    Without a detector the actor is `unknown`. The frames may be fewer than wanted (a gap, the
    start of a recording); then the finding is less certain, never an error.
    """
    lookback = cut(candidate, frames, detector)
    if not has_both(candidate, lookback):
        return _unread(candidate)
    course = read(candidate, lookback)
    if course is None:
        return Dismissal(candidate, ReasonKey.NOT_CHANGED)
    explained = _explained(candidate, lookback, course)
    if explained is not None:
        return Dismissal(candidate, explained)
    return _sighting(candidate, lookback, course, _box(candidate, lookback, course.thing))


def _explained(candidate: Candidate, lookback: Lookback, course: Course) -> ReasonKey | None:
    """Why it is no dumping; None when it may be one. The order is that of certainty."""
    if not _is_seen(candidate, lookback, course):
        return ReasonKey.NOT_CHANGED
    part = course.larger > _LARGER or course.outside > _OUTSIDE
    # On a heap a thing stands out no more than its absence does: a person judges.
    if part or not (candidate.heap or _kind(course) is Change.ADDED):
        return ReasonKey.TAKEN_AWAY
    if _is_living(candidate, lookback, course):
        return ReasonKey.PERSON_OR_VEHICLE
    if not _holds_still(course):
        return ReasonKey.NOT_STILL
    if _watched_closely(course) and _bringing(course) < _BESIDE:
        return ReasonKey.CAME_BY_ITSELF
    return None


def _is_seen(candidate: Candidate, lookback: Lookback, course: Course) -> bool:
    """Whether there is a thing of some size, with an outline, that was once seen whole."""
    least = _SURE_SHARE * LEAST_AREA * prod(candidate.size) * _per_px(candidate, lookback) ** 2
    return (
        course.thing.area >= least
        and course.thing.solidity >= _SOLIDITY
        and contour_energy(course.thing, course.after) >= SEEN_LEVELS
        and course.still < len(course.times)
    )


def _is_living(candidate: Candidate, lookback: Lookback, course: Course) -> bool:
    """Whether it is a person, an animal or a vehicle; without a detector, whether it stands."""
    if all(glimpse.detections is None for glimpse in lookback.glimpses):
        return course.thing.box.height >= _UPRIGHT * course.thing.box.width
    onset = Instant(int(course.times[course.onset]))
    return is_itself(lookback.glimpses, _box(candidate, lookback, course.thing), onset)


def _holds_still(course: Course) -> bool:
    """Whether it looks unmoved in most looks, or in most of those in which nobody passes by it."""
    present, beside = course.present[course.still :], course.beside[course.still :]
    alone = present[beside < _BESIDE]
    looks = (present, alone) if alone.size >= _LEAST_LOOKS else (present,)
    return max(float(np.percentile(each, _MOST_LOOKS)) for each in looks) >= UNMOVED


def _kind(course: Course) -> Change:
    return kind_of_change(course.thing, course.after, course.before, _EDGE_RATIO)[0]


def _per_px(candidate: Candidate, lookback: Lookback) -> float:
    """Pixels of a crop for each pixel of the frame."""
    return lookback.region.width / candidate.box.width


def _box(candidate: Candidate, lookback: Lookback, thing: Region) -> Box:
    """Where the thing lies in the frame: the watch saw it together with whoever stood by."""
    scale = 1 / _per_px(candidate, lookback)
    off = thing.box.moved(-lookback.region.x0, -lookback.region.y0).scaled(scale, scale)
    return off.moved(candidate.box.x0, candidate.box.y0).clipped(*candidate.size)


def _bringing(course: Course) -> float:
    """The most that came or went next to the thing as it came to lie still, per pixel of it.

    What comes by itself sticks out of its place by no more than it still lacks there.
    """
    still, onset = course.times[course.still], course.times[course.onset]
    pause_s = float(np.median(np.diff(course.times))) / SECOND
    looks = course.within(course.still, (onset - still) / SECOND - pause_s, _BESIDE_S + pause_s)
    return float((course.beside + course.present - 1)[looks].max())


def _watched_closely(course: Course) -> bool:
    """Whether the looks around the onset are so dense that a bringer cannot have been missed."""
    looks = course.times[course.within(course.still, -_DENSE_S, _BESIDE_S)]
    return bool(np.diff(looks).max(initial=0) <= _DENSE_S * SECOND)


def _before(candidate: Candidate, course: Course) -> Instant:
    """The last look at the clear place with nobody next to it, for the first still."""
    quiet = np.flatnonzero(course.beside[: course.clear_last + 1] < _ALONE)
    before = Instant(int(course.times[quiet[-1]])) if quiet.size else candidate.before
    # A still called "before" must be: the course may find the onset earlier than the watch did.
    return min(before, later(Instant(int(course.times[course.onset])), -_GONE_S))


def _left(course: Course) -> Instant | None:
    """When the surroundings became clear for `_GONE_S`; None when they never did or always were."""
    if not (course.beside[max(course.clear_last, 0) :] >= _BESIDE).any():
        return None
    alone_since: int | None = None
    for at, beside in zip(course.times[course.onset :], course.beside[course.onset :], strict=True):
        if beside >= _BESIDE:
            alone_since = None
        elif alone_since is None:
            alone_since = int(at)
        elif at - alone_since >= _GONE_S * SECOND:
            return Instant(alone_since)
    return None


def _sighting(candidate: Candidate, lookback: Lookback, course: Course, box: Box) -> Sighting:
    onset = Instant(int(course.times[course.onset]))
    actor, actor_box = bringer(lookback.glimpses, box, onset)
    left = _left(course)
    clear = course.clear_last >= 0 and _watched_closely(course)
    reasons = [
        Reason(ReasonKey.APPEARED, at=onset),
        Reason(ReasonKey.STAYED, seconds=seconds_between(onset, candidate.alarm)),
        Reason(
            ReasonKey.ACTOR_UNKNOWN if actor is Actor.UNKNOWN else ReasonKey.ACTOR_NEAR, at=onset
        ),
        Reason(ReasonKey.ACTOR_STILL_THERE if left is None else ReasonKey.ACTOR_LEFT, at=left),
    ]
    if candidate.heap:
        reasons += [Reason(ReasonKey.HEAP_CHANGED), Reason(ReasonKey.UNSURE_ADDED)]
    marks = (True, clear, actor is not Actor.UNKNOWN, left is not None)
    return Sighting(
        camera=candidate.camera,
        kind=candidate.kind,
        before=_before(candidate, course),
        onset=onset,
        alarm=candidate.alarm,
        left=left,
        box=box,
        size=candidate.size,
        actor=actor,
        actor_box=actor_box,
        score=(1 + sum(marks)) / (1 + len(marks)),
        certain=clear and not candidate.heap,
        reasons=tuple(reasons),
    )


def _unread(candidate: Candidate) -> Sighting:
    """The candidate as it stands, for a person to look at: too few frames to judge it."""
    return Sighting(
        camera=candidate.camera,
        kind=candidate.kind,
        before=candidate.before,
        onset=candidate.onset,
        alarm=candidate.alarm,
        left=None,
        box=candidate.box,
        size=candidate.size,
        actor=Actor.UNKNOWN,
        actor_box=None,
        score=0.2,
        certain=False,
        reasons=(
            Reason(ReasonKey.APPEARED, at=candidate.onset),
            Reason(ReasonKey.STAYED, seconds=seconds_between(candidate.onset, candidate.alarm)),
            Reason(ReasonKey.ACTOR_UNKNOWN, at=candidate.onset),
        ),
    )
