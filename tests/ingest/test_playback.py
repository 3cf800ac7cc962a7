"""What browsers play: a table of codings, and files that try to confuse the reader of boxes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.playback import Coding, playable, read_coding
from tests.ingest.clip import Recipe, encoded
from tests.ingest.foreign import Make, media

RULE = {
    Coding("mp4", "avc1", 100, ("mp4a",)): True,
    Coding("mp4", "avc3", 66): True,
    Coding("mp4", "avc1", 77, (".mp3",)): True,
    Coding("mp4", "avc1", 110): False,
    Coding("mp4", "avc1", 122): False,
    Coding("mp4", "avc1", 0): False,
    Coding("mp4", "avc1", 100, ("mp4a", "alaw")): False,
    Coding("mp4", "avc1", 100, fragmented=True): False,
    Coding("quicktime", "avc1", 100): False,
    Coding("mp4", "hvc1"): False,
    Coding("mp4", "hev1"): False,
    Coding("mp4", "mp4v"): False,
    Coding("mp4", "av01"): False,
    Coding("mp4"): False,
    Coding("other"): False,
}


@pytest.mark.parametrize("coding", RULE)
def test_the_rule(coding: Coding) -> None:
    """The rule: 8-bit 4:2:0 H.264 with AAC or MP3 in plain MP4, and nothing else."""
    assert playable(coding) == RULE[coding]


FILES: dict[str, tuple[Make | Recipe | bytes, bool]] = {
    "H.264 in MP4": (Recipe(), True),
    "its index first": (Recipe(movflags="faststart"), True),
    "with AAC": (Make("mp4", "libx264", "aac"), True),
    "with AC-3": (Make("mp4", "libx264", "ac3"), False),
    "in pieces": (Recipe(movflags="frag_keyframe+empty_moov"), False),
    "4:2:2": (Make("mp4", "libx264", "", "yuv422p"), False),
    "10 bits": (Make("mp4", "libx264", "", "yuv420p10le"), False),
    "H.265 in MP4": (Recipe(codec="hevc"), False),
    "MPEG-4 part 2 in MP4": (Make("mp4", "mpeg4"), False),
    "H.264 in QuickTime": (Recipe(container="mov"), False),
    "H.264 in AVI": (Recipe(container="avi"), False),
    "H.264 in TS": (Recipe(container="ts"), False),
    "H.264 in Matroska": (Recipe(container="mkv"), False),
    "nothing": (b"", False),
    "a text": (b"liuhen" * 100, False),
}


@pytest.mark.parametrize("name", FILES)
def test_files(tmp_path: Path, name: str) -> None:
    made, plays = FILES[name]
    path = tmp_path / "file"
    path.write_bytes(made if isinstance(made, bytes) else media(made))
    assert playable(read_coding(path)) == plays


WHOLE = encoded(Recipe(movflags="faststart"))


@given(st.integers(0, 1200), st.binary(min_size=1, max_size=12))
def test_no_header_is_too_broken(
    tmp_path_factory: pytest.TempPathFactory, at: int, junk: bytes
) -> None:
    """Attacks: lengths of boxes that reach behind the file, before it, or nowhere."""
    path = tmp_path_factory.mktemp("broken") / "file"
    path.write_bytes(WHOLE[:at] + junk + WHOLE[at + len(junk) :])
    assert isinstance(read_coding(path), Coding)
    path.write_bytes(WHOLE[:at])
    assert isinstance(read_coding(path), Coding)
