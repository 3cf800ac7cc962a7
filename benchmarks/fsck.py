"""What `liuhen fsck` and a round of retention cost on a ring of many segments.

    python -m benchmarks.fsck [--segments 50000] [--seconds 0] [--folder FOLDER]

With `--seconds 0` a segment is a header, one picture and an index of three lines. Otherwise it has
the index of so many seconds at 25 pictures a second with a key frame every 2 s, and 100 bytes for
each picture: the number of bytes is small, the number of names and lines is real. The folder is
filled anew, and should be on the kind of disk that is asked about.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.machine import machine
from ingest.clock import SystemClock
from ingest.fsck import Depth
from ingest.segments import day_of
from service.database import Database, open_database
from service.evidence.log import MACHINE
from service.fsck import Checker
from service.mend import mend_at_start
from service.retention import RingKeeper
from service.settings import Settings, load
from service.tables import Camera, SegmentRow
from vision.frame import Instant, later

CAMERAS = 6
FPS, KEY_S, PICTURE_BYTES = 25, 2, 100


def gops(seconds: int) -> Iterator[int]:
    """How many pictures each group has."""
    if not seconds:
        yield 1
    for _ in range(seconds // KEY_S):
        yield FPS * KEY_S


def write_segment(root: Path, camera: str, at: Instant, seconds: int) -> SegmentRow:
    """A closed segment and its row; nothing is made durable."""
    name = f"{camera}/{day_of(at)}/{at}"
    place = root / name
    place.parent.mkdir(parents=True, exist_ok=True)
    header = name.encode()
    lines: list[dict[str, object]] = [
        {
            "version": 2,
            "camera": camera,
            "run": name,
            "predecessor": None,
            "predecessor_end": None,
            "codec": "h264",
            "width": 1280,
            "height": 720,
            "time_base": [1, 90_000],
            "first_dts": 0,
            "init_size": len(header),
            "init_sha256": hashlib.sha256(header).hexdigest(),
        }
    ]
    media, pts = bytearray(header), 0
    for pictures in gops(seconds):
        data = bytes(PICTURE_BYTES * pictures)
        packets = []
        for number in range(pictures):
            wall = later(at, pts / 90_000)
            packets.append([pts, pts, 3600, int(number == 0), PICTURE_BYTES, wall, wall, wall])
            pts += 3600
        lines.append(
            {
                "offset": len(media),
                "size": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
                "at_us": packets[0][5],
                "packets": packets,
            }
        )
        media += data
    digest = hashlib.sha256(media).hexdigest()
    lines.append({"end": "full", "size": len(media), "sha256": digest, "closed_us": at})
    place.with_suffix(".mp4").write_bytes(media)
    place.with_suffix(".idx").write_text(
        "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    )
    return SegmentRow(
        id=name,
        camera_id=camera,
        run=name,
        start_us=at,
        end_us=later(at, 60),
        size=len(media),
        sha256=digest,
        end_reason="full",
    )


def fill(settings: Settings, database: Database, number: int, seconds: int, now: Instant) -> None:
    """`number` segments of `CAMERAS` cameras, a minute each, up to a day ago."""
    each = number // CAMERAS
    for camera in (f"cam-{n}" for n in range(CAMERAS)):
        rows = [
            write_segment(settings.segments, camera, later(now, -86_400 - 60 * n), seconds)
            for n in range(each)
        ]
        with database.write() as session:
            session.add(Camera(id=camera, place=MACHINE, url="rtsp://192.0.2.1/", added_us=now))
            session.add_all(rows)


def main() -> None:
    """Print a line for each look and each round."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--segments", type=int, default=50_000)
    parser.add_argument("--seconds", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    print(json.dumps(machine()))
    clock = SystemClock()
    with TemporaryDirectory(dir=asked.folder) as folder:
        settings = load(Path(folder), {"LIUHEN_RESERVE_BYTES": "0"})
        database = open_database(settings, clock)
        began = time.monotonic()
        fill(settings, database, asked.segments, asked.seconds, clock.now())
        print(f"filled in {time.monotonic() - began:.1f} s")
        for depth in Depth:
            for turn in ("first", "again"):
                report = Checker(settings, database, clock, depth).run()
                found = len(report.findings)
                print(f"{depth.name} {turn}: {report.segments} segments, {report.seconds} s", found)
        began = time.monotonic()
        mend_at_start(settings, database, clock)
        print(f"start: {time.monotonic() - began:.2f} s")
        short = settings.model_copy(update={"reserve_bytes": 1 << 60})
        keeper = RingKeeper(database, clock, short)
        for _ in range(5):
            began = time.monotonic()
            keeper.step()
            print(f"a round of retention: {time.monotonic() - began:.3f} s")
        database.close()


if __name__ == "__main__":
    main()
