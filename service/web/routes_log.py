"""The log, for whoever supervises; that it was read is in it too."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from service.errors import InputError
from service.evidence.log import Action, append
from service.evidence.standing import log_standing
from service.logbook import Search, count, lines
from service.people import users
from service.roles import Permission
from service.tables import User
from service.web.deps import Answer, OnDuty, Parts, permitted
from service.web.paging import Paging

router = APIRouter()


class SearchForm(BaseModel):
    """What is asked of the log, as typed."""

    model_config = ConfigDict(frozen=True)

    actor: str = Field(default="", max_length=80)
    subject: str = Field(default="", max_length=100)
    action: str = Field(default="", max_length=40)
    reason: str = Field(default="", max_length=100)
    since: str = Field(default="", max_length=10)
    until: str = Field(default="", max_length=10)
    page: int = Field(default=1, ge=1, le=1_000_000)

    @property
    def search(self) -> Search:
        """What it says.

        Raises:
            InputError: a day is none.
        """
        return Search(
            actor=self.actor.strip(),
            subject=self.subject.strip(),
            action=self.action,
            reason=self.reason.strip(),
            since=_day(self.since),
            until=_day(self.until),
        )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise InputError("bad_request", detail=text) from error


@router.get("/log", response_class=HTMLResponse)
def read_log(
    web: Parts,
    reader: Annotated[User, permitted(Permission.LOG_READ)],
    duty: OnDuty,
    page: Answer,
    form: Annotated[SearchForm, Query()],
) -> Response:
    """Entries, latest first; who reads them is logged before they are sent."""
    search = form.search
    with web.database.write() as session:
        append(
            session,
            web.clock,
            actor=reader.id,
            action=Action.LOG_READ,
            subject="log",
            body={**duty.told(), **search.told, "page": form.page},
        )
    with web.database.read() as session:
        paging = Paging(count(session, search), form.page)
        facts = {
            "form": form,
            "paging": paging,
            "lines": lines(session, search, paging.rows),
            "people": users(session),
            "actions": sorted(Action),
            "standing": log_standing(session, web.settings),
        }
        return page.framed(session, "log.html", facts)
