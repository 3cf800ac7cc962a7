"""A camera over RTSP: one connection, packets as received, every end named.

What PyAV 18 does with a live source, measured: a silent stall passes the `timeout` option by and
is caught only by the read time-out of `av.open`; a server that was killed ends the stream
normally; the first packet, the key frame, comes without any time stamp.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias
from urllib.parse import quote, urlsplit, urlunsplit

import av
from av.container import InputContainer
from av.packet import Packet as _AvPacket
from av.video.stream import VideoStream

from ingest.clock import Clock
from ingest.errors import (
    AddressError,
    CameraError,
    CameraRefused,
    CameraSilent,
    CameraUnreachable,
)
from ingest.packet import Packet, StreamInfo
from vision.frame import CameraId, Instant

OPEN_TIMEOUT_S = 10.0
"""A camera that boots answers late; one that takes longer is not there."""
CODECS = frozenset({"h264", "hevc"})
AvPacket: TypeAlias = "_AvPacket[VideoStream]"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a camera is and who we are to it; the password never becomes part of `url`."""

    url: str
    username: str | None = None
    password: str | None = None
    transport: str = "tcp"

    def __repr__(self) -> str:
        """Without user and password, so that no log can hold them."""
        return f"Address({self.url!r})"


def check_url(url: str) -> None:
    """Accept an address as it may be stored.

    Raises:
        AddressError: another scheme, no host, or a user or password inside.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"rtsp", "rtsps"}:
        raise AddressError(detail=f"{parts.scheme or 'no scheme'}://")
    if not parts.hostname:
        raise AddressError(detail="no host")
    if "@" in parts.netloc:
        raise AddressError(detail="user:password@")


def _with_login(address: Address) -> str:
    if address.username is None:
        return address.url
    parts = urlsplit(address.url)
    login = f"{quote(address.username, safe='')}:{quote(address.password or '', safe='')}"
    return urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc}"))


def _camera_time(packet: AvPacket) -> Instant | None:
    """AVProducerReferenceTime: int64 microseconds UTC, then int32 flags."""
    for side in packet.iter_sidedata():
        if side.data_type == "prft":
            return Instant(struct.unpack_from("<q", bytes(side))[0])
    return None


class RtspSource:
    """A `PacketSource` on one RTSP address."""

    def __init__(
        self, camera: CameraId, address: Address, clock: Clock, *, packet_age_s: float
    ) -> None:
        check_url(address.url)
        self._camera = camera
        self._address = address
        self._clock = clock
        self._packet_age_s = packet_age_s
        self._container: InputContainer | None = None

    def open(self) -> StreamInfo:
        """See `PacketSource.open`."""
        try:
            self._container = av.open(
                _with_login(self._address),
                format="rtsp",
                options={"rtsp_transport": self._address.transport, "allowed_media_types": "video"},
                timeout=(OPEN_TIMEOUT_S, self._packet_age_s),
            )
        # Foreign messages are not passed on: they quote the address with the password.
        except av.error.HTTPUnauthorizedError:
            raise CameraRefused(camera=self._camera) from None
        except (av.error.FFmpegError, OSError) as error:
            raise CameraUnreachable(camera=self._camera, detail=_why(error)) from None
        if not self._container.streams.video:
            self.close()
            raise CameraUnreachable(camera=self._camera, detail="no video")
        stream = self._container.streams.video[0]
        codec = stream.codec_context.name
        if codec not in CODECS or stream.time_base is None:
            self.close()
            raise CameraUnreachable(camera=self._camera, detail=f"codec {codec}")
        return StreamInfo.of(stream)

    def packets(self) -> Iterator[Packet]:
        """See `PacketSource.packets`."""
        if self._container is None:
            raise CameraUnreachable(camera=self._camera, detail="not open")
        return _timed(self._received(self._container))

    def _received(self, container: InputContainer) -> Iterator[tuple[AvPacket, Packet]]:
        try:
            for packet in container.demux(container.streams.video[0]):
                # A packet without a time is not the end of a live stream; one without bytes is.
                if packet.size:
                    yield (
                        packet,
                        Packet(
                            data=bytes(packet),
                            pts=packet.pts or 0,
                            dts=packet.dts or 0,
                            duration=0,
                            key=packet.is_keyframe,
                            arrival=self._clock.now(),
                            monotonic_us=self._clock.monotonic_us(),
                            camera_time=_camera_time(packet),
                        ),
                    )
        except (av.error.ExitError, av.error.TimeoutError):
            seconds = round(self._packet_age_s)
            raise CameraSilent(camera=self._camera, seconds=seconds) from None
        except (av.error.FFmpegError, OSError) as error:
            raise CameraUnreachable(camera=self._camera, detail=_why(error)) from None
        raise CameraUnreachable(camera=self._camera, detail="stream ended")

    def close(self) -> None:
        """See `PacketSource.close`."""
        if self._container is not None:
            self._container.close()
            self._container = None


def _why(error: Exception) -> str:
    strerror = getattr(error, "strerror", None)
    return str(strerror or type(error).__name__)


def _timed(received: Iterator[tuple[AvPacket, Packet]]) -> Iterator[Packet]:
    """Hold each packet until the next tells how long it lasts.

    The first packet's missing time becomes the second's, less the step from there to the third;
    losing it would lose the first key frame and with it a whole group of pictures.
    """
    first: list[Packet] = []
    last: Packet | None = None
    step = 0
    try:
        for raw, received_packet in received:
            if last is None and raw.pts is None and raw.dts is None:
                first.append(received_packet)
                continue
            packet = _stamped(raw, received_packet, last, step)
            if last is not None:
                step = max(1, packet.dts - last.dts)
                yield from _spread(first, last, step)
                first = []
                yield replace(last, duration=step)
            last = packet
    except CameraError:
        # Whatever ended the stream, the packet in hand was received.
        if last is not None:
            yield from _spread(first, last, max(1, step))
            yield replace(last, duration=max(1, step))
        raise


def _stamped(raw: AvPacket, packet: Packet, last: Packet | None, step: int) -> Packet:
    if raw.pts is None and raw.dts is None and last is not None:
        return replace(packet, pts=last.pts + step, dts=last.dts + step)
    return replace(packet, dts=packet.pts) if raw.dts is None else packet


def _spread(untimed: list[Packet], following: Packet, step: int) -> Iterator[Packet]:
    """Packets without a time, laid out backwards from the first that has one."""
    for number, packet in enumerate(untimed):
        back = step * (len(untimed) - number)
        yield replace(packet, pts=following.pts - back, dts=following.dts - back, duration=step)
