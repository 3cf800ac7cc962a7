"""Our source against a camera that nobody here wrote, with real pictures."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import islice, pairwise
from pathlib import Path
from socket import create_server
from typing import cast

import av
import pytest

from ingest.clock import SystemClock
from ingest.errors import CameraError, CameraRefused, CameraSilent, CameraUnreachable
from ingest.packet import Packet
from ingest.recorder import Recorder
from ingest.rtsp import Address, RtspSource, Transport
from tests.ingest.clip import CAMERA, everything
from tests.ingest.live import everything_told, failure_of

SYSTEM = "/usr/bin/python3"
SCRIPT = Path(__file__).with_name("foreign_camera.py")
NEEDS = "import gi; gi.require_version('GstRtspServer', '1.0'); gi.require_version('GstApp', '1.0')"
MEDIA = os.environ.get("LIUHEN_MEDIA")
CLOCK = SystemClock()
RATE = 25
LIBRARIES = {"h264": "libx264", "hevc": "libx265"}

pytestmark = [
    pytest.mark.media,
    pytest.mark.timeout(120),
    pytest.mark.skipif(not MEDIA, reason="LIUHEN_MEDIA names no folder of real clips"),
]


@pytest.fixture(scope="module", autouse=True)
def _gstreamer() -> None:
    """GStreamer's RTSP server with its bindings for the system's Python."""
    try:
        subprocess.run([SYSTEM, "-c", NEEDS], check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        pytest.skip(f"{SYSTEM} has no gi with GstRtspServer (python3-gi, gir1.2-gst-rtsp-server)")


@pytest.fixture(scope="module")
def mounts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Four seconds of a real street in both codecs, a key frame each second."""
    folder = tmp_path_factory.mktemp("foreign")
    clip = next(Path(cast(str, MEDIA)).rglob("sbi_HallAndMonitor.mp4"), None)
    if clip is None:
        pytest.skip("LIUHEN_MEDIA has no sbi_HallAndMonitor.mp4")
    with av.open(clip) as container:
        frames = list(islice(container.decode(video=0), 4 * RATE))
    found = {}
    for codec in LIBRARIES:
        path = folder / codec
        with path.open("wb") as file:
            for unit in coded(frames, codec):
                file.write(len(unit).to_bytes(4) + unit)
        found[codec] = f"{codec}={codec}={RATE}={path}"
    return found


def coded(frames: list[av.VideoFrame], codec: str) -> Iterator[bytes]:
    """Access units in Annex B form, as cameras code: no picture waits for a later one.

    Those of H.264 have several slices, before each of which GStreamer repeats the parameter sets.
    """
    context = cast(av.VideoCodecContext, av.CodecContext.create(LIBRARIES[codec], "w"))
    context.width, context.height = frames[0].width, frames[0].height
    context.pix_fmt, context.framerate = "yuv420p", RATE
    keys = f"keyint={RATE}:min-keyint={RATE}:scenecut=0:bframes=0:repeat-headers=1"
    quiet = ":pools=none:frame-threads=1:log-level=error" if codec == "hevc" else ":slices=2"
    context.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        f"{LIBRARIES[codec][3:]}-params": keys + quiet,
    }
    for number, frame in enumerate(frames):
        frame.pts, frame.time_base = number, 1 / context.framerate
        frame.pict_type = av.video.frame.PictureType.NONE
        yield from (bytes(packet) for packet in context.encode(frame))
    yield from (bytes(packet) for packet in context.encode(None))


@contextmanager
def camera(mounts: dict[str, str], port: int) -> Iterator[subprocess.Popen[str]]:
    command = [SYSTEM, str(SCRIPT), str(port), "cam", "c4nary", *mounts.values()]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
            process.kill()


@pytest.fixture
def port() -> int:
    with closing(create_server(("127.0.0.1", 0))) as held:
        return int(held.getsockname()[1])


def source(
    port: int, codec: str, password: str = "c4nary", transport: Transport = "tcp"
) -> RtspSource:
    address = Address(f"rtsp://127.0.0.1:{port}/{codec}", "cam", password, transport)
    return RtspSource(CAMERA, address, CLOCK, packet_age_s=2.0, open_timeout_s=10.0)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("codec", LIBRARIES)
def test_both_codecs_are_recorded_from_the_first_key_frame(
    mounts: dict[str, str], port: int, tmp_path: Path, codec: str, transport: Transport
) -> None:
    with camera(mounts, port), closing(source(port, codec, transport=transport)) as live:
        recorder = Recorder(tmp_path, CAMERA, CLOCK, segment_s=60)
        info = live.open()
        recorder.start(info)
        got: list[Packet] = []
        for packet in islice(live.packets(), 4 * RATE):
            got.append(packet)
            recorder.write(packet)
        recorder.stop("stopped")
    assert (info.codec, info.width, info.height) == (codec, 352, 240)
    assert got[0].key
    assert all(b.dts > a.dts for a, b in pairwise(got))
    gops = everything(tmp_path)
    assert sum(len(gop.pictures) for gop in gops) == len(got)
    # Of the very first picture FFmpeg tells no time, and so not that two slices are one picture.
    assert {len(gop.pictures) for gop in gops[2:-1]} == {RATE}
    assert any(p.camera_time is not None for p in got)


def test_a_wrong_password_is_refused(mounts: dict[str, str], port: int) -> None:
    with camera(mounts, port):
        error = failure_of(source(port, "h264", "c4nary!"))
    assert type(error) is CameraRefused
    assert "c4nary" not in everything_told(error)


def ending(stream: Iterator[Packet]) -> CameraError:
    with pytest.raises(CameraError) as caught:
        list(stream)
    return caught.value


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGSTOP], ids=lambda n: n.name)
@pytest.mark.parametrize("codec", LIBRARIES)
def test_silence_is_found(
    mounts: dict[str, str], port: int, codec: str, number: signal.Signals
) -> None:
    """A camera that sends nothing, and one that hangs: neither closes the connection."""
    with camera(mounts, port) as process, closing(source(port, codec)) as live:
        live.open()
        stream = live.packets()
        list(islice(stream, 5))
        process.send_signal(number)
        began = time.monotonic()
        assert type(ending(stream)) is CameraSilent
        assert time.monotonic() - began < 10


@pytest.mark.parametrize("codec", LIBRARIES)
def test_power_that_fails_and_comes_back(mounts: dict[str, str], port: int, codec: str) -> None:
    live = source(port, codec)
    with camera(mounts, port) as process, closing(live):
        live.open()
        stream = live.packets()
        list(islice(stream, 5))
        process.kill()
        assert type(ending(stream)) is CameraUnreachable
    assert type(failure_of(source(port, codec))) is CameraUnreachable
    with camera(mounts, port), closing(live):
        live.open()
        assert next(live.packets()).key
