"""An event learns when its thing was gone: once, whatever comes first."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from ingest.spool import FactKind, Spool
from service.clearing import RETRY_S, ClearingWorker
from service.evidence.log import Action
from service.evidence.verify import verify
from service.facts import GOP_S
from service.jobs import add_job
from service.registrar import Registrar
from service.tables import Event, Job
from tests.service.installation import Installation
from vision.boxes import Box
from vision.candidate import Candidate, Change, Clearing
from vision.frame import CameraId, Instant, later
from vision.sighting import Sighting


def clearing_of(found: Sighting, seconds: float = 600.0) -> Clearing:
    """What the watch says when the thing goes so long after its alarm."""
    candidate = Candidate(
        camera=found.camera,
        kind=found.kind,
        before=found.before,
        onset=later(found.onset, 1),
        alarm=found.alarm,
        box=found.box.grown(2),
        size=found.size,
        change=Change.ADDED,
        contrast=0.3,
    )
    return Clearing(candidate, later(found.alarm, seconds))


def say(made: Installation, clearing: Clearing) -> None:
    """As a camera's process does; entered, and its time come."""
    spool = Spool(made.settings.spool)
    spool.put(FactKind.CLEARED, clearing.candidate.camera, clearing.at, clearing.to_json())
    Registrar(made.database, made.clock, made.settings).step()
    made.clock.sleep((clearing.at - made.now()) / 1e6 + made.settings.post_roll_s + GOP_S)


def cleared(made: Installation) -> list[Instant | None]:
    return [event.cleared_us for event in made.rows(Event)]


def work(made: Installation) -> int:
    """How many jobs were done."""
    worker = ClearingWorker(made.database, made.clock)
    return sum(iter(worker.step, False))


def test_an_event_learns_that_its_thing_is_gone(embedded: Installation) -> None:
    found = embedded.add_event("found", bare=True)
    clearing = clearing_of(found)
    say(embedded, clearing)
    assert work(embedded) == 1
    assert cleared(embedded) == [clearing.at]
    (entry,) = embedded.log(Action.EVENT_CLEARED)
    assert (entry.subject, json.loads(entry.body or "")["at_us"]) == ("found", clearing.at)
    assert verify(embedded.database, embedded.store).holds


def test_said_twice_it_is_entered_once(embedded: Installation) -> None:
    clearing = clearing_of(embedded.add_event("found", bare=True))
    say(embedded, clearing)
    say(embedded, clearing)
    say(embedded, replace(clearing, at=later(clearing.at, 60)))
    assert work(embedded) == 2
    assert cleared(embedded) == [clearing.at]
    assert len(embedded.log(Action.EVENT_CLEARED)) == 1


def elsewhere(candidate: Candidate) -> Candidate:
    return replace(candidate, box=candidate.box.moved(30, 0))


def of_another_camera(candidate: Candidate) -> Candidate:
    return replace(candidate, camera=CameraId("gate-2"))


def put_down_later(candidate: Candidate) -> Candidate:
    return replace(candidate, before=later(candidate.before, 90), onset=later(candidate.onset, 90))


@pytest.mark.parametrize("other", [elsewhere, of_another_camera, put_down_later])
def test_another_thing_is_not_its(
    embedded: Installation, other: Callable[[Candidate], Candidate]
) -> None:
    clearing = clearing_of(embedded.add_event("found", bare=True))
    say(embedded, replace(clearing, candidate=other(clearing.candidate)))
    assert work(embedded) == 1
    assert cleared(embedded) == [None]
    assert embedded.log(Action.EVENT_CLEARED) == []


def test_a_smaller_stream_shows_as_much(embedded: Installation) -> None:
    clearing = clearing_of(embedded.add_event("found", bare=True))
    small = clearing.candidate.scaled((32, 24))
    say(embedded, replace(clearing, candidate=small))
    assert work(embedded) == 1
    assert cleared(embedded) == [clearing.at]


def test_a_look_back_that_is_late_is_waited_for(embedded: Installation) -> None:
    """The event comes after the word that its thing is gone."""
    found = embedded.add_event("elsewhere", bare=True)
    clearing = clearing_of(replace(found, box=Box(40, 30, 50, 40)))
    with embedded.database.write() as session:
        add_job(
            session,
            embedded.clock,
            id="late",
            kind="lookback",
            payload=clearing.candidate.to_json(),
            not_before=embedded.now(),
        )
    say(embedded, clearing)
    worker = ClearingWorker(embedded.database, embedded.clock)
    assert worker.step()
    assert not worker.step()
    assert cleared(embedded) == [None]
    with embedded.database.write() as session:
        session.get_one(Job, "late").state = "done"
        session.get_one(Event, "elsewhere").box = list(clearing.candidate.box.xyxy)
    embedded.clock.sleep(RETRY_S)
    assert worker.step()
    assert cleared(embedded) == [clearing.at]
