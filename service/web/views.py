"""Who looked at which footage, in the log."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, or_, select

from ingest.clock import Clock
from service.evidence.log import Action, append
from service.tables import Item, LogEntry, User
from vision.frame import later

QUEUE = "queue"
"""Subject of the one entry for all thumbnails of a list."""
_SAME_LOOK_S = 600.0
"""Requests within ten minutes of an entry belong to the same look: a seek, a page drawn again."""


@dataclass(frozen=True, slots=True)
class Sight:
    """An object that is no item; `subject` is the event or the acquisition that it belongs to."""

    subject: str
    role: str
    sha256: str


def _sight(seen: Item | Sight) -> Sight:
    return Sight(seen.event_id, seen.role, seen.sha256) if isinstance(seen, Item) else seen


def log_view(session: Session, clock: Clock, user: User, item: Item | Sight) -> None:
    """Enter that a person is about to see an item."""
    sight = _sight(item)
    append(
        session,
        clock,
        actor=user.id,
        action=Action.VIEWED,
        subject=sight.subject,
        body={"role": sight.role, "sha256": sight.sha256},
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


def was_shown(session: Session, clock: Clock, user: User, item: Item | Sight) -> bool:
    """Whether the log says that the person was shown this item just now."""
    sight = _sight(item)
    entry = session.exec(
        select(LogEntry.seq).where(
            LogEntry.action == Action.VIEWED.value,
            LogEntry.actor == user.id,
            or_(LogEntry.subject == sight.subject, LogEntry.subject == QUEUE),
            LogEntry.at_us > later(clock.now(), -_SAME_LOOK_S),
            col(LogEntry.body).contains(sight.sha256),
        )
    ).first()
    return entry is not None
