"""Signs of life of the processes without pages; a process that stands still shows here.

A sign is the time stamp of an empty file, so that a full disk or a locked database hides nothing.
"""

import os
from pathlib import Path

from ingest.clock import Clock
from vision.frame import SECOND

SILENT_S = 150.0
"""Longer than a look-back may take (its lease), so that work is never taken for death."""


def beat(home: Path, name: str, clock: Clock) -> None:
    """Give a sign of life."""
    path = home / f"{name}.alive"
    path.touch()
    now_ns = clock.now() * 1000
    os.utime(path, ns=(now_ns, now_ns))


def silent(home: Path, clock: Clock) -> list[str]:
    """Names of those whose last sign is too old; one that never began is not known here."""
    now_ns, most_ns = clock.now() * 1000, SILENT_S * SECOND * 1000
    # One from the future is from before the clock was set back, and as old as that.
    return sorted(
        p.stem for p in home.glob("*.alive") if abs(now_ns - p.stat().st_mtime_ns) > most_ns
    )
