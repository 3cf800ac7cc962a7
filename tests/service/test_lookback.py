"""The look-back: a candidate becomes one event with all its evidence, or a recorded dismissal."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from ingest.errors import DiskFull
from ingest.files import Sha256, sha256_bytes
from service.alarms import open_alarms
from service.evidence.log import Action
from service.evidence.verify import verify
from service.jobs import LEASE_S, MAX_ATTEMPTS, add_job, lease_job
from service.lookback import PATIENCE_S, RETRY_S, LookbackWorker
from service.settings import load
from service.tables import Event, Item, Job
from tests.service.footage import Camera, Film, Oracle, candidate
from tests.service.installation import Installation
from vision.boxes import Box, iou
from vision.candidate import Candidate
from vision.detect import Detector
from vision.frame import SECOND, Instant, later, seconds_between
from vision.sighting import Actor

ROLLS = {"LIUHEN_PRE_ROLL_S": "4", "LIUHEN_POST_ROLL_S": "2"}


SEEN = ("before", "onset", "leaving", "after", "person_arriving", "person_leaving")
"""Pictures that are kept of somebody who comes on foot and goes."""


@pytest.fixture
def camera(embedded: Installation, film: Film) -> Camera:
    embedded.add_camera()
    return Camera(embedded, film, embedded.now())


def new_worker(made: Installation, detector: Detector | None = None) -> LookbackWorker:
    settings = load(made.settings.home, ROLLS)
    return LookbackWorker(
        made.database, made.store, made.clock, settings, detector, model="weights"
    )


def queue(made: Installation, found: Candidate, *, job_id: str = "", **changed: Any) -> str:
    """Queue a job for a candidate; its id."""
    with made.database.write() as session:
        add_job(
            session,
            made.clock,
            id=job_id or found.id,
            kind="lookback",
            payload={**found.to_json(), **changed},
            not_before=made.now(),
        )
    return job_id or found.id


def the_job(made: Installation) -> Job:
    (job,) = made.rows(Job)
    return job


def alarms(made: Installation) -> list[tuple[str, str]]:
    with made.database.read() as session:
        return [(alarm.key, alarm.subject) for alarm in open_alarms(session)]


def pieces(made: Installation) -> dict[str, tuple[Item, bytes]]:
    """The stored pieces of the only event."""
    return {
        item.role: (item, made.store.path(Sha256(item.sha256)).read_bytes())
        for item in made.rows(Item)
    }


def put_down(camera: Camera) -> Instant:
    """When the bag of the film was let go of."""
    (deposit,) = camera.film.scene.truth
    return later(camera.began, deposit.release_s - camera.film.start_s)


def test_a_deposit_becomes_an_event_with_its_evidence(camera: Camera) -> None:
    made, film = camera.installation, camera.film
    found = candidate(film, camera.began)
    queue(made, found)
    camera.record(0, film.seconds)
    made.clock.sleep(film.seconds)
    worker = new_worker(made, Oracle(film))
    assert worker.step()
    assert not worker.step()

    (event,) = made.rows(Event)
    assert abs(seconds_between(put_down(camera), Instant(event.onset_us))) < 1.5
    assert (event.id, event.state, event.kind) == (found.id, "pending", "dumping")
    assert (event.actor, event.model) == (Actor.PERSON.value, "weights")
    assert (the_job(made).state, the_job(made).outcome) == ("done", "event")
    check_evidence(made, event)
    (entry,) = made.log(Action.EVENT_FOUND)
    hashes = json.loads(entry.body or "")
    assert {role: hashes[role] for role in pieces(made)} == {
        role: item.sha256 for role, (item, _) in pieces(made).items()
    }
    assert verify(made.database, made.store).holds


def test_a_find_of_the_sub_stream_is_looked_back_for_in_the_recording(camera: Camera) -> None:
    """Its box is in other pixels, of another shape even; the event's are the recording's."""
    made, film = camera.installation, camera.film
    small = candidate(film, camera.began).scaled((88, 72))
    queue(made, small)
    camera.record(0, film.seconds)
    made.clock.sleep(film.seconds)
    assert new_worker(made, Oracle(film)).step()
    (event,) = made.rows(Event)
    (deposit,) = film.scene.truth
    assert event.size == [320, 180]
    assert iou(Box(*event.box), Box(*deposit.box_xyxy)) > 0.3
    check_evidence(made, event)


def check_evidence(made: Installation, event: Event) -> None:
    """Clip, stills and manifest are what they say, and say what they are made of."""
    kept = pieces(made)
    assert set(kept) == {"clip", "manifest", *SEEN}
    manifest = json.loads(kept["manifest"][1])
    assert manifest["event"] == event.id
    assert manifest["clip"]["sha256"] == sha256_bytes(kept["clip"][1]) == kept["clip"][0].sha256
    stills = {still["role"]: still for still in manifest["stills"]}
    assert set(stills) == set(SEEN)
    for role, still in stills.items():
        item, data = kept[role]
        assert still["sha256"] == sha256_bytes(data) == item.sha256
        assert still["at_us"] == item.start_us
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert image is not None
        x0, y0, x1, y1 = still.get("part_xyxy", (0, 0, 320, 180))
        assert image.shape == (y1 - y0, x1 - x0, 3)
        assert ("part_xyxy" in still) == role.startswith("person")
    moments = [stills[role]["at_us"] for role in ("before", "onset", "leaving", "after")]
    assert moments == sorted(moments)
    for source in manifest["sources"]:
        path = made.settings.segments / f"{source['segment']}.mp4"
        data = path.read_bytes()[source["offset"] :][: source["size"]]
        assert sha256_bytes(data) == source["sha256"]
    assert manifest["gaps"] == []
    assert manifest["camera_clock_minus_server_ms"] == 120
    clip = kept["clip"][0]
    assert clip.start_us <= event.onset_us - 4 * SECOND
    assert clip.end_us >= event.alarm_us + 2 * SECOND - 80_000
    path = made.store.path(Sha256(clip.sha256))
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.demux(video=0)) - 1 == manifest["clip"]["pictures"]


def test_the_same_job_done_again_makes_nothing_new(camera: Camera) -> None:
    """A worker that was taken for dead comes back with the same find."""
    made, film = camera.installation, camera.film
    queue(made, candidate(film, camera.began))
    camera.record(0, film.seconds)
    made.clock.sleep(film.seconds)
    assert new_worker(made).step()
    before = made.rows(Event), made.rows(Item), len(made.log())
    with made.database.write() as session:
        job = session.get_one(Job, the_job(made).id)
        job.state, job.done_us = "ready", None
    assert new_worker(made).step()
    assert (made.rows(Event), made.rows(Item), len(made.log())) == before
    assert the_job(made).state == "done"


def test_a_place_that_was_hidden_for_long_is_compared_with_how_it_was(camera: Camera) -> None:
    """Two stretches of the recording are read, and nothing of what lies between."""
    made, film = camera.installation, camera.film
    earlier = replace(camera, began=later(camera.began, -100.0))
    earlier.record(0, 5.0)
    found = candidate(film, camera.began)
    queue(made, found, before_us=later(earlier.began, 4.0))
    camera.record(0, film.seconds)
    made.clock.sleep(film.seconds)
    assert new_worker(made, Oracle(film)).step()
    (event,) = made.rows(Event)
    assert event.certain
    assert abs(seconds_between(put_down(camera), Instant(event.onset_us))) < 1.5


def test_without_the_recording_of_the_clear_place_a_person_judges(camera: Camera) -> None:
    """A van hid it for longer than there is a recording; the first still is the first there is."""
    made, film = camera.installation, camera.film
    found = candidate(film, camera.began)
    queue(made, found, before_us=later(found.onset, -100.0))
    camera.record(0, film.seconds)
    made.clock.sleep(film.seconds)
    assert new_worker(made).step()
    (event,) = made.rows(Event)
    assert (event.certain, event.onset_us) == (False, found.onset)
    assert pieces(made)["before"][0].start_us == camera.began


def test_a_thing_that_is_told_again_is_not_looked_back_for(camera: Camera) -> None:
    """The watch reports what stays for longer; the recording need not even be there any more."""
    made, film = camera.installation, camera.film
    found = candidate(film, camera.began)
    queue(made, found)
    camera.record(0, film.seconds)
    made.clock.sleep(film.seconds)
    oracle = Oracle(film)
    worker = new_worker(made, oracle)
    assert worker.step()
    (event,) = made.rows(Event)
    for path in (*made.settings.segments.rglob("*.mp4"), *made.settings.segments.rglob("*.idx")):
        path.unlink()
    again = queue(made, found, job_id="again", alarm_us=later(found.alarm, 10.0))
    assert worker.step()
    assert made.rows(Event) == [event]
    (entry,) = made.log(Action.CANDIDATE_DISMISSED)
    assert entry.subject == again
    assert json.loads(entry.body or "")["reason"] == "known"


def test_without_a_detector_the_actor_is_unknown(camera: Camera) -> None:
    made, film = camera.installation, camera.film
    queue(made, candidate(film, camera.began))
    camera.record(0, film.seconds)
    made.clock.sleep(film.seconds)
    new_worker(made).step()
    (event,) = made.rows(Event)
    assert event.actor == Actor.UNKNOWN.value


def test_a_job_waits_until_the_clip_is_recorded(camera: Camera) -> None:
    made, film = camera.installation, camera.film
    found = candidate(film, camera.began)
    queue(made, found)
    alarm_s = seconds_between(camera.began, found.alarm)
    camera.record(0, alarm_s + 1)
    made.clock.sleep(alarm_s + 1)
    worker = new_worker(made)
    made.clock.sleep(made.settings.post_roll_s)
    for _ in range(MAX_ATTEMPTS + 1):
        assert worker.step()
        assert not worker.step(), "it is not due again at once"
        made.clock.sleep(RETRY_S)
    assert (the_job(made).state, made.count(Event)) == ("ready", 0)
    camera.record(alarm_s + 1, film.seconds)
    assert worker.step()
    assert (the_job(made).state, made.count(Event), alarms(made)) == ("done", 1, [])


def test_a_camera_that_fell_silent_is_not_waited_for(camera: Camera) -> None:
    made, film = camera.installation, camera.film
    found = candidate(film, camera.began)
    queue(made, found)
    alarm_s = seconds_between(camera.began, found.alarm)
    camera.record(0, alarm_s + 1, "silent")
    made.clock.sleep(alarm_s + PATIENCE_S + 20)
    new_worker(made).step()
    (event,) = made.rows(Event)
    clip, _ = pieces(made)["clip"]
    assert event.alarm_us <= clip.end_us <= event.alarm_us + 2 * SECOND


def test_without_footage_a_job_is_tried_again_and_then_told(camera: Camera) -> None:
    made = camera.installation
    job_id = queue(made, candidate(camera.film, camera.began))
    worker = new_worker(made)
    tries = 0
    for _ in range(200):
        tries += worker.step()
        made.clock.sleep(1)
    assert tries == MAX_ATTEMPTS
    assert the_job(made).state == "failed"
    assert "NoFootage" in the_job(made).outcome
    assert alarms(made) == [("job_failed", job_id)]


def test_footage_that_comes_late_is_still_looked_at(camera: Camera) -> None:
    made, film = camera.installation, camera.film
    queue(made, candidate(film, camera.began))
    worker = new_worker(made)
    worker.step()
    camera.record(0, film.seconds)
    made.clock.sleep(film.seconds)
    worker.step()
    assert (the_job(made).state, made.count(Event), alarms(made)) == ("done", 1, [])


def test_a_dismissal_is_logged_and_makes_no_event(camera: Camera) -> None:
    """Nothing changed where the candidate says; that it was looked at stays on record."""
    made, film = camera.installation, camera.film
    job_id = queue(made, candidate(film, camera.began), box_xyxy=[10.0, 20.0, 30.0, 36.0])
    camera.record(0, film.seconds)
    made.clock.sleep(film.seconds)
    new_worker(made).step()
    assert (made.count(Event), made.count(Item)) == (0, 0)
    (entry,) = made.log(Action.CANDIDATE_DISMISSED)
    assert entry.subject == job_id
    body = json.loads(entry.body or "")
    assert (body["reason"], body["camera"]) == ("not_changed", "gate-1")
    assert (the_job(made).state, the_job(made).outcome) == ("done", "dismissed: not_changed")


def test_altered_footage_is_told_at_once_and_never_tried_again(camera: Camera) -> None:
    made, film = camera.installation, camera.film
    job_id = queue(made, candidate(film, camera.began))
    camera.record(0, film.seconds)
    made.clock.sleep(film.seconds)
    for path in made.settings.segments.rglob("*.mp4"):
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.chmod(0o644)
        path.write_bytes(data)
    new_worker(made).step()
    assert the_job(made).state == "failed"
    told = alarms(made)
    assert ("job_failed", job_id) in told
    assert [key for key, _ in told if key == "evidence_broken"] == ["evidence_broken"]
    assert made.count(Event) == 0


class Full:
    """A store on a disk that is full."""

    def __getattr__(self, name: str) -> Any:
        def refuse(*_: Any) -> Any:
            raise DiskFull(path=name, folder="objects")

        return refuse


def test_a_full_disk_delays_the_event_and_is_told(camera: Camera) -> None:
    made, film = camera.installation, camera.film
    queue(made, candidate(film, camera.began))
    camera.record(0, film.seconds)
    made.clock.sleep(film.seconds)
    settings = load(made.settings.home, ROLLS)
    LookbackWorker(made.database, Full(), made.clock, settings, None).step()
    assert alarms(made) == [("disk_full", str(made.settings.home))]
    assert (the_job(made).state, made.count(Event)) == ("ready", 0)
    made.clock.sleep(5)
    new_worker(made).step()
    assert (the_job(made).state, made.count(Event)) == ("done", 1)


class Thief:
    """A detector so slow that another worker leases its job meanwhile."""

    def __init__(self, made: Installation) -> None:
        self._made = made
        self.stole = False

    def detect(self, image: Any) -> tuple[()]:
        if not self.stole:
            self.stole = True
            self._made.clock.sleep(LEASE_S + 1)
            with self._made.database.write() as session:
                assert lease_job(session, self._made.clock, "lookback") is not None
        return ()


def test_a_worker_that_lost_its_lease_enters_nothing(camera: Camera) -> None:
    made, film = camera.installation, camera.film
    queue(made, candidate(film, camera.began))
    camera.record(0, film.seconds)
    made.clock.sleep(film.seconds)
    thief = Thief(made)
    new_worker(made, thief).step()
    assert thief.stole
    assert (made.count(Event), made.count(Item), made.log(Action.EVENT_FOUND)) == (0, 0, [])
    assert (the_job(made).state, the_job(made).epoch) == ("leased", 2)


def test_the_temporary_folder_is_left_clean(camera: Camera, tmp_path: Path) -> None:
    made, film = camera.installation, camera.film
    queue(made, candidate(film, camera.began))
    camera.record(0, film.seconds)
    made.clock.sleep(film.seconds)
    new_worker(made).step()
    assert list(tmp_path.rglob("*.tmp")) == []
