"""The log of every act on evidence: any process appends, nothing is ever changed.

An entry's leaf is hashed as RFC 6962 section 2.1 hashes leaves (a 0x00 byte before the data), over
canonical JSON (the subset of RFC 8785 with strings and integers only). The body stands beside the
leaf, which holds only its salted hash: erasing a body for privacy leaves the leaf valid.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import func
from sqlmodel import Session, select

from ingest.clock import Clock
from ingest.files import Sha256, sha256_bytes
from service.database import lock_log
from service.tables import LogEntry

MACHINE = "liuhen"
"""The actor of what no person did."""


class Action(StrEnum):
    """What can be done to evidence; the catalogue has the words."""

    CAMERA_ADDED = "camera_added"
    CAMERA_CHANGED = "camera_changed"
    SEGMENTS_CLOSED = "segments_closed"
    GAP_FOUND = "gap_found"
    CLOCK_STEPPED = "clock_stepped"
    DESTROYED = "destroyed"
    HELD = "held"
    RELEASED = "released"
    SET_ASIDE = "set_aside"
    QUARANTINED = "quarantined"
    ACQUIRED = "acquired"
    QUARANTINE_SETTLED = "quarantine_settled"
    STATION_ADDED = "station_added"
    STATION_REVOKED = "station_revoked"
    EVENT_FOUND = "event_found"
    DERIVED = "derived"
    CANDIDATE_DISMISSED = "candidate_dismissed"
    VIEWED = "viewed"
    DOWNLOADED = "downloaded"
    REVIEWED = "reviewed"
    CASE_OPENED = "case_opened"
    CASE_CHANGED = "case_changed"
    LINKED = "linked"
    DOCUMENT_MADE = "document_made"
    USER_ADDED = "user_added"
    LOGGED_IN = "logged_in"
    LOGGED_OUT = "logged_out"
    LOGIN_FAILED = "login_failed"


Body = Mapping[str, str | int | list[str]]
"""Details of an act; personal data belong here and nowhere else."""


def canonical(value: Mapping[str, object]) -> bytes:
    """The one spelling of a JSON object of strings, integers and lists of them."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def leaf_hash(entry: LogEntry) -> Sha256:
    """RFC 6962 leaf hash of what an entry says, its body represented by its hash."""
    leaf = {
        "seq": entry.seq,
        "at_us": entry.at_us,
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "body_sha256": entry.body_sha256,
    }
    return Sha256(hashlib.sha256(b"\x00" + canonical(leaf)).hexdigest())


def append(
    session: Session,
    clock: Clock,
    *,
    actor: str,
    action: Action,
    subject: str,
    body: Body | None = None,
) -> LogEntry:
    """Add one entry in the transaction of `session` (a `Database.write` session).

    The act is logged exactly if the transaction commits. `actor` is a user's id or `MACHINE`.
    """
    lock_log(session)
    last = session.exec(select(func.coalesce(func.max(LogEntry.seq), -1))).one()
    # 128 random bits: without them a short body could be guessed from its hash after erasure.
    text = canonical({**(body or {}), "salt": secrets.token_hex(16)})
    entry = LogEntry(
        seq=last + 1,
        at_us=clock.now(),
        actor=actor,
        action=action.value,
        subject=subject,
        body=text.decode(),
        body_sha256=sha256_bytes(text),
        leaf_sha256="",
    )
    entry.leaf_sha256 = leaf_hash(entry)
    session.add(entry)
    session.flush()
    return entry


@dataclass(frozen=True, slots=True)
class Fault:
    """An entry that does not hold, and how."""

    seq: int
    what: str


def faults(entries: Iterable[LogEntry]) -> list[Fault]:
    """What is wrong with `entries`, which must be all of the log in order; empty when nothing.

    Leaves are not chained: entries rewritten with fresh hashes, or cut off at the end, are not seen
    here. That takes a signed checkpoint.
    """
    found = []
    for expected, entry in enumerate(entries):
        if entry.seq != expected:
            found.append(Fault(expected, "missing"))
            break
        if entry.body is not None and sha256_bytes(entry.body.encode()) != entry.body_sha256:
            found.append(Fault(entry.seq, "body"))
        if leaf_hash(entry) != entry.leaf_sha256:
            found.append(Fault(entry.seq, "leaf"))
    return found
