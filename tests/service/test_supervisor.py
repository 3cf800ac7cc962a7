"""The supervisor: one process for each camera that can be planned, whatever else is away."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from sqlmodel import Session

from service.cameras import Plan
from service.database import Database
from service.errors import WorldError
from service.supervisor import Child, Supervisor
from service.tables import Camera
from tests.service.installation import Installation


class Away:
    """A database that is not there."""

    @contextmanager
    def write(self) -> Iterator[Session]:
        raise WorldError("database", detail="locked")
        yield


@dataclass
class Ended:
    """A process that has ended."""

    exitcode: int = 1

    def is_alive(self) -> bool:
        return False


@dataclass
class Counted(Child):
    """A child whose starts are counted."""

    starts: list[str] = field(default_factory=list)

    def start(self, context: Any) -> None:
        self.starts.append(self.name)


def test_dead_children_come_back_while_the_database_is_away(embedded: Installation) -> None:
    """A camera waits for no database, not even its next process does."""
    supervisor = Supervisor(embedded.settings, cast(Database, Away()))
    starts: list[str] = []
    for name in ("camera-a", "camera-b"):
        child = Counted(name, print, None, starts=starts)
        child.process = cast(Any, Ended())
        supervisor._children[name] = child
    supervisor._round()
    assert starts == ["camera-a", "camera-b"]


@pytest.fixture
def supervisor(embedded: Installation) -> Supervisor:
    embedded.add_camera()
    with embedded.database.write() as session:
        camera = session.get_one(Camera, "gate-1")
        camera.username, camera.password_variable = "cam", "LIUHEN_CAMERA_GATE"
    return Supervisor(embedded.settings, embedded.database)


def secrets(embedded: Installation, text: str) -> None:
    path = embedded.settings.home / "secrets.toml"
    path.write_text(text)
    path.chmod(0o600)


def test_a_camera_that_runs_goes_on_while_somebody_edits_its_password(
    embedded: Installation, supervisor: Supervisor
) -> None:
    """Editors empty a file before they write it; that must cost no recording."""
    secrets(embedded, 'LIUHEN_CAMERA_GATE = "one"\n')
    supervisor._follow_cameras()
    (child,) = supervisor._children.values()
    secrets(embedded, "")
    supervisor._follow_cameras()
    assert list(supervisor._children.values()) == [child]
    secrets(embedded, 'LIUHEN_CAMERA_GATE = "two"\n')
    supervisor._follow_cameras()
    (other,) = supervisor._children.values()
    assert isinstance(other.argument, Plan)
    assert other.argument.address.password == "two"


def test_a_camera_without_its_password_is_not_started(
    embedded: Installation, supervisor: Supervisor
) -> None:
    secrets(embedded, "")
    supervisor._follow_cameras()
    assert supervisor._children == {}
