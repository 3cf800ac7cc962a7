"""What the log says the rows are, replayed from its entries (投影), and how the database differs.

An entry tells what its transaction did to rows (`service/evidence/rows.py`). Whoever changes a row
by other means leaves the log as it is, and here the two part.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from service.database import sqlite_library
from service.errors import WorldError

Values = Mapping[str, Any]
"""A row's columns as JSON has them."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is not as the log tells.

    Attributes:
        column: None when the whole row is `missing` or `unlogged`.
    """

    table: str
    key: str
    column: str | None
    what: str
    """`changed`, `missing` or `unlogged`."""

    def to_text(self) -> str:
        """`row cases/17 fine_yuan: changed`; values stay out, they can be personal."""
        column = f" {self.column}" if self.column else ""
        return f"row {self.table}/{self.key}{column}: {self.what}"


class Projection:
    """The rows that the log tells of, on disk: years of segments do not fit into memory."""

    def __init__(self) -> None:
        # SQLite's temporary database: no name, gone when closed.
        self._rows = sqlite_library().connect("")
        self._rows.execute(
            "CREATE TABLE told (name TEXT, key TEXT, column_values TEXT, PRIMARY KEY (name, key)) "
            "WITHOUT ROWID"
        )

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Forget every row.

        Raises:
            WorldError: there was no room for them.
        """
        self._rows.close()
        if isinstance(error, sqlite_library().Error):
            raise WorldError("database", detail=str(error)) from error

    def tell(self, text: str) -> None:
        """Take in what one text of an entry's `rows` says: a row that came, changed or went.

        Raises:
            ValueError: it is no such text.
        """
        table, key, values = _read(text)
        if values is not None:
            values = {**(self._told(table, key) or {}), **values}
        self._rows.execute(
            "INSERT OR REPLACE INTO told VALUES (?, ?, ?)",
            (table, key, None if values is None else json.dumps(values)),
        )

    def _told(self, table: str, key: str) -> dict[str, Any] | None:
        row = self._rows.execute(
            "SELECT column_values FROM told WHERE name = ? AND key = ?", (table, key)
        ).fetchone()
        return json.loads(row[0]) if row and row[0] else None

    def compare(self, table: str, key: str, found: Values, usual: Values) -> Iterator[Difference]:
        """How a row of the database differs; then it counts as seen.

        `usual` are the values that a column takes by itself: one that the log never spoke of came
        with a later version, and must hold that.
        """
        told = self._told(table, key)
        self._rows.execute("DELETE FROM told WHERE name = ? AND key = ?", (table, key))
        if told is None:
            yield Difference(table, key, None, "unlogged")
            return
        for column, value in found.items():
            if told.get(column, usual.get(column)) != value:
                yield Difference(table, key, column, "changed")

    def touched(self) -> Iterator[tuple[str, str, Values | None]]:
        """Table, key and the told columns of every row that was not compared; None: it went."""
        for name, key, values in self._rows.execute("SELECT name, key, column_values FROM told"):
            yield name, key, json.loads(values) if values else None

    def unseen(self) -> Iterator[Difference]:
        """The rows that must be there and were not compared."""
        for name, key, values in self.touched():
            if values is not None:
                yield Difference(name, key, None, "missing")


def _read(text: str) -> tuple[str, str, dict[str, Any] | None]:
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    match said:
        case [str(table), str(key), None]:
            return table, key, None
        case [str(table), str(key), dict(values)]:
            return table, key, values
    raise ValueError("not the text of a row")
