"""What `liuhen verify` takes on a long log: every entry and row, then only what came since.

    python -m benchmarks.evidence.verification [--entries 1000000] [--json FILE]

Nine entries of ten are views; each tenth tells of a row (a gap in a camera's recording). They are
entered in transactions of 10,000, each of them sealed.
"""

import argparse
import json
import resource
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.machine import machine
from ingest.clock import SystemClock
from service.database import Database, open_database
from service.evidence.log import MACHINE, Action, append
from service.evidence.store import FolderStore
from service.evidence.verify import record, verify
from service.settings import load
from service.tables import Gap

EACH = 10_000
"""Acts in a transaction."""
ROWS_OF = 10
"""One act of so many changes a row."""


def fill(database: Database, clock: SystemClock, first: int, number: int) -> None:
    """`number` more acts."""
    with database.write() as session:
        for n in range(first, first + number):
            what = Action.VIEWED if n % ROWS_OF else Action.GAP_FOUND
            append(session, clock, actor=MACHINE, action=what, subject=f"gate-{n}", body={"n": n})
            if n % ROWS_OF == 0:
                row = Gap(id=f"{n}", camera_id="gate", start_us=n, end_us=n + 1, cause="silent")
                row.logged = True
                session.add(row)


def main() -> None:
    """Print the figures, and keep them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    clock = SystemClock()
    with TemporaryDirectory(dir=asked.folder) as folder:
        settings = load(Path(folder), {"LIUHEN_RESERVE_BYTES": "0"})
        database, store = open_database(settings, clock), FolderStore(settings.objects)
        began = time.monotonic()
        for first in range(0, asked.entries, EACH):
            fill(database, clock, first, min(EACH, asked.entries - first))
        found: dict[str, object] = {"filled_s": round(time.monotonic() - began, 1)}
        for name, whole in (("whole", True), ("recent", False)):
            began = time.monotonic()
            report = verify(database, store, whole=whole, objects=False)
            seconds = round(time.monotonic() - began, 3)
            assert report.holds, report.faults
            found[name] = {
                "entries": report.entries - report.since,
                "rows": report.rows,
                "seconds": seconds,
            }
            with database.write() as session:
                record(session, clock, report)
            if whole:
                fill(database, clock, asked.entries, 1000)
        database.close()
    found["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    told = {"machine": machine(), **found}
    print(json.dumps(told, indent=2))
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()
