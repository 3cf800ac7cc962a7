"""What a look of a few seconds says of a camera."""

import pytest

from ingest.check import check
from ingest.errors import CameraUnreachable
from tests.ingest.clip import Recipe, Replay, encoded

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


def test_a_camera_that_breaks_off_is_not_judged() -> None:
    source = Replay(encoded(Recipe(count=20)))
    with pytest.raises(CameraUnreachable):
        check(source, 4.0)
    source.close()
