"""One segment file being written: a fragmented MP4 beside its index of JSON lines."""

import hashlib
import io
import json
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.stream import Stream

from ingest.errors import DiskFull
from ingest.files import disk_errors
from ingest.packet import Packet, StreamInfo

FRAGMENT_S = 8.0
"""A longer group of pictures is written in pieces, so that no more than 10 s of footage wait in
memory: 8 s and the picture that ends them."""
INTERLEAVE_S = 0.5
"""Two tracks are put in the order of their times; a silent one is not waited for longer."""
_PICTURES_ONLY = {
    "movflags": "frag_keyframe+empty_moov+default_base_moof",
    "frag_duration": str(round(FRAGMENT_S * 1_000_000)),
}
_WITH_SOUND = _PICTURES_ONLY | {
    "movflags": "frag_keyframe+empty_moov+default_base_moof+frag_discont",
    # Each track would begin at 0 by itself; so they keep the distance of their beginnings.
    "avoid_negative_ts": "disabled",
    "max_interleave_delta": str(round(INTERLEAVE_S * 1_000_000)),
}
_CONTAINERS = {"pcm_alaw": "mov", "pcm_mulaw": "mov"}
"""MP4 has no place for G.711; QuickTime, which it is made from, has."""


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


def free_bytes(folder: Path) -> int:
    """What is left on the file system of `folder` for us."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


class SegmentFile:
    """A pair of files `path.mp4` and `path.idx`, created exclusively, appended to, closed.

    Attributes:
        size: bytes written so far, all of them durable.

    Raises:
        FileExistsError: the name is taken; nothing was changed.
        DiskError: it could not be created.
    """

    def __init__(self, path: Path, info: StreamInfo, first_dts: int, *, floor_bytes: int) -> None:
        self.path = path
        self.info = info
        self.first_dts = first_dts
        self.size = 0
        self._floor_bytes = floor_bytes
        self._sink = _Sink()
        self._digest = hashlib.sha256()
        self._check_floor()
        with disk_errors(path):
            self._media = io.FileIO(path.with_suffix(".mp4"), "x")
            self._index = io.FileIO(path.with_suffix(".idx"), "x")
        self._container = av.open(
            self._sink,
            "w",
            format=_CONTAINERS.get(info.audio.codec, "mp4") if info.audio else "mp4",
            options=_WITH_SOUND if info.audio else _PICTURES_ONLY,
        )
        self._streams: dict[str, Stream] = {"video": self._add(info)}
        if info.audio:
            self._streams["audio"] = self._add(info.audio)
        self._container.start_encoding()

    @property
    def sha256(self) -> str:
        """Digest of everything written so far."""
        return self._digest.hexdigest()

    def mux(self, packet: Packet) -> bytes:
        """Hand a packet to the muxer, its times counted from the segment's start.

        What the muxer finished with it: a fragment of packets before it, or nothing. Which ones is
        told by `ingest.fragment.samples`: with sound it runs a few packets behind.
        """
        coded = av.Packet(packet.data)
        coded.stream = self._streams[packet.track]
        coded.time_base = self._time_base(packet)
        origin = self._origin(packet)
        coded.pts, coded.dts = packet.pts - origin, packet.dts - origin
        coded.duration = packet.duration
        coded.is_keyframe = packet.key
        self._container.mux_one(coded)
        return self._sink.take()

    def has_room(self, packet: Packet) -> bool:
        """Whether a packet is no older than the segment's start."""
        return packet.dts >= self._origin(packet)

    def head(self) -> bytes:
        """What the muxer wrote before the first packet."""
        return self._sink.take()

    def finish(self) -> bytes:
        """End the muxing; the last fragment and what follows it."""
        self._container.close()
        return self._sink.take()

    def append(self, data: bytes) -> int:
        """Make bytes of the segment durable; the offset at which they stand.

        Raises:
            DiskError: they do not fit, less than the floor is left, or the disk fails.
        """
        self._check_floor()
        offset = self.size
        self._write(self._media, data)
        self._digest.update(data)
        self.size += len(data)
        return offset

    def note(self, line: dict[str, Any]) -> None:
        """Make a line of the index durable.

        Raises:
            DiskError: it does not fit, or the disk fails.
        """
        # A torn line is at the end of the file and recognised by its missing \n.
        self._write(self._index, json.dumps(line, separators=(",", ":")).encode() + b"\n")

    def close(self) -> None:
        """Close the files as they are: after a failed write they hold what was acknowledged."""
        self._media.close()
        self._index.close()
        self._container.close()

    def _add(self, track: Any) -> Stream:
        stream: Stream = self._container.add_stream_from_template(track.template)
        stream.time_base = track.time_base
        return stream

    def _time_base(self, packet: Packet) -> Fraction:
        audio = self.info.audio
        return audio.time_base if packet.track == "audio" and audio else self.info.time_base

    def _origin(self, packet: Packet) -> int:
        """The segment's start in ticks of the packet's own track."""
        return round(self.first_dts * self.info.time_base / self._time_base(packet))

    def _write(self, file: io.FileIO, data: bytes) -> None:
        """All of `data`, durable; a disk that fills up first takes less than it is given."""
        with disk_errors(self.path):
            written = 0
            while written < len(data):
                written += file.write(data[written:]) or 0
            os.fsync(file.fileno())

    def _check_floor(self) -> None:
        if self._floor_bytes and free_bytes(self.path.parent) < self._floor_bytes:
            raise DiskFull(path=self.path.name, folder=str(self.path.parent))
