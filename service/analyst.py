"""The analyst: looks at a stream beside the recorder, late rather than in the way."""

import logging
import queue
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ingest.clock import Clock
from ingest.decode import LiveDecoder
from ingest.errors import DiskError
from ingest.packet import Packet, StreamInfo
from ingest.spool import FactKind, Spool
from service.cameras import Plan
from service.memory import SAVE_S, Ignored, MemoryFile
from vision.frame import SECOND, Frame, Image, Instant, seconds_between
from vision.health import Health, checked
from vision.picture import averaged_size, shrink
from vision.watch import Watch

LOOK_S = 1.0
"""One look in a second; docs/design/detection.md has what other rates find."""
QUEUE_PACKETS = 250
"""Ten seconds of a 25 fps stream: analysis may stall so long before frames are skipped."""
DAMAGE_S = 60.0
"""Damaged pictures are told together, once in a minute: loss comes in bursts."""
RESTART_S = 5.0
"""After a failure of the analysis, or while the disk is full: neither may spin the machine."""

log = logging.getLogger(__name__)


class Analyst:
    """Looks at a stream beside the recorder, in a thread of its own; late rather than in the way.

    A full queue drops packets for analysis only. How many is a fact in the spool.
    """

    def __init__(self, plan: Plan, spool: Spool, clock: Clock) -> None:
        self._plan = plan
        self._spool = spool
        self._clock = clock
        self._memory = MemoryFile.of(plan)
        self._watch = Watch(plan.camera, plan.watch)
        self._health: Health | None = None
        self._recalled = False
        self._saved: Instant | None = None
        self._told_ailing: list[str] | None = None
        self._queue: queue.Queue[Packet | StreamInfo | None] = queue.Queue(QUEUE_PACKETS)
        self._begun: StreamInfo | None = None
        self._info: StreamInfo | None = None
        self._skipped = 0
        self._untold: deque[tuple[Instant, int]] = deque()
        self._damage_told_us: int | None = None
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
            # Told by the analyst's own thread: a slow disk must not keep the reader from reading.
            self._untold.append((packet.arrival, self._skipped))
            self._skipped = 0

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
                self._health = None
                with suppress(DiskError):
                    # A full disk has an alarm of its own.
                    self._spool.put(FactKind.FAILED, self._plan.camera, self._clock.now(), {})
                if self._ending.wait(RESTART_S):
                    return
            else:
                return

    def _look(self) -> None:
        decoder = self._decoder()
        self._recall()
        while (work := self._queue.get()) is not None:
            self._tell_skipped()
            if isinstance(work, StreamInfo):
                self._info = work
                decoder = self._decoder()
            elif decoder is not None:
                for frame in decoder.decode(work):
                    small = shrink(frame.image)
                    self._examine(frame, small)
                    for candidate in self._watch.see(frame, small):
                        self._leave(FactKind.CANDIDATE, candidate.alarm, candidate.to_json())
                    for clearing in self._watch.cleared:
                        self._leave(FactKind.CLEARED, clearing.at, clearing.to_json())
                    self._keep(frame.at, every_s=SAVE_S)
                self._tell_damage(decoder, work)
        if self._health is not None:
            self._keep(self._health.at, every_s=0.0)

    def _recall(self) -> None:
        """Go on where the process before this one stood.

        At the first start only: a memory with which the analysis fails must not make it fail again.
        """
        if self._memory is not None and not self._recalled:
            self._recalled = True
            found = self._memory.load(self._watch, self._clock.now())
            self._health = None if isinstance(found, Ignored) else found

    def _keep(self, at: Instant, *, every_s: float) -> None:
        """Write what was learnt, once in `every_s`; not at the first look, which taught nothing."""
        self._saved = at if self._saved is None else self._saved
        if self._memory is not None and seconds_between(self._saved, at) >= every_s:
            self._memory.save(self._watch, self._health, at)
            self._saved = at

    def _tell_skipped(self) -> None:
        """Say how many packets the analysis did not see."""
        while self._untold:
            at, skipped = self._untold.popleft()
            with suppress(DiskError):
                # A full disk has an alarm of its own.
                self._spool.put(FactKind.SKIPPED, self._plan.camera, at, {"skipped": skipped})

    def _examine(self, frame: Frame, small: Image) -> None:
        """Say what is wrong with the picture, at the first look and whenever that changes."""
        self._health = checked(self._health, frame, small)
        ailing = [each.ailment.value for each in self._health.ailing]
        if ailing != self._told_ailing:
            with suppress(DiskError):
                # Said again at the next look; a full disk has an alarm of its own.
                self._spool.put(FactKind.HEALTH, frame.camera, frame.at, {"ailing": ailing})
                self._told_ailing = ailing

    def _tell_damage(self, decoder: LiveDecoder, packet: Packet) -> None:
        """Say how many pictures came damaged, once in a while."""
        told = self._damage_told_us
        now = packet.monotonic_us
        if not decoder.damaged or (told is not None and now - told < DAMAGE_S * SECOND):
            return
        pictures, decoder.damaged, self._damage_told_us = decoder.damaged, 0, now
        with suppress(DiskError):
            # A full disk has an alarm of its own.
            self._spool.put(
                FactKind.MISSED, self._plan.camera, packet.arrival, {"pictures": pictures}
            )

    def _decoder(self) -> LiveDecoder | None:
        if self._info is None:
            return None
        return LiveDecoder(self._plan.camera, self._info, look_s=LOOK_S, reduced=averaged_size)

    def _leave(self, kind: FactKind, at: Instant, found: Mapping[str, Any]) -> None:
        """Put what was seen into the spool; a full disk is waited for, so that it is not lost."""
        while True:
            try:
                self._spool.put(kind, self._plan.camera, at, found)
            except DiskError:
                if self._ending.wait(RESTART_S):
                    raise
            else:
                return
