"""The database held against the rows that the log tells of."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic_core import PydanticUndefined
from sqlmodel import Session, SQLModel, select

from service.evidence.projection import Difference, Projection, Values
from service.ledger.rows import projected, row_at, told

_PAGE = 500
"""Rows fetched at once."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many rows were looked at, and what differs."""

    rows: int
    differences: tuple[Difference, ...]


def compare_all(
    session: Session, projection: Projection, on_row: Callable[[], None] = lambda: None
) -> Comparison:
    """Every row of every projected table, both ways."""
    rows, found = 0, list[Difference]()
    for kind in projected():
        for row in session.exec(select(kind).execution_options(yield_per=_PAGE)):
            there = told(row)
            session.expunge(row)
            on_row()
            if there is not None and there.image is not None:
                rows += 1
                found += projection.compare(there.table, there.key, there.image, usual(kind))
    return Comparison(rows, (*found, *projection.unseen()))


def compare_told(
    session: Session, projection: Projection, on_row: Callable[[], None] = lambda: None
) -> Comparison:
    """The rows that `projection` was told of, in the columns of which it was told."""
    rows, found = 0, list[Difference]()
    for table, key, values in projection.touched():
        rows += 1
        on_row()
        row = row_at(session, table, key)
        there = told(row) if row is not None else None
        image = there.image if there is not None else None
        found += _differences(table, key, values, image)
    return Comparison(rows, tuple(found))


def _differences(
    table: str, key: str, values: Values | None, found: Values | None
) -> list[Difference]:
    if found is None or values is None:
        what = "missing" if found is None else "unlogged"
        return [] if found is values else [Difference(table, key, None, what)]
    return [
        Difference(table, key, column, "changed")
        for column, value in values.items()
        if column in found and found[column] != value
    ]


@cache
def usual(kind: type[SQLModel]) -> dict[str, Any]:
    """What each column holds in rows from before it was added."""
    return {
        name: None if field.default is PydanticUndefined else field.default
        for name, field in kind.model_fields.items()
    }
