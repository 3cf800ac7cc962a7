"""Deletions: asked for, approved, recovered; and what is due, held and destroyed."""

from collections.abc import Set
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy import ColumnElement, func, or_
from sqlmodel import Session, col, select

from service.case_end import Procedure, close_case, reopen_case
from service.cases import case_for, cases
from service.deletion import MOST, Wish, approve, ask, refuse, subject_of
from service.errors import InputError
from service.holds import hold_subject, holds_on, release_hold
from service.obstacle import obstacle
from service.recycle import recover
from service.roles import Permission
from service.scrub import progress
from service.subject import Subject, SubjectKind, check_subject, parts_of
from service.tables import (
    Acquisition,
    Camera,
    Case,
    Deletion,
    Event,
    Hold,
    Quarantined,
    Tombstone,
    User,
)
from service.term import due, term_of
from service.tombstone import GONE, deletion_of
from service.web.deps import Answer, CaseReader, Parts, Web, permitted
from service.web.page import Page, short
from service.web.paging import PageNumber, Paging
from vision.frame import Instant

router = APIRouter()

Tab = Literal["asked", "recycled", "due", "destroyed"]
Why = Annotated[str, Form(max_length=500)]
Asker = Annotated[User, permitted(Permission.DELETE_REQUEST)]
Holder = Annotated[User, permitted(Permission.HOLD)]
Editor = Annotated[User, permitted(Permission.CASE_EDIT)]


@dataclass(frozen=True, slots=True)
class Line:
    """A deletion in a list."""

    row: Deletion
    subject: Subject
    title: str
    asked_by: str
    approved_by: str


def title_of(session: Session, subject: Subject) -> str:
    """What people call a subject that is there."""
    match subject.kind:
        case SubjectKind.EVENT:
            event = session.get_one(Event, subject.id)
            camera = session.get(Camera, event.camera_id)
            place = camera.place if camera else event.camera_id
            return f"{place} · {short(Instant(event.onset_us))}"
        case SubjectKind.UPLOAD:
            row = session.get(Acquisition, subject.id) or session.get(Quarantined, subject.id)
            return row.file_name if row else subject.id
        case SubjectKind.CASE:
            return session.get_one(Case, subject.id).title


def _line(session: Session, row: Deletion) -> Line:
    subject = subject_of(row)
    asked, agreed = (session.get(User, each or "") for each in (row.asked_by, row.approved_by))
    return Line(
        row,
        subject,
        title_of(session, subject),
        asked.name if asked else row.asked_by,
        agreed.name if agreed else row.approved_by or "",
    )


def _listed(session: Session, state: str, number: int, own: Set[str]) -> tuple[Paging, list[Line]]:
    """A page of the deletions in a state; of cases, only of those that are the person's to see."""
    states = [state, "garbage"] if state == "destroyed" else [state]
    wanted = (
        col(Deletion.state).in_(states),
        or_(col(Deletion.kind) != SubjectKind.CASE.value, col(Deletion.subject).in_(own)),
    )
    total = session.exec(select(func.count()).select_from(Deletion).where(*wanted)).one()
    paging = Paging(total, number)
    rows = session.exec(
        select(Deletion)
        .where(*wanted)
        .order_by(col(Deletion.asked_us).desc(), col(Deletion.batch), col(Deletion.id))
        .slice(paging.rows.start, paging.rows.stop)
    )
    return paging, [_line(session, row) for row in rows]


@router.get("/deletions", response_class=HTMLResponse)
def every_deletion(
    web: Parts, user: CaseReader, answer: Answer, tab: Tab = "asked", page: PageNumber = 1
) -> Response:
    """What waits for approval, in the recycle state, for its term's end; what was destroyed."""
    with web.database.read() as session:
        own = {case.id for case in cases(session, user)}
        proposals = due(session, web.clock.now(), web.settings, most=MOST) if tab == "due" else []
        paging, lines = _listed(session, tab, page, own) if tab != "due" else (Paging(0, 1), [])
        facts = {
            "tab": tab,
            "paging": paging,
            "batches": [list(each) for _, each in groupby(lines, key=lambda line: line.row.batch)],
            "due": [
                (each, title_of(session, each.subject))
                for each in proposals
                if each.subject.kind is not SubjectKind.CASE or each.subject.id in own
            ],
            "scrub": progress(session),
            "me": user.id,
        }
        return answer.framed(session, "deletions.html", facts)


@router.post("/deletions")
def ask_for(
    web: Parts,
    user: Asker,
    subject: Annotated[list[str], Form(max_length=MOST)],
    reason: Why = "",
) -> Response:
    """Ask for the deletion of what was chosen, each as `kind:id`."""
    subjects = tuple(_subject(*each.partition(":")[::2]) for each in subject)
    with web.database.write() as session:
        for each in subjects:
            _check_unit(session, each, user)
        ask(session, web.clock, web.settings, Wish(subjects, reason), by=user)
    return RedirectResponse("/deletions", 303)


@router.post("/deletions/{batch}")
def settle(
    batch: str,
    web: Parts,
    user: CaseReader,
    decision: Annotated[Literal["approve", "refuse"], Form()],
    why: Why = "",
) -> Response:
    """Approve a request or turn it down."""
    with web.database.write() as session:
        _check_units(session, Deletion, col(Deletion.batch) == batch, user)
        if decision == "approve":
            approve(session, web.clock, batch, by=user)
        else:
            refuse(session, web.clock, batch, by=user, why=why)
    tab = "recycled" if decision == "approve" else "asked"
    return RedirectResponse(f"/deletions?tab={tab}", 303)


@router.post("/deletions/{deletion_id}/recover")
def take_back(deletion_id: str, web: Parts, user: Holder, why: Why = "") -> Response:
    """Take something out of the recycle state."""
    with web.database.write() as session:
        _check_units(session, Deletion, col(Deletion.id) == deletion_id, user)
        row = recover(session, web.clock, deletion_id, by=user, why=why)
    return RedirectResponse(f"/kept/{row.kind}/{row.subject}", 303)


def _subject(kind: str, subject_id: str) -> Subject:
    if kind not in set(SubjectKind):
        raise InputError("not_found")
    return Subject(SubjectKind(kind), subject_id)


def _check_unit(session: Session, subject: Subject, user: User) -> None:
    if subject.kind is SubjectKind.CASE:
        case_for(session, subject.id, user)


def _check_units(
    session: Session, table: type[Deletion | Hold], which: ColumnElement[bool], user: User
) -> None:
    """Refuse whoever may not see a case that these rows are about.

    The rows themselves stay unread: they are judged as they are under the log's lock.
    """
    of_case = col(table.kind) == SubjectKind.CASE.value
    for case_id in session.exec(select(table.subject).where(of_case, which)).all():
        case_for(session, case_id or "", user)


@router.get("/kept/{kind}/{subject_id}", response_class=HTMLResponse)
def keeping(kind: str, subject_id: str, web: Parts, user: CaseReader, page: Answer) -> Response:
    """How one event, recorder file or case is kept: its term, holds, objects and deletions."""
    subject = _subject(kind, subject_id)
    with web.database.read() as session:
        check_subject(session, subject)
        _check_unit(session, subject, user)
        return _keeping_page(web, session, page, subject)


def _keeping_page(web: Web, session: Session, page: Page, subject: Subject) -> Response:
    rows = session.exec(
        select(Deletion)
        .where(Deletion.kind == subject.kind.value, Deletion.subject == subject.id)
        .order_by(col(Deletion.asked_us).desc())
    ).all()
    buried = session.exec(
        select(Tombstone.sha256).where(col(Tombstone.deletion_id).in_([row.id for row in rows]))
    ).all()
    deletion = deletion_of(session, subject)
    is_gone = deletion is not None and deletion.state in GONE
    stop = obstacle(session, subject)
    facts = {
        "subject": subject,
        "title": title_of(session, subject),
        "term": term_of(session, subject, web.settings, web.clock.now()),
        "stop": stop,
        "history": [_line(session, row) for row in rows],
        "free": stop is None and all(row.state in {"refused", "recovered"} for row in rows),
        "holds": holds_on(session, subject),
        "is_gone": is_gone,
        "parts": [
            (part, "gone" if part.sha256 in buried else "shared" if is_gone else "there")
            for part in parts_of(session, subject)
        ],
        "names": {user.id: user.name for user in session.exec(select(User))},
        "case": session.get(Case, subject.id) if subject.kind is SubjectKind.CASE else None,
        "procedures": list(Procedure),
    }
    return page.framed(session, "kept.html", facts)


@router.post("/kept/{kind}/{subject_id}/hold")
def hold(kind: str, subject_id: str, web: Parts, user: Holder, reason: Why = "") -> Response:
    """Forbid to destroy it."""
    subject = _subject(kind, subject_id)
    with web.database.write() as session:
        _check_unit(session, subject, user)
        hold_subject(session, web.clock, subject, by=user.id, reason=reason)
    return RedirectResponse(f"/kept/{kind}/{subject_id}", 303)


@router.post("/holds/{hold_id}/release")
def let_go(hold_id: str, web: Parts, user: Holder, reason: Why = "") -> Response:
    """Let a hold go."""
    with web.database.write() as session:
        _check_units(session, Hold, col(Hold.id) == hold_id, user)
        row = release_hold(session, web.clock, hold_id, by=user.id, reason=reason)
    return RedirectResponse(f"/kept/{row.kind}/{row.subject}" if row.subject else "/deletions", 303)


@router.post("/cases/{case_id}/end")
def end(
    case_id: str, web: Parts, user: Editor, procedure: Annotated[Procedure, Form()]
) -> Response:
    """End a case today."""
    with web.database.write() as session:
        close_case(session, web.clock, case_id, officer=user, procedure=procedure)
    return RedirectResponse(f"/kept/case/{case_id}", 303)


@router.post("/cases/{case_id}/reopen")
def reopen(case_id: str, web: Parts, user: Editor, why: Why = "") -> Response:
    """Take the end of a case back."""
    with web.database.write() as session:
        reopen_case(session, web.clock, case_id, officer=user, why=why)
    return RedirectResponse(f"/kept/case/{case_id}", 303)
