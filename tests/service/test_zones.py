"""Zones files: what is taken, and that a refusal says which zone and what of it."""

import json
from pathlib import Path

import pytest

from service.errors import InputError
from service.evidence.log import Action
from service.tables import Camera, LogEntry, ZoneRow
from service.texts import say_both
from service.zones import ZoneChange, ZonePlan, read_zones, set_zones, zone_plans, zones_of
from tests.service.installation import Installation
from vision.zone import Zone, ZoneKind

SQUARE = [[0, 0], [1, 0], [1, 1.0], [0, 1]]
GOOD = {"name": "路沿", "kind": "no_dump", "points": SQUARE}


def read(folder: Path, found: object) -> tuple[ZonePlan, ...]:
    path = folder / "zones.json"
    path.write_text(found if isinstance(found, str) else json.dumps(found), encoding="utf-8")
    return read_zones(path)


def test_zones_are_read(tmp_path: Path) -> None:
    corners = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    (plan,) = read(tmp_path, {"zones": [GOOD]})
    assert plan.zone == Zone("路沿", ZoneKind.NO_DUMP, corners)
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
    "the name of another": ({"name": "路沿"}, "zone_twice", "路沿"),
    "hours that are a text": ({"hours": "Mon 00:00-24:00"}, "zone_hours", "Mon"),
    "hours that are numbers": ({"hours": [6]}, "zone_hours", "6"),
    "no days": ({"hours": ["22:00-06:00"]}, "zone_hours", "22:00"),
    "an unknown day": ({"hours": ["Mo 22:00-06:00"]}, "zone_hours", "Mo"),
    "no such hour": ({"hours": ["Mon 22:00-25:00"]}, "zone_hours", "25:00"),
    "no such minute": ({"hours": ["Mon 22:60-23:00"]}, "zone_hours", "22:60"),
    "a start at midnight's end": ({"hours": ["Mon 24:00-06:00"]}, "zone_hours", "24:00"),
    "an unknown time zone": ({"time_zone": "Asia/Peking"}, "zone_time_zone", "Peking"),
    "a path as time zone": ({"time_zone": "../../etc/passwd"}, "zone_time_zone", "passwd"),
    "a time zone with summer time": ({"time_zone": "Europe/Rome"}, "zone_time_zone", "Rome"),
    "a number as time zone": ({"time_zone": 8}, "zone_time_zone", "8"),
}


@pytest.mark.parametrize(("changed", "code", "word"), ZONES.values(), ids=ZONES)
def test_the_wrong_zone_is_named(
    tmp_path: Path, changed: dict[str, object], code: str, word: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, {"zones": [GOOD, GOOD | {"name": "桶"} | changed]})
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


BIN = {"name": "桶", "kind": "bin", "points": SQUARE}
AT_NIGHT = GOOD | {"hours": ["Mon-Fri 22:00-06:00", "周六、周日 00:00-24:00"]}


def wanted(folder: Path, *zones: dict[str, object]) -> tuple[ZonePlan, ...]:
    return read(folder, {"zones": list(zones)})


@pytest.fixture
def gate(embedded: Installation) -> Installation:
    with embedded.database.write() as session:
        session.add(Camera(id="gate", place="路口", url="rtsp://x/1", added_us=0))
    return embedded


def put(gate: Installation, plans: tuple[ZonePlan, ...]) -> ZoneChange:
    gate.clock.sleep(10)
    with gate.database.write() as session:
        return set_zones(session, gate.clock, "gate", plans)


def test_a_changed_zone_is_another_row_and_the_old_one_ends(
    gate: Installation, tmp_path: Path
) -> None:
    """A find must be traceable to the zones of its day: rows end, they do not change."""
    assert put(gate, wanted(tmp_path, GOOD, BIN)) == ZoneChange(("路沿", "桶"), (), ())
    first_us = gate.now()
    assert put(gate, wanted(tmp_path, AT_NIGHT, BIN)) == ZoneChange(("路沿",), ("路沿",), ("桶",))
    rows = {(row.name, row.valid_from_us, row.valid_to_us) for row in gate.rows(ZoneRow)}
    assert rows == {
        ("路沿", first_us, gate.now()),
        ("桶", first_us, None),
        ("路沿", gate.now(), None),
    }
    with gate.database.read() as session:
        assert set(zone_plans(session, "gate")) == set(wanted(tmp_path, AT_NIGHT, BIN))
        (night,) = [zone for zone in zones_of(session, "gate") if zone.name == "路沿"]
        assert night.schedule.offset_s == 8 * 3600


def test_a_change_is_logged_whole_and_none_is_not(gate: Installation, tmp_path: Path) -> None:
    """Who reads the log can tell where nothing could be found, and since when."""
    for _ in range(2):
        put(gate, wanted(tmp_path, GOOD))
    entries = [e for e in gate.rows(LogEntry) if e.action == Action.ZONES_CHANGED]
    (entry,) = entries
    assert entry.subject == "gate"
    assert "no_dump" in (entry.body or "")


def test_what_is_listed_is_a_zones_file(gate: Installation, tmp_path: Path) -> None:
    """List, edit, set: what comes out goes in again and changes nothing."""
    plans = wanted(tmp_path, AT_NIGHT, BIN)
    put(gate, plans)
    with gate.database.read() as session:
        listed = [plan.to_json() for plan in zone_plans(session, "gate")]
    assert put(gate, read(tmp_path, {"zones": listed})) == ZoneChange((), (), ("桶", "路沿"))
