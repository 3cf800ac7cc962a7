"""A drawn street whose every change is known to the pixel and the second."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np

from vision.boxes import Box
from vision.candidate import Candidate
from vision.detect import Detection
from vision.dismissal import Dismissal
from vision.dumping import attribute, each_act
from vision.frame import SECOND, CameraId, Frame, Image, Instant, later, seconds_between
from vision.lookback import LOOKBACK_FPS, spans
from vision.sighting import Sighting
from vision.watch import Watch, WatchSettings

SIZE = (320, 180)
START = Instant(1_780_000_000 * SECOND)
CAMERA = CameraId("cam")

Sprite = Callable[[Image, float], None]
"""Draws itself into a picture as it is at a second of the scene."""


@dataclass(frozen=True)
class Stage:
    """Sprites over a textured pavement; `light` is the exposure at a second."""

    sprites: tuple[Sprite, ...] = ()
    light: Callable[[float], float] = lambda _: 1.0
    noise: float = 2.0
    start: Instant = START
    shift: Callable[[float], tuple[int, int]] = lambda _: (0, 0)
    effect: Callable[[Image, float], Image] = field(default=lambda image, _: image)

    def frame(self, t_s: float) -> Frame:
        image = pavement()
        for sprite in self.sprites:
            sprite(image, t_s)
        rng = np.random.default_rng(round(t_s * 1000))
        lit = image * self.light(t_s) + rng.normal(0, self.noise, image.shape)
        image = np.clip(lit, 0, 255).astype(np.uint8)
        image = np.roll(self.effect(image, t_s), self.shift(t_s), (1, 0))
        return Frame(CAMERA, later(self.start, t_s), image)

    def candidates(self, seconds: float, watch: Watch, step_s: float = 1.0) -> list[Candidate]:
        return [
            candidate
            for t_s in np.arange(0, seconds, step_s)
            for candidate in watch.see(self.frame(float(t_s)))
        ]

    def lookback(self, candidate: Candidate) -> Iterator[Frame]:
        for span in spans(candidate):
            first, last = (seconds_between(self.start, at) for at in span)
            for t_s in np.arange(max(0.0, first), last + 0.01, 1 / LOOKBACK_FPS):
                yield self.frame(float(t_s))

    def findings(
        self, seconds: float, settings: WatchSettings | None = None
    ) -> list[Sighting | Dismissal]:
        watch = Watch(CAMERA, settings or WatchSettings(settle_s=4.0))
        found = self.candidates(seconds, watch)
        return [attribute(c, self.lookback(c), None) for c in found]

    def sightings(self, seconds: float, settings: WatchSettings | None = None) -> list[Sighting]:
        """As files and the service tell them: the same act once."""
        watch = Watch(CAMERA, settings or WatchSettings(settle_s=4.0))
        acts = each_act(
            self.candidates(seconds, watch), lambda each: attribute(each, self.lookback(each), None)
        )
        return [act for act in acts if isinstance(act, Sighting)]


def pavement() -> Image:
    """Slabs of different greys with worn spots, the same in every call."""
    rng = np.random.default_rng(7)
    slabs = rng.integers(105, 145, (12, 20, 3), np.uint8)
    spots = rng.integers(0, 30, (60, 107, 1), np.uint8)
    worn = cv2.resize(spots, SIZE, interpolation=cv2.INTER_CUBIC)[:, :, None]
    return cv2.resize(slabs, SIZE, interpolation=cv2.INTER_NEAREST) - worn


def thing(box: tuple[int, int, int, int], since_s: float, until_s: float = 1e9) -> Sprite:
    """A dark bag with a light stripe, there from `since_s` to `until_s`."""
    x0, y0, x1, y1 = box

    def draw(image: Image, t_s: float) -> None:
        if since_s <= t_s < until_s:
            cv2.rectangle(image, (x0, y0), (x1 - 1, y1 - 1), (40, 30, 30), -1)
            cv2.line(image, (x0 + 3, y1 - 4), (x1 - 4, y0 + 3), (120, 110, 110), 2)

    return draw


def person(path: tuple[tuple[float, float], ...], *, y: int = 60, sways: bool = True) -> Sprite:
    """A walker, 16 by 56 px, at `x` pixels at each `(second, x)`; in between on straight lines.

    Someone who stands still sways and moves the arms, as people do.
    """
    times, places = zip(*path, strict=True)

    def draw(image: Image, t_s: float) -> None:
        if not times[0] <= t_s <= times[-1]:
            return
        x = float(np.interp(t_s, times, places))
        sway = 3 * np.sin(2.1 * t_s) if sways else 0.0
        left, top = round(x + sway), y
        cv2.rectangle(image, (left, top + 12), (left + 15, top + 34), (150, 60, 40), -1)
        cv2.rectangle(image, (left + 2, top + 34), (left + 13, top + 55), (50, 50, 70), -1)
        cv2.circle(image, (left + 8, top + 6), 6, (120, 150, 200), -1)
        arm = round(8 * np.sin(1.7 * t_s)) if sways else 0
        cv2.line(image, (left + 8, top + 16), (left + 8 + arm, top + 34), (90, 40, 30), 3)

    return draw


def van(stops_s: float, leaves_s: float = 1e9) -> Sprite:
    """A van, 80 by 44 px, that drives in during 4 s before `stops_s` and off after `leaves_s`."""
    times = (stops_s - 4, stops_s, leaves_s, leaves_s + 4)

    def draw(image: Image, t_s: float) -> None:
        if not times[0] <= t_s <= times[-1]:
            return
        left = round(float(np.interp(t_s, times, (-80, 120, 120, 330))))
        cv2.rectangle(image, (left, 90), (left + 79, 133), (200, 200, 205), -1)
        cv2.rectangle(image, (left + 10, 96), (left + 60, 110), (80, 70, 60), -1)
        for wheel in (left + 16, left + 64):
            cv2.circle(image, (wheel, 133), 7, (30, 30, 30), -1)

    return draw


BAG = (150, 96, 174, 116)
"""Where the bag of the scenes lies, in pixels."""

DROP_S = 8.0
"""When it is put down."""


def deposit(*, gone: bool = True) -> tuple[Sprite, ...]:
    """A person brings a bag at 4 s, puts it down at `DROP_S` and walks off from 9.5 s on."""
    path = ((4.0, -20.0), (7.5, 140.0), (9.5, 140.0), (13.0, 330.0))
    walker = person(path if gone else (*path[:3], (60.0, 140.0)))
    return thing(BAG, DROP_S), walker


@dataclass(frozen=True)
class Table:
    """A detector that always sees the same."""

    detections: tuple[Detection, ...] = ()

    def detect(self, image: Image) -> tuple[Detection, ...]:
        return self.detections


def truth() -> Box:
    return Box(*BAG)
