"""What a process has used, from Linux's /proc."""

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU of all its threads in seconds, user and system; memory in MiB."""

    cpu_s: float
    rss_mib: float
    pss_mib: float


def usage(pid: int) -> Usage:
    """What the process has used so far.

    Raises:
        FileNotFoundError, ProcessLookupError: it has ended.
    """
    place = Path(f"/proc/{pid}")
    fields = (place / "stat").read_text().rpartition(")")[2].split()
    memory = dict(_sizes((place / "smaps_rollup").read_text()))
    ticks = int(fields[11]) + int(fields[12])
    return Usage(ticks / _TICKS, memory["Rss"] / 1024, memory["Pss"] / 1024)


def _sizes(text: str) -> list[tuple[str, int]]:
    lines = (line.split() for line in text.splitlines()[1:])
    return [(words[0].rstrip(":"), int(words[1])) for words in lines]


def family(pid: int) -> list[int]:
    """The process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            parent = int(stat.rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        waiting += children.get(found[-1], [])
    return found
