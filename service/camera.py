"""The process of one camera: packets to disk first, then a look at some of them.

It writes files only: segments with their index, and facts in the spool. So recording waits for no
database, no detector and no other camera. Three threads: the reader takes packets off the network
and waits for nothing else, the writer makes them durable, the analyst looks. A sub-stream for the
analysis has a reader of its own.
"""

import logging
import threading
from collections import deque
from dataclasses import dataclass, field
from secrets import SystemRandom
from uuid import uuid4

from ingest.clock import Clock, SystemClock
from ingest.errors import CameraError, CameraRefused, CameraSilent, DiskError, DiskFailed, DiskFull
from ingest.lock import Lock
from ingest.packet import Packet, PacketSource
from ingest.recorder import Recorder, phase_of
from ingest.rtsp import Address, RtspSource
from ingest.spool import FactKind, Spool
from ingest.writer import Loss, SegmentWriter
from service.analyst import Analyst
from service.cameras import Plan
from service.process import begun
from vision.frame import SECOND, CameraId, Instant

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 30.0
"""Back-off between attempts: quick after a hiccup, gentle with a camera that stays away."""
UNTOLD_FACTS = 100
"""Facts kept for a disk that takes none: those of an hour of attempts; the oldest give way."""
LAG_S = 10.0
"""Footage that waits longer for its disk is more than a power cut may cost
(docs/design/storage.md)."""

log = logging.getLogger(__name__)


def cause_of(error: CameraError | DiskError, *, ran: bool) -> str:
    """Key of the catalogue's words (`cause.<key>`) for why a run ended."""
    match error:
        case CameraRefused():
            return "refused"
        case CameraSilent():
            return "silent"
        case DiskFull():
            return "disk_full"
        case DiskFailed():
            return "disk_failed"
        case _:
            return "disconnected" if ran else "unreachable"


@dataclass
class BackOff:
    """Waits between attempts, longer each time that one brought nothing."""

    stop: threading.Event
    _wait_s: float = FIRST_WAIT_S

    def wait(self, *, ran: bool) -> None:
        """Wait, or return at once when `stop` is set."""
        self._wait_s = FIRST_WAIT_S if ran else min(self._wait_s * 2, LONGEST_WAIT_S)
        # Jitter, so that cameras behind one switch do not all come back at once.
        self.stop.wait(self._wait_s * SystemRandom().uniform(0.5, 1.0))


@dataclass
class CameraWorker:
    """Records one source, for ever, until `stop` is set; watches it or, if there is one, `sub`."""

    plan: Plan
    source: PacketSource
    clock: Clock
    stop: threading.Event = field(default_factory=threading.Event)
    sub: PacketSource | None = None
    process: str = field(default_factory=lambda: uuid4().hex)
    _told_up: bool = False
    _told_slow_us: int | None = None

    def __post_init__(self) -> None:
        """Open the spool."""
        self._spool = Spool(self.plan.spool)
        self._untold: deque[tuple[FactKind, Instant, dict[str, str | float]]] = deque(
            maxlen=UNTOLD_FACTS
        )
        self._telling = threading.Lock()

    def run(self) -> None:
        """Connect, record, and connect again whatever ends the run."""
        recorder = Recorder(
            self.plan.segments,
            self.plan.camera,
            self.clock,
            segment_s=self.plan.segment_s,
            process=self.process,
            floor_bytes=self.plan.floor_bytes,
            phase=phase_of(self.plan.camera),
        )
        writer = SegmentWriter(recorder, on_durable=self._durable, on_loss=self._lost)
        analyst = Analyst(self.plan, self._spool, self.clock)
        beside = self._watch_beside(analyst)
        back_off = BackOff(self.stop)
        while not self.stop.is_set():
            ran = self._record(writer, analyst)
            if ran is not None:
                back_off.wait(ran=ran)
        if beside is not None:
            beside.join()
        writer.close()
        analyst.finish()

    def _record(self, writer: SegmentWriter, analyst: Analyst) -> bool | None:
        """One run; when it failed, whether anything of it was recorded."""
        self._told_up = False
        try:
            info = self.source.open()
            writer.begin(info)
            if self.sub is None:
                analyst.begin(info)
            for packet in self.source.packets():
                writer.offer(packet)
                if self.sub is None and packet.track == "video":
                    analyst.offer(packet)
                if self.stop.is_set():
                    self._end(writer, "stopped")
                    return None
        except (CameraError, DiskError) as error:
            ran = writer.drain()
            cause = cause_of(error, ran=ran)
            log.warning("camera %s: %s", self.plan.camera, cause)
            self._end(writer, cause)
            self._tell(FactKind.DOWN, self.clock.now(), cause=cause)
            return ran
        finally:
            # After the writer: its muxer takes its parameters from the open stream.
            self.source.close()
        return None

    def _end(self, writer: SegmentWriter, reason: str) -> None:
        try:
            writer.end(reason)
        except DiskError:
            # The registrar sees the disk itself; what was acknowledged stays readable.
            log.exception("camera %s: the end of the run could not be written", self.plan.camera)

    def _tell(self, kind: FactKind, at: Instant, **facts: str | float) -> None:
        """Leave a fact; one that the disk does not take now comes before the next."""
        with self._telling:
            self._untold.append((kind, at, facts))
            try:
                while self._untold:
                    kind, at, facts = self._untold[0]
                    self._spool.put(kind, self.plan.camera, at, facts)
                    self._untold.popleft()
            except DiskError:
                log.exception("camera %s: %s could not be told", self.plan.camera, kind.value)

    def _durable(self, packet: Packet) -> None:
        """In the writer's thread: the camera is up when footage is on the disk."""
        if not self._told_up:
            self._told_up = True
            self._tell(FactKind.UP, packet.arrival)
        now = self.clock.monotonic_us()
        lag_s = (now - packet.monotonic_us) / SECOND
        told = self._told_slow_us
        if lag_s > LAG_S and (told is None or now - told > 60 * SECOND):
            self._told_slow_us = now
            self._tell(FactKind.SLOW, packet.arrival, seconds=round(lag_s, 1))

    def _lost(self, loss: Loss) -> None:
        """In the writer's thread: packets found no room while the disk was slow."""
        seconds = round(loss.seconds, 1)
        log.error("camera %s: %s packets lost, disk", self.plan.camera, loss.packets)
        self._tell(FactKind.LOST, loss.at, packets=loss.packets, seconds=seconds)

    def _watch_beside(self, analyst: Analyst) -> threading.Thread | None:
        """Feed the analyst from the sub-stream, in a thread; None when there is no sub-stream."""
        if self.sub is None:
            return None
        thread = threading.Thread(
            target=self._watch_sub, args=(self.sub, analyst), name="sub-stream", daemon=True
        )
        thread.start()
        return thread

    def _watch_sub(self, sub: PacketSource, analyst: Analyst) -> None:
        back_off = BackOff(self.stop)
        while not self.stop.is_set():
            ran = False
            try:
                analyst.begin(sub.open())
                for packet in sub.packets():
                    analyst.offer(packet)
                    if not ran:
                        ran = True
                        self._tell(FactKind.SUB_UP, packet.arrival)
                    if self.stop.is_set():
                        break
            except CameraError as error:
                cause = cause_of(error, ran=ran)
                log.warning("camera %s, sub-stream: %s", self.plan.camera, cause)
                self._tell(FactKind.SUB_DOWN, self.clock.now(), cause=cause)
            finally:
                sub.close()
            back_off.wait(ran=ran)


def run_camera(plan: Plan) -> None:
    """Main function of a camera process."""
    stop = begun(plan.camera)
    clock = SystemClock()
    worker = CameraWorker(
        plan,
        _source(plan, plan.address, clock, audio=plan.audio),
        clock,
        stop,
        sub=_source(plan, plan.sub_address, clock) if plan.sub_address else None,
    )
    # A predecessor whose parent was killed may still wait for its camera's next packet.
    with Lock(plan.segments / f"{plan.camera}.lock") as lock:
        while not lock.take():
            if stop.wait(0.2):
                return
        lock.sign(worker.process)
        worker.run()


def _source(plan: Plan, address: Address, clock: Clock, *, audio: bool = False) -> RtspSource:
    return RtspSource(
        CameraId(plan.camera), address, clock, packet_age_s=plan.packet_age_s, audio=audio
    )
