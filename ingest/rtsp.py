"""A camera over RTSP: one connection, packets as received, every end named.

What PyAV 18 does with a live source, measured: a silent stall passes the `timeout` option by and
is caught only by the read time-out of `av.open`; a server that was killed ends the stream
normally; the first packet, the key frame, comes without any time stamp.
"""

import re
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeAlias
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

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
_LOGIN = re.compile(r"(?:user(?:name)?|password|passwd|pwd)=", re.IGNORECASE)
"""How cameras take a login inside of an address: `/user=admin&password=x&channel=1`."""
_REORDERED = 16
"""No codec holds back more pictures to put them in order (ITU-T H.264 A.3.1, H.265 A.4.2)."""
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
        AddressError: another scheme, no host, no such port, or a user or password inside, also as
            `user=` or `password=` in the path or query.
    """
    parts = _parts(url)
    if parts is None:
        raise AddressError(detail="malformed")
    if parts.scheme not in {"rtsp", "rtsps"}:
        raise AddressError(detail=f"{parts.scheme or 'no scheme'}://")
    if not parts.hostname:
        raise AddressError(detail="no host")
    if "@" in parts.netloc:
        raise AddressError(detail="user:password@")
    named = _LOGIN.search(unquote(f"{parts.path}?{parts.query}#{parts.fragment}"))
    if named:
        raise AddressError(detail=named.group().lower())


def _parts(url: str) -> SplitResult | None:
    """The address taken apart; None when host or port cannot be read."""
    with suppress(ValueError):
        parts = urlsplit(url)
        # The port is read only when asked for.
        return parts if parts.port is None or parts.port else None
    return None


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
        self,
        camera: CameraId,
        address: Address,
        clock: Clock,
        *,
        packet_age_s: float,
        open_timeout_s: float = OPEN_TIMEOUT_S,
    ) -> None:
        check_url(address.url)
        self._camera = camera
        self._address = address
        self._clock = clock
        self._packet_age_s = packet_age_s
        self._open_timeout_s = open_timeout_s
        self._container: InputContainer | None = None

    def open(self) -> StreamInfo:
        """See `PacketSource.open`."""
        opened = self._connect()
        if isinstance(opened, CameraError):
            raise opened
        self._container, videos = opened, opened.streams.video
        # A container shows its address with the password, and crash reports show local variables.
        del opened
        if not videos:
            self.close()
            raise CameraUnreachable(camera=self._camera, detail="no video")
        stream = videos[0]
        codec = stream.codec_context.name
        if codec not in CODECS or stream.time_base is None:
            self.close()
            raise CameraUnreachable(camera=self._camera, detail=f"codec {codec}")
        return StreamInfo.of(stream)

    def _connect(self) -> InputContainer | CameraError:
        """A connection, or why there is none.

        Foreign errors quote the address with the password. Ours is returned and raised outside of
        them, so that it does not carry them along even as its context.
        """
        try:
            return av.open(
                _with_login(self._address),
                format="rtsp",
                options={"rtsp_transport": self._address.transport, "allowed_media_types": "video"},
                timeout=(self._open_timeout_s, self._packet_age_s),
            )
        except av.error.HTTPUnauthorizedError:
            return CameraRefused(camera=self._camera)
        except (av.error.FFmpegError, OSError) as error:
            return CameraUnreachable(camera=self._camera, detail=_why(error))

    def packets(self) -> Iterator[Packet]:
        """See `PacketSource.packets`."""
        if self._container is None:
            raise CameraUnreachable(camera=self._camera, detail="not open")
        video = self._container.streams.video[0]
        return _timed(self._received(self._container.demux(video)))

    def _received(self, demuxed: Iterator[AvPacket]) -> Iterator[tuple[AvPacket, Packet]]:
        failure: CameraError = CameraUnreachable(camera=self._camera, detail="stream ended")
        try:
            for packet in demuxed:
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
            failure = CameraSilent(camera=self._camera, seconds=round(self._packet_age_s))
        except (av.error.FFmpegError, OSError) as error:
            failure = CameraUnreachable(camera=self._camera, detail=_why(error))
        raise failure

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

    FFmpeg gives the first packet, a key frame, no time at all, and where pictures are coded out of
    order it knows no decoding time of the next few either. These early packets are laid out
    backwards from the first that is known; losing them would lose a whole group of pictures.
    """
    early: list[tuple[AvPacket, Packet]] = []
    last: Packet | None = None
    step = 0
    try:
        for raw, received_packet in received:
            if last is None and raw.dts is None and len(early) <= _REORDERED:
                early.append((raw, received_packet))
                continue
            packet = _stamped(raw, received_packet, last, step)
            if last is not None:
                step = max(1, packet.dts - last.dts)
                yield from _laid_out(early, last, step)
                early = []
                yield replace(last, duration=step)
            last = packet
    except CameraError:
        # Whatever ended the stream, the packet in hand was received.
        if last is not None:
            yield from _laid_out(early, last, max(1, step))
            yield replace(last, duration=max(1, step))
        raise


def _stamped(raw: AvPacket, packet: Packet, last: Packet | None, step: int) -> Packet:
    if raw.pts is None and raw.dts is None and last is not None:
        return replace(packet, pts=last.pts + step, dts=last.dts + step)
    if raw.pts is None:
        return replace(packet, pts=packet.dts)
    return replace(packet, dts=packet.pts) if raw.dts is None else packet


def _laid_out(
    early: list[tuple[AvPacket, Packet]], following: Packet, step: int
) -> Iterator[Packet]:
    """Early packets, one step apart, before the first that has both its times."""
    untimed = [raw.pts for raw, _ in early].count(None)
    shown = min([following.pts, *(raw.pts for raw, _ in early if raw.pts is not None)])
    for number, (raw, packet) in enumerate(early):
        pts = raw.pts
        if pts is None:
            pts, untimed = shown - step * untimed, untimed - 1
        dts = following.dts - step * (len(early) - number)
        yield replace(packet, pts=pts, dts=dts, duration=step)
