"""RTP packets: what goes in comes out, and the sender reports tell the time."""

import struct
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.demo.encoder import AccessUnit, Codec
from service.demo.rtp import FORMATS, PAYLOAD_LIMIT, RtpStream, nal_units, packetise
from service.demo.sound import SoundCodec, SoundUnit
from vision.frame import SECOND, Instant

START = b"\0\0\0\1"

CODECS = st.sampled_from(["h264", "hevc"])


def depacketise(payloads: list[bytes], codec: Codec) -> list[bytes]:
    """A receiver written from RFC 6184, 5.8 and RFC 7798, 4.4.3: NAL units from payloads."""
    header, fragment = (1, 28) if codec == "h264" else (2, 49)
    nals: list[bytes] = []
    for payload in payloads:
        kind = payload[0] & 0x1F if codec == "h264" else payload[0] >> 1 & 0x3F
        if kind != fragment:
            nals.append(payload)
            continue
        flags = payload[header]
        if flags & 0x80:
            if codec == "h264":
                first = bytes([payload[0] & 0xE0 | flags & 0x1F])
            else:
                first = bytes([payload[0] & 0x81 | (flags & 0x3F) << 1, payload[1]])
            nals.append(first)
        nals[-1] += payload[header + 1 :]
    return nals


@st.composite
def nals(draw: st.DrawFn, codec: Codec) -> bytes:
    """A NAL unit of any type that is no packet type of its own, and of many sizes."""
    top = 23 if codec == "h264" else 47
    kind = draw(st.integers(1, top))
    if codec == "h264":
        header = bytes([draw(st.integers(0, 3)) << 5 | kind])
    else:
        header = bytes([kind << 1 | draw(st.integers(0, 1)), draw(st.integers(1, 255))])
    size = draw(st.integers(1, 5000) | st.sampled_from([1397, 1398, 1399, 1400, 1401, 2796]))
    body = Random(draw(st.integers(0, 99))).randbytes(size).replace(b"\0", b"\x55")
    return header + body


@given(st.data(), CODECS, st.integers(4, 1500))
def test_packets_carry_the_nal_unit(data: st.DataObject, codec: Codec, limit: int) -> None:
    nal = data.draw(nals(codec))
    payloads = packetise(nal, codec, limit)
    assert all(len(payload) <= limit for payload in payloads)
    assert depacketise(payloads, codec) == [nal]


@given(st.data(), CODECS)
def test_an_access_unit_survives_the_way(data: st.DataObject, codec: Codec) -> None:
    units = data.draw(st.lists(nals(codec), min_size=1, max_size=4))
    stream = RtpStream(codec, Random(1))
    start = stream.sequence
    packets = stream.packets(AccessUnit(b"".join(START + nal for nal in units), True, 2.5))
    assert depacketise([packet[12:] for packet in packets], codec) == units
    heads = [struct.unpack("!BBHII", packet[:12]) for packet in packets]
    assert [head[2] for head in heads] == [(start + n) % 65536 for n in range(len(heads))]
    assert [head[1] >> 7 for head in heads] == [0] * (len(heads) - 1) + [1]
    assert {(head[0], head[1] & 127, head[3], head[4]) for head in heads} == {
        (0x80, 96, stream.timestamp(2.5), heads[0][4])
    }
    assert max(map(len, packets)) <= PAYLOAD_LIMIT + 12


@given(CODECS, st.lists(st.binary(min_size=2, max_size=40), max_size=5), st.booleans())
def test_start_codes_of_both_lengths_part_nal_units(
    codec: Codec, bodies: list[bytes], long: bool
) -> None:
    units = [b"\x41" + body.replace(b"\0", b"\1") for body in bodies]
    code = START if long else START[1:]
    assert nal_units(b"".join(code + unit for unit in units)) == units


def test_time_stamps_and_numbers_wrap_around() -> None:
    stream = RtpStream("h264", Random(1))
    stream.sequence = 65_535
    packets = stream.packets(AccessUnit(START + b"\x65" + b"a" * 2000, True, 0.0))
    assert [struct.unpack("!H", packet[2:4])[0] for packet in packets] == [65_535, 0]
    day_s = 100_000.0
    ticks = (stream.timestamp(day_s) - stream.timestamp(0.0)) % 2**32
    assert ticks == day_s * 90_000 % 2**32


@pytest.mark.parametrize("micros", [0, 1, 500_000, 999_999])
def test_a_sender_report_tells_the_wall_clock(micros: int) -> None:
    stream = RtpStream("h264", Random(7))
    stream.packets(AccessUnit(START + b"\x65" + b"a" * 2000, True, 1.0))
    report = stream.report(1.0, Instant(1_780_000_000 * SECOND + micros))
    fields = struct.unpack("!BBHIIIIII", report[:28])
    assert fields[:3] == (0x80, 200, 6)
    assert fields[4] - 2_208_988_800 == 1_780_000_000
    assert fields[5] * 1_000_000 / 2**32 == pytest.approx(micros, abs=1)
    assert fields[6] == stream.timestamp(1.0)
    # Two packets: 1400 bytes, and the rest of 2001 less its header byte, with two of its own.
    assert fields[7:] == (2, 1400 + 2000 - 1398 + 2)
    count, kind, words = struct.unpack("!BBH", report[28:32])
    assert (count, kind, len(report) - 28) == (0x81, 202, 4 * (words + 1))
    assert b"\x01\x06camera\0" in report


def test_two_clients_get_different_streams_and_a_seed_the_same() -> None:
    rng, again = Random(3), Random(3)
    first, second = RtpStream("h264", rng), RtpStream("h264", rng)
    assert first.report(0.0, Instant(0)) != second.report(0.0, Instant(0))
    assert first.report(0.0, Instant(0)) == RtpStream("h264", again).report(0.0, Instant(0))


@pytest.mark.parametrize(
    ("codec", "payload_type", "head"),
    [("pcm_alaw", 8, b""), ("aac", 97, b"\x00\x10\x02\x58")],
)
def test_sound_in_packets(codec: SoundCodec, payload_type: int, head: bytes) -> None:
    """RFC 3551, 4.5.14: the bytes as they are. RFC 3640, 3.3.6: one header, 75 bytes << 3."""
    stream = RtpStream(codec, Random(1))
    (packet,) = stream.packets(SoundUnit(b"s" * 75, 1.5))
    mark, _, stamp = struct.unpack("!xBHI", packet[:8])
    assert (mark, packet[12:]) == (0x80 | payload_type, head + b"s" * 75)
    rate = FORMATS[codec].clock_rate
    assert stamp == stream.timestamp(1.5)
    assert (stream.timestamp(2.5) - stamp) % 2**32 == rate


def test_a_restarted_clock_begins_where_it_began() -> None:
    stream = RtpStream("h264", Random(5))
    first = stream.timestamp(0.0)
    stream.restart(100.0)
    assert stream.timestamp(100.0) == first
    assert (stream.timestamp(101.0) - first) % 2**32 == 90_000


def test_a_goodbye_comes_with_a_last_report() -> None:
    """RFC 3550, section 6.6: type 203, one source, the same as the report's."""
    stream = RtpStream("h264", Random(5))
    told = stream.bye(1.0, Instant(0))
    assert told.startswith(stream.report(1.0, Instant(0)))
    assert told[-8:] == b"\x81\xcb\x00\x01" + told[4:8]
