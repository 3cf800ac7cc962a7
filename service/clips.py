"""The evidence of an event: its clip by stream copy, its stills, and the manifest of both.

Clip and manifest are evidence; stills are pictures of it, derived by decoding, and name their
parents.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from math import ceil, floor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import cv2

from ingest.clock import ClockQuality
from ingest.cut import Cut, alike, cut
from ingest.decode import frames
from ingest.files import Sha256
from ingest.offset import camera_offset
from ingest.segments import Gop, Hole, Segments, holes
from service.evidence.store import Store
from service.stills import Shot, shots
from vision.boxes import Box
from vision.frame import CameraId, Instant, later
from vision.sighting import Sighting

MANIFEST_VERSION = 1
JPEG_QUALITY = 92
"""Percent; artefacts are below the sensor's noise from here on."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One stored part of an event; `role` as in `service.tables.Item`."""

    role: str
    sha256: Sha256
    size: int
    media_type: str
    start: Instant
    end: Instant
    part: tuple[int, int, int, int] | None = None
    """Of a close-up: which pixels of the picture, right and bottom edges excluded."""


def clip_range(
    sighting: Sighting, pre_roll_s: float, post_roll_s: float
) -> tuple[Instant, Instant]:
    """From before the approach until after the departure, or the alarm when none was seen."""
    last = max(sighting.alarm, sighting.left or sighting.alarm)
    return later(sighting.onset, -pre_roll_s), later(last, post_roll_s)


def make_pieces(
    store: Store,
    segments: Segments,
    sighting: Sighting,
    *,
    event_id: str,
    pre_roll_s: float,
    post_roll_s: float,
) -> list[Piece]:
    """Cut, decode and keep everything that belongs to a sighting.

    Raises:
        NoFootage, FootageAltered: the recording is not there or not what it was.
        DiskFull: it does not fit.
    """
    start, end = clip_range(sighting, pre_roll_s, post_roll_s)
    recorded = segments.read(sighting.camera, start, end)
    gops = alike(recorded, sighting.onset)
    gaps = holes(gops, start, end)
    clip, what = _clip(store, gops, start, end)
    stills = [_still(store, segments, sighting.camera, shot) for shot in shots(sighting)]
    manifest = _manifest(event_id, _Asked(start, end, tuple(gaps)), clip, what, stills)
    sha256, size = store.add(io.BytesIO(manifest))
    kept = Piece("manifest", sha256, size, "application/json", clip.start, clip.end)
    return [clip, *stills, kept]


def _clip(store: Store, gops: Sequence[Gop], start: Instant, end: Instant) -> tuple[Piece, Cut]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        what = cut(gops, start, end, path)
        with path.open("rb") as stream:
            sha256, size = store.add(stream)
    return Piece("clip", sha256, size, "video/mp4", what.start, what.end), what


def _still(store: Store, segments: Segments, camera: CameraId, shot: Shot) -> Piece:
    """The recorded picture nearest the shot's instant, or its part, as a JPEG."""
    gops = segments.read(camera, later(shot.at, -1.0), later(shot.at, 1.0))
    frame = min(frames(gops), key=lambda frame: abs(frame.at - shot.at))
    part = None if shot.part is None else _whole_pixels(shot.part)
    x0, y0, x1, y1 = (0, 0, *frame.size) if part is None else part
    image = frame.image[y0:y1, x0:x1]
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    sha256, size = store.add(io.BytesIO(data.tobytes()))
    return Piece(shot.role, sha256, size, "image/jpeg", frame.at, frame.at, part)


def _whole_pixels(box: Box) -> tuple[int, int, int, int]:
    """Every pixel that the box touches."""
    return floor(box.x0), floor(box.y0), ceil(box.x1), ceil(box.y1)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The interval that a clip should cover, and where nothing was recorded in it."""

    start: Instant
    end: Instant
    gaps: tuple[Hole, ...]


def _told(still: Piece) -> dict[str, Any]:
    told = {"role": still.role, "sha256": still.sha256, "at_us": still.start}
    return told if still.part is None else told | {"part_xyxy": still.part}


def _server_clock(gops: Sequence[Gop]) -> ClockQuality:
    """The worst that was said of the server's clock in any of the segments."""
    told = [gop.head.quality for gop in gops]
    errors = [quality.error_us for quality in told if quality.error_us is not None]
    kept = {quality.synchronised for quality in told}
    synchronised = False if False in kept else None if None in kept else True
    return ClockQuality(synchronised, max(errors, default=None))


def _manifest(
    event_id: str, asked: _Asked, clip: Piece, what: Cut, stills: Sequence[Piece]
) -> bytes:
    """What was kept, whence, and how it was made: 最高法行诉证据规定 12(二)."""
    head = what.gops[0].head
    offset = camera_offset(what.gops)
    manifest = {
        "version": MANIFEST_VERSION,
        "event": event_id,
        "camera": head.camera,
        "asked": {"start_us": asked.start, "end_us": asked.end},
        "clip": {
            "sha256": clip.sha256,
            "size": clip.size,
            "start_us": clip.start,
            "end_us": clip.end,
            "codec": head.codec,
            "width": head.width,
            "height": head.height,
            "pictures": what.pictures,
            "lead_in_pictures": what.lead_in,
            "made_by": "stream copy, not re-encoded",
        },
        "sources": [
            {
                "segment": "/".join(gop.head.path.parts[-3:]),
                "offset": piece.offset,
                "size": piece.size,
                "sha256": piece.sha256,
                "at_us": gop.at,
            }
            for gop in what.gops
            for piece in gop.pieces
        ],
        "stills": [_told(still) for still in stills],
        "gaps": [{"start_us": gap.start, "end_us": gap.end} for gap in asked.gaps],
        "camera_clock_minus_server_ms": None if offset is None else offset.us // 1000,
        "camera_clock_doubt_ms": None if offset is None else -(-offset.doubt_us // 1000),
        "server_clock": asdict(_server_clock(what.gops)),
        "clock_steps": [
            {"at_us": gop.at, "step_us": piece.step_us}
            for gop in what.gops
            for piece in gop.pieces
            if piece.step_us
        ],
        # What sound was recorded stays in the sources: a clip holds pictures only.
        "audio": {"recorded": head.audio, "in_clip": False},
        "tools": {"liuhen": version("liuhen"), "av": av.__version__, "cv2": cv2.__version__},
    }
    return json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True).encode()
