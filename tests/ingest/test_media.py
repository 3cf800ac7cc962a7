"""Files that people bring are hostile until their bytes have said what they are."""

import io
import os
import random
import struct
from pathlib import Path

import av
import pytest

from ingest.errors import BrokenMedia, EmptyFile, MediaError, NotMedia
from ingest.media import MAX_SIDE_PX, Media, demuxer, describe, pictures
from ingest.probe import probe
from tests.ingest.clip import Recipe, encoded
from vision.frame import SECOND, Instant

CLIP = Recipe(count=30, gop=10)

FIRST_BYTES = {
    "mp4": (b"\0\0\0\x20ftypisom", "mov"),
    "quicktime with the index first": (b"\0\0\1\0moov\0\0\0\x6cmvhd", "mov"),
    "quicktime with the pictures first": (b"\0\0\0\1mdat\0\0\0\0", "mov"),
    "old quicktime": (b"\0\0\0\x08wide\0\0\0\0mdat", "mov"),
    "avi": (b"RIFF\0\0\0\0AVI LIST", "avi"),
    "a wave sound": (b"RIFF\0\0\0\0WAVEfmt ", None),
    "matroska": (b"\x1a\x45\xdf\xa3\x93\x42\x82\x88", "matroska"),
    "transport stream": (b"\x47" + bytes(187) + b"\x47" + bytes(187), "mpegts"),
    "transport stream of a camcorder": (bytes(4) + (b"\x47" + bytes(191)) * 2, "mpegts"),
    "programme stream": (b"\0\0\1\xba\x44\0\4\0\4\1", "mpeg"),
    "a text that begins with G": (b"Good morning" + b" " * 388, None),
    "a script for FFmpeg": (b"ffconcat version 1.0\nfile /etc/passwd\n", None),
    "a playlist": (b"#EXTM3U\n#EXT-X-VERSION:3\nfile:///etc/passwd\n", None),
    "a picture": (b"\xff\xd8\xff\xe0\0\x10JFIF", None),
    "a program": (b"\x7fELF\2\1\1", None),
    "an archive": (b"PK\3\4", None),
    "nothing": (b"", None),
    "three bytes": (b"\0\0\0", None),
}


@pytest.mark.parametrize(("first", "wanted"), FIRST_BYTES.values(), ids=FIRST_BYTES)
def test_the_first_bytes_choose_the_demuxer(first: bytes, wanted: str | None) -> None:
    """Never the name of the file, and never FFmpeg's own guess."""
    assert demuxer(first) == wanted


CONTAINERS = {
    "mp4-h264": (Recipe(count=30), "mov", "h264"),
    "mp4-hevc": (Recipe("hevc", 30), "mov", "hevc"),
    "mov": (Recipe(container="mov"), "mov", "h264"),
    "avi": (Recipe(container="avi"), "avi", "h264"),
    "mkv": (Recipe(container="mkv"), "matroska", "h264"),
    "mkv-hevc": (Recipe("hevc", container="mkv"), "matroska", "hevc"),
    "ts": (Recipe(container="ts"), "mpegts", "h264"),
    "fragmented": (Recipe(movflags="frag_keyframe+empty_moov"), "mov", "h264"),
}


@pytest.mark.parametrize(("recipe", "kind", "codec"), CONTAINERS.values(), ids=CONTAINERS)
def test_what_a_file_says_of_itself(tmp_path: Path, recipe: Recipe, kind: str, codec: str) -> None:
    """Times come from the packets; an extension that lies changes nothing."""
    path = tmp_path / "视频.jpg"
    path.write_bytes(encoded(recipe))
    found = describe(path)
    assert (found.container, found.codec, found.width, found.height) == (kind, codec, 64, 48)
    assert found.seconds == pytest.approx(3.0, abs=0.11)
    assert found.fps == pytest.approx(10.0, abs=0.4)
    assert found.complete
    decoded = [seconds for seconds, _ in pictures(path)]
    assert decoded == pytest.approx([n / 10 for n in range(30)], abs=0.002)


def test_the_child_says_the_same(tmp_path: Path) -> None:
    """Facts cross from the confined process whole, the creation time too."""
    path = tmp_path / "记录仪 1.mp4"
    path.write_bytes(encoded(Recipe(created="2026-05-28T20:26:40.000000Z")))
    wanted = Media("mov", "h264", 64, 48, 10.0, 3.0, Instant(1_780_000_000 * SECOND), complete=True)
    assert probe(path) == describe(path) == wanted


def test_a_file_without_a_creation_time_has_none(tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    path.write_bytes(encoded(Recipe(container="ts")))
    assert describe(path).created is None


WRONG = {
    "nothing": (b"", EmptyFile),
    "text": ("会议纪要\n".encode() * 100, NotMedia),
    "ffconcat script": (b"ffconcat version 1.0\nfile secret.mp4\n", NotMedia),
    "hls playlist": (b"#EXTM3U\n#EXTINF:1,\nsecret.mp4\n", NotMedia),
    "noise": (random.Random(1).randbytes(5000), NotMedia),
    "noise with the name of a box": (b"\0\0\0\x20ftyp" + random.Random(2).randbytes(5000), None),
    "noise behind an avi header": (b"RIFF\0\0\0\0AVI " + random.Random(3).randbytes(5000), None),
    "noise behind a matroska header": (b"\x1a\x45\xdf\xa3" + random.Random(4).randbytes(999), None),
    "empty transport packets": ((b"\x47" + bytes(187)) * 40, None),
    "index at the end, cut off": (encoded(CLIP)[:-900], None),
    "only the first box": (encoded(CLIP)[:40], None),
    "a sound": (None, None),
}


def sound() -> bytes:
    """An MP4 without pictures."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48000)
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.rate = 48000
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return target.getvalue()


@pytest.mark.parametrize(("data", "kind"), WRONG.values(), ids=WRONG)
def test_what_is_not_a_video_is_refused(
    tmp_path: Path, data: bytes | None, kind: type[MediaError] | None
) -> None:
    """With an error of ours that names the file, whatever its extension promises."""
    (tmp_path / "secret.mp4").write_bytes(encoded(CLIP))
    path = tmp_path / "上传.mp4"
    path.write_bytes(sound() if data is None else data)
    for read in (describe, lambda p: list(pictures(p))):
        with pytest.raises(kind or BrokenMedia) as caught:
            read(path)
        assert caught.value.facts["name"] == "上传.mp4"


@pytest.mark.parametrize("name", ["nothing", "ffconcat script", "index at the end, cut off"])
def test_the_child_refuses_the_same(tmp_path: Path, name: str) -> None:
    data, kind = WRONG[name]
    path = tmp_path / "-i.mp4"
    path.write_bytes(data or b"")
    with pytest.raises(kind or BrokenMedia) as caught:
        probe(path)
    assert caught.value.facts["name"] == "-i.mp4"


@pytest.mark.parametrize("part", [0.4, 0.7, 0.95])
def test_an_upload_cut_in_half_says_so(tmp_path: Path, part: float) -> None:
    """With the index first what is there can be seen; that something is missing is a fact."""
    data = encoded(Recipe(count=300, gop=10, movflags="faststart"))
    path = tmp_path / "half.mp4"
    path.write_bytes(data[: int(len(data) * part)])
    found = describe(path)
    assert not found.complete
    assert 0 < found.seconds < 30.0
    assert 0 < len(list(pictures(path))) < 300


def wide(width: int, height: int) -> bytes:
    """A few bytes that become a large picture."""
    return encoded(Recipe(count=1, gop=1, size=(width, height)))


SIZES = {
    "as wide as allowed": (MAX_SIDE_PX, 16, True),
    "too wide": (MAX_SIDE_PX + 16, 16, False),
    "too high": (16, MAX_SIDE_PX + 16, False),
}


@pytest.mark.parametrize(("width", "height", "allowed"), SIZES.values(), ids=SIZES)
def test_a_bomb_is_refused_by_its_header(
    tmp_path: Path, width: int, height: int, allowed: bool
) -> None:
    """Before anything is decoded."""
    path = tmp_path / "bomb.mp4"
    path.write_bytes(wide(width, height))
    if allowed:
        assert describe(path).width == width
        return
    with pytest.raises(BrokenMedia) as caught:
        describe(path)
    assert caught.value.facts["detail"] == f"{width}x{height} px"


def inflated(samples: int) -> bytes:
    """A small MP4 whose tables promise that many pictures of one byte."""
    data = bytearray(encoded(CLIP))

    def write(box: bytes, offset: int, *values: int) -> None:
        at = data.index(box) + 4 + offset
        struct.pack_into(f">{len(values)}I", data, at, *values)

    # Offsets behind version and flags: ISO/IEC 14496-12, 8.6.1.2, 8.7.3.2 and 8.7.4.
    write(b"stts", 4, 1, samples, 1)
    write(b"stsz", 4, 1, samples)
    write(b"stsc", 4, 1, 1, samples, 1)
    return bytes(data)


def test_a_parser_that_wants_too_much_memory_dies_alone(tmp_path: Path) -> None:
    """Tables of 7 KB that unfold to 4 GB: the child's limit holds, we get an error."""
    path = tmp_path / "tables.mp4"
    path.write_bytes(inflated(60_000_000))
    with pytest.raises(BrokenMedia):
        probe(path)


@pytest.mark.media
def test_real_damaged_clips_are_survived() -> None:
    """Whatever real recorders broke is described or refused, never a foreign error."""
    folder = os.environ.get("LIUHEN_MEDIA")
    if not folder:
        pytest.skip("needs the real clips: set LIUHEN_MEDIA to their folder")
    clips = sorted(Path(folder).glob("faulty/*"))
    assert clips
    for path in clips:
        try:
            assert probe(path).width > 0
            assert next(pictures(path))[0] == 0.0
        except MediaError as error:
            assert error.facts["name"] == path.name
