"""Real clips, where LIUHEN_MEDIA points at a folder of them (`clips.json` and the files)."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from vision.boxes import Box, iou
from vision.dumping import attribute
from vision.frame import SECOND, CameraId, Frame, Instant
from vision.lookback import LOOKBACK_FPS, spans
from vision.sighting import Sighting
from vision.watch import Watch, WatchSettings

MEDIA = os.environ.get("LIUHEN_MEDIA")

pytestmark = [
    pytest.mark.media,
    pytest.mark.skipif(not MEDIA, reason="LIUHEN_MEDIA names no folder of real clips"),
]


def frames(path: Path) -> Iterator[Frame]:
    """About `LOOKBACK_FPS` frames a second; times are the file's own."""
    due_s = 0.0
    with av.open(str(path)) as container:
        for picture in container.decode(video=0):
            if picture.time is not None and picture.time >= due_s - 0.01:
                at = Instant(round(picture.time * SECOND))
                yield Frame(CameraId("clip"), at, picture.to_ndarray(format="bgr24"))
                due_s += 1 / LOOKBACK_FPS


def sightings(path: Path) -> list[Sighting]:
    kept = list(frames(path))
    watch = Watch(CameraId("clip"), WatchSettings(settle_s=3.0))
    looks = kept[:: round(LOOKBACK_FPS)]
    found = []
    for candidate in (c for look in looks for c in watch.see(look)):
        wanted = (f for f in kept if any(a <= f.at <= b for a, b in spans(candidate)))
        judged = attribute(candidate, wanted, None)
        if isinstance(judged, Sighting):
            found.append(judged)
    return found


def clip(name: str) -> dict[str, Any]:
    clips = json.loads((Path(MEDIA or "") / "clips.json").read_text("utf-8"))["clips"]
    return next(c for c in clips if c["file"] == name)


@pytest.mark.parametrize("name", ["events/sbi_HallAndMonitor.mp4"])
def test_event_is_found(name: str):
    (event,) = clip(name)["events"]
    (found,) = sightings(Path(MEDIA or "") / name)
    early, late = event["deposit_s"]
    slack_s = event["tolerance_s"] + 2
    assert iou(found.box, Box(*event["box_xyxy"])) >= 0.2
    assert early - slack_s <= found.onset / SECOND <= late + slack_s


@pytest.mark.parametrize("name", ["quiet/street_korzo_rijeka.mp4", "quiet/sbi_CAVIAR1.mp4"])
def test_nothing_is_found(name: str):
    assert sightings(Path(MEDIA or "") / name) == []
