"""Coming in and going out: who is let in, who is locked out, and for how long."""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, delete, select

from ingest.clock import Clock
from ingest.files import sha256_bytes
from service.credentials import check_password, fits, hashed
from service.database import Database, lock_log
from service.duty import Duty, stated
from service.errors import InputError, WorldError
from service.evidence.log import MACHINE, Action, append
from service.people import end_sessions
from service.tables import LogEntry, LoginSession, User
from vision.frame import SECOND, Instant, later

MAX_FAILURES = 5
"""Failed logins in `FAILURE_WINDOW_S` after which an account is refused before any hashing."""
MAX_ADDRESS_FAILURES = 20
"""The same from one address, whatever the accounts: a whole office may share one, and a morning's
typing errors of 23 officers stay below it."""
FAILURE_WINDOW_S = 300.0
"""Five minutes: slows guessing to a crawl and passes before an officer gives up."""
MAX_SESSIONS = 5
"""Browsers of one person at once: desk, docking room, vehicle, and two that were forgotten."""
SEEN_S = 60.0
"""A session's last use is kept to the minute: a page asks for dozens of pictures."""
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Attempt:
    """What somebody typed who wants in, and from where."""

    user_id: str
    password: str = field(repr=False)
    address: str
    reason: str


def _subject(user: User | None, typed: str) -> str:
    """What the log calls whoever failed.

    A name that no account has may be a password in the wrong field, and the log keeps for good: 12
    bits of its hash tell two names apart well enough to count, and do not give it away.
    """
    return user.id if user else f"unknown-{sha256_bytes(typed.encode())[:3]}"


def _account(session: Session, typed: str) -> User | None:
    # No text of PostgreSQL has a NUL.
    return None if "\0" in typed else session.get(User, typed)


def _failures(session: Session, clock: Clock, which: ColumnElement[bool]) -> int:
    since = later(clock.now(), -FAILURE_WINDOW_S)
    rows = select(LogEntry.seq).where(
        LogEntry.action == Action.LOGIN_FAILED.value, which, col(LogEntry.at_us) > since
    )
    return len(session.exec(rows).all())


def _limits(subject: str, address: str) -> Sequence[tuple[ColumnElement[bool], int]]:
    """Which failures count, and how many are too many."""
    # As the canonical body spells it.
    of_address = col(LogEntry.body).contains(f'"address":"{address}"', autoescape=True)
    return (
        (col(LogEntry.subject) == subject, MAX_FAILURES),
        (of_address, MAX_ADDRESS_FAILURES),
    )


def _refuse_locked(session: Session, clock: Clock, subject: str, address: str) -> None:
    for which, most in _limits(subject, address):
        if _failures(session, clock, which) >= most:
            raise InputError("login_locked", minutes=round(FAILURE_WINDOW_S / 60))


def _enter_failure(session: Session, clock: Clock, subject: str, address: str) -> None:
    # Counted before: an entry is in the log once its transaction has committed.
    is_last = any(
        _failures(session, clock, which) + 1 == most for which, most in _limits(subject, address)
    )
    actions = [Action.LOGIN_FAILED, *([Action.LOGIN_LOCKED] if is_last else [])]
    for action in actions:
        body = {"address": address}
        append(session, clock, actor=MACHINE, action=action, subject=subject, body=body)


def _prove(database: Database, clock: Clock, attempt: Attempt) -> tuple[User | None, str]:
    """The account whose password this is, None when it is nobody's; and what the log calls it.

    The password is hashed between two transactions: nobody who writes waits for it.

    Raises:
        InputError: too many failures lately; nothing is hashed then.
        WorldError: too many log in at this moment.
    """
    with database.read() as session:
        user = _account(session, attempt.user_id)
        subject = _subject(user, attempt.user_id)
        _refuse_locked(session, clock, subject, attempt.address)
    kept = user.password_hash if user is not None and user.active else None
    return (user if fits(attempt.password, kept) else None), subject


def _unchanged(session: Session, proven: User | None) -> User | None:
    """The account again: None if it was closed, or its password changed, meanwhile."""
    user = session.get(User, proven.id) if proven else None
    if user is None or proven is None or not user.active:
        return None
    return user if user.password_hash == proven.password_hash else None


def log_in(database: Database, clock: Clock, attempt: Attempt, *, hours: float) -> str | None:
    """A session token for the browser, or None when name or password is wrong; both are logged.

    Raises:
        InputError: too many failures lately, nothing is hashed then; or the reason is none.
        WorldError: too many log in at this moment.
    """
    reason = stated(attempt.reason)
    proven, subject = _prove(database, clock, attempt)
    with database.write() as session:
        lock_log(session)
        # Again: guesses that were hashed side by side all saw an account that was still open.
        _refuse_locked(session, clock, subject, attempt.address)
        user = _unchanged(session, proven)
        if user is None:
            _enter_failure(session, clock, subject, attempt.address)
            return None
        body = {"address": attempt.address, "reason": reason}
        append(session, clock, actor=user.id, action=Action.LOGGED_IN, subject=user.id, body=body)
        return open_session(session, clock, user, reason, hours=hours)


def open_session(session: Session, clock: Clock, user: User, reason: str, *, hours: float) -> str:
    """A token for one more browser of a person; the one that was used least lately gives way.

    Who the person is has been proven, and is logged, by the caller.
    """
    now = clock.now()
    mine = select(LoginSession).where(LoginSession.user_id == user.id)
    latest_first = session.exec(mine.order_by(col(LoginSession.seen_us).desc())).all()
    for row in latest_first[MAX_SESSIONS - 1 :]:
        session.delete(row)
        append(session, clock, actor=MACHINE, action=Action.LOGGED_OUT, subject=user.id)
    token = secrets.token_urlsafe(32)
    session.add(
        LoginSession(
            token_sha256=sha256_bytes(token.encode()),
            user_id=user.id,
            created_us=now,
            expires_us=later(now, hours * 3600),
            seen_us=now,
            reason=reason,
        )
    )
    return token


def log_out(session: Session, clock: Clock, token: str) -> None:
    """End a browser's session; an unknown token is fine."""
    row = session.get(LoginSession, sha256_bytes(token.encode()))
    if row is not None:
        session.delete(row)
        append(session, clock, actor=row.user_id, action=Action.LOGGED_OUT, subject=row.user_id)


def duty_of(
    database: Database, clock: Clock, token: str, address: str, *, idle_s: float
) -> Duty | None:
    """Who is at work behind a token, whose session is kept awake by that.

    None when it is unknown, expired or idle for too long, or the account closed.
    """
    now = clock.now()
    with database.read() as session:
        row = session.get(LoginSession, sha256_bytes(token.encode()))
        if row is None or row.expires_us <= now or later(Instant(row.seen_us), idle_s) <= now:
            return None
        user = session.get(User, row.user_id)
    if user is None or not user.active:
        return None
    if later(Instant(row.seen_us), SEEN_S) <= now:
        # Whoever comes because the disk is full must get in: what cannot be written is told there.
        with suppress(WorldError):
            _stay(database, row.token_sha256, now)
    return Duty(user, address, row.reason or "", row.token_sha256)


def _stay(database: Database, token_sha256: str, now: Instant) -> None:
    with database.write() as session:
        row = session.get(LoginSession, token_sha256)
        if row is not None:
            row.seen_us = max(row.seen_us, now)
            session.add(row)


def state_reason(session: Session, clock: Clock, duty: Duty, reason: str) -> None:
    """Let another standing reason stand beside what is looked at from now on.

    Raises:
        InputError: it is blank or too long.
    """
    row = session.get(LoginSession, duty.token_sha256)
    if row is not None:
        row.reason = stated(reason)
        session.add(row)
        append(
            session,
            clock,
            actor=duty.user.id,
            action=Action.REASON_STATED,
            subject=duty.user.id,
            body=duty.told(row.reason),
        )


def change_password(database: Database, clock: Clock, duty: Duty, old: str, new: str) -> None:
    """Give oneself another password; every session of the person ends, this one too.

    Raises:
        InputError: the old one is wrong, which counts as a failed login; the new one is the old
            one, or too weak.
        WorldError: too many log in at this moment.
    """
    check_password(new, duty.user.id)
    if new == old:
        raise InputError("password_same")
    proven, subject = _prove(database, clock, Attempt(duty.user.id, old, duty.address, ""))
    kept = hashed(new) if proven else ""
    with database.write() as session:
        lock_log(session)
        _refuse_locked(session, clock, subject, duty.address)
        user = _unchanged(session, proven)
        if user is not None:
            user.password_hash, user.must_change = kept, False
            session.add(user)
            end_sessions(session, user.id)
            append(session, clock, actor=user.id, action=Action.PASSWORD_CHANGED, subject=user.id)
            return
        _enter_failure(session, clock, subject, duty.address)
    raise InputError("password_wrong")


def forget_expired(session: Session, at: Instant) -> None:
    """Remove sessions that ended more than a day ago."""
    session.exec(delete(LoginSession).where(col(LoginSession.expires_us) < at - _DAY_S * SECOND))
