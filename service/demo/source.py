"""Where a simulated camera's pictures come from: a scene or a file, in real time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from threading import Event
from typing import Protocol, cast

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from ingest.clock import Clock
from service.demo.encoder import STREET, AccessUnit, Codec, Encoder, Format
from service.demo.scene import Caption, Scene
from service.demo.street import render
from service.errors import InputError
from vision.frame import SECOND, Instant

_FRAME_S = 0.04
"""How long a picture is shown when its file does not say: 25 frames per second."""

_ANNEX_B = {"h264": "h264_mp4toannexb", "hevc": "hevc_mp4toannexb"}


class Pace:
    """Real time since a camera was switched on, and the wish to stop."""

    def __init__(self, clock: Clock, origin_us: int) -> None:
        self._clock = clock
        self._origin_us = origin_us
        self._stopped = Event()

    def elapsed_s(self) -> float:
        """Seconds since the camera was switched on."""
        return (self._clock.monotonic_us() - self._origin_us) / SECOND

    def reach(self, t_s: float) -> bool:
        """Wait until `t_s`; False as soon as `stop` is called."""
        return not self._stopped.wait(max(0.0, t_s - self.elapsed_s()))

    def stop(self) -> None:
        """End every wait."""
        self._stopped.set()


class Source(Protocol):
    """What a mount of a camera plays; a table of units stands here in the tests."""

    @property
    def codec(self) -> Codec:
        """The codec of the units."""
        ...

    def units(self, pace: Pace, epoch: Instant) -> Iterator[AccessUnit]:
        """Access units, each when it is due, until the pace stops; `pts_s` is the pace's time.

        `epoch` is the camera's wall clock at time 0.
        """
        ...


@dataclass(frozen=True, slots=True)
class SceneSource:
    """A scene, rendered and compressed as it happens.

    Attributes:
        name: burnt into the picture with the camera's clock; empty for a clean picture.
        start_s: the scene's time when the camera is switched on.
    """

    scene: Scene
    form: Format = STREET
    name: str = ""
    start_s: float = 0.0

    @property
    def codec(self) -> Codec:
        """The codec of the units."""
        return self.form.codec

    def units(self, pace: Pace, epoch: Instant) -> Iterator[AccessUnit]:
        """See `Source`. A picture for which the machine is too slow is left out, as cameras do."""
        scene = self.scene
        if self.name:
            starts = Instant(epoch - round(self.start_s * SECOND))
            scene = replace(scene, caption=Caption(self.name, starts))
        encoder = Encoder(scene.size, self.form)
        index = ceil(pace.elapsed_s() * self.form.fps)
        while pace.reach(index / self.form.fps):
            pts_s = index / self.form.fps
            yield from encoder.encode(render(scene, self.start_s + pts_s), pts_s)
            index = max(index + 1, int(pace.elapsed_s() * self.form.fps))


@dataclass(frozen=True, slots=True)
class SwitchingSource:
    """One source until `at_s`, then another of the same codec: a camera whose size was changed.

    The second begins with a key frame and its parameter sets, as every source does.
    """

    before: Source
    after: Source
    at_s: float

    @property
    def codec(self) -> Codec:
        """The codec of the units."""
        return self.before.codec

    def units(self, pace: Pace, epoch: Instant) -> Iterator[AccessUnit]:
        """See `Source`."""
        for unit in self.before.units(pace, epoch):
            if unit.pts_s >= self.at_s:
                break
            yield unit
        yield from self.after.units(pace, epoch)


@dataclass(frozen=True, slots=True)
class FileSource:
    """The video of a file, again and again: MP4 and the like, or bare H.264 or H.265."""

    path: Path
    codec: Codec

    @classmethod
    def open(cls, path: Path) -> "FileSource":
        """Look into the file for its codec.

        Raises:
            InputError: `camera_file_unreadable`, there is no H.264 or H.265 video in it.
        """
        with _video(path) as (_, stream):
            return cls(path, cast(Codec, stream.codec_context.name))

    def units(self, pace: Pace, epoch: Instant) -> Iterator[AccessUnit]:
        """See `Source`; the file starts anew as soon as it has ended.

        Raises:
            InputError: `camera_file_unreadable`, the file is not there any more or has no picture.
        """
        del epoch
        start_s = pace.elapsed_s()
        while True:
            end_s = start_s
            for unit, due_s, lasts_s in self._once():
                if not pace.reach(start_s + due_s):
                    return
                yield replace(unit, pts_s=start_s + unit.pts_s)
                end_s = start_s + due_s + lasts_s
            if end_s == start_s:
                raise InputError("camera_file_unreadable", file=self.path.name)
            start_s = end_s

    def _once(self) -> Iterator[tuple[AccessUnit, float, float]]:
        """The file's units, when each is to be sent and how long it lasts, in seconds."""
        with _video(self.path) as (container, stream):
            convert = av.BitStreamFilterContext(_ANNEX_B[self.codec], stream)
            origin_s: float | None = None
            due_s, lasts_s = 0.0, 0.0
            for packet in container.demux(stream):
                for unit in convert.filter(packet) if packet.size else ():
                    tick = float(unit.time_base)
                    # A bare stream has no times, only durations.
                    sent_s = due_s + lasts_s if unit.dts is None else unit.dts * tick
                    shown_s = sent_s if unit.pts is None else unit.pts * tick
                    origin_s = sent_s if origin_s is None else origin_s
                    due_s = sent_s - origin_s
                    lasts_s = float(unit.duration or 0) * tick or _FRAME_S
                    picture = AccessUnit(bytes(unit), unit.is_keyframe, shown_s - origin_s)
                    yield picture, due_s, lasts_s


@contextmanager
def _video(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The file and its first video; whatever is wrong with them is an InputError."""
    try:
        with av.open(path) as container:
            videos = [s for s in container.streams.video if s.codec_context.name in _ANNEX_B]
            if not videos:
                raise InputError("camera_file_unreadable", file=path.name)
            yield container, videos[0]
    except av.FFmpegError as e:
        raise InputError("camera_file_unreadable", file=path.name) from e
