"""Who plays in a simulated scene and where: paths in, poses out (glossary: 角色)."""

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import hypot, tau

from service.demo.canvas import Colour

HORIZON_Y = -1 / 6
"""Where the ground would vanish, in picture heights: above the top, the camera looks down."""

_GROWTH = 0.375
"""Picture heights that a person grows per picture height of approach: 0.25 tall at y = 0.5."""

_ASPECT = 16 / 9
"""Only for the rhythm of steps, so a scene walks alike in every format."""

_STRIDE = 0.8
"""Two steps in body heights: 1.35 m for a person of 1.7 m."""

_EASE_S = 0.25
"""Seconds in which legs swing out or come to rest."""


class Role(StrEnum):
    """What a part looks like."""

    PERSON = "person"
    CLEANER = "cleaner"
    VAN = "van"
    CAR = "car"
    TRICYCLE = "tricycle"
    BAG = "bag"


@dataclass(frozen=True, slots=True)
class Mark:
    """A point of a path: at `t_s` the foot stands at `(x, y)`, in [0, 1] of width and height."""

    t_s: float
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Stoop:
    """Bending down to the ground and up again; the hand is at the ground in the middle span."""

    start_s: float
    down_s: float
    up_s: float
    end_s: float

    def depth(self, t_s: float) -> float:
        """How far down at `t_s`: 0 upright, 1 with the hand at the ground."""
        if t_s <= self.start_s or t_s >= self.end_s:
            return 0.0
        falling = (t_s - self.start_s) / (self.down_s - self.start_s)
        rising = (self.end_s - t_s) / (self.end_s - self.up_s)
        return min(1.0, falling, rising)


@dataclass(frozen=True, slots=True)
class Pose:
    """A part at one moment.

    Attributes:
        look: picks colours and build; the same number always looks the same.
        x, y: the foot point, in [0, 1] of width and height.
        facing: 1 to the right, -1 to the left.
        phase: of the walk, in radians.
        swing: how far the limbs swing, 0 standing to 1 walking.
        stoop: how far bent down, 0 to 1.
        laden: a bag hangs from the hand.
        tall: how much larger than usual everything is at that place: a nearer camera, a taller man.
        colours: of top and trousers, or of the paint; empty lets `look` choose.
        shade: how dark the ground is under a person, 1 as by a low sun.
    """

    role: Role
    look: int
    x: float
    y: float
    facing: int
    phase: float = 0.0
    swing: float = 0.0
    stoop: float = 0.0
    laden: bool = False
    tall: float = 1.0
    colours: tuple[Colour, ...] = ()
    shade: float = 1.0


@dataclass(frozen=True, slots=True)
class Part:
    """One person, vehicle or bag from its first mark to its last.

    `laden_s` is the half-open interval in which a bag hangs from the hand.

    Raises:
        ValueError: the path is empty or its times do not grow.
    """

    role: Role
    look: int
    path: tuple[Mark, ...]
    laden_s: tuple[float, float] = (0.0, 0.0)
    stoop: Stoop | None = None
    tall: float = 1.0
    colours: tuple[Colour, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a path that cannot be walked."""
        times = [mark.t_s for mark in self.path]
        if not times or any(b <= a for a, b in pairwise(times)):
            msg = f"the times of a path must grow: {times}"
            raise ValueError(msg)

    @property
    def enters_s(self) -> float:
        """When it comes on stage."""
        return self.path[0].t_s

    @property
    def leaves_s(self) -> float:
        """When it is gone."""
        return self.path[-1].t_s

    def pose(self, t_s: float) -> Pose | None:
        """The part at `t_s`; None while it is not on stage."""
        if not self.enters_s <= t_s < self.leaves_s:
            return None
        index = max(i for i, mark in enumerate(self.path) if mark.t_s <= t_s)
        a, b = self.path[index], self.path[index + 1]
        share = (t_s - a.t_s) / (b.t_s - a.t_s)
        walked = sum(map(_paces, self.path[:index], self.path[1 : index + 1]))
        walked = (walked + share * _paces(a, b)) / self.tall
        moving = _paces(a, b) > 0
        return Pose(
            role=self.role,
            look=self.look,
            x=a.x + share * (b.x - a.x),
            y=a.y + share * (b.y - a.y),
            facing=self._facing(index),
            phase=tau * walked / _STRIDE,
            swing=min(1.0, (t_s - a.t_s) / _EASE_S, (b.t_s - t_s) / _EASE_S) if moving else 0.0,
            stoop=self.stoop.depth(t_s) if self.stoop else 0.0,
            laden=self.laden_s[0] <= t_s < self.laden_s[1],
            tall=self.tall,
            colours=self.colours,
        )

    def _facing(self, index: int) -> int:
        """The side of the latest move up to segment `index`; right when it never moved."""
        for i in range(index, -1, -1):
            dx = self.path[i + 1].x - self.path[i].x
            if dx:
                return 1 if dx > 0 else -1
        return 1


def person_height(y: float) -> float:
    """Height of a person whose foot is at `y`, in picture heights; grows evenly on flat ground."""
    return _GROWTH * (y - HORIZON_Y)


def _paces(a: Mark, b: Mark) -> float:
    """Distance from `a` to `b` in body heights; a step into the depth looks half as long."""
    return hypot((b.x - a.x) * _ASPECT, (b.y - a.y) * 2) / person_height((a.y + b.y) / 2)
