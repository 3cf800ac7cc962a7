"""Review copies: one for a wish however often it is made, in the log, and never in the way."""

import io
import json
import multiprocessing
import os
import signal
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from ingest.clock import SystemClock
from ingest.errors import DiskFull
from ingest.files import Sha256, sha256_bytes
from ingest.transcode import Stretch
from service.alarms import open_alarms
from service.copying import FULL_DISK_S, NAME, CopyWorker, run_copying
from service.derived import (
    LONGEST_S,
    MOST_WAITING,
    Standing,
    Wish,
    ask,
    copies_of,
    manifest,
    standing,
    wish_for_clip,
)
from service.errors import InputError
from service.evidence.log import MACHINE, Action
from service.evidence.verify import verify
from service.jobs import LEASE_S, lease_job
from service.lease_keeper import EXTEND_S
from service.settings import load
from service.supervisor import Supervisor
from service.tables import Derived, Item, Job
from tests.ingest.clip import Recipe, encoded, shown
from tests.ingest.foreign import worst_psnr
from tests.service.installation import Installation
from vision.frame import SECOND

HEVC = encoded(Recipe(codec="hevc", size=(320, 180)))
H264 = encoded(Recipe(size=(320, 180)))
MEDIA = {"hevc": HEVC, "h264": H264}
LONG = Recipe(codec="hevc", size=(320, 180), count=4000, gop=100)
"""Nearly seven minutes: it takes seconds to copy."""


def wish(made: Installation, media: bytes = HEVC, **changed: Any) -> Wish:
    """A wish of an officer for the first ten seconds of a file that is kept."""
    parent, _ = made.store.add(io.BytesIO(media))
    stretch = Stretch(0, 10 * SECOND)
    return replace(Wish(parent, stretch, "event1", "执法.mp4", "officer"), **changed)


def asked(made: Installation, wanted: Wish) -> Wish:
    with made.database.write() as session:
        ask(session, made.clock, wanted)
    return wanted


def worker(made: Installation, **changed: Any) -> CopyWorker:
    return replace(CopyWorker(made.database, made.store, made.clock, made.settings), **changed)


def now(made: Installation, wanted: Wish) -> Standing:
    with made.database.read() as session:
        return standing(session, wanted.id)


def alarms(made: Installation) -> list[tuple[str, str]]:
    with made.database.read() as session:
        return [(alarm.key, alarm.subject) for alarm in open_alarms(session)]


def test_a_wish_becomes_one_derived_item(embedded: Installation) -> None:
    """The rule: the original stays bit for bit, and the log says what was made of it and how."""
    wanted = asked(embedded, wish(embedded))
    assert now(embedded, wanted).state == "waiting"
    assert worker(embedded).step()
    assert not worker(embedded).step()
    (row,) = embedded.rows(Derived)
    assert (row.id, row.parent_sha256, row.made_for) == (wanted.id, wanted.parent, "officer")
    assert (row.start_us, row.end_us, row.pictures, row.left_out) == (0, 3 * SECOND, 30, 0)
    assert now(embedded, wanted).state == "ready"
    copy = embedded.store.path(Sha256(row.sha256)).read_bytes()
    assert (sha256_bytes(copy), len(copy)) == (row.sha256, row.size)
    assert worst_psnr([i for _, i in shown(HEVC)], [i for _, i in shown(copy)]) > 40
    assert embedded.store.path(wanted.parent).read_bytes() == HEVC
    (entry,) = embedded.log(Action.DERIVED)
    body = json.loads(entry.body or "")
    assert (entry.actor, entry.subject) == (MACHINE, "event1")
    assert (body["parent_sha256"], body["sha256"]) == (wanted.parent, row.sha256)
    assert (body["start_us"], body["end_us"]) == (0, 3 * SECOND)
    assert any("libx264" in each for each in body["parameters"])
    assert any(each.startswith("libavcodec ") for each in body["tools"])
    assert "not evidence" in manifest(row)["purpose"]
    assert verify(embedded.database, embedded.store).holds


def test_the_same_wish_is_one_item_whoever_has_it(embedded: Installation) -> None:
    wanted = asked(embedded, wish(embedded))
    asked(embedded, replace(wanted, made_for="other", subject="event2"))
    assert embedded.count(Job) == 1
    worker(embedded).step()
    asked(embedded, wanted)
    assert (embedded.count(Job), embedded.count(Derived)) == (1, 1)
    other = asked(embedded, replace(wanted, stretch=Stretch(0, 2 * SECOND)))
    worker(embedded).step()
    assert other.id != wanted.id
    assert embedded.count(Derived) == 2
    with embedded.database.read() as session:
        assert [each.id for each in copies_of(session, wanted.parent)] == [other.id, wanted.id]


def test_a_job_that_is_done_twice_makes_nothing_new(embedded: Installation) -> None:
    """Attacks: a worker that was taken for dead and comes back."""
    asked(embedded, wish(embedded))
    worker(embedded).step()
    before = embedded.rows(Derived), len(embedded.log())
    with embedded.database.write() as session:
        (job,) = embedded.rows(Job)
        again = session.get_one(Job, job.id)
        again.state, again.done_us = "ready", None
    assert worker(embedded).step()
    assert (embedded.rows(Derived), len(embedded.log())) == before


def test_jobs_that_were_done_long_ago_are_forgotten_and_their_copies_are_not(
    installation: Installation,
) -> None:
    """On every engine: the table does not grow for ever, and what stays is counted on from."""
    made = installation
    done = asked(made, wish(made))
    worker(made).step()
    refused = asked(made, wish(made, HEVC[:3000]))
    worker(made).step()
    made.clock.sleep(20 * 86_400)
    asked(made, refused)
    worker(made).step()
    made.clock.sleep(11 * 86_400)
    asked(made, refused)
    assert {job.id for job in made.rows(Job)} == {f"{refused.id}-{n}" for n in (2, 3)}
    worker(made).step()
    asked(made, refused)
    assert {job.id for job in made.rows(Job)} == {f"{refused.id}-{n}" for n in (2, 3, 4)}
    assert now(made, refused).state == "waiting"
    assert now(made, done).state == "ready"
    with made.database.read() as session:
        (copy,) = copies_of(session, done.parent)
    assert (copy.id, copy.stretch) == (done.id, Stretch(0, 3 * SECOND))
    asked(made, done)
    assert (made.count(Job), made.count(Derived)) == (3, 1)


def test_only_jobs_of_the_original_are_read(installation: Installation) -> None:
    """On every engine: what a page costs does not grow with the copies of other files."""
    made = installation
    wanted = [wish(made, bytes([n]), made_for=MACHINE) for n in range(9)]
    for each in wanted:
        asked(made, each)
    read: list[str] = []
    event.listen(Job, "load", lambda job, _: read.append(job.id))
    with made.database.read() as session:
        (copy,) = copies_of(session, wanted[4].parent)
    assert (copy.id, len(read)) == (wanted[4].id, 1)


WRONG = {
    "copy_stretch": [Stretch(5, 5), Stretch(5, 4), Stretch(-1, 5)],
    "copy_too_long": [Stretch(0, LONGEST_S * SECOND + 1)],
}


@pytest.mark.parametrize("code", WRONG)
def test_a_stretch_has_limits(embedded: Installation, code: str) -> None:
    for stretch in WRONG[code]:
        with pytest.raises(InputError) as refused:
            asked(embedded, wish(embedded, stretch=stretch))
        assert refused.value.code == code
    assert embedded.count(Job) == 0


def test_nobody_fills_the_queue_for_the_others(embedded: Installation) -> None:
    wanted = wish(embedded)
    for n in range(MOST_WAITING):
        asked(embedded, replace(wanted, stretch=Stretch(n, SECOND)))
    one_more = replace(wanted, stretch=Stretch(99, SECOND))
    with pytest.raises(InputError) as refused:
        asked(embedded, one_more)
    assert refused.value.code == "copy_queue_full"
    asked(embedded, replace(one_more, made_for="other"))
    asked(embedded, replace(wanted, stretch=Stretch(100, SECOND), made_for=MACHINE))
    worker(embedded).step()
    asked(embedded, replace(wanted, stretch=Stretch(101, SECOND)))


def test_an_exhibit_gets_its_copy_unless_it_plays(embedded: Installation) -> None:
    """The rule: copies are made for what browsers cannot play, never for everything."""
    kept = {name: embedded.store.add(io.BytesIO(data)) for name, data in MEDIA.items()}
    for name, (sha256, size) in kept.items():
        clip = Item(
            id=name,
            event_id=name,
            role="clip",
            sha256=sha256,
            size=size,
            media_type="video/mp4",
            start_us=0,
            end_us=3 * SECOND,
            made_us=0,
        )
        asked(embedded, wish_for_clip(clip, MACHINE))
        while worker(embedded).step():
            pass
    (row,) = embedded.rows(Derived)
    assert row.parent_sha256 == kept["hevc"][0]
    assert (row.made_for, row.pictures) == (MACHINE, 30)
    assert {job.state for job in embedded.rows(Job)} == {"done"}


def test_what_plays_is_copied_when_a_person_asks(embedded: Installation) -> None:
    """A browser may know better than the rule."""
    wanted = asked(embedded, wish(embedded, H264, made_for=MACHINE))
    worker(embedded).step()
    assert (now(embedded, wanted).state, embedded.count(Derived)) == ("none", 0)
    asked(embedded, wanted)
    assert not worker(embedded).step()
    asked(embedded, replace(wanted, made_for="officer"))
    worker(embedded).step()
    assert now(embedded, wanted).state == "ready"


def test_a_refused_file_is_told_to_who_asked_and_is_no_alarm(embedded: Installation) -> None:
    wanted = asked(embedded, wish(embedded, HEVC[:3000]))
    worker(embedded).step()
    told = now(embedded, wanted)
    assert told.state == "failed" and told.refusal is not None
    code, facts = told.refusal
    assert (code, facts["name"]) == ("broken_media", "执法.mp4")
    assert (alarms(embedded), embedded.count(Derived)) == ([], 0)
    asked(embedded, wanted)
    assert now(embedded, wanted).state == "waiting", "and may be tried again"


def test_an_altered_original_is_never_copied(embedded: Installation) -> None:
    """Attacks: a copy that shows what was not recorded."""
    wanted = asked(embedded, wish(embedded))
    path = embedded.store.path(wanted.parent)
    path.chmod(0o644)
    path.write_bytes(HEVC[:-1] + b"x")
    worker(embedded).step()
    assert embedded.count(Derived) == 0
    assert ("evidence_broken", wanted.parent) in alarms(embedded)
    path.unlink()
    asked(embedded, wanted)
    worker(embedded).step()
    assert now(embedded, wanted).state == "failed"


class Full:
    """A store on a disk that is full."""

    def __init__(self, made: Installation) -> None:
        self._store = made.store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def add(self, _: Any) -> Any:
        raise DiskFull(path="x", folder="objects")


def test_a_full_disk_makes_a_copy_late_and_leaves_nothing(embedded: Installation) -> None:
    wanted = asked(embedded, wish(embedded))
    for _ in range(8):
        assert worker(embedded, store=Full(embedded)).step()
        embedded.clock.sleep(FULL_DISK_S)
    assert alarms(embedded) == [("disk_full", str(embedded.settings.home))]
    assert list((embedded.settings.home / "copying").iterdir()) == []
    assert worker(embedded).step()
    assert now(embedded, wanted).state == "ready"


def test_a_copy_takes_nothing_of_the_reserve(embedded: Installation) -> None:
    """Recording comes first."""
    wanted = asked(embedded, wish(embedded))
    settings = load(embedded.settings.home, {"LIUHEN_RESERVE_BYTES": str(1 << 60)})
    worker(embedded, settings=settings).step()
    assert now(embedded, wanted).state == "waiting"
    assert alarms(embedded) == [], "the disk is not full for anything else"
    embedded.clock.sleep(FULL_DISK_S)
    worker(embedded).step()
    assert now(embedded, wanted).state == "ready"


def test_a_stopped_worker_gives_its_job_back(embedded: Installation) -> None:
    wanted = asked(embedded, wish(embedded, encoded(LONG), stretch=Stretch(0, 400 * SECOND)))
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    worker(embedded, stop=stop).step()
    (job,) = embedded.rows(Job)
    assert (job.state, job.attempts) == ("ready", 0)
    assert (now(embedded, wanted).state, embedded.count(Derived)) == ("waiting", 0)


class Racing(SystemClock):
    """A clock of which an hour passes with every look, and another worker with it."""

    def __init__(self, made: Installation) -> None:
        self.made = made
        self.looks = 0

    def now(self) -> Any:
        self.looks += 1
        if self.looks == 3:
            self.made.clock.sleep(LEASE_S + 1)
            with self.made.database.write() as session:
                assert lease_job(session, self.made.clock, "review_copy") is not None
        self.made.clock.sleep(EXTEND_S + 1)
        return self.made.clock.now()


def test_a_worker_that_lost_its_lease_makes_nothing(embedded: Installation) -> None:
    asked(embedded, wish(embedded, encoded(LONG), stretch=Stretch(0, 400 * SECOND)))
    worker(embedded, clock=Racing(embedded)).step()
    (job,) = embedded.rows(Job)
    assert (job.state, embedded.count(Derived)) == ("leased", 0)


def test_a_long_copy_keeps_its_lease_tells_how_far_it_is_and_lives(embedded: Installation) -> None:
    """Attacks: a copy that takes longer than a lease and is begun again and again."""

    told: list[Standing] = []

    class Slow(SystemClock):
        def now(self) -> Any:
            embedded.clock.sleep(LEASE_S / 3)
            told.append(now(embedded, wanted))
            return embedded.clock.now()

    wanted = asked(embedded, wish(embedded, encoded(LONG), stretch=Stretch(0, 400 * SECOND)))
    worker(embedded, clock=Slow()).step()
    assert now(embedded, wanted).state == "ready"
    (job,) = embedded.rows(Job)
    assert job.attempts == 1
    assert max(each.done_s for each in told if each.state == "making") > 0
    assert (embedded.settings.home / f"{NAME}.alive").exists()


def test_a_killed_worker_leaves_nothing_half(embedded: Installation) -> None:
    """Attacks: kill -9 in mid copy; its job is done again, and its half file is gone."""
    wanted = asked(embedded, wish(embedded, encoded(LONG), stretch=Stretch(0, 400 * SECOND)))
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=run_copying, args=(embedded.settings,))
    clock = SystemClock()
    process.start()
    folder = embedded.settings.home / "copying"
    while not list(folder.glob("*/copy.mp4")):
        assert process.is_alive()
        clock.sleep(0.02)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert now(embedded, wanted).state == "making"
    assert (embedded.count(Derived), _objects(embedded)) == (0, 1)
    with embedded.database.write() as session:
        # Its lease was given by the system's clock.
        (job,) = embedded.rows(Job)
        session.get_one(Job, job.id).lease_until_us = embedded.now() - 1
    again = worker(embedded)
    again.clear()
    assert again.step()
    assert now(embedded, wanted).state == "ready"
    assert (embedded.count(Derived), _objects(embedded)) == (1, 2)
    assert list(folder.iterdir()) == []


def _objects(made: Installation) -> int:
    return sum(1 for path in (made.settings.objects / "sha256").glob("*/*") if path.is_file())


def test_the_supervisor_keeps_one_worker(tmp_path: Path, embedded: Installation) -> None:
    """What nobody starts makes nothing."""
    supervisor = Supervisor(embedded.settings, embedded.database)
    supervisor.stop.set()
    supervisor.run()
    assert NAME in supervisor._children
