"""`--explain`: the pages say what was decided and why, and change nothing of it."""

from dataclasses import replace
from html import escape
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.analyze import ClipReport, Request, analyze
from service.cli import app
from service.explain import MOST_LOOKS, Explanation
from tests.service.painted import write_film
from tests.vision.stage import DROP_S, Stage, deposit, person, thing
from vision.frame import Image, Instant
from vision.watch import WatchSettings

SETTINGS = WatchSettings(settle_s=3.0)
STAGE = Stage(
    (thing((130, 96, 180, 116), DROP_S), *deposit()[1:], person(((0.5, -20.0), (6.0, 330.0))))
)


def picture(t_s: float) -> Image:
    return STAGE.frame(t_s).image.copy()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explained")
    return write_film(folder / "<b>bag.mp4", picture, 18.0, fps=5, gop=5)


def decided(report: ClipReport) -> ClipReport:
    """What does not depend on how it was found out."""
    return replace(report, cpu_s=0.0, frames_decoded=0)


def test_what_is_explained_is_what_is_decided_without(tmp_path: Path, clip: Path) -> None:
    """A view that changes the verdict explains nothing; and without asking nothing is written."""
    plain = analyze(clip, Request(SETTINGS))
    assert list(tmp_path.iterdir()) == []
    explained = analyze(clip, Request(SETTINGS, explain=tmp_path))
    assert plain.events
    assert decided(explained) == decided(plain)
    assert explained.detector_calls == plain.detector_calls


def test_every_image_of_the_page_is_there(tmp_path: Path, clip: Path) -> None:
    """Verdicts first, then the looks; a name is text and never markup."""
    (event, *_) = analyze(clip, Request(SETTINGS, explain=tmp_path)).events
    (folder,) = tmp_path.iterdir()
    page = (folder / "index.html").read_text(encoding="utf-8")
    images = sorted(path.name for path in folder.iterdir() if path.suffix != ".html")
    assert all(f'src="{name}"' in page for name in images)
    assert page.count("<img") == len(images)
    assert {name.partition("-")[0] for name in images} == {"candidate", "look"}
    assert all((folder / name).stat().st_size > 2000 for name in images)
    assert all(reason in page for reason in event.reasons)
    assert "<b>" not in page
    assert page.index("candidate-00") < page.index("look-000")


def test_the_command_leads_to_the_pages_of_all_files(tmp_path: Path, clip: Path) -> None:
    """Two files of one name have two pages."""
    twin = tmp_path / "twin" / clip.name
    twin.parent.mkdir()
    twin.write_bytes(clip.read_bytes())
    pages = tmp_path / "pages"
    arguments = ["analyze", str(clip), str(twin), "--settle", "3", "--explain", str(pages)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    index = (pages / "index.html").read_text(encoding="utf-8")
    folders = [path.name for path in pages.iterdir() if path.is_dir()]
    assert len(folders) == 2
    assert all(f'href="{escape(name)}/index.html"' in index for name in folders)


def test_a_folder_that_cannot_be_written_is_told_before_the_work(clip: Path) -> None:
    result = CliRunner().invoke(app, ["analyze", str(clip), "--explain", str(clip)])
    assert getattr(result.exception, "code", "") == "explain_folder"


def test_a_long_file_does_not_fill_the_disk(tmp_path: Path) -> None:
    explanation = Explanation(tmp_path, Path("long.mp4"), SETTINGS)
    explanation.folder.mkdir()
    for n in range(MOST_LOOKS + 5):
        explanation.saw(picture(0.0), Instant(n), "")
    explanation.finish([])
    assert len(list(explanation.folder.glob("look-*"))) == MOST_LOOKS
    assert "5" in (explanation.folder / "index.html").read_text(encoding="utf-8")
