"""What a camera may do to a source: ways, sound, encryption and faults, each on request."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.clock import SystemClock
from ingest.errors import (
    AddressError,
    CameraError,
    CameraSilent,
    CameraUnreachable,
    CameraUntrusted,
)
from ingest.packet import AudioInfo, Packet, Track
from ingest.rtsp import Address, AvPacket, RtspSource, Transport, _timed, check_transport
from service.demo.camera import SIMPLE, Equipment, Lie
from service.demo.digest import Login
from service.demo.encoder import Format
from service.demo.plot import passers
from service.demo.server import CameraServer
from service.demo.sound import RATES, SoundCodec, Tone
from service.demo.source import SceneSource, Source, SwitchingSource
from tests.ingest.certificate import certificate
from tests.ingest.clip import CAMERA, Recipe
from tests.ingest.live import RATE, ClipSource, everything_told, failure_of
from vision.frame import SECOND, Instant

CLOCK = SystemClock()
LOGIN = Login("cam", "c4nary")
TICKS = 90_000 // RATE
CLIP = Recipe(count=40, gop=10, container="ts")
DAY_S = 86_400.0


@pytest.fixture(autouse=True)
def _no_thread_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def server(
    source: Source | None = None, *, equipment: Equipment = SIMPLE, lie: Lie | None = None
) -> CameraServer:
    return CameraServer(
        {"gate": source or ClipSource.of(CLIP)},
        clock=CLOCK,
        login=LOGIN,
        lie=lie or Lie(),
        equipment=equipment,
    )


def source(
    camera: CameraServer,
    *,
    transport: Transport = "tcp",
    ca_file: Path | None = None,
    audio: bool = False,
    age_s: float = 5.0,
) -> RtspSource:
    address = Address(
        camera.url("gate"), LOGIN.user, LOGIN.password, transport=transport, ca_file=ca_file
    )
    return RtspSource(CAMERA, address, CLOCK, packet_age_s=age_s, open_timeout_s=8.0, audio=audio)


def with_sound(codec: SoundCodec = "pcm_alaw", *, udp: bool = False) -> Equipment:
    return Equipment(udp=udp, sounds={"gate": Tone(codec)})


def ending(stream: Iterator[Packet]) -> CameraError:
    """How an open source ends."""
    with pytest.raises(CameraError) as caught:
        list(stream)
    return caught.value


# The ways.


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_datagrams_bring_the_same_pictures(codec: str) -> None:
    """UDP by choice; the first key frame is there, and every picture after it."""
    clip = ClipSource.of(Recipe(codec, 40, 10, container="ts"))
    camera = server(clip, equipment=Equipment(udp=True))
    with camera, closing(source(camera, transport="udp")) as live:
        info = live.open()
        got = list(islice(live.packets(), 25))
    assert (info.codec, info.width, info.audio) == (codec, 64, None)
    assert [n for n, p in enumerate(got) if p.key] == [0, 10, 20]
    assert {b.dts - a.dts for a, b in pairwise(got)} == {TICKS}


def test_what_is_asked_for_is_what_is_taken() -> None:
    """A camera that sends no datagrams is no reason to take another way than the chosen one."""
    with server() as camera:
        assert type(failure_of(source(camera, transport="udp"))) is CameraUnreachable


def test_encryption_is_not_undone_by_datagrams() -> None:
    """RTP beside an encrypted connection would be in clear."""
    assert check_transport("rtsp://h/a", "udp") == "udp"
    assert check_transport("rtsps://h/a", "tcp") == "tcp"
    for url, transport in (("rtsps://h/a", "udp"), ("rtsp://h/a", "sctp"), ("rtsp://h/a", "")):
        with pytest.raises(AddressError):
            check_transport(url, transport)
    address = Address("rtsps://h/a", transport="udp")
    with pytest.raises(AddressError):
        RtspSource(CAMERA, address, CLOCK, packet_age_s=1)


# Encryption.


def test_a_camera_over_tls(tmp_path: Path) -> None:
    """Without a CA file it is encrypted to whoever answers; with one, to the camera."""
    own = certificate(tmp_path)
    with server(equipment=Equipment(tls=own.context)) as camera:
        assert camera.url("gate").startswith("rtsps://")
        for ca_file, secrecy in ((None, "encrypted"), (own.file, "verified")):
            with closing(source(camera, ca_file=ca_file)) as live:
                assert Address(camera.url("gate"), ca_file=ca_file).secrecy == secrecy
                live.open()
                got = list(islice(live.packets(), 21))
            assert [n for n, p in enumerate(got) if p.key] == [0, 10, 20]


def test_a_stranger_gets_no_password(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture
) -> None:
    """A certificate that is not vouched for ends the attempt before the login."""
    caplog.set_level(logging.DEBUG)
    own, other = certificate(tmp_path), certificate(tmp_path, "other")
    missing = tmp_path / "missing.pem"
    with server(equipment=Equipment(tls=own.context)) as camera:
        errors = [failure_of(source(camera, ca_file=file)) for file in (other.file, missing)]
    assert [type(error) for error in errors] == [CameraUntrusted] * 2
    told = "".join(map(everything_told, errors)) + caplog.text + "".join(capfd.readouterr())
    assert "c4nary" not in told


def test_a_camera_that_speaks_no_tls_is_said() -> None:
    with server() as camera:
        address = Address(camera.url("gate").replace("rtsp:", "rtsps:"), "cam", LOGIN.password)
        error = failure_of(RtspSource(CAMERA, address, CLOCK, packet_age_s=5, open_timeout_s=5))
    assert type(error) is CameraUntrusted
    assert "c4nary" not in everything_told(error)


# Sound.


def test_sound_stays_out_unless_it_is_asked_for() -> None:
    """A camera's microphone is recorded by decision, never by accident."""
    camera = server(equipment=with_sound())
    with camera, closing(source(camera)) as live:
        assert live.open().audio is None
        assert {p.track for p in islice(live.packets(), 60)} == {"video"}


def heard(info: AudioInfo, pieces: list[Packet]) -> float:
    """The pitch of decoded pieces in hertz, by the zero crossings of the second half."""
    decoder = cast(av.AudioCodecContext, av.CodecContext.create(info.codec, "r"))
    decoder.sample_rate, decoder.layout = info.sample_rate, av.AudioLayout("mono")
    decoder.extradata = info.extradata or None
    waves = [
        frame.to_ndarray().ravel().astype(float)
        for piece in pieces
        for frame in decoder.decode(av.Packet(piece.data))
    ]
    wave = np.concatenate(waves)
    wave = wave[len(wave) // 2 :]
    return float((np.diff(np.sign(wave)) != 0).sum() / 2 / (len(wave) / info.sample_rate))


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("codec", ["pcm_alaw", "aac"])
def test_sound_comes_whole_and_in_step(codec: SoundCodec, transport: Transport) -> None:
    """Every piece joins the one before; nothing overtakes; both tracks tell one time."""
    camera = server(equipment=with_sound(codec, udp=True))
    with camera, closing(source(camera, transport=transport, audio=True)) as live:
        info = live.open()
        audio = info.audio
        assert audio is not None
        got = list(islice(live.packets(), 160))
    rate = RATES[codec]
    assert (audio.codec, audio.sample_rate, audio.channels) == (codec, rate, 1)
    pictures = [p for p in got if p.track == "video"]
    pieces = [p for p in got if p.track == "audio"]
    assert pictures[0].key
    assert {b.dts - a.dts for a, b in pairwise(pictures)} == {TICKS}
    assert {b.pts - a.pts for a, b in pairwise(pieces)} == {p.duration for p in pieces}
    assert all(p.pts == p.dts for p in pieces)
    assert all(a.arrival <= b.arrival for a, b in pairwise(got)), "in the order of arrival"
    assert heard(audio, pieces) == pytest.approx(440.0, rel=0.05)
    # What lies side by side was seen and heard together, but for a piece's length and the load.
    for before, after in pairwise(got):
        if before.track != after.track:
            shown, sounded = sorted((before, after), key=lambda p: p.track, reverse=True)
            apart = shown.pts * info.time_base - sounded.pts * audio.time_base
            assert abs(apart) < 0.5


def test_pictures_that_stop_are_a_silent_camera() -> None:
    """Sound that goes on must not hide that nothing is seen any more."""
    camera = server(equipment=with_sound())
    with camera, closing(source(camera, audio=True, age_s=1.0)) as live:
        live.open()
        stream = live.packets()
        assert {p.track for p in islice(stream, 20)} == {"video", "audio"}
        camera.freeze("gate")
        began = time.monotonic()
        assert type(ending(stream)) is CameraSilent
        assert time.monotonic() - began < 4.0


def test_a_camera_without_a_microphone_has_none() -> None:
    with server() as camera, closing(source(camera, audio=True)) as live:
        assert live.open().audio is None
        assert {p.track for p in islice(live.packets(), 10)} == {"video"}


@dataclass(frozen=True)
class Raw:
    """What FFmpeg knows of the times of a packet."""

    pts: int | None
    dts: int | None


def received(tracks: list[Track], untimed: int) -> Iterator[tuple[AvPacket, Packet]]:
    """Packets of both tracks, ten ticks apart; of each, the first ones come without times."""
    counts = {"video": 0, "audio": 0}
    for n, track in enumerate(tracks):
        at = counts[track] * 10
        counts[track] += 1
        known = None if counts[track] <= untimed else at
        packet = Packet(
            data=bytes([n]),
            pts=known or 0,
            dts=known or 0,
            duration=10 if track == "audio" else 0,
            key=True,
            arrival=Instant(n * SECOND),
            monotonic_us=n,
            camera_time=None,
            track=track,
        )
        yield cast(AvPacket, Raw(known, known)), packet
    raise CameraUnreachable(camera=CAMERA)


@given(st.lists(st.sampled_from(["video", "audio"]), max_size=40), st.integers(0, 3))
def test_nothing_overtakes_and_nothing_is_lost(tracks: list[Track], untimed: int) -> None:
    """Sound neither delays nor reorders pictures; times are those that packets must have had."""
    timed: list[Packet] = []
    with pytest.raises(CameraUnreachable):
        timed.extend(_timed(received(tracks, untimed)))
    assert [p.arrival for p in timed] == sorted(p.arrival for p in timed)
    for track in ("video", "audio"):
        sent = tracks.count(track)
        mine = [p for p in timed if p.track == track]
        # Without one packet whose time is known there is nothing to go by.
        assert len(mine) == (sent if sent > untimed else 0)
        if track == "audio" or sent > untimed + 1 or not untimed:
            assert [p.pts for p in mine] == [n * 10 for n in range(len(mine))]
            assert all(p.pts == p.dts for p in mine)


def test_what_has_one_time_is_one_picture() -> None:
    """A picture that FFmpeg tore apart is put together; nothing of it is lost or added."""

    def torn() -> Iterator[tuple[AvPacket, Packet]]:
        for raw, packet in received(["video"] * 4, 1):
            yield raw, packet
            if raw.pts:
                yield raw, replace(packet, data=b"+")

    got: list[Packet] = []
    with pytest.raises(CameraUnreachable):
        got.extend(_timed(torn()))
    assert [(p.pts, p.data) for p in got] == [(0, b"\0"), (10, b"\1+"), (20, b"\2+"), (30, b"\3+")]


# Faults.


def test_lost_packets_leave_holes_and_nothing_else() -> None:
    """A picture that did not come is missing; those that came have their own times."""
    camera = server(equipment=Equipment(udp=True))
    with camera, closing(source(camera, transport="udp")) as live:
        live.open()
        stream = live.packets()
        list(islice(stream, 10))
        camera.lose("gate", 0.3)
        got = list(islice(stream, 60))
    steps = [b.dts - a.dts for a, b in pairwise(got)]
    assert all(step % TICKS == 0 and step > 0 for step in steps)
    assert 0.1 < sum(step > TICKS for step in steps) / len(steps) < 0.6


def test_a_media_clock_that_restarts() -> None:
    """The source tells the times as they are; what to make of a leap is the recorder's."""
    with server() as camera, closing(source(camera)) as live:
        live.open()
        stream = live.packets()
        list(islice(stream, 30))
        camera.restart_time("gate")
        got = list(islice(stream, 40))
    leaps = [n for n, (a, b) in enumerate(pairwise(got)) if b.pts - a.pts != TICKS]
    assert len(leaps) == 1
    assert got[leaps[0] + 1].pts < got[leaps[0]].pts
    # The old sender report says nothing of times that begin anew.
    assert [p.camera_time is None for p in got] == [n > leaps[0] for n in range(40)]
    assert all(a.arrival <= b.arrival for a, b in pairwise(got))


def test_a_size_that_changes_in_mid_stream() -> None:
    """The new parameter sets come with the next key frame, and its pictures can be decoded."""
    form = Format(fps=25.0, gop_s=0.4)
    small, large = (SceneSource(passers(1, size=s), form) for s in ((320, 180), (640, 360)))
    with server(SwitchingSource(small, large, at_s=3.0)) as camera, closing(source(camera)) as live:
        info = live.open()
        got = list(islice(live.packets(), 110))
    assert (info.width, info.height) == (320, 180)
    decoder = cast(av.VideoCodecContext, av.CodecContext.create("h264", "r"))
    sizes = [(f.width, f.height) for p in got for f in decoder.decode(av.Packet(p.data))]
    assert set(sizes) == {(320, 180), (640, 360)}
    assert sizes == sorted(sizes), "each picture has the size it was sent with"
    assert all(b.pts > a.pts for a, b in pairwise(got))


def test_a_goodbye_is_the_end_of_the_stream() -> None:
    """RTCP BYE with the connection left open: nothing more will come."""
    with server() as camera, closing(source(camera)) as live:
        live.open()
        stream = live.packets()
        list(islice(stream, 5))
        camera.end("gate")
        error = ending(stream)
    assert type(error) is CameraUnreachable
    assert error.facts["detail"] == "stream ended"


@pytest.mark.parametrize("ahead_s", [DAY_S, -DAY_S])
def test_a_clock_that_is_wrong_by_a_day_is_only_told(ahead_s: float) -> None:
    """Arrival stays ours, the camera's time stays the camera's, media times do not notice."""
    with server(lie=Lie(offset_s=ahead_s)) as camera, closing(source(camera)) as live:
        live.open()
        got = list(islice(live.packets(), 20))
    offsets = [(p.camera_time - p.arrival) / SECOND for p in got if p.camera_time is not None]
    assert len(offsets) > 10
    assert all(abs(offset - ahead_s) < 10 for offset in offsets)
    assert {b.dts - a.dts for a, b in pairwise(got)} == {TICKS}


def told(track: str, n: int, pts: int | None) -> tuple[Any, Packet]:
    """A packet as FFmpeg gives it and as it was received, 40 ms after the one before."""
    packet = Packet(b"x", pts or 0, pts or 0, 0, True, Instant(n), n * 40_000, None)
    return SimpleNamespace(pts=pts, dts=pts), replace(packet, track=cast(Track, track))


def test_sound_without_a_time_does_not_hold_up_the_pictures() -> None:
    """One piece of it and no other: pictures are recorded, not kept in memory for ever."""

    def received() -> Iterator[tuple[Any, Packet]]:
        yield told("audio", 0, None)
        for n in range(2000):
            yield told("video", n, n * TICKS)

    stream = _timed(received())
    first = next(stream)
    assert (first.track, first.pts) == ("video", 0)
    assert sum(1 for _ in stream) == 1998


def test_a_time_stamp_that_stands_still_is_not_one_picture() -> None:
    """A picture's parts come together; a frozen clock must not make one packet without end."""
    got = list(_timed(told("video", n, 7 if n < 100 else n * TICKS) for n in range(200)))
    assert len(got) > 100
    assert max(len(packet.data) for packet in got) <= 14
