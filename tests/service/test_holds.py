"""Holds: who, what and why, logged both ways; no hold without an account in use or a reason."""

from dataclasses import replace

import pytest

from service.errors import InputError
from service.evidence.log import Action
from service.holds import (
    HoldRequest,
    held_of,
    hold_subject,
    holds,
    holds_on,
    place_hold,
    release_hold,
)
from service.roles import Role
from service.subject import Subject, SubjectKind
from service.tables import Hold, SegmentRow, User
from tests.service.installation import Installation, faults
from vision.frame import Instant

GOOD = HoldRequest("gate-1", Instant(100), Instant(200), " 当事人申请复议 ")


@pytest.fixture
def office(installation: Installation) -> Installation:
    installation.add_camera()
    installation.add_person("wang")
    installation.add_person("gone")
    with installation.database.write() as session:
        session.get_one(User, "gone").active = False
    return installation


def place(of: Installation, request: HoldRequest = GOOD, by: str = "wang") -> Hold:
    with of.database.write() as session:
        return place_hold(session, of.clock, request, by=by)


def release(of: Installation, hold: str, by: str = "wang", reason: str = "已结案") -> Hold:
    with of.database.write() as session:
        return release_hold(session, of.clock, hold, by=by, reason=reason)


def test_a_hold_is_placed_and_released_with_log_entries(office: Installation) -> None:
    hold = place(office)
    assert (hold.placed_by, hold.reason, hold.released_us) == ("wang", "当事人申请复议", None)
    office.clock.sleep(5)
    released = release(office, hold.id)
    assert released.released_us == office.now()
    assert (released.released_by, released.release_reason) == ("wang", "已结案")
    (placed,), (let_go,) = office.log(Action.HELD), office.log(Action.RELEASED)
    assert (placed.actor, placed.subject) == (let_go.actor, let_go.subject) == ("wang", "gate-1")
    assert "当事人申请复议" in (placed.body or "")
    assert hold.id in (let_go.body or "")
    assert faults(office.log()) == []
    with pytest.raises(InputError, match="hold_released"):
        release(office, hold.id)


REFUSED = {
    "no_camera": (replace(GOOD, camera="yard"), "wang"),
    "hold_span": (replace(GOOD, end=Instant(100)), "wang"),
    "hold_reason": (replace(GOOD, reason=" \n"), "wang"),
    "no_user": (GOOD, "li"),
    "user_inactive": (GOOD, "gone"),
}


@pytest.mark.parametrize(("code", "asked"), REFUSED.items(), ids=REFUSED)
def test_a_hold_that_is_refused_leaves_nothing(
    office: Installation, code: str, asked: tuple[HoldRequest, str]
) -> None:
    request, by = asked
    with pytest.raises(InputError, match=code):
        place(office, request, by)
    assert office.rows(Hold) == []
    assert office.log(Action.HELD) == []


RELEASES = {
    "no_hold": ("none", "wang", "已结案"),
    "hold_reason": ("", "wang", " "),
    "no_user": ("", "li", "已结案"),
    "user_inactive": ("", "gone", "已结案"),
}


@pytest.mark.parametrize(("code", "asked"), RELEASES.items(), ids=RELEASES)
def test_a_release_that_is_refused_changes_nothing(
    office: Installation, code: str, asked: tuple[str, str, str]
) -> None:
    hold = place(office)
    name, by, reason = asked
    with pytest.raises(InputError, match=code):
        release(office, name or hold.id, by, reason)
    assert office.rows(Hold)[0].released_us is None
    assert office.log(Action.RELEASED) == []


def test_a_hold_says_what_it_came_too_late_for(office: Installation) -> None:
    """What was destroyed before stays destroyed; whoever holds is told."""
    states = {50: "kept", 99: "destroyed", 150: "garbage", 199: "kept", 200: "kept"}
    with office.database.write() as session:
        for start, state in states.items():
            session.add(
                SegmentRow(
                    id=f"gate-1/20260101/{start}",
                    camera_id="gate-1",
                    run="r",
                    start_us=start,
                    end_us=start + 50,
                    size=1,
                    sha256="0" * 64,
                    end_reason="full",
                    state=state,
                )
            )
    hold = place(office)
    with office.database.read() as session:
        held = held_of(session, hold)
        assert (held.kept, held.destroyed) == (1, 2)
        assert holds(session) == [held]


EVENT = Subject(SubjectKind.EVENT, "event")


def test_a_subject_is_held_and_released(office: Installation) -> None:
    """By its own id in the log; in the list beside the holds of recording."""
    office.add_event("event", bare=True)
    with office.database.write() as session:
        hold = hold_subject(session, office.clock, EVENT, by="wang", reason=" 投诉 ")
    place(office)
    with office.database.read() as session:
        assert [each.id for each in holds_on(session, EVENT)] == [hold.id]
        assert {held.hold.kind for held in holds(session)} == {"event", "recording"}
    release(office, hold.id)
    entries = (*office.log(Action.HELD), *office.log(Action.RELEASED))
    assert [each.subject for each in entries] == ["event", "gate-1", "event"]


SUBJECT_REFUSED = {
    "not_found": (Subject(SubjectKind.CASE, "event"), "wang", "投诉"),
    "hold_reason": (EVENT, "wang", " "),
    "no_user": (EVENT, "li", "投诉"),
    "user_inactive": (EVENT, "gone", "投诉"),
    "no_access": (EVENT, "zhao", "投诉"),
}


@pytest.mark.parametrize(("code", "asked"), SUBJECT_REFUSED.items(), ids=SUBJECT_REFUSED)
def test_a_hold_of_a_subject_that_is_refused_leaves_nothing(
    embedded: Installation, code: str, asked: tuple[Subject, str, str]
) -> None:
    embedded.add_event("event", bare=True)
    embedded.add_person("wang")
    embedded.add_person("zhao", Role.ADMIN)
    embedded.add_person("gone")
    with embedded.database.write() as session:
        session.get_one(User, "gone").active = False
    subject, by, reason = asked
    with pytest.raises(InputError, match=code), embedded.database.write() as session:
        hold_subject(session, embedded.clock, subject, by=by, reason=reason)
    assert embedded.rows(Hold) == []
