"""Pictures come out at their own times, and only those that are wanted."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cut import cut
from ingest.decode import LiveDecoder, Turns, frames, to_small_frame
from ingest.errors import FootageAltered
from tests.ingest.clip import CAMERA, STEP, Recipe, Replay, encoded, recorded, replayed, shown
from vision.frame import SECOND, Instant, later
from vision.picture import averaged_size

CLIP = Recipe(count=30, gop=10)


def whole(size: tuple[int, int]) -> tuple[int, int]:
    """Looks as large as the pictures."""
    return size


KINDS = {
    f"{codec}-{container}-{b_frames}b": Recipe(codec, 30, 10, b_frames, container=container)
    for codec in ("h264", "hevc")
    for container in ("mp4", "ts")
    for b_frames in (0, 2)
}


@pytest.mark.parametrize("recipe", KINDS.values(), ids=KINDS)
def test_every_picture_comes_at_its_own_time(tmp_path: Path, recipe: Recipe) -> None:
    """To the microsecond and the bit, over the borders of segments."""
    gops = recorded(tmp_path, Replay(encoded(recipe)), segment_s=1.5)
    assert len({gop.head.path for gop in gops}) == 2
    found = list(frames(gops))
    source = [image for _, image in shown(encoded(recipe))]
    assert [frame.at - gops[0].at for frame in found] == [n * 100_000 for n in range(30)]
    assert all(np.array_equal(frame.image, image) for frame, image in zip(found, source, strict=1))
    assert {frame.camera for frame in found} == {CAMERA}


@pytest.mark.parametrize(
    ("every_s", "wanted"),
    [
        (0.0, [*range(30)]),
        (0.1, [*range(30)]),
        (0.2, [*range(0, 30, 2)]),
        (0.25, [0, 3, 6, 9, 12, 15, 18, 21, 24, 27]),
        (1.0, [0, 10, 20]),
        (60.0, [0]),
    ],
)
def test_frames_are_thinned_by_time(tmp_path: Path, every_s: float, wanted: list[int]) -> None:
    """One in `every_s` seconds, the first at once."""
    gops = recorded(tmp_path, Replay(encoded(CLIP)))
    found = [(f.at - gops[0].at) // 100_000 for f in frames(gops, every_s=every_s)]
    assert found == wanted


@pytest.mark.parametrize("recipe", KINDS.values(), ids=KINDS)
def test_in_a_lull_key_frames_alone(tmp_path: Path, recipe: Recipe) -> None:
    """Of a GOP within it; those that reach out of it are whole, and every picture is the same."""
    gops = recorded(tmp_path, Replay(encoded(replace(recipe, gop=5))), segment_s=1.5)
    begin = gops[0].at
    lull = later(begin, 0.7), later(begin, 2.2)
    found = list(frames(gops, lull=lull))
    assert [(f.at - begin) // 100_000 for f in found] == [*range(10), 10, 15, *range(20, 30)]
    source = [image for _, image in shown(encoded(replace(recipe, gop=5)))]
    shown_at = [source[(frame.at - begin) // 100_000] for frame in found]
    assert all(np.array_equal(f.image, image) for f, image in zip(found, shown_at, strict=True))
    thinned = [(f.at - begin) // 100_000 for f in frames(gops, lull=lull, every_s=1)]
    assert thinned == [0, 10, 20]


def test_key_frames_far_apart_are_too_few(tmp_path: Path) -> None:
    gops = recorded(tmp_path, Replay(encoded(Recipe(count=90, gop=30))))
    lull = later(gops[0].at, -1), later(gops[0].at, 20)
    assert sum(1 for _ in frames(gops, lull=lull)) == 90


@given(st.lists(st.integers(0, 10**8), max_size=60), st.floats(0.05, 5))
def test_turns_are_never_closer_than_asked(steps_us: list[int], every_s: float) -> None:
    """A law of thinning: taken frames keep their distance, and no wait is longer than due."""
    turns, at = Turns(every_s), Instant(0)
    taken: list[int] = []
    for step_us in steps_us:
        at = Instant(at + step_us)
        if turns.take(at):
            taken.append(at)
        else:
            assert at - taken[-1] < every_s * SECOND
    gaps = [b - a for a, b in pairwise(taken)]
    assert all(gap >= every_s * SECOND - 1001 for gap in gaps)


def test_a_jump_back_in_time_starts_anew() -> None:
    """A clock that is set back must not stop the look for as long as it was ahead."""
    turns = Turns(1.0)
    assert [turns.take(Instant(round(s * SECOND))) for s in (100, 100.5, 10, 10.5, 11)] == [
        *(True, False, True, False, True)
    ]


def garbled(n: int, data: bytes) -> bytes:
    """Every seventh packet loses its end and more, and one is nothing but noise."""
    noise = Random(n)
    if n == 25:
        return noise.randbytes(50)
    return data[: len(data) // 3] + noise.randbytes(9) if n % 7 == 4 else data


@pytest.mark.parametrize("recipe", KINDS.values(), ids=KINDS)
def test_lost_packets_cost_pictures_and_no_more(tmp_path: Path, recipe: Recipe) -> None:
    """A look-back over a bad line sees what can be seen, and a clip can be cut."""
    gops = recorded(tmp_path, Replay(encoded(recipe), damage=garbled))
    found = [frame.at for frame in frames(gops)]
    assert found == sorted(found)
    # Noise without a single start code is no picture: no MP4 can hold it.
    kept = 30 if recipe.container == "mp4" else 29
    assert sum(len(gop.pictures) for gop in gops) == kept
    assert cut(gops, gops[0].at, gops[-1].end, tmp_path / "clip.mp4").pictures == kept
    assert {gop.at for gop in gops[:2]} <= set(found)


def test_altered_footage_is_not_decoded(tmp_path: Path) -> None:
    gops = recorded(tmp_path, Replay(encoded(CLIP)))
    path = gops[0].head.path.with_suffix(".mp4")
    path.write_bytes(path.read_bytes()[:-900])
    with pytest.raises(FootageAltered):
        list(frames(gops))


LOOKS = {
    # seconds between key frames: pictures that one look a second takes from 12 seconds
    "1 s": (10, [*range(0, 120, 10)]),
    "2 s": (20, [*range(0, 120, 20)]),
    # Until the second key frame nobody knows that it is so long away.
    "5 s": (50, [0, *range(50, 120, 10)]),
}


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize(("gop", "wanted"), LOOKS.values(), ids=LOOKS)
def test_a_running_stream_is_decoded_just_enough(codec: str, gop: int, wanted: list[int]) -> None:
    """Only key frames where they are dense, everything where they are far apart."""
    source = Replay(encoded(Recipe(codec, 120, gop, container="ts")))
    info, packets = replayed(source)
    decoder = LiveDecoder(CAMERA, info, look_s=1.0, reduced=whole)
    seen = [(n, frame) for n, packet in enumerate(packets) for frame in decoder.decode(packet)]
    source.close()
    assert [n for n, _ in seen] == wanted
    pictures = [image for _, image in shown(source.media)]
    assert all(np.array_equal(frame.image, pictures[n]) for n, frame in seen)
    assert [frame.at for _, frame in seen] == [packets[n].arrival for n in wanted]


@pytest.mark.parametrize("gop", [10, 50])
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_damaged_packets_do_not_stop_the_look(codec: str, gop: int) -> None:
    """Packet loss gives no frame and no error; the next whole key frame is seen."""
    noise = Random(5)

    def damage(n: int, data: bytes) -> bytes:
        if n in {10, 61}:
            return noise.randbytes(len(data))
        return data[: len(data) // 2] if n % 9 == 2 else data

    recipe = Recipe(codec, 150, gop, container="ts")
    source = Replay(encoded(recipe), damage=damage)
    info, packets = replayed(source)
    decoder = LiveDecoder(CAMERA, info, look_s=1.0, reduced=whole)
    seen = [n for n, packet in enumerate(packets) for _ in decoder.decode(packet)]
    source.close()
    assert {0, 50, 100} <= set(seen)
    assert 10 not in seen


def test_the_second_look_of_a_run_is_a_second_after_the_first() -> None:
    """Looks are counted in time, not in packets: slow cameras are looked at as often."""
    source = Replay(encoded(Recipe(count=40, gop=2, container="ts")))
    info, packets = replayed(source)
    decoder = LiveDecoder(CAMERA, info, look_s=1.0, reduced=whole)
    seen = [frame.at for packet in packets for frame in decoder.decode(packet)]
    source.close()
    assert [at - seen[0] for at in seen] == [0, 1_000_000, 2_000_000, 3_000_000]


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_what_follows_a_lost_picture_is_not_looked_at(codec: str) -> None:
    """A decoder conceals what never came and says nothing: the smear would be taken for things."""
    source = Replay(encoded(Recipe(codec, 150, 50, container="ts")))
    info, packets = replayed(source)
    decoder = LiveDecoder(CAMERA, info, look_s=1.0, reduced=whole)
    lost = {72, 73}
    seen = [n for n, packet in enumerate(packets) if n not in lost for _ in decoder.decode(packet)]
    source.close()
    assert [n for n in seen if 50 <= n < 72] == [50, 60, 70]
    assert [n for n in seen if n >= 72] == [100, 110, 120, 130, 140]
    assert decoder.damaged == 1


def test_a_camera_that_changes_its_rate_has_lost_nothing() -> None:
    """At dusk a camera takes pictures half as long again: that is no loss, and costs no look."""
    source = Replay(encoded(Recipe(count=150, gop=50, container="ts")))
    info, packets = replayed(source)
    decoder = LiveDecoder(CAMERA, info, look_s=0.1, reduced=whole)
    slower = [
        replace(packet, dts=packet.dts + max(0, n - 60) * STEP // 2)
        for n, packet in enumerate(packets)
    ]
    seen = [packet for packet in slower for _ in decoder.decode(packet)]
    source.close()
    assert decoder.damaged == 0
    assert len(seen) >= 100


FORMATS = ["yuv420p", "yuvj420p", "yuv422p", "nv12", "yuv420p10le"]


@pytest.mark.parametrize("size", [(1280, 720), (704, 576), (320, 240)])
@pytest.mark.parametrize("form", FORMATS)
def test_a_small_frame_is_its_picture(form: str, size: tuple[int, int]) -> None:
    """The look may not depend on how a camera codes: size, colours and luma are the picture's."""
    across, down = np.meshgrid(np.linspace(20, 220, size[0]), np.linspace(40, 200, size[1]))
    image = np.dstack([across, down, (across + down) / 2]).astype(np.uint8)
    picture = av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format=form)
    frame = to_small_frame(CAMERA, Instant(0), picture, averaged_size(size))
    assert frame.size == size
    assert frame.image.shape[1::-1] == averaged_size(size)
    wanted = cv2.resize(image, averaged_size(size), interpolation=cv2.INTER_AREA)
    assert np.abs(frame.image.astype(int) - wanted).max() <= 6
    assert frame.luma is not None
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(float)
    coded = grey if form == "yuvj420p" else 16 + grey * 219 / 255
    assert np.abs(frame.luma - coded).max() < 2


def test_a_small_frame_outlives_its_decoder() -> None:
    """Its luma is the decoder's own memory, which later pictures must not write over."""
    source = Replay(encoded(Recipe(count=60, gop=10, container="ts")))
    info, packets = replayed(source)
    decoder = LiveDecoder(CAMERA, info, look_s=1.0, reduced=whole)
    kept = [
        (frame, None if frame.luma is None else frame.luma.copy())
        for packet in packets
        for frame in decoder.decode(packet)
    ]
    source.close()
    del decoder
    assert len(kept) == 6
    assert all(np.array_equal(frame.luma, luma) for frame, luma in kept)
    assert not any(np.array_equal(kept[0][1], luma) for _, luma in kept[1:])
