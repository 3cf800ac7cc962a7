"""Tokens of programs (令牌): each opens what its scopes name, until it expires or is revoked."""

import re
import secrets
from dataclasses import dataclass
from enum import StrEnum

from sqlmodel import Session, col, select

from ingest.clock import Clock
from ingest.files import sha256_bytes
from service.database import Database
from service.errors import InputError
from service.evidence.log import MACHINE, Action, Body, append
from service.tables import LogEntry, Token
from vision.frame import later

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PREFIX = "lh_"
"""Marks our tokens for programs that look for secrets where none should be."""
MAX_DAYS = 366
"""Days until a token expires at most: whoever set it up is asked again once a year."""
_SAME_USE_S = 600.0
"""Requests within ten minutes of an entry belong to the same use: metrics are asked for each
quarter of a minute."""
_DAY_S = 86_400.0


class Scope(StrEnum):
    """What a token may open; the catalogue has the words, `scope.<key>`."""

    READ_EVENTS = "read_events"
    """The list of events, without pictures."""
    UPLOAD = "upload"
    """Hand recorder files over, as a docking station does."""
    METRICS = "metrics"
    """The metrics."""


@dataclass(frozen=True, slots=True)
class NewToken:
    """What a token needs: who it is for, what it opens, and for how many days."""

    id: str
    purpose: str
    scopes: frozenset[Scope]
    days: int


def add_token(session: Session, clock: Clock, new: NewToken, *, actor: str = MACHINE) -> str:
    """Enter a token; its text, which is shown once and kept nowhere.

    Raises:
        InputError: the id is none or taken, the purpose is blank, nothing would be open, or the
            days are too many.
    """
    if not _ID.fullmatch(new.id):
        raise InputError("token_id", token=new.id)
    if not new.purpose.strip():
        raise InputError("token_purpose")
    if not new.scopes:
        raise InputError("token_scopes")
    if not 1 <= new.days <= MAX_DAYS:
        raise InputError("token_days", most=MAX_DAYS)
    if session.get(Token, new.id) is not None:
        raise InputError("token_exists", token=new.id)
    text, now = _PREFIX + secrets.token_urlsafe(32), clock.now()
    token = Token(
        id=new.id,
        purpose=new.purpose.strip(),
        scopes=sorted(scope.value for scope in new.scopes),
        token_sha256=sha256_bytes(text.encode()),
        added_by=actor,
        added_us=now,
        expires_us=later(now, new.days * _DAY_S),
    )
    session.add(token)
    body: Body = {"purpose": token.purpose, "scopes": token.scopes, "days": new.days}
    append(session, clock, actor=actor, action=Action.TOKEN_ADDED, subject=new.id, body=body)
    return text


def tokens(session: Session) -> list[Token]:
    """Every token, by id, those that open nothing any more included."""
    return list(session.exec(select(Token).order_by(col(Token.id))))


def revoke_token(session: Session, clock: Clock, token_id: str, *, actor: str = MACHINE) -> None:
    """Let a token open nothing from now on.

    Raises:
        InputError: there is no such token, or it was revoked before.
    """
    token = session.get(Token, token_id)
    if token is None or token.revoked_us is not None:
        raise InputError("no_token", token=token_id)
    token.revoked_us = clock.now()
    session.add(token)
    append(session, clock, actor=actor, action=Action.TOKEN_REVOKED, subject=token_id)


def actor_of(token: Token) -> str:
    """What the log calls a program; no person's account has a colon."""
    return f"token:{token.id}"


def use_token(
    database: Database, clock: Clock, text: str, scope: Scope, address: str
) -> Token | None:
    """The token with this text, its use in the log; None when it does not open `scope` now."""
    with database.read() as session:
        # Found by hash: how long the look takes tells nothing of the token.
        rows = select(Token).where(Token.token_sha256 == sha256_bytes(text.encode()))
        token = session.exec(rows).first()
        if token is None or not _opens(token, clock, scope):
            return None
        logged = _is_logged(session, clock, token, scope, address)
    if not logged:
        body = {"scope": scope.value, "address": address}
        with database.write() as session:
            append(
                session,
                clock,
                actor=actor_of(token),
                action=Action.TOKEN_USED,
                subject=token.id,
                body=body,
            )
    return token


def _opens(token: Token, clock: Clock, scope: Scope) -> bool:
    is_valid = token.revoked_us is None and clock.now() < token.expires_us
    return is_valid and scope.value in token.scopes


def _is_logged(session: Session, clock: Clock, token: Token, scope: Scope, address: str) -> bool:
    entries = select(LogEntry.seq).where(
        LogEntry.subject == token.id,
        LogEntry.action == Action.TOKEN_USED.value,
        LogEntry.at_us > later(clock.now(), -_SAME_USE_S),
        # As the canonical body spells them.
        col(LogEntry.body).contains(f'"address":"{address}"', autoescape=True),
        col(LogEntry.body).contains(f'"scope":"{scope.value}"', autoescape=True),
    )
    return session.exec(entries).first() is not None
