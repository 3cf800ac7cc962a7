"""A camera process with its watch off: what recording alone costs."""

from collections.abc import Iterator

from ingest.clock import SystemClock
from ingest.errors import CameraUnreachable
from ingest.lock import Lock
from ingest.packet import Packet, StreamInfo
from ingest.rtsp import RtspSource
from service.camera import CameraWorker
from service.cameras import Plan
from service.process import begun
from vision.frame import CameraId


class Absent:
    """A sub-stream that is not there, so that nothing is watched."""

    def open(self) -> StreamInfo:
        """It never is."""
        raise CameraUnreachable(camera=CameraId("absent"))

    def packets(self) -> Iterator[Packet]:
        """None."""
        return iter(())

    def close(self) -> None:
        """Nothing to do."""


def record_only(plan: Plan) -> None:
    """As `run_camera`, with the watch off."""
    clock = SystemClock()
    source = RtspSource(plan.camera, plan.address, clock, packet_age_s=plan.packet_age_s)
    worker = CameraWorker(plan, source, clock, begun(f"camera-{plan.camera}"), sub=Absent())
    with Lock(plan.segments / f"{plan.camera}.lock") as lock:
        lock.take()
        worker.run()
