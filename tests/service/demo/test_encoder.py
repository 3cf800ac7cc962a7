"""Compressed scenes: what a recorder or a camera would have made of them."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from service.demo.encoder import Codec, Encoder, Format, encode, encode_recorder_file
from service.demo.plot import dumping
from service.demo.rtp import nal_type, nal_units
from service.demo.street import render
from vision.frame import SECOND, Instant

CODECS: tuple[Codec, ...] = ("h264", "hevc")


@pytest.mark.parametrize("codec", CODECS)
def test_a_file_holds_the_scene(tmp_path: Path, codec: Codec) -> None:
    scene = dumping(1)
    form = Format(codec, fps=12.5, gop_s=0.96)
    path = encode(tmp_path / "scene.mp4", scene, 3.0, form, start_s=12.0)
    with av.open(path) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == codec
        assert stream.average_rate == Fraction(25, 2)
        packets = [p for p in container.demux(stream) if p.size]
    keys = [n for n, packet in enumerate(packets) if packet.is_keyframe]
    assert len(packets) == 38
    assert keys == [0, 12, 24, 36]
    assert all(packet.pts == packet.dts for packet in packets), "no B frames"
    with av.open(path) as container:
        for n, frame in enumerate(container.decode(video=0)):
            assert frame.time == pytest.approx(n * 0.08, abs=0.001)
            shown = frame.to_ndarray(format="bgr24").astype(int)
            assert np.abs(shown - render(scene, 12.0 + n * 0.08)).mean() < 6


@pytest.mark.parametrize("codec", CODECS)
def test_a_live_encoder_gives_one_unit_for_one_picture(codec: Codec) -> None:
    scene, form = dumping(1), Format(codec, fps=10, gop_s=0.5)
    encoder = Encoder(scene.size, form)
    units = [list(encoder.encode(render(scene, n / 10), n / 10)) for n in range(12)]
    assert [len(of_one) for of_one in units] == [1] * 12
    flat = [unit for (unit,) in units]
    assert [unit.key for unit in flat] == [n % 5 == 0 for n in range(12)]
    assert [unit.pts_s for unit in flat] == [n / 10 for n in range(12)]
    wanted = {7, 8, 5} if codec == "h264" else {32, 33, 34}
    for unit in flat:
        if unit.key:
            assert wanted <= {nal_type(nal, codec) for nal in nal_units(unit.data)}


def test_a_recorder_file_tells_when_it_began(tmp_path: Path) -> None:
    began = Instant(1_780_000_000 * SECOND + 250_000)
    path = encode_recorder_file(tmp_path / "body.mp4", dumping(1), 1.0, Format(), began=began)
    with av.open(path) as container:
        # An MP4 keeps whole seconds (ISO/IEC 14496-12, 8.2.2).
        assert container.metadata["creation_time"].startswith("2026-05-28T20:26:40.0")
