"""Passwords of people: which can guard an account, and that hashing is bounded."""

from contextlib import ExitStack

import pytest

from service.credentials import (
    LOGINS,
    MAX_PASSWORD,
    MIN_PASSWORD,
    check_password,
    fits,
    hashed,
    temporary_password,
)
from service.errors import InputError, WorldError

TAKEN = [
    "correct horse battery",
    "今天也要把街道打扫得干干净净",
    "我 在 寨上街 上班 三 年 了",
    "x7#Kd02mmQ1z",
    " " * 3 + "abcde" + " " * 4,
    "\N{PILE OF POO}abcdefghi \x00é",
]
REFUSED = {
    "one sign short": ("k3#Zp0!qLm7", "password_short"),
    "nothing": ("", "password_short"),
    "one sign long": ("correct horse" * 100, "password_long"),
    "one sign again and again": ("a" * 12, "password_weak"),
    "two signs again and again": ("12" * 10, "password_weak"),
    "counting": ("012345678901", "password_weak"),
    "counting down": ("987654321098", "password_weak"),
    "the alphabet": ("ABCDEFGHIJKL", "password_weak"),
    "a row of the keyboard": ("qwertyuiopas", "password_weak"),
    "columns of the keyboard": ("1qaz2wsx3edc", "password_weak"),
    "a usual word with digits": ("Password1234", "password_weak"),
    "the account": ("wang-xiaoming", "password_weak"),
    "the account and digits": ("wang-xiaoming123", "password_weak"),
    "our name": ("liuhenliuhen2026", "password_weak"),
}


@pytest.mark.parametrize("password", TAKEN)
def test_any_signs_make_a_password(password: str) -> None:
    check_password(password, "wang-xiaoming")


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_guessed_first_is_refused(case: str) -> None:
    """NIST SP 800-63B 5.1.1.2: length, no common or expected ones, and no rule of composition."""
    password, code = REFUSED[case]
    with pytest.raises(InputError) as caught:
        check_password(password, "wang-xiaoming")
    assert caught.value.code == code
    assert not password or password not in str(caught.value)


def test_the_bounds_are_where_they_are_said() -> None:
    check_password("k3#Zp0!qLm7x"[:MIN_PASSWORD], "li")
    check_password(("correct horse battery " * 100)[:MAX_PASSWORD], "li")


def test_a_password_that_is_told_can_guard_and_is_new_each_time() -> None:
    told = {temporary_password() for _ in range(200)}
    assert len(told) == 200
    for password in told:
        check_password(password, "wang")


def test_only_the_right_one_fits_and_nobodys_never() -> None:
    kept = hashed("correct horse battery")
    assert kept.startswith("$argon2id$")
    assert fits("correct horse battery", kept)
    assert not fits("correct horse batterY", kept)
    assert not fits("correct horse battery", None)


def test_too_many_at_once_are_refused_at_once() -> None:
    """Row 17 of the handbook's list: a flood of logins must not take every thread."""
    with ExitStack() as stack:
        while LOGINS.acquire(blocking=False):
            stack.callback(LOGINS.release)
        with pytest.raises(WorldError, match="login_busy"):
            fits("x", None)
