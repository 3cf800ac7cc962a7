"""Who looked at which footage, why, and for how long, in the log."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from ingest.clock import Clock
from service.duty import Duty, stated
from service.errors import InputError
from service.evidence.log import Action, Body, append
from service.tables import Item, LogEntry
from vision.frame import later

QUEUE = "queue"
"""Subject of the one entry for all thumbnails of a list."""
_SAME_LOOK_S = 600.0
"""Requests within ten minutes of an entry belong to the same look: a seek, a page drawn again."""
_LONGEST_LOOK_S = 24 * 3600.0
"""No session lives longer (`session_hours`), so nothing that began before ends now."""
_RANGE = r"\d{1,6}\.\d{3}-\d{1,6}\.\d{3}"
_RANGES = re.compile(f"{_RANGE}(?:,{_RANGE}){{0,99}}", re.ASCII)
_PLAYED = frozenset({"clip", "review copy", "original"})
"""Roles of what has a player; the others are pictures and files."""


@dataclass(frozen=True, slots=True)
class Sight:
    """An object that is no item; `subject` is the event or the acquisition that it belongs to."""

    subject: str
    role: str
    sha256: str


def _sight(seen: Item | Sight) -> Sight:
    return Sight(seen.event_id, seen.role, seen.sha256) if isinstance(seen, Item) else seen


def log_view(session: Session, clock: Clock, duty: Duty, item: Item | Sight) -> None:
    """Enter that a person is about to see an item."""
    sight = _sight(item)
    append(
        session,
        clock,
        actor=duty.user.id,
        action=Action.VIEWED,
        subject=sight.subject,
        body={**duty.told(), "role": sight.role, "sha256": sight.sha256},
    )


def log_list_view(session: Session, clock: Clock, duty: Duty, items: Sequence[Item]) -> None:
    """Enter that a person is about to see the thumbnails of a list; none is no entry."""
    if items:
        hashes = sorted({item.sha256 for item in items})
        append(
            session,
            clock,
            actor=duty.user.id,
            action=Action.VIEWED,
            subject=QUEUE,
            body={**duty.told(), "role": "thumbnails", "sha256": hashes},
        )


def was_shown(session: Session, clock: Clock, duty: Duty, item: Item | Sight) -> bool:
    """Whether the log says that the person was shown this item just now, for the same reason."""
    sight = _sight(item)
    rows = _looks(clock, duty, _SAME_LOOK_S).where(
        or_(LogEntry.subject == sight.subject, LogEntry.subject == QUEUE),
        col(LogEntry.body).contains(sight.sha256),
    )
    entry = session.exec(rows).first()
    return entry is not None and json.loads(entry.body or "{}").get("reason") == duty.reason


def _looks(clock: Clock, duty: Duty, within_s: float) -> SelectOfScalar[LogEntry]:
    """What the log says that a person was shown lately, latest first."""
    return (
        select(LogEntry)
        .where(
            LogEntry.action == Action.VIEWED.value,
            LogEntry.actor == duty.user.id,
            LogEntry.at_us > later(clock.now(), -within_s),
        )
        .order_by(col(LogEntry.seq).desc())
    )


def log_download(
    session: Session, clock: Clock, duty: Duty, subject: str, sha256: str, reason: str
) -> None:
    """Enter that a person is about to take a file out of the system, and why.

    Raises:
        InputError: the reason is blank or too long.
    """
    append(
        session,
        clock,
        actor=duty.user.id,
        action=Action.DOWNLOADED,
        subject=subject,
        body={**duty.told(stated(reason)), "sha256": sha256},
    )


def log_end(session: Session, clock: Clock, duty: Duty, subject: str, ranges: str) -> None:
    """Enter which ranges of a recording were played when its player was left.

    `ranges` as `0.000-3.250,7.000-9.100`, seconds; they are what the browser says.

    Raises:
        InputError: the ranges are none, or the log knows of no playback.
    """
    if not _RANGES.fullmatch(ranges):
        raise InputError("bad_request", detail="ranges")
    rows = _looks(clock, duty, _LONGEST_LOOK_S).where(LogEntry.subject == subject)
    for entry in session.exec(rows):
        body = json.loads(entry.body or "{}")
        if body.get("role") in _PLAYED:
            told: Body = {
                "viewed": entry.seq,
                "role": body["role"],
                "sha256": body["sha256"],
                "ranges": ranges.split(","),
            }
            append(
                session,
                clock,
                actor=duty.user.id,
                action=Action.VIEW_ENDED,
                subject=subject,
                body=told,
            )
            return
    raise InputError("not_found")
