"""Puts pictures and sound into RTP packets (RFC 3550, 6184, 7798, 3551 and 3640)."""

import re
import struct
from dataclasses import dataclass
from random import Random

from service.demo.encoder import CLOCK_RATE, AccessUnit, Codec
from service.demo.sound import RATES, SoundCodec, SoundUnit
from vision.frame import SECOND, Instant


@dataclass(frozen=True, slots=True)
class RtpFormat:
    """How a codec is told apart in RTP, and ticks per second of its time stamps."""

    payload_type: int
    clock_rate: int


FORMATS: dict[Codec | SoundCodec, RtpFormat] = {
    "h264": RtpFormat(96, CLOCK_RATE),
    "hevc": RtpFormat(96, CLOCK_RATE),
    "pcm_alaw": RtpFormat(8, RATES["pcm_alaw"]),
    "aac": RtpFormat(97, RATES["aac"]),
}
"""Dynamic numbers begin at 96; that of G.711 A-law is fixed (RFC 3551, section 6)."""

PAYLOAD_LIMIT = 1400
"""Bytes after the RTP header: an Ethernet frame less IP, UDP and RTP headers and some tunnel."""

_FU_A = 28
"""Fragment type of H.264 (RFC 6184, section 5.8)."""

_FU = 49
"""Fragment type of H.265 (RFC 7798, section 4.4.3)."""

_NTP_OFFSET_S = 2_208_988_800
"""Seconds from 1900 to 1970 (RFC 5905, figure 4)."""

_START_CODE = re.compile(b"\x00\x00+\x01")


def nal_units(annex_b: bytes) -> list[bytes]:
    """The NAL units between the start codes; a NAL unit never ends in a zero byte."""
    return [unit for unit in _START_CODE.split(annex_b) if unit]


def nal_type(nal: bytes, codec: Codec) -> int:
    """The `nal_unit_type` of a NAL unit."""
    return nal[0] & 0x1F if codec == "h264" else nal[0] >> 1 & 0x3F


def packetise(nal: bytes, codec: Codec, limit: int = PAYLOAD_LIMIT) -> list[bytes]:
    """RTP payloads of at most `limit` bytes that carry `nal`: itself, or its fragments."""
    if len(nal) <= limit:
        return [nal]
    kind = nal_type(nal, codec)
    if codec == "h264":
        header, body = bytes([nal[0] & 0xE0 | _FU_A]), nal[1:]
    else:
        header, body = bytes([nal[0] & 0x81 | _FU << 1, nal[1]]), nal[2:]
    room = limit - len(header) - 1
    pieces = [body[i : i + room] for i in range(0, len(body), room)]
    last = len(pieces) - 1
    return [
        header + bytes([(i == 0) << 7 | (i == last) << 6 | kind]) + piece
        for i, piece in enumerate(pieces)
    ]


def _payloads(unit: AccessUnit | SoundUnit, codec: Codec | SoundCodec) -> list[bytes]:
    """What the packets of one unit carry."""
    if codec == "h264" or codec == "hevc":  # noqa: PLR1714  mypy narrows no set
        return [payload for nal in nal_units(unit.data) for payload in packetise(nal, codec)]
    if codec == "pcm_alaw":
        return [unit.data]
    # One header of 16 bits: 13 of size, 3 of index (RFC 3640, section 3.3.6).
    return [struct.pack("!HH", 16, len(unit.data) << 3) + unit.data]


class RtpStream:
    """Numbers the packets of one client; sequence, source and time start at random (RFC 3550)."""

    def __init__(self, codec: Codec | SoundCodec, rng: Random) -> None:
        self._codec = codec
        self._format = FORMATS[codec]
        self._ssrc = rng.getrandbits(32)
        self.sequence = rng.getrandbits(16)
        self._time_origin = rng.getrandbits(32)
        self._packets = 0
        self._octets = 0

    def timestamp(self, pts_s: float) -> int:
        """The RTP time stamp of media time `pts_s`."""
        return (self._time_origin + round(pts_s * self._format.clock_rate)) & 0xFFFF_FFFF

    def restart(self, pts_s: float) -> None:
        """Begin to count time anew at `pts_s`, as a camera does that was set up again."""
        self._time_origin -= round(pts_s * self._format.clock_rate)

    def packets(self, unit: AccessUnit | SoundUnit) -> list[bytes]:
        """The packets of one picture or piece of sound, the last with the marker bit."""
        payloads = _payloads(unit, self._codec)
        stamp, last = self.timestamp(unit.pts_s), len(payloads) - 1
        packets = []
        for i, payload in enumerate(payloads):
            mark = (i == last) << 7 | self._format.payload_type
            header = struct.pack("!BBHII", 0x80, mark, self.sequence, stamp, self._ssrc)
            packets.append(header + payload)
            self.sequence = (self.sequence + 1) & 0xFFFF
        self._packets += len(payloads)
        self._octets += sum(map(len, payloads))
        return packets

    def report(self, pts_s: float, wall: Instant) -> bytes:
        """A sender report that says: media time `pts_s` was `wall` (RFC 3550, section 6.4.1).

        It comes with the source description that section 6.1 asks for.
        """
        seconds, micros = divmod(wall, SECOND)
        fraction = (micros << 32) // SECOND
        sender = struct.pack(
            "!BBHIIIIII", 0x80, 200, 6, self._ssrc, (seconds + _NTP_OFFSET_S) & 0xFFFF_FFFF,
            fraction, self.timestamp(pts_s), self._packets & 0xFFFF_FFFF,
            self._octets & 0xFFFF_FFFF,
        )  # fmt: skip
        return sender + self._description()

    def bye(self, pts_s: float, wall: Instant) -> bytes:
        """A last report that says that nothing more will come (RFC 3550, section 6.6)."""
        return self.report(pts_s, wall) + struct.pack("!BBHI", 0x81, 203, 1, self._ssrc)

    def _description(self) -> bytes:
        """Who sends, as section 6.5 of RFC 3550 has it."""
        name = b"camera"
        # Chunk: source, item type 1 (CNAME), length, text, then zeros up to a 32-bit border.
        chunk = struct.pack("!IBB", self._ssrc, 1, len(name)) + name
        chunk += b"\0" * (4 - len(chunk) % 4)
        return struct.pack("!BBH", 0x81, 202, len(chunk) // 4) + chunk
