"""A sighting becomes a row in the review queue, once, with its evidence."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlmodel import Session, col, select

from ingest.clock import Clock
from service.clips import Piece
from service.evidence.log import MACHINE, Action, append
from service.tables import Event, Item
from service.texts import Language, say
from service.times import beijing_clock
from vision.boxes import Box
from vision.candidate import Candidate
from vision.frame import CameraId, Instant, later
from vision.sighting import Reason, ReasonKey, Sighting, same_act, tells_of


def reason_row(reason: Reason) -> dict[str, Any]:
    """A reason as the event row keeps it."""
    return {"key": reason.key.value, "at_us": reason.at, "seconds": reason.seconds}


def reason_words(
    row: dict[str, Any],
    language: Language = "zh",
    *,
    tell: Callable[[Instant], str] = beijing_clock,
) -> str:
    """A kept reason in an officer's words; `tell` spells its time, as Beijing time of day."""
    key = ReasonKey(row["key"])
    at = "" if row["at_us"] is None else tell(Instant(row["at_us"]))
    seconds = "" if row["seconds"] is None else f"{row['seconds']:.0f}"
    return say(f"reason.{key.value}", language, at=at, seconds=seconds)


def twin_of(session: Session, sighting: Sighting) -> Event | None:
    """An event that is the same act as `sighting`; None when there is none."""
    near = _near(session, sighting.camera, sighting.onset, sighting.onset)
    same = (each for each in near if same_act(sighting.onset, sighting.box, *_act(each)))
    return next(same, None)


def teller_of(session: Session, candidate: Candidate) -> Event | None:
    """An event that is of the thing of `candidate`, which is reported again; None likewise."""
    near = _near(session, candidate.camera, candidate.before, candidate.onset)
    return next((each for each in near if _tells_of(each, candidate)), None)


def _near(session: Session, camera: CameraId, first: Instant, last: Instant) -> Iterable[Event]:
    """Events of a camera whose onset lies between two instants or within a minute of them."""
    onset = col(Event.onset_us).between(later(first, -60), later(last, 60))
    return session.exec(select(Event).where(Event.camera_id == camera, onset))


def _tells_of(event: Event, candidate: Candidate) -> bool:
    # It may have been found in a smaller sub-stream.
    width, height = event.size
    return tells_of(candidate.scaled((width, height)), *_act(event))


def _act(event: Event) -> tuple[Instant, Box]:
    return Instant(event.onset_us), Box(*event.box)


def add_event(
    session: Session,
    clock: Clock,
    sighting: Sighting,
    pieces: Sequence[Piece],
    *,
    event_id: str,
    model: str | None,
) -> bool:
    """Enter a finding; False when it was entered before (then nothing changes)."""
    if session.get(Event, event_id) is not None:
        return False
    session.add(
        Event(
            id=event_id,
            camera_id=sighting.camera,
            kind=sighting.kind.value,
            before_us=sighting.before,
            onset_us=sighting.onset,
            arrived_us=sighting.visit.arrived if sighting.visit else None,
            contact_us=sighting.visit.contact if sighting.visit else None,
            released_us=sighting.released,
            alarm_us=sighting.alarm,
            left_us=sighting.left,
            box=list(sighting.box.xyxy),
            size=list(sighting.size),
            actor=sighting.actor.value,
            actor_box=list(sighting.actor_box.xyxy) if sighting.actor_box else None,
            score=sighting.score,
            certain=sighting.certain,
            reasons=[reason_row(reason) for reason in sighting.reasons],
            model=model,
            found_us=clock.now(),
        )
    )
    session.flush()
    for piece in pieces:
        session.add(
            Item(
                id=f"{event_id}-{piece.role}",
                event_id=event_id,
                role=piece.role,
                sha256=piece.sha256,
                size=piece.size,
                media_type=piece.media_type,
                start_us=piece.start,
                end_us=piece.end,
                made_us=clock.now(),
            )
        )
    hashes = {piece.role: str(piece.sha256) for piece in pieces}
    append(session, clock, actor=MACHINE, action=Action.EVENT_FOUND, subject=event_id, body=hashes)
    return True
