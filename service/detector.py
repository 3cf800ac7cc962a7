"""The detector that runs here (检测模型): opened as the settings say, each change of it logged."""

import json

from sqlmodel import Session, col, select

from ingest.clock import Clock
from models.session import OnnxDetector, open_detector
from service.evidence.log import MACHINE, Action, append
from service.settings import NO_MODEL, Settings
from service.tables import LogEntry


def open_configured_detector(settings: Settings) -> OnnxDetector | None:
    """The detector that the settings name; None when they ask for none.

    Raises:
        ModelError: it cannot be opened.
    """
    if settings.model == NO_MODEL:
        return None
    return open_detector(settings.model, settings.weights)


def note_model(session: Session, clock: Clock, detector: OnnxDetector | None) -> None:
    """Log which weights judge from now on, unless the last entry of that kind says the same.

    Whoever doubts an old event must be able to tell what saw it and what replaced that.
    """
    name = detector.card.name if detector else NO_MODEL
    sha256 = detector.card.sha256 if detector else ""
    last = session.exec(
        select(LogEntry)
        .where(LogEntry.action == Action.MODEL_CHANGED.value)
        .order_by(col(LogEntry.seq).desc())
        .limit(1)
    ).first()
    before = json.loads(last.body or "{}") if last else {}
    if (before.get("model"), before.get("sha256")) != (name, sha256):
        body = {"model": name, "sha256": sha256, "before": before.get("model", "")}
        append(session, clock, actor=MACHINE, action=Action.MODEL_CHANGED, subject=name, body=body)
