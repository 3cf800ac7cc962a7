"""The scrub: every object, again and again, no faster than asked, and a fault is told at once."""

import io
import json

import pytest

from ingest.files import Sha256
from service.alarms import Trouble, open_alarms
from service.evidence.log import Action
from service.needs import DAY_S
from service.scrub import EVERY_S, LATE_S, SAVE_S, Progress, Scrubber, progress
from service.tables import Companion, Item, Scrub
from tests.service.installation import Installation


@pytest.fixture
def home(embedded: Installation) -> Installation:
    embedded.add_event("event")
    return embedded


def scrubber(of: Installation, rate: int = 1 << 20) -> Scrubber:
    settings = of.settings.model_copy(update={"scrub_bytes_per_s": rate})
    return Scrubber(of.database, of.store, of.clock, settings)


def told(of: Installation) -> Progress:
    with of.database.read() as session:
        found = progress(session)
    assert found is not None
    return found


def alarms(of: Installation) -> set[str]:
    with of.database.read() as session:
        return {
            alarm.subject for alarm in open_alarms(session) if alarm.key == Trouble.EVIDENCE_BROKEN
        }


def spoil(of: Installation, sha256: str) -> bytes:
    """Change one byte of an object; what it was."""
    path = of.store.path(Sha256(sha256))
    data = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    return data


def test_a_round_looks_at_every_object_and_is_logged(home: Installation) -> None:
    work = scrubber(home)
    work.step(1.0)
    items = home.rows(Item)
    assert told(home) == Progress(len(items), len(items), 0, running=False, finished=home.now())
    (entry,) = home.log(Action.SCRUBBED)
    body = json.loads(entry.body or "")
    assert (body["objects"], body["bytes"]) == (len(items), sum(each.size for each in items))
    work.step(1.0)
    assert len(home.rows(Scrub)) == 1, "the next round has its time"
    home.clock.sleep(EVERY_S)
    work.step(1.0)
    assert len(home.rows(Scrub)) == 2


def test_no_object_waits_longer_than_thirty_days(home: Installation) -> None:
    """One that came just behind a round is looked at by the end of the next."""
    scrubber(home).step(1.0)
    sha256, size = home.store.add(io.BytesIO(b"came just behind"))
    with home.database.write() as session:
        session.add(Companion(id="c", upload_id="u", file_name="x", sha256=sha256, size=size))
    spoil(home, sha256)
    assert 2 * EVERY_S <= 30 * DAY_S
    home.clock.sleep(EVERY_S)
    scrubber(home).step(1.0)
    assert alarms(home) == {f"object {sha256}: altered"}


def test_what_does_not_hold_is_told_until_it_holds(home: Installation) -> None:
    """The alarm that nobody can click away: it ends when the bytes are there again."""
    first, second = sorted(item.sha256 for item in home.rows(Item))[:2]
    data = spoil(home, first)
    kept = home.store.path(Sha256(second)).read_bytes()
    home.store.destroy(Sha256(second))
    scrubber(home).step(1.0)
    assert alarms(home) == {f"object {first}: altered", f"object {second}: missing"}
    assert told(home).faults == 2
    home.store.destroy(Sha256(first))
    home.clock.sleep(EVERY_S)
    scrubber(home).step(1.0)
    assert alarms(home) == {f"object {first}: missing", f"object {second}: missing"}
    home.store.add(io.BytesIO(data))
    home.store.add(io.BytesIO(kept))
    home.clock.sleep(EVERY_S)
    scrubber(home).step(1.0)
    assert alarms(home) == set()


def test_it_reads_no_faster_than_asked(home: Installation) -> None:
    """A step takes its seconds' worth of bytes, to the end of a block; the rest comes later."""
    work, steps = scrubber(home, rate=1), 0
    while steps == 0 or told(home).running:
        work.step(1.0)
        steps += 1
    assert steps > len(home.rows(Item))


def test_a_round_goes_on_after_a_crash(home: Installation) -> None:
    """From the last note: at most a minute's reading is done again."""
    work = scrubber(home, rate=1)
    work.step(1.0)
    home.clock.sleep(SAVE_S)
    for _ in range(3):
        work.step(1.0)
    noted = told(home).objects
    assert 0 < noted < len(home.rows(Item))
    again = scrubber(home)
    again.step(1.0)
    (row,) = home.rows(Scrub)
    assert row.objects == row.total == len(home.rows(Item))


def test_a_store_that_is_too_large_for_its_rate_is_told(home: Installation) -> None:
    work = scrubber(home, rate=1)
    work.step(1.0)
    work.watch()
    with home.database.read() as session:
        assert open_alarms(session) == []
    home.clock.sleep(LATE_S + 1)
    work.watch()
    with home.database.read() as session:
        assert [alarm.key for alarm in open_alarms(session)] == [Trouble.SCRUB_LATE]
    work.step(1e9)
    with home.database.read() as session:
        assert open_alarms(session) == []
