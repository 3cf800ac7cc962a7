"""The memory of a watch as a file, so that a restart does not learn passers-by as background.

Not evidence: written over and over, ignored when it is old or not understood, and removed then.
"""

import io
import json
import logging
import zipfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from service.cameras import Plan
from vision.frame import SECOND, Instant, seconds_between
from vision.health import Health
from vision.memory import Memory, layout, memory_of, remember
from vision.watch import Watch

SAVE_S = 300.0
"""Between two savings: a crash costs five minutes of learning, 5 MB are written in that time."""
STALE_S = 900.0
"""A street may change in a quarter of an hour so that what differs is no news."""
MOST_BYTES = 64 << 20
"""Larger than any memory of a 480 px picture, some 5 MB; a file beyond it is none of ours."""

log = logging.getLogger(__name__)


class Ignored(StrEnum):
    """Why a file was not used."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    OTHER_VERSION = "other version"
    OTHER_CAMERA = "other camera"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class MemoryFile:
    """The file of one camera."""

    path: Path
    camera: str

    @classmethod
    def of(cls, plan: Plan) -> "MemoryFile | None":
        """Where a plan says; None when it says that nothing is kept."""
        if plan.memory is None:
            return None
        return cls(plan.memory / f"{plan.camera}.npz", plan.camera)

    def save(self, watch: Watch, health: Health | None, at: Instant) -> None:
        """Write what was learnt up to `at`; what was there stays until the new file is whole.

        A disk that takes it not is logged: recording goes on, only the next start is cold.
        """
        memory = memory_of(watch, health)
        head = {"layout": layout(), "camera": self.camera, "at_us": at, "values": memory.values}
        text = np.frombuffer(json.dumps(head).encode(), np.uint8)
        buffer = io.BytesIO()
        np.savez(buffer, text, *memory.arrays)
        temporary = self.path.with_suffix(".tmp")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(buffer.getvalue())
            temporary.replace(self.path)
        except OSError:
            log.exception("camera %s: the watch's memory could not be written", self.camera)

    def load(self, watch: Watch, now: Instant) -> Health | Ignored | None:
        """Let `watch` go on from the file; its health, or why the file was ignored."""
        found: Health | Ignored | None
        try:
            head, memory = _unpacked(self.path)
            found = self._why_not(head, now) or remember(watch, memory)
        except FileNotFoundError:
            found = Ignored.MISSING
        except _UNREADABLE:
            found = Ignored.UNREADABLE
        if isinstance(found, Ignored):
            log.info("camera %s: starts without a memory: %s", self.camera, found.value)
        return found

    def _why_not(self, head: dict[str, Any], now: Instant) -> Ignored | None:
        """Why a file that could be read is not used; None when it is."""
        if head["layout"] != layout():
            return Ignored.OTHER_VERSION
        if head["camera"] != self.camera:
            return Ignored.OTHER_CAMERA
        # One from the future was written before the clock was set.
        age_s = seconds_between(Instant(head["at_us"]), now)
        return None if 0 <= age_s <= STALE_S else Ignored.STALE


_UNREADABLE = (
    *(OSError, EOFError, zipfile.BadZipFile),
    *(ValueError, TypeError, KeyError, IndexError),
)
"""What numpy and JSON raise at a file that is none of theirs, and `remember` at one of others."""


def _unpacked(path: Path) -> tuple[dict[str, Any], Memory]:
    """What `save` put together."""
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(path)
    with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
        text, *rest = (arrays[f"arr_{n}"] for n in range(len(arrays.files)))
    head = json.loads(text.tobytes())
    return head, Memory(head["values"], tuple(rest))


def forget_stale(folder: Path, now: Instant) -> None:
    """Remove memories that no camera keeps up: they hold pictures of a street."""
    for path in folder.glob("*"):
        if now / SECOND - path.stat().st_mtime > STALE_S:
            path.unlink(missing_ok=True)
