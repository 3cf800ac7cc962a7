"""The cameras: what is recorded, what is missing, and why."""

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from service.status import camera_statuses
from service.web.deps import Answer, Parts
from service.web.page import alarm_words

router = APIRouter()


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
