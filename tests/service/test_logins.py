"""Coming in: who gets in, who is kept out, for how long, and what the log says of it."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from service.credentials import HASHING, LOGINS, hashed
from service.duty import Duty
from service.errors import InputError, WorldError
from service.evidence.log import MACHINE, Action, append
from service.logins import (
    FAILURE_WINDOW_S,
    MAX_ADDRESS_FAILURES,
    MAX_FAILURES,
    MAX_SESSIONS,
    Attempt,
    change_password,
    duty_of,
    forget_expired,
    log_in,
    log_out,
    state_reason,
)
from service.people import user_named
from service.tables import LoginSession, User
from tests.service.installation import Installation

PASSWORD = "correct horse battery"
KEPT = hashed(PASSWORD)
"""Once for all tests: hashing takes a good part of a second."""
DESK = "192.0.2.1"
IDLE_S = 1800.0


def furnished(made: Installation) -> Installation:
    """With one officer who can log in."""
    made.add_person("li")
    with made.database.write() as session:
        session.get_one(User, "li").password_hash = KEPT
    return made


@pytest.fixture
def office(embedded: Installation) -> Installation:
    """An installation with one officer who can log in."""
    return furnished(embedded)


def try_to_log_in(
    office: Installation, user_id: str, password: str = PASSWORD, *, address: str = DESK
) -> str | None:
    attempt = Attempt(user_id, password, address, "值班审核")
    return log_in(office.database, office.clock, attempt, hours=8)


def duty(office: Installation, token: str | None) -> Duty | None:
    return duty_of(office.database, office.clock, token or "", DESK, idle_s=IDLE_S)


def who_is(office: Installation, token: str | None) -> str | None:
    found = duty(office, token)
    return found.user.id if found else None


def lock_out(office: Installation, user_id: str) -> None:
    """As if somebody had guessed, but for the last time: a guess is hashed, and that takes long."""
    assert try_to_log_in(office, user_id, "wrong") is None
    (first,) = office.log(Action.LOGIN_FAILED)
    fail(office, [first.subject] * (MAX_FAILURES - 2), DESK)
    assert try_to_log_in(office, user_id, "wrong") is None


def fail(office: Installation, subjects: list[str], address: str) -> None:
    """The entries of failed logins."""
    with office.database.write() as session:
        for subject in subjects:
            append(
                session,
                office.clock,
                actor=MACHINE,
                action=Action.LOGIN_FAILED,
                subject=subject,
                body={"address": address},
            )


def close_account(office: Installation) -> None:
    with office.database.write() as session:
        session.get_one(User, "li").active = False


def test_logging_in_and_out(office: Installation) -> None:
    token = try_to_log_in(office, "li")
    found = duty(office, token)
    assert found is not None
    assert (found.user.id, found.reason, found.address) == ("li", "值班审核", DESK)
    (row,) = office.rows(LoginSession)
    assert row.token_sha256 != token, "a stolen database must not log anybody in"
    with office.database.write() as session:
        log_out(session, office.clock, token or "")
        log_out(session, office.clock, "unknown")
    assert who_is(office, token) is None
    (entry,) = office.log(Action.LOGGED_IN)
    assert json.loads(entry.body or "")["address"] == DESK
    assert len(office.log(Action.LOGGED_OUT)) == 1


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
    """However busy somebody is, eight hours after logging in it is over."""
    token = try_to_log_in(office, "li")
    for _ in range(16):
        assert who_is(office, token) == "li"
        office.clock.sleep(IDLE_S - 0.001)
    office.clock.sleep(0.016)
    assert who_is(office, token) is None
    office.clock.sleep(86_401)
    with office.database.write() as session:
        forget_expired(session, office.now())
    assert office.count(LoginSession) == 0


def test_a_session_that_is_not_used_ends_earlier(office: Installation) -> None:
    token = try_to_log_in(office, "li")
    office.clock.sleep(IDLE_S - 1)
    assert who_is(office, token) == "li"
    office.clock.sleep(IDLE_S)
    assert who_is(office, token) is None


def test_a_busy_session_is_written_once_a_minute(office: Installation) -> None:
    """Attacks: a write for each of the dozens of pictures of a page."""
    token = try_to_log_in(office, "li")
    seen = set()
    for _ in range(60):
        office.clock.sleep(2)
        assert who_is(office, token) == "li"
        seen.add(office.rows(LoginSession)[0].seen_us)
    assert len(seen) == 3


def test_a_closed_account_is_out_at_once(office: Installation) -> None:
    token = try_to_log_in(office, "li")
    close_account(office)
    assert who_is(office, token) is None
    assert try_to_log_in(office, "li") is None


def test_one_browser_too_many_ends_the_one_that_was_used_least_lately(
    office: Installation,
) -> None:
    tokens = []
    for _ in range(MAX_SESSIONS):
        tokens.append(try_to_log_in(office, "li"))
        office.clock.sleep(61)
    assert who_is(office, tokens[0]) == "li", "used again"
    tokens.append(try_to_log_in(office, "li"))
    inside = [who_is(office, token) == "li" for token in tokens]
    assert inside == [True, False, *[True] * (MAX_SESSIONS - 1)]
    assert len(office.log(Action.LOGGED_OUT)) == 1


@pytest.mark.parametrize("reason", ["", " \n", "字" * 201], ids=["none", "blank", "long"])
def test_a_duty_has_a_reason(office: Installation, reason: str) -> None:
    with pytest.raises(InputError, match="reason_"):
        log_in(office.database, office.clock, Attempt("li", PASSWORD, DESK, reason), hours=8)
    assert office.count(LoginSession) == 0


def test_the_reason_can_be_stated_anew(office: Installation) -> None:
    token = try_to_log_in(office, "li")
    now = duty(office, token)
    assert now is not None
    with office.database.write() as session:
        state_reason(session, office.clock, now, " 复核 \n 投诉 ")
    again = duty(office, token)
    assert again is not None
    assert again.reason == "复核 投诉"
    (entry,) = office.log(Action.REASON_STATED)
    assert json.loads(entry.body or "")["reason"] == "复核 投诉"


@pytest.mark.parametrize(
    ("user_id", "password"),
    [("li", "wrong"), ("li", ""), ("li", PASSWORD + " "), ("nobody", PASSWORD), ("", "")],
)
def test_a_failed_login_is_logged_and_looks_the_same(
    office: Installation, user_id: str, password: str
) -> None:
    assert try_to_log_in(office, user_id, password) is None
    (entry,) = office.log(Action.LOGIN_FAILED)
    assert (entry.subject == "li") == (user_id == "li")
    assert json.loads(entry.body or "")["address"] == DESK
    assert office.count(LoginSession) == 0
    assert password not in (entry.body or "") or not password


def test_a_password_in_the_wrong_field_is_not_logged(office: Installation) -> None:
    """Attacks: a log that keeps for good what somebody typed where the account belongs."""
    assert try_to_log_in(office, PASSWORD, "li") is None
    (entry,) = office.log(Action.LOGIN_FAILED)
    assert entry.subject.startswith("unknown-")
    assert len(entry.subject) == len("unknown-") + 3


def test_too_many_failures_lock_the_right_password_out_too(office: Installation) -> None:
    lock_out(office, "li")
    with pytest.raises(InputError, match="login_locked"):
        try_to_log_in(office, "li")
    assert len(office.log(Action.LOGIN_FAILED)) == MAX_FAILURES
    assert len(office.log(Action.LOGIN_LOCKED)) == 1
    assert office.count(LoginSession) == 0


def test_an_address_that_tries_many_accounts_is_locked_out(office: Installation) -> None:
    """Row 17 of the handbook's list: lists of stolen passwords, one guess for each account."""
    guesses = [f"unknown-{number:03}" for number in range(MAX_ADDRESS_FAILURES - 1)]
    fail(office, guesses, "203.0.113.5")
    assert try_to_log_in(office, "guess", "wrong", address="203.0.113.5") is None
    with pytest.raises(InputError, match="login_locked"):
        try_to_log_in(office, "li", address="203.0.113.5")
    assert len(office.log(Action.LOGIN_LOCKED)) == 1
    assert who_is(office, try_to_log_in(office, "li", address="203.0.113.50")) == "li"


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


NEW = "河边的第三棵柳树下有一只猫"


def in_office(office: Installation) -> Duty:
    found = duty(office, try_to_log_in(office, "li"))
    assert found is not None
    return found


def test_a_password_is_changed_by_whoever_knows_it(installation: Installation) -> None:
    office = furnished(installation)
    with office.database.write() as session:
        user_named(session, "li").must_change = True
    here, elsewhere = in_office(office), try_to_log_in(office, "li")
    change_password(office.database, office.clock, here, PASSWORD, NEW)
    assert office.count(LoginSession) == 0, "every browser is out"
    assert who_is(office, elsewhere) is None
    assert try_to_log_in(office, "li") is None
    assert who_is(office, try_to_log_in(office, "li", NEW)) == "li"
    assert not office.rows(User)[0].must_change
    assert len(office.log(Action.PASSWORD_CHANGED)) == 1


WRONG = {
    "not the old one": ("wrong", NEW, "password_wrong"),
    "too short": (PASSWORD, "short", "password_short"),
    "the old one again": (PASSWORD, PASSWORD, "password_same"),
    "guessable": (PASSWORD, "1" * 12, "password_weak"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_password_stays_when_it_may_not_be_changed(office: Installation, case: str) -> None:
    old, new, code = WRONG[case]
    here = in_office(office)
    with pytest.raises(InputError, match=code):
        change_password(office.database, office.clock, here, old, new)
    assert office.rows(User)[0].password_hash == KEPT
    assert office.count(LoginSession) == 1
    assert len(office.log(Action.LOGIN_FAILED)) == (code == "password_wrong")


def test_guessing_the_old_password_locks_the_account(office: Installation) -> None:
    """Attacks: guessing in a browser that somebody left open, where no login is asked for."""
    here = in_office(office)
    fail(office, ["li"] * (MAX_FAILURES - 1), DESK)
    with pytest.raises(InputError, match="password_wrong"):
        change_password(office.database, office.clock, here, "wrong", NEW)
    with pytest.raises(InputError, match="login_locked"):
        change_password(office.database, office.clock, here, PASSWORD, NEW)
