"""A reel: a video in which every picture is known by its bytes, so that none is lost unseen."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
import numpy as np

from service.demo.plot import passers
from service.demo.street import render
from vision.frame import Image

_TAIL = 32
"""Bytes at the end of a picture by which it is known: start codes and lengths are in front."""
_GRAIN = 6
"""Noise of a sensor at dusk, grey levels; what makes a picture of a still street cost bits."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a reel is made: pixels, pictures per second, seconds, bits per second."""

    size: tuple[int, int] = (320, 180)
    fps: int = 25
    gop_s: float = 1.0
    seconds: float = 40.0
    bit_rate: int = 400_000


SMALL = Form()
"""Cheap to make and to send; everything that happens to a stream happens to this one."""
STREET = Form(size=(1920, 1080), gop_s=2.0, seconds=20.0, bit_rate=4_000_000)
"""The main stream of a common street camera: 1080p25, a key frame every 2 s, 4 Mbit/s."""


@dataclass(frozen=True, slots=True)
class Reel:
    """A file that a simulated camera plays again and again."""

    path: Path
    fps: int
    places: dict[bytes, int]

    @property
    def count(self) -> int:
        """How many pictures it has."""
        return len(self.places)

    def place(self, data: bytes) -> int:
        """Which picture of the reel a packet is; KeyError: none of it, so it is damaged."""
        return self.places[data[-_TAIL:]]

    def missing(self, places: Sequence[int]) -> int:
        """How many pictures are left out in a recording, the reel going round and round."""
        return sum((after - before - 1) % self.count for before, after in pairwise(places))

    def behind(self, place: int, other: int) -> int:
        """By how many pictures `place` comes before `other`, no more than half a reel apart."""
        half = self.count // 2
        return (other - place + half) % self.count - half


def shoot(path: Path, form: Form = SMALL) -> Reel:
    """Make a reel at `path`, an MP4 file."""
    keys = round(form.gop_s * form.fps)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=form.fps)
        stream.width, stream.height = form.size
        stream.pix_fmt, stream.bit_rate = "yuv420p", form.bit_rate
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "x264-params": f"keyint={keys}:min-keyint={keys}:scenecut=0",
        }
        for image in _pictures(form):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "bgr24")))
        container.mux(stream.encode(None))
    return load(path)


def load(path: Path) -> Reel:
    """The reel in a file.

    Raises:
        ValueError: two of its pictures cannot be told apart.
    """
    with av.open(str(path)) as container:
        fps = round(container.streams.video[0].average_rate or 0)
        tails = [bytes(p)[-_TAIL:] for p in container.demux(video=0) if p.size]
    places = {tail: place for place, tail in enumerate(tails)}
    if len(places) != len(tails):
        msg = f"{len(tails) - len(places)} pictures look like others"
        raise ValueError(msg)
    return Reel(path, fps, places)


def _pictures(form: Form) -> Iterable[Image]:
    """A street with people, two drawn pictures a second, each with grain of its own."""
    rng = np.random.default_rng(20260528)
    width, height = form.size
    grain = rng.integers(-_GRAIN, _GRAIN + 1, (height * 2, width, 3), np.int16)
    scene, drawn = passers(3, size=form.size), np.zeros(1, np.int16)
    for number in range(round(form.seconds * form.fps)):
        if number % (form.fps // 2) == 0:
            drawn = render(scene, 30 + number / form.fps).astype(np.int16)
        down, aside = rng.integers(0, height), rng.integers(0, width)
        noise = np.roll(grain[down : down + height], aside, axis=1)
        yield np.clip(drawn + noise, 0, 255).astype(np.uint8)
