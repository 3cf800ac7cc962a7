"""Accounts: what they need, what becomes of them, and what the log says of it."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest
from sqlmodel import Session

from ingest.clock import Clock
from service.credentials import MIN_PASSWORD
from service.errors import InputError
from service.evidence.log import MACHINE, Action
from service.logins import open_session
from service.people import (
    Facts,
    NewUser,
    add_user,
    change_user,
    close_user,
    facts_of,
    reopen_user,
    reset_password,
    user_named,
    users,
)
from service.roles import Role
from service.tables import LoginSession, User
from tests.service.installation import Installation

PASSWORD = "correct horse battery"
UNTIL = date(2099, 12, 31)
LI = Facts("李队员", Role.OFFICER, "一中队", "津A-0001", UNTIL)
ADMIN = Facts("甲", Role.ADMIN)


def new(user_id: str, facts: Facts = ADMIN, password: str = PASSWORD) -> NewUser:
    return NewUser(user_id, facts, password)


@pytest.fixture
def office(embedded: Installation) -> Installation:
    """An installation with one officer."""
    embedded.add_person("li")
    return embedded


REFUSED = {
    "officer without a badge": (new("a", replace(LI, badge_no="")), "badge_missing"),
    "officer with a blank badge": (new("a", replace(LI, badge_no=" \u3000")), "badge_missing"),
    "leader without a badge": (
        new("a", replace(LI, role=Role.LEADER, badge_no="")),
        "badge_missing",
    ),
    "a badge for ever": (new("a", replace(LI, badge_until=None)), "badge_until_missing"),
    "no id": (new(""), "user_id"),
    "blank id": (new("  "), "user_id"),
    "id in Chinese": (new("李"), "user_id"),
    "id with a line": (new("a\nb"), "user_id"),
    "id of a token": (new("token:x"), "user_id"),
    "id that no login can name": (new("x" * 65), "user_id"),
    "blank name": (new("a", Facts(" \t", Role.ADMIN)), "name_missing"),
    "name of the machine": (new(MACHINE), "user_exists"),
    "name that is taken, but for blanks": (new(" li "), "user_exists"),
    "name that is taken": (new("li"), "user_exists"),
    "short password": (new("a", password="k3#Zp0!qLm7x"[: MIN_PASSWORD - 1]), "password_short"),
    "no password": (new("a", password=""), "password_short"),
    "weak password": (new("a", password="1" * MIN_PASSWORD), "password_weak"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_account_is_refused(office: Installation, case: str) -> None:
    person, code = REFUSED[case]
    with pytest.raises(InputError) as caught, office.database.write() as session:
        add_user(session, office.clock, person)
    assert caught.value.code == code
    assert [user.id for user in office.rows(User)] == ["li"]
    assert PASSWORD not in str(caught.value) + repr(person)


def test_blanks_around_what_was_typed_are_not_kept(embedded: Installation) -> None:
    facts = Facts(" 甲 ", Role.OFFICER, " 一中队 ", " 津A-0002 ", UNTIL)
    with embedded.database.write() as session:
        add_user(session, embedded.clock, new(" a ", facts))
    (user,) = embedded.rows(User)
    assert user.id == "a"
    assert facts_of(user) == Facts("甲", Role.OFFICER, "一中队", "津A-0002", UNTIL)


def test_accounts_are_logged_and_passwords_are_not_kept(embedded: Installation) -> None:
    with embedded.database.write() as session:
        add_user(session, embedded.clock, new("li", LI), actor="admin")
    with embedded.database.read() as session:
        (user,) = users(session)
    assert user.password_hash.startswith("$argon2id$")
    (entry,) = embedded.log(Action.USER_ADDED)
    body = json.loads(entry.body or "")
    assert (entry.actor, entry.subject, PASSWORD in (entry.body or "")) == ("admin", "li", False)
    assert user.password_hash not in (entry.body or "")
    assert (body["role"], body["badge_no"], body["badge_until"]) == (
        "officer",
        "津A-0001",
        "2099-12-31",
    )


Act = Callable[[Session, Clock, str], object]
ACTS: dict[str, tuple[Act, Action]] = {
    "close": (lambda s, c, by: close_user(s, c, "li", actor=by), Action.USER_CLOSED),
    "reset": (
        lambda s, c, by: reset_password(s, c, "li", PASSWORD, actor=by),
        Action.PASSWORD_RESET,
    ),
}


@pytest.mark.parametrize("name", ACTS)
def test_closing_and_resetting_end_every_session(office: Installation, name: str) -> None:
    act, action = ACTS[name]
    with office.database.write() as session:
        li = user_named(session, "li")
        for _ in range(3):
            open_session(session, office.clock, li, "值班", hours=8)
    with office.database.write() as session:
        act(session, office.clock, "admin")
    assert office.count(LoginSession) == 0
    (entry,) = office.log(action)
    assert (entry.actor, entry.subject) == ("admin", "li")
    (user,) = office.rows(User)
    assert user.active == (name != "close")
    assert user.must_change == (name == "reset")


@pytest.mark.parametrize("name", ACTS)
def test_nobody_does_it_to_themselves(office: Installation, name: str) -> None:
    """Attacks: the last administrator locked out by a slip; a reset that skips the old password."""
    with pytest.raises(InputError, match="own_account"), office.database.write() as session:
        ACTS[name][0](session, office.clock, "li")


def test_nobody_changes_their_own_role_but_their_name(office: Installation) -> None:
    with office.database.write() as session:
        change_user(session, office.clock, "li", replace(LI, name="李改名"), actor="li")
    promoted = replace(LI, role=Role.LEADER)
    with pytest.raises(InputError, match="own_account"), office.database.write() as session:
        change_user(session, office.clock, "li", promoted, actor="li")
    (user,) = office.rows(User)
    assert (user.name, user.role) == ("李改名", "officer")


def test_a_change_is_logged_with_what_was_before(office: Installation) -> None:
    with office.database.write() as session:
        change_user(session, office.clock, "li", replace(LI, unit="二中队"), actor="admin")
    body = json.loads(office.log(Action.USER_CHANGED)[0].body or "")
    assert (body["unit_before"], body["unit"]) == ("", "二中队")
    assert (body["name_before"], body["name"]) == ("li（姓名）", "李队员")


def test_closed_and_opened_again(office: Installation) -> None:
    with office.database.write() as session:
        with pytest.raises(InputError, match="user_open"):
            reopen_user(session, office.clock, "li")
        close_user(session, office.clock, "li")
        with pytest.raises(InputError, match="user_closed"):
            close_user(session, office.clock, "li")
        reopen_user(session, office.clock, "li")
    assert office.rows(User)[0].active
    assert len(office.log(Action.USER_REOPENED)) == 1


def test_an_account_that_is_not_there(office: Installation) -> None:
    clock = office.clock
    acts: list[Callable[[Session], object]] = [
        lambda s: close_user(s, clock, "wang"),
        lambda s: reopen_user(s, clock, "wang"),
        lambda s: change_user(s, clock, "wang", LI),
        lambda s: reset_password(s, clock, "wang", PASSWORD),
    ]
    for act in acts:
        with pytest.raises(InputError, match="no_user"), office.database.write() as session:
            act(session)
