"""Faults of clocks and time stamps: a replayed camera in simulated time, all the rest real."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from shutil import copytree

import av

from ingest.clock import SimulatedClock
from ingest.errors import CameraUnreachable
from ingest.packet import Packet, StreamInfo
from ingest.rtsp import _timed
from service.camera import CameraWorker
from service.settings import load
from tests.faults.ground import Ground
from tests.faults.outcome import Outcome, answers
from tests.faults.receipt import Receipts, receipts, segments_in
from tests.faults.rig import CAMERA, Rig, opened, wait_until
from tests.ingest.clip import STEP_S, Recipe, Replay, encoded
from vision.frame import SECOND, Instant

CLIP = Recipe(count=300, gop=10, container="ts")
"""Thirty seconds, a key frame every second."""
AT = 133
"""The picture at which it happens, in mid-GOP."""
DAY_S = 86_400.0
HOUR_S = 3_600.0


def nothing(_: SimulatedClock) -> None:
    """What most pictures do to the clock."""


@dataclass
class Faulty(Replay):
    """A replayed camera to which something happens at picture `AT`.

    Attributes:
        before: called just before.
        fault: what happens to the server's clock.
        camera_ahead_s: how wrong the camera's own clock is; None: it tells no time.
        untimed: pictures that come without a time stamp.
    """

    before: Callable[[], None] = lambda: None
    fault: Callable[[SimulatedClock], None] = nothing
    camera_ahead_s: float | None = None
    untimed: frozenset[int] = frozenset()
    happened_us: int = 0

    def _stamped(self, n: int, packet: "av.Packet") -> Packet:
        if n == AT:
            self.before()
            self.happened_us = self.clock.monotonic_us()
            self.fault(self.clock)
        told = super()._stamped(n, packet)
        if self.camera_ahead_s is None:
            return told
        camera_time = Instant(told.arrival + round(self.camera_ahead_s * SECOND))
        return replace(told, camera_time=camera_time)

    def packets(self) -> Iterator[Packet]:
        """As a connection gives them, some without their times."""
        return _timed(self._received()) if self.untimed else super().packets()

    def _received(self) -> Iterator[tuple["av.Packet", Packet]]:
        assert self._container is not None
        for n, raw in enumerate(p for p in self._container.demux(video=0) if p.size):
            packet = self._stamped(n, raw)
            if n in self.untimed:
                raw.pts = raw.dts = None
                packet = replace(packet, pts=0, dts=0)
            yield raw, packet
            self.clock.sleep(STEP_S)
        raise self.fails


@dataclass
class _Once:
    """A camera with one connection; to ask for a second ends the work."""

    source: Replay
    stop: threading.Event = field(default_factory=threading.Event)
    opened: bool = False

    def open(self) -> StreamInfo:
        if self.opened:
            self.stop.set()
            raise CameraUnreachable(camera=CAMERA)
        self.opened = True
        return self.source.open()

    def packets(self) -> Iterator[Packet]:
        return self.source.packets()

    def close(self) -> None:
        self.source.close()


def _recorded(ground: Ground, name: str, source: Faulty) -> Outcome:
    """Everything asked of a camera that was recorded to its end."""
    settings = load(copytree(ground.home, ground.folder / name), {"LIUHEN_RESERVE_BYTES": "0"})
    given: list[Receipts] = []

    def acknowledged() -> bool:
        # The writer is a thread of its own and may be behind.
        given[:] = [receipts(settings.segments)]
        return sum(map(len, given[0].values())) > AT // CLIP.gop

    source.before = lambda: wait_until("acknowledging", acknowledged)
    once = _Once(source)
    with opened(settings, source.clock) as database:
        made = Rig(settings, database, "rtsp://127.0.0.1/gate", source.clock)
        CameraWorker(made.plan, once, source.clock, once.stop).run()
        kept = sum(len(gop.pictures) for s in segments_in(made.root) for gop in s.gops)
        at_us = source.happened_us
        return answers(made, given[0], at_us, at_us - 1, missing=CLIP.count - kept)


def _media() -> bytes:
    return encoded(CLIP)


def clock_forward(ground: Ground, name: str) -> Outcome:
    """The server's clock is set an hour ahead."""
    return _recorded(ground, name, Faulty(_media(), fault=lambda clock: clock.step(HOUR_S)))


def clock_back(ground: Ground, name: str) -> Outcome:
    """The server's clock is set back by an hour, over what is recorded already."""
    return _recorded(ground, name, Faulty(_media(), fault=lambda clock: clock.step(-HOUR_S)))


def camera_a_day_wrong(ground: Ground, name: str) -> Outcome:
    """The camera's own clock is a day ahead."""
    return _recorded(ground, name, Faulty(_media(), camera_ahead_s=DAY_S))


def pts_missing(ground: Ground, name: str) -> Outcome:
    """Pictures come without time stamps: single ones, a key frame, three seconds of them."""
    untimed = frozenset({AT, 140, 155, *range(160, 190)})
    return _recorded(ground, name, Faulty(_media(), untimed=untimed))
