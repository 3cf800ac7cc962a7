"""Promotion: an exhibit's recording is an original of the store before the ring may let it go."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest.errors import DiskFull
from ingest.files import Sha256, sha256_file
from service.alarms import Trouble, open_alarms
from service.cases import open_case
from service.events import add_event
from service.evidence.log import Action
from service.evidence.store import FolderStore
from service.evidence.verify import verify
from service.needs import Why, needs_of
from service.promotion import Promoter, originals_of
from service.registrar import Registrar
from service.retention import RingKeeper
from service.tables import Exhibit, Job, Promotion, SegmentRow
from tests.service.footage import Camera, Film
from tests.service.installation import Installation, sighting
from vision.frame import later

PATIENCE_S = 1000.0


@pytest.fixture
def home(embedded: Installation, film: Film) -> Iterator[Installation]:
    """18 s of recording in segments, the last of which a crash ended, with an exhibit in it."""
    embedded.add_camera()
    began = embedded.now()
    Camera(embedded, film, began).record(0, 18, None)
    embedded.clock.sleep(30)
    Registrar(embedded.database, embedded.clock, embedded.settings).step()
    with embedded.database.write() as session:
        found = sighting(later(began, 10))
        assert add_event(session, embedded.clock, found, [], event_id="event", model=None)
    officer = embedded.add_person("wang")
    embedded.confirm("event", officer)
    with embedded.database.write() as session:
        open_case(session, embedded.clock, "event", officer=officer, title="偷倒")
    yield embedded


def promoter(of: Installation, store: FolderStore | None = None) -> Promoter:
    return Promoter(of.database, store or of.store, of.clock, of.settings)


def promoted(of: Installation) -> list[Promotion]:
    with of.database.read() as session:
        return originals_of(session, "event")


def why_kept(of: Installation) -> set[Why]:
    with of.database.read() as session:
        return {need.why for need in needs_of(session, of.now(), of.settings)} - {Why.RECENT}


def test_every_file_that_an_exhibit_needs_is_kept(home: Installation) -> None:
    """Recording and index, as they are, closed or not; the row and the log name them."""
    assert promoter(home).step() is False, "what belongs to it may still be written"
    assert why_kept(home) == {Why.EXHIBIT}
    home.clock.sleep(PATIENCE_S)
    assert promoter(home).step() is True
    files = sorted(home.settings.segments.glob("*/*/*"))
    segments = home.rows(SegmentRow)
    assert {row.end_reason for row in segments} == {"full", "crashed"}
    assert len(files) == 2 * len(segments)
    found = promoted(home)
    assert [home.settings.segments / each.path for each in found] == files
    for each, path in zip(found, files, strict=True):
        assert (each.sha256, each.size) == sha256_file(path)
        assert home.store.path(Sha256(each.sha256)).samefile(path), "nothing was copied"
    (entry,) = home.log(Action.PROMOTED)
    told = json.loads(entry.body or "")["files"]
    assert told == [f"{each.path} {each.sha256} {each.size}" for each in found_by_time(home)]
    assert home.rows(Exhibit)[0].promoted_us == home.now()
    assert promoter(home).step() is False, "once"


def found_by_time(of: Installation) -> list[Promotion]:
    order = {row.id: row.start_us for row in of.rows(SegmentRow)}
    return sorted(
        promoted(of), key=lambda each: (order[each.path[:-4]], each.path.endswith(".mp4"))
    )


def test_the_ring_may_let_go_what_the_store_has(home: Installation) -> None:
    """And the store's original outlives it, readable."""
    home.clock.sleep(PATIENCE_S)
    promoter(home).step()
    assert why_kept(home) == set()
    home.pass_days(40)
    RingKeeper(home.database, home.clock, home.settings).step()
    assert {row.state for row in home.rows(SegmentRow)} == {"destroyed"}
    assert list(home.settings.segments.glob("*/*/*")) == []
    for each in promoted(home):
        assert home.store.check(Sha256(each.sha256)) == each.size
    assert verify(home.database, home.store).faults == ()


def test_an_exhibit_that_is_not_promoted_keeps_its_recording(home: Installation) -> None:
    home.pass_days(40)
    RingKeeper(home.database, home.clock, home.settings).step()
    assert {row.state for row in home.rows(SegmentRow)} == {"kept"}


def in_media(of: Installation) -> None:
    path = sorted(of.settings.segments.glob("*/*/*.mp4"))[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def in_index(of: Installation) -> None:
    """Its last line but one is gone: a piece that the row's digest covers."""
    path = sorted(of.settings.segments.glob("*/*/*.idx"))[0]
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:-2], lines[-1]]))


@pytest.mark.parametrize("alter", [in_media, in_index])
def test_altered_recording_is_no_original(
    home: Installation, alter: Callable[[Installation], None]
) -> None:
    """Told, never tried again, and the ring keeps it."""
    alter(home)
    home.clock.sleep(PATIENCE_S)
    promoter(home).step()
    assert home.rows(Promotion) == []
    assert home.rows(Exhibit)[0].promoted_us is None
    with home.database.read() as session:
        assert Trouble.EVIDENCE_BROKEN in {alarm.key for alarm in open_alarms(session)}
    assert next(job for job in home.rows(Job) if job.kind == "promotion").state == "failed"
    assert why_kept(home) == {Why.EXHIBIT}


def test_a_full_disk_is_waited_for(home: Installation) -> None:
    """Where the ring is a disk of its own, an original is a copy and needs room."""

    class Full(FolderStore):
        def adopt(self, path: Path) -> tuple[Sha256, int]:
            raise DiskFull(path=path.name, folder="objects")

    home.clock.sleep(PATIENCE_S)
    promoter(home, Full(home.settings.objects)).step()
    assert home.rows(Promotion) == []
    home.clock.sleep(61)
    assert promoter(home).step() is True
    assert len(promoted(home)) == 2 * len(home.rows(SegmentRow))


def test_a_death_between_objects_and_rows_is_made_up_for(home: Installation) -> None:
    """6: files before rows; the lease ends and the next worker does it again."""

    class Mortal(FolderStore):
        def adopt(self, path: Path) -> tuple[Sha256, int]:
            if path.suffix == ".mp4":
                raise KeyboardInterrupt
            return super().adopt(path)

    home.clock.sleep(PATIENCE_S)
    with pytest.raises(KeyboardInterrupt):
        promoter(home, Mortal(home.settings.objects)).step()
    assert home.rows(Promotion) == []
    assert promoter(home).step() is False, "somebody holds the lease"
    home.clock.sleep(130)
    assert promoter(home).step() is True
    assert verify(home.database, home.store).faults == ()
