"""Where a trial plays: a ground, a wall, and what stands about (glossary: 地点)."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from math import sin
from random import Random

import cv2
import numpy as np
import numpy.typing as npt

from service.demo.canvas import Canvas, Colour, Point, shaded
from service.demo.dice import dice
from service.demo.part import HORIZON_Y, person_height
from vision.frame import Image

SIZE = (640, 360)
"""Pixels of a street camera's sub-stream, the one that is analysed."""

_GROUNDS: tuple[tuple[Colour, str], ...] = (
    ((95, 95, 98), "plain"), ((74, 74, 72), "plain"), ((150, 152, 155), "slabs"),
    ((140, 150, 170), "slabs"), ((84, 98, 138), "bricks"), ((128, 132, 134), "bricks"),
    ((84, 108, 128), "soil"), ((160, 164, 160), "slabs"),
)  # fmt: skip
"""Asphalt, concrete, slabs, bricks and bare soil."""

_WALLS: tuple[Colour, ...] = ((178, 196, 206), (150, 160, 175), (190, 190, 188), (110, 125, 150))


class Fixture(StrEnum):
    """What stands about."""

    BOLLARD = "bollard"
    TREE = "tree"
    BUSH = "bush"
    BIN = "bin"
    BOARD = "board"


@dataclass(frozen=True, slots=True)
class Standing:
    """A fixture with its foot at `(x, y)`, in [0, 1] of width and height."""

    fixture: Fixture
    x: float
    y: float
    look: int


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of street as one camera sees it.

    Attributes:
        seed: picks ground, wall, stains and wear.
        tall: how tall people are beside the usual: how near the camera stands.
        wind: how far leaves sway, 0 to 1.
    """

    seed: int
    tall: float
    standing: tuple[Standing, ...] = ()
    wind: float = 0.0

    @property
    def wall_y(self) -> float:
        """Where the wall meets the ground, in picture heights."""
        return dice("wall", self.seed).uniform(0.22, 0.38)

    @property
    def tone(self) -> Colour:
        """The ground's own colour."""
        return dice("ground", self.seed).choice(_GROUNDS)[0]

    def unit(self, y: float) -> float:
        """A body height at `y`, in picture widths."""
        return self.tall * person_height(y) * SIZE[1] / SIZE[0]


@lru_cache(maxsize=4)
def empty(seed: int, wall_y: float) -> Image:
    """The place without anything on it, read-only `(360, 640, 3)`."""
    rng = dice("ground", seed)
    tone, pattern = rng.choice(_GROUNDS)
    image = np.empty((SIZE[1], SIZE[0], 3), np.uint8)
    image[:] = tone
    canvas = Canvas(image, (0.0, 0.0), (float(SIZE[0]), float(SIZE[1])))
    _PATTERNS[pattern](canvas, tone, rng)
    _wear(canvas, tone, rng)
    _road(canvas, rng)
    _wall(canvas, wall_y, rng)
    worn = image.astype(np.float32) + _grain(seed, rng.uniform(0.6, 2.2))
    result: Image = np.clip(np.rint(worn), 0, 255).astype(np.uint8)
    result.flags.writeable = False
    return result


def draw_standing(image: Image, place: Place, it: Standing, t_s: float) -> None:
    """Paint a fixture as it is at `t_s`: leaves sway and a board changes its picture."""
    unit = place.tall * person_height(it.y) * SIZE[1]
    canvas = Canvas(image, (it.x * SIZE[0], it.y * SIZE[1]), (unit, -unit))
    sway = place.wind * (sin(t_s * 1.9 + it.x * 20) + 0.6 * sin(t_s * 5.3 + it.look % 7))
    match it.fixture:
        case Fixture.BOLLARD:
            colour = dice(it.look).choice(((60, 140, 190), (90, 92, 95), (50, 50, 160)))
            canvas.rectangle((-0.075, 0.0), (0.075, 0.6), colour)
            canvas.rectangle((-0.075, 0.42), (0.075, 0.5), (210, 214, 214))
        case Fixture.TREE:
            canvas.polygon(((-0.16, 0.0), (-0.1, 2.0), (0.1, 2.0), (0.16, 0.0)), (70, 86, 100))
            _leaves(canvas, (0.0, 2.1), (0.75, 0.5), it.look, sway)
        case Fixture.BUSH:
            _leaves(canvas, (0.0, 0.4), (0.65, 0.35), it.look, 1.6 * sway)
        case Fixture.BIN:
            colour = dice(it.look).choice(((70, 128, 52), (104, 100, 98), (150, 90, 40)))
            canvas.shadow((0.03, 0.0), (0.25, 0.06), 0.4)
            canvas.polygon(((-0.18, 0.0), (-0.2, 0.62), (0.2, 0.62), (0.18, 0.0)), colour)
            canvas.rectangle((-0.22, 0.6), (0.22, 0.68), shaded(colour, 1.2))
        case Fixture.BOARD:
            _board(canvas, it.look, t_s)


_PERIODS_S = (4.0, 11.0, 27.0, 60.0)
"""How long a board shows one picture."""


def _board(canvas: Canvas, look: int, t_s: float) -> None:
    """A lit advertisement on two legs."""
    period_s = dice(look).choice(_PERIODS_S)
    rng = dice("board", look, int(t_s // period_s))
    paint: Colour = (rng.randrange(30, 230), rng.randrange(30, 230), rng.randrange(30, 230))
    for side in (-0.5, 0.5):
        canvas.rectangle((side - 0.04, 0.0), (side + 0.04, 0.4), (80, 80, 82))
    canvas.rectangle((-0.62, 0.36), (0.62, 1.24), (50, 50, 52))
    canvas.rectangle((-0.58, 0.4), (0.58, 1.2), paint)
    for _ in range(4):
        u, v = rng.uniform(-0.45, 0.1), rng.uniform(0.5, 0.95)
        canvas.rectangle((u, v), (u + rng.uniform(0.1, 0.4), v + 0.15), shaded(paint, 1.6))


@lru_cache(maxsize=16)
def _crown(look: int) -> tuple[npt.NDArray[np.float64], tuple[Colour, ...]]:
    """`(46, 10, 2)` corners of leaves around `(0, 0)`, and their greens."""
    rng = np.random.default_rng((look, 5))
    middles, sizes = rng.normal(0, 0.5, (46, 1, 2)), rng.uniform(0.07, 0.17, (46, 1, 1))
    greens = tuple(shaded((62, 112, 74), 0.6 + 0.012 * n) for n in range(46))
    return middles + sizes * _LEAF, greens


_LEAF = np.stack([f(np.linspace(0, 2 * np.pi, 10, endpoint=False)) for f in (np.cos, np.sin)], 1)


def _leaves(canvas: Canvas, middle: Point, spread: Point, look: int, sway: float) -> None:
    """A crown or a bush; every leaf sways a little apart from the others."""
    leaves, greens = _crown(look)
    off = 0.06 * sway * (0.5 + np.arange(46) * 7 % 11 / 10)
    corners = leaves * spread + middle
    corners[:, :, 0] += off[:, None]
    corners[:, :, 1] = np.maximum(0.0, corners[:, :, 1] - 0.3 * np.abs(off)[:, None])
    pixels = np.rint((corners * canvas.scale + canvas.origin) * 16).astype(np.int32)
    for leaf, green in zip(pixels, greens, strict=True):
        cv2.fillConvexPoly(canvas.image, leaf, green, cv2.LINE_AA, 4)


def _plain(canvas: Canvas, tone: Colour, rng: Random) -> None:
    """Asphalt: patches that were mended."""
    for _ in range(rng.randrange(1, 4)):
        x, y = rng.uniform(0, 0.8), rng.uniform(0.45, 0.85)
        canvas.rectangle((x, y), (x + rng.uniform(0.1, 0.3), y + 0.08), shaded(tone, 0.85))


def _soil(canvas: Canvas, tone: Colour, rng: Random) -> None:
    """Trodden earth with tufts and pebbles."""
    for _ in range(140):
        at = rng.random(), rng.uniform(0.3, 1.0)
        size = rng.uniform(0.003, 0.012)
        paint = rng.choice((shaded(tone, 0.75), shaded(tone, 1.2), (70, 120, 84)))
        canvas.ellipse(at, (size, size), paint)


def _slabs(canvas: Canvas, tone: Colour, rng: Random) -> None:
    _paved(canvas, tone, rng, depth=0.07, across=20)


def _bricks(canvas: Canvas, tone: Colour, rng: Random) -> None:
    _paved(canvas, tone, rng, depth=0.03, across=46)


def _paved(canvas: Canvas, tone: Colour, rng: Random, *, depth: float, across: int) -> None:
    """Rows that grow towards the camera, each stone in its own tone, darker joints."""
    nearness, lower = 0.5, 2.0
    bottom = 1 - HORIZON_Y
    while lower > 0.2:
        upper = 1 / (nearness + depth) + HORIZON_Y
        lower = 1 / nearness + HORIZON_Y
        nearness += depth
        if upper >= 1:
            continue
        for n in range(-across, 2 * across):
            left, right = n / across, (n + 1) / across
            stone = [
                (0.5 + (x - 0.5) * (y - HORIZON_Y) / bottom, y)
                for x, y in ((left, upper), (right, upper), (right, lower), (left, lower))
            ]
            if stone[0][0] > 1 or stone[1][0] < 0:
                continue
            canvas.polygon(stone, shaded(tone, rng.uniform(0.9, 1.1)))
        canvas.line(((0, lower), (1, lower)), 0.003, shaded(tone, 0.8))


_PATTERNS: dict[str, Callable[[Canvas, Colour, Random], None]] = {
    "plain": _plain,
    "soil": _soil,
    "slabs": _slabs,
    "bricks": _bricks,
}


def _wear(canvas: Canvas, tone: Colour, rng: Random) -> None:
    """Stains, cracks and drain covers."""
    for _ in range(rng.randrange(6, 18)):
        at = rng.random(), rng.uniform(0.4, 1.0)
        size = rng.uniform(0.008, 0.05)
        canvas.shadow(at, (size, 0.6 * size), rng.uniform(0.06, 0.25))
    for _ in range(rng.randrange(0, 5)):
        x, y = rng.random(), rng.uniform(0.4, 0.95)
        crack = [(x + 0.02 * n, y + rng.uniform(-0.015, 0.015)) for n in range(6)]
        canvas.line(crack, 0.003, shaded(tone, 0.7))
    for _ in range(rng.randrange(0, 3)):
        at = rng.uniform(0.1, 0.9), rng.uniform(0.5, 0.9)
        canvas.ellipse(at, (0.03, 0.022), shaded(tone, 0.65))


def _road(canvas: Canvas, rng: Random) -> None:
    """At some places a kerb and a carriageway in front, with or without a line."""
    if rng.random() < 0.5:
        return
    kerb = rng.uniform(0.72, 0.82)
    canvas.rectangle((0, kerb), (1, kerb + 0.02), (176, 180, 182))
    canvas.rectangle((0, kerb + 0.02), (1, 1), rng.choice(((92, 90, 88), (70, 70, 70))))
    if rng.random() < 0.6:
        for n in range(6):
            x = n * 0.22 - 0.05
            canvas.rectangle((x, 0.92), (x + 0.12, 0.935), (190, 196, 196))


def _wall(canvas: Canvas, wall_y: float, rng: Random) -> None:
    """The house behind: windows, shutters, a door, a plinth."""
    wall = rng.choice(_WALLS)
    canvas.rectangle((0, 0), (1, wall_y), wall)
    x = rng.uniform(0.0, 0.08)
    while x < 0.95:
        wide = rng.uniform(0.07, 0.16)
        kind = rng.random()
        pane = rng.choice(((98, 88, 80), (60, 60, 66), (150, 150, 148), (44, 44, 112)))
        foot = wall_y * (0.7 if kind < 0.6 else 1.0)
        canvas.rectangle((x, wall_y * 0.25), (x + wide, foot), pane)
        for n in range(4):
            rail = x + wide * (n + 0.5) / 4
            canvas.line(((rail, wall_y * 0.25), (rail, foot)), 0.004, shaded(pane, 1.3))
        x += wide + rng.uniform(0.03, 0.12)
    canvas.rectangle((0, wall_y * 0.93), (1, wall_y), shaded(wall, 0.7))
    canvas.line(((0, wall_y), (1, wall_y)), 0.006, shaded(wall, 0.5))


def _grain(seed: int, strength: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """`(H, W, 1)` float32 levels to add: grit, stains and large patches of wear."""
    rng = np.random.default_rng((seed, 3))
    total = np.zeros((SIZE[1], SIZE[0]), np.float32)
    for cells, sigma in ((360, 2.5), (120, 2.5), (30, 2.0), (8, 4.0)):
        rough = rng.standard_normal((cells, cells * 16 // 9), np.float32) * sigma * strength
        total += cv2.resize(rough, SIZE, interpolation=cv2.INTER_LINEAR)
    return total[:, :, None]


def place_of(rng: Random, *, wind: float = 0.0) -> Place:
    """A place of its own, with a few things standing about where nobody needs to walk."""
    seed, tall = rng.getrandbits(30), rng.uniform(0.62, 1.15)
    fixtures = [rng.choice((Fixture.TREE, Fixture.BUSH, Fixture.BIN)) for _ in range(2)]
    standing = tuple(
        Standing(fixture, x, rng.uniform(0.40, 0.46), rng.getrandbits(30))
        for fixture, x in zip(
            fixtures, (rng.uniform(0.02, 0.2), rng.uniform(0.8, 0.98)), strict=True
        )
    )
    return Place(seed, tall, standing, wind)
