"""The ground on which faults are committed: what all of them share, made once."""

from dataclasses import dataclass
from pathlib import Path

from tests.faults.reel import Form, Reel, shoot
from tests.faults.rig import template


@dataclass(frozen=True, slots=True)
class Ground:
    """Where faults are committed.

    Attributes:
        home: an empty installation to be copied.
        folder: for everything that a fault leaves behind.
        other: the same street in another size.
        hold_s: how long a fault lasts that could last for ever.
        lead_s: how long FFmpeg's recorder has run beside ours before a fault.
    """

    home: Path
    folder: Path
    reel: Reel
    other: Reel
    hold_s: float
    lead_s: float


def prepared(folder: Path, *, hold_s: float, lead_s: float) -> Ground:
    """A ground in an empty folder."""
    reel = shoot(folder / "reel.mp4")
    other = shoot(folder / "other.mp4", Form(size=(480, 270), bit_rate=1_000_000))
    return Ground(template(folder), folder, reel, other, hold_s, lead_s)
