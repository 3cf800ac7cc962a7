"""Installations on every database that the service runs on."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.database import Database
from service.settings import load
from tests.service.footage import Film, shoot
from tests.service.installation import Installation, installed
from tests.service.postgresql import Server, server


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    try:
        with server(tmp_path_factory.mktemp("postgresql")) as started:
            yield started
    except (ImportError, OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"PostgreSQL does not run here: {error}")


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the tables, to be copied: migrating takes longer than most tests."""
    home = tmp_path_factory.mktemp("migrated")
    database = Database(load(home, {}))
    database.migrate()
    database.close()
    return home / "liuhen.db"


@pytest.fixture(scope="session")
def begun(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after its first start, to be copied: making and syncing a key takes long."""
    home = tmp_path_factory.mktemp("begun")
    shutil.copy(migrated, home)
    with installed(home, {}):
        pass
    return home


@pytest.fixture
def embedded(begun: Path, tmp_path: Path) -> Iterator[Installation]:
    """A fresh installation as most brigades have it."""
    home = tmp_path / "home"
    shutil.copytree(begun, home)
    with installed(home, {}) as made:
        yield made


@pytest.fixture(params=["sqlite", "sqlite-truncate", "postgresql"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    """A fresh installation on each engine in turn."""
    home = tmp_path / "home"
    environment = {}
    if request.param == "postgresql":
        home.mkdir()
        started: Server = request.getfixturevalue("postgresql")
        environment["LIUHEN_DATABASE_URL"] = started.emptied()
    else:
        shutil.copytree(request.getfixturevalue("begun"), home)
        if request.param == "sqlite-truncate":
            environment["LIUHEN_SQLITE_JOURNAL"] = "truncate"
    with installed(home, environment) as made:
        yield made


@pytest.fixture
def database(installation: Installation) -> Database:
    """The database of a fresh installation, on each engine in turn."""
    return installation.database


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes and a hundred files; only root can make one."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m,nr_inodes=100", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("a tiny disk needs root and mount")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Film:
    """The dumping, compressed once."""
    return shoot(tmp_path_factory.mktemp("film"))
