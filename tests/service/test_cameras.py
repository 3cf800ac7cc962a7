"""What camera processes are told to do; one camera's trouble is not another's."""

from service.alarms import open_alarms
from service.cameras import NewCamera, add_camera, plans
from service.tables import Camera, ZoneRow
from tests.service.installation import Installation
from vision.zone import Zone, ZoneKind

KERB = Zone("kerb", ZoneKind.NO_DUMP, ((0.1, 0.5), (0.9, 0.5), (0.9, 0.9)))


def troubles(made: Installation) -> set[tuple[str, str]]:
    with made.database.read() as session:
        return {(alarm.key, alarm.subject) for alarm in open_alarms(session)}


def planned(made: Installation) -> set[str]:
    with made.database.write() as session:
        return set(plans(session, made.clock, made.settings))


def test_a_camera_in_trouble_has_an_alarm_and_the_others_run(embedded: Installation) -> None:
    variable = "LIUHEN_CAMERA_NEVER_SET"
    news = (
        NewCamera("gate", "门口", "rtsp://192.0.2.1/1", zones=(KERB,)),
        NewCamera("yard", "后院", "rtsp://192.0.2.1/2", "cam", variable),
        NewCamera("lane", "巷口", "rtsp://192.0.2.1/3", zones=(KERB,)),
    )
    with embedded.database.write() as session:
        for new in news:
            add_camera(session, embedded.clock, new)
    (spoilt,) = [row for row in embedded.rows(ZoneRow) if row.camera_id == "lane"]
    with embedded.database.write() as session:
        spoilt.kind = "nonsense"
        session.add(spoilt)
    assert planned(embedded) == {"gate"}
    assert troubles(embedded) == {("camera_password", "yard"), ("camera_zones", "lane")}
    with embedded.database.write() as session:
        spoilt.kind = "no_dump"
        session.add(spoilt)
        yard = session.get_one(Camera, "yard")
        yard.username = yard.password_variable = None
        session.add(yard)
    assert planned(embedded) == {"gate", "yard", "lane"}
    assert troubles(embedded) == set()


def test_a_plan_says_what_the_row_says(embedded: Installation) -> None:
    new = NewCamera("gate", "门口", "rtsp://192.0.2.1/1", settle_s=7.0, zones=(KERB,))
    with embedded.database.write() as session:
        add_camera(session, embedded.clock, new)
        (plan,) = plans(session, embedded.clock, embedded.settings).values()
    assert plan.address.url == new.url
    assert plan.watch.zones == (KERB,)
    assert plan.watch.settle_s == 7.0
