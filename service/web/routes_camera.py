"""The cameras: what is recorded, what is missing, and why."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse

from ingest.segments import Segments
from service.cameras import camera_of
from service.status import camera_statuses
from service.timeline import Kind, Timeline, timeline, words_of
from service.web.deps import Answer, Parts
from service.web.page import alarm_words
from vision.frame import Instant, later

router = APIRouter()

HOURS = (1, 6, 24, 168)
"""Lengths of a timeline that the page offers: now, a shift, a day, a week."""
STRIP = 1000
"""Width of the strip in its own units; the browser stretches it."""


@router.get("/cameras", response_class=HTMLResponse)
def cameras(web: Parts, page: Answer) -> Response:
    """Every camera with its latest gaps."""
    with web.database.read() as session:
        statuses = camera_statuses(session, gaps=5)
        troubles = {
            status.camera.id: [alarm_words(alarm, page.words) for alarm in status.alarms]
            for status in statuses
        }
        facts = {"statuses": statuses, "troubles": troubles}
        return page.framed(session, "cameras.html", facts)


@router.get("/cameras/{camera_id}", response_class=HTMLResponse)
def camera(
    web: Parts, page: Answer, camera_id: str, hours: Annotated[int, Query(ge=1, le=168)] = 24
) -> Response:
    """One camera's timeline: what was recorded, what is missing, what the clocks did."""
    now = web.clock.now()
    start = later(now, -hours * 3600)
    segments = Segments(web.settings.segments)
    with web.database.read() as session:
        row = camera_of(session, camera_id)
        told = timeline(session, segments, camera_id, start, now)
        facts = {
            "camera": row,
            "told": told,
            "lines": [(each, words_of(each, page.language)) for each in reversed(told.moments)],
            "strip": _strip(told),
            "hours": hours,
            "choices": HOURS,
        }
        return page.framed(session, "camera.html", facts)


def _strip(told: Timeline) -> list[tuple[str, float, float]]:
    """What is drawn: kind, left edge and width, in parts of `STRIP`."""
    whole = told.end - told.start

    def at(moment: Instant) -> float:
        return min(max((moment - told.start) / whole, 0.0), 1.0) * STRIP

    return [
        (each.kind.value, at(each.start), max(1.0, at(each.end or told.end) - at(each.start)))
        for each in told.moments
        if each.kind in {Kind.RECORDED, Kind.GAP}
    ]
