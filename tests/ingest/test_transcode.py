"""Review copies: every picture at its time, nothing else, whatever the original is made of."""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest

from ingest.cut import cut
from ingest.errors import BrokenMedia, DiskFull, EmptyFile, MediaError, NotMedia
from ingest.playback import playable, read_coding
from ingest.transcode import Stretch, fitted
from ingest.transcoder import transcode_confined
from tests.ingest.clip import Recipe, Replay, encoded, recorded, shown
from tests.ingest.foreign import BEEP_S, QUIET, Make, beep, copied, foreign, media, worst_psnr
from vision.frame import later

ALL = Stretch(0, 60_000_000)
LEAST_DB = 40.0
"""Above it two pictures look the same (constant rate factor 23 reaches 43 on these)."""


def _uneven() -> tuple[Fraction, ...]:
    dice = random.Random(1)
    steps = [Fraction(dice.choice([1, 2, 3, 7, 30]), 100) for _ in range(49)]
    return tuple(sum(steps[:n], Fraction(0)) for n in range(50))


SOURCES: dict[str, Make | Recipe] = {
    "H.265 in MP4": Recipe(codec="hevc", size=(320, 180)),
    "H.265, out of order, open GOPs, in TS": Recipe(
        codec="hevc", size=(320, 180), count=200, b_frames=3, open_gop=True, container="ts"
    ),
    "H.264 in AVI": Recipe(container="avi", size=(320, 180)),
    "H.264 out of order in Matroska": Recipe(container="mkv", size=(320, 180), b_frames=2),
    "Motion JPEG and PCM in AVI": Make("avi", "mjpeg", "pcm_s16le", "yuvj420p"),
    "Motion JPEG 4:2:2 and G.711 in AVI": Make(
        "avi", "mjpeg", "pcm_alaw", "yuvj422p", rate_hz=8000
    ),
    "MPEG-4 part 2 and AAC in Matroska": Make("matroska", "mpeg4", "aac"),
    "MPEG-4 part 2 out of order in AVI": Make("avi", "mpeg4", options=(("bf", "2"),)),
    "H.264 and AC-3 in TS": Make("mpegts", "libx264", "ac3"),
    "H.264 and AAC in TS": Make("mpegts", "libx264", "aac"),
    "H.264 and AC-3 in MTS": Make("mpegts", "libx264", "ac3", muxing=(("mpegts_m2ts_mode", "1"),)),
    "interlaced H.264 in MTS": Make("mpegts", "libx264", options=(("x264-params", "tff=1"),)),
    "H.265 at uneven times with AAC": Make(
        "mp4", "libx265", "aac", base=Fraction(1, 90_000), times=_uneven(), options=(QUIET,)
    ),
    "H.265 in 10 bits": Make(
        "mp4", "libx265", "", "yuv420p10le", base=Fraction(1, 90_000), options=(QUIET,)
    ),
}


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "original"
    path.write_bytes(media(SOURCES[request.param]))
    return path


def _wanted(source: Path, stretch: Stretch) -> list[tuple[Fraction, object]]:
    """The original's pictures in the stretch, at the copy's times."""
    pictures = shown(source)
    moved = [(at - pictures[0][0] - stretch.start, image) for at, image in pictures]
    return [(at, image) for at, image in moved if 0 <= at < stretch.length]


STRETCHES = {
    "all": ALL,
    "a second": Stretch(1_000_000, 2_000_000),
    "between pictures": Stretch(1_050_000, 1_730_000),
    "the end": Stretch(1_500_000, 60_000_000),
}


@pytest.mark.parametrize("stretch", STRETCHES)
def test_every_picture_stands_at_its_time(source: Path, tmp_path: Path, stretch: str) -> None:
    """Attacks: times that are rounded, doubled or moved, and a start that is not the asked one."""
    target = tmp_path / "copy.mp4"
    made = copied(source, target, STRETCHES[stretch])
    wanted, got = _wanted(source, STRETCHES[stretch]), shown(target)
    assert wanted
    assert len(got) == len(wanted) == made.pictures
    tick = Fraction(1, 90_000)
    assert max(abs(a - b) for (a, _), (b, _) in zip(wanted, got, strict=True)) <= tick
    assert worst_psnr([i for _, i in wanted], [i for _, i in got]) > LEAST_DB
    assert made.left_out == 0
    assert abs(made.first_us - round(got[0][0] * 1_000_000)) <= 12


def test_browsers_play_every_copy(source: Path, tmp_path: Path) -> None:
    """Attacks: codec, pixel format and container of the copy; its index must come first."""
    target = tmp_path / "copy.mp4"
    copied(source, target, ALL)
    assert playable(read_coding(target))
    data = target.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(target)) as container:
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"
        assert "不是证据" in container.metadata["title"]


WITH_SOUND = [name for name in SOURCES if any(s in name for s in ("PCM", "G.711", "AAC", "AC-3"))]


@pytest.mark.parametrize("name", WITH_SOUND)
def test_sound_stays_with_its_picture(tmp_path: Path, name: str) -> None:
    """Attacks: priming, gaps and starts that shift the sound."""
    source, target = tmp_path / "original", tmp_path / "copy.mp4"
    source.write_bytes(media(SOURCES[name]))
    for stretch in (ALL, Stretch(700_000, 1_800_000)):
        assert copied(source, target, stretch).sound
        wanted = [each - float(stretch.start) for each in BEEP_S]
        assert beep(target) == pytest.approx(wanted, abs=0.005)


def test_a_file_without_sound_gets_none(tmp_path: Path) -> None:
    source, target = tmp_path / "original", tmp_path / "copy.mp4"
    source.write_bytes(media(SOURCES["H.265 in MP4"]))
    assert not copied(source, target, ALL).sound
    assert beep(target) is None


def test_key_frames_are_close_enough_to_seek(tmp_path: Path) -> None:
    source, target = tmp_path / "original", tmp_path / "copy.mp4"
    source.write_bytes(media(SOURCES["H.265, out of order, open GOPs, in TS"]))
    copied(source, target, ALL)
    with av.open(str(target)) as container:
        keys = [p.pts * p.time_base for p in container.demux(video=0) if p.is_keyframe]
    assert keys[0] == 0
    assert all(after - before <= 2 for before, after in pairwise([*keys, Fraction(20)]))


def test_a_clip_keeps_its_zero(tmp_path: Path) -> None:
    """The pictures before a clip's start, which players hide, are not in its copy."""
    recipe = Recipe(codec="hevc", b_frames=2, size=(320, 180))
    gops = recorded(tmp_path / "segments", Replay(encoded(recipe)))
    source, target = tmp_path / "clip.mp4", tmp_path / "copy.mp4"
    start = later(gops[0].at, 0.65)
    assert cut(gops, start, later(start, 1.0), source).lead_in > 0
    copied(source, target, ALL)
    wanted, got = shown(source), shown(target)
    assert [at for at, _ in got] == [at for at, _ in wanted]
    assert got[0][0] == 0
    assert worst_psnr([i for _, i in wanted], [i for _, i in got]) > LEAST_DB


def test_a_turned_picture_stays_turned(tmp_path: Path) -> None:
    """Recorders that hang sideways say so beside the pictures."""
    source, target = tmp_path / "original", tmp_path / "copy.mp4"
    make = Make("mp4", "libx265", base=Fraction(1, 90_000), rotation=90, options=(QUIET,))
    source.write_bytes(foreign(make))
    copied(source, target, ALL)
    turns = []
    for path in (source, target):
        with av.open(str(path)) as container:
            turns.append(next(container.decode(video=0)).rotation)
    assert turns[0] == turns[1] != 0


SIZES = {
    (1920, 1080): (1920, 1080),
    (1080, 1920): (1080, 1920),
    (3840, 2160): (1920, 1080),
    (2560, 1920): (1440, 1080),
    (641, 481): (640, 480),
    (8192, 2): (1920, 2),
}


@pytest.mark.parametrize("size", SIZES)
def test_a_copy_is_1080p_at_most_and_even(size: tuple[int, int]) -> None:
    assert fitted(*size) == SIZES[size]


def _damaged(container: str) -> tuple[bytes, bytes]:
    """A file of 60 pictures, whole, and with the fifth tenth of its bytes replaced by noise."""
    whole = encoded(Recipe(codec="hevc", count=60, size=(320, 180), container=container))
    data, dice = bytearray(whole), random.Random(2)
    step = 188 if container == "ts" else 1
    for place in range(len(data) * 4 // 10 // step * step, len(data) // 2, step):
        # What carries the pictures of a transport stream, and their times, stays.
        for n in range(place + (60 if step > 1 else 0), place + step):
            data[n] = dice.randrange(256)
    return whole, bytes(data)


@pytest.mark.parametrize("container", ["ts", "mp4"])
def test_damage_in_the_middle_is_left_out_and_counted(tmp_path: Path, container: str) -> None:
    """Attacks: a decoder that stops at the first bad picture, or pictures that move up."""
    source, target, original = tmp_path / "damaged", tmp_path / "copy.mp4", tmp_path / "whole"
    whole, damaged = _damaged(container)
    original.write_bytes(whole)
    source.write_bytes(damaged)
    made = copied(source, target, ALL)
    times = [at for at, _ in _wanted(original, ALL)]
    got = [at for at, _ in shown(target)]
    assert set(got) < set(times)
    assert got[-1] == times[-1]
    lost = len(times) - len(got)
    # In a transport stream damage may hide where one picture ends and the next begins.
    assert (0 < made.left_out <= lost) if container == "ts" else made.left_out == lost


REFUSED: dict[str, tuple[bytes, type[MediaError]]] = {
    "empty": (b"", EmptyFile),
    "a text": (b"ffconcat version 1.0\nfile /etc/passwd\n", NotMedia),
    "cut off": (encoded(Recipe(codec="hevc"))[:3000], BrokenMedia),
    "a header only": (b"\0\0\0\x18ftypisom" + bytes(400), BrokenMedia),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_video_is_refused_in_the_child_too(tmp_path: Path, name: str) -> None:
    data, kind = REFUSED[name]
    source = tmp_path / "original"
    source.write_bytes(data)
    with pytest.raises(kind):
        transcode_confined(source, tmp_path / "copy.mp4", ALL, told="", on_tick=lambda _: None)


def test_a_stretch_behind_the_end_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "original"
    source.write_bytes(media(SOURCES["H.265 in MP4"]))
    with pytest.raises(BrokenMedia):
        copied(source, tmp_path / "copy.mp4", Stretch(50_000_000, 60_000_000))


def test_the_child_makes_the_same_copy_and_tells_how_far_it_is(tmp_path: Path) -> None:
    source = tmp_path / "original"
    source.write_bytes(media(SOURCES["H.265, out of order, open GOPs, in TS"]))
    told: list[float] = []
    made = transcode_confined(source, tmp_path / "one.mp4", ALL, told="a test", on_tick=told.append)
    assert made == copied(source, tmp_path / "other.mp4", ALL)
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "other.mp4").read_bytes()
    assert told == sorted(told)


class Enough(Exception):
    """Whoever waits has had enough."""


def test_what_the_listener_raises_ends_the_child(tmp_path: Path) -> None:
    source = tmp_path / "original"
    source.write_bytes(media(SOURCES["H.265, out of order, open GOPs, in TS"]))

    def refuse(_: float) -> None:
        raise Enough

    with pytest.raises(Enough):
        transcode_confined(source, tmp_path / "copy.mp4", ALL, told="", on_tick=refuse)


LIMITS = {
    "time": "resource.setrlimit(resource.RLIMIT_CPU, (1, 1))",
    "memory": "resource.setrlimit(resource.RLIMIT_AS, (300 << 20, 300 << 20))",
    "size": "resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, 4_000))",
}


@pytest.mark.parametrize("limit", LIMITS)
def test_a_limit_is_a_clear_end(tmp_path: Path, limit: str) -> None:
    """A bomb or an endless file ends at a limit: in an error of ours, or with the child."""
    source = tmp_path / "original"
    make = Make("avi", "mjpeg", "", "yuvj420p", size=(3840, 2160))
    source.write_bytes(foreign(make))
    script = (
        "import resource, sys, ingest.transcoder as t\n"
        f"{LIMITS[limit]}\n"
        "t._confine = lambda stretch: None\n"
        "t.main()\n"
    )
    arguments = [str(source), str(tmp_path / "copy.mp4"), "0", "60000000", "a test"]
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, check=False
    )
    if done.returncode == 0:
        said = json.loads(done.stdout.splitlines()[-1])
        assert said["error"] == "BrokenMedia"
    else:
        assert done.returncode < 0


def test_the_child_has_the_lowest_priority_and_every_limit() -> None:
    script = (
        "import os, resource as r\n"
        "from ingest.transcode import Stretch\n"
        "from ingest.transcoder import _confine\n"
        "_confine(Stretch(0, 10_000_000))\n"
        "kinds = (r.RLIMIT_AS, r.RLIMIT_CPU, r.RLIMIT_FSIZE, r.RLIMIT_CORE)\n"
        "print(os.nice(0), *(r.getrlimit(kind)[1] for kind in kinds))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout.split() == [b"19", b"2147483648", b"320", b"4294967296", b"0"]


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one page; only root can make one."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("a tiny disk needs root and mount")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_told_and_the_original_stays(tmp_path: Path, tiny_disk: Path) -> None:
    """Attacks: ENOSPC in the muxer's last write, where FFmpeg answers with errors of its own."""
    source = tmp_path / "original"
    make = Make("avi", "mjpeg", "", "yuvj420p", size=(1280, 720))
    source.write_bytes(foreign(make))
    with pytest.raises(DiskFull):
        transcode_confined(source, tiny_disk / "c.mp4", ALL, told="", on_tick=lambda _: None)
    assert source.read_bytes() == foreign(make)
