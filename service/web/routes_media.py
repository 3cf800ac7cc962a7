"""Footage to a browser; who sees what is logged before the first byte leaves."""

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse
from sqlmodel import Session, select

from ingest.files import Sha256
from service.errors import InputError
from service.tables import Item
from service.web.deps import Parts, Viewer
from service.web.kept import kept_file
from service.web.views import log_view, was_shown

router = APIRouter()


def _item(session: Session, sha256: str, event_id: str) -> Item:
    pieces = select(Item).where(Item.sha256 == sha256, Item.event_id == event_id)
    item = session.exec(pieces).first()
    if item is None:
        raise InputError("not_found")
    return item


def _starts_playback(request: Request, item: Item) -> bool:
    """A player asks for a whole clip first, then for parts of it wherever it seeks."""
    whole = request.headers.get("Range", "bytes=0-").startswith("bytes=0-")
    return whole and item.media_type.startswith("video/")


@router.get("/media/{sha256}")
def media(sha256: str, event: str, request: Request, web: Parts, user: Viewer) -> FileResponse:
    """A piece of `event`, whole or in ranges (RFC 9110 section 14).

    The event is named because two events can share a picture, and the log must say which one
    was looked at.
    """
    with web.database.read() as session:
        item = _item(session, sha256, event)
        seen = was_shown(session, web.clock, user, item)
    path = kept_file(web, Sha256(item.sha256))
    if not seen or _starts_playback(request, item):
        with web.database.write() as session:
            log_view(session, web.clock, user, item)
    return FileResponse(path, media_type=item.media_type)
