"""The process of one camera: packets to disk first, then a look at some of them.

It writes files only: segments with their index, and facts in the spool. So recording waits for no
database, no detector and no other camera.
"""

import logging
import queue
import signal
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import parent_process
from secrets import SystemRandom

from ingest.clock import Clock, SystemClock
from ingest.decode import LiveDecoder
from ingest.errors import CameraError, CameraRefused, CameraSilent, DiskFull
from ingest.lock import Lock
from ingest.packet import Packet, PacketSource, StreamInfo
from ingest.recorder import Recorder
from ingest.rtsp import RtspSource
from ingest.spool import FactKind, Spool
from service.cameras import Plan
from vision.candidate import Candidate
from vision.frame import CameraId
from vision.watch import Watch

LOOK_S = 1.0
"""One look in a second; docs/design/detection.md has what other rates find."""
QUEUE_PACKETS = 250
"""Ten seconds of a 25 fps stream: analysis may stall so long before frames are skipped."""
RESTART_S = 5.0
"""After a failure of the analysis, or while the disk is full: neither may spin the machine."""
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 30.0
"""Back-off between attempts: quick after a hiccup, gentle with a camera that stays away."""

log = logging.getLogger(__name__)


def cause_of(error: CameraError | DiskFull, *, ran: bool) -> str:
    """Key of the catalogue's words (`cause.<key>`) for why a run ended."""
    match error:
        case CameraRefused():
            return "refused"
        case CameraSilent():
            return "silent"
        case DiskFull():
            return "disk_full"
        case _:
            return "disconnected" if ran else "unreachable"


class Analyst:
    """Looks at a stream beside the recorder, in a thread of its own; late rather than in the way.

    A full queue drops packets for analysis only. How many is a fact in the spool.
    """

    def __init__(self, plan: Plan, spool: Spool, clock: Clock) -> None:
        self._plan = plan
        self._spool = spool
        self._clock = clock
        self._watch = Watch(plan.camera, plan.watch)
        self._queue: queue.Queue[Packet | StreamInfo | None] = queue.Queue(QUEUE_PACKETS)
        self._begun: StreamInfo | None = None
        self._info: StreamInfo | None = None
        self._skipped = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="analyst", daemon=True)
        self._thread.start()

    def begin(self, info: StreamInfo) -> None:
        """A new run with these parameters follows."""
        self._begun = info

    def offer(self, packet: Packet) -> None:
        """Hand over a packet; never blocks. After a loss only a key frame is of use."""
        if self._skipped and not packet.key:
            self._skipped += 1
            return
        try:
            if self._begun is not None:
                self._queue.put_nowait(self._begun)
                self._begun = None
            self._queue.put_nowait(packet)
        except queue.Full:
            self._skipped += 1
            return
        if self._skipped:
            skipped, self._skipped = self._skipped, 0
            facts = {"skipped": skipped}
            self._spool.put(FactKind.SKIPPED, self._plan.camera, packet.arrival, facts)

    def finish(self) -> None:
        """Work off the queue and end the thread."""
        self._ending.set()
        # A thread that ends after a failure reads no more: wait for room only while it lives.
        while self._thread.is_alive():
            try:
                self._queue.put(None, timeout=0.1)
            except queue.Full:
                continue
            self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                self._look()
            except Exception:
                # The outermost frame of a thread. The recording goes on; the scene begins anew.
                log.exception("camera %s: analysis failed", self._plan.camera)
                self._watch = Watch(self._plan.camera, self._plan.watch)
                with suppress(DiskFull):
                    # A full disk has an alarm of its own.
                    self._spool.put(FactKind.FAILED, self._plan.camera, self._clock.now(), {})
                if self._ending.wait(RESTART_S):
                    return
            else:
                return

    def _look(self) -> None:
        decoder = self._decoder()
        while (work := self._queue.get()) is not None:
            if isinstance(work, StreamInfo):
                self._info = work
                decoder = self._decoder()
            elif decoder is not None:
                for frame in decoder.decode(work):
                    for candidate in self._watch.see(frame):
                        self._leave(candidate)

    def _decoder(self) -> LiveDecoder | None:
        if self._info is None:
            return None
        return LiveDecoder(self._plan.camera, self._info, look_s=LOOK_S)

    def _leave(self, candidate: Candidate) -> None:
        """Put a candidate into the spool; a full disk is waited for, so that it is not lost."""
        while True:
            try:
                self._spool.put(
                    FactKind.CANDIDATE, candidate.camera, candidate.alarm, candidate.to_json()
                )
            except DiskFull:
                if self._ending.wait(RESTART_S):
                    raise
            else:
                return


@dataclass
class CameraWorker:
    """Records one source, for ever, until `stop` is set."""

    plan: Plan
    source: PacketSource
    clock: Clock
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Connect, record, and connect again whatever ends the run."""
        spool = Spool(self.plan.spool)
        recorder = Recorder(
            self.plan.segments, self.plan.camera, self.clock, segment_s=self.plan.segment_s
        )
        analyst = Analyst(self.plan, spool, self.clock)
        wait_s = FIRST_WAIT_S
        while not self.stop.is_set():
            try:
                self._record(recorder, analyst, spool)
            except (CameraError, DiskFull) as error:
                ran = self._end(recorder, spool, error)
                wait_s = FIRST_WAIT_S if ran else min(wait_s * 2, LONGEST_WAIT_S)
                # Jitter, so that cameras behind one switch do not all come back at once.
                self.stop.wait(wait_s * SystemRandom().uniform(0.5, 1.0))
        analyst.finish()

    def _record(self, recorder: Recorder, analyst: Analyst, spool: Spool) -> None:
        try:
            info = self.source.open()
            recorder.start(info)
            analyst.begin(info)
            first = True
            for packet in self.source.packets():
                done = recorder.write(packet)
                analyst.offer(packet)
                if done and first:
                    first = False
                    spool.put(FactKind.UP, self.plan.camera, packet.arrival, {})
                if self.stop.is_set():
                    recorder.stop("stopped")
                    return
        finally:
            self.source.close()

    def _end(self, recorder: Recorder, spool: Spool, error: CameraError | DiskFull) -> bool:
        """Close the run; whether anything had been recorded in it."""
        ran = recorder.recording
        cause = cause_of(error, ran=ran)
        log.warning("camera %s: %s", self.plan.camera, cause)
        try:
            recorder.stop(cause)
            spool.put(FactKind.DOWN, self.plan.camera, self.clock.now(), {"cause": cause})
        except DiskFull:
            # The registrar sees the disk itself; what was acknowledged stays readable.
            log.exception("camera %s: the end of the run could not be written", self.plan.camera)
        return ran


def end_with_parent(stop: threading.Event) -> None:
    """Set `stop` when the parent process is gone, however it went."""
    parent = parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        stop.set()

    threading.Thread(target=wait, name="parent", daemon=True).start()


def stop_on_signal(stop: threading.Event) -> None:
    """Set `stop` on SIGTERM; SIGINT from a terminal reaches the parent, which tells us."""
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def run_camera(plan: Plan) -> None:
    """Main function of a camera process."""
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s {plan.camera} %(message)s")
    clock = SystemClock()
    source = RtspSource(CameraId(plan.camera), plan.address, clock, packet_age_s=plan.packet_age_s)
    worker = CameraWorker(plan, source, clock)
    stop_on_signal(worker.stop)
    end_with_parent(worker.stop)
    # A predecessor whose parent was killed may still wait for its camera's next packet.
    with Lock(plan.segments / f"{plan.camera}.lock") as lock:
        while not lock.take():
            if worker.stop.wait(0.2):
                return
        worker.run()
