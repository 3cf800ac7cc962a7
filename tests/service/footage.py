"""Recorded segments without a camera: the packets of a film, given to the recorder."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import av

from ingest.decode import to_frame
from ingest.files import Sha256, sha256_bytes
from ingest.lock import Lock
from ingest.packet import Packet, StreamInfo
from ingest.recorder import Recorder
from service.demo.encoder import Format, encode
from service.demo.plot import dumping
from service.demo.scene import Scene
from tests.service.installation import Installation
from vision.boxes import Box
from vision.candidate import Candidate, Change, Kind
from vision.detect import Detection
from vision.frame import SECOND, CameraId, Image, Instant, later

CAMERA = CameraId("gate-1")


@dataclass(frozen=True)
class Film:
    """`seconds` of a scene from `start_s` on, compressed as a camera does."""

    path: Path
    scene: Scene
    start_s: float
    seconds: float

    @cached_property
    def second_of(self) -> dict[Sha256, float]:
        """At which second of the scene each decoded picture was taken."""
        with av.open(self.path) as container:
            return {
                sha256_bytes(to_frame(CAMERA, Instant(0), picture).image.tobytes()): self.start_s
                + (picture.time or 0.0)
                for picture in container.decode(video=0)
            }


def shoot(folder: Path) -> Film:
    """The dumping: a bag comes in at 8 s, is put down at 13 s, its owner gone by 19 s."""
    scene = dumping(3, size=(320, 180))
    path = encode(folder / "film.mp4", scene, 21.0, Format(fps=10), start_s=7.0)
    return Film(path, scene, 7.0, 21.0)


@dataclass(frozen=True)
class Oracle:
    """A detector that knows the script."""

    film: Film

    def detect(self, image: Image) -> tuple[Detection, ...]:
        t_s = self.film.second_of[sha256_bytes(image.tobytes())]
        return tuple(Detection(label, box, 0.9) for label, box in self.film.scene.actors_at(t_s))


@contextmanager
def _packets(film: Film, began: Instant) -> Iterator[tuple[StreamInfo, list[Packet]]]:
    with av.open(film.path) as container:
        stream = container.streams.video[0]
        info = StreamInfo.of(stream)
        yield info, [_packet(coded, began) for coded in container.demux(stream) if coded.size]


def _packet(coded: av.Packet, began: Instant) -> Packet:
    assert coded.pts is not None and coded.dts is not None and coded.duration
    passed_us = round(coded.pts * coded.time_base * SECOND)
    return Packet(
        data=bytes(coded),
        pts=coded.pts,
        dts=coded.dts,
        duration=coded.duration,
        key=coded.is_keyframe,
        arrival=Instant(began + passed_us),
        monotonic_us=passed_us,
        camera_time=Instant(began + passed_us + 120_000),
    )


@dataclass
class Camera:
    """A camera that shows a film from `began` on, and what became of its connection."""

    installation: Installation
    film: Film
    began: Instant
    camera: CameraId = CAMERA
    segment_s: float = 5.0
    process: str = "process of gate-1"

    @contextmanager
    def alive(self) -> Iterator[None]:
        """While its process lives, it holds its lock."""
        root = self.installation.settings.segments
        root.mkdir(exist_ok=True)
        with Lock(root / f"{self.camera}.lock") as lock:
            assert lock.take()
            lock.sign(self.process)
            yield

    def record(self, from_s: float, to_s: float, end: str | None = "stopped") -> None:
        """Record a part of the film; `end` None is a process that is killed."""
        recorder = Recorder(
            self.installation.settings.segments,
            self.camera,
            self.installation.clock,
            segment_s=self.segment_s,
            process=self.process,
        )
        with _packets(self.film, self.began) as (info, packets):
            recorder.start(info)
            for packet in packets:
                if from_s <= packet.monotonic_us / SECOND < to_s:
                    recorder.write(packet)
            recorder.stop(end or "killed")
        if end is None:
            self._cut_off()

    def _cut_off(self) -> None:
        """Leave of the last segment what a kill leaves: its last GOP was not acknowledged yet."""
        written = self.installation.settings.segments.rglob("*.idx")
        index = max(written, key=lambda path: path.stat().st_mtime_ns)
        index.write_bytes(b"".join(index.read_bytes().splitlines(keepends=True)[:-2]) + b'{"off')


def candidate(film: Film, began: Instant, *, settle_s: float = 6.0) -> Candidate:
    """What the watch would find, looking once a second, with the film shown from `began` on."""
    (deposit,) = film.scene.deposits(film.start_s, film.start_s + film.seconds)
    contact_s = deposit.contact_s - film.start_s
    onset = later(began, contact_s + 1.5)
    return Candidate(
        camera=CAMERA,
        kind=Kind.DUMPING,
        before=later(began, contact_s - 1.0),
        onset=onset,
        alarm=later(onset, settle_s),
        box=Box(*deposit.box_xyxy),
        size=film.scene.size,
        change=Change.ADDED,
        contrast=0.3,
    )
