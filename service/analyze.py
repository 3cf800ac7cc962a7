"""`liuhen analyze`: the same watch and look-back over video files, for trials and benchmarks."""

import logging
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from queue import Queue
from typing import Any

from av.video.frame import VideoFrame

from ingest.decode import Turns, to_frame
from ingest.media import describe, pictures
from ingest.probe import confine
from models.session import open_detector
from service.analyst import LOOK_S
from service.events import reason_row, reason_words
from service.explain import Explanation
from service.health import Examination, Spell, spell_words
from service.times import media_clock
from vision.boxes import Box
from vision.candidate import Candidate, Clearing
from vision.detect import Detection, Detector
from vision.dismissal import Dismissal
from vision.dumping import attribute, each_act
from vision.frame import CameraId, Frame, Image, Instant, later, seconds_between
from vision.lookback import LOOKBACK_FPS, spans
from vision.picture import shrink
from vision.sighting import Sighting, Visit, is_cleared
from vision.watch import Watch, WatchSettings

MEMORY_BYTES = 8 << 30
"""Address space of a child that decodes strangers' files; a 4K decoder needs a fraction of it."""
LOOKS_PER_SETTLE, LEAST_LOOK_S = 8, 0.2
"""Looks at a file within the settle time, and seconds between two at least: its pictures are all
decoded anyway, and what lies there for two seconds has to be seen in several looks."""
CPU_S = 24 * 3600
"""A day of computing: a file that takes longer is an attack or a mistake."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """What to do with a file; the same for all files of a run."""

    settings: WatchSettings
    model: str = ""
    weights: tuple[Path, ...] = ()
    threads: int = 1
    explain: Path | None = None
    """Where to write what each layer saw; None writes nothing."""

    def explanation(self, path: Path) -> Explanation | None:
        """The page of a file, if one is wanted."""
        return None if self.explain is None else Explanation(self.explain, path, self.settings)


@dataclass(frozen=True, slots=True)
class CloseUpReport:
    """Where in the file somebody is seen well."""

    role: str
    at_s: float
    box_xyxy: list[float]


@dataclass(frozen=True, slots=True)
class VisitReport:
    """Who brought it, coming and going: as `Visit`."""

    arrived_s: float | None
    contact_s: float
    leaving_s: float | None
    close_ups: list[CloseUpReport]


@dataclass(frozen=True, slots=True)
class Finding:
    """An event of a file: seconds from its first frame, boxes in pixels of its frames."""

    kind: str
    onset_s: float
    alarm_s: float
    released_s: float
    left_s: float | None
    cleared_s: float | None
    box_xyxy: list[float]
    score: float
    actor: str
    actor_box_xyxy: list[float] | None
    visit: VisitReport | None
    certain: bool
    reasons: list[str]


@dataclass(frozen=True, slots=True)
class ClipReport:
    """What `liuhen analyze --json` writes for one file."""

    file: str
    media_s: float
    frames_decoded: int
    detector_calls: int
    cpu_s: float
    events: list[Finding]
    health: list[Spell] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Plain values in the order of the format."""
        return asdict(self)


@dataclass
class _Counting:
    """A detector that counts how often it is asked."""

    detector: Detector
    calls: int = 0

    def detect(self, image: Image) -> tuple[Detection, ...]:
        self.calls += 1
        return self.detector.detect(image)


@dataclass
class _Reader:
    """Frames of a file as those of a camera that was switched on at instant 0."""

    path: Path
    camera: CameraId
    on_second: Callable[[float], None]
    decoded: int = 0
    last_s: float = field(default=0.0)

    def frames(self, every_s: float, start: Instant, end: Instant) -> Iterator[Frame]:
        turns = Turns(every_s)
        for seconds, picture in self._pictures(seconds_between(Instant(0), start)):
            at = later(Instant(0), seconds)
            if at > end:
                return
            if at >= start and turns.take(at):
                yield to_frame(self.camera, at, picture)

    def _pictures(self, start_s: float) -> Iterator[tuple[float, VideoFrame]]:
        for seconds, picture in pictures(self.path, start_s):
            self.decoded += 1
            self.last_s = max(self.last_s, seconds)
            if not picture.is_corrupt:
                yield seconds, picture


_END = Instant(2**62)


def analyze(
    path: Path, request: Request, on_second: Callable[[float], None] = lambda _: None
) -> ClipReport:
    """Watch a file from its first frame and look back at every candidate.

    `on_second` hears how many seconds of the file have been watched.

    Raises:
        MediaError: the file is not a video that can be read.
        ModelError: the detector cannot be opened.
    """
    began = time.process_time()
    detector = None
    if request.model:
        detector = _Counting(open_detector(request.model, request.weights, threads=request.threads))
    reader = _Reader(path, CameraId(path.name), on_second)
    examination, explanation = Examination(), request.explanation(path)
    sightings, cleared = _sightings(reader, request.settings, detector, examination, explanation)
    report = ClipReport(
        file=str(path),
        media_s=round(reader.last_s, 3),
        frames_decoded=reader.decoded,
        detector_calls=detector.calls if detector else 0,
        cpu_s=round(time.process_time() - began, 3),
        events=report_of(sightings, cleared),
        health=examination.spells,
    )
    if explanation is not None:
        said = ["；".join(event.reasons) for event in report.events]
        explanation.finish([*said, *(spell_words(spell) for spell in report.health)])
    return report


def _sightings(
    reader: _Reader,
    settings: WatchSettings,
    detector: Detector | None,
    examination: Examination,
    explanation: Explanation | None,
) -> tuple[list[Sighting], list[Clearing]]:
    camera = reader.camera
    watch = Watch(camera, settings) if explanation is None else explanation.watch(camera)
    candidates: list[Candidate] = []
    cleared: list[Clearing] = []
    for frame in reader.frames(look_s(settings), Instant(0), _END):
        small = shrink(frame.image)
        examination.see(frame, small)
        candidates += watch.see(frame, small)
        cleared += watch.cleared
        reader.on_second(seconds_between(Instant(0), frame.at))
    judge = partial(_judged, reader, detector, explanation)
    acts = each_act(candidates, judge)
    return [each for each in acts if isinstance(each, Sighting)], cleared


def _judged(
    reader: _Reader,
    detector: Detector | None,
    explanation: Explanation | None,
    candidate: Candidate,
) -> Sighting | Dismissal:
    def frames() -> Iterator[Frame]:
        for span in spans(candidate):
            yield from reader.frames(1 / LOOKBACK_FPS, *span)

    verdict = attribute(candidate, frames(), detector)
    if explanation is not None:
        explanation.judged(candidate, frames(), detector, verdict)
    return verdict


def report_of(sightings: Sequence[Sighting], cleared: Sequence[Clearing] = ()) -> list[Finding]:
    """Sightings whose instants count from a file's first frame, as its report tells them."""
    return [
        _finding(each, next((c.at for c in cleared if is_cleared(c, each.onset, each.box)), None))
        for each in sightings
    ]


def look_s(settings: WatchSettings) -> float:
    """Seconds between two looks at a file; never more than at a camera."""
    return min(LOOK_S, max(LEAST_LOOK_S, settings.settle_s / LOOKS_PER_SETTLE))


def _finding(sighting: Sighting, cleared: Instant | None) -> Finding:
    return Finding(
        kind=sighting.kind.value,
        onset_s=_seconds(sighting.onset),
        released_s=_seconds(sighting.released),
        alarm_s=_seconds(sighting.alarm),
        left_s=_seconds_if(sighting.left),
        cleared_s=_seconds_if(cleared),
        box_xyxy=_rounded(sighting.box),
        score=round(sighting.score, 3),
        actor=sighting.actor.value,
        actor_box_xyxy=_rounded(sighting.actor_box) if sighting.actor_box else None,
        visit=_visit_report(sighting.visit) if sighting.visit else None,
        certain=sighting.certain,
        reasons=[reason_words(reason_row(reason), tell=_media_time) for reason in sighting.reasons],
    )


def _visit_report(visit: Visit) -> VisitReport:
    return VisitReport(
        arrived_s=_seconds_if(visit.arrived),
        contact_s=_seconds(visit.contact),
        leaving_s=_seconds_if(visit.leaving),
        close_ups=[
            CloseUpReport(each.role.value, _seconds(each.at), _rounded(each.box))
            for each in visit.close_ups
        ],
    )


def _seconds(at: Instant) -> float:
    return round(seconds_between(Instant(0), at), 3)


def _seconds_if(at: Instant | None) -> float | None:
    return None if at is None else _seconds(at)


def _rounded(box: Box) -> list[float]:
    return [round(value, 1) for value in box.xyxy]


def _media_time(at: Instant) -> str:
    return media_clock(seconds_between(Instant(0), at))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a file is: `done_s` of `total_s` seconds watched."""

    path: Path
    done_s: float
    total_s: float


def _child(path: Path, request: Request, told: "Queue[Progress]") -> ClipReport:
    total_s = describe(path).seconds
    return analyze(path, request, lambda done_s: told.put(Progress(path, done_s, total_s)))


def analyze_all(
    paths: Sequence[Path],
    request: Request,
    *,
    workers: int,
    on_progress: Callable[[Progress], None],
) -> list[ClipReport | Exception]:
    """Analyse files beside each other in confined child processes, in the order given.

    An error of a file stands in its place; the others go on.
    """
    context = multiprocessing.get_context("spawn")
    with (
        context.Manager() as manager,
        ProcessPoolExecutor(
            workers, mp_context=context, initializer=confine, initargs=(MEMORY_BYTES, CPU_S)
        ) as pool,
    ):
        told: Queue[Progress] = manager.Queue()
        running = [pool.submit(_child, path, request, told) for path in paths]
        while not (all(future.done() for future in running) and told.empty()):
            if told.empty():
                time.sleep(0.05)
            else:
                on_progress(told.get())
        return [future.exception() or future.result() for future in running]  # type: ignore[misc]
