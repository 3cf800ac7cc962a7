"""Review copies: a stretch of a video encoded anew, for browsers that cannot play the original.

A copy is for looking and never evidence. Pictures keep their times to the tick: time 0 of the copy
is the asked start, and no picture is added, doubled or moved.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Self, TypeAlias, cast

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.filter import Graph
from av.packet import Packet as _AvPacket
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

from ingest.errors import BrokenMedia
from ingest.files import disk_errors
from ingest.media import open_media
from vision.frame import SECOND

PARAMETERS: dict[str, str | int] = {
    "version": 1,
    "video": "libx264 high yuv420p preset=veryfast crf=23 maxrate=6M bufsize=12M bf=0",
    "long_side_px": 1920,
    "short_side_px": 1080,
    "key_frame_ms": 1500,
    "audio": "aac 48000 Hz 96 kbit/s",
    "container": "mp4 faststart",
}
"""How copies are made; a change is a new version and makes new copies."""
MAX_BIT_RATE = 6_200_000
"""Bits of a second of a copy at most, picture and sound: for judging the room that it takes."""
_KEY_S = Fraction(3, 2)
"""Players seek from key frame to key frame; with a picture's own length it stays below 2 s."""
_SOUND_HZ = 48_000
"""Every browser plays it, and it loses nothing of what recorders sample."""
_APART_S = 0.04
"""Sound may be so far from its time, a picture's length, before silence is put in or it is cut."""
_SEARCH_S = 10
"""How long before the start the file is searched: transport streams are searched by time only, and
recorders' key frames are closer than this."""
_BEYOND_S = 10
"""Streams of a file are interleaved closer than this; what is later than that ends the copy."""
_FINE_HZ = 90_000
"""Ticks of a second of the copy, at least: the clock rate of RTP video."""
_TOLD_EVERY = 25
"""Packets between two words on progress: about a second of video."""
_PURPOSE = "审看副本，不是证据 / review copy, not evidence"

AvPacket: TypeAlias = "_AvPacket[VideoStream] | _AvPacket[AudioStream]"
OnProgress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Pictures from `start_us` to before `end_us`, both after the file's first picture."""

    start_us: int
    end_us: int

    @property
    def start(self) -> Fraction:
        """Seconds."""
        return Fraction(self.start_us, SECOND)

    @property
    def length(self) -> Fraction:
        """Seconds."""
        return Fraction(self.end_us - self.start_us, SECOND)


@dataclass(frozen=True, slots=True)
class Transcoded:
    """What a copy holds.

    Attributes:
        first_us: how long after the asked start its first picture is shown, in the copy as in
            the original: a picture at t of the copy is the one at start + t of the original.
        end_us: the end of its last picture, from the file's first picture.
        pictures: how many it has.
        left_out: coded pictures of the stretch that could not be decoded, as far as known.
        sound: whether it has sound.
    """

    first_us: int
    end_us: int
    pictures: int
    left_out: int
    width: int
    height: int
    sound: bool
    codec: str
    container: str


@dataclass
class _Tally:
    """What was seen and shown of a stretch, by the pictures' times in ticks."""

    coded: set[int] = field(default_factory=set)
    shown: set[int] = field(default_factory=set)
    refused: int = 0
    interlaced: bool = False

    @property
    def left_out(self) -> int:
        """Fields are coded apart and shown together: there only what was refused is known."""
        return self.refused if self.interlaced else max(self.refused, len(self.coded - self.shown))


def fitted(width: int, height: int) -> tuple[int, int]:
    """The size of a copy: 1080p at most, standing or lying, never larger, even as 4:2:0 needs."""
    long_px, short_px = (
        cast(int, PARAMETERS["long_side_px"]),
        cast(int, PARAMETERS["short_side_px"]),
    )
    scale = min(
        Fraction(1),
        Fraction(long_px, max(width, height)),
        Fraction(short_px, min(width, height)),
    )
    return max(2, int(width * scale) // 2 * 2), max(2, int(height * scale) // 2 * 2)


def transcode(
    source: Path, target: Path, stretch: Stretch, *, told: str, on_progress: OnProgress
) -> Transcoded:
    """Write a stretch of `source` to `target`, an MP4 whose index comes first.

    `told` stands in the copy beside its purpose: what it was made from. `on_progress` hears again
    and again how many seconds of the stretch are done. Damaged pictures are left out and counted.

    Raises:
        MediaError: not a video that can be read, or no picture of the stretch can be decoded.
        DiskFull: the copy does not fit.
    """
    beginning = _first_picture(source, None)
    if beginning is None:
        raise BrokenMedia(name=source.name, detail="no picture can be decoded")
    origin, rotation = beginning
    zero = origin + stretch.start
    search = zero - _SEARCH_S if stretch.start > _SEARCH_S else None
    if search is not None:
        found = _first_picture(source, search)
        search = search if found and found[0] <= zero else None
    options = {"movflags": "faststart"}
    with open_media(source) as container:
        if search is not None:
            container.seek(round(search * av.time_base), backward=True)
        with (
            disk_errors(target),
            av.open(str(target), "w", format="mp4", options=options) as output,
        ):
            output.metadata.update({"title": _PURPOSE, "comment": told})
            copier = _Copier(container, output, zero, stretch, rotation)
            copier.run(on_progress)
            if not copier.tally.shown:
                raise BrokenMedia(name=source.name, detail="no picture can be decoded")
            return copier.result(container.format.name.split(",")[0])


def _first_picture(source: Path, search: Fraction | None) -> tuple[Fraction, int] | None:
    """Time in seconds and rotation of the first picture that can be decoded, in all or after a
    search; None when there is none."""
    with open_media(source) as container:
        if search is not None:
            container.seek(round(search * av.time_base), backward=True)
        video = container.streams.video[0]
        video.codec_context.thread_count = 1
        for packet in _packets(container, [video]):
            for picture in _decoded(packet) or []:
                ticks = _ticks(picture)
                if isinstance(picture, VideoFrame) and ticks is not None and video.time_base:
                    return ticks * video.time_base, picture.rotation
    return None


def _packets(
    container: InputContainer, streams: list[VideoStream | AudioStream]
) -> Iterator[AvPacket]:
    """What a file holds of some streams; where it breaks off it ends."""
    packets = container.demux(streams)
    while True:
        try:
            yield cast(AvPacket, next(packets))
        except (StopIteration, av.error.InvalidDataError):
            return


def _decoded(packet: AvPacket) -> list[VideoFrame | AudioFrame] | None:
    """Pictures or sound of a packet; None when the decoder refuses it."""
    try:
        return list(packet.decode())
    except av.error.InvalidDataError:
        return None


def _ticks(frame: VideoFrame | AudioFrame) -> int | None:
    """When it is shown or heard; AVI knows only in which order pictures are decoded."""
    return frame.dts if frame.pts is None else frame.pts


class _Copier:
    """One pass over the stretch of an opened file."""

    def __init__(
        self,
        container: InputContainer,
        output: OutputContainer,
        zero: Fraction,
        stretch: Stretch,
        rotation: int,
    ) -> None:
        self.tally = _Tally()
        self._container = container
        self._video = container.streams.video[0]
        # One thread each: recording on the same machine comes first.
        self._video.codec_context.thread_count = 1
        assert self._video.time_base  # noqa: S101  open_media's demuxers all set it
        self._base = self._video.time_base
        self._stretch = stretch
        self._zero = zero
        self._length = stretch.length
        # A fraction of the original's tick, so that the start too is kept where ticks are coarse.
        self._finer = math.ceil(self._base * _FINE_HZ)
        self._zero_ticks = round(zero / self._base * self._finer)
        self._sound = _Sound.of(container, output, zero, self._length)
        self._pictures = _Pictures(output, self._video, self._base / self._finer, rotation)

    def run(self, on_progress: OnProgress) -> None:
        """Copy until the end of the stretch or of the file."""
        streams: list[VideoStream | AudioStream] = [self._video]
        if self._sound is not None:
            streams.append(self._sound.source)
        reached = Fraction(0)
        for count, packet in enumerate(_packets(self._container, streams)):
            reached = max(reached, self._at(packet))
            if count % _TOLD_EVERY == 0:
                on_progress(float(min(reached, self._length)))
            if reached > self._length + _BEYOND_S or not self._take(packet):
                break
        self._pictures.finish()
        if self._sound is not None:
            self._sound.finish()

    def _at(self, packet: AvPacket) -> Fraction:
        """Seconds of the copy at which a packet is decoded."""
        if packet.dts is None:
            return Fraction(0)
        return packet.dts * packet.time_base - self._zero

    def _take(self, packet: AvPacket) -> bool:
        """False when a picture came that is after the stretch."""
        frames = _decoded(packet)
        if self._sound is not None and packet.stream is self._sound.source:
            for frame in frames or []:
                self._sound.add(cast(AudioFrame, frame))
            return True
        if packet.size and packet.pts is not None and self._is_within(packet.pts):
            self.tally.coded.add(packet.pts)
        if frames is None:
            self.tally.refused += self._at(packet) >= 0
        return all(self._show(cast(VideoFrame, frame)) for frame in frames or [])

    def _is_within(self, ticks: int) -> bool:
        return self._copied(ticks) >= 0 and ticks * self._base - self._zero < self._length

    def _copied(self, ticks: int) -> int:
        """Ticks of the copy for ticks of the original."""
        return ticks * self._finer - self._zero_ticks

    def _show(self, picture: VideoFrame) -> bool:
        ticks = _ticks(picture)
        if ticks is None or self._copied(ticks) < 0:
            return True
        if not self._is_within(ticks):
            return False
        self.tally.interlaced |= picture.interlaced_frame
        length = (picture.duration or 0) * self._finer
        if not picture.is_corrupt and self._pictures.add(picture, self._copied(ticks), length):
            self.tally.shown.add(ticks)
        return True

    def result(self, container: str) -> Transcoded:
        """What was copied; at least one picture was."""
        tick_us = self._base / self._finer * SECOND
        return Transcoded(
            first_us=round(self._copied(min(self.tally.shown)) * tick_us),
            end_us=self._stretch.start_us + round(self._pictures.end * tick_us),
            pictures=len(self.tally.shown),
            left_out=self.tally.left_out,
            width=self._pictures.size[0],
            height=self._pictures.size[1],
            sound=self._sound is not None and self._sound.heard,
            codec=self._video.codec_context.name,
            container=container,
        )


class _Pictures:
    """The pictures of a copy, in ticks of `base` seconds."""

    def __init__(
        self, output: OutputContainer, source: VideoStream, base: Fraction, rotation: int
    ) -> None:
        self.size = fitted(source.width, source.height)
        self.end = 0
        self._output = output
        self._base = base
        self._last: int | None = None
        self._last_key: int | None = None
        self._lengths: dict[int, int] = {}
        self._stream = output.add_stream("libx264", rate=source.guessed_rate)
        self._stream.time_base = self._base
        if rotation:
            self._stream.set_display_rotation(rotation)
        self._prepare(source)

    def _prepare(self, source: VideoStream) -> None:
        given, made = source.codec_context, self._stream.codec_context
        made.width, made.height = self.size
        made.pix_fmt = "yuv420p"
        made.time_base = self._base
        made.thread_count = 1
        made.sample_aspect_ratio = given.sample_aspect_ratio or Fraction(0)
        made.color_range = ColorRange.MPEG
        made.colorspace = given.colorspace
        made.color_primaries, made.color_trc = given.color_primaries, given.color_trc
        made.options = {
            "preset": "veryfast",
            "profile": "high",
            "crf": "23",
            "maxrate": "6M",
            "bufsize": "12M",
            "bf": "0",
            "forced-idr": "1",
        }

    def add(self, picture: VideoFrame, ticks: int, length: int) -> bool:
        """Show a picture at `ticks` for `length` of them (0: not known).

        False when another is shown then already.
        """
        if self._last is not None and ticks <= self._last:
            return False
        full = picture.format.name.startswith("yuvj") or picture.color_range == ColorRange.JPEG
        made = picture.reformat(
            *self.size,
            format="yuv420p",
            src_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )
        made.pts, made.time_base = ticks, self._base
        due = self._last_key is None or (ticks - self._last_key) * self._base >= _KEY_S
        made.pict_type = PictureType.I if due else PictureType.NONE
        self._last_key = ticks if due else self._last_key
        length = length or (ticks - self._last if self._last is not None else 1)
        self._last, self.end = ticks, ticks + length
        self._lengths[ticks] = length
        self._mux(made)
        return True

    def finish(self) -> None:
        """Write what the encoder still holds."""
        if self._last is not None:
            self._mux(None)

    def _mux(self, picture: VideoFrame | None) -> None:
        for packet in self._stream.encode(picture):
            # Players hold the last picture for as long as the original's lasts.
            packet.duration = self._lengths.pop(packet.pts or 0, 0)
            self._output.mux_one(packet)


class _Sound:
    """The first sound track, at the original's times: gaps are silent, overlaps are cut."""

    def __init__(
        self, source: AudioStream, output: OutputContainer, zero: Fraction, length: Fraction
    ) -> None:
        self.source = source
        self.heard = False
        self._output = output
        self._zero, self._length = zero, length
        self._layout = "mono" if source.codec_context.layout.nb_channels == 1 else "stereo"
        self._stream = output.add_stream("aac", rate=_SOUND_HZ)
        self._stream.codec_context.layout = self._layout
        self._stream.codec_context.bit_rate = 96_000
        self._graph: Graph | None = None

    @classmethod
    def of(
        cls, container: InputContainer, output: OutputContainer, zero: Fraction, length: Fraction
    ) -> Self | None:
        """The sound of a file; None when it has none that can be decoded."""
        for source in container.streams.audio[:1]:
            if getattr(source.codec_context, "sample_rate", 0):
                return cls(source, output, zero, length)
        return None

    def add(self, frame: AudioFrame) -> None:
        """Take what of a frame lies in the stretch."""
        if frame.pts is None or frame.time_base is None or not frame.sample_rate:
            return
        at = frame.pts * frame.time_base - self._zero
        if at >= self._length or at + Fraction(frame.samples, frame.sample_rate) <= 0:
            return
        frame.pts, frame.time_base = (
            round(at * frame.sample_rate),
            Fraction(1, frame.sample_rate),
        )
        if self._graph is None:
            self._graph = self._resampling(frame)
        try:
            self._graph.push(frame)
        except (av.error.FFmpegError, ValueError):
            # A track that changes its kind of sound goes silent from there.
            return
        self._encode()

    def finish(self) -> None:
        """Write what resampler and encoder still hold."""
        if self._graph is not None:
            self._graph.push(None)
            self._encode()
            for packet in self._stream.encode(None):
                self._output.mux_one(packet)

    def _resampling(self, frame: AudioFrame) -> Graph:
        graph = Graph()
        graph.link_nodes(
            graph.add_abuffer(
                sample_rate=frame.sample_rate,
                format=frame.format.name,
                layout=frame.layout.name,
                time_base=Fraction(1, frame.sample_rate),
            ),
            graph.add("aresample", f"{_SOUND_HZ}:async=1:min_hard_comp={_APART_S}:first_pts=0"),
            graph.add("aformat", f"sample_fmts=fltp:channel_layouts={self._layout}"),
            graph.add("abuffersink"),
        ).configure()
        graph.set_audio_frame_size(1024)  # ISO/IEC 14496-3: samples in an AAC frame
        return graph

    def _encode(self) -> None:
        while self._graph is not None:
            try:
                frame = cast(AudioFrame, self._graph.pull())
            except (BlockingIOError, EOFError):
                return
            self.heard = True
            for packet in self._stream.encode(frame):
                self._output.mux_one(packet)
