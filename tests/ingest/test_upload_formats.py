"""What recorders and camcorders make is read, sound included; what attacks is refused."""

import io
import socket
import struct
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from ingest.errors import BrokenMedia, MediaError, NotMedia
from ingest.media import MAX_PIXELS, MAX_SIDE_PX, describe
from ingest.probe import probe
from tests.ingest.clip import Recipe, encoded

CODECS = {
    "h264": "libx264",
    "hevc": "libx265",
    "mjpeg": "mjpeg",
    "mpeg4": "mpeg4",
    "mpeg2video": "mpeg2video",
}
FORMATS = {
    "mp4": "mp4",
    "mov": "mov",
    "avi": "avi",
    "mts": "mpegts",
    "ts": "mpegts",
    "mkv": "matroska",
    "mpg": "vob",
}
KINDS = {
    "mp4": "mov",
    "mov": "mov",
    "avi": "avi",
    "mts": "mpegts",
    "ts": "mpegts",
    "mkv": "matroska",
    "mpg": "mpeg",
}
RATE = 10
RATES = {"mpeg2video": 25}
"""MPEG-2 knows a few only."""
PICTURES = 12


def recorded(codec: str, suffix: str, sound: str = "") -> bytes:
    """A file of 1.2 seconds as a device makes it."""
    target = io.BytesIO()
    options = {"mpegts_m2ts_mode": "1"} if suffix == "mts" else {}
    with av.open(target, "w", format=FORMATS[suffix], options=options) as container:
        rate = RATES.get(codec, RATE)
        stream = container.add_stream(CODECS[codec], rate=rate)
        stream.width, stream.height = 160, 96
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.thread_count = 1
        if codec in {"h264", "hevc"}:
            stream.codec_context.options = {"preset": "ultrafast", "tune": "zerolatency"}
        if codec == "hevc":
            stream.codec_context.options |= {"x265-params": "log-level=error:pools=none"}
        track = container.add_stream(sound, rate=16000, layout="mono") if sound else None
        for n in range(PICTURES):
            image = np.full((96, 160, 3), 20 * n, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, "bgr24")
            frame.pts, frame.time_base = n, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if track is not None:
            _add_sound(container, track)
    return target.getvalue()


def _add_sound(container: av.container.OutputContainer, track: av.audio.AudioStream) -> None:
    size = track.codec_context.frame_size or 1024
    for n in range(16000 // size):
        frame = av.AudioFrame(format=track.codec_context.format.name, layout="mono", samples=size)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.rate, frame.pts, frame.time_base = 16000, n * size, Fraction(1, 16000)
        container.mux(track.encode(frame))
    container.mux(track.encode())


MADE = [
    (codec, suffix)
    for codec in CODECS
    for suffix in FORMATS
    # Broadcast streams carry no Motion JPEG, AVI no H.265: no device makes these.
    if (codec, suffix) not in {("mjpeg", "ts"), ("mjpeg", "mts"), ("hevc", "avi")}
    # Programme streams are of older camcorders.
    and (codec == "mpeg2video") == (suffix == "mpg")
]


@pytest.mark.parametrize(("codec", "suffix"), MADE)
def test_every_codec_in_every_container(tmp_path: Path, codec: str, suffix: str) -> None:
    path = tmp_path / "named.bin"
    path.write_bytes(recorded(codec, suffix))
    found = describe(path)
    assert (found.container, found.codec, found.complete) == (KINDS[suffix], codec, True)
    assert (found.width, found.height, found.audio) == (160, 96, ())
    assert found.seconds == pytest.approx(PICTURES / RATES.get(codec, RATE), abs=0.25)


SOUNDS = [("aac", "mp4"), ("aac", "ts"), ("pcm_s16le", "mov"), ("pcm_s16le", "avi"), ("mp2", "mts")]


@pytest.mark.parametrize(("sound", "suffix"), SOUNDS)
def test_the_sound_is_named(tmp_path: Path, sound: str, suffix: str) -> None:
    """Through the confined child, too; the bytes stay as they are wherever they are kept."""
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(recorded("h264", suffix, sound))
    assert describe(path).audio == probe(path).audio == (sound,)


SDP = b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
SCRIPTS = {
    "ffconcat": b"ffconcat version 1.0\nfile '/etc/passwd'\n",
    "ffconcat of an address": b"ffconcat version 1.0\nfile 'http://127.0.0.1:%d/x.mp4'\n",
    "m3u8": b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:%d/x.ts\n",
    "sdp": SDP,
    "dash": b'<?xml version="1.0"?><MPD><BaseURL>http://127.0.0.1:%d/</BaseURL></MPD>',
    "image sequence": b"image2\n%%04d.jpg\n",
}


@pytest.fixture
def trap() -> socket.socket:
    """Something that listens; nobody may call."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.3)
    return listener


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_a_script_named_like_a_video_calls_nobody(
    tmp_path: Path, trap: socket.socket, script: bytes
) -> None:
    """Evidence 0.8: FFmpeg follows what such a text names; here it never gets the text."""
    port = trap.getsockname()[1]
    path = tmp_path / "video.mp4"
    path.write_bytes(script % port if b"%d" in script else script)
    with trap:
        with pytest.raises(NotMedia):
            probe(path)
        with pytest.raises(TimeoutError):
            trap.accept()


def test_who_reads_or_copies_has_no_network(tmp_path: Path, trap: socket.socket) -> None:
    """Where the system lets it: as root, and where everybody may make user name spaces. What reads
    a file is in the same process as the connection that is tried behind it.
    """
    path = tmp_path / "a.mp4"
    path.write_bytes(WHOLE)
    script = (
        "import socket, sys\nfrom ingest import probe, transcoder\n"
        "what = sys.argv[3]\n"
        "if what == 'read':\n probe.main()\n"
        "elif what == 'copy':\n"
        " sys.argv = ['', sys.argv[1], sys.argv[1] + '.copy', '0', '1000000', sys.argv[2]]\n"
        " transcoder.main()\n"
        " sys.argv = ['', '', sys.argv[5]]\n"
        "else:\n print(probe.leave_network())\n"
        "try:\n socket.create_connection(('127.0.0.1', int(sys.argv[2])), 2)\n"
        "except OSError:\n print('cut off')\nelse:\n print('connected')"
    )

    def tried(what: str) -> str:
        port = str(trap.getsockname()[1])
        command = [sys.executable, "-c", script, str(path), port, what]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout

    with trap:
        can = tried("leave")
        assert can in {"True\ncut off\n", "False\nconnected\n"}
        for what in ("read", "copy"):
            assert tried(what).endswith(can.splitlines()[1] + "\n"), what
    assert Path(f"{path}.copy").stat().st_size > 0


def test_a_large_square_is_refused_by_its_header(tmp_path: Path) -> None:
    """Evidence 0.9: neither side is too long, but 12 such pictures take a gigabyte."""
    assert MAX_SIDE_PX * MAX_SIDE_PX > MAX_PIXELS
    bomb = tmp_path / "bomb.mov"
    bomb.write_bytes(grey(MAX_SIDE_PX, MAX_SIDE_PX))
    with pytest.raises(BrokenMedia) as caught:
        describe(bomb)
    assert caught.value.facts["detail"] == f"{MAX_SIDE_PX}x{MAX_SIDE_PX} px"


def grey(width: int, height: int) -> bytes:
    """One picture of that size; Motion JPEG, which is quick to make."""
    target = io.BytesIO()
    with av.open(target, "w", format="mov") as container:
        stream = container.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuvj420p"
        frame = av.VideoFrame(width, height, "yuvj420p")
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return target.getvalue()


def _boxed(data: bytes, box: bytes, offset: int, *values: int) -> bytes:
    """The file with 32-bit values put into the first box of a kind."""
    found = bytearray(data)
    struct.pack_into(f">{len(values)}I", found, data.index(box) + 4 + offset, *values)
    return bytes(found)


WHOLE = encoded(Recipe(count=30, gop=10))
GARBAGE = {
    "the index cut off": WHOLE[: WHOLE.index(b"moov") + 200],
    "the index gone": WHOLE[: WHOLE.index(b"moov") - 4],
    "endless sizes": _boxed(WHOLE, b"stsz", 4, 0, 0xFFFFFFFF),
    "endless equal sizes": _boxed(WHOLE, b"stsz", 4, 1, 0xFFFFFFFF),
    "endless durations": _boxed(WHOLE, b"stts", 4, 0xFFFFFFFF),
    "endless chunks": _boxed(WHOLE, b"stco", 4, 0xFFFFFFFF),
    "a box of itself": _boxed(WHOLE, b"moov", -8, 8),
    "a negative box": _boxed(WHOLE, b"moov", -8, 0xFFFFFFF0),
}


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE)
def test_garbage_in_the_index_harms_nobody(tmp_path: Path, data: bytes) -> None:
    """Refused, or described and marked incomplete, within the child's limits; we live on."""
    path = tmp_path / "a.mp4"
    path.write_bytes(data)
    before = threading.active_count()
    try:
        found = probe(path)
    except MediaError as error:
        assert error.facts["name"] == "a.mp4"
    else:
        assert not found.complete or found.seconds == pytest.approx(3.0, abs=0.2)
    assert threading.active_count() == before
