"""The process of one camera, inside out: it records whatever happens around it."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import pytest

from ingest.clock import SimulatedClock
from ingest.errors import (
    CameraError,
    CameraRefused,
    CameraSilent,
    CameraUnreachable,
    DiskError,
    DiskFailed,
    DiskFull,
)
from ingest.packet import Packet, StreamInfo
from ingest.rtsp import Address
from ingest.spool import Fact, FactKind, Spool
from service.analyst import QUEUE_PACKETS, Analyst
from service.camera import FIRST_WAIT_S, LONGEST_WAIT_S, CameraWorker, cause_of
from service.cameras import Plan
from service.demo.encoder import Format, encode
from service.demo.plot import dumping
from tests.ingest.clip import (
    BASE,
    CAMERA,
    Recipe,
    Replay,
    encoded,
    everything,
    indexes,
    replayed,
)
from vision.candidate import Candidate, Kind
from vision.frame import seconds_between
from vision.watch import WatchSettings

CLIP = Recipe(count=30, gop=10, container="ts")


class Impatient(threading.Event):
    """A stop signal that never waits and remembers how long it should have."""

    def __init__(self) -> None:
        super().__init__()
        self.waited_s: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waited_s.append(timeout or 0.0)
        return self.is_set()


@dataclass
class Attempts:
    """A source whose every connection is told; `over` is called when there is no other."""

    told: list[Replay | CameraError]
    over: Callable[[], None]
    closed: int = 0
    begun: list[int] = field(default_factory=list)
    _now: Replay | None = None

    def open(self) -> StreamInfo:
        if not self.told:
            self.over()
            raise CameraUnreachable(camera=CAMERA)
        attempt = self.told.pop(0)
        if isinstance(attempt, CameraError):
            raise attempt
        self._now = attempt
        return attempt.open()

    def packets(self) -> Iterator[Packet]:
        assert self._now is not None
        return self._now.packets()

    def close(self) -> None:
        self.closed += 1
        if self._now is not None:
            self._now.close()


def plan(root: Path, *, settle_s: float = 10.0) -> Plan:
    return Plan(
        camera=CAMERA,
        address=Address("rtsp://127.0.0.1/gate"),
        watch=WatchSettings((), settle_s),
        segments=root / "segments",
        spool=root / "spool",
        segment_s=60.0,
        packet_age_s=5.0,
    )


def work(root: Path, told: list[Replay | CameraError], clock: SimulatedClock) -> CameraWorker:
    """Run a worker through all attempts."""
    stop = Impatient()
    worker = CameraWorker(plan(root), Attempts(told, stop.set), clock, stop)
    worker.run()
    return worker


def facts(root: Path) -> list[Fact]:
    return unwell(Spool(root / "spool"))


def unwell(spool: Spool) -> list[Fact]:
    """What was said, but that the picture is well, which the first look says."""
    return [f for f in spool.facts() if f.data != {"ailing": []}]


def test_every_end_of_a_run_is_a_fact_and_the_next_run_follows(tmp_path: Path) -> None:
    """A lost stream is no end of file: down with its cause, up after the first whole GOP."""
    clock = SimulatedClock()
    ends = [CameraSilent(camera=CAMERA), CameraUnreachable(camera=CAMERA), CameraRefused()]
    told = [Replay(encoded(CLIP), clock, fails=end) for end in ends]
    worker = work(tmp_path, list(told), clock)
    found = [(f.kind.value, f.data.get("cause")) for f in facts(tmp_path)]
    assert found == [
        *(("up", None), ("down", "silent")),
        *(("up", None), ("down", "disconnected")),
        *(("up", None), ("down", "refused"), ("down", "unreachable")),
    ]
    assert [len(gop.pictures) for gop in everything(tmp_path / "segments")] == [10] * 9
    reasons = [s.end.reason for s in indexes(tmp_path / "segments") if s.end]
    assert reasons == ["silent", "disconnected", "refused"]
    assert len({s.head.run for s in indexes(tmp_path / "segments")}) == 3
    assert worker.source.closed == 4
    ups = [f.at for f in facts(tmp_path) if f.kind is FactKind.UP]
    starts = [gop.at for gop in everything(tmp_path / "segments")][::3]
    assert [seconds_between(a, b) for a, b in zip(starts, ups, strict=True)] == [1.0] * 3


def test_a_camera_that_stays_away_is_asked_ever_more_gently(tmp_path: Path) -> None:
    """Back-off doubles up to its limit, with jitter, and starts anew after a run."""
    clock = SimulatedClock()
    away: list[Replay | CameraError] = [CameraUnreachable(camera=CAMERA) for _ in range(7)]
    worker = work(tmp_path, [*away, Replay(encoded(CLIP), clock), away[0]], clock)
    assert isinstance(worker.stop, Impatient)
    limits = [2, 4, 8, 16, LONGEST_WAIT_S, LONGEST_WAIT_S, LONGEST_WAIT_S, FIRST_WAIT_S, 2, 4]
    assert len(worker.stop.waited_s) == len(limits)
    for waited, limit in zip(worker.stop.waited_s, limits, strict=True):
        assert limit / 2 <= waited <= limit


def test_a_failure_before_the_first_gop_is_not_up(tmp_path: Path) -> None:
    """Up means that footage is on the disk, not that a port was open."""
    clock = SimulatedClock()
    work(tmp_path, [Replay(encoded(Recipe(count=5, gop=10)), clock)], clock)
    assert [f.kind for f in facts(tmp_path)] == [FactKind.DOWN, FactKind.DOWN]
    assert [len(gop.pictures) for gop in everything(tmp_path / "segments")] == [5]


CAUSES = {
    "refused": (CameraRefused(), False, "refused"),
    "silent": (CameraSilent(), True, "silent"),
    "disk full": (DiskFull(), True, "disk_full"),
    "disk broken": (DiskFailed(), True, "disk_failed"),
    "broken": (CameraUnreachable(), True, "disconnected"),
    "not there": (CameraUnreachable(), False, "unreachable"),
}


@pytest.mark.parametrize(("error", "ran", "cause"), CAUSES.values(), ids=CAUSES)
def test_every_error_has_a_cause(error: CameraError | DiskError, ran: bool, cause: str) -> None:
    """The timeline tells a broken run from a camera that was never there."""
    assert cause_of(error, ran=ran) == cause


def test_a_deposit_comes_out_as_a_candidate(tmp_path: Path) -> None:
    """From coded packets to the spool: the act, once the bag has lain long enough, and again."""
    scene = dumping(1, size=(320, 180))
    form = Format("h264", fps=5.0, gop_s=1.0)
    media = encode(tmp_path / "scene.mp4", scene, 36.0, form).read_bytes()
    clock, stop = SimulatedClock(), Impatient()
    start = clock.now()
    source = Attempts([Replay(media, clock)], stop.set)
    CameraWorker(plan(tmp_path, settle_s=4.0), source, clock, stop).run()
    fact, *again = [f for f in facts(tmp_path) if f.kind is FactKind.CANDIDATE]
    candidate = Candidate.from_json(fact.data)
    assert {Candidate.from_json(f.data).onset for f in again} <= {candidate.onset}
    (truth,) = scene.deposits(0.0, 36.0)
    assert (candidate.camera, candidate.kind) == (CAMERA, Kind.DUMPING)
    assert fact.at == candidate.alarm
    onset_s, alarm_s = (seconds_between(start, at) for at in (candidate.onset, candidate.alarm))
    assert truth.contact_s - 1 <= onset_s <= truth.actor_gone_s + 1
    assert onset_s + 4 <= alarm_s <= truth.actor_gone_s + 2 * 4 + 3
    left, top, right, bottom = truth.box_xyxy
    x, y = (candidate.box.x0 + candidate.box.x1) / 2, (candidate.box.y0 + candidate.box.y1) / 2
    assert left - 6 <= x <= right + 6
    assert top - 6 <= y <= bottom + 6


@dataclass
class Unknown(Replay):
    """A source whose stream the decoder does not know, though it can be recorded."""

    def open(self) -> StreamInfo:
        return replace(super().open(), codec="nonsense")


def test_a_failing_analysis_costs_looks_and_no_recording(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Every picture is recorded, and people are told."""
    clock, stop = SimulatedClock(), threading.Event()
    source = Attempts([Unknown(encoded(Recipe(count=60, gop=10)), clock)], stop.set)
    with caplog.at_level(logging.ERROR):
        CameraWorker(plan(tmp_path), source, clock, stop).run()
    assert "analysis failed" in caplog.text
    assert FactKind.FAILED in [fact.kind for fact in facts(tmp_path)]
    assert sum(len(gop.pictures) for gop in everything(tmp_path / "segments")) == 60


class Gate(Fraction):
    """A time base at which the analysis waits; recording has another."""

    def hold(self) -> "Gate":
        self.reached, self.opened = threading.Event(), threading.Event()
        return self

    def __float__(self) -> float:
        self.reached.set()
        self.opened.wait(20)
        return super().__float__()


def test_analysis_that_hangs_costs_looks_and_nothing_else(tmp_path: Path) -> None:
    """A full queue never blocks the recorder, not even at a new run; what it cost is a fact."""
    source = Replay(encoded(Recipe(count=400, gop=10, container="ts")))
    info, packets = replayed(source)
    gate = Gate(BASE).hold()
    spool = Spool(tmp_path)
    analyst = Analyst(plan(tmp_path), spool, lambda: None)
    analyst.begin(replace(info, time_base=gate))
    for packet in packets[:11]:
        analyst.offer(packet)
    assert gate.reached.wait(20), "the distance of key frames is looked at with the second one"
    for packet in packets[11:]:
        analyst.offer(packet)
    analyst.begin(info)
    skipped = len(packets) - 11 - QUEUE_PACKETS
    assert skipped > 100
    assert unwell(spool) == []
    gate.opened.set()
    key = packets[0]
    more = 0
    while not unwell(spool):
        # A packet in mid-GOP is of no use after a loss and is skipped too.
        analyst.offer(packets[1])
        analyst.offer(key)
        more += 2
    analyst.finish()
    source.close()
    told = unwell(spool)
    assert {(fact.kind, fact.at) for fact in told} == {(FactKind.SKIPPED, key.arrival)}
    # At least one key frame was taken.
    assert skipped <= sum(fact.data["skipped"] for fact in told) < skipped + more


class FullSpool(Spool):
    """A spool whose disk takes nothing."""

    def put(self, *_: object) -> None:
        raise DiskFull(path="fact", folder="spool")


def test_a_full_spool_does_not_reach_the_reader(tmp_path: Path) -> None:
    """What the analysis has to say is said by its own thread; the reader reads on."""
    source = Replay(encoded(Recipe(count=400, gop=10, container="ts")))
    info, packets = replayed(source)
    gate = Gate(BASE).hold()
    analyst = Analyst(plan(tmp_path), FullSpool(tmp_path), SimulatedClock())
    analyst.begin(replace(info, time_base=gate))
    for packet in packets[:11]:
        analyst.offer(packet)
    assert gate.reached.wait(20)
    for packet in packets[11:]:
        analyst.offer(packet)
    gate.opened.set()
    for _ in range(200):
        analyst.offer(packets[0])
    analyst.finish()
    source.close()


def test_a_failure_with_a_full_queue_does_not_hang_the_end(tmp_path: Path) -> None:
    """finish() returns although nobody reads the queue any more."""
    source = Replay(encoded(Recipe(count=400, gop=10, container="ts")))
    info, packets = replayed(source)
    analyst = Analyst(plan(tmp_path), Spool(tmp_path), SimulatedClock())
    analyst.begin(replace(info, codec="nonsense"))
    for packet in packets:
        analyst.offer(packet)
    analyst.finish()
    source.close()


def sub_scene(tmp_path: Path) -> tuple[bytes, bytes]:
    """A deposit as a camera sends it twice: large to be recorded, small to be watched."""
    form = Format("h264", fps=5.0, gop_s=1.0)
    large = encode(tmp_path / "large.mp4", dumping(1, size=(320, 180)), 36.0, form)
    small = encode(tmp_path / "small.mp4", dumping(1, size=(160, 96)), 36.0, form)
    return large.read_bytes(), small.read_bytes()


class Unending(Replay):
    """A camera that goes on being there, silently, until the end is asked for."""

    stop: threading.Event

    def packets(self) -> Iterator[Packet]:
        with suppress(CameraError):
            yield from super().packets()
        assert self.stop.wait(60)
        raise CameraSilent(camera=CAMERA)


def test_the_sub_stream_is_watched_and_the_main_stream_recorded(tmp_path: Path) -> None:
    """Two connections, each for itself: the find is told in pixels of the smaller picture."""
    large, small = sub_scene(tmp_path)
    clock, stop = SimulatedClock(), threading.Event()
    main, sub = Unending(large, clock), Replay(small, SimulatedClock())
    main.stop = stop
    beside = Attempts([CameraUnreachable(camera=CAMERA), sub], stop.set)
    worker = CameraWorker(plan(tmp_path, settle_s=4.0), main, clock, stop, sub=beside)
    worker.run()
    told = [fact.kind for fact in facts(tmp_path)]
    assert told.count(FactKind.SUB_DOWN) >= 2
    assert FactKind.SUB_UP in told
    found = [Candidate.from_json(f.data) for f in facts(tmp_path) if f.kind is FactKind.CANDIDATE]
    assert {candidate.size for candidate in found} == {(160, 96)}
    assert len({candidate.onset for candidate in found}) == 1
    gops = everything(tmp_path / "segments")
    assert {(gop.head.width, gop.head.height) for gop in gops} == {(320, 180)}
    assert sum(len(gop.pictures) for gop in gops) == 180


def test_a_sub_stream_that_stays_away_costs_no_recording(tmp_path: Path) -> None:
    """One camera's streams do not wait for each other."""
    clock, stop = SimulatedClock(), Impatient()
    main = Attempts([Replay(encoded(CLIP), clock)], stop.set)
    beside = Attempts([CameraRefused(camera=CAMERA)] * 50, lambda: None)
    CameraWorker(plan(tmp_path), main, clock, stop, sub=beside).run()
    assert sum(len(gop.pictures) for gop in everything(tmp_path / "segments")) == 30
    assert FactKind.SUB_DOWN in [fact.kind for fact in facts(tmp_path)]


def test_damaged_pictures_are_counted(tmp_path: Path) -> None:
    """What is lost on the way from the camera is no gap, but people are told."""

    def holed(n: int, data: bytes) -> bytes:
        return data[: len(data) // 2] if n % 10 == 0 and n else data

    media = encoded(Recipe(count=60, gop=10, container="ts", size=(320, 240)))
    clock, stop = SimulatedClock(), threading.Event()
    source = Attempts([Replay(media, clock, damage=holed)], stop.set)
    CameraWorker(plan(tmp_path), source, clock, stop).run()
    (told,) = [fact for fact in facts(tmp_path) if fact.kind is FactKind.MISSED]
    assert told.data["pictures"] >= 1
    assert sum(len(gop.pictures) for gop in everything(tmp_path / "segments")) == 60
