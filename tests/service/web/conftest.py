"""A fresh office for every test, copied from one: hashing its passwords takes most of a second."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.web.office import Office, found, office_at


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("founded")
    found(home)
    return home


@pytest.fixture
def office(founded: Path, tmp_path: Path) -> Iterator[Office]:
    home = tmp_path / "home"
    shutil.copytree(founded, home)
    with office_at(home) as made:
        yield made
