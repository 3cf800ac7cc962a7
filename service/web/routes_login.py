"""Coming in, going out, and the language to read in."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from service.errors import InputError
from service.people import log_in, log_out, user_of
from service.tables import User
from service.web.deps import Parts, Web
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
    page: Page, wanted: str, *, account: str = "", error: InputError | None = None
) -> Response:
    facts = {
        "next": _local(wanted),
        "account": account,
        "problem": message_of(error, page) if error else "",
    }
    return page.bare("login.html", facts, status=status_of(error) if error else 200)


@router.get("/login", response_class=HTMLResponse)
def ask_login(request: Request, web: Parts, next: str = "/") -> Response:
    """The form."""
    return _form(web.pages.page(request), next)


def _log_in(web: Web, account: str, password: str) -> tuple[str, User]:
    hours = web.settings.session_hours
    token = log_in(web.database, web.clock, account, password, hours=hours)
    with web.database.read() as session:
        user = user_of(session, web.clock, token) if token else None
    if token is None or user is None:
        raise InputError("login_wrong")
    return token, user


@router.post("/login", response_class=HTMLResponse)
def do_login(
    request: Request,
    web: Parts,
    account: Annotated[str, Form(max_length=64)] = "",
    password: Annotated[str, Form(max_length=1024)] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    """A session cookie and the page that was wanted, or the form again."""
    try:
        token, user = _log_in(web, account, password)
    except InputError as error:
        return _form(web.pages.page(request), next, account=account, error=error)
    wanted = _local(next)
    response = RedirectResponse(home_of(user) if wanted == "/" else wanted, 303)
    response.set_cookie(
        COOKIE,
        token,
        max_age=round(web.settings.session_hours * 3600),
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
