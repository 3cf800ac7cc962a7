"""`liuhen fsck` and `liuhen hold` as people run them: exit status, sentences, JSON."""

import json
import subprocess
from pathlib import Path

import pytest

from ingest.clock import SystemClock
from ingest.lock import Lock
from service.cameras import NewCamera, add_camera
from service.database import open_database
from service.settings import load
from tests.cli import command


def run(*arguments: str | Path, home: Path) -> subprocess.CompletedProcess[str]:
    password = {"LIUHEN_NEW_PASSWORD": "long enough a word"}
    return command.run(*arguments, "--home", home, **password)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An installation with a camera that never recorded."""
    settings, clock = load(tmp_path / "home", {}), SystemClock()
    database = open_database(settings, clock)
    with database.write() as session:
        add_camera(session, clock, NewCamera(id="gate", place="门口", url="rtsp://192.0.2.1/"))
    database.close()
    return settings.home


@pytest.mark.parametrize("depth", [[], ["--sizes"], ["--deep"], ["--deep", "--rate", "50"]])
def test_a_whole_home(home: Path, depth: list[str]) -> None:
    done = run("fsck", *depth, home=home)
    assert done.returncode == 0, done.stderr
    assert "损坏 0 处" in done.stdout
    assert "0 damaged" in done.stdout


def test_damage_ends_with_status_one_and_is_told_in_both_languages(home: Path) -> None:
    (home / "spool" / "1.bad").write_bytes(b"?")
    done = run("fsck", home=home)
    assert done.returncode == 1
    assert "[损坏 fact_aside 7] 无法登记的留言“spool/1.bad”" in done.stdout
    assert "the fact “spool/1.bad” could not be entered" in done.stdout
    told = json.loads(run("fsck", "--json", "--sizes", home=home).stdout)
    assert (told["depth"], told["holds"]) == ("sizes", False)
    assert [found["path"] for found in told["findings"]] == ["spool/1.bad"]


def test_leftovers_are_mended_only_when_asked_and_only_alone(home: Path) -> None:
    day = home / "segments" / "gate" / "20260101"
    day.mkdir(parents=True)
    orphan = day / "1.mp4"
    orphan.write_bytes(b"begun")
    done = run("fsck", home=home)
    assert (done.returncode, orphan.exists()) == (0, True)
    assert "[遗留 media_alone R4]" in done.stdout
    with Lock(home / "LOCK") as lock:
        assert lock.take()
        refused = run("fsck", "--mend", home=home)
    assert (refused.returncode, orphan.exists()) == (2, True)
    assert "--mend" in refused.stderr
    done = run("fsck", "--mend", home=home)
    assert done.returncode == 0
    assert "已修复 1 处遗留" in done.stdout
    assert not orphan.exists()
    assert (home / "quarantine" / "segments" / "gate" / "20260101" / "1.mp4").exists()


def test_a_mistyped_home_makes_no_installation(tmp_path: Path) -> None:
    done = run("fsck", home=tmp_path / "none")
    assert done.returncode == 2
    assert not (tmp_path / "none").exists()


def test_a_hold_from_its_placing_to_its_release(home: Path) -> None:
    badge = ("--badge", "1", "--badge-until", "2099-12-31")
    assert run("user", "add", "wang", "--name", "王某", *badge, home=home).returncode == 0
    times = ("--from", "2026-09-01 08:00", "--to", "2026-09-01 09:00")
    done = run("hold", "place", "gate", *times, "--reason", "复议", "--by", "wang", home=home)
    assert done.returncode == 0, done.stderr
    listed = run("hold", "list", home=home).stdout
    assert "复议" in listed
    assert "2026-09-01" in listed
    hold = done.stdout.partition("：")[2].partition("（")[0]
    assert len(hold) == 12
    done = run("hold", "release", hold, "--reason", "结案", "--by", "wang", home=home)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"--from": "yesterday"}, "yesterday"),
        ({"--to": "2026-09-01 08:00"}, "--to"),
        ({"--reason": " "}, "--reason"),
        ({"--by": "li"}, "li"),
    ],
)
def test_a_hold_that_is_refused(home: Path, changed: dict[str, str], said: str) -> None:
    options = {
        "--from": "2026-09-01 08:00",
        "--to": "2026-09-01 09:00",
        "--reason": "复议",
        "--by": "wang",
        **changed,
    }
    words = [word for pair in options.items() for word in pair]
    done = run("hold", "place", "gate", *words, home=home)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
