"""A scripted street scene with its exact truth (glossary: 模拟场景)."""

from collections.abc import Callable
from dataclasses import dataclass
from math import floor

from service.demo.figure import box_of
from service.demo.part import Part, Pose, Role
from vision.boxes import Box
from vision.candidate import Kind
from vision.detect import Label
from vision.frame import Instant
from vision.sighting import Actor

LABELS = {
    Role.PERSON: Label.PERSON,
    Role.CLEANER: Label.PERSON,
    Role.VAN: Label.TRUCK,
    Role.CAR: Label.CAR,
    Role.TRICYCLE: Label.MOTORCYCLE,
}
"""What a detector would call them."""


@dataclass(frozen=True, slots=True)
class Deposit:
    """What really happened: times in seconds of the scene, the box in pixels.

    Attributes:
        contact_s: the thing touches the ground, and lies where it will stay.
        release_s: the hand lets go.
        static_from_s: from here on no pixel of the thing moves.
        actor_leaves_s: the actor begins to walk away.
        actor_gone_s: the actor is out of the picture.
        removed_s: the thing is lifted again; None when that does not happen.
    """

    kind: Kind
    actor: Actor
    contact_s: float
    release_s: float
    static_from_s: float
    actor_leaves_s: float
    actor_gone_s: float
    box_xyxy: tuple[float, float, float, float]
    removed_s: float | None


@dataclass(frozen=True, slots=True)
class Drop:
    """A deposit as a script tells it: by the pose of the thing, before there are pixels."""

    thing: Pose
    contact_s: float
    release_s: float
    leaves_s: float
    gone_s: float
    removed_s: float | None


@dataclass(frozen=True, slots=True)
class Script:
    """What happens in one round of a scene, in seconds from the start of the round."""

    parts: tuple[Part, ...]
    drops: tuple[Drop, ...] = ()


@dataclass(frozen=True, slots=True)
class Caption:
    """Text burnt into the picture: the camera's name and its clock, which shows `starts` at 0 s."""

    name: str
    starts: Instant


@dataclass(frozen=True, slots=True)
class Scene:
    """A street corner and its script, which goes on in rounds of `period_s`.

    Attributes:
        seed: the street's colours and noise; scripts draw their people from it too.
        size: `(width, height)` in pixels, both even because encoders need that.
        script: what happens in round 0, 1, 2, ...; a pure function.

    Raises:
        ValueError: the size is not even or not positive.
    """

    name: str
    seed: int
    size: tuple[int, int]
    period_s: float
    script: Callable[[int], Script]
    caption: Caption | None = None

    def __post_init__(self) -> None:
        """Refuse a size that no encoder takes."""
        if any(side <= 0 or side % 2 for side in self.size):
            msg = f"width and height must be even, got {self.size}"
            raise ValueError(msg)

    @property
    def truth(self) -> tuple[Deposit, ...]:
        """The deposits of the first round."""
        return self.deposits(0.0, self.period_s)

    def deposits(self, start_s: float, end_s: float) -> tuple[Deposit, ...]:
        """The deposits whose contact lies in the half-open interval, in order."""
        rounds = range(floor(start_s / self.period_s), floor(end_s / self.period_s) + 1)
        found = [self._deposit(drop, n) for n in rounds for drop in self.script(n).drops]
        return tuple(item for item in found if start_s <= item.contact_s < end_s)

    def poses(self, t_s: float) -> list[Pose]:
        """Everything on stage at `t_s`, the farthest first."""
        number = floor(t_s / self.period_s)
        local_s = t_s - number * self.period_s
        poses = (part.pose(local_s) for part in self.script(number).parts)
        return sorted((pose for pose in poses if pose is not None), key=lambda pose: pose.y)

    def actors_at(self, t_s: float) -> list[tuple[Label, Box]]:
        """People and vehicles at `t_s` with their boxes in pixels, clipped to the picture.

        What another actor hides is listed all the same.
        """
        actors = [
            (LABELS[pose.role], box_of(pose, self.size).clipped(*self.size))
            for pose in self.poses(t_s)
            if pose.role in LABELS
        ]
        return [(label, box) for label, box in actors if box.area > 0]

    def _deposit(self, drop: Drop, number: int) -> Deposit:
        """`drop` of round `number` in the scene's own time and pixels."""
        start_s = number * self.period_s
        return Deposit(
            kind=Kind.DUMPING,
            actor=Actor.PERSON,
            contact_s=start_s + drop.contact_s,
            release_s=start_s + drop.release_s,
            static_from_s=start_s + drop.release_s,
            actor_leaves_s=start_s + drop.leaves_s,
            actor_gone_s=start_s + drop.gone_s,
            box_xyxy=box_of(drop.thing, self.size).xyxy,
            removed_s=None if drop.removed_s is None else start_s + drop.removed_s,
        )
