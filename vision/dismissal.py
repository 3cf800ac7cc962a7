"""Why a candidate is no dumping: the rules that explain it otherwise (glossary: 排除)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from vision.boxes import Box
from vision.bringer import bringer, is_itself, sees_people, waits_beside, was_covered
from vision.candidate import Candidate, Change
from vision.change import contour_energy, contrast, is_shade, kind_of_change, weakest_side
from vision.course import UNMOVED, Course
from vision.frame import SECOND, Instant
from vision.lookback import Lookback
from vision.region import LEAST_AREA, Region
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
_FAINT = 0.2
"""Contrast gained below which a thing hardly stands out. Measured: people who overlap as they walk
and flicker 0.1 to 0.16, bags of about the ground's colours 0.1 to 0.3."""
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
_THICKNESS = 0.1
"""Share of its area that the largest circle inside it fills; what is thinner everywhere is a tape,
a cable or an edge that moved. Measured: put down 0.13 and more, a barrier tape that sways 0.09."""
_MAINLY = 0.5
"""Share of a thing's parts that decides what it is."""
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


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a look-back showed of a candidate: all that a rule looks at."""

    candidate: Candidate
    lookback: Lookback
    course: Course

    @property
    def box(self) -> Box:
        """Where the thing lies in the frame: the watch saw it together with whoever stood by."""
        return self._in_frame(self.course.thing)

    @property
    def parts(self) -> tuple[Box, ...]:
        """Where its connected parts lie in the frame."""
        return tuple(self._in_frame(patch) for patch in self.course.thing.patches)

    def _in_frame(self, part: Region) -> Box:
        scale, region = 1 / self.per_px, self.lookback.region
        off = part.box.moved(-region.x0, -region.y0).scaled(scale, scale)
        x0, y0, _, _ = self.candidate.box.xyxy
        return off.moved(x0, y0).clipped(*self.candidate.size)

    @property
    def per_px(self) -> float:
        """Pixels of a crop for each pixel of the frame."""
        return self.lookback.region.width / self.candidate.box.width

    @property
    def onset(self) -> Instant:
        """The first look that shows the thing."""
        return Instant(int(self.course.times[self.course.onset]))

    @property
    def has_detections(self) -> bool:
        """Whether a detector was asked."""
        return any(glimpse.detections is not None for glimpse in self.lookback.glimpses)

    @property
    def kind(self) -> Change:
        """Whether the place gained something or lost something."""
        course = self.course
        return kind_of_change(course.thing, course.after, course.before, _EDGE_RATIO)[0]

    @property
    def gained(self) -> float:
        """How much more the thing's place stands out than before, in [-1, 1]."""
        course = self.course
        return contrast(course.thing, course.after) - contrast(course.thing, course.before)

    @property
    def bringer(self) -> tuple[Actor, Box | None]:
        """Who stood by at the onset, and where in the frame."""
        return bringer(self.lookback.glimpses, self.box, self.onset)


def is_unseen(evidence: Evidence) -> bool:
    """There is no thing of some size, with an outline, that was once seen whole."""
    course, candidate = evidence.course, evidence.candidate
    least_px = _SURE_SHARE * LEAST_AREA * prod(candidate.size) * evidence.per_px**2
    least_levels = _FAINT_LEVELS if is_delimited(evidence) else SEEN_LEVELS
    return (
        course.thing.area < least_px
        or course.thing.solidity < _SOLIDITY
        or course.thing.thickness < _THICKNESS
        or contour_energy(course.thing, course.after) < least_levels
        or course.still >= len(course.times)
    )


def is_part(evidence: Evidence) -> bool:
    """It hangs together with something larger, and not only because that touches it."""
    touched = evidence.course.outside > _OUTSIDE and not is_delimited(evidence)
    return evidence.course.larger > _LARGER or touched


def is_taken_away(evidence: Evidence) -> bool:
    """Nothing was added; what is unclear can wait until nobody is next to it.

    On a heap a thing stands out no more than its absence does: a person judges.
    """
    if evidence.candidate.heap or evidence.kind is Change.ADDED:
        return False
    alone = bool((evidence.course.beside[-_LEAST_LOOKS:] < ALONE).all())
    return not (evidence.kind is Change.AMBIGUOUS and alone)


def is_somebody(evidence: Evidence) -> bool:
    """It is a person, an animal or a vehicle, or an upright part of who stands there.

    Itself or most of its parts: the limbs of several people who hold still make one thing.
    Without a detector, all that stands upright may be somebody.
    """
    if _is_theirs(evidence, evidence.box):
        return True
    parts = evidence.parts
    theirs = sum(part.area for part in parts if _is_theirs(evidence, part))
    return theirs > _MAINLY * sum(part.area for part in parts)


def _is_theirs(evidence: Evidence, part: Box) -> bool:
    glimpses, onset = evidence.lookback.glimpses, evidence.onset
    upright = part.height >= _UPRIGHT * part.width
    if not evidence.has_detections:
        return upright
    return is_itself(glimpses, part, onset) or (upright and waits_beside(glimpses, part, onset))


def is_shadow(evidence: Evidence) -> bool:
    """It is the same ground a little darker, at somebody who came with it and stands there."""
    course = evidence.course
    if not is_shade(course.thing, course.after, course.before):
        return False
    return waits_beside(evidence.lookback.glimpses, evidence.box, evidence.onset)


def is_uncovered(evidence: Evidence) -> bool:
    """Somebody who stood before it left."""
    still = Instant(int(evidence.course.times[evidence.course.still]))
    return was_covered(evidence.lookback.glimpses, evidence.box, evidence.candidate.before, still)


def came_without_anybody(evidence: Evidence) -> bool:
    """A detector saw nobody come near, but people elsewhere; or the thing hardly stands out.

    One that sees nobody at all may be blind to the people of this street, or in this light.
    """
    nobody = evidence.has_detections and evidence.bringer[0] is Actor.UNKNOWN
    sees = watched_closely(evidence.course) and sees_people(evidence.lookback.glimpses)
    return nobody and (sees or evidence.gained < _FAINT)


def is_restless(evidence: Evidence) -> bool:
    """It moves in more than a fifth of the looks, and of those in which nobody passes by it."""
    course = evidence.course
    present, beside = course.present[course.still :], course.beside[course.still :]
    alone = present[beside < BESIDE]
    looks = (present, alone) if alone.size >= _LEAST_LOOKS else (present,)
    return max(float(np.percentile(each, _MOST_LOOKS)) for each in looks) < UNMOVED


def came_by_itself(evidence: Evidence) -> bool:
    """Nothing came and went beside it as it came to lie still."""
    return watched_closely(evidence.course) and _bringing(evidence.course) < _least(evidence)


Rule = Callable[[Evidence], bool]
RULES: tuple[tuple[Rule, ReasonKey], ...] = (
    (is_unseen, ReasonKey.NOT_CHANGED),
    (is_part, ReasonKey.TAKEN_AWAY),
    (is_taken_away, ReasonKey.TAKEN_AWAY),
    (is_somebody, ReasonKey.PERSON_OR_VEHICLE),
    (is_shadow, ReasonKey.PERSON_OR_VEHICLE),
    (is_uncovered, ReasonKey.TAKEN_AWAY),
    (is_restless, ReasonKey.NOT_STILL),
    (came_without_anybody, ReasonKey.CAME_BY_ITSELF),
    (came_by_itself, ReasonKey.CAME_BY_ITSELF),
)
"""In the order of certainty. The first must hold before any other may be asked."""


def explained(evidence: Evidence, rules: Sequence[tuple[Rule, ReasonKey]]) -> ReasonKey | None:
    """Why it is no dumping by the first of `rules` that holds; None when it may be one."""
    return next((reason for holds, reason in rules if holds(evidence)), None)


def watched_closely(course: Course) -> bool:
    """Whether the looks around the onset are so dense that a bringer cannot have been missed."""
    looks = course.times[course.within(course.still, -_DENSE_S, _BESIDE_S)]
    return bool(np.diff(looks).max(initial=0) <= _DENSE_S * SECOND)


def is_delimited(evidence: Evidence) -> bool:
    """Whether it stands out from what surrounds it, and ends all around where nothing ended."""
    course = evidence.course
    before, after = (contour_energy(course.thing, i) for i in (course.before, course.after))
    ends = weakest_side(course.thing, course.after) >= _ALL_ROUND
    return ends and evidence.gained >= _STANDS_OUT and after >= _NEW_OUTLINE * before


def _least(evidence: Evidence) -> float:
    """How much must have come and gone beside it; less where a person brought something larger."""
    least = BESIDE if evidence.gained >= _FAINT else _BESIDE_FAINT
    actor, box = evidence.bringer
    if actor is not Actor.PERSON or box is None:
        return least
    body = _BODY * box.area * evidence.per_px**2
    return least * min(1.0, body / evidence.course.thing.area)


def _bringing(course: Course) -> float:
    """The most that came or went next to the thing as it came to lie still, per pixel of it.

    What comes by itself sticks out of its place by no more than it still lacks there.
    """
    still, onset = course.times[course.still], course.times[course.onset]
    pause_s = float(np.median(np.diff(course.times))) / SECOND
    looks = course.within(course.still, (onset - still) / SECOND - pause_s, _BESIDE_S + pause_s)
    return float((course.beside + course.present - 1)[looks].max())
