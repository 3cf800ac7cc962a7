"""The rule for illegal dumping (偷倒垃圾): look back at a candidate and say who, when and where."""

from collections.abc import Iterable
from dataclasses import dataclass

from vision.candidate import Candidate
from vision.detect import Detector
from vision.frame import Frame, Instant
from vision.sighting import ReasonKey, Sighting

LOOKBACK_FPS = 5.0
"""Frames per second that a look-back wants."""


@dataclass(frozen=True, slots=True)
class Dismissal:
    """A candidate that the look-back explained without an offence; recorded, not shown."""

    candidate: Candidate
    reason: ReasonKey


def span(candidate: Candidate) -> tuple[Instant, Instant]:
    """The interval whose frames `attribute` wants to see."""
    raise NotImplementedError


def attribute(
    candidate: Candidate, frames: Iterable[Frame], detector: Detector | None
) -> Sighting | Dismissal:
    """Judge `candidate` from the frames of `span(candidate)`, in order, about `LOOKBACK_FPS`.

    Without a detector the actor is `unknown`. The frames may be fewer than wanted (a gap, the
    start of a recording); then the finding is less certain, never an error.
    """
    raise NotImplementedError
