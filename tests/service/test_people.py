"""Accounts: who gets in, who is kept out, for how long, and what the log says of it."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from service.errors import InputError, WorldError
from service.evidence.log import MACHINE, Action
from service.people import (
    FAILURE_WINDOW_S,
    HASHING,
    LOGINS,
    MAX_FAILURES,
    MIN_PASSWORD,
    NewUser,
    Role,
    add_user,
    forget_expired,
    log_in,
    log_out,
    may_decide,
    sees_footage,
    user_of,
    users,
)
from service.tables import LoginSession, User
from tests.service.installation import Installation

PASSWORD = "correct horse battery"
OFFICER = NewUser("li", "李队员", Role.OFFICER, PASSWORD, badge_no="津A-0001")


@pytest.fixture
def office(embedded: Installation) -> Installation:
    """An installation with one officer who can log in."""
    with embedded.database.write() as session:
        add_user(session, embedded.clock, OFFICER)
    return embedded


def try_to_log_in(office: Installation, user_id: str, password: str = PASSWORD) -> str | None:
    return log_in(office.database, office.clock, user_id, password, hours=8)


def who_is(office: Installation, token: str | None) -> str | None:
    with office.database.read() as session:
        user = user_of(session, office.clock, token or "")
        return user.id if user else None


def lock_out(office: Installation, user_id: str) -> None:
    for _ in range(MAX_FAILURES):
        assert try_to_log_in(office, user_id, "wrong") is None


REFUSED = {
    "officer without a badge": (NewUser("a", "甲", Role.OFFICER, PASSWORD), "badge_missing"),
    "officer with an empty badge": (
        NewUser("a", "甲", Role.OFFICER, PASSWORD, badge_no=""),
        "badge_missing",
    ),
    "officer with a blank badge": (
        NewUser("a", "甲", Role.OFFICER, PASSWORD, badge_no=" \u3000"),
        "badge_missing",
    ),
    "no id": (NewUser("", "甲", Role.ADMIN, PASSWORD), "user_id"),
    "blank id": (NewUser("  ", "甲", Role.ADMIN, PASSWORD), "user_id"),
    "id in Chinese": (NewUser("李", "甲", Role.ADMIN, PASSWORD), "user_id"),
    "id with a line": (NewUser("a\nb", "甲", Role.ADMIN, PASSWORD), "user_id"),
    "id that no login can name": (NewUser("x" * 65, "甲", Role.ADMIN, PASSWORD), "user_id"),
    "blank name": (NewUser("a", " \t", Role.ADMIN, PASSWORD), "name_missing"),
    "name of the machine": (NewUser(MACHINE, "甲", Role.ADMIN, PASSWORD), "user_exists"),
    "name that is taken, but for blanks": (
        NewUser(" li ", "乙", Role.ADMIN, PASSWORD),
        "user_exists",
    ),
    "short password": (
        NewUser("a", "甲", Role.ADMIN, "x" * (MIN_PASSWORD - 1)),
        "password_short",
    ),
    "no password": (NewUser("a", "甲", Role.ADMIN, ""), "password_short"),
    "name that is taken": (NewUser("li", "乙", Role.ADMIN, PASSWORD), "user_exists"),
}


@pytest.mark.parametrize(("new", "code"), REFUSED.values(), ids=REFUSED)
def test_an_account_is_refused(office: Installation, new: NewUser, code: str) -> None:
    with pytest.raises(InputError) as caught, office.database.write() as session:
        add_user(session, office.clock, new)
    assert caught.value.code == code
    assert [user.id for user in office.rows(User)] == ["li"]
    assert PASSWORD not in str(caught.value)


def test_blanks_around_what_was_typed_are_not_kept(embedded: Installation) -> None:
    with embedded.database.write() as session:
        add_user(
            session, embedded.clock, NewUser(" a ", " 甲 ", Role.OFFICER, PASSWORD, " 津A-0002 ")
        )
    (user,) = embedded.rows(User)
    assert (user.id, user.name, user.badge_no) == ("a", "甲", "津A-0002")
    assert try_to_log_in(embedded, "a") is not None


def test_accounts_are_logged_and_passwords_are_not_kept(office: Installation) -> None:
    with office.database.read() as session:
        (user,) = users(session)
    assert user.password_hash.startswith("$argon2id$")
    (entry,) = office.log(Action.USER_ADDED)
    assert (entry.subject, PASSWORD in (entry.body or "")) == ("li", False)


RIGHTS = {
    # role: (sees footage, decides)
    Role.OPERATOR: (True, False),
    Role.OFFICER: (True, True),
    Role.ADMIN: (False, False),
}


@pytest.mark.parametrize(("role", "rights"), RIGHTS.items(), ids=RIGHTS)
def test_a_role_gives_its_rights_and_no_others(
    embedded: Installation, role: Role, rights: tuple[bool, bool]
) -> None:
    person = embedded.add_person("someone", role)
    assert (sees_footage(person), may_decide(person)) == rights
    person.badge_no = "" if role is Role.OFFICER else "津A-0009"
    assert not may_decide(person), "it takes both, the role and the badge"


def test_logging_in_and_out(office: Installation) -> None:
    token = try_to_log_in(office, "li")
    assert who_is(office, token) == "li"
    (row,) = office.rows(LoginSession)
    assert row.token_sha256 != token, "a stolen database must not log anybody in"
    with office.database.write() as session:
        log_out(session, office.clock, token or "")
        log_out(session, office.clock, "unknown")
    assert who_is(office, token) is None
    assert [len(office.log(a)) for a in (Action.LOGGED_IN, Action.LOGGED_OUT)] == [1, 1]


def test_nobody_who_writes_waits_for_a_password(office: Installation) -> None:
    with ThreadPoolExecutor(1) as pool:
        with HASHING, HASHING:
            waiting = pool.submit(try_to_log_in, office, "li")
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.3)
            with ThreadPoolExecutor(1) as other:
                other.submit(office.add_person, "other").result(timeout=3)
        assert who_is(office, waiting.result()) == "li"


def test_a_flood_of_logins_is_refused_at_once(office: Installation) -> None:
    with ExitStack() as stack:
        while LOGINS.acquire(blocking=False):
            stack.callback(LOGINS.release)
        with pytest.raises(WorldError, match="login_busy"):
            try_to_log_in(office, "li")
    assert office.log(Action.LOGIN_FAILED) == []
    assert try_to_log_in(office, "li") is not None


def test_guesses_side_by_side_are_counted_one_after_the_other(office: Installation) -> None:
    def guess(_: int) -> str:
        try:
            return str(try_to_log_in(office, "li", "wrong"))
        except InputError as error:
            return error.code

    with ThreadPoolExecutor(MAX_FAILURES + 2) as pool:
        with HASHING, HASHING:  # all see an open account before the first is hashed
            answers = [pool.submit(guess, n) for n in range(MAX_FAILURES + 2)]
            with pytest.raises(TimeoutError):
                answers[0].result(timeout=0.5)
        told = sorted(answer.result() for answer in answers)
    assert told == ["None"] * MAX_FAILURES + ["login_locked"] * 2
    assert len(office.log(Action.LOGIN_FAILED)) == MAX_FAILURES


def test_an_account_closed_while_its_password_is_hashed_stays_out(office: Installation) -> None:
    with ThreadPoolExecutor(1) as pool:
        with HASHING, HASHING:
            waiting = pool.submit(try_to_log_in, office, "li")
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.3)
            close_account(office)
        assert waiting.result() is None
    assert office.count(LoginSession) == 0


def test_a_session_ends_with_the_duty(office: Installation) -> None:
    token = try_to_log_in(office, "li")
    office.clock.sleep(8 * 3600 - 0.001)
    assert who_is(office, token) == "li"
    office.clock.sleep(0.001)
    assert who_is(office, token) is None
    office.clock.sleep(86_401)
    with office.database.write() as session:
        forget_expired(session, office.now())
    assert office.count(LoginSession) == 0


def close_account(office: Installation) -> None:
    with office.database.write() as session:
        session.get_one(User, "li").active = False


def test_a_closed_account_is_out_at_once(office: Installation) -> None:
    token = try_to_log_in(office, "li")
    close_account(office)
    assert who_is(office, token) is None
    assert try_to_log_in(office, "li") is None


@pytest.mark.parametrize(
    ("user_id", "password"),
    [("li", "wrong"), ("li", ""), ("li", PASSWORD + " "), ("nobody", PASSWORD), ("", "")],
)
def test_a_failed_login_is_logged_and_looks_the_same(
    office: Installation, user_id: str, password: str
) -> None:
    assert try_to_log_in(office, user_id, password) is None
    (entry,) = office.log(Action.LOGIN_FAILED)
    assert (entry.subject, office.count(LoginSession)) == (user_id, 0)
    assert password not in (entry.body or "") or not password


def test_too_many_failures_lock_the_right_password_out_too(office: Installation) -> None:
    lock_out(office, "li")
    with pytest.raises(InputError, match="login_locked"):
        try_to_log_in(office, "li")
    assert len(office.log(Action.LOGIN_FAILED)) == MAX_FAILURES
    assert office.count(LoginSession) == 0


def test_a_lock_passes_with_time(office: Installation) -> None:
    lock_out(office, "li")
    office.clock.sleep(FAILURE_WINDOW_S - 1)
    with pytest.raises(InputError, match="login_locked"):
        try_to_log_in(office, "li")
    office.clock.sleep(1)
    assert who_is(office, try_to_log_in(office, "li")) == "li"


def test_a_lock_is_on_one_account(office: Installation) -> None:
    lock_out(office, "wang")
    assert try_to_log_in(office, "li") is not None


@pytest.mark.parametrize("user_id", ["x" * 65, "李" * 500], ids=["65", "500"])
def test_a_long_name_is_locked_like_any_other(office: Installation, user_id: str) -> None:
    lock_out(office, user_id)
    with pytest.raises(InputError, match="login_locked"):
        try_to_log_in(office, user_id)


@pytest.mark.parametrize("user_id", ["li\0", "'; DROP TABLE users; --", "\N{RIGHT-TO-LEFT MARK}"])
def test_an_odd_name_is_only_a_wrong_one(installation: Installation, user_id: str) -> None:
    assert try_to_log_in(installation, user_id) is None
    assert len(installation.log(Action.LOGIN_FAILED)) == 1
