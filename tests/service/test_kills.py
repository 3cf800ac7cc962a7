"""Killed at any moment of whatever it does with evidence: the short form of the full count."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
KILLS = 15


@pytest.mark.timeout(300)
def test_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """Rows 1 and 18: no row without its file, log valid, destroyed stays destroyed; three kills of
    each of ingest, clip, promotion, export and deletion.
    """
    command = [sys.executable, "-m", "benchmarks.evidence.kill", "--kills", str(KILLS)]
    told = tmp_path / "kills.json"
    done = subprocess.run(
        [*command, "--folder", str(tmp_path), "--json", str(told)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    found = json.loads(told.read_text())
    assert sum(found["kills"].values()) == KILLS
    assert found["faults"] == []
