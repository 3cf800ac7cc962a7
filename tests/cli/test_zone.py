"""`liuhen camera zone`: what is listed can be edited and set, and a wrong file changes nothing."""

import json
from pathlib import Path

import pytest

from tests.cli import command

SQUARE = [[0.1, 0.5], [0.9, 0.5], [0.9, 0.9]]
KERB = {"name": "路沿", "kind": "no_dump", "points": SQUARE, "hours": ["周一-周五 22:00-06:00"]}
BIN = {"name": "[red]桶", "kind": "bin", "points": SQUARE}


def zone(word: str, home: Path, *arguments: str | Path, **variables: str) -> tuple[int, str]:
    """Exit status and what was said."""
    done = command.run("camera", "zone", word, "gate", *arguments, "--home", home, **variables)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def home(tmp_path: Path) -> Path:
    path = tmp_path / "home"
    url = "rtsp://192.0.2.1/1"
    done = command.run("camera", "add", "gate", url, "--place", "路口", "--home", path)
    assert done.returncode == 0, done.stderr
    return path


def write(folder: Path, *zones: object) -> Path:
    path = folder / "zones.json"
    path.write_text(json.dumps({"zones": zones}), encoding="utf-8")
    return path


def test_zones_are_set_listed_and_set_again(home: Path, tmp_path: Path) -> None:
    assert "整个画面" in zone("list", home)[1]
    status, said = zone("set", home, write(tmp_path, KERB, BIN))
    assert (status, "2 new" in said) == (0, True)
    status, told = zone("list", home, COLUMNS="200")
    assert status == 0
    assert all(word in told for word in ("路沿", "[red]桶", "周一-周五 22:00-06:00", "禁止倾倒"))
    _, listed = zone("list", home, "--json")
    again = write(tmp_path, *json.loads(listed)["zones"])
    assert "2 as before" in zone("set", home, again)[1]
    assert "2 ended" in zone("set", home, write(tmp_path))[1]


def test_a_wrong_file_changes_nothing_and_says_what_is_wrong(home: Path, tmp_path: Path) -> None:
    zone("set", home, write(tmp_path, KERB))
    status, said = zone("set", home, write(tmp_path, KERB | {"hours": ["night"]}))
    assert status == 2
    assert "hours" in said
    assert "night" in said
    assert "Traceback" not in said
    assert "路沿" in zone("list", home)[1]


def test_an_unknown_camera(home: Path, tmp_path: Path) -> None:
    path = write(tmp_path, KERB)
    done = command.run("camera", "zone", "set", "yard", path, "--home", home)
    assert done.returncode == 2
    assert "yard" in done.stderr
