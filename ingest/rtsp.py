"""A camera over RTSP: one connection, packets as received, every end named.

What PyAV 18 does with a live source, measured: a silent stall passes the `timeout` option by and
is caught only by the read time-out of `av.open`; a server that was killed ends the stream
normally; the first packet, the key frame, comes without any time stamp.
"""

import errno
import re
import struct
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias, cast
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

import av
from av.audio.stream import AudioStream
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
    CameraUntrusted,
)
from ingest.packet import JUMP_S, AudioInfo, Packet, StreamInfo
from vision.frame import SECOND, CameraId, Instant

OPEN_TIMEOUT_S = 10.0
"""A camera that boots answers late; one that takes longer is not there."""
CODECS = frozenset({"h264", "hevc"})
_LOGIN = re.compile(r"(?:user(?:name)?|password|passwd|pwd)=", re.IGNORECASE)
"""How cameras take a login inside of an address: `/user=admin&password=x&channel=1`."""
_REORDERED = 16
"""No codec holds back more pictures to put them in order (ITU-T H.264 A.3.1, H.265 A.4.2)."""
_MOST_HELD = 250
"""Packets that wait for a piece of sound without a time; a sound track that stops after its first
piece must not hold up the pictures."""
_ONE_PICTURE_S = 0.5
"""The parts of a picture come together; a time stamp that stays longer is a clock that stands."""
_PROBED = "7"
"""Pictures that FFmpeg looks at before a stream counts as open; without it, 20. After seven it
trusts its guess of how many are held back (libavformat/demux.c, has_decode_delay_been_guessed)."""
AvPacket: TypeAlias = "_AvPacket[VideoStream] | _AvPacket[AudioStream]"
Transport: TypeAlias = Literal["tcp", "udp"]
"""How packets come: inside the RTSP connection, or beside it."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a camera is and who we are to it; the password never becomes part of `url`.

    Attributes:
        ca_file: who vouches for the camera of an `rtsps://` address; None: whoever answers is taken
            for the camera, and the connection is encrypted to that one.
    """

    url: str
    username: str | None = None
    password: str | None = None
    transport: Transport = "tcp"
    ca_file: Path | None = None

    @property
    def secrecy(self) -> Literal["plain", "encrypted", "verified"]:
        """Whether others can read what passes, and whether the camera proves who it is."""
        if not self.url.startswith("rtsps:"):
            return "plain"
        return "encrypted" if self.ca_file is None else "verified"

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
    # In small letters only: FFmpeg knows no others.
    scheme = url.partition(":")[0] if parts.scheme else "no scheme"
    if scheme not in {"rtsp", "rtsps"}:
        raise AddressError(detail=f"{scheme}://")
    if not parts.hostname:
        raise AddressError(detail="no host")
    if "@" in parts.netloc:
        raise AddressError(detail="user:password@")
    named = _LOGIN.search(unquote(f"{parts.path}?{parts.query}#{parts.fragment}"))
    if named:
        raise AddressError(detail=named.group().lower())


def check_transport(url: str, transport: str) -> Transport:
    """The way in which packets of an address may come.

    Raises:
        AddressError: there is no such way, or it would carry in clear what `rtsps://` encrypts.
    """
    if transport == "udp" and not url.startswith("rtsps:"):
        return "udp"
    if transport != "tcp":
        raise AddressError(detail=f"{url.partition(':')[0]} {transport}")
    return "tcp"


def _parts(url: str) -> SplitResult | None:
    """The address taken apart; None when host or port cannot be read."""
    # A line break would end FFmpeg's request and begin a header of somebody else's.
    if not url.isprintable() or " " in url:
        return None
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


@dataclass(slots=True)
class _CameraClock:
    """The camera's own wall clock, as its sender reports tie it to the pictures.

    FFmpeg counts on from the latest report. After a leap of the media clock that is wrong until
    another report comes, so nothing is told until then.
    """

    last_dts: int | None = None
    tied: bool = True

    def time(self, raw: AvPacket) -> Instant | None:
        """When the camera says a packet was taken; None when it does not say."""
        told: Instant | None = None
        for side in raw.iter_sidedata():
            if side.data_type == "prft":
                # AVProducerReferenceTime: int64 microseconds UTC, then int32 flags.
                told = Instant(struct.unpack_from("<q", bytes(side))[0])
            elif side.data_type == "rtcp_sr":
                self.tied = True
        if raw.dts is not None:
            if self.last_dts is not None and self._leaps(raw, raw.dts - self.last_dts):
                self.tied = False
            self.last_dts = raw.dts
        return told if self.tied else None

    def _leaps(self, raw: AvPacket, ahead: int) -> bool:
        return ahead < 0 or ahead * (raw.time_base or 0) > JUMP_S


class RtspSource:
    """A `PacketSource` on one RTSP address; sound comes only with `audio=True`."""

    def __init__(
        self,
        camera: CameraId,
        address: Address,
        clock: Clock,
        *,
        packet_age_s: float,
        open_timeout_s: float = OPEN_TIMEOUT_S,
        audio: bool = False,
    ) -> None:
        check_url(address.url)
        check_transport(address.url, address.transport)
        self._camera = camera
        self._address = address
        self._clock = clock
        self._packet_age_s = packet_age_s
        self._open_timeout_s = open_timeout_s
        self._audio = audio
        self._sound: AudioInfo | None = None
        self._camera_clock = _CameraClock()
        self._container: InputContainer | None = None

    def open(self) -> StreamInfo:
        """See `PacketSource.open`."""
        self._camera_clock = _CameraClock()
        opened = self._connect()
        if isinstance(opened, CameraError):
            raise opened
        self._container, videos = opened, opened.streams.video
        opened_sounds = opened.streams.audio
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
        self._sound = _sound(opened_sounds) if self._audio else None
        return StreamInfo.of(stream, self._sound)

    def _connect(self) -> InputContainer | CameraError:
        """A connection, or why there is none.

        Foreign errors quote the address with the password. Ours is returned and raised outside of
        them, so that it does not carry them along even as its context.
        """
        try:
            return av.open(
                _with_login(self._address),
                format="rtsp",
                options=self._options(),
                timeout=(self._open_timeout_s, self._packet_age_s),
            )
        except av.error.HTTPUnauthorizedError:
            return CameraRefused(camera=self._camera)
        except (av.error.FFmpegError, OSError) as error:
            # FFmpeg has one number for everything that goes wrong in TLS.
            if self._address.url.startswith("rtsps:") and error.errno == errno.EIO:
                return CameraUntrusted(camera=self._camera)
            return CameraUnreachable(camera=self._camera, detail=_why(error))

    def _options(self) -> dict[str, str]:
        """What FFmpeg is told (https://ffmpeg.org/ffmpeg-protocols.html, rtsp and tls)."""
        options = {
            "rtsp_transport": self._address.transport,
            "allowed_media_types": "video+audio" if self._audio else "video",
            "fpsprobesize": _PROBED,
        }
        if self._address.ca_file is not None:
            options |= {"tls_verify": "1", "ca_file": str(self._address.ca_file)}
        return options

    def packets(self) -> Iterator[Packet]:
        """See `PacketSource.packets`."""
        if self._container is None:
            raise CameraUnreachable(camera=self._camera, detail="not open")
        streams = self._container.streams
        tracks = (*streams.video[:1], *(streams.audio[:1] if self._sound else ()))
        # The stubs know no packet of either track.
        demuxed = cast("Iterator[AvPacket]", self._container.demux(*tracks))
        return _timed(self._received(demuxed))

    def _received(self, demuxed: Iterator[AvPacket]) -> Iterator[tuple[AvPacket, Packet]]:
        failure: CameraError = CameraUnreachable(camera=self._camera, detail="stream ended")
        silent = CameraSilent(camera=self._camera, seconds=round(self._packet_age_s))
        seen_us = self._clock.monotonic_us()
        try:
            for raw in demuxed:
                # A packet without a time is not the end of a live stream; one without bytes is.
                if not raw.size:
                    continue
                packet = self._packet(raw)
                if packet.track == "video":
                    seen_us = packet.monotonic_us
                elif packet.monotonic_us - seen_us > self._packet_age_s * SECOND:
                    # FFmpeg's time-out does not see that only the pictures have stopped.
                    failure = silent
                    break
                yield raw, packet
        except (av.error.ExitError, av.error.TimeoutError):
            failure = silent
        except (av.error.FFmpegError, OSError) as error:
            failure = CameraUnreachable(camera=self._camera, detail=_why(error))
        raise failure

    def _packet(self, raw: AvPacket) -> Packet:
        """What was received, and when; its media times are put right by `_timed`."""
        video = isinstance(raw.stream, VideoStream)
        return Packet(
            data=bytes(raw),
            pts=raw.pts or 0,
            dts=raw.dts or 0,
            duration=raw.duration or 0,
            key=raw.is_keyframe,
            arrival=self._clock.now(),
            monotonic_us=self._clock.monotonic_us(),
            camera_time=self._camera_clock.time(raw) if video else None,
            track="video" if video else "audio",
        )

    def close(self) -> None:
        """See `PacketSource.close`."""
        if self._container is not None:
            self._container.close()
            self._container = None


def _why(error: Exception) -> str:
    strerror = getattr(error, "strerror", None)
    return str(strerror or type(error).__name__)


def _sound(streams: Sequence[AudioStream]) -> AudioInfo | None:
    """The first sound track, if FFmpeg could make out what it is."""
    for stream in streams[:1]:
        # A codec that FFmpeg does not know has no context.
        if getattr(stream, "codec_context", None) is None or stream.time_base is None:
            continue
        info = AudioInfo.of(stream)
        return info if info.sample_rate and info.channels else None
    return None


@dataclass(slots=True)
class _Held:
    """A packet in the order of arrival, until its times are known."""

    raw: AvPacket
    packet: Packet
    known: bool = False

    def settle(self, *, pts: int, dts: int, duration: int) -> None:
        """Its times, for good."""
        self.packet = replace(self.packet, pts=pts, dts=dts, duration=duration)
        self.known = True


def _timed(received: Iterator[tuple[AvPacket, Packet]]) -> Iterator[Packet]:
    """Hold each picture until the next tells how long it lasts; nothing overtakes it.

    So sound waits for one picture at most, but for the first ones.
    """
    line: deque[_Held] = deque()
    pictures, sounds = _Pictures(), _Sounds()
    try:
        for raw, packet in received:
            held = _Held(raw, packet)
            if packet.track == "video" and pictures.join(held):
                continue
            line.append(held)
            (pictures if packet.track == "video" else sounds).add(held)
            while line and (line[0].known or len(line) > _MOST_HELD):
                first = line.popleft()
                if first.known:
                    yield first.packet
    except CameraError:
        # Whatever ended the stream, the packets in hand were received.
        pictures.finish()
        yield from (held.packet for held in line if held.known)
        raise


class _Pictures:
    """Gives pictures their times.

    FFmpeg gives the first packet, a key frame, no time at all, and where pictures are coded out of
    order it knows no decoding time of the next few either. These early packets are laid out
    backwards from the first that is known; losing them would lose a whole group of pictures.
    """

    def __init__(self) -> None:
        self._early: list[_Held] = []
        self._last: _Held | None = None
        self._step = 0

    def join(self, held: _Held) -> bool:
        """Whether this is more of the last picture, which it then becomes a part of.

        What has one time stamp is one picture (RFC 6184, section 5.1). FFmpeg tears pictures of
        several slices apart where a camera repeats the parameter sets before each slice, as
        GStreamer's payloader does.
        """
        last = self._last
        if last is None or held.raw.pts is None or held.raw.pts != last.raw.pts:
            return False
        if held.packet.monotonic_us - last.packet.monotonic_us > _ONE_PICTURE_S * SECOND:
            return False
        last.packet = replace(last.packet, data=last.packet.data + held.packet.data)
        return True

    def add(self, held: _Held) -> None:
        """The next picture; settles those before it."""
        last = self._last
        if last is None and held.raw.dts is None and len(self._early) <= _REORDERED:
            self._early.append(held)
            return
        held.packet = _stamped(held, last, self._step)
        if last is not None:
            self._step = max(1, held.packet.dts - last.packet.dts)
            self._settle(last)
        self._last = held

    def finish(self) -> None:
        """There is no next picture: the last one lasts as long as the one before."""
        if self._last is not None:
            self._step = max(1, self._step)
            self._settle(self._last)

    def _settle(self, last: _Held) -> None:
        _lay_out(self._early, last.packet, self._step)
        self._early = []
        last.settle(pts=last.packet.pts, dts=last.packet.dts, duration=self._step)


class _Sounds:
    """Gives sound its times; the pieces that FFmpeg knows no time of join their neighbours."""

    def __init__(self) -> None:
        self._early: list[_Held] = []
        self._next: int | None = None

    def add(self, held: _Held) -> None:
        """The next piece; the early ones are laid out before the first whose time is known."""
        pts = self._next if held.raw.pts is None else held.raw.pts
        if pts is None:
            self._early.append(held)
            return
        self._next = pts + held.packet.duration
        for piece in (held, *reversed(self._early)):
            pts -= 0 if piece is held else piece.packet.duration
            piece.settle(pts=pts, dts=pts, duration=piece.packet.duration)
        self._early = []


def _stamped(held: _Held, last: _Held | None, step: int) -> Packet:
    raw, packet = held.raw, held.packet
    if raw.pts is None and raw.dts is None and last is not None:
        pts, dts = last.packet.pts + step, last.packet.dts + step
        return replace(packet, pts=pts, dts=dts, guessed=True)
    if raw.pts is None:
        return replace(packet, pts=packet.dts)
    return replace(packet, dts=packet.pts) if raw.dts is None else packet


def _lay_out(early: list[_Held], following: Packet, step: int) -> None:
    """Early pictures, one step apart, before the first that has both its times."""
    known = [held.raw.pts for held in early if held.raw.pts is not None]
    untimed = len(early) - len(known)
    shown = min([following.pts, *known])
    for number, held in enumerate(early):
        pts = held.raw.pts
        if pts is None:
            pts, untimed = shown - step * untimed, untimed - 1
        held.settle(pts=pts, dts=following.dts - step * (len(early) - number), duration=step)
