"""The frames of a trial, and a detector that knows who is in them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil
from random import Random

import cv2
import numpy as np

from service.demo.dice import dice
from service.demo.place import SIZE
from service.demo.trial import Trial
from service.demo.weather import Light
from vision.boxes import Box
from vision.detect import Detection, Label
from vision.frame import SECOND, CameraId, Frame, Image, Instant, seconds_between
from vision.lookback import LOOKBACK_FPS

CAMERA = CameraId("simulated")
_MISSED = {Light.DAY: 0.1, Light.LAMPS: 0.25, Light.INFRARED: 0.2}
"""Share of the people and vehicles that the simulated detector misses in one picture."""
_JITTER, _FALSE, _MISTAKEN = 0.04, 0.05, 0.03
"""How far its boxes are off, as a share of their sides; how often it sees somebody who is not
there; how often it takes a thing for somebody."""


@dataclass
class SimulatedDetector:
    """Knows the truth, misses some of it, is never exact, and sees what is not there."""

    trial: Trial
    now_s: float = 0.0

    def detect(self, image: Image) -> tuple[Detection, ...]:
        """Of the picture at `now_s`: the picture itself is not looked at."""
        trial = self.trial
        rng = dice("detector", trial.kind, trial.seed, round(self.now_s * SECOND))
        missed = _MISSED[trial.weather.light]
        seen = [each for each in trial.actors_at(self.now_s) if rng.random() > missed]
        seen += [
            (rng.choice((Label.PERSON, Label.ANIMAL)), laid.box(trial.place))
            for laid in trial.laid
            if laid.from_s <= self.now_s < laid.to_s and rng.random() < _MISTAKEN
        ]
        if rng.random() < _FALSE:
            x, y, high = rng.uniform(0, SIZE[0]), rng.uniform(80, SIZE[1]), rng.uniform(30, 120)
            seen.append((Label.PERSON, Box(x, y - high, x + 0.4 * high, y).clipped(*SIZE)))
        return tuple(Detection(label, _off(box, rng), 0.7) for label, box in seen)


def _off(box: Box, rng: Random) -> Box:
    """`box` as inexact as a detector is."""
    dx, dy, wider, higher = (rng.gauss(0, _JITTER) for _ in range(4))
    x0, y0 = box.x0 + dx * box.width, box.y0 + dy * box.height
    off = Box(x0, y0, x0 + box.width * (1 + wider), y0 + box.height * (1 + higher))
    return off.clipped(*SIZE)


@dataclass
class Film:
    """The frames of a trial on a grid of a fifth of a second, each drawn and coded once."""

    trial: Trial
    detector: SimulatedDetector | None
    _coded: dict[int, bytes] = field(default_factory=dict)

    def frame(self, tick: int) -> Frame:
        """The one at `tick` fifths of a second."""
        at_s = tick / LOOKBACK_FPS
        coded = self._coded.get(tick) or self._coded.setdefault(tick, self.trial.coded(at_s))
        image = cv2.imdecode(np.frombuffer(coded, np.uint8), cv2.IMREAD_COLOR)
        assert image is not None
        return Frame(CAMERA, Instant(round(at_s * SECOND)), image.astype(np.uint8, copy=False))

    def between(self, start: Instant, end: Instant) -> Iterator[Frame]:
        """All of an interval; the detector is told which one is being looked at."""
        first = max(0, ceil(seconds_between(Instant(0), start) * LOOKBACK_FPS))
        last = int(seconds_between(Instant(0), end) * LOOKBACK_FPS)
        for tick in range(first, last + 1):
            if self.detector is not None:
                self.detector.now_s = tick / LOOKBACK_FPS
            yield self.frame(tick)
