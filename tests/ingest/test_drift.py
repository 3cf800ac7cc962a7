"""Six simulated hours of a camera whose clock is wrong: the bound of docs/design/time.md."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from statistics import median

import pytest

from ingest.clock import SimulatedClock
from ingest.packet import Packet
from ingest.recorder import Recorder
from ingest.segments import Gop, Segments
from tests.ingest.clip import BASE, CAMERA, Recipe, Replay, encoded, replayed
from vision.frame import SECOND, Instant

HOURS = 6
FPS = 2
GOP = 8
"""A key frame every 4 s."""


@dataclass(frozen=True)
class Drifting:
    """A camera that counts `ppm` too fast, behind a network that delays by up to `jitter_s`."""

    ppm: float
    least_s: float
    jitter_s: float

    def packets(self, clock: SimulatedClock, coded: list[Packet]) -> Iterator[tuple[Packet, int]]:
        """Packets, each with the true time at which its picture was taken, in microseconds."""
        rng = Random(20260528)
        began = clock.now()
        for n in range(HOURS * 3600 * FPS):
            taken_us = round(n * SECOND / FPS)
            ticks = round(n / FPS * (1 + self.ppm / 1e6) / float(BASE))
            late_us = round((self.least_s + rng.random() ** 2 * self.jitter_s) * SECOND)
            arrival = Instant(began + taken_us + late_us)
            packet = replace(
                coded[n % GOP],
                pts=ticks,
                dts=ticks,
                duration=round(1 / FPS / float(BASE)),
                arrival=arrival,
                monotonic_us=arrival - began,
                camera_time=Instant(began + round(taken_us * (1 + self.ppm / 1e6))),
            )
            yield packet, began + taken_us


CAMERAS = {
    "a good one": Drifting(ppm=10, least_s=0.02, jitter_s=0.1),
    "fast": Drifting(ppm=300, least_s=0.02, jitter_s=0.3),
    "slow": Drifting(ppm=-300, least_s=0.02, jitter_s=0.3),
    "a broken one": Drifting(ppm=20_000, least_s=0.0, jitter_s=0.5),
}


@pytest.mark.parametrize("camera", CAMERAS.values(), ids=CAMERAS)
def test_wall_times_stay_within_their_bound(tmp_path: Path, camera: Drifting) -> None:
    """Invariant T1: after six hours pictures are dated as well as in the first minutes."""
    source = Replay(encoded(Recipe(count=GOP, gop=GOP, size=(32, 32))))
    info, coded = replayed(source)
    clock = SimulatedClock()
    recorder = Recorder(tmp_path, CAMERA, clock, segment_s=600)
    recorder.start(info)
    truth = {}
    for packet, taken in camera.packets(clock, coded):
        recorder.write(packet)
        truth[packet.pts] = taken
    recorder.stop("stopped")
    source.close()
    gops = Segments(tmp_path).read(CAMERA, Instant(0), Instant(1 << 60))
    assert sum(len(gop.pictures) for gop in gops) == HOURS * 3600 * FPS
    drift_us = abs(camera.ppm) / 1e6 * GOP / FPS * SECOND
    # Times of 90 kHz are rounded to a tick at both ends.
    tick_us = 2 * float(BASE) * SECOND
    for gop in gops:
        least_us = min(p.arrival - truth[p.pts] for p in gop.pictures)
        for picture in gop.pictures:
            error_us = gop.wall(picture.pts) - truth[picture.pts]
            assert abs(error_us - least_us) <= drift_us + tick_us
    # Chance makes the delays: a millisecond is far above what it makes of 400 groups' middle.
    assert abs(_usual_us(gops[-400:], truth) - _usual_us(gops[:400], truth)) <= drift_us + 1000


def _usual_us(gops: list[Gop], truth: dict[int, int]) -> float:
    return median(gop.wall(p.pts) - truth[p.pts] for gop in gops for p in gop.pictures)
