"""Does recording lose anything, and what does it cost?

    python -m benchmarks.recording --faults [--kills 200] [--times 3] [--lead 12]
    python -m benchmarks.recording --syscalls
    python -m benchmarks.recording --cost 3 --seconds 60
    python -m benchmarks.recording --cameras 8 --minutes 10
    python -m benchmarks.recording --soak MINUTES [--cameras 8]

Each prints what it found and, with `--json FILE`, writes it with machine, commit and load. The rows
of the table, and what is not tried: docs/design/faults.md.
"""

import argparse
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any


# Camera processes import this module again (`spawn`), so it brings nothing along of its own.
def main() -> None:
    """Command line."""
    options = _options()
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="recording") as folder:
        found: dict[str, Any] = {}
        for name, told in _measured(options, Path(folder)):
            found.setdefault(name, []).append(told)
            print(name, json.dumps(told, ensure_ascii=False), flush=True)
    if options.json:
        from benchmarks.machine import machine  # noqa: PLC0415

        result = {
            "command": f"python -m benchmarks.recording {shlex.join(_asked())}",
            "machine": machine(),
            "load": [round(before, 2), round(os.getloadavg()[0], 2)],
            **found,
        }
        options.json.write_text(
            json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )


def _asked() -> list[str]:
    """What to type for the same figures."""
    words = sys.argv[1:]
    if "--json" in words:
        at = words.index("--json")
        del words[at : at + 2]
    return words


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--faults", action="store_true")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--lead", type=float, default=12.0, metavar="SECONDS")
    parser.add_argument("--syscalls", action="store_true")
    parser.add_argument("--cost", type=int, metavar="ROUNDS")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--cameras", type=int, default=8)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--soak", type=float, metavar="MINUTES")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def _measured(options: argparse.Namespace, folder: Path) -> Iterator[tuple[str, Any]]:
    if options.faults:
        from benchmarks.recording.faults import committed  # noqa: PLC0415

        for row in committed(
            _new(folder), kills=options.kills, times=options.times, lead_s=options.lead
        ):
            yield "faults", row.told()
    if options.syscalls:
        from benchmarks.recording.faults import spoilt  # noqa: PLC0415

        yield "syscalls", spoilt(_new(folder))
    if options.cost:
        from benchmarks.recording.cost import costs, summary  # noqa: PLC0415

        found = []
        for cost in costs(_new(folder), options.cost, options.seconds):
            found.append(cost)
            yield "cost", asdict(cost)
        yield "cost_summary", summary(found)
    if options.minutes:
        from benchmarks.recording.many import many  # noqa: PLC0415

        yield "many", many(_new(folder), options.cameras, options.minutes * 60)
    if options.soak:
        from benchmarks.recording.soak import soak  # noqa: PLC0415

        yield "soak", soak(_new(folder), options.cameras, options.soak * 60)


def _new(folder: Path) -> Path:
    return Path(tempfile.mkdtemp(dir=folder))


if __name__ == "__main__":
    main()
