"""People who log in, what each may do, and their browsers' sessions."""

import secrets
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from pwdlib import PasswordHash
from sqlmodel import Session, col, delete, select

from ingest.clock import Clock
from ingest.files import sha256_bytes
from service.errors import InputError
from service.evidence.log import MACHINE, Action, append
from service.tables import LogEntry, LoginSession, User
from vision.frame import SECOND, Instant, later

MIN_PASSWORD = 12
"""Characters; length is what resists guessing (NIST SP 800-63B section 5.1.1.2)."""
MAX_FAILURES = 5
"""Failed logins in `FAILURE_WINDOW_S` after which an account is refused before any hashing."""
FAILURE_WINDOW_S = 300.0
"""Five minutes: slows guessing to a crawl and passes before an officer gives up."""

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
        InputError: the id is taken, the password too short, or an officer has no 执法证.
    """
    if session.get(User, new.id) is not None:
        raise InputError("user_exists", user=new.id)
    if len(new.password) < MIN_PASSWORD:
        raise InputError("password_short", least=MIN_PASSWORD)
    if new.role is Role.OFFICER and not new.badge_no:
        raise InputError("badge_missing", user=new.id)
    user = User(
        id=new.id,
        name=new.name,
        role=new.role.value,
        badge_no=new.badge_no,
        password_hash=_hasher.hash(new.password),
        created_us=clock.now(),
    )
    session.add(user)
    append(session, clock, actor=actor, action=Action.USER_ADDED, subject=new.id)
    return user


def users(session: Session) -> list[User]:
    """Every account, by id."""
    return list(session.exec(select(User).order_by(col(User.id))))


def _recent_failures(session: Session, clock: Clock, user_id: str) -> int:
    since = later(clock.now(), -FAILURE_WINDOW_S)
    entries = session.exec(
        select(LogEntry.seq).where(
            LogEntry.action == Action.LOGIN_FAILED.value,
            LogEntry.subject == user_id,
            col(LogEntry.at_us) > since,
        )
    )
    return len(list(entries))


@cache
def _nobodys_hash() -> str:
    """What an unknown account's password is held against: it takes as long, and never fits."""
    return _hasher.hash(secrets.token_urlsafe(32))


def log_in(
    session: Session, clock: Clock, user_id: str, password: str, *, hours: float
) -> str | None:
    """A session token for the browser, or None when name or password is wrong.

    A failure is logged in the same transaction, so the session must be committed either way.

    Raises:
        InputError: too many failures lately; nothing is hashed then.
    """
    # As the log can hold it: no text of PostgreSQL has a NUL.
    user_id = user_id[:64].replace("\0", "\N{REPLACEMENT CHARACTER}")
    if _recent_failures(session, clock, user_id) >= MAX_FAILURES:
        raise InputError("login_locked", minutes=round(FAILURE_WINDOW_S / 60))
    user = session.get(User, user_id)
    known = user is not None and user.active
    fits = _hasher.verify(password, user.password_hash if user and known else _nobodys_hash())
    if user is None or not known or not fits:
        append(session, clock, actor=MACHINE, action=Action.LOGIN_FAILED, subject=user_id)
        return None
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
