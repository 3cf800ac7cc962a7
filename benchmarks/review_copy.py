"""What a review copy costs: CPU seconds for a second of 1080p H.265, and how alike it looks.

    python -m benchmarks.review_copy --clips 5 [--seconds 10] [--fps 25] [--json FILE]
    python -m benchmarks.review_copy --real FILE... [--json FILE]

The originals are simulated streets, or real 1080p files compressed anew as H.265: no camera's own
stream. Real and simulated results are never mixed in one number.
"""

import argparse
import json
import resource
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path
from statistics import mean

import av
import numpy as np
from av.video.frame import PictureType

from benchmarks.machine import machine
from ingest.transcode import PARAMETERS, Stretch
from ingest.transcoder import transcode_confined
from service.demo.encoder import Format, encode
from service.demo.plot import PLOTS
from vision.frame import SECOND

SIZE = (1920, 1080)
FIRST_SEED = 9500
"""Of the simulated streets; no other benchmark and no test uses them from here on."""


HOUR_US = 3_600_000_000
"""Longer than any clip here."""
BEGIN_S = 8.0
"""When the scripts begin to move."""


@dataclass(frozen=True, slots=True)
class Cost:
    """One clip: `cpu_s` of the whole child, its start included; `psnr_db` of luma, the mean."""

    clip: str
    media_s: float
    pictures: int
    cpu_s: float
    cpu_s_per_media_s: float
    cpu_ms_per_picture: float
    original_bytes: int
    copy_bytes: int
    psnr_db: float


def luma_psnr(original: Path, copy: Path) -> float:
    """Mean over all pictures, in decibels."""
    found = []
    with av.open(str(original)) as one, av.open(str(copy)) as other:
        for a, b in zip(one.decode(video=0), other.decode(video=0), strict=True):
            luma = a.to_ndarray()[: a.height].astype(np.float32)
            difference = luma - b.to_ndarray()[: b.height]
            found.append(10 * np.log10(255**2 / max(float(np.mean(difference**2)), 1e-9)))
    return float(mean(found))


def _original(scene: str, seed: int, seconds: float, form: Format, folder: Path) -> Path:
    street = PLOTS[scene](seed, size=SIZE)
    return encode(folder / "original.mp4", street, seconds, form, start_s=BEGIN_S)


def _recompressed(source: Path, folder: Path) -> Path:
    """The pictures of a real file, as H.265 with a key frame every 50."""
    target = folder / "original.mp4"
    with av.open(str(source)) as given, av.open(str(target), "w") as made:
        pictures = given.streams.video[0]
        stream = made.add_stream("libx265", rate=pictures.guessed_rate)
        stream.width, stream.height = pictures.width, pictures.height
        stream.time_base = stream.codec_context.time_base = pictures.time_base
        stream.codec_context.options = {
            "preset": "ultrafast",
            "crf": "26",
            "x265-params": "keyint=50:bframes=0:pools=none:frame-threads=1:log-level=error",
        }
        for picture in given.decode(pictures):
            picture.pict_type = PictureType.NONE
            made.mux(stream.encode(picture))
        made.mux(stream.encode(None))
    return target


def measure(name: str, original: Path, folder: Path) -> Cost:
    """Copy a whole file in the child, and compare."""
    copy = folder / "copy.mp4"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    made = transcode_confined(
        original, copy, Stretch(0, HOUR_US), told="a benchmark", on_tick=lambda _: None
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    seconds = made.end_us / SECOND
    return Cost(
        clip=name,
        media_s=round(seconds, 3),
        pictures=made.pictures,
        cpu_s=round(cpu_s, 3),
        cpu_s_per_media_s=round(cpu_s / seconds, 3),
        cpu_ms_per_picture=round(1000 * cpu_s / made.pictures, 1),
        original_bytes=original.stat().st_size,
        copy_bytes=copy.stat().st_size,
        psnr_db=round(luma_psnr(original, copy), 2),
    )


def costs(asked: argparse.Namespace) -> Iterator[Cost]:
    """Every clip, one after the other."""
    form = Format(codec="hevc", fps=asked.fps, gop_s=2.0)
    for number, name in enumerate([] if asked.real else islice(cycle(PLOTS), asked.clips)):
        with tempfile.TemporaryDirectory() as folder:
            street = _original(name, FIRST_SEED + number, asked.seconds, form, Path(folder))
            yield measure(name, street, Path(folder))
    for source in asked.real:
        with tempfile.TemporaryDirectory() as folder:
            yield measure(source.name, _recompressed(source, Path(folder)), Path(folder))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--fps", type=float, default=25.0)
    parser.add_argument("--real", type=Path, nargs="+", default=[])
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    found = []
    for cost in costs(asked):
        found.append(cost)
        print(cost, flush=True)
    simulated = f"--clips {asked.clips} --seconds {asked.seconds:g} --fps {asked.fps:g}"
    rates = [cost.cpu_s_per_media_s for cost in found]
    report = {
        "command": f"python -m benchmarks.review_copy {'--real FILE' if asked.real else simulated}",
        "machine": machine(),
        "parameters": PARAMETERS,
        "total": {
            "clips": len(found),
            "cpu_s_per_media_s_mean": round(mean(rates), 3),
            "cpu_s_per_media_s_most": max(rates),
            "psnr_db_least": min(cost.psnr_db for cost in found),
        },
        "clips": [asdict(cost) for cost in found],
    }
    print(json.dumps(report["total"], indent=1))
    if asked.json:
        asked.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
