"""What is wrong with a picture comes out: of a camera as facts, of a file in its report."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from ingest.clock import SimulatedClock
from ingest.spool import FactKind, Spool
from service.analyst import Analyst
from service.analyze import Request, analyze
from service.cli import app
from service.demo.plot import passers
from service.demo.street import render
from tests.ingest.clip import Replay, replayed
from tests.ingest.test_worker import plan
from tests.service.painted import write_film
from vision.frame import Image, seconds_between
from vision.health import Ailment
from vision.watch import WatchSettings

COVERED_S, SECONDS = (10, 50), 70


def street(t_s: float) -> Image:
    """A street before whose camera somebody hangs a cloth for a while."""
    image = render(passers(5, size=(320, 180)), t_s)
    if COVERED_S[0] <= t_s < COVERED_S[1]:
        weave = np.random.default_rng(round(t_s * 2)).integers(110, 118, image.shape, np.uint8)
        image = cv2.GaussianBlur(weave, (0, 0), 2).astype(np.uint8)
    return image


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("covered") / "cloth.mp4", street, SECONDS)


def test_a_camera_tells_what_is_wrong_once_and_that_it_is_over(tmp_path: Path, clip: Path) -> None:
    """One fact at the first look, one for each change: a snapshot, so that a restart heals it."""
    clock = SimulatedClock()
    start = clock.now()
    info, packets = replayed(Replay(clip.read_bytes(), clock))
    spool = Spool(tmp_path / "spool")
    analyst = Analyst(plan(tmp_path), spool, clock)
    analyst.begin(info)
    for packet in packets:
        analyst.offer(packet)
    analyst.finish()
    told = [
        (round(seconds_between(start, fact.at)), fact.data["ailing"])
        for fact in spool.facts()
        if fact.kind is FactKind.HEALTH
    ]
    (first_s, well), (told_s, ill), (over_s, again) = told
    assert (first_s, well, ill, again) == (0, [], [Ailment.COVERED], [])
    assert COVERED_S[0] + 20 <= told_s <= COVERED_S[0] + 25
    assert COVERED_S[1] + 5 <= over_s <= COVERED_S[1] + 15


def test_a_report_on_a_file_says_from_when_to_when(clip: Path) -> None:
    """The covered part of a file is no place to look for dumping, and whoever reads must know."""
    report = analyze(clip, Request(WatchSettings()))
    (spell,) = report.health
    assert spell.ailment == Ailment.COVERED
    assert spell.end_s is not None
    assert abs(spell.start_s - COVERED_S[0]) <= 2
    assert COVERED_S[1] + 5 <= spell.end_s <= COVERED_S[1] + 15
    assert report.events == []
    assert report.to_json()["health"] == [
        {"ailment": "covered", "start_s": spell.start_s, "end_s": spell.end_s}
    ]


def test_the_command_says_it_in_words(clip: Path) -> None:
    result = CliRunner().invoke(app, ["analyze", str(clip)])
    assert result.exit_code == 0
    assert "画面被遮挡" in result.output
    assert "covered" in result.output
