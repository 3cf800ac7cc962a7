"""The recorder: packets into segment files, one fragment per group of pictures.

A segment is a fragmented MP4 beside an index of JSON lines. The bytes of a group of pictures (GOP)
are written and fsynced first, then its line in the index: whatever the index names is there. What
a crash leaves behind the last line was never acknowledged. Invariants and procedures:
docs/design/storage.md and docs/design/time.md.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import av
from av.container import InputContainer

from ingest.clock import Clock
from ingest.errors import DiskError
from ingest.files import fsync_directory, make_directory, sha256_bytes
from ingest.fragment import PICTURES, SOUNDS, samples
from ingest.packet import JUMP_S, Packet, StreamInfo
from ingest.parameter_sets import (
    ParameterSets,
    has_start_codes,
    is_other,
    is_void,
    joined,
    parameter_sets,
)
from ingest.segment_file import SegmentFile
from ingest.segments import day_of
from vision.frame import SECOND, CameraId, Instant

INDEX_VERSION = 2
CLOCK_STEP_S = 0.1
"""Seconds by which wall and monotonic clock may part between two packets without a step. NTP slews
by at most 500 ppm, which adds `SLEW` of the time between them."""
SLEW = 0.0005
_EARLY_SOUND_S = 1.0
"""Sound may be so much older than the picture that it comes with and still find room in front."""


def gop_start(packets: Sequence[Packet], seconds_per_tick: float) -> Instant:
    """Wall time of the first picture of a GOP: that of its least delayed packet.

    Networks only ever delay, so the earliest `arrival - media time` is the truest
    (moonfire-nvr design/time.md). Arrivals are compared on the monotonic clock and told by the wall
    clock as it stood at the first of them, so that setting the clock in mid-GOP moves nothing.
    """
    first = packets[0]
    earliest = min(
        p.monotonic_us - round((p.dts - first.dts) * seconds_per_tick * SECOND) for p in packets
    )
    return Instant(first.arrival - first.monotonic_us + earliest)


def phase_of(camera: CameraId) -> float:
    """The part of a segment, in [1/8, 1], that a camera's first one lasts.

    From its name, so that cameras which are started together do not all change files at once.
    """
    return (sha256(camera.encode()).digest()[0] % 8 + 1) / 8


@dataclass(slots=True)
class _Steps:
    """Watches the wall clock against the monotonic one, from packet to packet."""

    last: Packet | None = None
    pending_us: int = 0

    def see(self, packet: Packet) -> bool:
        """Remember by how much the wall clock was set since the packet before; False when not."""
        before, self.last = self.last, packet
        if before is None:
            return False
        passed = packet.monotonic_us - before.monotonic_us
        parted = packet.arrival - before.arrival - passed
        if abs(parted) <= CLOCK_STEP_S * SECOND + SLEW * passed:
            return False
        self.pending_us += parted
        return True

    def take(self) -> int:
        """Microseconds by which the clock was set since the last `take`; 0 when it was not."""
        told, self.pending_us = self.pending_us, 0
        return told


@dataclass(slots=True)
class _Parameters:
    """The stream as its latest parameter sets describe it."""

    info: StreamInfo
    sets: ParameterSets = field(default_factory=dict)
    _probe: InputContainer | None = None

    def __post_init__(self) -> None:
        if has_start_codes(self.info.extradata):
            self.sets = parameter_sets(self.info.extradata, self.info.codec)

    def changed(self, packet: Packet) -> bool:
        """Take the sets that a key frame brings; whether they are not those in force."""
        if not has_start_codes(self.info.extradata):
            return False
        found = parameter_sets(packet.data, self.info.codec)
        if not is_other(found, self.sets):
            return False
        self.sets = {**self.sets, **found}
        self._describe(packet)
        return True

    def _describe(self, packet: Packet) -> None:
        """Let FFmpeg read size and parameters out of the key frame itself."""
        data = joined(self.sets) + packet.data
        try:
            probe = av.open(io.BytesIO(data), "r", format=self.info.codec)
        except av.error.FFmpegError:
            # Unreadable sets are recorded as they came; a player will say so.
            return
        if not probe.streams.video:
            probe.close()
            return
        told = replace(StreamInfo.of(probe.streams.video[0]), time_base=self.info.time_base)
        self.info = replace(told, audio=self.info.audio)
        self.close()
        # The template lives as long as its container is open.
        self._probe = probe

    def close(self) -> None:
        """Let go of the key frame that was read."""
        if self._probe is not None:
            self._probe.close()
            self._probe = None


class Recorder:
    """Writes one camera's packets below `root/<camera>/<yyyymmdd>/<start>.{mp4,idx}`.

    Not thread-safe. After a `DiskError` the current segment is abandoned; the next key frame opens
    another. With less than `floor_bytes` free nothing is written: what is left belongs to the
    database and the log. `process` is what its camera's lock is signed with: an unclosed segment
    that another process wrote is written no more.
    """

    def __init__(  # noqa: PLR0913  what a recording is, in one place
        self,
        root: Path,
        camera: CameraId,
        clock: Clock,
        *,
        segment_s: float,
        process: str = "",
        floor_bytes: int = 0,
        phase: float = 1.0,
    ) -> None:
        self._root = root
        self._camera = camera
        self._clock = clock
        self._process = process
        self._segment_s = segment_s
        self._floor_bytes = floor_bytes
        self._limit_s = segment_s * phase
        self._parameters: _Parameters | None = None
        self._run = ""
        self._last_dts: int | None = None
        self._step = 1
        self._shift: int | None = None
        self._segment: SegmentFile | None = None
        self._pictures: list[Packet] = []
        self._sounds: list[Packet] = []
        self._steps = _Steps()
        self._stepped = False
        self._predecessor: str | None = None
        self._predecessor_end: str | None = None

    @property
    def recording(self) -> bool:
        """Whether a segment is open."""
        return self._segment is not None

    def start(self, info: StreamInfo) -> None:
        """Begin a run: one unbroken connection, in which media times can be compared.

        `info` and what it came from stay valid until `stop`.
        """
        self._end_parameters()
        self._parameters = _Parameters(info)
        self._begin_run()

    def _begin_run(self) -> None:
        self._run = uuid4().hex[:12]
        self._last_dts = None
        self._shift = None

    def _end_parameters(self) -> None:
        if self._parameters is not None:
            self._parameters.close()

    def write(self, packet: Packet) -> bool:
        """Take one packet; True when footage before it became durable: a GOP or a piece of one.

        Packets before the first key frame of a segment cannot be decoded and are left out; so are
        damaged ones without a coded unit: one of them in an MP4 makes FFmpeg refuse the whole GOP.

        Raises:
            DiskError: the GOP in hand is lost, everything acknowledged before is kept.
        """
        if self._parameters is None:
            msg = "start() comes before write()"
            raise RuntimeError(msg)
        try:
            if packet.track == "audio":
                return self._hear(packet)
            return self._see(packet, self._parameters)
        except BaseException as error:
            self._predecessor_end = error.code if isinstance(error, DiskError) else "crashed"
            self.abandon()
            raise

    def stop(self, reason: str) -> None:
        """End the run: the last GOP is written and the segment closed with its end `reason`."""
        if self._segment is not None:
            self._predecessor_end = reason
            try:
                self._close(self._segment, reason)
            finally:
                self.abandon()

    def abandon(self) -> None:
        """Leave the segment as it is, without an end; what was acknowledged stays."""
        if self._segment is not None:
            self._segment.close()
        self._segment = None
        self._pictures, self._sounds = [], []

    def _hear(self, packet: Packet) -> bool:
        """A packet of sound belongs to the pictures that it comes with."""
        segment = self._segment
        if segment is None or segment.info.audio is None:
            return False
        if self._shift is not None:
            audio = segment.info.audio
            packet = _moved(packet, round(self._shift * segment.info.time_base / audio.time_base))
        if not segment.has_room(packet):
            return False
        done = self._acknowledge(segment, segment.mux(packet))
        self._sounds.append(packet)
        return done

    def _see(self, packet: Packet, parameters: _Parameters) -> bool:
        if has_start_codes(parameters.info.extradata) and is_void(packet.data):
            return False
        self._stepped |= self._steps.see(packet)
        packet = self._counted_on(packet, parameters.info)
        if self._segment is None and not packet.key:
            return False
        changed = packet.key and parameters.changed(packet)
        ended = False
        if packet.key and self._segment is not None:
            reason = self._why_to_end(self._segment, packet, changed=changed)
            if reason is not None:
                self.stop(reason)
                ended = True
        segment = self._segment or self._open(packet, parameters.info)
        done = self._acknowledge(segment, segment.mux(packet))
        self._pictures.append(packet)
        return done or ended

    def _why_to_end(self, segment: SegmentFile, key: Packet, *, changed: bool) -> str | None:
        """Why a key frame begins another segment; None when it does not."""
        if changed:
            return "parameters_changed"
        if self._stepped:
            return "clock_stepped"
        seconds = (key.dts - segment.first_dts) * float(segment.info.time_base)
        if seconds - self._early_s(segment.info) < self._limit_s:
            return None
        self._limit_s = self._segment_s
        return "full"

    def _counted_on(self, packet: Packet, info: StreamInfo) -> Packet:
        """The packet with a media time that goes on from the one before.

        A jump of the camera's media clock begins a run at the next key frame. The pictures until
        then can be decoded: they are counted on from the last one, by the step before the jump.
        """
        if self._shift is not None and packet.key:
            self.stop("media_clock_jump")
            self._begin_run()
        shifted = _moved(packet, self._shift or 0)
        last = self._last_dts
        if last is None:
            self._last_dts = shifted.dts
            return shifted
        ahead = shifted.dts - last
        if 0 < ahead * info.time_base <= JUMP_S:
            self._last_dts, self._step = shifted.dts, ahead
            return shifted
        if packet.key:
            self.stop("media_clock_jump")
            self._begin_run()
            self._last_dts = packet.dts
            return packet
        self._shift = last + self._step - packet.dts
        self._last_dts = last + self._step
        return _moved(packet, self._shift)

    @staticmethod
    def _early_s(info: StreamInfo) -> float:
        return _EARLY_SOUND_S if info.audio else 0.0

    def _open(self, packet: Packet, info: StreamInfo) -> SegmentFile:
        day = day_of(packet.arrival)
        folder = self._root / self._camera / day
        make_directory(folder)
        origin = packet.dts - round(self._early_s(info) / info.time_base)
        segment, name = self._created(folder, packet.arrival, info, origin)
        # From here on write() closes its files, whatever fails.
        self._segment, self._stepped = segment, False
        head = segment.head()
        segment.append(head)
        segment.note(self._head_line(info, origin, head))
        fsync_directory(folder)
        self._predecessor = f"{self._camera}/{day}/{name}"
        return segment

    def _created(
        self, folder: Path, name: int, info: StreamInfo, origin: int
    ) -> tuple[SegmentFile, int]:
        """A new pair of files; a clock that was set back may find its microsecond taken."""
        while True:
            try:
                path = folder / str(name)
                return SegmentFile(path, info, origin, floor_bytes=self._floor_bytes), name
            except FileExistsError:
                name += 1

    def _head_line(self, info: StreamInfo, origin: int, head: bytes) -> dict[str, Any]:
        quality = self._clock.quality()
        return {
            "version": INDEX_VERSION,
            "camera": self._camera,
            "process": self._process,
            "run": self._run,
            "predecessor": self._predecessor,
            "predecessor_end": self._predecessor_end,
            "codec": info.codec,
            "width": info.width,
            "height": info.height,
            "audio": info.audio.codec if info.audio else None,
            "time_base": [info.time_base.numerator, info.time_base.denominator],
            "first_dts": origin,
            "synchronised": quality.synchronised,
            "clock_error_us": quality.error_us,
            "init_size": len(head),
            "init_sha256": sha256_bytes(head),
        }

    def _acknowledge(self, segment: SegmentFile, data: bytes) -> bool:
        """Make a finished fragment durable, and name what is in it; False when there is none."""
        if not data:
            return False
        held = samples(data)
        pictures, self._pictures = _split(self._pictures, held[PICTURES])
        sounds, self._sounds = _split(self._sounds, held[SOUNDS])
        tick = float(segment.info.time_base)
        offset = segment.append(data)
        segment.note(
            {
                "offset": offset,
                "size": len(data),
                "sha256": sha256_bytes(data),
                "at_us": gop_start(pictures, tick) if pictures else None,
                "step_us": self._steps.take(),
                "guessed": sum(packet.guessed for packet in pictures),
                "packets": [_told(packet) for packet in pictures],
                "sounds": [_told(packet) for packet in sounds],
            }
        )
        return True

    def _close(self, segment: SegmentFile, reason: str) -> None:
        self._acknowledge(segment, segment.finish())
        segment.note(
            {
                "end": reason,
                "size": segment.size,
                "sha256": segment.sha256,
                "closed_us": self._clock.now(),
            }
        )


def _moved(packet: Packet, ticks: int) -> Packet:
    if not ticks:
        return packet
    return replace(packet, pts=packet.pts + ticks, dts=packet.dts + ticks)


def _split(packets: list[Packet], count: int) -> tuple[list[Packet], list[Packet]]:
    """The first `count`, and the rest."""
    return packets[:count], packets[count:]


def _told(packet: Packet) -> list[int | None]:
    """A packet's line in the index."""
    return [
        packet.pts,
        packet.dts,
        packet.duration,
        int(packet.key),
        len(packet.data),
        packet.arrival,
        packet.monotonic_us,
        packet.camera_time,
    ]
