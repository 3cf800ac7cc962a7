"""What programs read, each with a token of its own."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict
from sqlmodel import col, select

from service.errors import InputError
from service.tables import Camera, Event
from service.times import beijing
from service.web.deps import Parts
from vision.frame import Instant

router = APIRouter()

MOST = 200
"""Events in one answer: a week of a street."""


class EventFacts(BaseModel):
    """An event as other systems see it: no picture, no score, no person."""

    model_config = ConfigDict(frozen=True)

    id: str
    camera: str
    place: str
    kind: str
    state: str
    onset: datetime
    found_us: int


@router.get("/api/events")
def events(
    request: Request,
    web: Parts,
    after_us: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST)] = MOST,
) -> list[EventFacts]:
    """Events that were found after an instant (`found_us` of the last one known), oldest first."""
    if request.state.program is None:
        raise InputError("no_access")
    rows = (
        select(Event, Camera)
        .join(Camera, col(Camera.id) == Event.camera_id, isouter=True)
        .where(Event.found_us > after_us)
        .order_by(col(Event.found_us), col(Event.id))
        .limit(limit)
    )
    with web.database.read() as session:
        return [_facts(event, camera) for event, camera in session.exec(rows)]


def _facts(event: Event, camera: Camera | None) -> EventFacts:
    return EventFacts(
        id=event.id,
        camera=event.camera_id,
        place=camera.place if camera else "",
        kind=event.kind,
        state=event.state,
        onset=beijing(Instant(event.onset_us)),
        found_us=event.found_us,
    )
