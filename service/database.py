"""The database: embedded SQLite by default, PostgreSQL where one machine is not enough.

SQLite's WAL mode can lose committed pages when two connections write and checkpoint at once:
the WAL-reset bug of 3.7.0 to 3.51.2, fixed in 3.51.3 and in the patch lines 3.44.6 and 3.50.7
(https://sqlite.org/wal.html). The library that Python 3.11 brings on Debian 12 is 3.40.1. So WAL
runs only on a fixed library, and TRUNCATE with synchronous=EXTRA on any other (ADR 0003).
"""

import importlib
import importlib.util
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, select

from ingest.clock import Clock, SystemClock
from ingest.files import create_exclusive, make_directory
from service.errors import EvidenceError, InputError, WorldError
from service.ledger import entry, rows
from service.ledger.adoption import begin_log, is_begun, newest
from service.ledger.seal import Seal
from service.ledger.sealer import Sealer
from service.ledger.succession import naming
from service.settings import Settings
from service.tables import Installation

log = logging.getLogger(__name__)

_BUSY_TIMEOUT_MS = 30_000
"""Longest wait for another writer: longer than any transaction of ours, shorter than patience."""


def wal_is_safe(version: tuple[int, int, int]) -> bool:
    """Whether this version of SQLite is free of the WAL-reset bug."""
    patched_line = {(3, 44): 6, (3, 50): 7}.get(version[:2])
    return version >= (3, 51, 3) or (patched_line is not None and version[2] >= patched_line)


def sqlite_library() -> ModuleType:
    """The SQLite to use everywhere: the bundled, fixed one where it has a wheel, else Python's.

    Two libraries on one file void each other's locks, so nothing else may import `sqlite3`
    for our database.
    """
    if importlib.util.find_spec("pysqlite3") is None:
        return sqlite3
    module: ModuleType = importlib.import_module("pysqlite3.dbapi2")
    return module


def journal_mode(wanted: str, version: tuple[int, int, int]) -> str:
    """`wal` or `truncate`, as wanted and as safe.

    Raises:
        InputError: WAL was asked for on a library that can lose data in it.
    """
    if wanted == "wal" and not wal_is_safe(version):
        raise InputError("unsafe_sqlite", version=".".join(map(str, version)))
    if wanted == "auto":
        return "wal" if wal_is_safe(version) else "truncate"
    return wanted


def _sqlite_engine(path: Path, wanted: str) -> Engine:
    library = sqlite_library()
    mode = journal_mode(wanted, library.sqlite_version_info)
    # Party names must not reach a log by way of a failed statement.
    address = URL.create("sqlite", database=str(path))
    engine = create_engine(address, module=library, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        # SQLAlchemy begins transactions itself, below; the driver must not.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
        (got,) = connection.execute(f"PRAGMA journal_mode={mode}").fetchone()
        if got != mode:
            raise EvidenceError("journal_mode", wanted=mode, got=got)
        connection.execute(f"PRAGMA synchronous={'FULL' if mode == 'wal' else 'EXTRA'}")
        connection.execute("PRAGMA foreign_keys=ON")
        # What is erased from the log or of a party must not stay in the file's free pages.
        connection.execute("PRAGMA secure_delete=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # A writer takes the lock at once: a reader that turns writer cannot wait for it.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _address(settings: Settings) -> str:
    return settings.database_url or f"sqlite:///{settings.home / 'liuhen.db'}"


@contextmanager
def _world_errors() -> Iterator[None]:
    """Turn a full disk, a lock that never came and a server that is away into `WorldError`."""
    try:
        yield
    except OperationalError as error:
        raise WorldError("database", detail=str(error.orig)) from error


class _Writing(Session):
    """A session that knows what its transaction did."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, expire_on_commit=False)
        entry.begin(self)
        rows.begin(self)


@event.listens_for(_Writing, "after_flush")
def _collect(session: Session, _context: object) -> None:
    rows.changes_of(session).collect(session)


event.listen(_Writing, "do_orm_execute", rows.refuse_bulk)


class Database:
    """Sessions on one database; one session is one transaction.

    `clock` stamps checkpoints, and entries for rows that changed without an act.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self.url = _address(settings)
        if self.url.startswith("sqlite"):
            path = Path(self.url.removeprefix("sqlite:///"))
            self.engine = self._reader = _sqlite_engine(path, settings.sqlite_journal)
        else:
            self.engine = create_engine(self.url, hide_parameters=True)
            self._reader = self.engine.execution_options(isolation_level="REPEATABLE READ")
        self._writer = self.engine.execution_options(writes=True)
        self.sealer = Sealer(settings.keys, self._clock, read=self.read, write=self.unsealed)
        self.seal = Seal(settings.run, self.sealer)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one state; what it adds is not kept.

        Raises:
            WorldError: the database cannot be read.
        """
        with _world_errors(), Session(self._reader, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session whose changes are all committed on leaving, or none after an exception.

        Acts that were appended, and rows that changed, are in the log then, under a signed
        checkpoint.

        Raises:
            WorldError: the disk is full or the database was locked for too long; or it is all
                committed, and nobody could sign it yet (`not_sealed`).
            EvidenceError: it is all committed, and must not be signed: the log is not what it was.
        """
        with self.unsealed() as session:
            yield session
        if (last := entry.last_of(session)) is not None:
            self.seal.cover(last)

    @contextmanager
    def unsealed(self) -> Iterator[Session]:
        """As `write`, for who sees to the signature: the signer, and who changes its key.

        Raises:
            WorldError: the disk is full or the database was locked for too long.
        """
        with _world_errors(), _Writing(self._writer) as session:
            yield session
            session.flush()
            changes = rows.changes_of(session).texts()
            if changes and not entry.acts_of(session):
                act = entry.Act(self._clock.now(), entry.MACHINE, entry.ROWS_CHANGED, "rows", {})
                entry.acts_of(session).append(act)
            entry.enter_all(session, changes)
            session.commit()

    def migrate(self) -> None:
        """Bring the tables up to this version; safe to call at every start.

        Raises:
            WorldError: the database cannot be reached or written.
        """
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        with _world_errors(), self._writer.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()

    def begin_log(self) -> None:
        """Let the log name its key and tell of every row, unless it did.

        Raises:
            EvidenceError: the log must not be signed.
            WorldError: nobody can sign it.
        """
        with self.read() as session:
            if is_begun(session):
                return
        key = self.seal.public_key()
        with self.unsealed() as session:
            entry.lock_log(session)
            if not is_begun(session):
                begin_log(session, self._clock.now(), naming(key))
        self.seal_all()

    def seal_all(self) -> None:
        """Sign what a crash left unsigned.

        Raises:
            EvidenceError: the log must not be signed.
            WorldError: nobody can sign it.
        """
        with self.read() as session:
            last = newest(session)
        self.seal.cover(last)

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()


@contextmanager
def _home_errors(home: Path) -> Iterator[None]:
    """Turn what the file system refuses into `WorldError`."""
    try:
        yield
    except OSError as error:
        detail = os.strerror(error.errno or 0)
        raise WorldError("home", path=str(home), detail=detail) from error


def open_database(settings: Settings, clock: Clock) -> Database:
    """The migrated database of an installation, checked to belong to its store, its log signed.

    Where nobody can sign now (a full disk, a signer that is not there yet) it is opened all the
    same: cameras must record. Acts are not acknowledged then, and an alarm says so.

    Raises:
        EvidenceError: the store belongs to another database (a restored backup, a mixed-up
            mount), or the log does not continue what was signed last: decisions on it would prove
            nothing.
        WorldError: the folder or the database cannot be written.
    """
    database = _opened(settings, clock)
    try:
        database.seal_all()
    except WorldError as error:
        log.warning("the log is not signed yet: %s", error)
    except BaseException:
        database.close()
        raise
    return database


def open_existing(settings: Settings, clock: Clock) -> Database:
    """As `open_database`, for commands that only look: a mistyped home makes no installation.

    A log that must not be signed can be looked at.

    Raises:
        InputError: nothing was ever kept there.
    """
    if not (settings.objects / "INSTALLATION").is_file():
        raise InputError("no_installation", path=str(settings.home))
    return _opened(settings, clock)


def _opened(settings: Settings, clock: Clock) -> Database:
    with _home_errors(settings.home):
        for folder in (
            settings.run,
            settings.segments,
            settings.spool,
            settings.parts,
            settings.objects,
        ):
            make_directory(folder)
    database = Database(settings, clock)
    try:
        database.migrate()
        _check_store(settings, _installation(database, clock))
        database.begin_log()
    except BaseException:
        database.close()
        raise
    return database


def _installation(database: Database, clock: Clock) -> str:
    """The id of the installation, made at the first start."""
    with database.write() as session:
        session.connection()  # takes the writer's lock before the look
        row = session.exec(select(Installation)).first()
        if row is None:
            row = Installation(id=uuid4().hex, created_us=clock.now())
            session.add(row)
    return row.id


def _check_store(settings: Settings, installation: str) -> None:
    """See that the store belongs to the database."""
    mark = settings.objects / "INSTALLATION"
    with _home_errors(settings.home):
        create_exclusive(mark, installation.encode())
        found = mark.read_text()
    if found != installation:
        raise EvidenceError("mixed_up_store", store=found, database=installation)


lock_log = entry.lock_log
"""For who decides by what others may be entering."""
