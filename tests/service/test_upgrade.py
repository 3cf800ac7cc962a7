"""An installation of the release before goes on: its rows stay, and the log tells of them."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text

import service
from ingest.clock import SimulatedClock
from service.database import Database, open_database
from service.evidence.store import FolderStore
from service.evidence.verify import verify
from service.settings import load
from service.tables import Case, Exhibit, SegmentRow

RELEASED = "0006"
"""The last revision that was released."""
ROWS = (
    "users (id, name, role, password_hash, active, created_us)"
    " VALUES ('wang', 'x', 'officer', '-', true, 1)",
    "cameras (id, place, url, status, settle_s, enabled, added_us)"
    " VALUES ('gate', 'x', 'rtsp://192.0.2.1/1', 'lead_only', 10.0, true, 1)",
    "events (id, camera_id, kind, state, before_us, onset_us, alarm_us, box, size, actor, score,"
    " certain, reasons, found_us) VALUES ('event', 'gate', 'dumping', 'confirmed', 1, 2, 3,"
    " '[1,2,3,4]', '[64,48]', 'person', 0.1, true, '[]', 4)",
    "cases (id, title, kind, place, act_us, opened_by, opened_us, party_name)"
    " VALUES ('case', 'x', 'dumping', 'x', 2, 'wang', 3, 'x')",
    "exhibits (id, case_id, event_id, number, added_by, added_us)"
    " VALUES ('exhibit', 'case', 'event', 1, 'wang', 3)",
    "documents (id, case_id, kind, sha256, size, template_sha256, file_name, made_by, made_us)"
    " VALUES ('document', 'case', 'x', 'aa', 1, 'bb', 'x', 'wang', 3)",
    "holds (id, camera_id, start_us, end_us, reason, placed_by, placed_us)"
    " VALUES ('hold', 'gate', 1, 2, 'x', 'wang', 1)",
    "segments (id, camera_id, run, start_us, end_us, size, sha256, end_reason, state)"
    " VALUES ('gate/19700101/1', 'gate', 'x', 1, 2, 3, 'aa', 'full', 'garbage')",
)
"""A row of every table to which others refer, and of those that the migrations change."""


def test_an_installation_with_a_case_goes_on(tmp_path: Path) -> None:
    """No migration copies a table that foreign keys hold: SQLite refuses to let that go."""
    settings = load(tmp_path, {})
    before = Database(settings)
    config = Config()
    config.set_main_option("script_location", str(Path(service.__file__).parent / "migrations"))
    with before.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, RELEASED)
        for row in ROWS:
            connection.execute(text(f"INSERT INTO {row}"))
        connection.commit()
    before.close()
    database = open_database(settings, SimulatedClock())
    with database.write() as session:
        assert session.get_one(Case, "case").closed_us is None
        assert session.get_one(Exhibit, "exhibit").promoted_us is None
        session.get_one(SegmentRow, "gate/19700101/1").state = "destroyed"
    store = FolderStore(settings.objects)
    assert verify(database, store, objects=False).faults == ()
    database.close()
