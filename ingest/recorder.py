"""The recorder: packets into segment files, one fragment per group of pictures.

A segment is a fragmented MP4 beside an index of JSON lines. The bytes of a group of pictures (GOP)
are written and fsynced first, then its line in the index: whatever the index names is there. What
a crash leaves behind the last line was never acknowledged. Invariants and procedures:
docs/design/storage.md.
"""

import hashlib
import io
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import av
from av.container import OutputContainer

from ingest.clock import Clock
from ingest.errors import DiskFull
from ingest.files import disk_errors, fsync_directory, make_directory, sha256_bytes
from ingest.packet import Packet, StreamInfo
from ingest.segments import day_of
from vision.frame import SECOND, CameraId, Instant

INDEX_VERSION = 1
JUMP_S = 10.0
"""Seconds by which the media clock may run ahead between packets before it is a new run: longer
than any pause of a working camera, shorter than the wrap or reset of its clock."""

_START_CODE = b"\0\0\1"


class _Sink(io.RawIOBase):
    """What the muxer wrote since the last `take`."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._written += data
        return len(data)

    def take(self) -> bytes:
        data = bytes(self._written)
        self._written.clear()
        return data


def gop_start(packets: list[Packet], seconds_per_tick: float) -> Instant:
    """Wall time of the first picture of a GOP: that of its least delayed packet.

    Networks only ever delay, so the earliest `arrival - media time` is the truest
    (moonfire-nvr design/time.md).
    """
    origin = packets[0].dts
    return Instant(
        min(p.arrival - round((p.dts - origin) * seconds_per_tick * SECOND) for p in packets)
    )


def _is_void(data: bytes, info: StreamInfo) -> bool:
    """Whether a packet has nothing behind a start code (ITU-T H.264 and H.265, annex B)."""
    if info.extradata[:1] == b"\1":
        # The stream came from an MP4: units have lengths (ISO/IEC 14496-15).
        return False
    units = data.partition(_START_CODE)[2]
    return not units.replace(_START_CODE, b"").strip(b"\0")


@dataclass(slots=True)
class _Segment:
    """One segment file being written."""

    path: Path
    info: StreamInfo
    first_dts: int
    sink: _Sink = field(default_factory=_Sink)
    digest: Any = field(default_factory=hashlib.sha256)
    size: int = 0
    packets: list[Packet] = field(default_factory=list)
    container: OutputContainer = field(init=False)
    media: io.FileIO = field(init=False)
    index: io.FileIO = field(init=False)

    def __post_init__(self) -> None:
        with disk_errors(self.path):
            self.media = io.FileIO(self.path.with_suffix(".mp4"), "x")
            self.index = io.FileIO(self.path.with_suffix(".idx"), "x")
        self.container = av.open(
            self.sink,
            "w",
            format="mp4",
            options={"movflags": "frag_keyframe+empty_moov+default_base_moof"},
        )
        stream = self.container.add_stream_from_template(self.info.template)
        stream.time_base = self.info.time_base
        self.container.start_encoding()

    def mux(self, packet: Packet) -> None:
        """Hand a packet to the muxer, its times counted from the segment's start."""
        coded = av.Packet(packet.data)
        coded.stream = self.container.streams[0]
        coded.time_base = self.info.time_base
        coded.pts = packet.pts - self.first_dts
        coded.dts = packet.dts - self.first_dts
        coded.duration = packet.duration
        coded.is_keyframe = packet.key
        self.container.mux_one(coded)

    def append(self, data: bytes) -> int:
        """Make bytes of the segment durable; the offset at which they stand."""
        offset = self.size
        self._write(self.media, data)
        self.digest.update(data)
        self.size += len(data)
        return offset

    def note(self, line: dict[str, Any]) -> None:
        """Make a line of the index durable."""
        # A torn line is at the end of the file and recognised by its missing \n.
        self._write(self.index, json.dumps(line, separators=(",", ":")).encode() + b"\n")

    def _write(self, file: io.FileIO, data: bytes) -> None:
        """All of `data`, durable; a disk that fills up first takes less than it is given."""
        with disk_errors(self.path):
            written = 0
            while written < len(data):
                written += file.write(data[written:]) or 0
            os.fsync(file.fileno())

    def abandon(self) -> None:
        """Close the files as they are: after a failed write they hold what was acknowledged."""
        self.media.close()
        self.index.close()
        self.container.close()


class Recorder:
    """Writes one camera's packets below `root/<camera>/<yyyymmdd>/<start>.{mp4,idx}`.

    Not thread-safe. After `DiskFull` the current segment is abandoned; the next key frame opens
    another.
    """

    def __init__(self, root: Path, camera: CameraId, clock: Clock, *, segment_s: float) -> None:
        self._root = root
        self._camera = camera
        self._clock = clock
        self._segment_s = segment_s
        self._info: StreamInfo | None = None
        self._segment: _Segment | None = None
        self._run = ""
        self._last_dts: int | None = None
        self._predecessor: str | None = None
        self._predecessor_end: str | None = None

    @property
    def recording(self) -> bool:
        """Whether a segment is open."""
        return self._segment is not None

    def start(self, info: StreamInfo) -> None:
        """Begin a run: one unbroken connection, in which media times can be compared."""
        self._info = info
        self._run = uuid4().hex[:12]
        self._last_dts = None

    def write(self, packet: Packet) -> bool:
        """Take one packet; True when it completed a GOP, which is durable on return.

        Packets before the first key frame of a segment cannot be decoded and are left out; so are
        damaged ones without a coded unit: one of them in an MP4 makes FFmpeg refuse the whole GOP.

        Raises:
            DiskFull: the GOP in hand is lost, everything acknowledged before is kept.
        """
        if self._info is None:
            msg = "start() comes before write()"
            raise RuntimeError(msg)
        if _is_void(packet.data, self._info):
            return False
        if self._broke(packet):
            self.stop("media_clock_jump")
            self.start(self._info)
        self._last_dts = packet.dts
        if self._segment is None and not packet.key:
            return False
        try:
            return self._record(packet)
        except BaseException as error:
            self._predecessor_end = "disk_full" if isinstance(error, DiskFull) else "crashed"
            if self._segment is not None:
                self._segment.abandon()
                self._segment = None
            raise

    def stop(self, reason: str) -> None:
        """End the run: the last GOP is written and the segment closed with its end `reason`."""
        if self._segment is not None:
            self._predecessor_end = reason
            segment, self._segment = self._segment, None
            try:
                self._close(segment, reason)
            finally:
                segment.abandon()

    def _broke(self, packet: Packet) -> bool:
        if self._last_dts is None or self._info is None:
            return False
        ahead = (packet.dts - self._last_dts) * float(self._info.time_base)
        return ahead <= 0 or ahead > JUMP_S

    def _record(self, packet: Packet) -> bool:
        completed = False
        if packet.key and self._segment is not None and self._is_full(self._segment, packet):
            self.stop("full")
            completed = True
        if self._segment is None:
            self._segment = self._open(packet)
        segment = self._segment
        segment.mux(packet)
        if packet.key and segment.packets:
            self._acknowledge(segment, segment.sink.take())
            completed = True
        segment.packets.append(packet)
        return completed

    def _is_full(self, segment: _Segment, packet: Packet) -> bool:
        seconds = (packet.dts - segment.first_dts) * float(segment.info.time_base)
        return seconds >= self._segment_s

    def _open(self, packet: Packet) -> _Segment:
        assert self._info is not None  # noqa: S101  write() refuses to run without it
        day = day_of(packet.arrival)
        folder = self._root / self._camera / day
        make_directory(folder)
        # From here on write() closes its files, whatever fails.
        segment = self._segment = _Segment(folder / str(packet.arrival), self._info, packet.dts)
        head = segment.sink.take()
        segment.append(head)
        segment.note(
            {
                "version": INDEX_VERSION,
                "camera": self._camera,
                "run": self._run,
                "predecessor": self._predecessor,
                "predecessor_end": self._predecessor_end,
                "codec": self._info.codec,
                "width": self._info.width,
                "height": self._info.height,
                "time_base": [self._info.time_base.numerator, self._info.time_base.denominator],
                "first_dts": packet.dts,
                "init_size": len(head),
                "init_sha256": sha256_bytes(head),
            }
        )
        fsync_directory(folder)
        self._predecessor = f"{self._camera}/{day}/{packet.arrival}"
        return segment

    def _acknowledge(self, segment: _Segment, data: bytes) -> None:
        offset = segment.append(data)
        tick = float(segment.info.time_base)
        segment.note(
            {
                "offset": offset,
                "size": len(data),
                "sha256": sha256_bytes(data),
                "at_us": gop_start(segment.packets, tick),
                "packets": [
                    [
                        p.pts,
                        p.dts,
                        p.duration,
                        int(p.key),
                        len(p.data),
                        p.arrival,
                        p.monotonic_us,
                        p.camera_time,
                    ]
                    for p in segment.packets
                ],
            }
        )
        segment.packets.clear()

    def _close(self, segment: _Segment, reason: str) -> None:
        segment.container.close()
        if segment.packets:
            self._acknowledge(segment, segment.sink.take())
        segment.note(
            {
                "end": reason,
                "size": segment.size,
                "sha256": segment.digest.hexdigest(),
                "closed_us": self._clock.now(),
            }
        )
