"""Cases: the list, a case with its exhibits, the party and the draft's choices."""

from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session

from service.cases import (
    PartyFacts,
    add_exhibit,
    case_for,
    case_of,
    cases,
    documents_of,
    exhibits_of,
    open_case,
    set_party,
)
from service.drafts import DocumentKind
from service.errors import InputError
from service.law import Provision, Role
from service.tables import Case, User
from service.times import beijing
from service.web.deps import Answer, CaseEditor, CaseReader, Parts, Web
from service.web.failures import message_of, status_of
from service.web.finding import finding
from service.web.page import Page
from service.web.paging import PageNumber, Paging
from vision.candidate import Kind
from vision.frame import Instant

router = APIRouter()


class PartyForm(BaseModel):
    """The form of the party, as typed; empty means still blank."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(default="", max_length=200)
    id_no: str = Field(default="", max_length=40)
    address: str = Field(default="", max_length=300)
    phone: str = Field(default="", max_length=40)
    provision_id: str = Field(default="", max_length=80)
    fine_yuan: str = Field(default="", max_length=9)

    @property
    def facts(self) -> PartyFacts:
        """What it says.

        Raises:
            InputError: the fine is no number.
        """
        fine = self.fine_yuan.strip()
        # isdecimal alone would take digits of every script.
        if fine and not (fine.isascii() and fine.isdecimal()):
            raise InputError("fine_not_positive")
        return PartyFacts(
            name=self.name.strip() or None,
            id_no=self.id_no.strip() or None,
            address=self.address.strip() or None,
            phone=self.phone.strip() or None,
            provision_id=self.provision_id or None,
            fine_yuan=int(fine) if fine else None,
        )


def _filled(case: Case) -> PartyForm:
    return PartyForm(
        name=case.party_name or "",
        id_no=case.party_id_no or "",
        address=case.party_address or "",
        phone=case.party_phone or "",
        provision_id=case.provision_id or "",
        fine_yuan="" if case.fine_yuan is None else str(case.fine_yuan),
    )


def _provisions(web: Web, case: Case) -> tuple[Provision, ...]:
    return web.law.provisions(Kind(case.kind), beijing(Instant(case.act_us)).date())


def _case_page(
    web: Web,
    page: Page,
    user: User,
    case_id: str,
    *,
    form: PartyForm | None = None,
    error: InputError | None = None,
) -> Response:
    with web.database.read() as session:
        case = case_for(session, case_id, user)
        exhibits = exhibits_of(session, case_id)
        facts = {
            "case": case,
            "opener": session.get(User, case.opened_by),
            "exhibits": [(row, finding(session, event, page)) for row, event in exhibits],
            "documents": documents_of(session, case_id),
            "document_kinds": list(DocumentKind),
            "provisions": _provisions(web, case),
            "penalty": Role.PENALTY,
            "form": form or _filled(case),
            "problem": message_of(error, page) if error else "",
        }
        status = status_of(error) if error else 200
        return page.framed(session, "case.html", facts, status=status)


@router.get("/cases", response_class=HTMLResponse)
def every_case(web: Parts, user: CaseReader, answer: Answer, page: PageNumber = 1) -> Response:
    """The cases, newest first."""
    with web.database.read() as session:
        found = cases(session, user)
        paging = Paging(len(found), page)
        shown = found[paging.rows]
        rows = [(case, len(exhibits_of(session, case.id))) for case in shown]
        return answer.framed(session, "cases.html", {"rows": rows, "paging": paging})


@router.get("/cases/{case_id}", response_class=HTMLResponse)
def case(case_id: str, web: Parts, user: CaseReader, page: Answer) -> Response:
    """A case with everything in it."""
    return _case_page(web, page, user, case_id)


@router.post("/cases")
def start_case(
    web: Parts,
    user: CaseEditor,
    event_id: Annotated[str, Form()],
    title: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """A new case with a confirmed event as its first exhibit."""
    with web.database.write() as session:
        opened = open_case(session, web.clock, event_id, officer=user, title=title)
    return RedirectResponse(f"/cases/{opened.id}", 303)


@router.post("/exhibits")
def join_case(
    web: Parts,
    user: CaseEditor,
    event_id: Annotated[str, Form()],
    case_id: Annotated[str, Form()],
) -> Response:
    """A confirmed event as a further exhibit of a case."""
    with web.database.write() as session:
        add_exhibit(session, web.clock, case_id, event_id, officer=user)
    return RedirectResponse(f"/cases/{case_id}", 303)


@router.post("/cases/{case_id}", response_class=HTMLResponse)
def keep_party(
    case_id: str, web: Parts, user: CaseEditor, page: Answer, form: Annotated[PartyForm, Form()]
) -> Response:
    """The case with its party, or the form again with what was wrong."""
    try:
        with web.database.write() as session:
            _check_provision(session, web, case_id, form.provision_id)
            set_party(session, web.clock, case_id, form.facts, officer=user)
    except InputError as error:
        return _case_page(web, page, user, case_id, form=form, error=error)
    return RedirectResponse(f"/cases/{case_id}", 303)


def _check_provision(session: Session, web: Web, case_id: str, chosen: str) -> None:
    """Only what the page offered can be chosen: in force on the day of the act, for its kind."""
    offered = {
        each.id for each in _provisions(web, case_of(session, case_id)) if each.role is Role.PENALTY
    }
    if chosen and chosen not in offered:
        raise InputError("no_provision", provision=chosen)
