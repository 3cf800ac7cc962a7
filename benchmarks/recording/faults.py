"""The table of faults of docs/design/faults.md: every fault as often as asked, with its answers."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from tests.faults.disk import NoDiskError
from tests.faults.ground import Ground, prepared
from tests.faults.interference import SPOILS, NoTracingError, Tracer
from tests.faults.outcome import Outcome
from tests.faults.rig import template
from tests.faults.table import FAULTS, objections

AT_ONCE = 7
"""Faults are mostly waited for."""
LOCK_S = 30.0
"""How long the database is held."""


@dataclass(slots=True)
class Row:
    """A fault, and what all its outcomes say together."""

    fault: str
    outcomes: list[Outcome] = field(default_factory=list)
    objections: list[str] = field(default_factory=list)
    skipped: str = ""

    def told(self) -> dict[str, Any]:
        """The row as a table prints it; worst of all times but for what says median."""
        found = self.outcomes
        if not found:
            return {"fault": self.fault, "n": 0, "skipped": self.skipped}
        theirs = {form for each in found for form in each.ffmpeg_lost_s}
        return {
            "fault": self.fault,
            "n": len(found),
            "acknowledged": sum(each.acknowledged for each in found),
            "acknowledged_lost": sum(each.unkept for each in found),
            "lost_s_median": median(each.lost_s for each in found),
            "lost_s_most": max(each.lost_s for each in found),
            "away_s_most": max(each.away_s or 0.0 for each in found),
            "missing_most": max((each.missing or 0 for each in found), default=0),
            "fsck_damage": sum(len(each.damage) for each in found),
            "alarms": sorted({alarm for each in found for alarm in each.alarms}),
            "rows": sorted({each.told for each in found}),
            "ffmpeg_lost_s_median": {
                form: median(each.ffmpeg_lost_s[form] for each in found) for form in sorted(theirs)
            }
            if shutil.which("ffmpeg")
            else "ffmpeg is not installed",
            "objections": self.objections,
        }


def committed(folder: Path, *, kills: int, times: int, lead_s: float) -> Iterator[Row]:
    """Every fault `times`, kills `kills` times; several at once, each on a rig of its own."""
    ground = prepared(folder, hold_s=LOCK_S, lead_s=lead_s)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        begun = {
            name: [
                pool.submit(_once, ground, name, f"{name} {number}")
                for number in range(kills if name == "kill" else times)
            ]
            for name in FAULTS
        }
        for name, futures in begun.items():
            row = Row(name)
            for future in futures:
                _enter(row, future.result())
            if futures:
                yield row


def _once(ground: Ground, fault: str, name: str) -> Outcome | str:
    try:
        return FAULTS[fault].commit(ground, name)
    except (NoDiskError, NoTracingError) as error:
        return str(error)
    except Exception as error:  # noqa: BLE001  the outermost loop: the others are still measured
        return f"failed: {error!r}"


def _enter(row: Row, found: Outcome | str) -> None:
    if isinstance(found, Outcome):
        row.outcomes.append(found)
        row.objections += objections(FAULTS[row.fault], found)
    elif found.startswith("failed"):
        row.objections.append(found)
    else:
        row.skipped = found


def spoilt(folder: Path) -> dict[str, Any]:
    """Every system call of a short recording, spoilt in every way."""
    tracer = Tracer(template(folder), folder)
    try:
        calls = tracer.calls()
    except NoTracingError as error:
        return {"skipped": str(error)}
    told: dict[str, Any] = {"calls": len(calls)}
    for how in SPOILS:
        results = [(call, tracer.spoil(call, how)) for call in calls]
        told[how] = {
            "n": len(results),
            "hold": sum(result.holds for _, result in results),
            "groups_told": sum(result.told for _, result in results),
            "groups_forgotten": sum(result.forgotten for _, result in results),
            "groups_readable": sum(result.groups for _, result in results),
            "broken": [
                {"call": asdict(call), "result": asdict(result)}
                for call, result in results
                if not result.holds
            ],
        }
    return told
