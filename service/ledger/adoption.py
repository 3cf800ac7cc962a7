"""The first entry: the log names its key, and every row that was there before it told of rows."""

from collections.abc import Iterator
from itertools import islice

from sqlmodel import Session, col, func, select

from service.ledger.entry import LOG_BEGUN, MACHINE, Act, Body, enter
from service.ledger.rows import projected, told
from service.tables import CheckpointRow, LogEntry

ROWS_ADOPTED = "rows_adopted"
"""The action of an entry for rows from before the log told of rows."""
ROWS_EACH = 500
"""Rows in one such entry: a few hundred kilobytes."""


def newest(session: Session) -> int:
    """The number of the last entry; -1 of an empty log."""
    return session.exec(select(func.coalesce(func.max(LogEntry.seq), -1))).one()


def is_begun(session: Session) -> bool:
    """Whether the log has named a key."""
    if session.exec(select(CheckpointRow.size).limit(1)).first() is not None:
        return True
    begun = select(LogEntry.seq).where(col(LogEntry.action) == LOG_BEGUN).limit(1)
    return session.exec(begun).first() is not None


def begin_log(session: Session, at_us: int, key: Body) -> None:
    """Enter the key, then all rows there are, some hundred in an entry.

    A log that has entries already goes on: they stay as they are.
    """
    enter(session, [Act(at_us, MACHINE, LOG_BEGUN, "log", key)])
    found = _texts(session)
    while texts := list(islice(found, ROWS_EACH)):
        act = Act(at_us, MACHINE, ROWS_ADOPTED, "rows", {"count": len(texts)})
        enter(session, [act], texts)


def _texts(session: Session) -> Iterator[str]:
    for kind in projected():
        for row in session.exec(select(kind).execution_options(yield_per=ROWS_EACH)):
            if (found := told(row)) is not None:
                yield found.to_text()
            session.expunge(row)
