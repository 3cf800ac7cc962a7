"""What was seen, by whom and when: the value that leaves vision."""

from dataclasses import dataclass
from enum import StrEnum

from vision.boxes import Box, gap, intersection, iou
from vision.candidate import Candidate, Clearing, Kind
from vision.frame import CameraId, Instant, later, seconds_between


class Actor(StrEnum):
    """Who brought it; `unknown` when no detector ran or none of its finds fits."""

    PERSON = "person"
    VEHICLE = "vehicle"
    UNKNOWN = "unknown"


class ReasonKey(StrEnum):
    """Why the rule flagged it; the service's catalogue has the words for each."""

    APPEARED = "appeared"
    STAYED = "stayed"
    ACTOR_NEAR = "actor_near"
    VEHICLE_STOPPED = "vehicle_stopped"
    ACTOR_LEFT = "actor_left"
    ACTOR_UNKNOWN = "actor_unknown"
    ACTOR_STILL_THERE = "actor_still_there"
    UNSURE_ADDED = "unsure_added"
    HEAP_CHANGED = "heap_changed"
    # Why a look-back dismissed a candidate; never on a sighting.
    NOT_CHANGED = "not_changed"
    TAKEN_AWAY = "taken_away"
    PERSON_OR_VEHICLE = "person_or_vehicle"
    NOT_STILL = "not_still"
    CAME_BY_ITSELF = "came_by_itself"


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence's worth: what, when (`at`) and for how long (`seconds`), where they apply."""

    key: ReasonKey
    at: Instant | None = None
    seconds: float | None = None


class CloseUpRole(StrEnum):
    """Whom a close-up shows, and when; the largest whole look of that time."""

    PERSON_ARRIVING = "person_arriving"
    PERSON_LEAVING = "person_leaving"
    VEHICLE_ARRIVING = "vehicle_arriving"
    VEHICLE_LEAVING = "vehicle_leaving"


@dataclass(frozen=True, slots=True)
class CloseUp:
    """Where somebody is seen well; `box` in pixels of a frame of the sighting's size."""

    role: CloseUpRole
    at: Instant
    box: Box


@dataclass(frozen=True, slots=True)
class Visit:
    """The course of whoever brought something.

    Attributes:
        arrived: when they came into view; None when they were there from the first look.
        contact: since when they were in reach of the place.
        near_until: the last look that shows them in reach of it.
        gone: the look after that, if they were followed so far.
        leaving: the first look that shows the thing at rest and them apart from it; None when there
            is none.
        close_ups: of the actor, and of a vehicle that stopped with a person; for an officer to read
            a number plate, never read by the machine.
    """

    arrived: Instant | None
    contact: Instant
    near_until: Instant
    gone: Instant | None
    leaving: Instant | None
    close_ups: tuple[CloseUp, ...]


@dataclass(frozen=True, slots=True)
class Sighting:
    """One finding for an officer to judge.

    Attributes:
        onset: when the thing was put there, as well as the frames tell.
        released: when it lay as it stays: by then the hand had left it.
        alarm: when it had stayed long enough to count.
        left: when the actor was away from it; None when unknown or still there.
        before: an instant at which the place was still clear, for the first still.
        box: where it lies, in pixels of a frame of `size` `(width, height)`.
        actor_box: the actor at contact, in the same pixels.
        visit: the actor's coming and going; None when nobody was seen.
        score: orders the review queue and appears in no document, in [0, 1].
        certain: False marks a find that reaches the queue as unsure (存疑).
    """

    camera: CameraId
    kind: Kind
    before: Instant
    onset: Instant
    released: Instant
    alarm: Instant
    left: Instant | None
    box: Box
    size: tuple[int, int]
    actor: Actor
    actor_box: Box | None
    visit: Visit | None
    score: float
    certain: bool
    reasons: tuple[Reason, ...]


_SAME_ACT_S = 2.0
"""Onsets closer than this are one act: a person needs longer to put down two things apart."""
_SAME_PLACE = 0.2
"""Least overlap (IoU) of two boxes of one thing, the matching rule of the benchmarks."""
_SAME_THING = 0.5
"""IoU of a finding and of what is still followed, from which they are one thing; or, once it is
gone, the share of the smaller that lies in the larger."""
_SAME_MOMENT_S = 0.5
"""Onsets of pieces of one thing: two looks of a look-back."""
_SEAM = 0.25
"""Pieces of one thing lie no farther apart, in mean sides of the smaller one."""


def same_act(onset_a: Instant, box_a: Box, onset_b: Instant, box_b: Box) -> bool:
    """Whether two findings of one camera are the same thing put down once.

    A thing may be found twice, first with its owner beside it, then alone; or in two pieces, where
    its colour is that of the ground.
    """
    apart_s, shared = abs(seconds_between(onset_a, onset_b)), iou(box_a, box_b)
    seam = _SEAM * min(box_a.area, box_b.area) ** 0.5
    pieces = shared == 0.0 and apart_s <= _SAME_MOMENT_S and gap(box_a, box_b) <= seam
    return (apart_s <= _SAME_ACT_S and shared >= _SAME_PLACE) or pieces


def is_cleared(clearing: Clearing, onset: Instant, box: Box) -> bool:
    """Whether what a finding is of has gone.

    The watch follows a thing together with what touches it, a look-back finds the thing alone.
    """
    candidate = clearing.candidate
    start, end = later(candidate.before, -_SAME_ACT_S), later(candidate.onset, _SAME_ACT_S)
    smaller = min(candidate.box.area, box.area)
    return start <= onset <= end and intersection(candidate.box, box) >= _SAME_THING * smaller


def tells_of(candidate: Candidate, onset: Instant, box: Box) -> bool:
    """Whether a finding is of the thing of `candidate`, which the watch reports again.

    To look back again would cost as much and tell the same.
    """
    start, end = later(candidate.before, -_SAME_ACT_S), later(candidate.onset, _SAME_ACT_S)
    return start <= onset <= end and iou(candidate.box, box) >= _SAME_THING
