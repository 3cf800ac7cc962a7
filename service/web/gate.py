"""Who gets in: nobody without a login, and no form that an other site sends."""

from urllib.parse import quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from ingest.clock import Clock
from service.database import Database
from service.duty import Duty
from service.errors import InputError
from service.logins import duty_of
from service.settings import Settings
from service.stations import station_of
from service.tables import Station, Token
from service.tokens import Scope, use_token
from service.web.failures import refusal
from service.web.page import Pages

COOKIE = "liuhen_session"

_OPEN = frozenset({"/login", "/language", "/healthz", "/readyz"})
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110 section 9.2.1
_LOOPBACK = frozenset({"127.0.0.1", "::1"})
_BEARER = "Bearer "
_TRANSFERS = "/transfers"
_METRICS = "/metrics"
_API = "/api"
ACCOUNT = "/account"
_UNCHANGED = frozenset({ACCOUNT, f"{ACCOUNT}/password", "/logout"})
"""What is open to a person whose password somebody else has set."""
_SCOPES = {_TRANSFERS: Scope.UPLOAD, f"{_API}/events": Scope.READ_EVENTS, _METRICS: Scope.METRICS}
"""What a program may come for with a token: there is nothing else that one could open."""


def _is_under(request: Request, top: str) -> bool:
    # Not request.url: that is put together with the Host header, which anybody can choose.
    path: str = request.scope["path"]
    return path == top or path.startswith(f"{top}/")


def _bearer(request: Request) -> tuple[str, Scope] | None:
    """The token of a program and what it asks for; None for a person."""
    header = request.headers.get("Authorization", "")
    scope = next((scope for top, scope in _SCOPES.items() if _is_under(request, top)), None)
    if scope is None or not header.startswith(_BEARER):
        return None
    return header.removeprefix(_BEARER), scope


def _address(request: Request) -> str:
    """Where a request came from; behind a proxy the server has put the client in its place."""
    return request.client.host if request.client else ""


def _is_open(request: Request, settings: Settings) -> bool:
    path = request.scope["path"]
    if path == _METRICS:
        # Behind a proxy everybody may seem to be this machine.
        return not settings.behind_proxy and _address(request) in _LOOPBACK
    return path in _OPEN or path.startswith("/static/")


class LoginGate:
    """Lets only people with a session through to anything that is not open to all.

    Programs come with a token instead. Nothing of a body is read here.
    """

    def __init__(self, app: ASGIApp, settings: Settings, database: Database, clock: Clock) -> None:
        self._app = app
        self._settings = settings
        self._database = database
        self._clock = clock

    def _duty(self, token: str, address: str) -> Duty | None:
        idle_s = self._settings.idle_minutes * 60
        return duty_of(self._database, self._clock, token, address, idle_s=idle_s)

    def _program(self, text: str, scope: Scope, address: str) -> Station | Token | None:
        if scope is Scope.UPLOAD:
            with self._database.read() as session:
                station = station_of(session, text)
            if station is not None:
                return station
        return use_token(self._database, self._clock, text, scope, address)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Pass on with the person in the request's state, or send to the login."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        if not _is_open(request, self._settings) and not await self._let_in(request):
            await _turned_away(request)(scope, receive, send)
        elif _must_change(request):
            await RedirectResponse(ACCOUNT, 303)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _let_in(self, request: Request) -> bool:
        """Whether somebody is there; `duty` or `program` of the state says who."""
        state, address = request.state, _address(request)
        state.duty = state.program = None
        bearer = _bearer(request)
        if bearer is not None:
            # The cookie, if there is one, counts for nothing: the origin was not checked.
            state.program = await run_in_threadpool(self._program, *bearer, address)
        elif token := request.cookies.get(COOKIE, ""):
            state.duty = await run_in_threadpool(self._duty, token, address)
        return state.duty is not None or state.program is not None


def _must_change(request: Request) -> bool:
    duty = getattr(request.state, "duty", None)
    is_due = duty is not None and duty.user.must_change
    return is_due and request.scope["path"] not in _UNCHANGED


def _turned_away(request: Request) -> Response:
    if _is_under(request, _TRANSFERS) or _is_under(request, _API) or _bearer(request):
        # A program would follow to the login page and take it for an answer.
        return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
    wanted = request.scope["path"] if request.method == "GET" else "/"
    return RedirectResponse(f"/login?next={quote(wanted, safe='/')}", 303)


def _is_ours(request: Request) -> bool:
    origin = request.headers.get("Origin")
    if origin is None:
        return request.headers.get("Sec-Fetch-Site") == "same-origin"
    # Without the scheme: behind a proxy that ends TLS we see http where the browser saw https.
    return urlsplit(origin).netloc == request.headers.get("Host")


class OriginCheck:
    """Refuses unsafe requests that a page of an other origin sent (cross-site request forgery).

    The cookie is SameSite=Lax as well, but a site on an other port of this machine is same-site.
    """

    def __init__(self, app: ASGIApp, pages: Pages) -> None:
        self._app = app
        self._pages = pages

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse."""
        if scope["type"] == "http":
            request = Request(scope)
            # No page of an other site can make a browser send our token; it knows none.
            comes_by_itself = _bearer(request) is None
            unsafe = request.method not in _SAFE_METHODS and comes_by_itself
            if unsafe and not _is_ours(request):
                response = refusal(self._pages.page(request), InputError("foreign_origin"))
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)
