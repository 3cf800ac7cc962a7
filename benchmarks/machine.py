"""Where and on what a figure was measured; stands beside every figure."""

import os
import platform
import subprocess
from pathlib import Path


def machine() -> dict[str, str | int]:
    """Processor, cores, Python and commit."""
    info = Path("/proc/cpuinfo")
    names = [
        line.partition(":")[2].strip()
        for line in (info.read_text().splitlines() if info.exists() else [])
        if line.startswith("model name")
    ]
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return {
        "processor": names[0] if names else platform.machine(),
        "cores": os.cpu_count() or 0,
        "python": platform.python_version(),
        "commit": commit.stdout.strip(),
    }
