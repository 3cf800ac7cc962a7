"""A camera over RTSP: nothing that it sent is lost, and every end has its name."""

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest

from ingest.clock import SystemClock
from ingest.decode import frames
from ingest.errors import (
    AddressError,
    CameraError,
    CameraRefused,
    CameraSilent,
    CameraUnreachable,
)
from ingest.packet import Packet
from ingest.recorder import Recorder
from ingest.rtsp import Address, RtspSource, check_url
from service.demo.camera import Lie
from service.demo.digest import Login
from service.demo.server import CameraServer
from tests.ingest.clip import CAMERA, Recipe, encoded, everything, indexes, shown
from tests.ingest.live import RATE, ClipSource, everything_told, failure_of

CLOCK = SystemClock()
CANARY = "c4nary/:@#?% 金丝雀"
LOGIN = Login("cam", "c4nary/:@#?%")
TICKS = 90_000 // RATE
CLIP = Recipe(count=40, gop=10, container="ts")
KINDS = {
    f"{codec}-{b_frames}b": Recipe(codec, 40, 10, b_frames, container="ts")
    for codec in ("h264", "hevc")
    for b_frames in (0, 2)
}


@pytest.fixture(autouse=True)
def _no_thread_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def server(recipe: Recipe = CLIP, *, lie: Lie | None = None) -> CameraServer:
    sources = {"gate": ClipSource.of(recipe)}
    if lie is None:
        return CameraServer(sources, clock=CLOCK, login=LOGIN)
    return CameraServer(sources, clock=CLOCK, login=LOGIN, lie=lie)


def source(url: str, password: str = LOGIN.password, age_s: float = 5.0) -> RtspSource:
    address = Address(url, LOGIN.user, password)
    return RtspSource(CAMERA, address, CLOCK, packet_age_s=age_s, open_timeout_s=5.0)


@pytest.mark.parametrize("recipe", KINDS.values(), ids=KINDS)
def test_the_first_group_of_pictures_is_recorded_whole(tmp_path: Path, recipe: Recipe) -> None:
    """FFmpeg gives the first key frame no time; losing it would lose a whole GOP.

    With B frames it knows no decoding times of the next few either.
    """
    with server(recipe) as camera, closing(source(camera.url("gate"))) as live:
        recorder = Recorder(tmp_path, CAMERA, CLOCK, segment_s=60)
        recorder.start(live.open())
        received = []
        for packet in islice(live.packets(), 31):
            received.append(packet)
            recorder.write(packet)
        recorder.stop("stopped")
    assert received[0].key
    assert [len(gop.pictures) for gop in everything(tmp_path)] == [10, 10, 10, 1]
    assert len(indexes(tmp_path)) == 1
    steps = {b.dts - a.dts for a, b in pairwise(received)}
    # A loaded machine may send a picture late, but never at another media time.
    assert steps == {p.duration for p in received} == {TICKS}
    assert all(p.pts >= p.dts for p in received)
    first = min(p.pts for p in received)
    assert sorted((p.pts - first) // TICKS for p in received[:10]) == [*range(10)]
    # The clip's pictures come in its order, from whichever GOP was first.
    clip = [image for _, image in shown(encoded(recipe))]
    seen = [frame.image for frame in islice(frames(everything(tmp_path)), 20)]
    begin = next(n for n in range(0, 40, 10) if np.array_equal(clip[n], seen[0]))
    assert all(np.array_equal(clip[(begin + n) % 40], image) for n, image in enumerate(seen))


def test_packets_carry_three_times() -> None:
    """Media, arrival and the camera's own clock, none in place of another."""
    with server(lie=Lie(offset_s=-3600.0)) as camera:
        with closing(source(camera.url("gate"))) as live:
            live.open()
            got: list[Packet] = list(islice(live.packets(), 20))
        epoch = camera.epoch
    assert all(a.arrival <= b.arrival for a, b in pairwise(got))
    assert all(a.monotonic_us <= b.monotonic_us for a, b in pairwise(got))
    ahead = {p.camera_time - p.pts * 1_000_000 // 90_000 for p in got if p.camera_time}
    assert len(ahead) > 0
    assert max(ahead) - min(ahead) < 1000, "the camera's clock and its media clock run alike"
    assert all(p.camera_time < epoch for p in got if p.camera_time), "an hour behind"
    assert all(p.arrival > epoch for p in got)


def test_a_camera_without_login_needs_none() -> None:
    camera = CameraServer({"gate": ClipSource.of(CLIP)}, clock=CLOCK)
    with camera:
        live = RtspSource(CAMERA, Address(camera.url("gate")), CLOCK, packet_age_s=5)
        with closing(live):
            assert (live.open().width, live.open().codec) == (64, "h264")


def stalled(camera: CameraServer) -> CameraError:
    live = source(camera.url("gate"), age_s=0.4)
    live.open()
    camera.stall("gate")
    return ending(live)


def dropped(camera: CameraServer) -> CameraError:
    live = source(camera.url("gate"))
    live.open()
    camera.drop("gate")
    return ending(live)


def ending(live: RtspSource) -> CameraError:
    """How an open source ends."""
    try:
        for _ in live.packets():
            pass
    except CameraError as error:
        return error
    finally:
        live.close()
    raise AssertionError


FAILURES = {
    "wrong password": (
        lambda camera: failure_of(source(camera.url("gate"), LOGIN.password + "!")),
        CameraRefused,
    ),
    "no such picture": (lambda camera: failure_of(source(camera.url("yard"))), CameraUnreachable),
    "silence": (stalled, CameraSilent),
    "drop": (dropped, CameraUnreachable),
}


@pytest.mark.parametrize(("fail", "kind"), FAILURES.values(), ids=FAILURES)
def test_every_end_has_its_name_and_no_password(
    fail: Callable[[CameraServer], CameraError],
    kind: type[CameraError],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture,
) -> None:
    """Neither text, facts, chain, local values, log nor standard error hold the secret."""
    caplog.set_level(logging.DEBUG)
    with server() as camera:
        error = fail(camera)
    assert type(error) is kind
    assert error.facts["camera"] == CAMERA
    told = everything_told(error) + caplog.text + "".join(capfd.readouterr())
    assert "c4nary" not in told


def test_a_camera_that_is_off_is_unreachable(capfd: pytest.CaptureFixture) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as held:
        url = f"rtsp://127.0.0.1:{held.getsockname()[1]}/gate"
    error = failure_of(source(url))
    assert type(error) is CameraUnreachable
    assert "c4nary" not in everything_told(error) + "".join(capfd.readouterr())


def test_a_camera_that_never_answers_is_given_up(capfd: pytest.CaptureFixture) -> None:
    """Accepting a connection is not an answer; the time-out counts."""
    with closing(socket.create_server(("127.0.0.1", 0))) as mute:
        address = Address(f"rtsp://127.0.0.1:{mute.getsockname()[1]}/x", "cam", LOGIN.password)
        live = RtspSource(CAMERA, address, CLOCK, packet_age_s=5, open_timeout_s=0.3)
        began = CLOCK.monotonic_us()
        error = failure_of(live)
    assert type(error) is CameraUnreachable
    assert CLOCK.monotonic_us() - began < 3_000_000
    assert "c4nary" not in everything_told(error) + "".join(capfd.readouterr())


def test_a_source_that_is_not_open_has_no_packets() -> None:
    live = source("rtsp://127.0.0.1/gate")
    live.close()
    with pytest.raises(CameraUnreachable):
        live.packets()


def test_packets_in_hand_when_a_connection_breaks_are_kept() -> None:
    """Whatever ends the stream, what was received before comes out, in order."""
    with server() as camera, closing(source(camera.url("gate"))) as live:
        live.open()
        got: list[Packet] = []
        stream = live.packets()
        got.extend(islice(stream, 5))
        camera.drop("gate")
        with pytest.raises(CameraUnreachable):
            got.extend(stream)
    steps = {b.dts - a.dts for a, b in pairwise(got)}
    assert steps == {TICKS}
    assert got[-1].duration == TICKS


ADDRESSES = {
    "plain": ("rtsp://10.0.0.8/Streaming/Channels/101", None),
    "tls": ("rtsps://gate.example:322/live", None),
    "port": ("rtsp://10.0.0.8:8554/a?channel=1&subtype=0", None),
    "ipv6": ("rtsp://[fe80::1]:554/live", None),
    "another protocol": ("http://10.0.0.8/a", "http://"),
    "a file": ("file:///etc/passwd", "file://"),
    "a path": ("/etc/passwd", "no scheme://"),
    "nothing": ("", "no scheme://"),
    "a protocol inside": ("concat:rtsp://a|rtsp://b", "concat://"),
    "no host": ("rtsp:///live", "no host"),
    "a user": ("rtsp://cam@10.0.0.8/a", "user:password@"),
    "a password": ("rtsp://cam:c4nary@10.0.0.8/a", "user:password@"),
    "a protocol in capitals": ("RTSPS://gate.example/live", "RTSPS://"),
    "a line break": ("rtsp://10.0.0.8/a\r\nX: y", "malformed"),
    "a space": ("rtsp://10.0.0.8/a b", "malformed"),
    "half a host": ("rtsp://[fe80::1/live", "malformed"),
    "a password with a slash": ("rtsp://cam:c4nary/x@10.0.0.8/a", "malformed"),
    "no such port": ("rtsp://10.0.0.8:99999/a", "malformed"),
    "port zero": ("rtsp://10.0.0.8:0/a", "malformed"),
}


@pytest.mark.parametrize(("url", "refused"), ADDRESSES.values(), ids=ADDRESSES)
def test_addresses(url: str, refused: str | None) -> None:
    """Only cameras are opened, and no secret is stored with an address or told in an error."""
    if refused is None:
        check_url(url)
        RtspSource(CAMERA, Address(url), CLOCK, packet_age_s=1).close()
        return
    with pytest.raises(AddressError) as caught:
        check_url(url)
    assert caught.value.facts == {"detail": refused}
    assert "c4nary" not in repr(caught.value) + str(caught.value.__context__)
    with pytest.raises(AddressError):
        RtspSource(CAMERA, Address(url), CLOCK, packet_age_s=1)


def test_an_address_shows_neither_user_nor_password() -> None:
    address = Address("rtsp://10.0.0.8/a", "inspector", CANARY)
    assert repr(address) == str(address) == f"{address}" == "Address('rtsp://10.0.0.8/a')"
