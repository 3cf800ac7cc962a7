"""A coded picture or sound as a camera sent it, and the source that packets come from."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, Protocol, Self, TypeAlias

from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from vision.frame import Instant

Track: TypeAlias = Literal["video", "audio"]
JUMP_S = 10.0
"""Seconds by which the media clock may run ahead between packets before it is a new run: longer
than any pause of a working camera, shorter than the wrap or reset of its clock."""


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What a sound track is.

    Attributes:
        codec: FFmpeg's name: `pcm_alaw`, `pcm_mulaw`, `aac` and others.
        time_base: seconds of one tick of its packets' times, which need not be the video's.
        extradata: what the decoder needs besides the packets; empty for G.711.
        template: as in `StreamInfo`.
    """

    codec: str
    sample_rate: int
    channels: int
    time_base: Fraction
    extradata: bytes
    template: AudioStream

    @classmethod
    def of(cls, stream: AudioStream) -> Self:
        """What an opened stream says of itself.

        Raises:
            ValueError: it has no time base.
        """
        if stream.time_base is None:
            msg = "a sound stream without a time base"
            raise ValueError(msg)
        context = stream.codec_context
        return cls(
            codec=context.name,
            sample_rate=context.sample_rate,
            channels=context.channels,
            time_base=stream.time_base,
            extradata=bytes(context.extradata or b""),
            template=stream,
        )


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What a camera sends: a video stream, and sound where it was asked for.

    Attributes:
        codec: `h264` or `hevc`, FFmpeg's names.
        time_base: seconds of one tick of the packets' times.
        extradata: parameter sets that the container carries apart from the packets.
        template: the stream itself; PyAV copies a muxer's parameters from it, so it is valid only
            while its source is open.
        audio: the sound track; None when the camera has none or its source was not asked for it.
    """

    codec: str
    width: int
    height: int
    time_base: Fraction
    extradata: bytes
    template: VideoStream
    audio: AudioInfo | None = None

    @classmethod
    def of(cls, stream: VideoStream, audio: AudioInfo | None = None) -> Self:
        """What an opened stream says of itself, with the sound that comes beside it.

        Raises:
            ValueError: it has no time base.
        """
        if stream.time_base is None:
            msg = "a video stream without a time base"
            raise ValueError(msg)
        context = stream.codec_context
        return cls(
            codec=context.name,
            width=stream.width,
            height=stream.height,
            time_base=stream.time_base,
            extradata=bytes(context.extradata or b""),
            template=stream,
            audio=audio,
        )


@dataclass(frozen=True, slots=True)
class Packet:
    """One coded picture, or one piece of sound, its bytes untouched.

    Attributes:
        pts: when to show it, in ticks of its track's time base; the camera's media clock.
        dts: when to decode it, likewise; a picture's grows by at least one from picture to
            picture, that of sound is its pts, as the camera sent it.
        duration: ticks until the next picture; of sound, how long it sounds.
        key: decoding can start here.
        arrival: the server's wall clock when the packet was received.
        monotonic_us: the server's monotonic clock then.
        camera_time: the camera's own wall clock for this picture, from its RTCP sender reports;
            None as long as it sent none.
        track: picture or sound; sound comes only from a source that was asked for it.
        guessed: the camera gave no media times for it; they go on from the picture before.
    """

    data: bytes
    pts: int
    dts: int
    duration: int
    key: bool
    arrival: Instant
    monotonic_us: int
    camera_time: Instant | None
    track: Track = "video"
    guessed: bool = False


class PacketSource(Protocol):
    """A live source of packets; one connection; a fake stands here in the tests."""

    def open(self) -> StreamInfo:
        """Connect.

        Raises:
            CameraError: that failed; the caller waits and tries again.
        """
        ...

    def packets(self) -> Iterator[Packet]:
        """Packets in the order of their arrival, of whichever track.

        A live source has no end, so this never ends normally.

        Raises:
            CameraError: the connection broke, ended or fell silent.
        """
        ...

    def close(self) -> None:
        """Disconnect; safe at any time."""
        ...
