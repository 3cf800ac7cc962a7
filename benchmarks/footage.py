"""A clip's pictures in memory, to be watched and looked back at again and again."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from ingest.decode import Turns
from ingest.media import pictures
from models.session import open_detector
from service.analyze import look_s
from service.settings import NO_MODEL
from vision.boxes import Box
from vision.candidate import Candidate
from vision.detect import Detection, Detector, Label
from vision.dismissal import RULES, Rule
from vision.dumping import each_act, judged
from vision.frame import CameraId, Frame, Image, Instant, later
from vision.lookback import LOOKBACK_FPS, Lookback, cut, spans
from vision.sighting import ReasonKey, Sighting
from vision.watch import Watch, WatchSettings

CAMERA = CameraId("footage")
_WAIT_S = 60.0
"""A process beside this one writes its answer in milliseconds; a minute is a stuck disk."""

Frames = list[tuple[float, Image]]
"""Seconds from the start, and the picture."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def decoded(path: Path, every_s: float = 1 / LOOKBACK_FPS) -> Frames:
    """Pictures of a file, one in `every_s` seconds, damaged ones left out."""
    turns = Turns(every_s)
    return [
        (seconds, picture.to_ndarray(format="bgr24").astype(np.uint8, copy=False))
        for seconds, picture in pictures(path)
        if not picture.is_corrupt and turns.take(later(Instant(0), seconds))
    ]


def between(frames: Frames, start: int, end: int) -> Iterator[Frame]:
    """The pictures of an interval of instants, both ends included, as a camera's frames."""
    for seconds, image in frames:
        at = later(Instant(0), seconds)
        if start <= at <= end:
            yield Frame(CAMERA, at, image.copy())


@dataclass(eq=False)
class Footage:
    """Pictures that are watched with any constants; each look-back is cut once."""

    frames: Frames
    detector: Detector | None
    _lookbacks: dict[Candidate, Lookback] = field(default_factory=dict)

    def candidates(self, settings: WatchSettings) -> list[Candidate]:
        """What the watch tells, at the looks that `liuhen analyze` would take."""
        watch, turns = Watch(CAMERA, settings), Turns(look_s(settings))
        return [
            candidate
            for frame in between(self.frames, 0, 2**62)
            if turns.take(frame.at)
            for candidate in watch.see(frame)
        ]

    def told(
        self,
        candidates: Sequence[Candidate],
        rules: Sequence[tuple[Rule, ReasonKey]] = RULES,
    ) -> list[Sighting]:
        """What is told of `candidates` under `rules`, each act once."""
        acts = each_act(candidates, lambda each: judged(each, self._lookback(each), rules))
        return [act for act in acts if isinstance(act, Sighting)]

    def _lookback(self, candidate: Candidate) -> Lookback:
        if candidate not in self._lookbacks:
            frames = chain.from_iterable(between(self.frames, *s) for s in spans(candidate))
            self._lookbacks[candidate] = cut(candidate, frames, self.detector)
        return self._lookbacks[candidate]


class Remembering:
    """A detector that is asked about a picture once, and what it said.

    With `file` the answers outlive the process, and processes beside each other share them; those
    of another `model` are not taken.

    Attributes:
        calls: how often the detector itself was asked.
    """

    def __init__(self, detector: Detector, model: str = "", file: Path | None = None) -> None:
        self._detector = detector
        self._model = model.encode()
        self.calls = 0
        name = ":memory:" if file is None else str(file)
        self._answers = sqlite3.connect(name, timeout=_WAIT_S, isolation_level=None)
        # What a power cut loses is asked again.
        self._answers.execute("PRAGMA synchronous = OFF")
        self._answers.execute(
            "CREATE TABLE IF NOT EXISTS answer (picture BLOB PRIMARY KEY, found TEXT) WITHOUT ROWID"
        )

    def detect(self, image: Image) -> tuple[Detection, ...]:
        """What the detector saw in a picture of just these pixels."""
        picture = sha256(self._model + repr(image.shape).encode() + image.tobytes()).digest()
        row = self._answers.execute(
            "SELECT found FROM answer WHERE picture = ?", (picture,)
        ).fetchone()
        if row is not None:
            return tuple(
                Detection(Label(label), Box(*xyxy), score)
                for label, xyxy, score in json.loads(row[0])
            )
        self.calls += 1
        found = self._detector.detect(image)
        text = json.dumps([(each.label, each.box.xyxy, each.score) for each in found])
        self._answers.execute("INSERT OR IGNORE INTO answer VALUES (?, ?)", (picture, text))
        return found


def detector_for(model: str, answers: Path | None) -> Remembering | None:
    """The detector of a card's name, none for `none`."""
    if model == NO_MODEL:
        return None
    detector = open_detector(model, threads=1)
    return Remembering(detector, repr(detector.card), answers)


def beside_each_other(
    job: Callable[[_Item], _Result], items: Sequence[_Item], workers: int
) -> Iterator[_Result]:
    """`job` of each item in order, in `workers` processes of one thread each."""
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=cv2.setNumThreads, initargs=(1,)
    ) as pool:
        yield from pool.map(job, items)
