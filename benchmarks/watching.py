"""What watching costs: against decoding key frames alone, and against looking at everything.

    python -m benchmarks.watching --model CARD [--weights DIR] [--ultralytics FILE.pt]
        [--seconds 60 | --media DIR] [--settle S] [--json FILE]

Without `--media`: two simulated cameras, 1080p25 H.264 with a key frame every 2 s, a quiet street
and a busy one, watched as the service watches them. With it: the real clips, as `liuhen analyze`
reads them. Beside each, naive pipelines decode every picture, ask a detector five times a second,
and report what looks like a bag, stays, and has nobody beside it: with the detector of CARD in ONNX
Runtime, and with ultralytics' own network and tracker if FILE.pt is given, which needs the extra
`train`. Real and simulated figures are never mixed in one number.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar

import av

from benchmarks.detection import Clip, Truth, matches, real_clips, score
from benchmarks.machine import machine
from ingest.clock import SystemClock
from ingest.decode import LiveDecoder, Turns, frames, to_frame
from ingest.media import pictures
from ingest.packet import Packet, StreamInfo
from ingest.recorder import Recorder
from ingest.segments import Segments
from models.session import open_detector
from service.analyst import LOOK_S
from service.analyze import Finding, Request, analyze, report_of
from service.demo import plot
from service.demo.encoder import Format, encode
from service.demo.scene import Scene, Script
from vision.boxes import Box, gap, iou
from vision.candidate import Candidate
from vision.detect import Detector, Label
from vision.dismissal import Dismissal
from vision.dumping import attribute, each_act
from vision.frame import SECOND, CameraId, Frame, Instant, later
from vision.health import checked
from vision.lookback import LOOKBACK_FPS, lull, spans
from vision.picture import averaged_size, shrink
from vision.sighting import Sighting
from vision.watch import Watch, WatchSettings

Row = TypeVar("Row", bound="Cost | Beside")
Result = TypeVar("Result")
Pipelines = Mapping[str, Callable[[], Detector]]
"""The naive pipelines by name: how to open the detector of each for a new stream."""
CAMERA = CameraId("camera")
SIZE, FORM = (1920, 1080), Format(fps=25.0, gop_s=2.0)
SEED = 9500
"""Of the simulated streets; tests and the demo use none from 9000 on."""
REPEATS = 3
"""Each decoding and watching is measured so often; the least counts, for others use the machine."""
ONNX, ULTRALYTICS = "onnxruntime", "ultralytics"
"""The naive pipelines, by what runs their network."""
NAIVE_FPS = 5.0
"""Pictures a second that the naive pipeline shows its detector: the usual choice."""
SAME_BAG, BESIDE = 0.5, 1.0
"""Overlap (IoU) from which a box is the bag of before; a person nearer than its own height is with
it (the simple version that most people write: docs/design/detection.md)."""


@dataclass(frozen=True, slots=True)
class Rival:
    """What a naive pipeline costs for a stream, in seconds of processor time, and what it finds.

    Attributes:
        ratio: over what watching costs; of a file, over `liuhen analyze` with its look-backs.
    """

    pipeline: str
    cpu_s: float
    ratio: float
    found: int
    false: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What a simulated camera costs, in seconds of processor time, and what is found.

    Attributes:
        ratio: watching over decoding key frames alone.
        cpu_s: watching and all look-backs.
    """

    stream: str
    media_s: float
    keys_s: float
    watch_s: float
    ratio: float
    lookbacks: int
    cpu_s: float
    events: int
    found: int
    false: int
    rivals: tuple[Rival, ...]


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
        bags = [each.box for each in seen if each.label in {Label.BAG, Label.RUBBISH}]
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
        released_s=since_s,
        alarm_s=at_s,
        left_s=None,
        cleared_s=None,
        box_xyxy=list(box.xyxy),
        score=0.5,
        actor="unknown",
        actor_box_xyxy=None,
        visit=None,
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


def packets_of(path: Path, root: Path) -> tuple[StreamInfo, list[Packet]]:
    """A file as a camera would send it, recorded below `root` on the way; times count from 0."""
    recorder = Recorder(root, CAMERA, SystemClock(), segment_s=60)
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
                monotonic_us=round(packet.pts * info.time_base * SECOND),
            )
            for packet in container.demux(stream)
            if packet.pts is not None and packet.dts is not None
        ]
        recorder.start(info)
        for packet in found:
            recorder.write(packet)
        recorder.stop("ended")
    return info, found


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """What `work` gives, and its processor seconds in all threads."""
    began = time.process_time()
    return work(), time.process_time() - began


def least_s(*works: Callable[[], object]) -> list[float]:
    """Processor seconds of each, the least of several times; in turn, so that all meet the same."""
    rounds = [[timed(work)[1] for work in works] for _ in range(REPEATS)]
    return [min(spent) for spent in zip(*rounds, strict=True)]


def decode_keys(info: StreamInfo, packets: Sequence[Packet]) -> None:
    """Key frames and nothing else, as cheaply as FFmpeg does it."""
    codec = av.CodecContext.create(info.codec, "r")
    codec.extradata = info.extradata or None
    codec.thread_type = "SLICE"
    for packet in packets:
        if packet.key:
            codec.decode(av.Packet(packet.data))  # type: ignore[attr-defined]
            codec.decode(None)  # type: ignore[attr-defined]
            codec.flush_buffers()


def watch(info: StreamInfo, packets: Sequence[Packet], settings: WatchSettings) -> list[Candidate]:
    """As the analyst of a camera does it: key frames, health, watch."""
    decoder = LiveDecoder(CAMERA, info, look_s=LOOK_S, reduced=averaged_size)
    watching, health = Watch(CAMERA, settings), None
    found: list[Candidate] = []
    for packet in packets:
        for frame in decoder.decode(packet):
            small = shrink(frame.image)
            health = checked(health, frame, small)
            found += watching.see(frame, small)
    return found


def frames_of(path: Path, every_s: float, start: Instant, end: Instant) -> Iterator[Frame]:
    """Pictures of a file, a few of them."""
    turns = Turns(every_s)
    for seconds, picture in pictures(path, max(0.0, start / 1_000_000)):
        at = later(Instant(0), seconds)
        if at > end:
            return
        if at >= start and turns.take(at):
            yield to_frame(CAMERA, at, picture)


def look_back(
    recording: Segments, candidates: Sequence[Candidate], detector: Detector | None
) -> tuple[int, list[Sighting]]:
    """How many look-backs the candidates take, as the service does them, and what remains."""
    looked = 0

    def judge(candidate: Candidate) -> Sighting | Dismissal:
        nonlocal looked
        looked += 1
        gops = [gop for span in spans(candidate) for gop in recording.read(CAMERA, *span)]
        seen = frames(gops, every_s=1 / LOOKBACK_FPS, lull=lull(candidate))
        return attribute(candidate, seen, detector)

    acts = list(each_act(candidates, judge))
    return looked, [act for act in acts if isinstance(act, Sighting)]


def naive(path: Path, detector: Detector, settle_s: float) -> list[Finding]:
    """What a naive pipeline tells of a file."""
    judge, turns = Naive(detector, settle_s), Turns(1 / NAIVE_FPS)
    for seconds, picture in pictures(path):
        at = later(Instant(0), seconds)
        if turns.take(at):
            judge.see(to_frame(CAMERA, at, picture), seconds)
    return judge.findings


def rivals_at(
    path: Path,
    pipelines: Pipelines,
    settle_s: float,
    truths: Sequence[Truth],
    *,
    ours_s: float,
) -> tuple[Rival, ...]:
    """Every naive pipeline over a file; opening its detector is not counted."""
    rivals = []
    for name, opened in pipelines.items():
        findings, cpu_s = timed(partial(naive, path, opened(), settle_s))
        found, false = found_of(findings, truths)
        rivals.append(Rival(name, round(cpu_s, 3), round(cpu_s / ours_s, 2), found, false))
    return tuple(rivals)


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
    name: str, seconds: float, settings: WatchSettings, pipelines: Pipelines, folder: Path
) -> Cost:
    """One simulated camera."""
    scene = Scene(name, SEED, SIZE, PERIOD_S, lru_cache(maxsize=4)(STREETS[name]))
    path = encode(folder / f"{name}.mp4", scene, seconds, FORM)
    truths = [
        Truth("dumping", (d.contact_s, d.release_s), 0.0, Box(*d.box_xyxy), "person")
        for d in scene.deposits(0.0, seconds)
    ]
    info, packets = packets_of(path, folder / name)
    keys_s, watch_s = least_s(
        partial(decode_keys, info, packets), partial(watch, info, packets, settings)
    )
    candidates = watch(info, packets, settings)
    detector = pipelines[ONNX]()
    recording = Segments(folder / name)
    (looked, sightings), lookback_s = timed(partial(look_back, recording, candidates, detector))
    found, false = found_of(report_of(sightings), truths)
    return Cost(
        stream=name,
        media_s=seconds,
        keys_s=round(keys_s, 3),
        watch_s=round(watch_s, 3),
        ratio=round(watch_s / keys_s, 2),
        lookbacks=looked,
        cpu_s=round(watch_s + lookback_s, 3),
        events=len(truths),
        found=found,
        false=false,
        rivals=rivals_at(path, pipelines, settings.settle_s, truths, ours_s=watch_s),
    )


@dataclass(frozen=True, slots=True)
class Beside:
    """A real clip: what `liuhen analyze` and the naive pipelines find, and what each costs.

    Attributes:
        lookbacks: how many a camera with this picture asks for: one look in a second, and the
            settle time that cameras have as a rule.
        cpu_s: seconds of processor time, look-backs included.
    """

    clip: str
    media_s: float
    lookbacks: int
    cpu_s: float
    events: int
    found: int
    false: int
    rivals: tuple[Rival, ...]


def real(clip: Clip, request: Request, pipelines: Pipelines) -> Beside:
    """One real clip all ways."""
    report = analyze(clip.path, request)
    ours, settle_s = score(clip, report), request.settings.settle_s
    watching = Watch(CAMERA, WatchSettings())
    asked = [
        candidate
        for frame in frames_of(clip.path, LOOK_S, Instant(0), later(Instant(0), report.media_s))
        for candidate in watching.see(frame)
    ]
    return Beside(
        clip=clip.name,
        media_s=report.media_s,
        lookbacks=len(asked),
        cpu_s=report.cpu_s,
        events=ours.events,
        found=ours.found,
        false=ours.false,
        rivals=rivals_at(clip.path, pipelines, settle_s, clip.events, ours_s=report.cpu_s),
    )


def total(rows: Sequence[Cost] | Sequence[Beside]) -> dict[str, Any]:
    """Sums over all streams, n with them; seconds of processor time for each second of video."""

    def summed(name: str, of: Iterable[object]) -> float:
        result: float = sum(getattr(each, name) for each in of)
        return round(result, 3)

    media_s, ours_s = summed("media_s", rows), summed("cpu_s", rows)
    lookbacks = summed("lookbacks", rows)
    result: dict[str, Any] = {
        "streams": len(rows),
        "media_s": media_s,
        "lookbacks": lookbacks,
        "lookbacks_per_hour": round(lookbacks * 3600 / media_s, 1),
        **{name: summed(name, rows) for name in ("events", "found", "false")},
        "cpu_s_per_media_s": round(ours_s / media_s, 4),
    }
    for parts in zip(*(row.rivals for row in rows), strict=True):
        result[parts[0].pipeline] = {
            **{name: summed(name, parts) for name in ("found", "false")},
            "cpu_s_per_media_s": round(summed("cpu_s", parts) / media_s, 4),
            "ratio": round(summed("cpu_s", parts) / ours_s, 2),
        }
    return result


def command(options: argparse.Namespace) -> str:
    """What to type for the same figures."""
    what = "--media DIR" if options.media else f"--seconds {options.seconds:g}"
    beside = f" --ultralytics {options.ultralytics.name}" if options.ultralytics else ""
    model = f"--model {options.model.rpartition('/')[2]} --weights DIR{beside}"
    return f"python -m benchmarks.watching {what} --settle {options.settle:g} {model}"


def pipelines_of(options: argparse.Namespace) -> Pipelines:
    """Those that were asked for."""
    found: dict[str, Callable[[], Detector]] = {
        ONNX: partial(open_detector, options.model, options.weights)
    }
    if options.ultralytics:
        from benchmarks.tracked import Tracked  # noqa: PLC0415 (only with the extra `train`)

        found[ULTRALYTICS] = partial(Tracked, options.ultralytics)
    return found


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--media", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--settle", type=float, default=10.0)
    parser.add_argument("--model", required=True)
    parser.add_argument("--weights", type=Path, action="append", default=[])
    parser.add_argument("--ultralytics", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    settings, pipelines = WatchSettings((), options.settle), pipelines_of(options)
    rows: list[Cost] | list[Beside]
    if options.media:
        request = Request(settings, options.model, tuple(options.weights))
        rows = _shown(real(clip, request, pipelines) for clip in real_clips(options.media))
    else:
        with tempfile.TemporaryDirectory() as folder:
            rows = _shown(
                simulated(name, options.seconds, settings, pipelines, Path(folder))
                for name in STREETS
            )
    summed = total(rows)
    print(json.dumps(summed))
    if options.json:
        result: dict[str, Any] = {"command": command(options), "machine": machine()}
        result |= {"total": summed, "rows": [asdict(row) for row in rows]}
        options.json.write_text(json.dumps(result, indent=1), encoding="utf-8")


def _shown(rows: Iterator[Row]) -> list[Row]:
    """Every row as soon as it is there."""
    found: list[Row] = []
    for row in rows:
        print(row, flush=True)
        found.append(row)
    return found


if __name__ == "__main__":
    main()
