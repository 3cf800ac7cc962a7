"""Settings are no rows: what they were on a day stands in the log, an entry for each change."""

import hashlib
import json

from sqlmodel import Session, col, select

from ingest.clock import Clock
from service.evidence.log import MACHINE, Action, append
from service.settings import Settings
from service.tables import LogEntry

_SECRET = frozenset({"database_url"})
"""Settings that can hold a password: the log has their hash."""


def log_settings(session: Session, clock: Clock, settings: Settings) -> None:
    """Log the settings of this start if they are not those of the last one."""
    now = _spelled(settings)
    last = session.exec(
        select(LogEntry.body)
        .where(LogEntry.action == Action.SETTINGS_CHANGED.value)
        .order_by(col(LogEntry.seq).desc())
        .limit(1)
    ).first()
    before = json.loads(last).get("settings", []) if last else []
    if before == now:
        return
    body = {
        "settings": now,
        "added": sorted(set(now) - set(before)),
        "removed": sorted(set(before) - set(now)),
    }
    append(
        session, clock, actor=MACHINE, action=Action.SETTINGS_CHANGED, subject="settings", body=body
    )


def _spelled(settings: Settings) -> list[str]:
    found = []
    for name, value in sorted(settings.model_dump(mode="json").items()):
        text = json.dumps(value, ensure_ascii=False, sort_keys=True)
        if name in _SECRET and value:
            text = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
        found.append(f"{name} = {text}")
    return found
