"""How the log stands: how much is signed, by which key, and who outside has seen it."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlmodel import Session

from service.evidence.anchors import latest, newest_checkpoint, waiting
from service.ledger.adoption import newest
from service.ledger.keys import Fingerprint, grouped
from service.settings import Settings
from vision.frame import Instant


@dataclass(frozen=True, slots=True)
class AnchorStanding:
    """One anchor.

    Attributes:
        size: entries of the newest checkpoint that it has seen; 0 before the first.
        at: when it saw that, by its clock.
        waiting: since when a newer one waits for it; None when none does.
        error: why it has not been seen yet.
    """

    kind: str
    name: str
    size: int = 0
    at: Instant | None = None
    waiting: Instant | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class LogStanding:
    """The whole log."""

    entries: int
    signed: int
    signed_at: Instant | None
    fingerprint: str
    signer: str
    anchors: tuple[AnchorStanding, ...]


def log_standing(session: Session, settings: Settings) -> LogStanding:
    """How the log stands now."""
    checkpoint = newest_checkpoint(session)
    return LogStanding(
        entries=newest(session) + 1,
        signed=checkpoint.size if checkpoint is not None else 0,
        signed_at=Instant(checkpoint.at_us) if checkpoint is not None else None,
        fingerprint=grouped(Fingerprint(checkpoint.key_fingerprint)) if checkpoint else "",
        signer=settings.signer,
        anchors=tuple(_anchor(session, *each) for each in _names(settings)),
    )


def _names(settings: Settings) -> Iterable[tuple[str, str]]:
    for site in settings.witnesses:
        yield "witness", site.verifier.name
    if settings.tsa_url:
        yield "tsa", settings.tsa_url


def _anchor(session: Session, kind: str, name: str) -> AnchorStanding:
    seen, still = latest(session, kind, name), waiting(session, kind, name)
    return AnchorStanding(
        kind,
        name,
        size=seen.size if seen is not None else 0,
        at=Instant(seen.time_us) if seen is not None and seen.time_us is not None else None,
        waiting=Instant(still.asked_us) if still is not None else None,
        error=still.error if still is not None else "",
    )
