"""Acts become entries when their transaction commits: numbered, hashed, with the rows they changed.

An entry's leaf is hashed as RFC 6962 section 2.1 hashes leaves, over canonical JSON (the subset of
RFC 8785 with strings and integers only). The body stands beside the leaf, which holds only its
salted hash: erasing a body for privacy leaves the leaf valid.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import func, insert, text
from sqlmodel import Session, SQLModel, select

from ingest.files import Sha256, sha256_bytes
from service.ledger.merkle import Hash, leaf
from service.tables import LogEntry

MACHINE = "liuhen"
"""The actor of what no person did."""
ROWS_CHANGED = "rows_changed"
"""The action of an entry for rows that changed without an act."""
LOG_BEGUN = "log_begun"
"""The action of the entry that names the first key."""
KEY_ROTATED = "key_rotated"
"""The action of an entry that names the next key."""
EXPORTED = "exported"
"""The action of an entry for a bundle that is about to leave."""
LOG_ACCEPTED = "log_accepted"
"""The action of an entry by which a person accepts a log that does not continue the last one."""
_ACTS, _LAST = "acts", "last"
_LOG = SQLModel.metadata.tables["log"]
_AT_ONCE = 500
"""Entries in one statement: the adoption of an old installation has thousands."""

Body = Mapping[str, str | int | list[str]]
"""Details of an act; personal data belong here and nowhere else."""


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody did, before it has a number; `at_us` is when, microseconds UTC."""

    at_us: int
    actor: str
    action: str
    subject: str
    body: Body


class Leaf(Protocol):
    """What an entry's leaf is made of."""

    seq: int
    at_us: int
    actor: str
    action: str
    subject: str
    body_sha256: str


class Entry(Leaf, Protocol):
    """An entry as it stands in the database."""

    body: str | None
    leaf_sha256: str


def canonical(value: Mapping[str, object]) -> bytes:
    """The one spelling of a JSON object of strings, integers and lists of them."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def leaf_data(entry: Leaf) -> bytes:
    """What an entry's leaf holds: all that it says, its body represented by its hash."""
    return canonical(
        {
            "seq": entry.seq,
            "at_us": entry.at_us,
            "actor": entry.actor,
            "action": entry.action,
            "subject": entry.subject,
            "body_sha256": entry.body_sha256,
        }
    )


def leaf_hash(entry: Leaf) -> Hash:
    """RFC 6962 hash of an entry's leaf."""
    return leaf(leaf_data(entry))


def body_hash(body: str) -> Sha256:
    """What the leaf holds of a body's text."""
    return sha256_bytes(body.encode())


def begin(session: Session) -> None:
    """Let a session's transaction hold acts."""
    session.info[_ACTS] = []


def acts_of(session: Session) -> list[Act]:
    """The acts of a transaction so far, to add to.

    Raises:
        KeyError: the session is not one of `Database.write`; what is added would be lost.
    """
    acts: list[Act] = session.info[_ACTS]
    return acts


def enter_all(session: Session, rows: Sequence[str]) -> None:
    """Number the acts of a transaction that is about to commit, `rows` with the last of them."""
    if acts := acts_of(session):
        session.info[_LAST] = enter(session, acts, rows)


def last_of(session: Session) -> int | None:
    """The number of the last entry of a transaction that was committed; None without any."""
    last: int | None = session.info.get(_LAST)
    return last


def lock_log(session: Session) -> None:
    """Let no other transaction append to the log until this one ends.

    SQLite's writers are alone anyway; PostgreSQL takes an advisory lock.
    """
    if session.get_bind().dialect.name == "postgresql":
        # The key spells "liuhen" so that it cannot meet another program's by accident.
        session.connection().execute(text("SELECT pg_advisory_xact_lock(x'6c697568656e'::bigint)"))


def enter(session: Session, acts: Sequence[Act], rows: Sequence[str] = ()) -> int:
    """Number `acts` and add them to the log; the number of the last one.

    `rows` are what the transaction did to rows, as `service/ledger/rows.py` writes it; they stand
    in the body of the last act.
    """
    lock_log(session)
    newest = select(func.coalesce(func.max(LogEntry.seq), -1))
    first = session.connection().execute(newest).scalar_one() + 1
    last = first + len(acts) - 1
    values = [
        _entry(seq, act, rows if seq == last else ()) for seq, act in enumerate(acts, start=first)
    ]
    for at in range(0, len(values), _AT_ONCE):
        session.connection().execute(insert(_LOG), values[at : at + _AT_ONCE])
    return last


def _entry(seq: int, act: Act, rows: Sequence[str]) -> dict[str, object]:
    told: dict[str, object] = {**act.body}
    if rows:
        told["rows"] = list(rows)
    # 128 random bits: without them a short body could be guessed from its hash after erasure.
    body = canonical({**told, "salt": secrets.token_hex(16)}).decode()
    entry = LogEntry(
        seq=seq,
        at_us=act.at_us,
        actor=act.actor,
        action=act.action,
        subject=act.subject,
        body=body,
        body_sha256=body_hash(body),
        leaf_sha256="",
    )
    return {**entry.model_dump(), "leaf_sha256": leaf_hash(entry).hex()}
