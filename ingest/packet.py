"""A coded picture as a camera sent it, and the source that packets come from."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol, Self

from av.video.stream import VideoStream

from vision.frame import Instant


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What a video stream is.

    Attributes:
        codec: `h264` or `hevc`, FFmpeg's names.
        time_base: seconds of one tick of the packets' times.
        extradata: parameter sets that the container carries apart from the packets.
        template: the stream itself; PyAV copies a muxer's parameters from it, so it is valid only
            while its source is open.
    """

    codec: str
    width: int
    height: int
    time_base: Fraction
    extradata: bytes
    template: VideoStream

    @classmethod
    def of(cls, stream: VideoStream) -> Self:
        """What an opened stream says of itself.

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
        )


@dataclass(frozen=True, slots=True)
class Packet:
    """One coded picture, its bytes untouched.

    Attributes:
        pts: when to show it, in ticks of the stream's time base; the camera's media clock.
        dts: when to decode it, likewise; grows by at least one from packet to packet.
        duration: ticks until the next picture.
        key: decoding can start here.
        arrival: the server's wall clock when the packet was received.
        monotonic_us: the server's monotonic clock then.
        camera_time: the camera's own wall clock for this picture, from its RTCP sender reports;
            None as long as it sent none.
    """

    data: bytes
    pts: int
    dts: int
    duration: int
    key: bool
    arrival: Instant
    monotonic_us: int
    camera_time: Instant | None


class PacketSource(Protocol):
    """A live source of packets; one connection; a fake stands here in the tests."""

    def open(self) -> StreamInfo:
        """Connect.

        Raises:
            CameraError: that failed; the caller waits and tries again.
        """
        ...

    def packets(self) -> Iterator[Packet]:
        """Packets as they arrive. A live source has no end, so this never ends normally.

        Raises:
            CameraError: the connection broke, ended or fell silent.
        """
        ...

    def close(self) -> None:
        """Disconnect; safe at any time."""
        ...
