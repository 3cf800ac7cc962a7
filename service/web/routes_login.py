"""Coming in, going out, and the language to read in."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from service.credentials import MAX_PASSWORD
from service.duty import MAX_REASON
from service.errors import InputError, ServiceError
from service.logins import Attempt, log_in, log_out
from service.people import user_named
from service.web.deps import Parts
from service.web.failures import message_of, status_of
from service.web.gate import COOKIE
from service.web.language import COOKIE as LANGUAGE_COOKIE
from service.web.page import Page, home_of

router = APIRouter()

_YEAR_S = 365 * 86_400


def _local(address: str) -> str:
    """The address if it is a path of ours, else `/`: no form sends people to other sites."""
    # Browsers read "/\host" like "//host".
    ours = address.startswith("/") and address[1:2] not in {"/", "\\"} and address.isprintable()
    return address if ours else "/"


def _form(
    page: Page,
    wanted: str,
    *,
    account: str = "",
    reason: str | None = None,
    error: ServiceError | None = None,
) -> Response:
    facts = {
        "next": _local(wanted),
        "account": account,
        "reason": page.words("login.reason_usual") if reason is None else reason,
        "most": MAX_REASON,
        "problem": message_of(error, page) if error else "",
    }
    return page.bare("login.html", facts, status=status_of(error) if error else 200)


@router.get("/login", response_class=HTMLResponse)
def ask_login(request: Request, web: Parts, next: str = "/") -> Response:
    """The form."""
    return _form(web.pages.page(request), next)


class LoginForm(BaseModel):
    """What is typed to come in."""

    model_config = ConfigDict(frozen=True)

    account: str = Field(default="", max_length=64)
    password: str = Field(default="", max_length=MAX_PASSWORD, repr=False)
    reason: str | None = Field(default=None, max_length=MAX_REASON)
    next: str = "/"


@router.post("/login", response_class=HTMLResponse)
def do_login(request: Request, web: Parts, form: Annotated[LoginForm, Form()]) -> Response:
    """A session cookie and the page that was wanted, or the form again."""
    page = web.pages.page(request)
    reason = page.words("login.reason_usual") if form.reason is None else form.reason
    address = request.client.host if request.client else ""
    attempt = Attempt(form.account, form.password, address, reason)
    hours = web.settings.session_hours
    try:
        token = log_in(web.database, web.clock, attempt, hours=hours)
        if token is None:
            raise InputError("login_wrong")
    except ServiceError as error:
        return _form(page, form.next, account=form.account, reason=form.reason, error=error)
    with web.database.read() as session:
        user = user_named(session, form.account)
    wanted = _local(form.next)
    response = RedirectResponse(home_of(user) if wanted == "/" else wanted, 303)
    response.set_cookie(
        COOKIE,
        token,
        max_age=round(hours * 3600),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


@router.post("/logout")
def do_logout(request: Request, web: Parts) -> Response:
    """The session ends here and in the database."""
    with web.database.write() as session:
        log_out(session, web.clock, request.cookies.get(COOKIE, ""))
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE)
    return response


@router.post("/language")
def set_language(
    language: Annotated[str, Form()] = "zh", back: Annotated[str, Form()] = "/"
) -> Response:
    """The same page in the other language."""
    response = RedirectResponse(_local(back), 303)
    known = "en" if language == "en" else "zh"
    response.set_cookie(LANGUAGE_COOKIE, known, max_age=_YEAR_S, httponly=True, samesite="lax")
    return response
