"""Nothing that runs here reports to anybody."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.models.graphs import graph

PROGRAM = """
import sys
from models.runtime import ort
session = ort.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
assert session.get_inputs()
"""


def test_no_device_id_and_no_event_store(tmp_path: Path) -> None:
    """A session leaves nothing below the home folder, telemetry's files least of all."""
    home = tmp_path / "home"
    home.mkdir()
    weights = tmp_path / "tiny.onnx"
    weights.write_bytes(graph(np.zeros((1, 6, 84), np.float32)))
    subprocess.run(
        [sys.executable, "-c", PROGRAM, str(weights)],
        check=True,
        env={**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")},
    )
    assert [path for path in home.rglob("*") if path.is_file()] == []
