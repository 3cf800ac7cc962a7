"""The clock report of a bundle: what is known of the clocks while its recordings were made."""

from collections.abc import Sequence
from statistics import median_low
from typing import Any

from sqlmodel import Session, col, select

from service.bundle.contents import Contents, Span
from service.tables import Acquisition, Camera, ClockStep, Gap, SegmentRow

FORMAT = "liuhen-clock/1"


def clock_report(session: Session, contents: Contents) -> dict[str, Any]:
    """Plain values: whole microseconds, and nothing that would have to be rounded."""
    return {
        "format": FORMAT,
        "recordings": [_recording(session, span) for span in contents.spans],
        "uploads": [_upload(row) for row in contents.uploads],
    }


def _recording(session: Session, span: Span) -> dict[str, Any]:
    rows = session.exec(
        select(SegmentRow)
        .where(
            SegmentRow.camera_id == span.camera,
            col(SegmentRow.end_us) > span.start,
            col(SegmentRow.start_us) < span.end,
        )
        .order_by(col(SegmentRow.start_us))
    ).all()
    camera = session.get(Camera, span.camera)
    return {
        "name": span.camera,
        "place": camera.place if camera else "",
        "start_us": span.start,
        "end_us": span.end,
        "segments": len(rows),
        "offset": _offset(rows),
        "synchronised": {
            "yes": sum(row.clock_synchronised is True for row in rows),
            "no": sum(row.clock_synchronised is False for row in rows),
            "unknown": sum(row.clock_synchronised is None for row in rows),
        },
        "error_us": max(
            (row.clock_error_us for row in rows if row.clock_error_us is not None), default=None
        ),
        "steps": _steps(session, span),
        "gaps": _gaps(session, span),
    }


def _offset(rows: Sequence[SegmentRow]) -> dict[str, int] | None:
    """The camera's clock minus ours; None when it sent no time."""
    found = [row.camera_offset_us for row in rows if row.camera_offset_us is not None]
    if not found:
        return None
    return {"least_us": min(found), "usual_us": median_low(found), "most_us": max(found)}


def _steps(session: Session, span: Span) -> list[dict[str, int]]:
    rows = session.exec(
        select(ClockStep)
        .where(
            ClockStep.camera_id == span.camera, col(ClockStep.at_us).between(span.start, span.end)
        )
        .order_by(col(ClockStep.at_us))
    )
    return [{"at_us": row.at_us, "step_us": row.step_us} for row in rows]


def _gaps(session: Session, span: Span) -> list[dict[str, int | str]]:
    rows = session.exec(
        select(Gap)
        .where(
            Gap.camera_id == span.camera,
            col(Gap.end_us) > span.start,
            col(Gap.start_us) < span.end,
        )
        .order_by(col(Gap.start_us))
    )
    return [{"start_us": row.start_us, "end_us": row.end_us, "cause": row.cause} for row in rows]


def _upload(row: Acquisition) -> dict[str, str | int | None]:
    return {
        "sha256": row.sha256,
        "file_name": row.file_name,
        "started_us": row.started_us,
        "confidence": row.confidence,
        "time_source": row.time_source,
    }
