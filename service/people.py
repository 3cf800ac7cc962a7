"""People who log in, what each may do, and their browsers' sessions."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from threading import BoundedSemaphore

from pwdlib import PasswordHash
from sqlmodel import Session, col, delete, select

from ingest.clock import Clock
from ingest.files import sha256_bytes
from service.database import Database, lock_log
from service.errors import InputError, WorldError
from service.evidence.log import MACHINE, Action, append
from service.tables import LogEntry, LoginSession, User
from vision.frame import SECOND, Instant, later

MIN_PASSWORD = 12
"""Characters; length is what resists guessing (NIST SP 800-63B section 5.1.1.2)."""
MAX_FAILURES = 5
"""Failed logins in `FAILURE_WINDOW_S` after which an account is refused before any hashing."""
FAILURE_WINDOW_S = 300.0
"""Five minutes: slows guessing to a crawl and passes before an officer gives up."""

HASHING = BoundedSemaphore(2)
"""Passwords hashed at once: each takes 64 MiB and a core for a good part of a second."""
LOGINS = BoundedSemaphore(8)
"""Logins at once; who comes then is refused at once, so that a flood cannot take all 40 threads."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

_hasher = PasswordHash.recommended()


class Role(StrEnum):
    """Who may do what, thin for now."""

    OPERATOR = "operator"
    """坐席员: sees the queue, decides nothing."""
    OFFICER = "officer"
    """执法队员: decides and drafts; has a 执法证."""
    ADMIN = "admin"
    """技术管理员: cameras, disks and accounts, without sight of content."""


_SEES_FOOTAGE = frozenset({Role.OPERATOR, Role.OFFICER})


def sees_footage(user: User) -> bool:
    """Whether content is shown to this person."""
    return Role(user.role) in _SEES_FOOTAGE


def may_decide(user: User) -> bool:
    """Whether this person can decide: an officer with a 执法证 (行政处罚法 42)."""
    return Role(user.role) is Role.OFFICER and bool(user.badge_no)


@dataclass(frozen=True, slots=True)
class NewUser:
    """What an account needs."""

    id: str
    name: str
    role: Role
    password: str
    badge_no: str | None = None


def add_user(session: Session, clock: Clock, new: NewUser, *, actor: str = MACHINE) -> User:
    """Create an account.

    Raises:
        InputError: the id is none or taken, the name is blank, the password too short, or an
            officer has no 执法证.
    """
    user_id, name, badge_no = new.id.strip(), new.name.strip(), (new.badge_no or "").strip()
    if not _ID.fullmatch(user_id):
        raise InputError("user_id", user=user_id)
    if not name:
        raise InputError("name_missing", user=user_id)
    # The log must not mistake a person for the machine.
    if user_id == MACHINE or session.get(User, user_id) is not None:
        raise InputError("user_exists", user=user_id)
    if len(new.password) < MIN_PASSWORD:
        raise InputError("password_short", least=MIN_PASSWORD)
    if new.role is Role.OFFICER and not badge_no:
        raise InputError("badge_missing", user=user_id)
    user = User(
        id=user_id,
        name=name,
        role=new.role.value,
        badge_no=badge_no or None,
        password_hash=_hasher.hash(new.password),
        created_us=clock.now(),
    )
    session.add(user)
    append(session, clock, actor=actor, action=Action.USER_ADDED, subject=user_id)
    return user


def users(session: Session) -> list[User]:
    """Every account, by id."""
    return list(session.exec(select(User).order_by(col(User.id))))


def _refuse_locked(session: Session, clock: Clock, user_id: str) -> None:
    since = later(clock.now(), -FAILURE_WINDOW_S)
    entries = session.exec(
        select(LogEntry.seq).where(
            LogEntry.action == Action.LOGIN_FAILED.value,
            LogEntry.subject == user_id,
            col(LogEntry.at_us) > since,
        )
    )
    if len(list(entries)) >= MAX_FAILURES:
        raise InputError("login_locked", minutes=round(FAILURE_WINDOW_S / 60))


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


def log_in(
    database: Database, clock: Clock, user_id: str, password: str, *, hours: float
) -> str | None:
    """A session token for the browser, or None when name or password is wrong; both are logged.

    The password is hashed between two transactions: nobody who writes waits for it.

    Raises:
        InputError: too many failures lately; nothing is hashed then.
        WorldError: too many log in at this moment.
    """
    # As the log can hold it: no text of PostgreSQL has a NUL.
    user_id = user_id[:64].replace("\0", "\N{REPLACEMENT CHARACTER}")
    with database.read() as session:
        _refuse_locked(session, clock, user_id)
        user = session.get(User, user_id)
    hashed = user.password_hash if user is not None and user.active else None
    with _turn():
        fits = _hasher.verify(password, hashed or _nobodys_hash())
    with database.write() as session:
        lock_log(session)
        # Again: guesses that were hashed side by side all saw an account that was still open.
        _refuse_locked(session, clock, user_id)
        user = session.get(User, user_id)
        if user is None or not user.active or not fits or user.password_hash != hashed:
            append(session, clock, actor=MACHINE, action=Action.LOGIN_FAILED, subject=user_id)
            return None
        return _let_in(session, clock, user, hours)


def _let_in(session: Session, clock: Clock, user: User, hours: float) -> str:
    token = secrets.token_urlsafe(32)
    now = clock.now()
    session.add(
        LoginSession(
            token_sha256=sha256_bytes(token.encode()),
            user_id=user.id,
            created_us=now,
            expires_us=later(now, hours * 3600),
        )
    )
    append(session, clock, actor=user.id, action=Action.LOGGED_IN, subject=user.id)
    return token


def log_out(session: Session, clock: Clock, token: str) -> None:
    """End a browser's session; an unknown token is fine."""
    row = session.get(LoginSession, sha256_bytes(token.encode()))
    if row is not None:
        session.delete(row)
        append(session, clock, actor=row.user_id, action=Action.LOGGED_OUT, subject=row.user_id)


def user_of(session: Session, clock: Clock, token: str) -> User | None:
    """The person behind a token; None when it is unknown, expired, or the account closed."""
    row = session.get(LoginSession, sha256_bytes(token.encode()))
    if row is None or row.expires_us <= clock.now():
        return None
    user = session.get(User, row.user_id)
    return user if user is not None and user.active else None


def forget_expired(session: Session, at: Instant) -> None:
    """Remove sessions that ended more than a day ago."""
    session.exec(delete(LoginSession).where(col(LoginSession.expires_us) < at - 86_400 * SECOND))
