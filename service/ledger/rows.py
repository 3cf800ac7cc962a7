"""What a transaction did to rows, in the words in which the log tells it (投影).

The database is a projection of the log: of every table but those named here, each row that came,
changed or went is told by the entry of the transaction that did it, as the text of
`[table, key, {column: value}]`: all columns of a new row, the changed ones of an old one, null for
one that is gone. Rows of the recording are told in batches: those with a column `logged` count from
when it becomes true.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Boolean, Float, Integer, inspect
from sqlalchemy.orm import ORMExecuteState
from sqlmodel import Session, SQLModel

UNPROJECTED: Mapping[str, str] = {
    "log": "is the log",
    "checkpoints": "made of the log",
    "anchors": "made of checkpoints",
    "installation": "one row, that the origin of every checkpoint names",
    "jobs": "work in progress; what comes of it is projected",
    "alarms": "what the machine says of itself",
    "loginsession": "browsers; logging in and out is an act",
    "transfers": "files on their way; what becomes of them is projected",
    "content_indexes": "found in the originals by a detector, and found again whenever wanted",
    "scrubs": "progress of a check that can be made again",
}
"""Tables that the log does not tell of, each with the reason."""
LOGGED = "logged"
"""Column of rows that are told in batches: whether the log tells of them yet."""
SECRETS = frozenset({"password_hash", "token_sha256", "score"})
"""Columns of which the log holds a hash, so that a change is still seen. Who reads the log must not
be able to try passwords and tokens out. A detector's score orders the queue and proves nothing:
entries leave in bundles, and there it would be read as how likely somebody did it. Trying numbers
finds a score again, so its hash keeps it out of sight, not secret."""
_CHANGES = "changes"

Image = dict[str, Any]
"""A row's columns, as JSON has them."""


@dataclass(frozen=True, slots=True)
class _Column:
    attribute: str
    name: str
    spell: Callable[[Any], Any]

    def value(self, row: SQLModel) -> Any:
        found = getattr(row, self.attribute)
        return None if found is None else self.spell(found)


@dataclass(frozen=True, slots=True)
class _Shape:
    """How rows of a table are told."""

    table: str
    keys: tuple[str, ...]
    columns: tuple[_Column, ...]
    in_batches: bool

    def key(self, row: SQLModel) -> str:
        return "/".join(str(getattr(row, name)) for name in self.keys)


def is_projected(table: str) -> bool:
    """Whether the log tells of a table's rows."""
    return table not in UNPROJECTED


def _concealed(value: Any) -> str:
    return f"sha256:{hashlib.sha256(str(value).encode()).hexdigest()}"


def _speller(column: Any) -> Callable[[Any], Any]:
    plain = _plain_speller(column.type)
    return (lambda value: _concealed(plain(value))) if column.name in SECRETS else plain


def _plain_speller(kind: Any) -> Callable[[Any], Any]:
    # As it will be read again: Python takes 10 for a float and 1 for a truth.
    if isinstance(kind, Float):
        return float
    return bool if isinstance(kind, Boolean) else _as_is


def _as_is(value: Any) -> Any:
    return value


@cache
def _shape(kind: type[SQLModel]) -> _Shape | None:
    """How the log tells of rows of this class; None when it does not."""
    mapper = inspect(kind)
    table = mapper.local_table.name
    if not is_projected(table):
        return None
    pairs = [(each.key, each.columns[0]) for each in mapper.column_attrs]
    return _Shape(
        table,
        tuple(name for name, column in pairs if column.primary_key),
        tuple(
            _Column(name, column.name, _speller(column)) for name, column in pairs if name != LOGGED
        ),
        any(name == LOGGED for name, _ in pairs),
    )


@dataclass(frozen=True, slots=True)
class Told:
    """One row as the log tells of it."""

    table: str
    key: str
    image: Image | None

    def to_text(self) -> str:
        """The text that stands in an entry's `rows`."""
        value = [self.table, self.key, self.image]
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def told(row: SQLModel) -> Told | None:
    """A row as it stands, as the log would tell of it if it were new; None if it would not yet.

    What verification compares with the log.
    """
    shape = _shape(type(row))
    if shape is None or (shape.in_batches and not getattr(row, LOGGED)):
        return None
    image = {each.name: each.value(row) for each in shape.columns}
    return Told(shape.table, shape.key(row), image)


class Changes:
    """What the transaction of one session did to rows so far."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], Image | None] = {}

    def collect(self, session: Session) -> None:
        """Take in what a flush wrote; called before the session forgets the old values."""
        for row in session.new:
            if (new := told(row)) is not None:
                self._told[new.table, new.key] = new.image
        for row in session.dirty:
            self._update(row)
        for row in session.deleted:
            if (gone := told(row)) is not None:
                self._told[gone.table, gone.key] = None

    def _update(self, row: SQLModel) -> None:
        shape = _shape(type(row))
        if shape is None or (shape.in_batches and not getattr(row, LOGGED)):
            return
        attributes = inspect(row).attrs
        key = shape.table, shape.key(row)
        if shape.in_batches and attributes[LOGGED].history.has_changes():
            self._told[key] = {each.name: each.value(row) for each in shape.columns}
            return
        changed = {
            each.name: each.value(row)
            for each in shape.columns
            if attributes[each.attribute].history.has_changes()
        }
        if changed:
            self._told[key] = {**(self._told.get(key) or {}), **changed}

    def tell_again(self, session: Session, table: str, key: str) -> None:
        """Tell a row whole, as it is now: what told of it before is being erased."""
        row = row_at(session, table, key)
        found = told(row) if row is not None else None
        self._told[table, key] = found.image if found else None

    def texts(self) -> list[str]:
        """Each row that came, changed or went, for the log."""
        return [Told(*key, image).to_text() for key, image in self._told.items()]


def begin(session: Session) -> None:
    """Let a session's transaction collect what it does to rows."""
    session.info[_CHANGES] = Changes()


def changes_of(session: Session) -> Changes:
    """What a writing session's transaction did to rows so far."""
    changes: Changes = session.info[_CHANGES]
    return changes


def refuse_bulk(state: ORMExecuteState) -> None:
    """Stop a statement that changes rows of projected tables without the session's knowing.

    Raises:
        TypeError: it would; load the rows and change them.
    """
    if not (state.is_update or state.is_delete or state.is_insert):
        return
    table = state.bind_mapper.local_table.name if state.bind_mapper else ""  # type: ignore[attr-defined]
    if is_projected(table):
        raise TypeError(f"rows of {table} are changed one by one, so that the log can tell of them")


def row_at(session: Session, table: str, key: str) -> SQLModel | None:
    """The row that the log tells of by its table and key; None when it, or the table, is gone."""
    kind = next((each for each in projected() if each.__tablename__ == table), None)
    if kind is None:
        return None
    (column,) = inspect(kind).primary_key
    return session.get(kind, int(key) if isinstance(column.type, Integer) else key)


def projected() -> Iterator[type[SQLModel]]:
    """Every class whose rows the log tells of, by the name of its table."""
    kinds = {
        mapper.local_table.name: mapper.class_  # type: ignore[attr-defined]
        for mapper in SQLModel._sa_registry.mappers
    }
    for name in sorted(kinds):
        if is_projected(name):
            yield kinds[name]
