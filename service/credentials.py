"""Passwords of people: which are taken, how they are hashed, and how many at once."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import BoundedSemaphore

from pwdlib import PasswordHash

from service.errors import InputError, WorldError

MIN_PASSWORD = 12
"""Characters; length is what resists guessing (NIST SP 800-63B section 5.1.1.2)."""
MAX_PASSWORD = 1024
"""Characters that are hashed at most: more is no password, but work for us."""
_LEAST_SIGNS = 5
"""Different characters; `aaaaaaaaaaaa` and `121212121212` are the first to be guessed."""
_LEAST_OWN = 8
"""Characters besides the account's name and ours: what everybody knows guards nothing."""
_RUNS = (
    "01234567890123456789",
    "98765432109876543210",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
)
"""Rows and columns of a keyboard, and what children count."""
_COMMON = frozenset(
    {
        "1234567890ab",
        "123456789abc",
        "5201314woaini",
        "a1234567890",
        "a123456789012",
        "abc123456789",
        "abcd12345678",
        "administrator",
        "administrator1",
        "admin1234567",
        "admin123456789",
        "changeme1234",
        "iloveyou1234",
        "password1234",
        "password12345",
        "password123456",
        "passw0rd1234",
        "qwer12345678",
        "qwerty123456",
        "tianjin123456",
        "woaini123456",
        "woaini1314520",
        "zhifa12345678",
        "zxcvbnm123456",
    }
)
"""Long enough, and guessed all the same: the usual words with digits behind them."""
_SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Nothing that looks like something else on paper."""

HASHING = BoundedSemaphore(2)
"""Passwords hashed at once: each takes 64 MiB and a core for a good part of a second."""
LOGINS = BoundedSemaphore(8)
"""Logins at once; who comes then is refused at once, so that a flood cannot take all 40 threads."""

_hasher = PasswordHash.recommended()


def check_password(password: str, user_id: str) -> None:
    """See that a password can guard an account; any characters will do (NIST SP 800-63B 5.1.1.2).

    Raises:
        InputError: `password_short`, `password_long` or `password_weak`; none of them holds it.
    """
    if len(password) < MIN_PASSWORD:
        raise InputError("password_short", least=MIN_PASSWORD)
    if len(password) > MAX_PASSWORD:
        raise InputError("password_long", most=MAX_PASSWORD)
    plain = password.casefold()
    own = plain.replace(user_id.casefold(), "").replace("liuhen", "")
    if (
        len(set(plain)) < _LEAST_SIGNS
        or len(own) < _LEAST_OWN
        or plain in _COMMON
        or any(plain in run for run in _RUNS)
    ):
        raise InputError("password_weak")


def hashed(password: str) -> str:
    """The hash to keep (Argon2id, with its parameters and salt)."""
    return _hasher.hash(password)


@cache
def _nobodys_hash() -> str:
    """What an unknown account's password is held against: it takes as long, and never fits."""
    return _hasher.hash(secrets.token_urlsafe(32))


@contextmanager
def _turn() -> Iterator[None]:
    """A turn at hashing; `WorldError` when too many wait for one already."""
    if not LOGINS.acquire(blocking=False):
        raise WorldError("login_busy")
    try:
        with HASHING:
            yield
    finally:
        LOGINS.release()


def fits(password: str, kept: str | None) -> bool:
    """Whether a password is the one that was kept; takes as long without one, and is False then.

    Raises:
        WorldError: too many are being compared at this moment.
    """
    with _turn():
        right = _hasher.verify(password, kept or _nobodys_hash())
    return right and kept is not None


def temporary_password() -> str:
    """A password to be told to somebody, who changes it at once: 16 signs, 79 random bits."""
    return "-".join("".join(secrets.choice(_SIGNS) for _ in range(4)) for _ in range(4))
