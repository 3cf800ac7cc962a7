"""A drawn street that puts the dumping rule to the test, with its exact truth (glossary: 试验)."""

from dataclasses import dataclass, replace
from functools import partial
from math import inf, sin

import cv2
import numpy as np

from service.demo.figure import EXTENTS, box_of, draw
from service.demo.load import Load, draw_load
from service.demo.part import Part, Pose, Role, Stoop, person_height
from service.demo.place import SIZE, Place, draw_standing, empty
from service.demo.scene import LABELS
from service.demo.weather import Polygon, Weather
from vision.boxes import Box, intersection
from vision.detect import Label
from vision.frame import Image
from vision.picture import as_mask
from vision.zone import Zone

_CARRIED, _AT_HAND = 0.3, 0.05
"""Body heights between the ground and what somebody carries, and how far before them it hangs."""
_SHADE = 0.35
"""Under an open sky the ground by the feet lacks a seventh of its light; the sun's shadows come
with the weather."""
VEHICLES = frozenset({Role.VAN, Role.CAR, Role.TRICYCLE})
_HIDDEN = 0.7
"""Share of an actor behind a nearer one from which no detector sees them."""
_DIFFERS = 6
"""Levels from which a pixel of a clean picture shows the thing."""


@dataclass(frozen=True, slots=True)
class Player:
    """A part that lives: it stoops when it has to, squats, and never stands quite still.

    Attributes:
        restless: how much a person who stands shifts, 1 for an ordinary one.
        squats_s: while a person squats.
    """

    part: Part
    stoops: tuple[Stoop, ...] = ()
    restless: float = 1.0
    squats_s: tuple[float, float] = (0.0, 0.0)

    def pose(self, t_s: float) -> Pose | None:
        """As of the part; None while it is not on stage."""
        pose = self.part.pose(t_s)
        if pose is None or pose.role not in (Role.PERSON, Role.CLEANER):
            return pose
        pose = replace(pose, shade=_SHADE)
        stoop = max((each.depth(t_s) for each in self.stoops), default=0.0)
        if self.squats_s[0] <= t_s < self.squats_s[1]:
            stoop = max(stoop, 0.6 + 0.04 * sin(t_s * 0.4))
        if pose.swing or stoop > 0.9:
            return replace(pose, stoop=stoop)
        mood = pose.look % 97
        step = 0.04 * sin(t_s * 0.53 + mood) + 0.05 * sin(t_s * 0.17 + 2 * mood)
        unit = pose.tall * person_height(pose.y) * SIZE[1] / SIZE[0]
        turned = self.restless > 0.5 and sin(t_s * 0.11 + mood) > 0.8 and not self.stoops
        return replace(
            pose,
            x=pose.x + self.restless * step * unit,
            swing=0.12 * self.restless * (1 + sin(t_s * 0.83 + mood)),
            phase=mood + 0.8 * sin(t_s * 0.31),
            stoop=stoop,
            facing=-pose.facing if turned else pose.facing,
        )


@dataclass(frozen=True, slots=True)
class Laid:
    """A load that lies at `(x, y)` in `[from_s, to_s)`; before and after it is in their hands.

    Attributes:
        seen_s: from when the camera can see it; later than `from_s` behind a vehicle.
        deposit: whether it is a dumping that must be found.
    """

    load: Load
    x: float
    y: float
    from_s: float = 0.0
    to_s: float = inf
    bringer: Player | None = None
    taker: Player | None = None
    seen_s: float = 0.0
    deposit: bool = False

    def box(self, place: Place) -> Box:
        """Where it lies, in pixels, clipped to the picture."""
        unit = place.unit(self.y) * SIZE[0]
        wide, high = self.load.width / 2 * unit, self.load.height * unit
        x, y = self.x * SIZE[0], self.y * SIZE[1]
        return Box(x - wide, y - high, x + wide, y).clipped(*SIZE)

    def foot(self, t_s: float) -> tuple[float, float, float] | None:
        """`(x, y, lift)` at `t_s`, the lift in body heights; None while it is nowhere."""
        if self.from_s <= t_s < self.to_s:
            return self.x, self.y, 0.0
        carrier = self.bringer if t_s < self.from_s else self.taker
        pose = carrier.pose(t_s) if carrier else None
        if pose is None:
            return None
        unit = pose.tall * person_height(pose.y) * SIZE[1] / SIZE[0]
        held = _AT_HAND + self.load.width / 4
        off = pose.facing * unit * (held + (reach(self.load) - held) * pose.stoop)
        return pose.x + off, pose.y + 0.004, _CARRIED * (1 - pose.stoop)


def reach(load: Load) -> float:
    """From a foot to the middle of what is put down, in body heights."""
    return 0.13 + load.width / 2


@dataclass(frozen=True, slots=True)
class Truth:
    """A deposit as the pictures show it.

    Attributes:
        contact_s, seen_s: it touches the ground; it can be seen.
        box: what is seen of it, in pixels.
        share: of the picture.
        shown: how much of it is seen: inside of the picture, not behind something, not in the dark.
        contrast: mean difference from what it covers, in levels, before noise and coding.
    """

    contact_s: float
    seen_s: float
    box: Box
    share: float
    shown: float
    contrast: float


@dataclass(frozen=True, slots=True)
class Trial:
    """What one camera sees for `seconds`; equal kinds and seeds make equal pictures."""

    kind: str
    seed: int
    seconds: float
    place: Place
    weather: Weather
    players: tuple[Player, ...]
    laid: tuple[Laid, ...] = ()
    zones: tuple[Zone, ...] = ()

    def picture(self, t_s: float) -> Image:
        """What the camera sends at `t_s` before it is coded: `(360, 640, 3)` uint8 BGR."""
        poses = [pose for pose in (each.pose(t_s) for each in self.players) if pose is not None]
        image = self._clean(poses, self.laid, t_s)
        self.weather.taken(image, t_s)
        return image

    def coded(self, t_s: float) -> bytes:
        """The picture as JPEG, which stands in for the camera's coding."""
        quality = (cv2.IMWRITE_JPEG_QUALITY, self.weather.quality)
        return cv2.imencode(".jpg", self.picture(t_s), quality)[1].tobytes()

    def actors_at(self, t_s: float) -> list[tuple[Label, Box]]:
        """People and vehicles that can be seen at `t_s`, boxes in pixels clipped to the picture."""
        dx, dy = self.weather.shift(t_s)
        poses = sorted(
            (pose for pose in (each.pose(t_s) for each in self.players) if pose is not None),
            key=lambda pose: pose.y,
        )
        boxes = [box_of(pose, SIZE).moved(dx, dy).clipped(*SIZE) for pose in poses]
        return [
            (LABELS[pose.role], box)
            for n, (pose, box) in enumerate(zip(poses, boxes, strict=True))
            if box.area > 0 and not any(_covered(box, near) for near in boxes[n + 1 :])
        ]

    def truths(self) -> tuple[Truth, ...]:
        """The deposits in the order of the cast."""
        return tuple(self.truth(each) for each in self.laid if each.deposit)

    def truth(self, laid: Laid) -> Truth:
        """What is seen of a deposit when nobody stands before it."""
        t_s = max(laid.seen_s, laid.from_s)
        parked = [p.pose(t_s) for p in self.players if _stays(p, t_s)]
        lying = [each for each in self.laid if each.from_s <= t_s < each.to_s]
        poses = [pose for pose in parked if pose is not None]
        others = tuple(each for each in lying if each is not laid)
        with_it = self._clean(poses, tuple(lying), t_s).astype(np.int16)
        without = self._clean(poses, others, t_s).astype(np.int16)
        levels = np.abs(with_it - without).max(axis=2)
        white = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
        plain = replace(laid.load, colour=(255, 255, 255))
        draw_load(white, plain, (laid.x, laid.y), self.place.tall)
        silhouette = as_mask(white.max(axis=2) > 0)
        near = silhouette & as_mask(levels > _DIFFERS)
        x, y, width, height = cv2.boundingRect(near)
        area = int(cv2.countNonZero(near))
        inside = laid.box(self.place).width / (laid.load.width * self.place.unit(laid.y) * SIZE[0])
        return Truth(
            contact_s=laid.from_s,
            seen_s=t_s,
            box=Box(x, y, x + width, y + height),
            share=area / levels.size,
            shown=inside * area / max(1, cv2.countNonZero(silhouette)),
            contrast=float(levels[near > 0].mean()) if area else 0.0,
        )

    def _clean(self, poses: list[Pose], laid: tuple[Laid, ...], t_s: float) -> Image:
        """The lit place, the farthest first, without air, lens and sensor."""
        image = empty(self.place.seed, self.place.wall_y).copy()
        sprites = [
            (it.y, partial(draw_standing, image, self.place, it, t_s)) for it in self.place.standing
        ]
        shadows = []
        for pose in poses:
            sprites.append((pose.y, partial(draw, image, pose)))
            shadows.append(self._shadow(pose.x, pose.y, EXTENTS[pose.role]))
        for each in laid:
            foot = each.foot(t_s)
            if foot is not None:
                x, y, lift = foot
                drawn = partial(draw_load, image, each.load, (x, y), self.place.tall, lift)
                sprites.append((y, drawn))
                shadows.append(self._shadow(x, y, (each.load.width, each.load.height)))
        for _, drawn in sorted(sprites, key=lambda sprite: sprite[0]):
            drawn()
        self.weather.lit(image, shadows, t_s)
        return image

    def _shadow(self, x: float, y: float, extent: tuple[float, float]) -> Polygon:
        """What something of that width and height in body heights takes of the sun."""
        unit, half = self.place.tall * person_height(y) * SIZE[1], extent[0] / 2
        across, up = (extent[1] * each for each in self.weather.slant)
        corners = ((-half, 0.0), (half, 0.0), (0.8 * half + across, up), (across - 0.8 * half, up))
        foot = x * SIZE[0], y * SIZE[1]
        points = [(foot[0] + u * unit, foot[1] - v * unit) for u, v in corners]
        return np.rint(points).astype(np.int32)


def _covered(far: Box, near: Box) -> bool:
    return intersection(far, near) > _HIDDEN * far.area


def _stays(player: Player, t_s: float) -> bool:
    """Whether it is parked at `t_s` for good."""
    return player.part.role in VEHICLES and player.part.pose(t_s) == player.part.pose(t_s + 60.0)
