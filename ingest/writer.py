"""The segment writer: a recorder in a thread of its own, behind a bounded backlog (积压).

Whoever reads a camera hands packets over and goes on reading. A disk that is slow for a while costs
memory; one that stays slow costs footage, and what it cost is told.
"""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from ingest.packet import Packet, StreamInfo
from ingest.recorder import Recorder
from vision.frame import SECOND, Instant

BACKLOG_BYTES = 32 << 20
"""A minute of a 4 Mbit/s stream: a disk that needs longer than that for one fsync is broken."""


BATCH_S = 1.0
"""Packets are handed over together, at each key frame and after a second: waking the writer for
each of them took a quarter of the CPU of recording. Only a key frame makes anything durable."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Packets that found no room in the backlog.

    Attributes:
        at, seconds: when the first was received, and until the one that was taken again.
    """

    at: Instant
    packets: int
    seconds: float


@dataclass(frozen=True, slots=True)
class _End:
    """The run ends; without a reason it goes on and somebody waits until all is written."""

    reason: str | None


_Work: TypeAlias = StreamInfo | Packet | Loss | _End


class SegmentWriter:
    """Feeds one recorder. All methods belong to one thread, that of the camera's reader.

    `on_durable` is told, in the writer's thread, of each packet with which footage before it
    became durable; `on_loss` likewise of losses, when they are over.
    """

    def __init__(
        self,
        recorder: Recorder,
        *,
        on_durable: Callable[[Packet], None],
        on_loss: Callable[[Loss], None],
        limit_bytes: int = BACKLOG_BYTES,
    ) -> None:
        self._recorder = recorder
        self._on_durable = on_durable
        self._on_loss = on_loss
        self._limit_bytes = limit_bytes
        self._backlog: queue.SimpleQueue[list[_Work] | None] = queue.SimpleQueue()
        self._batch: list[_Work] = []
        self._room = threading.Lock()
        self._held_bytes = 0
        self._due_us = 0
        self._first_lost: Packet | None = None
        self._last_lost: Packet | None = None
        self._lost = 0
        self._info: StreamInfo | None = None
        self._failure: BaseException | None = None
        self._ran = False
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def begin(self, info: StreamInfo) -> None:
        """A run with these parameters follows; its source stays open until `end` returned."""
        self._batch.append(info)

    def offer(self, packet: Packet) -> None:
        """Hand over a packet; never waits for the disk.

        Raises:
            DiskError: an earlier packet could not be written; the run is over.
        """
        if self._failure is not None:
            raise self._failure
        # After a loss only a key frame is of use; every piece of sound counts as one, too.
        key = packet.key and packet.track == "video"
        if (self._lost and not key) or not self._take_room(packet):
            self._first_lost, self._last_lost = self._first_lost or packet, packet
            self._lost += 1
            return
        self._tell_loss(packet)
        self._batch.append(packet)
        if key or packet.monotonic_us >= self._due_us:
            self._hand_over()
            self._due_us = packet.monotonic_us + round(BATCH_S * SECOND)

    def drain(self) -> bool:
        """Wait until everything is written; whether anything of the run was."""
        self._wait(_End(None))
        return self._ran

    def end(self, reason: str) -> None:
        """Write what is left and end the run.

        Raises:
            DiskError: not everything could be written.
        """
        if self._last_lost is not None:
            self._tell_loss(self._last_lost)
        self._wait(_End(reason))
        failure, self._failure = self._failure, None
        self._first_lost, self._last_lost, self._lost, self._ran = None, None, 0, False
        if failure is not None:
            raise failure

    def close(self) -> None:
        """End the thread."""
        self._backlog.put(None)
        self._thread.join()

    def _hand_over(self) -> None:
        batch, self._batch = self._batch, []
        self._backlog.put(batch)

    def _wait(self, mark: _End) -> None:
        self._done.clear()
        self._batch.append(mark)
        self._hand_over()
        while not self._done.wait(1.0):
            if not self._thread.is_alive():
                msg = "the writer's thread is gone"
                raise RuntimeError(msg)

    def _take_room(self, packet: Packet) -> bool:
        with self._room:
            if self._held_bytes + len(packet.data) > self._limit_bytes:
                return False
            self._held_bytes += len(packet.data)
            return True

    def _tell_loss(self, again: Packet) -> None:
        first, self._first_lost, self._last_lost = self._first_lost, None, None
        if first is not None:
            seconds = (again.monotonic_us - first.monotonic_us) / SECOND
            self._batch.append(Loss(first.arrival, self._lost, seconds))
            self._lost = 0

    def _run(self) -> None:
        while (batch := self._backlog.get()) is not None:
            for work in batch:
                self._try(work)

    def _try(self, work: _Work) -> None:
        if self._failure is None:
            try:
                self._do(work)
            except BaseException as error:  # noqa: BLE001  the reader's thread raises it
                self._failure = error
                self._recorder.abandon()
        if isinstance(work, Packet):
            with self._room:
                self._held_bytes -= len(work.data)
        elif isinstance(work, _End):
            self._done.set()

    def _do(self, work: _Work) -> None:
        match work:
            case StreamInfo():
                self._info = work
                self._recorder.start(work)
            case Packet():
                durable = self._recorder.write(work)
                self._ran |= self._recorder.recording
                if durable:
                    self._on_durable(work)
            case Loss():
                assert self._info is not None  # noqa: S101  begin() comes before offer()
                self._recorder.stop("overrun")
                self._recorder.start(self._info)
                self._on_loss(work)
            case _End(reason) if reason is not None:
                self._recorder.stop(reason)
