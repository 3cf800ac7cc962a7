"""The content index: what a recorder file shows is found once, in a child, and goes with it."""

import io
import json
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ingest.errors import BrokenMedia, MediaError, NotMedia
from ingest.files import Sha256
from ingest.media import key_pictures
from service.alarms import open_alarms
from service.content_index import ask_index, index_of
from service.indexer import EVERY_S, index, index_confined
from service.indexing import IndexWorker
from service.settings import SHIPPED_MODEL, load
from service.tables import ContentIndex, Job
from tests.ingest.clip import Recipe, encoded
from tests.service.footage import Film
from tests.service.installation import Installation
from vision.appearance import Group
from vision.boxes import Box
from vision.detect import Detection, Label
from vision.frame import Image, Instant, later

LONG = Recipe(count=200, gop=10)
"""Twenty seconds, a key frame in each."""


@dataclass
class Counted:
    """A detector that sees a person in every look, and how many looks there were."""

    looks: list[tuple[int, ...]] = field(default_factory=list)

    def detect(self, image: Image) -> tuple[Detection, ...]:
        self.looks.append(image.shape)
        return (Detection(Label.PERSON, Box(0, 0, 10, 20), 0.9),)


def worker(made: Installation, model: str = SHIPPED_MODEL) -> IndexWorker:
    settings = load(made.settings.home, {"LIUHEN_MODEL": model})
    return IndexWorker(made.database, made.store, made.clock, settings)


def kept(made: Installation, content: bytes) -> Sha256:
    """A file in the store, asked for twice."""
    sha256, _ = made.store.add(io.BytesIO(content))
    for _ in range(2):
        with made.database.write() as session:
            ask_index(session, made.clock, sha256)
    return sha256


def outcomes(made: Installation) -> list[tuple[str, str]]:
    return [(job.state, job.outcome) for job in made.rows(Job)]


def test_only_key_frames_are_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(encoded(LONG))
    assert [round(seconds, 3) for seconds, _ in key_pictures(path)] == [float(n) for n in range(20)]


def test_a_look_in_two_seconds_is_enough(tmp_path: Path) -> None:
    path, detector = tmp_path / "a.mp4", Counted()
    heard: list[float] = []
    path.write_bytes(encoded(LONG))
    found = index(path, detector, heard.append)
    assert found.looks == len(detector.looks) == 10
    (person,) = found.appearances
    assert (person.group, person.start) == (Group.PERSON, Instant(0))
    assert person.end == later(Instant(0), 9 * EVERY_S)
    assert heard == [EVERY_S * n for n in range(10)]


def test_a_file_is_looked_through_once(embedded: Installation, film: Film) -> None:
    """By the shipped detector, in a child of its own."""
    sha256 = kept(embedded, film.path.read_bytes())
    indexer = worker(embedded)
    assert indexer.step()
    assert not indexer.step()
    assert outcomes(embedded) == [("done", "made")]
    with embedded.database.read() as session:
        found = index_of(session, sha256)
    assert found is not None
    assert found.looks >= 5
    (row,) = embedded.rows(ContentIndex)
    assert row.person
    people = [each for each in found.appearances if each.group is Group.PERSON]
    assert all(0 <= each.start <= each.end <= later(Instant(0), film.seconds) for each in people)


def test_without_a_detector_there_is_no_index(embedded: Installation, film: Film) -> None:
    kept(embedded, film.path.read_bytes())
    assert worker(embedded, "none").step()
    assert outcomes(embedded) == [("done", "no detector")]
    assert embedded.rows(ContentIndex) == []


def test_a_file_that_cannot_be_read_is_no_trouble_of_ours(embedded: Installation) -> None:
    kept(embedded, b"no video at all, but long enough to be looked at")
    assert worker(embedded).step()
    assert [(state, json.loads(said)) for state, said in outcomes(embedded)] == [
        ("done", {"code": "not_media"})
    ]
    with embedded.database.read() as session:
        assert open_alarms(session) == []


def test_a_file_that_is_gone_is_left_out(embedded: Installation) -> None:
    with embedded.database.write() as session:
        ask_index(session, embedded.clock, "0" * 64)
    assert worker(embedded).step()
    assert outcomes(embedded) == [("done", "gone")]


def test_a_process_that_ends_leaves_the_job_for_the_next(
    embedded: Installation, film: Film
) -> None:
    kept(embedded, film.path.read_bytes())
    indexer = worker(embedded)
    indexer.stop = threading.Event()
    indexer.stop.set()
    assert indexer.step()
    assert [state for state, _ in outcomes(embedded)] == ["ready"]
    indexer.stop.clear()
    assert indexer.step()
    assert outcomes(embedded) == [("done", "made")]


def test_weights_that_are_missing_are_an_alarm_in_the_end(
    embedded: Installation, film: Film
) -> None:
    kept(embedded, film.path.read_bytes())
    indexer = worker(embedded, "no-such-model")
    for _ in range(10):
        indexer.step()
        embedded.clock.sleep(600)
    assert [state for state, _ in outcomes(embedded)] == ["failed"]
    with embedded.database.read() as session:
        assert [alarm.key for alarm in open_alarms(session)] == ["job_failed"]


@pytest.mark.parametrize(
    ("content", "error"),
    [(b"ffconcat version 1.0\n" * 40, NotMedia), (encoded(LONG)[:700], BrokenMedia)],
    ids=["another format", "broken off"],
)
def test_the_child_says_what_is_wrong(
    tmp_path: Path, content: bytes, error: type[MediaError]
) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    with pytest.raises(error):
        index_confined(path, SHIPPED_MODEL, (), on_tick=lambda _: None)
