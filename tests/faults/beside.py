"""FFmpeg's own recorder beside ours, on the same stream and under the same fault."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av

from tests.faults.receipt import Shown
from tests.faults.reel import Reel
from tests.faults.rig import SEGMENT_S, monotonic_us
from vision.frame import SECOND

FORMATS = {"mp4": "mp4", "mpegts": "ts"}
"""What people let it write: the first cannot be read unless it was closed, the second can."""


class Beside:
    """`ffmpeg -c copy -f segment` into `folder`, in one container format."""

    def __init__(self, url: str, folder: Path, form: str) -> None:
        self.form = form
        self._folder = folder
        folder.mkdir(parents=True)
        command = ["ffmpeg", "-nostdin", "-loglevel", "quiet", "-rtsp_transport", "tcp"]
        command += ["-timeout", "2000000", "-i", url, "-c", "copy", "-f", "segment"]
        command += ["-segment_time", str(SEGMENT_S), "-segment_format", form]
        name = folder / f"%03d.{FORMATS[form]}"
        self.process = subprocess.Popen([*command, str(name)])
        self._began_us = monotonic_us()

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait()

    def lost_s(self, reel: Reel, ours: list[Shown], fault_us: int) -> float:
        """Seconds before the fault that cannot be read back; our recording tells when was what."""
        known = [p for p in ours if p.place is not None and p.monotonic_us <= fault_us]
        last = known[-1]
        assert last.place is not None
        ends = [
            last.monotonic_us + round((1 - reel.behind(place, last.place)) * SECOND / reel.fps)
            for place in self._places(reel)
        ]
        until_us = max((end for end in ends if end <= fault_us + SECOND), default=self._began_us)
        return round(max(0, fault_us - until_us) / SECOND, 2)

    def _places(self, reel: Reel) -> Iterator[int]:
        for path in sorted(self._folder.iterdir()):
            try:
                with av.open(str(path)) as container:
                    for packet in container.demux(video=0):
                        data = bytes(packet)
                        if data[-1:]:
                            try:
                                yield reel.place(data)
                            except KeyError:
                                continue
            except av.error.FFmpegError:
                # Not to be read, so it is lost.
                continue


@contextmanager
def beside(url: str, folder: Path) -> Iterator[list[Beside]]:
    """One for each format; none where ffmpeg is not installed."""
    made = []
    if shutil.which("ffmpeg"):
        made = [Beside(url, folder / form, form) for form in FORMATS]
    try:
        yield made
    finally:
        for each in made:
            each.kill()
