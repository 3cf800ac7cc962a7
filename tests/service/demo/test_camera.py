"""The simulated camera as a foreign client sees it: FFmpeg's own RTSP, over loopback."""

import socket
import struct
import time
from collections.abc import Callable, Iterator
from itertools import islice, pairwise
from pathlib import Path

import av
import pytest
from av.container import InputContainer

from ingest.clock import SystemClock
from service.demo.camera import Lie
from service.demo.digest import Login
from service.demo.encoder import AccessUnit, Codec, Format, encode
from service.demo.plot import dumping, passers
from service.demo.server import CameraServer
from service.demo.source import FileSource, Pace, SceneSource, Source
from service.errors import InputError
from vision.frame import Instant

OpenCamera = Callable[..., InputContainer]

CLOCK = SystemClock()
QUICK = Format(fps=25.0, gop_s=0.2)


def scene(codec: Codec = "h264") -> SceneSource:
    return SceneSource(passers(1, size=(320, 180)), Format(codec, QUICK.fps, QUICK.gop_s))


def camera(login: Login, **sources: Source) -> CameraServer:
    return CameraServer(sources or {"gate": scene()}, clock=CLOCK, login=login)


def packets(container: InputContainer) -> Iterator[av.Packet]:
    return (packet for packet in container.demux(video=0) if packet.size)


def wall_s(packet: av.Packet) -> float | None:
    """What FFmpeg makes of the sender reports: seconds since 1970 (AVProducerReferenceTime)."""
    for item in packet.iter_sidedata():
        if str(item.data_type) == "prft":
            return struct.unpack("<qi", bytes(item)[:12])[0] / 1e6
    return None


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_two_seconds_of_each_codec(login: Login, open_camera: OpenCamera, codec: Codec) -> None:
    with camera(login, gate=scene(codec)) as server, open_camera(server.url("gate")) as container:
        assert container.streams.video[0].codec_context.name == codec
        got = list(islice(packets(container), 50))
        assert got[0].is_keyframe
        assert [n for n, packet in enumerate(got) if packet.is_keyframe] == list(range(0, 50, 5))
        steps = {b.pts - a.pts for a, b in pairwise(got[2:])}
        # 90 kHz at 25 frames per second; a machine under load may leave a picture out.
        assert all(step % 3600 == 0 for step in steps)
        pictures = [frame for packet in got for frame in packet.decode()]
        assert len(pictures) >= 49
        assert (pictures[0].width, pictures[0].height) == (320, 180)


def test_two_clients_and_two_mounts_at_once(login: Login, open_camera: OpenCamera) -> None:
    sources = {"gate": scene(), "Streaming/Channels/101": scene("hevc")}
    with (
        camera(login, **sources) as server,
        open_camera(server.url("gate")) as first,
        open_camera(server.url("gate")) as second,
        open_camera(server.url("Streaming/Channels/101")) as third,
    ):
        for container in (first, second, third):
            assert [p.is_keyframe for p in islice(packets(container), 6)].count(True) >= 1
        assert third.streams.video[0].codec_context.name == "hevc"


@pytest.mark.parametrize("wrong", [Login("cam", "guess"), Login("root", "correct horse"), None])
def test_a_wrong_password_is_refused(
    login: Login, open_camera: OpenCamera, wrong: Login | None
) -> None:
    with camera(login) as server, pytest.raises(av.error.HTTPUnauthorizedError):
        open_camera(server.url("gate"), wrong)


def test_an_unknown_mount_is_not_found(login: Login, open_camera: OpenCamera) -> None:
    with camera(login) as server, pytest.raises(av.error.HTTPNotFoundError):
        open_camera(server.url("yard"))


def test_a_client_that_wants_udp_is_led_to_tcp(login: Login) -> None:
    with camera(login) as server:
        url = server.url("gate").replace("//", "//cam:correct%20horse@")
        with av.open(url, options={"fpsprobesize": "0"}, timeout=5.0) as container:
            assert next(packets(container)).is_keyframe


def test_without_a_user_everybody_is_let_in(open_camera: OpenCamera) -> None:
    server = CameraServer({"gate": scene()}, clock=CLOCK)
    with server, open_camera(server.url("gate"), None) as container:
        assert next(packets(container)).is_keyframe


def test_sender_reports_tell_the_cameras_clock(login: Login, open_camera: OpenCamera) -> None:
    with camera(login) as server, open_camera(server.url("gate")) as container:
        got = list(islice(packets(container), 8))
        kinds = {str(item.data_type) for item in got[0].iter_sidedata()}
        assert kinds == {"rtcp_sr", "prft"}
        lags = [time.time() - (wall_s(packet) or 0.0) for packet in got]
        assert all(-0.1 < lag < 4.0 for lag in lags)
        server.lie(-3600.0)
    with camera(login) as server:
        server.lie(-3600.0)
        with open_camera(server.url("gate")) as container:
            told = wall_s(next(packets(container)))
            assert told is not None
            assert 3599.9 < time.time() - told < 3604.0


def test_a_clock_that_drifts() -> None:
    lie = Lie(offset_s=2.0, drift_ppm=100.0)
    assert lie.error_s(0.0) == 2.0
    assert lie.error_s(86_400.0) == pytest.approx(2.0 + 8.64)


def test_a_stall_is_silence_and_ends_at_a_key_frame(login: Login, open_camera: OpenCamera) -> None:
    with camera(login) as server:
        with open_camera(server.url("gate"), read_s=0.5) as container:
            stream = packets(container)
            next(stream)
            server.stall("gate")
            with pytest.raises((av.error.ExitError, av.error.TimeoutError)):
                list(stream)
        server.resume("gate")
        with open_camera(server.url("gate")) as container:
            assert next(packets(container)).is_keyframe


def test_a_drop_is_a_clean_end(login: Login, open_camera: OpenCamera) -> None:
    with camera(login) as server, open_camera(server.url("gate")) as container:
        stream = packets(container)
        next(stream)
        server.drop("gate")
        assert len(list(stream)) < 60
        with open_camera(server.url("gate")) as again:
            assert next(packets(again)).is_keyframe


def test_off_and_on_again_at_the_same_port(login: Login, open_camera: OpenCamera) -> None:
    server = camera(login)
    with server:
        url = server.url("gate")
        with open_camera(url) as container:
            stream = packets(container)
            next(stream)
            server.stop()
            list(stream)
        with pytest.raises(av.error.ConnectionRefusedError):
            open_camera(url)
        with pytest.raises(RuntimeError, match="off"):
            server.stall("gate")
        server.start()
        assert server.url("gate") == url
        with open_camera(url) as container:
            assert next(packets(container)).is_keyframe


def test_an_address_in_use_is_said_and_leaves_nothing(login: Login) -> None:
    with camera(login) as server:
        twin = CameraServer({"a": scene()}, clock=CLOCK, address=(server.host, server.port))
        with pytest.raises(OSError, match="in use"):
            twin.start()


def to_annex_b(path: Path, bare: Path) -> Path:
    """The bare stream of an MP4 file, which knows no times."""
    codec = FileSource.open(path).codec
    with av.open(path) as container, bare.open("wb") as file:
        stream = container.streams.video[0]
        convert = av.BitStreamFilterContext(f"{codec}_mp4toannexb", stream)
        for packet in container.demux(stream):
            file.writelines(bytes(unit) for unit in convert.filter(packet) if unit.size)
    return bare


@pytest.mark.parametrize(("codec", "bare"), [("h264", False), ("hevc", True)])
def test_a_file_plays_in_a_loop(
    login: Login, open_camera: OpenCamera, codec: Codec, bare: bool, tmp_path: Path
) -> None:
    form = Format(codec, fps=12.5, gop_s=0.4)
    path = encode(tmp_path / "a.mp4", dumping(1, size=(320, 180)), 0.56, form)
    if bare:
        path = to_annex_b(path, tmp_path / f"a.{codec}")
    source = FileSource.open(path)
    assert source.codec == codec
    with camera(login, gate=source) as server, open_camera(server.url("gate")) as container:
        got = list(islice(packets(container), 16))
        steps = {b.pts - a.pts for a, b in pairwise(got[2:])}
        assert all(abs(step - 7200) <= 2 for step in steps), "the second round joins the first"


def test_a_file_that_goes_away_ends_its_connections(
    open_camera: OpenCamera, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = encode(tmp_path / "a.mp4", dumping(1, size=(320, 180)), 1.0, QUICK)
    server = CameraServer({"gate": FileSource.open(path)}, clock=CLOCK)
    with server, open_camera(server.url("gate"), None) as container:
        path.unlink()
        assert len(list(packets(container))) < 40
    assert "mount gate has lost its source" in caplog.text


@pytest.mark.parametrize("content", [b"", b"no video", b"\0\0\0\x18ftypmp42"], ids=len)
def test_a_file_without_video_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    with pytest.raises(InputError, match="camera_file_unreadable"):
        FileSource.open(path)


class Flood:
    """Key frames of a quarter of a megabyte, as fast as the pace allows: a table of one unit."""

    codec: Codec = "h264"

    def units(self, pace: Pace, epoch: Instant) -> Iterator[AccessUnit]:
        nals = (b"\x67\x42\xc0\x1e", b"\x68\xce", b"\x65" + b"a" * 250_000)
        data = b"".join(b"\0\0\0\1" + nal for nal in nals)
        n = 0
        while pace.reach(n / 100):
            yield AccessUnit(data, True, n / 100)
            n += 1


class HastyClock(SystemClock):
    """Half a second passes between any two looks: a machine far too slow for its pictures."""

    def __init__(self) -> None:
        self.looks = 0

    def monotonic_us(self) -> int:
        self.looks += 1
        return self.looks * 500_000


def test_a_slow_machine_leaves_pictures_out() -> None:
    source = SceneSource(dumping(1, size=(320, 180)), Format(fps=10.0, gop_s=1.0))
    units = list(islice(source.units(Pace(HastyClock(), 0), Instant(0)), 5))
    assert [unit.pts_s for unit in units] == [0.5, 1.5, 2.5, 3.5, 4.5]


def test_a_stopped_pace_ends_a_source() -> None:
    pace = Pace(CLOCK, CLOCK.monotonic_us())
    units = scene().units(pace, Instant(0))
    next(units)
    pace.stop()
    assert list(units) == []


def ask(client: socket.socket, method: str, uri: str, extra: str = "") -> str:
    client.sendall(f"{method} {uri} RTSP/1.0\r\nCSeq: 1\r\n{extra}\r\n".encode())
    return client.recv(4096).decode(errors="replace").partition("\r\n")[0]


TCP = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"


def test_a_client_that_does_not_read_is_cut_off(caplog: pytest.LogCaptureFixture) -> None:
    server = CameraServer({"gate": Flood()}, clock=CLOCK)
    with server, socket.create_connection((server.host, server.port), timeout=10) as client:
        uri = server.url("gate")
        assert ask(client, "SETUP", uri + "/track0", TCP) == "RTSP/1.0 200 OK"
        assert ask(client, "PLAY", uri) == "RTSP/1.0 200 OK"
        deadline = time.monotonic() + 20.0
        while "too slowly" not in caplog.text and time.monotonic() < deadline:
            time.sleep(0.05)
        got = 0
        with pytest.raises(ConnectionResetError):
            while data := client.recv(1 << 20):
                got += len(data)
            raise ConnectionResetError
        assert got < 24_000_000, "what lay in the buffers, not what a minute would have brought"


class Silent:
    """A camera whose sensor is dead."""

    codec: Codec = "h264"

    def units(self, pace: Pace, epoch: Instant) -> Iterator[AccessUnit]:
        while pace.reach(3600.0):
            yield AccessUnit(b"", False, 0.0)


def test_a_session_from_setup_to_teardown() -> None:
    server = CameraServer({"a/b": Silent()}, clock=CLOCK)
    with server, socket.create_connection((server.host, server.port), timeout=5) as client:
        uri = server.url("a/b")
        steps = (("SETUP", 200), ("SETUP", 455), ("PLAY", 200), ("PAUSE", 200), ("PLAY", 200),
                 ("GET_PARAMETER", 200), ("TEARDOWN", 200), ("PLAY", 454))  # fmt: skip
        for method, status in steps:
            setup = method == "SETUP"
            line = ask(client, method, uri + "/track0" * setup, TCP * setup)
            assert line.split()[1] == str(status), method


def test_a_client_that_waits_does_not_hold_up_the_end() -> None:
    server = CameraServer({"gate": Silent()}, clock=CLOCK)
    with server, socket.create_connection((server.host, server.port), timeout=5) as client:
        client.sendall(f"DESCRIBE {server.url('gate')} RTSP/1.0\r\nCSeq: 1\r\n\r\n".encode())
        time.sleep(0.2)
        before = time.monotonic()
        server.stop()
        assert time.monotonic() - before < 5.0


def test_a_port_that_cannot_be_leaves_nothing() -> None:
    server = CameraServer({"gate": Silent()}, clock=CLOCK, address=("127.0.0.1", 70_000))
    with pytest.raises(OverflowError):
        server.start()


@pytest.mark.parametrize(
    ("method", "path", "extra", "status"),
    [
        ("OPTIONS", "gate", "", 200),
        ("GET_PARAMETER", "gate", "", 200),
        ("SETUP", "gate/track0", "Transport: RTP/AVP;unicast;client_port=5000-5001\r\n", 461),
        ("SETUP", "gate/track9", TCP, 404),
        ("SETUP", "", TCP, 404),
        ("PLAY", "gate", "", 454),
        ("TEARDOWN", "gate", "", 454),
        ("RECORD", "gate", "", 405),
    ],
)
def test_answers(method: str, path: str, extra: str, status: int) -> None:
    server = CameraServer({"gate": Flood()}, clock=CLOCK)
    with server, socket.create_connection((server.host, server.port), timeout=5) as client:
        assert ask(client, method, server.url(path), extra).split()[1] == str(status)


def test_noise_on_the_line_is_refused() -> None:
    server = CameraServer({"gate": Flood()}, clock=CLOCK)
    with server, socket.create_connection((server.host, server.port), timeout=5) as client:
        client.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert client.recv(100).startswith(b"RTSP/1.0 400")
        assert client.recv(100) == b""
