"""The table of faults: what is committed, and what a recording may lose by it."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults import live, timed
from tests.faults.ground import Ground
from tests.faults.outcome import Outcome
from tests.faults.rig import GOP_S

KILL_S = GOP_S + 1.0
"""The GOP in hand and what is on its way to the disk (docs/design/storage.md)."""
NOTICE_S = 0.5
"""Pictures in the network and in the threads when a camera goes."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One row.

    Attributes:
        commit: does it, under a name of its own; what happened.
        attacks: numbers of invariants in docs/design/storage.md and time.md.
        lost_s: seconds of received pictures that it may cost at most.
        missing: pictures that may be left out of a recording that goes on.
        alarm: what people are told.
        told: what rows say of it.
    """

    commit: Callable[[Ground, str], Outcome]
    attacks: str
    lost_s: float
    alarm: str
    told: str = ""
    missing: int = 0


FAULTS = {
    "kill": Fault(live.killed, "1, 2, 3, 11", KILL_S, "process_ended", "gap: crashed"),
    "camera killed": Fault(live.camera_killed, "10", NOTICE_S, "camera_down", "gap: disconnected"),
    "camera stopped": Fault(live.camera_stopped, "10", NOTICE_S, "camera_down", "gap: silent"),
    "silent stall": Fault(live.silent, "10", NOTICE_S, "camera_down", "gap: silent"),
    "disk full": Fault(live.disk_full, "1, 3, 10", KILL_S, "camera_down", "gap: disk_full"),
    "read-only": Fault(live.read_only, "1, 3, 10", KILL_S, "camera_down", "gap: disk_failed"),
    "disk broken": Fault(
        live.disk_broken, "1, 3, 7, 10", KILL_S, "camera_down", "gap: disk_failed"
    ),
    "database locked": Fault(live.locked, "7, 8", NOTICE_S, "database_busy"),
    "clock +1 h": Fault(timed.clock_forward, "9, T2", 0.0, "clock_stepped", "end: clock_stepped"),
    "clock -1 h": Fault(timed.clock_back, "2, 9, T2", 0.0, "clock_stepped", "end: clock_stepped"),
    "camera a day wrong": Fault(timed.camera_a_day_wrong, "T3", 0.0, "camera_clock"),
    "PTS reset": Fault(live.pts_reset, "10, T1", NOTICE_S, "media_clock", "end: media_clock_jump"),
    "PTS missing": Fault(timed.pts_missing, "T1", 0.0, "times_missing"),
    "resolution": Fault(
        live.size_changed, "9", NOTICE_S, "stream_changed", "end: parameters_changed"
    ),
    "packet loss": Fault(live.lossy, "3, 8", NOTICE_S, "pictures_missed", missing=1000),
}


def objections(fault: Fault, found: Outcome) -> list[str]:
    """What a recorder that loses nothing would not have done; empty when all is well."""
    said = []
    if not found.acknowledged or found.unkept:
        said.append(f"{found.unkept} of {found.acknowledged} acknowledged pieces lost")
    if found.lost_s > fault.lost_s:
        said.append(f"{found.lost_s} s lost, {fault.lost_s} s allowed")
    if found.away_s is None:
        said.append("nothing was recorded afterwards")
    if (found.missing or 0) > fault.missing:
        said.append(f"{found.missing} pictures missing")
    if found.damage:
        said.append(f"fsck: {', '.join(found.damage)}")
    if fault.alarm not in found.alarms:
        said.append(f"no alarm {fault.alarm}, but {found.alarms}")
    if fault.told not in found.told:
        said.append(f"rows say {found.told!r}, not {fault.told!r}")
    return said
