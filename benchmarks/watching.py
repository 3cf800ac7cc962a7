"""What watching costs: against decoding key frames alone, and against looking at everything.

    python -m benchmarks.watching [--seconds 60] [--model CARD --weights DIR] [--json FILE]
    python -m benchmarks.watching --media DIR --model CARD --weights DIR [--settle S] [--json FILE]

Without `--media`: two simulated cameras, 1080p25 H.264 with a key frame every 2 s, a quiet street
and a busy one, watched as the service watches them. With it: the real clips, as `liuhen analyze`
reads them. The naive pipeline beside each decodes every picture, asks the detector five times a
second, and reports what looks like a bag, stays, and has nobody beside it. Real and simulated
figures are never mixed in one number.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import av

from benchmarks.detection import Clip, Truth, matches, real_clips, score
from benchmarks.machine import machine
from ingest.decode import LiveDecoder, Turns, to_frame
from ingest.media import pictures
from ingest.packet import Packet, StreamInfo
from models.session import open_detector
from service.analyst import LOOK_S
from service.analyze import Finding, Request, analyze, report_of
from service.demo import plot
from service.demo.encoder import Format, encode
from service.demo.scene import Scene, Script
from vision.boxes import Box, gap, iou
from vision.candidate import Candidate
from vision.detect import Detector, Label
from vision.dumping import LOOKBACK_FPS, attribute, span
from vision.frame import CameraId, Frame, Instant, later
from vision.health import checked
from vision.picture import shrink
from vision.sighting import Sighting, same_act
from vision.watch import Watch, WatchSettings

Row = TypeVar("Row")
CAMERA = CameraId("camera")
SIZE, FORM = (1920, 1080), Format(fps=25.0, gop_s=2.0)
SEED = 9500
"""Of the simulated streets; tests and the demo use none from 9000 on."""
REPEATS = 3
"""Each decoding and watching is measured so often; the least counts, for others use the machine."""
NAIVE_FPS = 5.0
"""Pictures a second that the naive pipeline shows its detector: the usual choice."""
SAME_BAG, BESIDE = 0.5, 1.0
"""Overlap (IoU) from which a box is the bag of before; a person nearer than its own height is with
it (the simple version that most people write: docs/design/detection.md)."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of processor time for a stream, and what came out.

    Attributes:
        ratio: watching over decoding key frames alone.
        naive_ratio: the naive pipeline over watching; look-backs are paid for each candidate.
    """

    stream: str
    media_s: float
    keys_s: float
    watch_s: float
    ratio: float
    lookbacks: int
    lookback_s: float
    naive_s: float | None
    naive_ratio: float | None
    events: int
    found: int
    false: int
    naive_found: int | None
    naive_false: int | None


@dataclass
class Naive:
    """Bags that lie alone for the settle time, by a detector's boxes alone."""

    detector: Detector
    settle_s: float
    calls: int = 0
    _bags: list[tuple[Box, float, float, bool]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def see(self, frame: Frame, at_s: float) -> None:
        """One of five pictures a second."""
        self.calls += 1
        seen = self.detector.detect(frame.image)
        people = [each.box for each in seen if each.label is Label.PERSON]
        bags = [each.box for each in seen if each.label is Label.BAG]
        kept = [self._followed(box, at_s) for box in bags]
        missed = [b for b in self._bags if at_s - b[2] < 1 and not any(iou(b[0], k) for k in bags)]
        self._bags = [self._judged(bag, people, at_s) for bag in kept] + missed

    def _followed(self, box: Box, at_s: float) -> tuple[Box, float, float, bool]:
        known = [bag for bag in self._bags if iou(bag[0], box) >= SAME_BAG]
        return (box, known[0][1], at_s, known[0][3]) if known else (box, at_s, at_s, False)

    def _judged(
        self, bag: tuple[Box, float, float, bool], people: Sequence[Box], at_s: float
    ) -> tuple[Box, float, float, bool]:
        box, since_s, _, told = bag
        alone = all(gap(box, person) > BESIDE * person.height for person in people)
        if told or not alone or at_s - since_s < self.settle_s:
            return bag
        self.findings.append(_bag_finding(box, since_s, at_s))
        return box, since_s, at_s, True


def _bag_finding(box: Box, since_s: float, at_s: float) -> Finding:
    return Finding(
        kind="dumping",
        onset_s=since_s,
        alarm_s=at_s,
        left_s=None,
        box_xyxy=list(box.xyxy),
        score=0.5,
        actor="unknown",
        actor_box_xyxy=None,
        certain=True,
        reasons=[],
    )


def quiet(number: int) -> Script:
    """Nobody comes."""
    return Script(())


def busy(number: int) -> Script:
    """One bag is put down; two crowds pass, and cars."""
    crowds = [plot.passers(SEED + n, period_s=PERIOD_S).script(number) for n in (1, 2)]
    act = plot.dumping(SEED, period_s=PERIOD_S).script(number)
    return Script((*act.parts, *(part for crowd in crowds for part in crowd.parts)), act.drops)


PERIOD_S = 150.0
"""Long enough for the longest stream: its bag is not cleaned away."""
STREETS: dict[str, Callable[[int], Script]] = {"quiet": quiet, "busy": busy}


def packets_of(path: Path) -> tuple[StreamInfo, list[Packet]]:
    """A file as a camera would send it; times count from 0."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        info = StreamInfo.of(stream)
        found = [
            Packet(
                data=bytes(packet),
                pts=packet.pts,
                dts=packet.dts,
                duration=packet.duration or 0,
                key=packet.is_keyframe,
                camera_time=None,
                arrival=later(Instant(0), float(packet.pts * info.time_base)),
                monotonic_us=0,
            )
            for packet in container.demux(stream)
            if packet.pts is not None and packet.dts is not None
        ]
    return info, found


def cpu_s(work: Callable[[], object]) -> float:
    """Processor seconds of all threads, the least of several times."""
    spent = []
    for _ in range(REPEATS):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return min(spent)


def decode_keys(info: StreamInfo, packets: Sequence[Packet]) -> None:
    """Key frames and nothing else, as cheaply as FFmpeg does it."""
    for packet in packets:
        if packet.key:
            codec = av.CodecContext.create(info.codec, "r")
            codec.extradata = info.extradata or None
            codec.thread_type = "SLICE"
            codec.decode(av.Packet(packet.data))  # type: ignore[attr-defined]
            codec.decode(None)  # type: ignore[attr-defined]


def watch(info: StreamInfo, packets: Sequence[Packet], settings: WatchSettings) -> list[Candidate]:
    """As the analyst of a camera does it: key frames, health, watch."""
    decoder, watching = LiveDecoder(CAMERA, info, look_s=LOOK_S), Watch(CAMERA, settings)
    health = None
    found: list[Candidate] = []
    for packet in packets:
        for frame in decoder.decode(packet):
            small = shrink(frame.image)
            health = checked(health, frame, small)
            found += watching.see(frame, small)
    return found


def frames_of(path: Path, every_s: float, start: Instant, end: Instant) -> Iterator[Frame]:
    """As a look-back job reads a recording: everything decoded, a few turned into frames."""
    turns = Turns(every_s)
    for seconds, picture in pictures(path, max(0.0, start / 1_000_000)):
        at = later(Instant(0), seconds)
        if at > end:
            return
        if at >= start and turns.take(at):
            yield to_frame(CAMERA, at, picture)


def look_back(
    path: Path, candidates: Sequence[Candidate], detector: Detector | None
) -> list[Sighting]:
    """What remains of the candidates, one act once."""
    found: list[Sighting] = []
    for candidate in candidates:
        frames = frames_of(path, 1 / LOOKBACK_FPS, *span(candidate))
        verdict = attribute(candidate, frames, detector)
        if isinstance(verdict, Sighting) and not any(
            same_act(verdict.onset, verdict.box, other.onset, other.box) for other in found
        ):
            found.append(verdict)
    return found


def naive(path: Path, detector: Detector, settle_s: float) -> tuple[Naive, float]:
    """The naive pipeline over a file, and its processor seconds."""
    began = time.process_time()
    judge, turns = Naive(detector, settle_s), Turns(1 / NAIVE_FPS)
    for seconds, picture in pictures(path):
        at = later(Instant(0), seconds)
        if turns.take(at):
            judge.see(to_frame(CAMERA, at, picture), seconds)
    return judge, time.process_time() - began


def found_of(findings: Sequence[Finding], truths: Sequence[Truth]) -> tuple[int, int]:
    """Events found, each once, and findings that are none."""
    left = list(findings)
    hits = 0
    for truth in truths:
        hit = next((finding for finding in left if matches(finding, truth)), None)
        if hit is not None:
            left.remove(hit)
            hits += 1
    return hits, len(left)


def simulated(
    name: str, seconds: float, settings: WatchSettings, detector: Detector | None, folder: Path
) -> Cost:
    """One simulated camera."""
    scene = Scene(name, SEED, SIZE, PERIOD_S, lru_cache(maxsize=4)(STREETS[name]))
    path = encode(folder / f"{name}.mp4", scene, seconds, FORM)
    truths = [
        Truth("dumping", (d.contact_s, d.release_s), 0.0, Box(*d.box_xyxy), "person")
        for d in scene.deposits(0.0, seconds)
    ]
    info, packets = packets_of(path)
    keys_s = cpu_s(lambda: decode_keys(info, packets))
    watch_s = cpu_s(lambda: watch(info, packets, settings))
    candidates = watch(info, packets, settings)
    began = time.process_time()
    sightings = look_back(path, candidates, detector)
    lookback_s = time.process_time() - began
    found, false = found_of(report_of(sightings), truths)
    judge, naive_s = naive(path, detector, settings.settle_s) if detector else (None, None)
    by_naive = found_of(judge.findings, truths) if judge else (None, None)
    return Cost(
        stream=name,
        media_s=seconds,
        keys_s=round(keys_s, 3),
        watch_s=round(watch_s, 3),
        ratio=round(watch_s / keys_s, 2),
        lookbacks=len(candidates),
        lookback_s=round(lookback_s, 3),
        naive_s=None if naive_s is None else round(naive_s, 1),
        naive_ratio=None if naive_s is None else round(naive_s / watch_s, 1),
        events=len(truths),
        found=found,
        false=false,
        naive_found=by_naive[0],
        naive_false=by_naive[1],
    )


@dataclass(frozen=True, slots=True)
class Beside:
    """A real clip: what `liuhen analyze` and the naive pipeline find, and what each costs."""

    clip: str
    media_s: float
    events: int
    found: int
    false: int
    cpu_s: float
    naive_found: int
    naive_false: int
    naive_cpu_s: float


def real(clip: Clip, request: Request, detector: Detector) -> Beside:
    """One real clip both ways."""
    report = analyze(clip.path, request)
    ours = score(clip, report)
    judge, naive_s = naive(clip.path, detector, request.settings.settle_s)
    hits, false = found_of(judge.findings, clip.events)
    return Beside(
        clip.name, report.media_s, ours.events, ours.found, ours.false, report.cpu_s,
        hits, false, round(naive_s, 3),
    )  # fmt: skip


def total(rows: Sequence[Beside]) -> dict[str, Any]:
    """Sums over all clips, n with them."""
    media_s, ours_s, naive_s = (
        sum(getattr(row, name) for row in rows) for name in ("media_s", "cpu_s", "naive_cpu_s")
    )
    counts = ("events", "found", "false", "naive_found", "naive_false")
    return {
        "clips": len(rows),
        **{name: sum(getattr(row, name) for row in rows) for name in counts},
        "media_s": round(media_s, 1),
        "cpu_s_per_media_s": round(ours_s / media_s, 4),
        "naive_cpu_s_per_media_s": round(naive_s / media_s, 4),
        "naive_ratio": round(naive_s / ours_s, 2),
    }


def command(options: argparse.Namespace) -> str:
    """What to type for the same figures."""
    what = f"--media DIR --settle {options.settle:g}" if options.media else ""
    what = what or f"--seconds {options.seconds:g} --settle {options.settle:g}"
    model = f" --model {options.model} --weights DIR" if options.model else ""
    return f"python -m benchmarks.watching {what}{model}"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--media", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--settle", type=float, default=10.0)
    parser.add_argument("--model", default="")
    parser.add_argument("--weights", type=Path, action="append", default=[])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    settings = WatchSettings((), options.settle)
    detector = open_detector(options.model, options.weights) if options.model else None
    rows: list[Cost] | list[Beside]
    if options.media:
        if detector is None:
            parser.error("--media needs --model")
        request = Request(settings, options.model, tuple(options.weights))
        rows = _shown(real(clip, request, detector) for clip in real_clips(options.media))
        summed = total(rows)
        print(json.dumps(summed))
    else:
        with tempfile.TemporaryDirectory() as folder:
            rows = _shown(
                simulated(name, options.seconds, settings, detector, Path(folder))
                for name in STREETS
            )
        summed = {}
    if options.json:
        result = {"command": command(options), "machine": machine(), "total": summed}
        result |= {"rows": [asdict(row) for row in rows]}
        options.json.write_text(json.dumps(result, indent=1), encoding="utf-8")


def _shown(rows: Iterator[Row]) -> list[Row]:
    """Every row as soon as it is there."""
    found = []
    for row in rows:
        print(row, flush=True)
        found.append(row)
    return found


if __name__ == "__main__":
    main()
