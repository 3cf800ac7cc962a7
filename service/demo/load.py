"""What people dump: bags, sacks, cartons, rubble and furniture (glossary: 倾倒物)."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from service.demo.canvas import Canvas, Colour, shaded
from service.demo.dice import dice
from service.demo.part import person_height
from vision.frame import Image


class Shape(StrEnum):
    """What kind of thing it is."""

    BAG = "bag"
    SACK = "sack"
    CARTON = "carton"
    RUBBLE = "rubble"
    SOFA = "sofa"
    MATTRESS = "mattress"


SIZES: dict[Shape, tuple[tuple[float, float], tuple[float, float]]] = {
    Shape.BAG: ((0.24, 0.42), (0.75, 1.0)),
    Shape.SACK: ((0.28, 0.5), (0.5, 0.8)),
    Shape.CARTON: ((0.26, 0.55), (0.5, 0.95)),
    Shape.RUBBLE: ((0.5, 0.95), (0.28, 0.45)),
    Shape.SOFA: ((0.85, 1.15), (0.38, 0.5)),
    Shape.MATTRESS: ((0.8, 1.1), (0.25, 0.6)),
}
"""Least and most width in body heights (1.7 m), and of the height per width."""

COLOURS: dict[Shape, tuple[Colour, ...]] = {
    Shape.BAG: ((34, 30, 30), (44, 32, 28), (40, 60, 150), (200, 205, 205), (150, 95, 50)),
    Shape.SACK: ((205, 210, 212), (150, 178, 190), (120, 150, 130), (90, 120, 160)),
    Shape.CARTON: ((100, 140, 175), (120, 155, 185), (200, 205, 205)),
    Shape.RUBBLE: ((120, 128, 135), (70, 95, 140), (60, 70, 80)),
    Shape.SOFA: ((60, 60, 110), (90, 70, 50), (120, 130, 150), (50, 50, 54)),
    Shape.MATTRESS: ((205, 208, 212), (170, 180, 205), (190, 170, 150)),
}


@dataclass(frozen=True, slots=True)
class Load:
    """One thing; `width` and `height` in body heights at its place, `look` picks its wrinkles."""

    shape: Shape
    look: int
    width: float
    height: float
    colour: Colour


def load_of(rng: Random, shapes: tuple[Shape, ...], colour: Colour | None = None) -> Load:
    """A load of one of `shapes`, as large as such things are, in one of their colours."""
    shape = rng.choice(shapes)
    wide, flat = SIZES[shape]
    width = rng.uniform(*wide)
    paint = shaded(rng.choice(COLOURS[shape]), rng.uniform(0.85, 1.1))
    return Load(shape, rng.getrandbits(30), width, width * rng.uniform(*flat), colour or paint)


def draw_load(
    image: Image, load: Load, foot: tuple[float, float], tall: float, lift: float = 0.0
) -> None:
    """Paint `load` in place, on `foot` in [0, 1] of width and height, or `lift` body heights up."""
    height, width = image.shape[:2]
    scale = tall * person_height(foot[1]) * height
    origin = foot[0] * width, foot[1] * height - lift * scale
    canvas = Canvas(image, origin, (scale * load.width, -scale * load.height))
    _DRAWN[load.shape](canvas, load.colour, dice("load", load.look))


def _bag(canvas: Canvas, colour: Colour, rng: Random) -> None:
    """A tied plastic bag, leaning a little, with glossy folds."""
    lean = rng.uniform(-0.12, 0.12)
    contour = (
        (-0.46, 0.0), (-0.5, 0.22), (-0.43, 0.48), (-0.24, 0.7), (-0.1, 0.8), (-0.15, 0.97),
        (-0.02, 0.9), (0.1, 1.0), (0.08, 0.79), (0.26, 0.68), (0.42, 0.46), (0.5, 0.2), (0.45, 0.0),
    )  # fmt: skip
    canvas.polygon([(u * rng.uniform(0.9, 1.0) + lean * v, v) for u, v in contour], colour)
    for _ in range(4):
        u, v = rng.uniform(-0.3, 0.2), rng.uniform(0.1, 0.5)
        tone = rng.choice((0.65, 1.5, 1.9))
        canvas.line(((u, v), (u + 0.05, v + 0.12), (u + 0.16, v + 0.2)), 0.05, shaded(colour, tone))


def _sack(canvas: Canvas, colour: Colour, rng: Random) -> None:
    """A woven sack (编织袋), bulging, its mouth tied at one side."""
    side = rng.choice((1, -1))
    contour = ((-0.5, 0.1), (-0.44, 0.7), (-0.3, 0.95), (0.2, 0.9), (0.42, 1.0), (0.5, 0.85),
               (0.4, 0.75), (0.48, 0.3), (0.42, 0.0), (-0.4, 0.0))  # fmt: skip
    canvas.polygon([(side * u, v * rng.uniform(0.92, 1.0)) for u, v in contour], colour)
    for v in (0.3, 0.55):
        canvas.line(((-0.4, v), (0.4, v + 0.05)), 0.05, shaded(colour, rng.choice((0.75, 0.9))))


def _carton(canvas: Canvas, colour: Colour, rng: Random) -> None:
    """A box with its front, its top and a strip of tape."""
    deep = rng.uniform(0.15, 0.3)
    canvas.rectangle((-0.5, 0.0), (0.5, 1 - deep), colour)
    top = ((-0.5, 1 - deep), (-0.38, 1.0), (0.42, 1.0), (0.5, 1 - deep))
    canvas.polygon(top, shaded(colour, 1.2))
    canvas.rectangle((-0.05, 0.0), (0.05, 1 - deep), shaded(colour, 0.8))


def _rubble(canvas: Canvas, colour: Colour, rng: Random) -> None:
    """A low heap of lumps."""
    canvas.polygon(((-0.5, 0.0), (-0.3, 0.5), (0.0, 0.85), (0.25, 0.55), (0.5, 0.0)), colour)
    for _ in range(26):
        u = rng.uniform(-0.45, 0.45)
        v = rng.uniform(0.04, 0.95) * (1 - 1.8 * abs(u))
        size = rng.uniform(0.03, 0.09)
        canvas.ellipse((u, max(0.05, v)), (size, 1.6 * size), shaded(colour, rng.uniform(0.6, 1.5)))


def _sofa(canvas: Canvas, colour: Colour, rng: Random) -> None:
    """Back, seat, arms and feet."""
    canvas.rectangle((-0.48, 0.06), (0.48, 1.0), shaded(colour, 0.85))
    canvas.rectangle((-0.4, 0.3), (0.4, 0.55), shaded(colour, 1.25))
    canvas.rectangle((-0.4, 0.06), (0.4, 0.32), colour)
    for side in (-1, 1):
        canvas.rectangle((side * 0.5, 0.04), (side * 0.38, 0.68), shaded(colour, 1.1))
    seam = rng.uniform(-0.1, 0.1)
    canvas.line(((seam, 0.1), (seam, 0.95)), 0.03, shaded(colour, 0.7))


def _mattress(canvas: Canvas, colour: Colour, rng: Random) -> None:
    """A slab that lies or leans, quilted."""
    lean = rng.uniform(0.0, 0.12)
    canvas.polygon(((-0.5, 0.0), (-0.5 + lean, 1.0), (0.5, 0.95), (0.5 - lean, 0.0)), colour)
    canvas.rectangle((-0.5, 0.0), (0.48, 0.18), shaded(colour, 0.75))
    for n in range(5):
        u = -0.38 + 0.18 * n
        canvas.line(((u, 0.22), (u + 0.08, 0.9)), 0.03, shaded(colour, 0.88))


_DRAWN: dict[Shape, Callable[[Canvas, Colour, Random], None]] = {
    Shape.BAG: _bag,
    Shape.SACK: _sack,
    Shape.CARTON: _carton,
    Shape.RUBBLE: _rubble,
    Shape.SOFA: _sofa,
    Shape.MATTRESS: _mattress,
}
