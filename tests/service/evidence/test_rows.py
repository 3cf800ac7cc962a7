"""What the log tells of rows: told again from the first entry on, it is what the database holds."""

import json
from typing import Any

import pytest
from sqlmodel import Session, SQLModel, delete, select, update

from ingest.files import sha256_bytes
from service.evidence.log import MACHINE, Action, append
from service.holds import HoldRequest, place_hold, release_hold
from service.ledger.rows import SECRETS, UNPROJECTED, projected, told
from service.people import Role
from service.segments import log_recording, unlogged_cameras
from service.tables import Alarm, Camera, Event, Gap, Job, LogEntry, User
from tests.service.installation import Installation
from vision.frame import later


def replayed(entries: list[LogEntry]) -> dict[tuple[str, str], dict[str, Any]]:
    """Every row that the log tells of, as it stands in the end."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for entry in entries:
        for text in json.loads(entry.body or "{}").get("rows", []):
            table, key, values = json.loads(text)
            if values is None:
                del rows[table, key]
            else:
                rows[table, key] = {**rows.get((table, key), {}), **values}
    return rows


def standing(session: Session) -> dict[tuple[str, str], dict[str, Any]]:
    """Every row that the log should tell of."""
    found = [told(row) for kind in projected() for row in session.exec(select(kind))]
    return {
        (each.table, each.key): json.loads(json.dumps(each.image))
        for each in found
        if each is not None and each.image is not None
    }


def assert_projected(made: Installation) -> None:
    """Invariant: the database is a projection of the log."""
    with made.database.read() as session:
        assert replayed(made.log()) == standing(session)


def test_the_database_is_a_projection_of_the_log(installation: Installation) -> None:
    wang = installation.add_person("wang")
    installation.add_camera()
    installation.add_event("event")
    installation.confirm("event", wang)
    start = installation.now()
    request = HoldRequest("gate-1", start, later(start, 60), "案件")
    with installation.database.write() as session:
        hold = place_hold(session, installation.clock, request, by="wang")
    with installation.database.write() as session:
        release_hold(session, installation.clock, hold.id, reason="结案", by="wang")
    assert_projected(installation)


def rows_of(made: Installation) -> list[Any]:
    """What the last entry tells."""
    return [json.loads(text) for text in json.loads(made.log()[-1].body or "{}")["rows"]]


def test_an_act_tells_of_its_rows_in_its_last_entry(embedded: Installation) -> None:
    embedded.add_camera()
    with embedded.database.write() as session:
        for action in (Action.CAMERA_CHANGED, Action.HELD):
            append(session, embedded.clock, actor="wang", action=action, subject="gate-1")
        session.get_one(Camera, "gate-1").place = "东门"
    assert rows_of(embedded) == [["cameras", "gate-1", {"place": "东门"}]]
    assert embedded.log()[-1].action == Action.HELD
    assert "rows" not in json.loads(embedded.log()[-2].body or "")


def test_rows_that_change_without_an_act_are_told_too(embedded: Installation) -> None:
    embedded.add_camera()
    entry = embedded.log()[-1]
    assert (entry.action, entry.actor) == (Action.ROWS_CHANGED, MACHINE)
    with embedded.database.write() as session:
        session.delete(session.get_one(Camera, "gate-1"))
    assert rows_of(embedded) == [["cameras", "gate-1", None]]


def test_what_comes_and_changes_at_once_is_told_once(embedded: Installation) -> None:
    with embedded.database.write() as session:
        camera = Camera(id="a", place="甲", url="rtsp://192.0.2.7/", settle_s=10, added_us=0)
        session.add(camera)
        session.flush()
        camera.place = "乙"
        session.flush()
        camera.enabled = False
    ((table, key, image),) = rows_of(embedded)
    assert (table, key, image["place"], image["enabled"]) == ("cameras", "a", "乙", False)
    assert isinstance(image["settle_s"], float), "as it will be read again"
    assert_projected(embedded)


def test_nothing_is_told_of_what_is_not_projected(embedded: Installation) -> None:
    before = len(embedded.log())
    with embedded.database.write() as session:
        session.add(Alarm(key="k", subject="s", facts={}, opened_us=0, renewed_us=0))
        session.add(Job(id="j", kind="k", payload={}, not_before_us=0, created_us=0))
    assert len(embedded.log()) == before


def test_a_transaction_that_fails_tells_nothing(embedded: Installation) -> None:
    before = len(embedded.log())
    with pytest.raises(RuntimeError), embedded.database.write() as session:
        session.add(Camera(id="a", place="", url="", added_us=0))
        session.flush()
        raise RuntimeError
    assert len(embedded.log()) == before


def test_secrets_are_told_as_hashes(embedded: Installation) -> None:
    """Attack: who reads the log tries passwords against it."""
    embedded.add_person("wang", Role.OFFICER)
    ((_, _, image),) = rows_of(embedded)
    assert image["password_hash"].startswith("sha256:")


BULK = {"update": update(User).values(name="x"), "delete": delete(User)}


@pytest.mark.parametrize("statement", BULK.values(), ids=BULK)
def test_a_statement_that_the_log_could_not_tell_of_is_refused(
    embedded: Installation, statement: Any
) -> None:
    with pytest.raises(TypeError, match="users"), embedded.database.write() as session:
        session.exec(statement)


def test_recording_is_told_in_batches(embedded: Installation) -> None:
    before = len(embedded.log())
    with embedded.database.write() as session:
        for n in range(3):
            session.add(Gap(id=f"g{n}", camera_id="c", start_us=n, end_us=n + 1, cause="silent"))
    assert len(embedded.log()) == before, "not yet"
    with embedded.database.write() as session:
        session.get_one(Gap, "g0").cause = "crashed"
    with embedded.database.write() as session:
        assert unlogged_cameras(session) == ["c"]
        assert log_recording(session, embedded.clock, "c")
    entry = embedded.log()[-1]
    assert (entry.action, entry.subject) == (Action.SEGMENTS_CLOSED, "c")
    assert json.loads(entry.body or "")["gaps"] == ["0 1 crashed", "1 2 silent", "2 3 silent"]
    assert_projected(embedded)
    with embedded.database.write() as session:
        session.get_one(Gap, "g1").cause = "crashed"
    assert rows_of(embedded) == [["gaps", "g1", {"cause": "crashed"}]]


def test_a_score_is_told_by_its_hash_as_it_will_be_read_again(installation: Installation) -> None:
    """Attack: a whole number, which comes back as a float, hashes differently: a false alarm."""
    installation.add_event("event")
    with installation.database.write() as session:
        session.get_one(Event, "event").score = 1
    (row,) = (each for each in rows_of(installation) if each[0] == "events")
    assert row == ["events", "event", {"score": f"sha256:{sha256_bytes(b'1.0')}"}]
    assert_projected(installation)


def test_what_is_left_out_and_what_is_secret_exists() -> None:
    tables = SQLModel.metadata.tables
    assert set(UNPROJECTED) <= set(tables)
    assert {column.name for table in tables.values() for column in table.columns} >= SECRETS
