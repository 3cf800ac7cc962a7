"""The log of every act on evidence: any process appends, nothing is ever changed.

What an entry is and how its leaf is hashed stands in `service/ledger/entry.py`.
"""

from enum import StrEnum

from sqlmodel import Session

from ingest.clock import Clock
from service.ledger import adoption, entry
from service.ledger.entry import Act

MACHINE = entry.MACHINE
"""The actor of what no person did."""
Body = entry.Body
"""Details of an act; personal data belong here and nowhere else."""


class Action(StrEnum):
    """What can be done to evidence; the catalogue has the words."""

    LOG_BEGUN = entry.LOG_BEGUN
    LOG_ACCEPTED = entry.LOG_ACCEPTED
    KEY_ROTATED = entry.KEY_ROTATED
    ROWS_ADOPTED = adoption.ROWS_ADOPTED
    ROWS_CHANGED = entry.ROWS_CHANGED
    SETTINGS_CHANGED = "settings_changed"
    CAMERA_ADDED = "camera_added"
    CAMERA_CHANGED = "camera_changed"
    ZONES_CHANGED = "zones_changed"
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
    EVENT_CLEARED = "event_cleared"
    DERIVED = "derived"
    CANDIDATE_DISMISSED = "candidate_dismissed"
    MODEL_CHANGED = "model_changed"
    VERIFIED = "verified"
    VERIFY_FAILED = "verify_failed"
    VIEWED = "viewed"
    VIEW_ENDED = "view_ended"
    DOWNLOADED = "downloaded"
    EXPORTED = entry.EXPORTED
    REVIEWED = "reviewed"
    CASE_OPENED = "case_opened"
    CASE_CHANGED = "case_changed"
    LINKED = "linked"
    DOCUMENT_MADE = "document_made"
    CASE_CLOSED = "case_closed"
    CASE_REOPENED = "case_reopened"
    PROMOTED = "promoted"
    DELETION_ASKED = "deletion_asked"
    DELETION_REFUSED = "deletion_refused"
    DELETION_APPROVED = "deletion_approved"
    DELETION_RECOVERED = "deletion_recovered"
    OBJECTS_DESTROYED = "objects_destroyed"
    BODIES_ERASED = "bodies_erased"
    SCRUBBED = "scrubbed"
    USER_ADDED = "user_added"
    USER_CHANGED = "user_changed"
    USER_CLOSED = "user_closed"
    USER_REOPENED = "user_reopened"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  the name of an act
    PASSWORD_RESET = "password_reset"  # noqa: S105
    LOGGED_IN = "logged_in"
    LOGGED_OUT = "logged_out"
    LOGIN_FAILED = "login_failed"
    LOGIN_LOCKED = "login_locked"
    REASON_STATED = "reason_stated"
    LOG_READ = "log_read"
    TOKEN_ADDED = "token_added"  # noqa: S105
    TOKEN_REVOKED = "token_revoked"  # noqa: S105
    TOKEN_USED = "token_used"  # noqa: S105


def append(
    session: Session,
    clock: Clock,
    *,
    actor: str,
    action: Action,
    subject: str,
    body: Body | None = None,
) -> None:
    """Log one act in the transaction of `session` (a `Database.write` session).

    The act is logged exactly if the transaction commits, which gives it its number; the commit
    also tells in the last act's entry which rows changed. `actor` is a user's id or `MACHINE`.
    """
    entry.acts_of(session).append(Act(clock.now(), actor, action.value, subject, body or {}))
