"""The officer's decision: once, by the right person, with everything that the law asks."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier
from typing import Any

import pytest

from service.errors import InputError
from service.evidence.log import Action
from service.review import Qualities, Rejection, confirm, items_of, queue, reject, review_of
from service.roles import Role
from service.tables import Event, Review, User
from tests.service.installation import ALL_GOOD, Installation

Decide = Callable[..., Review]


@pytest.fixture
def office(installation: Installation) -> Installation:
    """An installation with an officer and an event."""
    installation.add_person("officer")
    installation.add_event("event", bare=True)
    return installation


def decide(
    office: Installation, act: Decide, event_id: str = "event", by: str = "officer", **facts: Any
) -> None:
    with office.database.write() as session:
        officer = session.get_one(User, by)
        act(session, office.clock, event_id, officer=officer, **facts)


def refusal(office: Installation, act: Decide, **facts: Any) -> str:
    """Code of the refusal; it must leave nothing behind."""
    before = (office.rows(Event), office.rows(Review), len(office.log()))
    with pytest.raises(InputError) as caught:
        decide(office, act, **facts)
    assert (office.rows(Event), office.rows(Review), len(office.log())) == before
    return caught.value.code


LACKING = {
    name: Qualities(**{**dict.fromkeys(Qualities.__slots__, True), name: False})
    for name in Qualities.__slots__
}


@pytest.mark.parametrize("qualities", LACKING.values(), ids=LACKING)
def test_each_of_the_four_qualities_is_needed(office: Installation, qualities: Qualities) -> None:
    assert refusal(office, confirm, qualities=qualities) == "qualities_missing"


def test_a_confirmation_is_kept_and_logged(office: Installation) -> None:
    decide(office, confirm, qualities=ALL_GOOD, note="看清楚了")
    with office.database.read() as session:
        review = review_of(session, "event")
        assert review is not None
        assert session.get_one(Event, "event").state == review.decision == "confirmed"
        assert (review.officer_id, review.note) == ("officer", "看清楚了")
        assert queue(session) == []
    (entry,) = office.log(Action.REVIEWED)
    assert (entry.actor, entry.subject) == ("officer", "event")
    body = json.loads(entry.body or "")
    assert body["qualities"] == ["genuine", "clear", "complete", "accurate"]
    assert (body["decision"], body["note"]) == ("confirmed", "看清楚了")


@pytest.mark.parametrize("reason", Rejection)
def test_a_rejection_is_kept_and_logged(office: Installation, reason: Rejection) -> None:
    decide(office, reject, reason=reason, note="说明")
    (review,) = office.rows(Review)
    assert (review.decision, review.reason) == ("rejected", reason.value)
    assert office.rows(Event)[0].state == "rejected"
    (entry,) = office.log(Action.REVIEWED)
    assert json.loads(entry.body or "")["reason"] == reason.value


@pytest.mark.parametrize("note", ["", "  ", "\n\t", "\u3000"])
def test_other_needs_a_note(office: Installation, note: str) -> None:
    assert refusal(office, reject, reason=Rejection.OTHER, note=note) == "note_missing"


CONFIRM: tuple[Decide, dict[str, Any]] = (confirm, {"qualities": ALL_GOOD})
REJECT: tuple[Decide, dict[str, Any]] = (reject, {"reason": Rejection.NOTHING})


@pytest.mark.parametrize("first", [CONFIRM, REJECT], ids=["confirmed", "rejected"])
@pytest.mark.parametrize("second", [CONFIRM, REJECT], ids=["confirm", "reject"])
def test_nothing_is_decided_twice(
    office: Installation,
    first: tuple[Decide, dict[str, Any]],
    second: tuple[Decide, dict[str, Any]],
) -> None:
    decide(office, first[0], **first[1])
    assert refusal(office, second[0], **second[1]) == "already_decided"


@pytest.mark.parametrize("act", [CONFIRM, REJECT], ids=["confirm", "reject"])
@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ADMIN])
def test_only_officers_decide(
    office: Installation, role: Role, act: tuple[Decide, dict[str, Any]]
) -> None:
    office.add_person("other", role)
    assert refusal(office, act[0], by="other", **act[1]) == "not_an_officer"


@pytest.mark.parametrize("act", [CONFIRM, REJECT], ids=["confirm", "reject"])
def test_what_does_not_exist_cannot_be_decided(
    office: Installation, act: tuple[Decide, dict[str, Any]]
) -> None:
    assert refusal(office, act[0], event_id="none", **act[1]) == "no_event"


def test_the_queue_is_sure_before_unsure_then_likelier_then_older(office: Installation) -> None:
    marks = {
        # id: (certain, score, seconds later)
        "unsure": (False, 0.9, 0),
        "likely, old": (True, 0.8, 0),
        "likely, new": (True, 0.8, 5),
        "less likely": (True, 0.4, 0),
    }
    for event_id in reversed(marks):
        office.add_event(event_id, bare=True)
    with office.database.write() as session:
        session.get_one(Event, "event").state = "rejected"
        for event_id, (certain, score, seconds) in marks.items():
            event = session.get_one(Event, event_id)
            event.certain, event.score = certain, score
            event.onset_us += seconds * 1_000_000
    with office.database.read() as session:
        order = [event.id for event in queue(session)]
    assert order == ["likely, old", "likely, new", "less likely", "unsure"]


def test_an_event_is_entered_once_with_its_pieces(office: Installation) -> None:
    for _ in range(2):
        with suppress(AssertionError):
            office.add_event("found")
    with office.database.read() as session:
        assert set(items_of(session, "found")) == {"clip", "manifest", "before", "onset", "after"}
    assert office.count(Event) == len(office.log(Action.EVENT_FOUND)) == 2


def test_two_officers_at_once_make_one_decision(office: Installation) -> None:
    """Both open the event, both press the button; the second hears that it is decided."""
    both = Barrier(2)

    def press(_: int) -> str:
        both.wait()
        try:
            decide(office, confirm, qualities=ALL_GOOD)
        except InputError as error:
            return error.code
        return "confirmed"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(press, range(2))) == ["already_decided", "confirmed"]
    assert len(office.log(Action.REVIEWED)) == 1
