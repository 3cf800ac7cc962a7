"""The rule for illegal dumping (偷倒垃圾): look back at a candidate and say who, when and where."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from vision.candidate import Candidate, Change
from vision.course import Course, has_both, read
from vision.detect import Detector
from vision.dismissal import (
    ALONE,
    BESIDE,
    RULES,
    Dismissal,
    Evidence,
    Rule,
    explained,
    is_delimited,
    is_unseen,
    watched_closely,
)
from vision.frame import SECOND, Frame, Instant, later, seconds_between
from vision.lookback import Lookback, cut, spans
from vision.scene import CHANGED_LEVELS
from vision.sighting import Actor, Reason, ReasonKey, Sighting, Visit, same_act, tells_of
from vision.visit import OF_VEHICLE, Deposit, visit_of

_FAINT_CHANGE, _FAINT_S = 12, 8.0
"""Difference of two still pictures, of 255, that may be a faint thing, and how long it must have
lain: the noise of a still picture falls with the time over which it is taken."""
_GONE_S = 0.6
"""With nobody next to the thing for so long, three looks and more, its bringer counts as gone."""


def attribute(
    candidate: Candidate, frames: Iterable[Frame], detector: Detector | None
) -> Sighting | Dismissal:
    """Judge `candidate` from the frames of `spans(candidate)`, in order, about `LOOKBACK_FPS`.

    Without a detector the actor is `unknown`. The frames may be fewer than wanted (a gap, the
    start of a recording); then the finding is less certain, never an error.
    """
    return judged(candidate, cut(candidate, frames, detector))


def each_act(
    candidates: Iterable[Candidate], judge: Callable[[Candidate], Sighting | Dismissal]
) -> Iterator[Sighting | Dismissal]:
    """What `judge` says of a camera's candidates in turn, each act once.

    About a thing that was told it is not asked again.
    """
    told: list[Sighting] = []
    for candidate in candidates:
        if any(tells_of(candidate, each.onset, each.box) for each in told):
            continue
        verdict = judge(candidate)
        if isinstance(verdict, Dismissal):
            yield verdict
        elif not any(same_act(verdict.onset, verdict.box, o.onset, o.box) for o in told):
            told.append(verdict)
            yield verdict


def judged(
    candidate: Candidate,
    lookback: Lookback,
    rules: Sequence[tuple[Rule, ReasonKey]] = RULES,
) -> Sighting | Dismissal:
    """The sighting, unless nothing is seen or one of `rules` explains it otherwise."""
    if not has_both(_early(candidate), lookback):
        return _unread(candidate)
    evidence = seen(candidate, lookback)
    if evidence is None:
        return Dismissal(candidate, ReasonKey.NOT_CHANGED)
    reason = explained(evidence, rules)
    return _sighting(evidence) if reason is None else Dismissal(candidate, reason)


def seen(candidate: Candidate, lookback: Lookback) -> Evidence | None:
    """What the look-back shows of `candidate`, which may be no thing; None when nothing changed.

    Where it shows none, a fainter one counts that has lain long and ends all around.
    """
    shown = _evidence(candidate, lookback, CHANGED_LEVELS)
    lain_s = seconds_between(candidate.onset, candidate.alarm)
    if lain_s < _FAINT_S or (shown is not None and not is_unseen(shown)):
        return shown
    faint = _evidence(candidate, lookback, _FAINT_CHANGE)
    if faint is None or is_unseen(faint) or not is_delimited(faint):
        return shown
    return faint


def _evidence(candidate: Candidate, lookback: Lookback, levels: int) -> Evidence | None:
    course = read(_early(candidate), lookback, levels)
    return None if course is None else Evidence(candidate, lookback, course)


def _early(candidate: Candidate) -> Candidate:
    """What was told late, since people stood around it, is judged by how it lay by then."""
    return replace(candidate, alarm=spans(candidate)[-1][1])


def _before(candidate: Candidate, course: Course) -> Instant:
    """The last look at the clear place with nobody next to it, for the first still."""
    quiet = np.flatnonzero(course.beside[: course.clear_last + 1] < ALONE)
    before = Instant(int(course.times[quiet[-1]])) if quiet.size else candidate.before
    # A still called "before" must be: the course may find the onset earlier than the watch did.
    return min(before, later(Instant(int(course.times[course.onset])), -_GONE_S))


def _left(course: Course, visit: Visit | None) -> Instant | None:
    """When whoever brought it was away from it; None when they were not or nobody knows.

    Who was followed has gone when seen away from it. Otherwise the surroundings tell, unless the
    detector saw them there later: a body that holds still, or is like the ground, hides there.
    """
    if visit is not None and visit.gone is not None:
        return visit.gone
    cleared = _cleared(course)
    if visit is not None and cleared is not None and cleared <= visit.near_until:
        return None
    return cleared


def _cleared(course: Course) -> Instant | None:
    """When the surroundings became clear for `_GONE_S`; None when they never did or always were."""
    if not (course.beside[max(course.clear_last, 0) :] >= BESIDE).any():
        return None
    alone_since: int | None = None
    for at, beside in zip(course.times[course.onset :], course.beside[course.onset :], strict=True):
        if beside >= BESIDE:
            alone_since = None
        elif alone_since is None:
            alone_since = int(at)
        elif at - alone_since >= _GONE_S * SECOND:
            return Instant(alone_since)
    return None


def _sighting(evidence: Evidence) -> Sighting:
    candidate, course, onset = evidence.candidate, evidence.course, evidence.onset
    actor, actor_box = evidence.bringer
    released = Instant(int(course.times[course.still]))
    deposit = Deposit(evidence.box, candidate.size, onset, released)
    visit = visit_of(evidence.lookback.glimpses, deposit, actor, actor_box)
    left = _left(course, visit)
    clear = course.clear_last >= 0 and watched_closely(course)
    reasons = [
        Reason(ReasonKey.APPEARED, at=onset),
        Reason(ReasonKey.STAYED, seconds=seconds_between(onset, candidate.alarm)),
        Reason(
            ReasonKey.ACTOR_UNKNOWN if actor is Actor.UNKNOWN else ReasonKey.ACTOR_NEAR, at=onset
        ),
        *([Reason(ReasonKey.VEHICLE_STOPPED)] if _came_by_vehicle(actor, visit) else []),
        Reason(ReasonKey.ACTOR_STILL_THERE if left is None else ReasonKey.ACTOR_LEFT, at=left),
    ]
    unsure = candidate.heap or evidence.kind is Change.AMBIGUOUS
    if candidate.heap:
        reasons.append(Reason(ReasonKey.HEAP_CHANGED))
    if unsure:
        reasons.append(Reason(ReasonKey.UNSURE_ADDED))
    marks = (not unsure, clear, actor is not Actor.UNKNOWN, left is not None)
    return Sighting(
        camera=candidate.camera,
        kind=candidate.kind,
        before=_before(candidate, course),
        onset=onset,
        released=released,
        alarm=candidate.alarm,
        left=left,
        box=evidence.box,
        size=candidate.size,
        actor=actor,
        actor_box=actor_box,
        visit=visit,
        score=(1 + sum(marks)) / (1 + len(marks)),
        certain=clear and not unsure,
        reasons=tuple(reasons),
    )


def _came_by_vehicle(actor: Actor, visit: Visit | None) -> bool:
    """Whether a vehicle stood by while a person brought it."""
    close_ups = () if visit is None else visit.close_ups
    return actor is Actor.PERSON and any(each.role in OF_VEHICLE for each in close_ups)


def _unread(candidate: Candidate) -> Sighting:
    """The candidate as it stands, for a person to look at: too few frames to judge it."""
    return Sighting(
        camera=candidate.camera,
        kind=candidate.kind,
        before=candidate.before,
        onset=candidate.onset,
        released=candidate.onset,
        alarm=candidate.alarm,
        left=None,
        box=candidate.box,
        size=candidate.size,
        actor=Actor.UNKNOWN,
        actor_box=None,
        visit=None,
        score=0.2,
        certain=False,
        reasons=(
            Reason(ReasonKey.APPEARED, at=candidate.onset),
            Reason(ReasonKey.STAYED, seconds=seconds_between(candidate.onset, candidate.alarm)),
            Reason(ReasonKey.ACTOR_UNKNOWN, at=candidate.onset),
        ),
    )
