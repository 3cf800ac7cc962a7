"""Importing does nothing: no socket, no file, no thread; work begins when something is called."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = r"""
import importlib, os, pkgutil, sys, threading, warnings
warnings.simplefilter("error")
# Third parties first: what they do is not ours.
import av, cv2, fastapi, numpy, onnxruntime, sqlmodel, typer, uvicorn, alembic, docxtpl, pwdlib
import prometheus_client, rich, python_multipart
# The one variable that is set on purpose: ONNX Runtime comes in without its telemetry.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

def forbid(event, arguments):
    if event.startswith("socket.") and event != "socket.gethostname":
        sys.exit(f"{name}: {event}")
    if event in {"subprocess.Popen", "os.system", "os.mkdir", "os.remove", "os.rename"}:
        sys.exit(f"{name}: {event} {arguments}")
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        sys.exit(f"{name}: writes {arguments[0]}")

name = ""
threads = threading.active_count()
environment = dict(os.environ)
sys.addaudithook(forbid)
count = 0
for package in ("vision", "models", "ingest", "service"):
    found = importlib.import_module(package)
    for module in pkgutil.walk_packages(found.__path__, f"{package}."):
        name = module.name
        if name.startswith("models.") and name in EXTRA or ".migrations." in name:
            continue
        importlib.import_module(name)
        count += 1
assert threading.active_count() == threads, threading.enumerate()
assert dict(os.environ) == environment
assert "torch" not in sys.modules and "ultralytics" not in sys.modules
print(count)
"""

EXTRA = {
    f"models.{name}" for name in ("ultralytics", "network", "losses", "train", "export", "halves")
}
"""They need the extra `train`."""


def test_importing_everything_has_no_side_effects(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "folder"
    home.mkdir()
    folder.mkdir(mode=0o555)
    done = subprocess.run(
        [sys.executable, "-B", "-c", f"EXTRA = {EXTRA!r}\n{SCRIPT}"],
        cwd=folder,
        # ONNX Runtime keeps a file of its own there.
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 80
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("package", ["vision", "models", "ingest", "service"])
def test_a_package_says_what_it_owns_and_loads_nothing(package: str) -> None:
    script = f"import sys, {package}; print([m for m in sys.modules if m.startswith('{package}.')])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
