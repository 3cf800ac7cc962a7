"""Recorder files: hand them over, see what was handed over, settle what waits for a person."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from sqlalchemy import ColumnElement, func, true
from sqlmodel import Session, col, select

from service.content_index import index_of, showing
from service.errors import InputError
from service.quarantine import Statement, quarantined, set_aside, take, waiting, waiting_count
from service.roles import is_officer
from service.subject import Subject, SubjectKind
from service.tables import Acquisition, Companion, Deletion, Quarantined, User
from service.times import BEIJING, beijing, instant
from service.tombstone import deletion_of
from service.web.deps import Answer, Parts, Viewer, Web
from service.web.failures import message_of, status_of
from service.web.page import Page
from service.web.paging import PAGE_ROWS, PageNumber, Paging
from vision.appearance import Group
from vision.frame import Instant

router = APIRouter()

Wanted = Annotated[Group | None, BeforeValidator(lambda said: said or None)]
"""A form sends an empty field where nothing is chosen."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An acquisition in a list.

    Attributes:
        copies: how many hand-overs have these bytes.
        deletion: because of which nobody may see it; None where there is none.
    """

    row: Acquisition
    officer: User | None
    copies: int
    deletion: Deletion | None

    @property
    def sums_differ(self) -> bool:
        """Whether a checksum that came with the file is not that of its bytes."""
        return any(not each["equal"] for each in self.row.sums)


class SettleForm(BaseModel):
    """The form of a file that waits, as typed."""

    model_config = ConfigDict(frozen=True)

    settlement: str = Field(default="", max_length=20)
    device: str = Field(default="", max_length=200)
    officer: str = Field(default="", max_length=64)
    started: str = Field(default="", max_length=40)
    why: str = Field(default="", max_length=500)

    @property
    def statement(self) -> Statement:
        """What it says.

        Raises:
            InputError: the start is no date and time.
        """
        return Statement(
            why=self.why,
            device_id=self.device.strip() or None,
            officer_id=self.officer or None,
            started=_local(self.started) if self.started else None,
        )


def _local(text: str) -> Instant:
    """The value of a `datetime-local` field, Beijing time."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError("start_missing") from error
    return instant(at if at.tzinfo else at.replace(tzinfo=BEIJING))


def _field(at: int | None) -> str:
    """An instant as a `datetime-local` field wants it."""
    if at is None:
        return ""
    return beijing(Instant(at)).replace(tzinfo=None).isoformat(timespec="seconds")


def _officers(session: Session) -> list[User]:
    found = session.exec(select(User).where(col(User.active)).order_by(col(User.id)))
    return [user for user in found if is_officer(user)]


def _devices(session: Session) -> list[str]:
    """Devices that were named before, to choose from."""
    known = col(Acquisition.device_id)
    rows = select(known).where(known.is_not(None)).distinct().order_by(known).limit(200)
    return [each for each in session.exec(rows) if each]


def _total(session: Session, wanted: ColumnElement[bool]) -> int:
    return session.exec(select(func.count()).select_from(Acquisition).where(wanted)).one()


def _shown(session: Session, row: Acquisition) -> Shown:
    same = select(func.count()).select_from(Acquisition).where(Acquisition.sha256 == row.sha256)
    officer = session.get(User, row.officer_id) if row.officer_id else None
    deletion = deletion_of(session, Subject(SubjectKind.UPLOAD, row.id))
    return Shown(row, officer, session.exec(same).one(), deletion)


@router.get("/uploads", response_class=HTMLResponse)
def uploads(
    web: Parts, user: Viewer, answer: Answer, page: PageNumber = 1, has: Wanted = None
) -> Response:
    """Where files are handed over, what waits, and what was handed over, newest first.

    With `has`, only files whose content index shows it.
    """
    with web.database.read() as session:
        wanted = true() if has is None else col(Acquisition.sha256).in_(showing(has))
        paging = Paging(_total(session, wanted), page)
        newest = select(Acquisition).where(wanted).order_by(col(Acquisition.acquired_us).desc())
        rows = session.exec(newest.offset(paging.rows.start).limit(PAGE_ROWS))
        facts = {
            "officers": _officers(session),
            "devices": _devices(session),
            "me": user.id,
            "waiting": waiting(session, limit=PAGE_ROWS),
            "waiting_count": waiting_count(session),
            "rows": [_shown(session, row) for row in rows],
            "paging": paging,
            "groups": list(Group),
            "has": has.value if has else "",
        }
        return answer.framed(session, "uploads.html", facts)


@router.get("/uploads/{upload_id}", response_class=HTMLResponse)
def upload(upload_id: str, web: Parts, _user: Viewer, answer: Answer) -> Response:
    """Everything that is known of one hand-over."""
    with web.database.read() as session:
        row = session.get(Acquisition, upload_id)
        if row is None:
            raise InputError("not_found")
        facts = {
            "each": _shown(session, row),
            "others": _same_bytes(session, row),
            "companions": _companions(session, upload_id),
            "settled": session.get(Quarantined, upload_id),
            "content": index_of(session, row.sha256),
            "groups": list(Group),
        }
        return answer.framed(session, "upload.html", facts)


def _same_bytes(session: Session, row: Acquisition) -> list[Acquisition]:
    same = select(Acquisition).where(Acquisition.sha256 == row.sha256, Acquisition.id != row.id)
    return list(session.exec(same.order_by(col(Acquisition.acquired_us)).limit(PAGE_ROWS)))


def _companions(session: Session, upload_id: str) -> list[Companion]:
    rows = select(Companion).where(Companion.upload_id == upload_id)
    return list(session.exec(rows.order_by(col(Companion.file_name))))


def _quarantined_page(
    web: Web,
    page: Page,
    quarantined_id: str,
    *,
    form: SettleForm | None = None,
    error: InputError | None = None,
) -> Response:
    with web.database.read() as session:
        row = quarantined(session, quarantined_id)
        officers = _officers(session)
        named = next((u.id for u in officers if row.officer_id in {u.id, u.badge_no}), "")
        first = next(iter(row.times.values()), None)
        facts = {
            "row": row,
            "officers": officers,
            "companions": _companions(session, quarantined_id),
            "form": form
            or SettleForm(device=row.device_id or "", officer=named, started=_field(first)),
            "problem": message_of(error, page) if error else "",
        }
        status = status_of(error) if error else 200
        return page.framed(session, "quarantined.html", facts, status=status)


@router.get("/quarantine/{quarantined_id}", response_class=HTMLResponse)
def waiting_file(quarantined_id: str, web: Parts, _user: Viewer, page: Answer) -> Response:
    """A file that waits, why, and the form that settles it."""
    return _quarantined_page(web, page, quarantined_id)


@router.post("/quarantine/{quarantined_id}", response_class=HTMLResponse)
def settle(
    quarantined_id: str,
    web: Parts,
    user: Viewer,
    page: Answer,
    form: Annotated[SettleForm, Form()],
) -> Response:
    """The list, or the form again with what was wrong."""
    act = {"taken": take, "set_aside": set_aside}.get(form.settlement)
    if act is None:
        raise InputError("bad_request", detail="settlement")
    try:
        with web.database.write() as session:
            act(session, web.clock, quarantined_id, officer=user, said=form.statement)
    except InputError as error:
        if error.code in {"not_found", "not_an_officer"}:
            raise
        return _quarantined_page(web, page, quarantined_id, form=form, error=error)
    return RedirectResponse("/uploads", 303)
