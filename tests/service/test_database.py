"""The database keeps what was committed, on every engine, and refuses what it cannot promise."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel, select

from ingest.clock import SimulatedClock
from ingest.errors import DiskFull
from service.database import (
    Database,
    journal_mode,
    open_database,
    sqlite_library,
    wal_is_safe,
)
from service.errors import EvidenceError, InputError, WorldError
from service.evidence.log import MACHINE, Action, append
from service.evidence.store import FolderStore
from service.settings import load
from service.tables import Camera, Event, Gap, LogEntry, ZoneRow
from tests.service.installation import Installation, add_entries, faults, installed
from vision.candidate import Kind

VERSIONS = {
    (3, 6, 23): False,
    (3, 7, 0): False,
    (3, 40, 1): False,
    (3, 44, 5): False,
    (3, 44, 6): True,
    (3, 44, 9): True,
    (3, 45, 0): False,
    (3, 45, 9): False,
    (3, 50, 6): False,
    (3, 50, 7): True,
    (3, 51, 0): False,
    (3, 51, 2): False,
    (3, 51, 3): True,
    (3, 53, 4): True,
    (4, 0, 0): True,
}


@pytest.mark.parametrize(
    ("version", "safe"), VERSIONS.items(), ids=[".".join(map(str, v)) for v in VERSIONS]
)
def test_wal_is_used_only_where_it_loses_nothing(version: tuple[int, int, int], safe: bool) -> None:
    assert wal_is_safe(version) is safe
    assert journal_mode("auto", version) == ("wal" if safe else "truncate")
    assert journal_mode("truncate", version) == "truncate"
    if safe:
        assert journal_mode("wal", version) == "wal"
    else:
        with pytest.raises(InputError, match="unsafe_sqlite"):
            journal_mode("wal", version)


def test_sqlite_runs_in_the_mode_that_was_promised(embedded: Installation) -> None:
    mode = journal_mode("auto", sqlite_library().sqlite_version_info)
    with embedded.database.read() as session:
        pragmas = {
            name: session.connection().execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    synchronous = {"wal": 2, "truncate": 3}[mode]
    assert pragmas == {"journal_mode": mode, "synchronous": synchronous, "foreign_keys": 1}


def test_the_migrations_make_what_the_models_say(database: Database) -> None:
    database.migrate()
    with database.engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, SQLModel.metadata) == []


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_event_is_accepted(installation: Installation, kind: Kind) -> None:
    installation.add_event("event", kind=kind)
    assert [event.kind for event in installation.rows(Event)] == [kind.value]


def test_an_unknown_kind_of_event_is_refused(installation: Installation) -> None:
    installation.add_event("event")
    with pytest.raises(IntegrityError), installation.database.write() as session:
        session.get_one(Event, "event").kind = "littering"


def test_a_row_needs_what_it_refers_to(database: Database) -> None:
    zone = ZoneRow(id="z", camera_id="none", name="", kind="", points=[], valid_from_us=0)
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(zone)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_transaction_is_all_or_nothing(
    installation: Installation, error: type[BaseException]
) -> None:
    with pytest.raises(error), installation.database.write() as session:
        session.add(_gap("lost"))
        append(session, installation.clock, actor=MACHINE, action=Action.GAP_FOUND, subject="g")
        raise error
    assert installation.count(Gap) == len(installation.log(Action.GAP_FOUND)) == 0
    with installation.database.write() as session:
        session.add(_gap("kept"))
    assert [gap.id for gap in installation.rows(Gap)] == ["kept"]


def test_what_a_reader_adds_is_not_kept(installation: Installation) -> None:
    with installation.database.read() as session:
        session.add(_gap("lost"))
        session.flush()
    assert installation.count(Gap) == 0


def test_a_reader_sees_one_state(installation: Installation) -> None:
    if installation.settings.sqlite_journal == "truncate" or not wal_is_safe(
        sqlite_library().sqlite_version_info
    ):
        pytest.skip("in TRUNCATE mode the writer waits for the reader instead")
    with installation.database.read() as reader:
        assert reader.exec(select(Gap)).all() == []
        with installation.database.write() as session:
            session.add(_gap("new"))
        assert reader.exec(select(Gap)).all() == []
    assert installation.count(Gap) == 1


def test_statements_that_fail_do_not_tell_their_values(installation: Installation) -> None:
    secret = "王某 120101199001011234"
    gaps = [Gap(id="same", camera_id=secret, start_us=0, end_us=1, cause="") for _ in range(2)]
    for gap in gaps[:1]:
        with installation.database.write() as session:
            session.add(gap)
    with pytest.raises(IntegrityError) as caught, installation.database.write() as session:
        session.add(gaps[1])
    assert secret not in str(caught.value)


def test_a_store_of_another_installation_is_refused(installation: Installation) -> None:
    mark = installation.settings.objects / "INSTALLATION"
    mark.chmod(0o644)
    mark.write_text("another")
    with pytest.raises(EvidenceError, match=r"mixed_up_store.*store=another"):
        open_database(installation.settings, SimulatedClock())


def test_a_second_start_finds_the_same_installation(installation: Installation) -> None:
    mark = (installation.settings.objects / "INSTALLATION").read_text()
    open_database(installation.settings, SimulatedClock()).close()
    assert (installation.settings.objects / "INSTALLATION").read_text() == mark


@pytest.mark.parametrize("name", ["留痕 #1", "a?b=c", "50%", "'quoted'"])
def test_the_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    with installed(tmp_path / name, {}) as made:
        made.add_camera()
    assert (tmp_path / name / "liuhen.db").stat().st_size > 0


def test_a_folder_that_cannot_be_written_is_the_worlds_fault(tmp_path: Path) -> None:
    (tmp_path / "objects").touch()
    with pytest.raises(WorldError, match="home"):
        open_database(load(tmp_path, {}), SimulatedClock())


@pytest.mark.parametrize(
    "url",
    ["postgresql+psycopg://postgres@127.0.0.1:1/none", "sqlite:////proc/none/liuhen.db"],
    ids=["server", "file"],
)
def test_a_database_out_of_reach_is_the_worlds_fault(tmp_path: Path, url: str) -> None:
    if url.startswith("postgresql"):
        pytest.importorskip("psycopg")
    settings = load(tmp_path, {"LIUHEN_DATABASE_URL": url})
    with pytest.raises(WorldError, match="database"):
        open_database(settings, SimulatedClock())
    database = Database(settings)
    with pytest.raises(WorldError, match="database"), database.read() as session:
        session.exec(select(Camera)).all()
    database.close()


WRITER = """
import sys
from pathlib import Path
from ingest.clock import SimulatedClock
from service.database import Database
from service.evidence.log import MACHINE, Action, append
from service.settings import load
home, url, journal = sys.argv[1:]
database = Database(load(Path(home), {
    "LIUHEN_DATABASE_URL": url, "LIUHEN_SQLITE_JOURNAL": journal,
}))
for n in range(20):
    with database.write() as session:
        append(session, SimulatedClock(), actor=MACHINE, action=Action.VIEWED, subject=str(n))
database.close()
"""


def test_processes_that_append_at_once_lose_and_double_nothing(installation: Installation) -> None:
    settings = installation.settings
    arguments = [str(settings.home), settings.database_url, settings.sqlite_journal]
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, *arguments], stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    ended = [(writer.communicate()[1], writer.returncode) for writer in writers]
    assert ended == [(b"", 0)] * 3
    entries = installation.log()
    assert [entry.seq for entry in entries] == list(range(61))
    assert faults(entries) == []


def test_a_full_disk_loses_nothing_that_was_committed(tiny_disk: Path) -> None:
    with installed(tiny_disk / "home", {}) as made:
        committed = 0
        with pytest.raises(WorldError, match=r"database.*full|not_sealed.*space"):
            while True:
                with made.database.write() as session:
                    add_entries(session, made, 20)
                committed += 20
        assert committed > 0
        assert len(made.log(Action.VIEWED)) >= committed
        entries = made.count(LogEntry)
    with installed(tiny_disk / "home", {}) as made:
        assert faults(made.log()) == []
        assert made.count(LogEntry) == entries


def test_a_full_disk_leaves_no_piece_of_an_object(tiny_disk: Path) -> None:
    store = FolderStore(tiny_disk)
    kept, _ = store.add(io.BytesIO(b"kept"))
    with pytest.raises(DiskFull):
        store.add(io.BytesIO(bytes(3 << 20)))
    with pytest.raises(DiskFull):
        # Each object brings a folder, so that at last the folder is what does not fit.
        for n in range(200):
            store.add(io.BytesIO(f"object {n}".encode()))
    assert list(tiny_disk.rglob("*.tmp")) == []
    assert store.check(kept) == 4


def _gap(gap_id: str) -> Gap:
    return Gap(id=gap_id, camera_id="c", start_us=0, end_us=1, cause="silent")
