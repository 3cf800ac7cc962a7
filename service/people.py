"""Accounts of people (人员): added, changed, closed and opened again, every act in the log."""

import re
from dataclasses import dataclass, field
from datetime import date

from sqlmodel import Session, col, delete, select

from ingest.clock import Clock
from service.credentials import check_password, hashed
from service.errors import InputError
from service.evidence.log import MACHINE, Action, append
from service.roles import PERMISSIONS, Permission, Role
from service.tables import LoginSession, User

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Facts:
    """What an account says of a person.

    Attributes:
        unit: 单位; cases are shown within it. Empty where there are none.
        badge_no: 执法证号; whoever decides needs one, and its last day, `badge_until`
            (行政处罚法 42).
    """

    name: str
    role: Role
    unit: str = ""
    badge_no: str = ""
    badge_until: date | None = None


@dataclass(frozen=True, slots=True)
class NewUser:
    """What an account needs; `must_change` where somebody else knows the password."""

    id: str
    facts: Facts
    password: str = field(repr=False)
    must_change: bool = False


def _checked(facts: Facts, user_id: str) -> Facts:
    """The facts without blanks around them.

    Raises:
        InputError: the name is blank, or somebody who decides lacks the 执法证 or its last day.
    """
    name, unit, badge_no = facts.name.strip(), facts.unit.strip(), facts.badge_no.strip()
    if not name:
        raise InputError("name_missing", user=user_id)
    if Permission.DECIDE in PERMISSIONS[facts.role]:
        if not badge_no:
            raise InputError("badge_missing", user=user_id)
        if facts.badge_until is None:
            raise InputError("badge_until_missing", user=user_id)
    return Facts(name, facts.role, unit, badge_no, facts.badge_until)


def _keep(user: User, facts: Facts) -> None:
    user.name, user.role = facts.name, facts.role.value
    user.unit, user.badge_no = facts.unit or None, facts.badge_no or None
    user.badge_until = facts.badge_until.isoformat() if facts.badge_until else None


def facts_of(user: User) -> Facts:
    """What an account says now."""
    until = date.fromisoformat(user.badge_until) if user.badge_until else None
    return Facts(user.name, Role(user.role), user.unit or "", user.badge_no or "", until)


def _told(facts: Facts) -> dict[str, str]:
    until = facts.badge_until.isoformat() if facts.badge_until else ""
    return {
        "name": facts.name,
        "role": facts.role.value,
        "unit": facts.unit,
        "badge_no": facts.badge_no,
        "badge_until": until,
    }


def add_user(session: Session, clock: Clock, new: NewUser, *, actor: str = MACHINE) -> User:
    """Create an account.

    Raises:
        InputError: the id is none or taken, the name is blank, the password cannot guard
            anything, or an officer has no 执法证.
    """
    user_id = new.id.strip()
    if not _ID.fullmatch(user_id):
        raise InputError("user_id", user=user_id)
    facts = _checked(new.facts, user_id)
    # The log must not mistake a person for the machine.
    if user_id == MACHINE or session.get(User, user_id) is not None:
        raise InputError("user_exists", user=user_id)
    check_password(new.password, user_id)
    user = User(
        id=user_id,
        name=facts.name,
        role=facts.role.value,
        password_hash=hashed(new.password),
        created_us=clock.now(),
        must_change=new.must_change,
    )
    _keep(user, facts)
    session.add(user)
    append(
        session, clock, actor=actor, action=Action.USER_ADDED, subject=user_id, body=_told(facts)
    )
    return user


def users(session: Session) -> list[User]:
    """Every account, by id."""
    return list(session.exec(select(User).order_by(col(User.id))))


def user_named(session: Session, user_id: str) -> User:
    """An account, open or closed.

    Raises:
        InputError: there is none.
    """
    user = session.get(User, user_id)
    if user is None:
        raise InputError("no_user", user=user_id)
    return user


def change_user(
    session: Session, clock: Clock, user_id: str, facts: Facts, *, actor: str = MACHINE
) -> User:
    """Let an account say something else; its next request is judged by that.

    Raises:
        InputError: there is no such account, the facts are wrong, or somebody would take their own
            role from themselves.
    """
    user = user_named(session, user_id)
    new, before = _checked(facts, user_id), facts_of(user)
    if actor == user_id and new.role is not before.role:
        raise InputError("own_account")
    old = {f"{key}_before": value for key, value in _told(before).items()}
    _keep(user, new)
    session.add(user)
    append(
        session,
        clock,
        actor=actor,
        action=Action.USER_CHANGED,
        subject=user_id,
        body={**_told(new), **old},
    )
    return user


def end_sessions(session: Session, user_id: str) -> None:
    """Log a person out of every browser."""
    session.exec(delete(LoginSession).where(col(LoginSession.user_id) == user_id))


def close_user(session: Session, clock: Clock, user_id: str, *, actor: str = MACHINE) -> None:
    """Let nobody in with this account any more; what it did stays.

    Raises:
        InputError: there is no such account in use, or it is the actor's own.
    """
    user = user_named(session, user_id)
    if actor == user_id:
        raise InputError("own_account")
    if not user.active:
        raise InputError("user_closed", user=user_id)
    user.active = False
    session.add(user)
    end_sessions(session, user_id)
    append(session, clock, actor=actor, action=Action.USER_CLOSED, subject=user_id)


def reopen_user(session: Session, clock: Clock, user_id: str, *, actor: str = MACHINE) -> None:
    """Let somebody in again whose account was closed.

    Raises:
        InputError: there is no such account, or it is in use.
    """
    user = user_named(session, user_id)
    if user.active:
        raise InputError("user_open", user=user_id)
    user.active = True
    session.add(user)
    append(session, clock, actor=actor, action=Action.USER_REOPENED, subject=user_id)


def reset_password(
    session: Session, clock: Clock, user_id: str, password: str, *, actor: str = MACHINE
) -> None:
    """Give a person a password that they must change first; all their sessions end.

    Raises:
        InputError: there is no such account, it is the actor's own, or the password is too weak.
    """
    user = user_named(session, user_id)
    if actor == user_id:
        raise InputError("own_account")
    check_password(password, user_id)
    user.password_hash, user.must_change = hashed(password), True
    session.add(user)
    end_sessions(session, user_id)
    append(session, clock, actor=actor, action=Action.PASSWORD_RESET, subject=user_id)
