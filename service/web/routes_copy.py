"""Review copies: asked for, followed, and looked at; and recorder files that play as they are."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import FileResponse, RedirectResponse
from sqlmodel import Session, select

from ingest.files import Sha256
from ingest.transcode import Stretch
from service.derived import Copy, Wish, ask, copies_of, manifest, standing, wish_for_clip
from service.duty import Duty
from service.errors import InputError
from service.review import items_of
from service.roles import Permission
from service.subject import Subject, SubjectKind
from service.tables import Acquisition, Derived, Item, User
from service.tombstone import refuse_deleted
from service.web.deps import Answer, OnDuty, Parts, Viewer, Web, permitted
from service.web.kept import kept_file
from service.web.page import Page
from service.web.player import copy_address, plays, standing_words
from service.web.views import Sight, log_download, log_view, was_shown
from vision.frame import SECOND

router = APIRouter()

_TIME = re.compile(r"(?:(?:(\d{1,2}):)?(\d{1,3}):)?(\d{1,4})(?:\.(\d{1,3}))?", re.ASCII)
"""`1:02:03`, `62:03` or `3723`, with up to three decimals."""


def offset_us(text: str) -> int:
    """Microseconds from a file's beginning.

    Raises:
        InputError: the text is no time.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise InputError("copy_time", text=text[:20])
    hours, minutes, seconds, part = (group or "0" for group in found.groups())
    whole_s = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
    return whole_s * SECOND + int(part.ljust(6, "0"))


def _acquisition(session: Session, upload_id: str) -> Acquisition:
    acquisition = session.get(Acquisition, upload_id)
    if acquisition is None:
        raise InputError("not_found")
    refuse_deleted(session, Subject(SubjectKind.UPLOAD, upload_id))
    return acquisition


def _clip(session: Session, event_id: str) -> Item:
    clip = items_of(session, event_id).get("clip")
    if clip is None:
        raise InputError("not_found")
    refuse_deleted(session, Subject(SubjectKind.EVENT, event_id))
    return clip


def _send(web: Web, duty: Duty, request: Request, sight: Sight) -> FileResponse:
    """An object, whole or in ranges, once the log says who is about to see it."""
    path = kept_file(web, Sha256(sight.sha256))
    with web.database.read() as session:
        seen = was_shown(session, web.clock, duty, sight)
    if not seen or request.headers.get("Range", "bytes=0-").startswith("bytes=0-"):
        with web.database.write() as session:
            log_view(session, web.clock, duty, sight)
    return FileResponse(path, media_type="video/mp4")


@router.post("/events/{event_id}/copy")
def ask_for_clip(event_id: str, web: Parts, user: Viewer) -> Response:
    """Queue a copy of an event's clip."""
    with web.database.write() as session:
        ask(session, web.clock, wish_for_clip(_clip(session, event_id), user.id))
    return RedirectResponse(f"/events/{event_id}", 303)


@router.get("/copies/{copy_id}")
def copy_state(copy_id: str, web: Parts, _user: Viewer, page: Answer) -> dict[str, Any]:
    """How a copy stands, and what it is once it is there."""
    with web.database.read() as session:
        now = standing(session, copy_id)
        row = session.get(Derived, copy_id)
    told = {"state": now.state, "done_s": now.done_s, "total_s": now.total_s}
    words = standing_words(page, now, page.words("copy.original_name"))
    return {**told, "words": words, "manifest": manifest(row) if row else None}


@router.get("/copies/{copy_id}/media")
def copy_media(
    copy_id: str, of: str, request: Request, web: Parts, _user: Viewer, duty: OnDuty
) -> FileResponse:
    """A copy, as part of the event or acquisition `of`: the log says which was looked at."""
    with web.database.read() as session:
        row = session.get(Derived, copy_id)
        if row is None or row.parent_sha256 not in _originals(session, of):
            raise InputError("not_found")
    return _send(web, duty, request, Sight(of, "review copy", row.sha256))


def _originals(session: Session, subject: str) -> set[str]:
    """The clip of an event, or the file of an acquisition."""
    acquisition = session.get(Acquisition, subject)
    kind = SubjectKind.UPLOAD if acquisition else SubjectKind.EVENT
    refuse_deleted(session, Subject(kind, subject))
    clips = select(Item.sha256).where(Item.event_id == subject, Item.role == "clip")
    return {acquisition.sha256} if acquisition else set(session.exec(clips))


@router.get("/uploads/{upload_id}/original")
def original(
    upload_id: str, request: Request, web: Parts, _user: Viewer, duty: OnDuty
) -> FileResponse:
    """A recorder file as it was handed over, to be played; what plays nowhere is downloaded."""
    with web.database.read() as session:
        acquisition = _acquisition(session, upload_id)
    sha256 = Sha256(acquisition.sha256)
    if not plays(web, sha256):
        raise InputError("not_playable", name=acquisition.file_name)
    return _send(web, duty, request, Sight(upload_id, "original", sha256))


@router.post("/uploads/{upload_id}/original")
def download_original(
    upload_id: str,
    web: Parts,
    _user: Annotated[User, permitted(Permission.DOWNLOAD)],
    duty: OnDuty,
    reason: Annotated[str, Form()] = "",
) -> FileResponse:
    """A recorder file as it was handed over, to be kept outside; the log says why."""
    with web.database.read() as session:
        acquisition = _acquisition(session, upload_id)
    path = kept_file(web, Sha256(acquisition.sha256))
    with web.database.write() as session:
        log_download(session, web.clock, duty, upload_id, acquisition.sha256, reason)
    return FileResponse(path, media_type="application/octet-stream", filename=acquisition.file_name)


@router.get("/uploads/{upload_id}/copies")
def copies(upload_id: str, web: Parts, _user: Viewer, page: Answer) -> dict[str, Any]:
    """What of a recorder file can be played: itself, or copies of stretches of it."""
    with web.database.read() as session:
        acquisition = _acquisition(session, upload_id)
        sha256 = Sha256(acquisition.sha256)
        found = [_told(session, page, acquisition, copy) for copy in copies_of(session, sha256)]
    return {
        "original": f"/uploads/{upload_id}/original" if plays(web, sha256) else None,
        "copies": found,
    }


def _told(session: Session, page: Page, of: Acquisition, copy: Copy) -> dict[str, Any]:
    now = standing(session, copy.id)
    return {
        "start_s": copy.stretch.start_us / SECOND,
        "end_s": copy.stretch.end_us / SECOND,
        "state": now.state,
        "words": standing_words(page, now, of.file_name),
        "address": copy_address(copy.id, of.id),
    }


@router.post("/uploads/{upload_id}/copies")
def ask_for_stretch(
    upload_id: str,
    web: Parts,
    user: Viewer,
    start: Annotated[str, Form(max_length=20)] = "",
    end: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Queue a copy of a stretch of a recorder file."""
    with web.database.write() as session:
        acquisition = _acquisition(session, upload_id)
        last_us = round(float(acquisition.media["seconds"]) * SECOND)
        stretch = Stretch(offset_us(start), min(offset_us(end), last_us))
        sha256 = Sha256(acquisition.sha256)
        ask(session, web.clock, Wish(sha256, stretch, upload_id, acquisition.file_name, user.id))
    return RedirectResponse(f"/uploads/{upload_id}", 303)
