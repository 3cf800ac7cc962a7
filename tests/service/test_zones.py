"""Zones files: what is taken, and that a refusal says which zone and what of it."""

import json
from pathlib import Path

import pytest

from service.errors import InputError
from service.texts import say_both
from service.zones import read_zones
from vision.zone import Zone, ZoneKind

SQUARE = [[0, 0], [1, 0], [1, 1.0], [0, 1]]
GOOD = {"name": "路沿", "kind": "no_dump", "points": SQUARE}


def read(folder: Path, found: object) -> tuple[Zone, ...]:
    path = folder / "zones.json"
    path.write_text(found if isinstance(found, str) else json.dumps(found), encoding="utf-8")
    return read_zones(path)


def test_zones_are_read(tmp_path: Path) -> None:
    corners = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    assert read(tmp_path, {"zones": [GOOD]}) == (Zone("路沿", ZoneKind.NO_DUMP, corners),)
    assert read(tmp_path, "\ufeff" + json.dumps({"zones": [GOOD]}))
    assert read(tmp_path, {"zones": []}) == ()


FILES = {
    "no JSON": ("{", "zones_file"),
    "nested without end": ("[" * 100_000, "zones_file"),
    "a list": ([GOOD], "zones_shape"),
    "no zones": ({}, "zones_shape"),
    "an object of zones": ({"zones": GOOD}, "zones_shape"),
    "no zone": ({"zones": ["x"]}, "zones_shape"),
    "another key": ({"zones": [], "areas": []}, "zones_key"),
}


@pytest.mark.parametrize(("found", "code"), FILES.values(), ids=FILES)
def test_files_that_hold_no_zones(tmp_path: Path, found: object, code: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, found)
    assert caught.value.code == code
    assert "zones.json" in say_both(f"error.{code}", **caught.value.facts)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="zones_file"):
        read_zones(tmp_path / "nothing.json")


ZONES = {
    "another key": ({"colour": "red"}, "zone_key", "colour"),
    "a key in capitals": ({"Kind": "road"}, "zone_key", "Kind"),
    "no name": ({"name": " "}, "zone_name", "name"),
    "a number as name": ({"name": 1}, "zone_name", "name"),
    "an unknown kind": ({"kind": "river"}, "zone_kind", "river"),
    "a list as kind": ({"kind": ["road"]}, "zone_kind", "no_dump"),
    "two points": ({"points": SQUARE[:2]}, "zone_points", "points"),
    "no points": ({"points": None}, "zone_points", "points"),
    "outside": ({"points": [[0, 0], [1.1, 0], [1, 1]]}, "zone_points", "points"),
    "not a number": ({"points": [[0, 0], [float("nan"), 0], [1, 1]]}, "zone_points", "points"),
    "words": ({"points": [["0", 0], [1, 0], [1, 1]]}, "zone_points", "points"),
    "yes and no": ({"points": [[True, 0], [1, 0], [1, 1]]}, "zone_points", "points"),
    "three values": ({"points": [[0, 0, 0], [1, 0, 0], [1, 1, 0]]}, "zone_points", "points"),
    "a huge number": ({"points": [[0, 0], [10**400, 0], [1, 1]]}, "zone_points", "points"),
    "a line": ({"points": [[0.1, 0.1], [0.2, 0.2], [0.7, 0.7]]}, "zone_points", "points"),
    "one point": ({"points": [[0.5, 0.5]] * 4}, "zone_points", "points"),
}


@pytest.mark.parametrize(("changed", "code", "word"), ZONES.values(), ids=ZONES)
def test_the_wrong_zone_is_named(
    tmp_path: Path, changed: dict[str, object], code: str, word: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, {"zones": [GOOD, GOOD | changed]})
    assert caught.value.code == code
    assert caught.value.facts["number"] == 2
    told = say_both(f"error.{code}", **caught.value.facts)
    assert "zone 2" in told
    assert word in told


@pytest.mark.parametrize("key", GOOD)
def test_what_is_missing_is_named(tmp_path: Path, key: str) -> None:
    with pytest.raises(InputError, match="zone_key_missing") as caught:
        read(tmp_path, {"zones": [{each: GOOD[each] for each in GOOD if each != key}]})
    assert caught.value.facts["key"] == key
