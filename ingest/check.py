"""What a camera really sends, from a few seconds of its stream."""

from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import ClassVar

from ingest.packet import Packet, PacketSource
from vision.frame import SECOND, seconds_between


@dataclass(frozen=True, slots=True)
class StreamCheck:
    """What was seen.

    Attributes:
        gop_s: longest time between key frames; the length of the look when there was only one.
        clock_offset_s: the camera's clock minus ours, median; None when it sends no time.
        audio: codec of the sound; None when there is none or the source was not asked for it.
    """

    LONGEST_GOP_S: ClassVar[float] = 2.0
    """With key frames further apart the watch must decode everything (docs/design/detection.md)."""

    codec: str
    width: int
    height: int
    fps: float
    gop_s: float
    clock_offset_s: float | None
    audio: str | None = None


def check(source: PacketSource, seconds: float) -> StreamCheck:
    """Connect to a source and watch it for `seconds`; the caller closes it.

    Raises:
        CameraError: it cannot be opened or breaks within that time.
    """
    info = source.open()
    packets: list[Packet] = []
    for packet in source.packets():
        if packet.track == "audio":
            continue
        packets.append(packet)
        if seconds_between(packets[0].arrival, packet.arrival) >= seconds:
            break
    tick = float(info.time_base)
    keys = [p.dts for p in packets if p.key]
    ends = [*keys, packets[-1].dts] if len(keys) < 2 else keys
    offsets = [(p.camera_time - p.arrival) / SECOND for p in packets if p.camera_time is not None]
    length = (packets[-1].dts - packets[0].dts) * tick
    return StreamCheck(
        codec=info.codec,
        width=info.width,
        height=info.height,
        fps=(len(packets) - 1) / length if length else 0.0,
        gop_s=max((b - a for a, b in pairwise(ends)), default=0) * tick,
        clock_offset_s=median(offsets) if offsets else None,
        audio=info.audio.codec if info.audio else None,
    )
