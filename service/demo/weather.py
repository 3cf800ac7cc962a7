"""What light, air, lens and sensor make of a place (glossary: 天候)."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from math import sin
from random import Random
from zlib import crc32

import cv2
import numpy as np
import numpy.typing as npt

from service.demo.dice import dice
from vision.frame import SECOND, Image

Polygon = npt.NDArray[np.int32]
"""`(N, 2)` int32, corners in pixels."""

_MARGIN = 64
"""Pixels by which plates are larger than the picture: 4096 places to cut from."""

_USUAL = 128
"""Level of a map of light where it is as bright as by day."""

_SHADOW_SOFT_PX = 2.5
"""Half shadow of the sun at a few metres."""


class Light(StrEnum):
    """What lights the place."""

    DAY = "day"
    LAMPS = "lamps"
    INFRARED = "infrared"


@dataclass(frozen=True, slots=True)
class Beam:
    """Headlights that sweep across the ground from one side to the other, at height `y`."""

    start_s: float
    end_s: float
    y: float
    leftward: bool

    def x(self, t_s: float) -> float | None:
        """Its middle at `t_s`, in picture widths; None while it is not there."""
        if not self.start_s <= t_s < self.end_s:
            return None
        share = (t_s - self.start_s) / (self.end_s - self.start_s)
        return 1.3 - 1.6 * share if self.leftward else -0.3 + 1.6 * share


def steady(_: float) -> float:
    """An exposure that never changes."""
    return 1.0


def nowhere(_: float) -> float:
    """The edge of a shadow that has not come."""
    return -1.0


@dataclass(frozen=True, slots=True)
class Weather:
    """How a camera sees.

    Attributes:
        sun: the share of the light that a cast shadow takes away.
        slant: how far shadows reach, to the right and upwards in the picture, per height.
        noise: grey levels of the sensor.
        soft_px: blur of the lens.
        quality: of the JPEG that stands in for the camera's coding.
        rain: 0 to 1.
        shake_px: the most by which the picture shifts.
        level: the exposure at a second.
        shade_x: the edge of a house's shadow, which covers all left of it, in picture widths.
        infrared_s: while the camera is switched to infrared.
        clock: the time is burnt in.
    """

    seed: int
    light: Light
    sun: float
    slant: tuple[float, float]
    noise: float
    soft_px: float
    quality: int
    rain: float = 0.0
    shake_px: float = 0.0
    level: Callable[[float], float] = steady
    shade_x: Callable[[float], float] = nowhere
    beams: tuple[Beam, ...] = ()
    infrared_s: tuple[float, float] = (0.0, 0.0)
    clock: bool = True

    def lit(self, image: Image, shadows: list[Polygon], t_s: float) -> None:
        """Put `image` into the light of `t_s`, in place."""
        light = Light.INFRARED if self._is_infrared(t_s) else self.light
        if self.sun and light is not Light.INFRARED:
            self._shade(image, shadows, t_s)
        if light is Light.DAY:
            cv2.convertScaleAbs(image, image, self.level(t_s))
            return
        beams = [each for each in self.beams if each.x(t_s) is not None]
        plain = image.copy() if beams else image
        night = _night(self.seed, light, image.shape)
        cv2.multiply(image, night, image, self.level(t_s) / _USUAL)
        for beam in beams:
            _shine(image, plain, beam, t_s)
        if light is Light.INFRARED:
            _grey(image)

    def taken(self, image: Image, t_s: float) -> None:
        """Send `image` through air, lens and sensor, and burn in the clock, in place."""
        chance = crc32(f"{self.seed}/{round(t_s * SECOND)}".encode())
        left, top = chance % _MARGIN, chance // _MARGIN % _MARGIN
        height, width = image.shape[:2]
        cut = slice(top, top + height), slice(left, left + width)
        if self.rain:
            cv2.add(image, _rain(self.seed, self.rain, image.shape)[cut], image)
        cv2.GaussianBlur(image, (5, 5), self.soft_px, image)
        dx, dy = self.shift(t_s)
        if dx or dy:
            by = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
            image[:] = cv2.warpAffine(image, by, (width, height), borderMode=cv2.BORDER_REPLICATE)
        noise = _noise(self.seed, self.noise, self.light is not Light.DAY, image.shape)[cut]
        cv2.addWeighted(image, 1.0, noise, 1.0, -128.0, image)
        if self._is_infrared(t_s):
            _grey(image)
        if self.clock:
            _burn(image, int(t_s))

    def shift(self, t_s: float) -> tuple[float, float]:
        """Pixels by which the camera's shake moves the picture, right and down."""
        if not self.shake_px:
            return 0.0, 0.0
        rng = dice("shake", self.seed, round(t_s * SECOND))
        gust = self.shake_px * max(0.0, sin(t_s / 11 + self.seed)) ** 2
        return gust * rng.uniform(-1, 1), gust * rng.uniform(-1, 1)

    def _is_infrared(self, t_s: float) -> bool:
        start_s, end_s = self.infrared_s
        return self.light is Light.INFRARED or start_s <= t_s < end_s

    def _shade(self, image: Image, shadows: list[Polygon], t_s: float) -> None:
        """The shadows of everything and of the house; where both fall it is no darker."""
        height, width = image.shape[:2]
        mask = np.full((height, width), 255, np.uint8)
        dark = round(255 * (1 - self.sun))
        edge = self.shade_x(t_s) * width
        if edge > 0:
            house = np.array([[0, 0], [edge, 0], [edge + 0.35 * height, height], [0, height]])
            cv2.fillPoly(mask, [np.rint(house).astype(np.int32)], dark)
        for polygon in shadows:
            cv2.fillPoly(mask, [polygon], dark)
        cv2.GaussianBlur(mask, (0, 0), _SHADOW_SOFT_PX, mask)
        cv2.multiply(image, cv2.merge((mask, mask, mask)), image, 1 / 255)


def _shine(image: Image, plain: Image, beam: Beam, t_s: float) -> None:
    """Add the light of a car to what `plain` shows without any."""
    x = beam.x(t_s) or 0.0
    height, width = image.shape[0] // 4, image.shape[1] // 4
    glow = np.zeros((height, width), np.uint8)
    middle = round(x * width), round(beam.y * height)
    cv2.ellipse(glow, middle, (width // 6, height // 9), 0, 0, 360, 200, -1)
    ahead = -width // 6 if not beam.leftward else width // 6
    cv2.circle(glow, (middle[0] + ahead, middle[1] - height // 12), 2, 255, -1)
    cv2.GaussianBlur(glow, (0, 0), 6, glow)
    full = cv2.resize(glow, (image.shape[1], image.shape[0]))
    cv2.add(image, cv2.multiply(plain, cv2.merge((full, full, full)), scale=1 / 160), image)


def _grey(image: Image) -> None:
    cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR, image)


def _burn(image: Image, second: int) -> None:
    """The clock at the top left, white with a dark rim."""
    clock = f"{8 + second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
    for off, colour, thick in ((1, (20, 20, 20), 2), (0, (245, 245, 245), 1)):
        at = 8 + off, 18 + off
        cv2.putText(image, f"2026-05-14 {clock}", at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, thick)


@lru_cache(maxsize=4)
def _night(seed: int, light: Light, shape: tuple[int, ...]) -> Image:
    """`(H, W, 3)` uint8, light for each pixel, 128 as by day: lamps, or the camera's own glow."""
    rng = dice("night", seed)
    height, width = shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / width
    if light is Light.INFRARED:
        far = np.hypot(x - rng.uniform(0.4, 0.6), 1.4 * (y - rng.uniform(0.3, 0.42)))
        total = rng.uniform(0.8, 1.15) * np.exp(-((far / rng.uniform(0.45, 0.7)) ** 2)) + 0.12
        gain = np.repeat(total[:, :, None], 3, axis=2)
    else:
        total = np.full((height, width), rng.uniform(0.2, 0.4), np.float32)
        for _ in range(rng.randrange(1, 4)):
            far = np.hypot(x - rng.random(), 1.5 * (y - rng.uniform(0.2, 0.5)))
            total += rng.uniform(0.35, 0.7) * np.exp(-((far / rng.uniform(0.15, 0.35)) ** 2))
        tint = (rng.uniform(0.55, 0.9), rng.uniform(0.85, 0.95), 1.0)
        gain = total[:, :, None] * np.array(tint, np.float32)
    night: Image = np.clip(_USUAL * gain, 0, 255).astype(np.uint8)
    return night


@lru_cache(maxsize=4)
def _noise(seed: int, sigma: float, blotched: bool, shape: tuple[int, ...]) -> Image:
    """Sensor noise around 128, larger than the picture; gain and its smoothing make it blotchy."""
    rng = np.random.default_rng((seed, 1))
    plate = rng.standard_normal((shape[0] + _MARGIN, shape[1] + _MARGIN, 3), np.float32)
    if blotched:
        plate += 2.2 * cv2.GaussianBlur(plate, (0, 0), 1.2)
        plate /= plate.std()
    noise: Image = np.clip(np.rint(plate * sigma + 128), 0, 255).astype(np.uint8)
    return noise


@lru_cache(maxsize=4)
def _rain(seed: int, amount: float, shape: tuple[int, ...]) -> Image:
    """Streaks and a grey veil, larger than the picture."""
    rng = dice("rain", seed)
    plate = np.full((shape[0] + _MARGIN, shape[1] + _MARGIN, 3), round(12 * amount), np.uint8)
    lean = rng.uniform(-4, 4)
    for _ in range(round(420 * amount)):
        x, y = rng.uniform(0, plate.shape[1]), rng.uniform(0, plate.shape[0])
        long = rng.uniform(6, 18)
        end = round(x + lean * long / 18), round(y + long)
        cv2.line(plate, (round(x), round(y)), end, (rng.randrange(25, 70),) * 3, 1, cv2.LINE_AA)
    return plate


def weather_of(rng: Random, light: Light, *, rain: float = 0.0) -> Weather:
    """A usual camera in that light: its lens, its noise, its coding, the sun or the clouds."""
    dark = light is not Light.DAY
    sunny = not dark and not rain and rng.random() < 0.5
    swing, period_s, phase = rng.uniform(0.0, 0.05), rng.uniform(60, 400), rng.uniform(0, 6)

    def level(t_s: float) -> float:
        return 1.0 if dark else 1.0 + swing * sin(t_s / period_s * 6.28 + phase)

    return Weather(
        seed=rng.getrandbits(30),
        light=light,
        sun=rng.uniform(0.25, 0.55) if sunny else 0.0,
        slant=(rng.uniform(-1.1, 1.1), rng.uniform(-0.25, 0.2)),
        noise=rng.uniform(3.0, 6.5) if dark else rng.uniform(1.0, 3.0),
        soft_px=rng.uniform(0.8, 1.2) if dark else rng.uniform(0.45, 0.9),
        quality=rng.randrange(35, 70) if dark else rng.randrange(45, 85),
        rain=rain,
        shake_px=rng.choice((0.0, 0.0, 0.6)),
        level=level,
        clock=rng.random() < 0.7,
    )
