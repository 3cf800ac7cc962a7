"""The street corner itself, and the camera's picture of a scene in it."""

from datetime import datetime
from functools import lru_cache
from math import pi, sin
from random import Random
from zlib import crc32
from zoneinfo import ZoneInfo

import cv2
import numpy as np

from service.demo.canvas import Canvas, Colour, shaded
from service.demo.dice import dice
from service.demo.figure import draw
from service.demo.part import HORIZON_Y
from service.demo.scene import Caption, Scene
from vision.frame import SECOND, Image

_NOISE_SIGMA = 1.6
"""Grey levels of sensor noise: a street camera by day."""

_LIGHT_SWING = 0.025
"""Share by which clouds change the brightness."""

_LIGHT_PERIOD_S = 420.0
"""Seconds from bright to dark to bright again: slower than anything that happens."""

_MARGIN = 64
"""Pixels by which the noise plate is larger than the picture: 4096 places to cut from."""

_WALL_FOOT, _KERB_Y, _ROAD_Y = 0.4, 0.665, 0.69
"""Where pavement, kerb and road begin, in picture heights: most room for the pavement."""

_CORNER_X = 0.8
"""Where the wall ends, in picture widths."""

_ZONE = ZoneInfo("Asia/Shanghai")


def render(scene: Scene, t_s: float) -> Image:
    """The picture at `t_s`: `(H, W, 3)` uint8 BGR, equal bytes for an equal scene and time."""
    image = _backdrop(scene.seed, scene.size).copy()
    for pose in scene.poses(t_s):
        draw(image, pose)
    light = 1 + _LIGHT_SWING * sin(2 * pi * t_s / _LIGHT_PERIOD_S + scene.seed)
    cut = crc32(f"{scene.seed}/{round(t_s * SECOND)}".encode())
    left, top = cut % _MARGIN, cut // _MARGIN % _MARGIN
    width, height = scene.size
    noise = _noise(scene.seed, scene.size)[top : top + height, left : left + width]
    cv2.addWeighted(image, light, noise, 1.0, -128.0, image)
    if scene.caption:
        _burn(image, scene.caption, t_s)
    return image


def _burn(image: Image, caption: Caption, t_s: float) -> None:
    """Write the clock at the top left and the name at the bottom right, as cameras do."""
    height, width = image.shape[:2]
    size = max(10, height // 22)
    font = cv2.FontFace("uni")
    at = datetime.fromtimestamp(caption.starts / SECOND + t_s, _ZONE)
    clock = at.strftime("%Y-%m-%d %H:%M:%S")
    room = cv2.getTextSize((width, height), caption.name, (0, 0), font, size)[2]
    for text, x, y in (
        (clock, size, round(size * 1.6)),
        (caption.name, width - room - size, height - size),
    ):
        cv2.putText(image, text, (x + 1, y + 1), (20, 20, 20), font, size)
        cv2.putText(image, text, (x, y), (245, 245, 245), font, size)


@lru_cache(maxsize=8)
def _noise(seed: int, size: tuple[int, int]) -> Image:
    """Sensor noise around 128, larger than the picture: every frame cuts its own part."""
    rng = np.random.default_rng((seed, 1))
    shape = (size[1] + _MARGIN, size[0] + _MARGIN, 3)
    plate = rng.standard_normal(shape, np.float32) * _NOISE_SIGMA + 128
    result: Image = np.rint(plate).astype(np.uint8)
    result.flags.writeable = False
    return result


@lru_cache(maxsize=8)
def _backdrop(seed: int, size: tuple[int, int]) -> Image:
    """The empty street, read-only; eight are kept because drawing one takes 50 ms."""
    rng = dice("street", seed)
    image = np.zeros((size[1], size[0], 3), np.uint8)
    canvas = Canvas(image, (0.0, 0.0), (float(size[0]), float(size[1])))
    for paint in (
        _paint_ground,
        _paint_lane,
        _paint_wall,
        _paint_openings,
        _paint_bins,
        _paint_tree,
    ):
        paint(canvas, rng)
    worn = image.astype(np.float32) + _texture(seed, size)
    result: Image = np.clip(np.rint(worn), 0, 255).astype(np.uint8)
    result.flags.writeable = False
    return result


def _texture(seed: int, size: tuple[int, int]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """`(H, W, 1)` float32 grey levels to add: grain, stains and large patches of wear."""
    rng = np.random.default_rng((seed, 2))
    total = np.zeros((size[1], size[0]), np.float32)
    for cells, sigma in ((360, 3.0), (90, 3.0), (12, 4.0)):
        rough = rng.standard_normal((cells, cells * 16 // 9), np.float32) * sigma
        total += cv2.resize(rough, size, interpolation=cv2.INTER_LINEAR)
    return total[:, :, None]


def _converge(x: float, y: float, foot_y: float) -> float:
    """Where the line that starts at `(x, foot_y)` towards the vanishing point passes height `y`."""
    return 0.5 + (x - 0.5) * (y - HORIZON_Y) / (foot_y - HORIZON_Y)


def _paint_ground(canvas: Canvas, rng: Random) -> None:
    """Paving slabs, kerb, asphalt with a broken line and a drain cover."""
    slab: Colour = rng.choice(((150, 158, 164), (142, 150, 162), (154, 156, 156)))
    canvas.rectangle((0, _WALL_FOOT - 0.1), (1, _KERB_Y), slab)
    depth = 1 / (_WALL_FOOT - HORIZON_Y)
    while (y := 1 / depth + HORIZON_Y) < _KERB_Y:
        canvas.line(((0, y), (1, y)), 0.003, shaded(slab, 0.86))
        depth -= 0.07
    for n in range(-6, 38):
        x = n / 30
        top = (_converge(x, 0.3, _KERB_Y), 0.3)
        canvas.line((top, (x, _KERB_Y)), 0.003, shaded(slab, 0.88))
    # The ribbed guide path for the blind, as on every Chinese pavement.
    canvas.rectangle((0, 0.605), (1, 0.632), (96, 158, 178))
    for y in (0.611, 0.6185, 0.626):
        canvas.line(((0, y), (1, y)), 0.003, (82, 138, 158))
    canvas.rectangle((0, _KERB_Y), (1, _ROAD_Y), (176, 180, 182))
    canvas.line(((0, _ROAD_Y), (1, _ROAD_Y)), 0.006, (88, 90, 92))
    canvas.rectangle((0, _ROAD_Y), (1, 1), (92, 90, 88))
    for n in range(6):
        x = n * 0.22 - 0.05
        canvas.polygon(((x, 0.9), (x + 0.12, 0.9), (x + 0.118, 0.915), (x - 0.004, 0.915)),
                       (196, 200, 200))  # fmt: skip
    canvas.ellipse((0.3, 0.82), (0.035, 0.025), (66, 66, 68))
    canvas.ellipse((0.3, 0.818), (0.031, 0.021), (78, 78, 80))


def _paint_lane(canvas: Canvas, rng: Random) -> None:
    """What is seen past the corner: the next building, a hedge and a lane into the depth."""
    canvas.rectangle((_CORNER_X, 0), (1, 0.24), rng.choice(((172, 178, 182), (160, 172, 186))))
    for row in range(2):
        for column in range(3):
            x, y = _CORNER_X + 0.035 + 0.06 * column, 0.02 + 0.1 * row
            canvas.rectangle((x, y), (x + 0.03, y + 0.055), (112, 104, 96))
    canvas.rectangle((_CORNER_X, 0.2), (1, 0.3), (70, 104, 78))
    for n in range(26):
        leaf = (_CORNER_X + n * 0.008, 0.2 + rng.uniform(-0.01, 0.015))
        canvas.ellipse(leaf, (0.009, 0.016), shaded((72, 108, 80), rng.uniform(0.85, 1.2)))
    canvas.rectangle((_CORNER_X, 0.295), (1, 0.31), (150, 152, 154))


def _paint_wall(canvas: Canvas, rng: Random) -> None:
    """A tiled wall with a plinth, its receding side, a drain pipe and a cable."""
    wall: Colour = rng.choice(((178, 196, 206), (186, 192, 196), (168, 186, 204)))
    canvas.polygon(
        (
            (_CORNER_X, 0),
            (_CORNER_X + 0.035, 0),
            (_CORNER_X + 0.035, 0.315),
            (_CORNER_X, _WALL_FOOT),
        ),
        shaded(wall, 0.68),
    )
    canvas.rectangle((0, 0), (_CORNER_X, _WALL_FOOT), wall)
    for n in range(20):
        canvas.line(((0, n * 0.02), (_CORNER_X, n * 0.02)), 0.002, shaded(wall, 0.93))
    for n in range(54):
        canvas.line(((n * 0.015, 0), (n * 0.015, _WALL_FOOT)), 0.002, shaded(wall, 0.95))
    canvas.rectangle((0, 0.345), (_CORNER_X, _WALL_FOOT), (124, 128, 130))
    canvas.line(((0, 0.345), (_CORNER_X, 0.345)), 0.005, (100, 104, 106))
    canvas.line(((0, _WALL_FOOT), (_CORNER_X, _WALL_FOOT)), 0.008, (86, 88, 90))
    pipe = rng.uniform(0.62, 0.66)
    canvas.line(((pipe, 0), (pipe, 0.385)), 0.016, (150, 154, 156))
    canvas.line(((pipe - 0.002, 0), (pipe - 0.002, 0.385)), 0.004, (196, 198, 200))
    canvas.line(((0, 0.045), (0.4, 0.055), (_CORNER_X, 0.04)), 0.004, (60, 60, 62))


def _paint_openings(canvas: Canvas, rng: Random) -> None:
    """Barred windows with an air conditioner, and a red door with its couplets (对联)."""
    for x in (0.05, 0.27, 0.68):
        canvas.rectangle((x - 0.006, 0.075), (x + 0.096, 0.262), (150, 154, 158))
        canvas.rectangle((x, 0.085), (x + 0.09, 0.25), (98, 88, 80))
        curtain = rng.choice(((150, 160, 176), (128, 140, 120), (164, 150, 140)))
        canvas.rectangle((x, 0.085), (x + rng.uniform(0.02, 0.045), 0.25), curtain)
        canvas.line(((x + 0.045, 0.085), (x + 0.045, 0.25)), 0.008, (172, 176, 180))
        for bar in range(7):
            canvas.line(((x + bar * 0.015, 0.085), (x + bar * 0.015, 0.25)), 0.003, (188, 190, 192))
        canvas.rectangle((x - 0.01, 0.258), (x + 0.1, 0.27), (134, 138, 142))
    unit = rng.choice((0.175, 0.395))
    canvas.rectangle((unit, 0.15), (unit + 0.06, 0.235), (206, 210, 210))
    canvas.ellipse((unit + 0.024, 0.193), (0.018, 0.032), (120, 122, 124))
    canvas.rectangle((0.478, 0.085), (0.572, _WALL_FOOT), (116, 120, 124))
    door = rng.choice(((44, 44, 112), (52, 66, 108), (74, 58, 66)))
    canvas.rectangle((0.486, 0.1), (0.564, _WALL_FOOT), door)
    canvas.line(((0.525, 0.1), (0.525, _WALL_FOOT)), 0.006, shaded(door, 0.6))
    for x in (0.493, 0.532):
        for top, bottom in ((0.125, 0.215), (0.24, 0.365)):
            canvas.rectangle((x, top), (x + 0.025, bottom), shaded(door, 0.82))
    for x in (0.456, 0.578):
        canvas.rectangle((x, 0.105), (x + 0.016, 0.33), (42, 38, 196))
        for n in range(6):
            canvas.ellipse((x + 0.008, 0.128 + n * 0.036), (0.004, 0.009), (80, 190, 226))
    canvas.rectangle((0.486, 0.055), (0.564, 0.082), (42, 38, 196))
    canvas.polygon(((0.47, _WALL_FOOT), (0.58, _WALL_FOOT), (0.586, 0.425), (0.464, 0.425)),
                   (164, 168, 170))  # fmt: skip


def _paint_bins(canvas: Canvas, rng: Random) -> None:
    """Two sorting bins: green for kitchen waste and grey for the rest (GB/T 19095)."""
    for x, colour in ((0.135, (70, 128, 52)), (0.195, (104, 100, 98))):
        tilt = rng.uniform(-0.004, 0.004)
        canvas.shadow((x + 0.004, 0.452), (0.036, 0.022), 0.45)
        left, right = x - 0.022, x + 0.022
        canvas.polygon(
            ((left - 0.004, 0.32), (right + 0.004, 0.32), (right, 0.452), (left, 0.452)), colour
        )
        canvas.polygon(
            ((x + 0.01, 0.32), (right + 0.004, 0.32), (right, 0.452), (x + 0.008, 0.452)),
            shaded(colour, 0.78),
        )
        canvas.polygon(
            ((left - 0.008, 0.322), (left - 0.002, 0.294 + tilt), (right + 0.002, 0.294 - tilt),
             (right + 0.008, 0.322)),
            shaded(colour, 1.2),
        )  # fmt: skip
        canvas.rectangle((x - 0.011, 0.36), (x + 0.007, 0.4), (214, 218, 218))
        for wheel in (left + 0.006, right - 0.006):
            canvas.ellipse((wheel, 0.452), (0.006, 0.011), (34, 34, 36))


def _paint_tree(canvas: Canvas, rng: Random) -> None:
    """A plane tree in its square of soil; everybody walks in front of it."""
    canvas.polygon(((0.875, 0.43), (0.955, 0.43), (0.962, 0.478), (0.872, 0.478)), (82, 98, 112))
    canvas.shadow((0.9, 0.47), (0.12, 0.05), 0.25)
    canvas.polygon(((0.906, 0.46), (0.91, 0.1), (0.926, 0.1), (0.932, 0.46)), (78, 96, 112))
    canvas.polygon(((0.92, 0.46), (0.92, 0.1), (0.926, 0.1), (0.932, 0.46)), (60, 76, 90))
    for n in range(130):
        spread = 1 - n / 130
        x = 0.915 + rng.gauss(0, 0.055) * (0.5 + spread)
        y = 0.04 + rng.gauss(0, 0.05)
        tone = 0.7 + 0.6 * n / 130 + rng.uniform(-0.1, 0.1)
        size = rng.uniform(0.008, 0.018)
        canvas.ellipse((x, y), (size, size * 1.5), shaded((62, 118, 74), tone))
