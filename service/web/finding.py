"""An event as officers read it: where, what, when and why, in words."""

import json
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session, col, select

from service.events import reason_words
from service.review import items_of
from service.stills import CLOSE_UPS
from service.subject import Subject, SubjectKind
from service.tables import Acquisition, Camera, Deletion, Event, Item
from service.tombstone import deletion_of
from service.web.page import Page
from vision.frame import Instant, seconds_between

_UPLOAD = "upload:"


@dataclass(frozen=True, slots=True)
class Finding:
    """What lists and the event's own page show.

    Attributes:
        status: the camera's legal status, `lead_only` or `enforcement`; recorder files are leads.
        items: the stored pieces by role; a role may be missing, and all are of what is deleted.
        deletion: because of which nobody may see it; None where there is none.
        reasons: why the rule flagged it, as sentences.
    """

    event: Event
    place: str
    status: str
    items: dict[str, Item]
    deletion: Deletion | None
    reasons: tuple[str, ...]

    @property
    def visit(self) -> tuple[str, ...]:
        """Roles of the pictures of who came and went, in the order of time."""
        roles = [role for role in ("leaving", *CLOSE_UPS) if role in self.items]
        return tuple(sorted(roles, key=lambda role: self.items[role].start_us))

    @property
    def moment_s(self) -> float:
        """Seconds into the clip at which the thing appears; 0 without a clip."""
        clip = self.items.get("clip")
        if clip is None:
            return 0.0
        return max(0.0, seconds_between(Instant(clip.start_us), Instant(self.event.onset_us)))


def _upload_name(session: Session, sha256: str) -> str:
    latest = select(Acquisition.file_name).where(Acquisition.sha256 == sha256)
    return session.exec(latest.order_by(col(Acquisition.acquired_us).desc())).first() or sha256


def finding(session: Session, event: Event, page: Page) -> Finding:
    """An event with everything around it."""
    camera = session.get(Camera, event.camera_id)
    if camera is not None:
        place, status = camera.place, camera.status
    elif event.camera_id.startswith(_UPLOAD):
        name = _upload_name(session, event.camera_id.removeprefix(_UPLOAD))
        place, status = page.words("event.upload", name=name), "lead_only"
    else:
        place, status = event.camera_id, "lead_only"
    deletion = deletion_of(session, Subject(SubjectKind.EVENT, event.id))
    return Finding(
        event=event,
        place=place,
        status=status,
        items={} if deletion else items_of(session, event.id),
        deletion=deletion,
        reasons=tuple(reason_words(row, page.language) for row in event.reasons),
    )


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the manifest of a clip says that an officer must know.

    Attributes:
        gaps: stretches of the clip that were not recorded.
        clock_offset_ms: the camera's clock minus the server's; None when the camera sent no time.
    """

    gaps: tuple[tuple[Instant, Instant], ...]
    clock_offset_ms: int | None


def read_manifest(path: Path) -> Manifest:
    """The manifest that `service.clips` wrote.

    Raises:
        ValueError, KeyError: it is none, which is a bug of ours.
    """
    said = json.loads(path.read_bytes())
    return Manifest(
        gaps=tuple((Instant(gap["start_us"]), Instant(gap["end_us"])) for gap in said["gaps"]),
        clock_offset_ms=said["camera_clock_minus_server_ms"],
    )
