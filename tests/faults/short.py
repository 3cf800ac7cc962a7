"""A short recording in a process that lets itself be interfered with, call by call.

Two connections of a replayed camera, of two segments each, recorded by a whole `CameraWorker`. What
it takes for durable it tells through a socket, which writes no file.
"""

import ctypes
import logging
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingest.clock import SimulatedClock
from ingest.errors import CameraUnreachable
from ingest.packet import Packet, StreamInfo
from ingest.rtsp import Address
from service.camera import CameraWorker
from service.cameras import Plan
from tests.ingest.clip import CAMERA, STEP_S, Recipe, Replay, encoded
from vision.frame import SECOND
from vision.watch import WatchSettings

CLIP = Recipe(count=20, gop=5, container="ts")
SEGMENT_S = 1.0
RUNS = 2
BETWEEN_S = 30.0
"""Between two connections: more than a gap."""
_PR_SET_PTRACER = 0x59616D61
_ANYBODY = ctypes.c_ulong(-1)


class Impatient(threading.Event):
    """A wish to stop that nobody waits for."""

    def wait(self, timeout: float | None = None) -> bool:
        """Return at once."""
        return self.is_set()


@dataclass
class Connections:
    """A camera that can be connected to `RUNS` times; the next attempt ends the work."""

    clock: SimulatedClock
    stop: threading.Event
    left: int = RUNS
    _now: Replay | None = None

    def open(self) -> StreamInfo:
        """The next connection."""
        if not self.left:
            self.stop.set()
            raise CameraUnreachable(camera=CAMERA)
        self.left -= 1
        self.clock.sleep(BETWEEN_S)
        self._now = Replay(encoded(CLIP), self.clock)
        return self._now.open()

    def packets(self) -> Iterator[Packet]:
        """Its pictures."""
        assert self._now is not None
        return self._now.packets()

    def close(self) -> None:
        """Its end."""
        if self._now is not None:
            self._now.close()


class Telling(CameraWorker):
    """Tells of each picture that it takes for durable, by its time on the monotonic clock."""

    gate: socket.socket | None = None

    def _durable(self, packet: Packet) -> None:
        super()._durable(packet)
        if self.gate is not None:
            last_us = packet.monotonic_us - round(STEP_S * SECOND)
            self.gate.send(f"{last_us}\n".encode())


def plan(home: Path) -> Plan:
    """The camera of a home folder."""
    return Plan(
        camera=CAMERA,
        address=Address("rtsp://127.0.0.1/gate"),
        watch=WatchSettings((), 10.0),
        segments=home / "segments",
        spool=home / "spool",
        segment_s=SEGMENT_S,
        packet_age_s=5.0,
    )


def record(home: Path, gate: socket.socket | None) -> None:
    """All connections of the camera."""
    clock, stop = SimulatedClock(), Impatient()
    worker = Telling(plan(home), Connections(clock, stop), clock, stop)
    worker.gate = gate
    worker.run()


def run_short(home: Path, gate: socket.socket) -> None:
    """Main function of the process: everything is loaded before it says that it is ready."""
    logging.disable(logging.CRITICAL)
    record(home / "warm", None)
    # Yama lets nobody but an ancestor trace a process that does not say so (prctl(2)).
    ctypes.CDLL(None).prctl(_PR_SET_PTRACER, _ANYBODY, 0, 0, 0)
    gate.send(b"ready\n")
    gate.recv(1)
    record(home, gate)
