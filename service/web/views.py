"""Who looked at which footage, in the log."""

from collections.abc import Sequence

from sqlmodel import Session, col, or_, select

from ingest.clock import Clock
from service.evidence.log import Action, append
from service.tables import Item, LogEntry, User
from vision.frame import later

QUEUE = "queue"
"""Subject of the one entry for all thumbnails of a list."""
_SAME_LOOK_S = 600.0
"""Requests within ten minutes of an entry belong to the same look: a seek, a page drawn again."""


def log_view(session: Session, clock: Clock, user: User, item: Item) -> None:
    """Enter that a person is about to see an item."""
    append(
        session,
        clock,
        actor=user.id,
        action=Action.VIEWED,
        subject=item.event_id,
        body={"role": item.role, "sha256": item.sha256},
    )


def log_list_view(session: Session, clock: Clock, user: User, items: Sequence[Item]) -> None:
    """Enter that a person is about to see the thumbnails of a list; none is no entry."""
    if items:
        hashes = sorted({item.sha256 for item in items})
        append(
            session,
            clock,
            actor=user.id,
            action=Action.VIEWED,
            subject=QUEUE,
            body={"role": "thumbnails", "sha256": hashes},
        )


def was_shown(session: Session, clock: Clock, user: User, item: Item) -> bool:
    """Whether the log says that the person was shown this item just now."""
    entry = session.exec(
        select(LogEntry.seq).where(
            LogEntry.action == Action.VIEWED.value,
            LogEntry.actor == user.id,
            or_(LogEntry.subject == item.event_id, LogEntry.subject == QUEUE),
            LogEntry.at_us > later(clock.now(), -_SAME_LOOK_S),
            col(LogEntry.body).contains(item.sha256),
        )
    ).first()
    return entry is not None
