"""What camera processes are told to do; one camera's trouble is not another's."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

import service
from service.alarms import Trouble, open_alarms, raise_alarm
from service.cameras import (
    CameraSettings,
    NewCamera,
    Plan,
    add_camera,
    address_of,
    change_camera,
    plans,
)
from service.database import Database
from service.errors import InputError
from service.evidence.log import Action
from service.settings import load
from service.tables import Camera, ZoneRow
from service.zones import ZonePlan
from tests.service.installation import Installation
from vision.frame import CameraId
from vision.zone import Zone, ZoneKind

KERB = Zone("kerb", ZoneKind.NO_DUMP, ((0.1, 0.5), (0.9, 0.5), (0.9, 0.9)))
MAIN, SUB = "rtsp://192.0.2.1/1", "rtsp://192.0.2.1/2"
NEW = NewCamera("gate", "门口", MAIN)
VARIABLE = "LIUHEN_CAMERA_NEVER_SET"


def troubles(made: Installation) -> set[tuple[str, str]]:
    with made.database.read() as session:
        return {(alarm.key, alarm.subject) for alarm in open_alarms(session)}


def planned(made: Installation) -> dict[CameraId, Plan]:
    with made.database.write() as session:
        found = plans(session, made.clock, made.settings)
        return {camera: plan for camera, plan in found.items() if plan is not None}


def added(made: Installation, *news: NewCamera) -> None:
    with made.database.write() as session:
        for new in news:
            add_camera(session, made.clock, new)


def changed(made: Installation, **wanted: object) -> tuple[str, ...]:
    with made.database.write() as session:
        now = CameraSettings.of(session.get_one(Camera, "gate"))
        return change_camera(session, made.clock, "gate", replace(now, **wanted))  # type: ignore[arg-type]


def bodies(made: Installation, action: Action) -> list[dict[str, object]]:
    found = [json.loads(entry.body or "") for entry in made.log(action)]
    return [{name: body[name] for name in body if name not in {"salt", "rows"}} for body in found]


def test_a_camera_in_trouble_has_an_alarm_and_the_others_run(embedded: Installation) -> None:
    added(
        embedded,
        NewCamera("gate", "门口", "rtsp://192.0.2.1/1", zones=(ZonePlan(KERB),)),
        NewCamera("yard", "后院", "rtsp://192.0.2.1/2", "cam", VARIABLE),
        NewCamera("lane", "巷口", "rtsp://192.0.2.1/3", zones=(ZonePlan(KERB),)),
    )
    (spoilt,) = [row for row in embedded.rows(ZoneRow) if row.camera_id == "lane"]
    with embedded.database.write() as session:
        spoilt.kind = "nonsense"
        session.add(spoilt)
    assert set(planned(embedded)) == {"gate"}
    assert troubles(embedded) == {("camera_password", "yard"), ("camera_zones", "lane")}
    with embedded.database.write() as session:
        spoilt.kind = "no_dump"
        session.add(spoilt)
        yard = session.get_one(Camera, "yard")
        yard.username = yard.password_variable = None
        session.add(yard)
    assert set(planned(embedded)) == {"gate", "yard", "lane"}
    assert troubles(embedded) == set()


def test_a_plan_says_what_the_row_says(embedded: Installation) -> None:
    added(embedded, replace(NEW, settle_s=7.0, zones=(ZonePlan(KERB),)))
    (plan,) = planned(embedded).values()
    assert (plan.address.url, plan.address.transport) == (MAIN, "tcp")
    assert (plan.sub_address, plan.audio, plan.address.ca_file) == (None, False, None)
    assert plan.watch.zones == (KERB,)
    assert plan.watch.settle_s == 7.0


def test_a_plan_knows_both_streams_and_how_they_come(embedded: Installation) -> None:
    """The login is one and the same; sound is what was decided for this camera."""
    wanted = replace(NEW, sub_url=SUB, transport="udp", audio=True, username="cam")
    added(embedded, wanted)
    settings = embedded.settings.model_copy(update={"camera_ca_file": "ca.pem"})
    with embedded.database.write() as session:
        (plan,) = plans(session, embedded.clock, settings).values()
    assert plan.sub_address == replace(plan.address, url=SUB)
    assert (plan.address.transport, plan.address.username) == ("udp", "cam")
    assert plan.address.ca_file == settings.home / "ca.pem"
    assert plan.audio


def test_the_password_is_found_at_each_look(embedded: Installation) -> None:
    """In the environment or in the file; a camera whose password is changed is started anew."""
    added(embedded, replace(NEW, username="cam", password_variable=VARIABLE))
    with embedded.database.read() as session:
        row = session.get_one(Camera, "gate")
        assert address_of(row, embedded.settings, {VARIABLE: "a"}).password == "a"
    path = embedded.settings.secrets
    for password in ("first", "second"):
        path.write_text(f'{VARIABLE} = "{password}"')
        path.chmod(0o600)
        (plan,) = planned(embedded).values()
        assert plan.address.password == password
        assert password not in repr(plan)


@pytest.mark.parametrize("spoil", [lambda p: p.chmod(0o644), lambda p: p.write_text("x")])
def test_a_bad_secrets_file_is_an_alarm_of_those_who_need_it(
    embedded: Installation, spoil: object
) -> None:
    """No exception that would stop the cameras which need no password from the file."""
    added(embedded, replace(NEW, username="cam", password_variable=VARIABLE))
    added(embedded, NewCamera("yard", "后院", SUB))
    path = embedded.settings.secrets
    path.write_text(f'{VARIABLE} = "a"')
    path.chmod(0o600)
    assert set(planned(embedded)) == {"gate", "yard"}
    spoil(path)  # type: ignore[operator]
    assert set(planned(embedded)) == {"yard"}
    assert troubles(embedded) == {("camera_secrets", "gate")}
    path.unlink()
    planned(embedded)
    assert troubles(embedded) == {("camera_password", "gate")}, "one reason at a time"


@pytest.mark.parametrize(
    "stored",
    [
        {"url": "http://192.0.2.1/1"},
        {"url": "rtsp://cam:x@192.0.2.1/1"},
        {"sub_url": "rtsp://192.0.2.1/?password=x"},
        {"transport": "sctp"},
        {"url": "rtsps://192.0.2.1/1", "transport": "udp"},
    ],
    ids=str,
)
def test_a_stored_address_that_is_refused_today_is_an_alarm(
    embedded: Installation, stored: dict[str, str]
) -> None:
    """Not a process that is started again and again; what was wrong with it is not repeated."""
    added(embedded, NEW, NewCamera("yard", "后院", SUB))
    with embedded.database.write() as session:
        row = session.get_one(Camera, "gate")
        for name, value in stored.items():
            setattr(row, name, value)
        session.add(row)
    assert set(planned(embedded)) == {"yard"}
    assert troubles(embedded) == {("camera_address", "gate")}
    # It can be switched off, and mended, but not kept as it is.
    with pytest.raises(InputError):
        changed(embedded, place="x")
    assert changed(embedded, enabled=False) == ("enabled",)
    assert troubles(embedded) == set()
    changed(embedded, url=MAIN, sub_url=None, transport="tcp", enabled=True)
    assert set(planned(embedded)) == {"gate", "yard"}


def test_what_is_set_of_a_new_camera_is_logged(embedded: Installation) -> None:
    """A penalty must be traceable to the threshold of its day, and sound to its decision."""
    added(embedded, replace(NEW, sub_url=SUB, audio=True, username="cam"))
    (body,) = bodies(embedded, Action.CAMERA_ADDED)
    assert body == {
        "place": "门口",
        "url": MAIN,
        "sub_url": SUB,
        "transport": "tcp",
        "audio": "True",
        "username": "cam",
        "password_variable": "",
        "settle_s": "10.0",
        "enabled": "True",
    }


def test_a_change_is_logged_with_what_was_before(embedded: Installation) -> None:
    added(embedded, NEW)
    assert changed(embedded, settle_s=5.0, audio=True) == ("audio", "settle_s")
    assert changed(embedded, sub_url=SUB) == ("sub_url",)
    assert changed(embedded, sub_url=SUB) == (), "nothing changed, nothing logged"
    assert changed(embedded, enabled=False) == ("enabled",)
    assert bodies(embedded, Action.CAMERA_CHANGED) == [
        {"audio": ["False", "True"], "settle_s": ["10.0", "5.0"]},
        {"sub_url": ["", SUB]},
        {"enabled": ["True", "False"]},
    ]
    assert planned(embedded) == {}
    changed(embedded, enabled=True)
    (plan,) = planned(embedded).values()
    assert (plan.watch.settle_s, plan.audio) == (5.0, True)
    assert plan.sub_address is not None


REFUSED = {
    "empty place": ({"place": " "}, "camera_place"),
    "settle time": ({"settle_s": 0.1}, "settle_time"),
    "address": ({"url": "http://192.0.2.1/"}, "camera_address"),
    "password in the address": ({"url": "rtsp://a:b@192.0.2.1/"}, "camera_address"),
    "password in the sub address": ({"sub_url": "rtsp://192.0.2.1/?pwd=x"}, "camera_address"),
    "way": ({"transport": "multicast"}, "camera_transport"),
    "way of an encrypted one": (
        {"url": "rtsps://192.0.2.1/", "transport": "udp"},
        "camera_transport",
    ),
    "password while off": ({"url": "rtsp://a:b@192.0.2.1/", "enabled": False}, "camera_address"),
}


@pytest.mark.parametrize(("wanted", "code"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_set_is_refused(
    embedded: Installation, wanted: dict[str, object], code: str
) -> None:
    """For a new camera as for one that is there; nothing is changed or logged."""
    added(embedded, NEW)
    with pytest.raises(InputError, match=code):
        changed(embedded, **wanted)
    if "enabled" not in wanted:
        with pytest.raises(InputError, match=code):
            added(embedded, replace(NEW, id="yard", **wanted))  # type: ignore[arg-type]
    (row,) = embedded.rows(Camera)
    assert CameraSettings.of(row) == NEW.settings
    assert embedded.log(Action.CAMERA_CHANGED) == []


def test_a_camera_that_is_not_there_is_said(embedded: Installation) -> None:
    with (
        pytest.raises(InputError, match="no_camera"),
        embedded.database.write() as session,
    ):
        change_camera(session, embedded.clock, "gate", NEW.settings)


def test_a_camera_that_is_off_has_no_trouble(embedded: Installation) -> None:
    """An alarm that nobody could ever close would hide those that matter."""
    added(embedded, NEW)
    with embedded.database.write() as session:
        raise_alarm(session, embedded.clock, Trouble.CAMERA_DOWN, "gate", cause="unreachable")
        raise_alarm(session, embedded.clock, Trouble.CAMERA_DOWN, "yard", cause="unreachable")
    changed(embedded, enabled=False)
    assert troubles(embedded) == {("camera_down", "yard")}


def test_cameras_of_before_go_on_as_they_were(tmp_path: Path) -> None:
    """The migration gives old rows one stream over TCP, without sound."""
    database = Database(load(tmp_path, {}))
    config = Config()
    folder = Path(service.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder))
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        connection.execute(
            text(
                "INSERT INTO cameras (id, place, url, status, settle_s, enabled, added_us)"
                " VALUES ('gate', 'x', 'rtsp://192.0.2.1/1', 'lead_only', 10.0, true, 1)"
            )
        )
        connection.execute(
            text(
                "INSERT INTO zones (id, camera_id, name, kind, points, valid_from_us)"
                " VALUES ('z', 'gate', 'kerb', 'no_dump', '[]', 1)"
            )
        )
        connection.commit()
    database.migrate()
    with database.read() as session:
        row = session.get_one(Camera, "gate")
        assert (row.sub_url, row.transport, row.audio) == (None, "tcp", False)
        assert session.get_one(ZoneRow, "z").camera_id == "gate"
    database.close()
