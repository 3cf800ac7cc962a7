"""One's own account: the password, and the reason for which one looks."""

from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from service.credentials import MAX_PASSWORD, MIN_PASSWORD
from service.duty import MAX_REASON
from service.errors import InputError
from service.logins import change_password, state_reason
from service.web.deps import Answer, OnDuty, Parts, Web
from service.web.failures import message_of, status_of
from service.web.gate import COOKIE
from service.web.page import Page

router = APIRouter()


class PasswordForm(BaseModel):
    """The password as it was, and twice as it shall be."""

    model_config = ConfigDict(frozen=True)

    old: str = Field(default="", max_length=MAX_PASSWORD, repr=False)
    new: str = Field(default="", max_length=MAX_PASSWORD, repr=False)
    again: str = Field(default="", max_length=MAX_PASSWORD, repr=False)

    @property
    def wanted(self) -> str:
        """The new password.

        Raises:
            InputError: it was typed differently the second time.
        """
        if self.new != self.again:
            raise InputError("password_differs")
        return self.new


def _account_page(web: Web, page: Page, *, error: InputError | None = None) -> Response:
    facts = {
        "least": MIN_PASSWORD,
        "most": MAX_REASON,
        "problem": message_of(error, page) if error else "",
    }
    with web.database.read() as session:
        status = status_of(error) if error else 200
        return page.framed(session, "account.html", facts, status=status)


@router.get("/account", response_class=HTMLResponse)
def own_account(web: Parts, page: Answer) -> Response:
    """Who one is here, and the forms."""
    return _account_page(web, page)


@router.post("/account/reason", response_class=HTMLResponse)
def reason(web: Parts, duty: OnDuty, page: Answer, reason: Annotated[str, Form()] = "") -> Response:
    """Another standing reason."""
    try:
        with web.database.write() as session:
            state_reason(session, web.clock, duty, reason)
    except InputError as error:
        return _account_page(web, page, error=error)
    return RedirectResponse("/account", 303)


@router.post("/account/password", response_class=HTMLResponse)
def password(
    web: Parts, duty: OnDuty, page: Answer, form: Annotated[PasswordForm, Form()]
) -> Response:
    """The login, since every session has ended; or the form with what was wrong."""
    try:
        change_password(web.database, web.clock, duty, form.old, form.wanted)
    except InputError as error:
        return _account_page(web, page, error=error)
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE)
    return response
