"""Reading the log: which entries, and what of them a person is shown."""

import json
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select

from service.tables import LogEntry, User
from service.times import BEIJING, instant


@dataclass(frozen=True, slots=True)
class Search:
    """What is asked of the log; whatever is empty asks for nothing.

    Attributes:
        actor: an account, a station or a token.
        subject: part of the name of what was acted on.
        reason: part of a stated reason, or of any other detail.
        since, until: days of Beijing, both included.
    """

    actor: str = ""
    subject: str = ""
    action: str = ""
    reason: str = ""
    since: date | None = None
    until: date | None = None

    @property
    def told(self) -> dict[str, str]:
        """As the log says that somebody asked it."""
        days = {"since": str(self.since or ""), "until": str(self.until or "")}
        words = {
            "actor": self.actor,
            "subject": self.subject,
            "action": self.action,
            "contains": self.reason,
        }
        return {name: value for name, value in (words | days).items() if value}


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as a person reads it.

    Attributes:
        name: the person's, as their account says now; empty for machines.
        details: the rest of the body; empty when it was erased.
    """

    entry: LogEntry
    name: str
    unit: str
    address: str
    reason: str
    details: tuple[tuple[str, str], ...]


_PERSON = frozenset({"name", "unit"})
_APART = _PERSON | {"salt", "address", "reason"}
"""The salt says nothing; the others have columns of their own."""


def _midnight(day: date) -> int:
    return instant(datetime.combine(day, time(), BEIJING))


def _conditions(search: Search) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if search.actor:
        found.append(col(LogEntry.actor) == search.actor)
    if search.subject:
        found.append(col(LogEntry.subject).contains(search.subject, autoescape=True))
    if search.action:
        found.append(col(LogEntry.action) == search.action)
    if search.reason:
        found.append(col(LogEntry.body).contains(search.reason, autoescape=True))
    if search.since:
        found.append(col(LogEntry.at_us) >= _midnight(search.since))
    if search.until:
        found.append(col(LogEntry.at_us) < _midnight(search.until + timedelta(days=1)))
    return found


def count(session: Session, search: Search) -> int:
    """How many entries fit."""
    rows = select(func.count()).select_from(LogEntry).where(*_conditions(search))
    return session.exec(rows).one()


def lines(session: Session, search: Search, rows: slice) -> list[Line]:
    """The entries that fit, latest first; those of `rows`."""
    entries = session.exec(
        select(LogEntry)
        .where(*_conditions(search))
        .order_by(col(LogEntry.seq).desc())
        .slice(rows.start, rows.stop)
    ).all()
    actors = {entry.actor for entry in entries}
    people = session.exec(select(User).where(col(User.id).in_(actors)))
    named = {user.id: user.name for user in people}
    return [_line(entry, named.get(entry.actor, "")) for entry in entries]


def _line(entry: LogEntry, name: str) -> Line:
    body = json.loads(entry.body) if entry.body else {}
    # Without an address they are those of the account that the entry is about.
    by = body if "address" in body else {}
    shown = {key for key in body if key not in _APART or (key in _PERSON and not by)}
    return Line(
        entry,
        name or str(by.get("name", "")),
        str(by.get("unit", "")),
        str(by.get("address", "")),
        str(body.get("reason", "")),
        tuple((key, _plain(body[key])) for key in sorted(shown)),
    )


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
