"""The review queue and the page of an event, where an officer decides."""

from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func
from sqlmodel import Session, col, select

from ingest.files import Sha256
from service.cases import case_with, cases
from service.duty import Duty
from service.errors import InputError
from service.review import Qualities, Rejection, confirm, queue, reject, review_of
from service.roles import Permission, may
from service.tables import Event, Item, Review, User
from service.web.bindings import EVENT_KEYS
from service.web.deps import Answer, OnDuty, Parts, Viewer, Web
from service.web.failures import message_of, status_of
from service.web.finding import Manifest, finding, read_manifest
from service.web.kept import check_event, kept_file
from service.web.page import Page
from service.web.paging import PageNumber, Paging
from service.web.player import Player, clip_player
from service.web.views import log_list_view

router = APIRouter()


class Decision(BaseModel):
    """What the form of the event page says; an unticked box is not sent at all."""

    model_config = ConfigDict(frozen=True)

    decision: str = ""
    genuine: bool = False
    clear: bool = False
    complete: bool = False
    accurate: bool = False
    reason: str = ""
    note: str = Field(default="", max_length=500)

    @property
    def qualities(self) -> Qualities:
        """The four boxes."""
        return Qualities(
            genuine=self.genuine, clear=self.clear, complete=self.complete, accurate=self.accurate
        )

    @property
    def rejection(self) -> Rejection:
        """The chosen reason.

        Raises:
            InputError: none was chosen.
        """
        if self.reason not in set(Rejection):
            raise InputError("reason_missing")
        return Rejection(self.reason)


def _list(web: Web, duty: Duty, page: Page, tab: str, number: int) -> Response:
    with web.database.read() as session:
        paging, events = (_pending if tab == "pending" else _decided)(session, number)
        findings = [finding(session, event, page) for event in events]
        facts = {"tab": tab, "findings": findings, "paging": paging}
        answer = page.framed(session, "queue.html", facts)
    with web.database.write() as session:
        shown = [each.items["onset"] for each in findings if "onset" in each.items]
        log_list_view(session, web.clock, duty, shown)
    return answer


def _pending(session: Session, number: int) -> tuple[Paging, list[Event]]:
    events = queue(session)
    paging = Paging(len(events), number)
    return paging, events[paging.rows]


def _decided(session: Session, number: int) -> tuple[Paging, list[Event]]:
    total = session.exec(select(func.count()).select_from(Review)).one()
    paging = Paging(total, number)
    rows = (
        select(Event)
        .join(Review, col(Review.event_id) == Event.id)
        .order_by(col(Review.decided_us).desc())
        .slice(paging.rows.start, paging.rows.stop)
    )
    return paging, list(session.exec(rows))


@router.get("/", response_class=HTMLResponse)
def pending(
    web: Parts, _user: Viewer, duty: OnDuty, answer: Answer, page: PageNumber = 1
) -> Response:
    """Events that wait for a decision."""
    return _list(web, duty, answer, "pending", page)


@router.get("/decided", response_class=HTMLResponse)
def decided(
    web: Parts, _user: Viewer, duty: OnDuty, answer: Answer, page: PageNumber = 1
) -> Response:
    """Events that were decided, latest first."""
    return _list(web, duty, answer, "decided", page)


def _event(session: Session, event_id: str) -> Event:
    event = session.get(Event, event_id)
    if event is None:
        raise InputError("no_event", event=event_id)
    return event


def _after(session: Session, event_id: str) -> str | None:
    """The id of the event that follows in the queue; None when no other waits."""
    ids = [event.id for event in queue(session)]
    if event_id in ids:
        place = ids.index(event_id)
        ids = ids[place + 1 :] + ids[:place]
    return ids[0] if ids else None


def _event_page(  # noqa: PLR0913  what is shown, to whom, and what was wrong
    web: Web,
    page: Page,
    user: User,
    event_id: str,
    *,
    form: Decision,
    after_rejection: bool = False,
    error: InputError | None = None,
) -> Response:
    with web.database.read() as session:
        found = finding(session, _event(session, event_id), page)
        review = review_of(session, event_id)
        officer = session.get(User, review.officer_id) if review else None
        case, own = case_with(session, event_id), cases(session, user)
        facts = {
            "found": found,
            "player": _player(web, session, page, found.items.get("clip")),
            "manifest": _manifest(web, found.items.get("manifest")),
            "review": review,
            "officer": officer,
            "case": case,
            "sees_case": may(user, Permission.CASE_SEE) and case in own,
            "cases": own,
            "next_id": _after(session, event_id),
            "rejections": list(Rejection),
            "bindings": EVENT_KEYS,
            "form": form,
            "after_rejection": after_rejection,
            "problem": message_of(error, page) if error else "",
        }
        status = status_of(error) if error else 200
        return page.framed(session, "event.html", facts, status=status)


def _player(web: Web, session: Session, page: Page, clip: Item | None) -> Player | None:
    return None if clip is None else clip_player(web, session, page, clip)


def _manifest(web: Web, item: Item | None) -> Manifest | None:
    return None if item is None else read_manifest(kept_file(web, Sha256(item.sha256)))


@router.get("/events/{event_id}", response_class=HTMLResponse)
def event(event_id: str, web: Parts, user: Viewer, page: Answer, after: str = "") -> Response:
    """Clip, stills and facts of an event, and the form to decide with."""
    said = after == "rejected"
    return _event_page(web, page, user, event_id, form=Decision(), after_rejection=said)


@router.post("/events/{event_id}", response_class=HTMLResponse)
def decide(
    event_id: str, web: Parts, user: Viewer, page: Answer, form: Annotated[Decision, Form()]
) -> Response:
    """Confirmed: the same page, which now offers a case. Rejected: the next event.

    What was wrong is said beside the form; nothing has changed then.
    """
    if form.decision == "confirmed":
        check_event(web, event_id)
    try:
        with web.database.write() as session:
            _decide(session, web, event_id, user, form)
            next_id = _after(session, event_id)
    except InputError as error:
        return _event_page(web, page, user, event_id, form=form, error=error)
    if form.decision == "confirmed":
        return RedirectResponse(f"/events/{event_id}", 303)
    return RedirectResponse(f"/events/{next_id}?after=rejected" if next_id else "/", 303)


def _decide(session: Session, web: Web, event_id: str, user: User, form: Decision) -> None:
    if form.decision == "confirmed":
        confirm(
            session,
            web.clock,
            event_id,
            officer=user,
            qualities=form.qualities,
            note=form.note,
        )
    elif form.decision == "rejected":
        reject(session, web.clock, event_id, officer=user, reason=form.rejection, note=form.note)
    else:
        raise InputError("bad_request", detail="decision")
