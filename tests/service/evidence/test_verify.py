"""`verify` names every object and entry that does not hold, and nothing else."""

from collections.abc import Callable

import pytest
from sqlmodel import text

from service.evidence.verify import verify
from service.tables import Item
from tests.service.installation import Installation


@pytest.fixture
def kept(installation: Installation) -> Installation:
    """An installation with one confirmed event."""
    installation.add_event("event")
    installation.confirm("event", installation.add_person("officer"))
    return installation


def test_a_clean_installation_holds(kept: Installation) -> None:
    seen: list[tuple[int, int]] = []
    report = verify(kept.database, kept.store, on_progress=lambda *step: seen.append(step))
    assert report.holds
    assert report.to_json() == {"objects": 5, "entries": 2, "faults": (), "holds": True}
    assert seen == [(n, 5) for n in range(1, 6)]


def test_an_empty_installation_holds(installation: Installation) -> None:
    assert verify(installation.database, installation.store).holds


def of_role(kept: Installation, role: str) -> str:
    (item,) = (item for item in kept.rows(Item) if item.role == role)
    return str(item.sha256)


def overwrite(kept: Installation) -> str:
    sha256 = of_role(kept, "clip")
    path = next(kept.settings.objects.rglob(sha256))
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    return f"object {sha256}: altered"


def remove(kept: Installation) -> str:
    sha256 = of_role(kept, "manifest")
    next(kept.settings.objects.rglob(sha256)).unlink()
    return f"object {sha256}: missing"


def rename(kept: Installation) -> str:
    """A row made to point at other evidence."""
    other = "1" * 64
    run(kept, f"UPDATE items SET sha256 = '{other}' WHERE role = 'clip'")
    return f"object {other}: missing"


def edit_body(kept: Installation) -> str:
    run(kept, "UPDATE log SET body = replace(body, 'confirmed', 'rejected') WHERE seq = 1")
    return "log entry 1: body"


def edit_time(kept: Installation) -> str:
    run(kept, "UPDATE log SET at_us = at_us - 1 WHERE seq = 1")
    return "log entry 1: leaf"


def cut_out(kept: Installation) -> str:
    run(kept, "DELETE FROM log WHERE seq = 0")
    return "log entry 0: missing"


@pytest.mark.parametrize("tamper", [overwrite, remove, rename, edit_body, edit_time, cut_out])
def test_tampering_is_named(kept: Installation, tamper: Callable[[Installation], str]) -> None:
    found = tamper(kept)
    report = verify(kept.database, kept.store)
    assert not report.holds
    assert report.faults == (found,)


def test_every_fault_is_named(kept: Installation) -> None:
    found = {tamper(kept) for tamper in (overwrite, remove, edit_body)}
    assert set(verify(kept.database, kept.store).faults) == found


def run(kept: Installation, statement: str) -> None:
    """Change rows as an insider with the database could."""
    with kept.database.write() as session:
        session.connection().execute(text(statement))
