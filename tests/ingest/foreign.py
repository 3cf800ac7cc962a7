"""Files as recorders, camcorders and old cameras write them, with known pictures and one beep."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from tempfile import NamedTemporaryFile

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer

from ingest.transcode import Stretch, Transcoded, transcode
from tests.ingest.clip import Recipe, drawn, encoded
from vision.frame import Image

SIZE = (320, 180)
RATE = 25
BEEP_S = (1.0, 1.5)
"""When the beep is heard."""


@dataclass(frozen=True)
class Make:
    """What is written: two seconds at 25 pictures a second, unless `times` says when each is."""

    form: str
    video: str
    audio: str = ""
    pixels: str = "yuv420p"
    base: Fraction = Fraction(1, RATE)
    times: tuple[Fraction, ...] = tuple(Fraction(n, RATE) for n in range(2 * RATE))
    size: tuple[int, int] = SIZE
    rate_hz: int = 48_000
    rotation: int = 0
    options: tuple[tuple[str, str], ...] = ()
    muxing: tuple[tuple[str, str], ...] = ()


QUIET = ("x265-params", "log-level=none:pools=none:frame-threads=1")


@lru_cache(maxsize=32)
def foreign(make: Make) -> bytes:
    """The bytes of a file."""
    with NamedTemporaryFile() as target:
        _write(make, target.name)
        return Path(target.name).read_bytes()


def _write(make: Make, path: str) -> None:
    with av.open(path, "w", format=make.form, options=dict(make.muxing)) as container:
        video = container.add_stream(make.video, rate=RATE)
        video.width, video.height = make.size
        video.pix_fmt = make.pixels
        video.time_base = video.codec_context.time_base = make.base
        video.bit_rate = 4_000_000
        video.codec_context.options = dict(make.options)
        if make.rotation:
            video.set_display_rotation(make.rotation)
        audio = container.add_stream(make.audio, rate=make.rate_hz) if make.audio else None
        if audio is not None:
            audio.layout = "mono"
        for n, at in enumerate(make.times):
            image = av.VideoFrame.from_ndarray(drawn(n, make.size), "bgr24")
            picture = image.reformat(format=make.pixels)
            picture.time_base, picture.pts = make.base, round(at / make.base)
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
        if audio is not None:
            _write_sound(container, audio, make)


def _write_sound(container: OutputContainer, audio: AudioStream, make: Make) -> None:
    seconds = float(make.times[-1]) + 1 / RATE
    at = np.arange(round(seconds * make.rate_hz)) / make.rate_hz
    beeping = (at >= BEEP_S[0]) & (at < BEEP_S[1])
    wave = np.where(beeping, np.sin(2 * np.pi * 440 * at), 0.0)
    frame_size = {"aac": 1024, "ac3": 1536}.get(make.audio, 320)
    resampler = av.AudioResampler(
        audio.codec_context.format or "s16", "mono", make.rate_hz, frame_size=frame_size
    )
    frame = av.AudioFrame.from_ndarray((wave[None] * 16_000).astype(np.int16), "s16", "mono")
    frame.sample_rate, frame.pts = make.rate_hz, 0
    frame.time_base = Fraction(1, make.rate_hz)
    for each in [*resampler.resample(frame), *resampler.resample(None)]:
        container.mux(audio.encode(each))
    container.mux(audio.encode(None))


def media(made: Make | Recipe) -> bytes:
    """The bytes of a file of either kind."""
    return foreign(made) if isinstance(made, Make) else encoded(made)


def beep(path: Path) -> tuple[float, float] | None:
    """From when to when the beep is heard in a file; None without sound."""
    heard: list[float] = []
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return None
        resampler = av.AudioResampler("flt", "mono", 48_000)
        for frame in container.decode(audio=0):
            for each in resampler.resample(frame):
                (loud,) = np.nonzero(np.abs(each.to_ndarray()[0]) > 0.1)
                heard += [
                    float(each.pts * each.time_base) + n / 48_000
                    for n in loud[[0, -1][: len(loud)]]
                ]
    return (min(heard), max(heard)) if heard else None


def copied(source: Path, target: Path, stretch: Stretch) -> Transcoded:
    """A copy made in this process."""
    return transcode(source, target, stretch, told="a test", on_progress=lambda _: None)


def psnr(one: Image, other: Image) -> float:
    """Peak signal to noise ratio of two pictures in decibels; 99 when they are equal."""
    error = np.mean((one.astype(np.float64) - other) ** 2)
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))


def worst_psnr(ones: Sequence[Image], others: Sequence[Image]) -> float:
    """Of the pair that differs most."""
    return min(psnr(one, other) for one, other in zip(ones, others, strict=True))
