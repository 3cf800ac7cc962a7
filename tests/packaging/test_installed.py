"""What ships works where it is installed: packages, data files, the command line, one river."""

import importlib
import os
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from importlib.resources import files
from pathlib import Path

import pytest

pytestmark = pytest.mark.wheel
PACKAGES = ("vision", "models", "ingest", "service")
DATA = (
    "models/cards/yolox-nano-coco.toml",
    "service/data/bundle/report.html.jinja",
    "service/data/bundle/verify.html",
    "service/data/bundle/verify.py",
    "service/data/bundle/说明.md",
    "service/data/law.toml",
    "service/data/texts/errors.toml",
    "service/data/texts/pages.toml",
    "service/migrations/script.py.mako",
    "service/templates_docx/evidence_sheet.docx",
    "service/templates_docx/penalty_draft.docx",
    "service/web/templates/queue.html",
    "service/web/static/style.css",
    "vision/py.typed",
)


def liuhen(*arguments: str, cwd: Path, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run the console script beside this interpreter."""
    program = Path(sys.executable).with_name("liuhen")
    return subprocess.run(
        [str(program), *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )


@pytest.mark.parametrize("package", PACKAGES)
def test_package_is_ours_alone(package: str) -> None:
    """Another wheel with a package of the same name would be mixed with ours silently."""
    if os.environ.get("LIUHEN_INSTALLED"):
        assert packages_distributions()[package] == ["liuhen"]
    else:
        origin = importlib.import_module(package).__file__
        assert origin is not None
        assert Path(origin).is_relative_to(Path(__file__).parents[2])


def test_wheel_holds_no_tests() -> None:
    if os.environ.get("LIUHEN_INSTALLED"):
        assert "benchmarks" not in packages_distributions()
        assert "tests" not in packages_distributions()


@pytest.mark.parametrize("path", DATA)
def test_data_file_ships(path: str) -> None:
    package, _, rest = path.partition("/")
    assert files(package).joinpath(rest).is_file()


def test_command_line_answers(tmp_path: Path) -> None:
    done = liuhen("doctor", "--home", str(tmp_path / "home"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "SQLite" in done.stdout


def test_no_torch_at_run_time() -> None:
    code = "import sys, service.cli; print({'torch', 'ultralytics'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.timeout(240)
def test_one_river(tmp_path: Path) -> None:
    """`liuhen demo --once`: RTSP camera to case file, exit 0 only if all of it ran."""
    done = liuhen("demo", "--once", "--folder", "street", cwd=tmp_path, timeout=220)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path / "street"
    assert len(list(folder.glob("*.docx"))) == 2
    assert len(list(folder.glob("*.mp4"))) == 1
    for line in done.stdout.splitlines():
        if line.startswith("street/"):
            assert (tmp_path / line).is_file()
    (bundle,) = folder.glob("liuhen-*.zip")
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(tmp_path / "bundle")
    (unpacked,) = (tmp_path / "bundle").iterdir()
    assert list((unpacked / "originals").rglob("*.mp4"))
    line = [sys.executable, "-I", "verify.py"]
    told = subprocess.run(line, cwd=unpacked, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
