"""The import contracts hold, and a forbidden import is really caught."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("vision", "models", "ingest", "service")
FORBIDDEN = {
    "vision opens a file": ("vision/boxes.py", "import pathlib"),
    "vision reads a clock": ("vision/zone.py", "import time"),
    "vision knows the detector's engine": ("vision/detect.py", "import onnxruntime"),
    "ingest knows an offence": ("ingest/clock.py", "import vision.sighting"),
    "ingest knows models": ("ingest/clock.py", "import models.card"),
    "models know ingest": ("models/card.py", "import ingest.clock"),
    "the river runs backwards": ("ingest/clock.py", "import service.settings"),
    "the running system trains": ("models/session.py", "import torch"),
    "two files need each other": ("service/texts.py", "import service.errors, service.events"),
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages that a test may spoil."""
    if not (ROOT / "pyproject.toml").is_file():
        pytest.skip("the contracts are checked in the checkout, not in the installed wheel")
    copy = tmp_path_factory.mktemp("checkout")
    for package in PACKAGES:
        skip = shutil.ignore_patterns("__pycache__", "*.onnx")
        shutil.copytree(ROOT / package, copy / package, ignore=skip)
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def lint(checkout: Path) -> subprocess.CompletedProcess[str]:
    """Run the contracts on a copy; `-P` keeps the real checkout out of the way."""
    code = f"import sys; sys.path.insert(0, {str(checkout)!r}); " + (
        "from importlinter.cli import lint_imports_command; lint_imports_command(['--no-cache'])"
    )
    return subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )


def test_contracts_hold(checkout: Path) -> None:
    done = lint(checkout)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("file", "line"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_forbidden_import_is_caught(checkout: Path, file: str, line: str) -> None:
    path = checkout / file
    text = path.read_text(encoding="utf-8")
    path.write_text(f"{text}\n{line}\n", encoding="utf-8")
    try:
        done = lint(checkout)
    finally:
        path.write_text(text, encoding="utf-8")
    assert done.returncode == 1, done.stdout
    assert "BROKEN" in done.stdout


def test_vision_may_not_open_video(checkout: Path) -> None:
    """Import contracts cannot see cv2.VideoCapture; the second net (vision/ruff.toml) does."""
    path = checkout / "vision" / "spoilt.py"
    path.write_text('"""Spoilt."""\n\nimport cv2\n\nVIDEO = cv2.VideoCapture("x.mp4")\n')
    try:
        done = subprocess.run(
            [sys.executable, "-m", "ruff", "check", str(path)],
            cwd=checkout,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        path.unlink()
    assert "TID251" in done.stdout
