"""Footage to a browser; who sees what is logged before the first byte leaves."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import FileResponse
from sqlmodel import Session, select

from ingest.files import Sha256
from service.errors import InputError
from service.roles import Permission
from service.subject import Subject, SubjectKind
from service.tables import Item, User
from service.tombstone import refuse_deleted
from service.web.deps import OnDuty, Parts, Viewer, permitted
from service.web.kept import kept_file
from service.web.views import log_download, log_end, log_view, was_shown

router = APIRouter()

_SUFFIXES = {"video/mp4": ".mp4", "image/jpeg": ".jpg", "application/json": ".json"}


def _item(session: Session, sha256: str, event_id: str) -> Item:
    pieces = select(Item).where(Item.sha256 == sha256, Item.event_id == event_id)
    item = session.exec(pieces).first()
    if item is None:
        raise InputError("not_found")
    refuse_deleted(session, Subject(SubjectKind.EVENT, event_id))
    return item


def _starts_playback(request: Request, item: Item) -> bool:
    """A player asks for a whole clip first, then for parts of it wherever it seeks."""
    whole = request.headers.get("Range", "bytes=0-").startswith("bytes=0-")
    return whole and item.media_type.startswith("video/")


@router.get("/media/{sha256}")
def media(
    sha256: str, event: str, request: Request, web: Parts, _user: Viewer, duty: OnDuty
) -> FileResponse:
    """A piece of `event`, whole or in ranges (RFC 9110 section 14).

    The event is named because two events can share a picture, and the log must say which one
    was looked at.
    """
    with web.database.read() as session:
        item = _item(session, sha256, event)
        seen = was_shown(session, web.clock, duty, item)
    path = kept_file(web, Sha256(item.sha256))
    if not seen or _starts_playback(request, item):
        with web.database.write() as session:
            log_view(session, web.clock, duty, item)
    return FileResponse(path, media_type=item.media_type)


@router.post("/media/{sha256}")
def download_piece(
    sha256: str,
    web: Parts,
    _user: Annotated[User, permitted(Permission.DOWNLOAD)],
    duty: OnDuty,
    event: Annotated[str, Form(max_length=80)],
    reason: Annotated[str, Form()] = "",
) -> FileResponse:
    """A piece of `event`, to be kept outside; the log says why."""
    with web.database.read() as session:
        item = _item(session, sha256, event)
    path = kept_file(web, Sha256(item.sha256))
    with web.database.write() as session:
        log_download(session, web.clock, duty, item.event_id, item.sha256, reason)
    name = f"{item.event_id}-{item.role}{_SUFFIXES.get(item.media_type, '')}"
    return FileResponse(path, media_type=item.media_type, filename=name)


@router.post("/views", status_code=204)
def view_ended(
    web: Parts,
    _user: Viewer,
    duty: OnDuty,
    of: Annotated[str, Form(max_length=80)],
    ranges: Annotated[str, Form(max_length=2500)] = "",
) -> Response:
    """The player was left: `ranges` of the recording of `of`, event or upload, were played."""
    with web.database.write() as session:
        log_end(session, web.clock, duty, of, ranges)
    return Response(status_code=204)
