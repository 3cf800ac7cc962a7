"""`liuhen analyze`: the format of its answer, and what it finds."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from service.demo import plot
from service.demo.encoder import Format, encode
from tests.cli import command
from vision.boxes import Box, iou

LIUHEN = Path(sys.executable).with_name("liuhen")
MEDIA = os.environ.get("LIUHEN_MEDIA")


def analyze(*paths: Path, settle: str, out: Path) -> list[dict[str, object]]:
    """The clips of the JSON that the command writes."""
    command = [LIUHEN, "analyze", *paths, "--settle", settle, "--json", out, "--model", "none"]
    subprocess.run(list(map(str, command)), check=True, capture_output=True, timeout=170)
    found = json.loads(out.read_text(encoding="utf-8"))
    assert list(found) == ["clips"]
    return list(found["clips"])


def test_simulated_street(tmp_path: Path) -> None:
    """One deposit found at its time and place; passers-by are not reported."""
    form = Format(fps=10.0)
    street = encode(tmp_path / "street.mp4", plot.dumping(7), 32.0, form)
    quiet = encode(tmp_path / "quiet.mp4", plot.passers(8), 24.0, form)
    first, second = analyze(street, quiet, settle="5", out=tmp_path / "out.json")
    assert list(first) == [
        "file",
        "media_s",
        "frames_decoded",
        "detector_calls",
        "cpu_s",
        "events",
        "health",
    ]
    truth = plot.dumping(7).truth[0]
    (event,) = first["events"]  # type: ignore[misc]
    assert event["kind"] == "dumping"
    assert event["actor"] == "unknown"
    assert abs(event["onset_s"] - truth.contact_s) < 1.0
    assert event["alarm_s"] - truth.static_from_s >= 5.0 - 1.0
    assert iou(Box(*event["box_xyxy"]), Box(*truth.box_xyxy)) > 0.3
    assert event["reasons"]
    assert second["events"] == []
    assert first["media_s"] == pytest.approx(31.9, abs=0.2)


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return command.run("analyze", "--model", "none", *arguments)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good file of two seconds."""
    path = tmp_path_factory.mktemp("clip") / "good.mp4"
    return encode(path, plot.passers(1, size=(160, 90)), 2.0, Format(fps=5.0))


def in_no_folder(folder: Path, _: Path) -> Path:
    return folder / "nowhere" / "out.json"


def a_folder(folder: Path, _: Path) -> Path:
    return folder


def the_video(_: Path, clip: Path) -> Path:
    return clip


def a_link_to_the_video(folder: Path, clip: Path) -> Path:
    link = folder / "out.json"
    link.symlink_to(clip)
    return link


@pytest.mark.parametrize("make", [in_no_folder, a_folder, the_video, a_link_to_the_video])
def test_result_that_cannot_be_written(
    tmp_path: Path, clip: Path, make: Callable[[Path, Path], Path]
) -> None:
    """Said before the work, and nothing is lost or left."""
    before = clip.read_bytes()
    target = make(tmp_path, clip)
    held = list(tmp_path.iterdir())
    done = run(clip, "--json", target)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "--json" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert clip.read_bytes() == before
    assert list(tmp_path.iterdir()) == held


def test_a_name_that_is_not_utf8_is_kept(tmp_path: Path, clip: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff\xfe-\xcf\xd6.mp4")
    path.write_bytes(clip.read_bytes())
    out = tmp_path / "out.json"
    out.write_text("of an earlier run")
    done = run(path, "--json", out)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(out.read_text(encoding="utf-8"))["clips"]
    assert found["file"] == str(path)
    assert {each.name for each in tmp_path.iterdir()} == {path.name, "out.json"}


def test_result_into_a_pipe(clip: Path) -> None:
    """What is not a file is written into, never replaced."""
    done = run(clip, "--json", "/dev/stdout")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout[done.stdout.index("{") :])["clips"]
    assert Path("/dev/stdout").is_symlink()


@pytest.mark.media
@pytest.mark.skipif(MEDIA is None, reason="LIUHEN_MEDIA names no folder of real clips")
def test_real_clips(tmp_path: Path) -> None:
    """At least one of four real events with the right onset and box; a quiet square stays quiet.

    The floor of the first version, not its figure: that is in docs/design/detection.md.
    """
    media = Path(MEDIA or "")
    known = {clip["file"]: clip for clip in json.loads((media / "clips.json").read_text())["clips"]}
    names = [name for name, clip in known.items() if clip["events"]]
    names.append("quiet/street_korzo_rijeka.mp4")
    clips = analyze(*(media / name for name in names), settle="3", out=tmp_path / "out.json")
    found = 0
    for name, clip in zip(names, clips, strict=True):
        if not known[name]["events"]:
            assert clip["events"] == []
            continue
        (truth,) = known[name]["events"]
        first, last = truth["deposit_s"]
        slack = truth["tolerance_s"] + 2
        found += any(
            first - slack <= event["onset_s"] <= last + slack
            and iou(Box(*event["box_xyxy"]), Box(*truth["box_xyxy"])) >= 0.2
            for event in clip["events"]  # type: ignore[attr-defined]
        )
    assert found >= 1
