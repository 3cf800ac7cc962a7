"""What a look of a few seconds says of a camera."""

from contextlib import closing

import pytest

from ingest.check import check
from ingest.clock import SystemClock
from ingest.errors import CameraUnreachable
from ingest.rtsp import Address, RtspSource
from service.demo.camera import Equipment
from service.demo.server import CameraServer
from service.demo.sound import Tone
from tests.ingest.clip import CAMERA, Recipe, Replay, encoded
from tests.ingest.live import RATE, ClipSource

STREAMS = {
    "key frame every second": (Recipe(count=60, gop=10), 1.0),
    "key frame every 2.5 s": (Recipe(count=60, gop=25), 2.5),
    "one key frame only": (Recipe(count=60, gop=60), 4.0),
    "B frames": (Recipe(count=60, gop=10, b_frames=2), 1.0),
    "hevc": (Recipe("hevc", 60, 20), 2.0),
}


@pytest.mark.parametrize(("recipe", "gop_s"), STREAMS.values(), ids=STREAMS)
def test_a_camera_is_looked_at(recipe: Recipe, gop_s: float) -> None:
    """Rates come from media times; without sender reports no clock is judged."""
    source = Replay(encoded(recipe))
    found = check(source, 4.0)
    source.close()
    assert (found.codec, found.width, found.height) == (recipe.codec, 64, 48)
    assert found.fps == pytest.approx(10.0)
    assert found.gop_s == pytest.approx(gop_s)
    assert found.clock_offset_s is None


def test_sound_is_named_and_counts_as_no_picture() -> None:
    """What a camera offers is told; the rates are those of its pictures."""
    clip = ClipSource.of(Recipe(count=40, gop=10, container="ts"))
    sounds = {"gate": Tone("aac")}
    clock = SystemClock()
    with CameraServer({"gate": clip}, clock=clock, equipment=Equipment(sounds=sounds)) as camera:
        for audio, codec in ((True, "aac"), (False, None)):
            address = Address(camera.url("gate"))
            with closing(RtspSource(CAMERA, address, clock, packet_age_s=5, audio=audio)) as source:
                found = check(source, 1.0)
            assert found.audio == codec
            assert found.fps == pytest.approx(RATE)
            assert found.gop_s == pytest.approx(10 / RATE)


def test_a_camera_that_breaks_off_is_not_judged() -> None:
    source = Replay(encoded(Recipe(count=20)))
    with pytest.raises(CameraUnreachable):
        check(source, 4.0)
    source.close()
