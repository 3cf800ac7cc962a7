"""Who gets in: nobody without a login, and no form that an other site sends."""

from urllib.parse import quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ingest.clock import Clock
from service.database import Database
from service.errors import InputError
from service.people import user_of
from service.stations import station_of
from service.tables import Station, User
from service.web.failures import refusal
from service.web.page import Pages

COOKIE = "liuhen_session"

_OPEN = frozenset({"/login", "/language", "/healthz", "/readyz"})
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110 section 9.2.1
_LOOPBACK = frozenset({"127.0.0.1", "::1"})
_BEARER = "Bearer "
_TRANSFERS = "/transfers"


def _is_transfer(request: Request) -> bool:
    path: str = request.scope["path"]
    return path == _TRANSFERS or path.startswith(f"{_TRANSFERS}/")


def _station_token(request: Request) -> str | None:
    """The token of a docking station; there is nothing but uploading that it could open."""
    header = request.headers.get("Authorization", "")
    fits = _is_transfer(request) and header.startswith(_BEARER)
    return header.removeprefix(_BEARER) if fits else None


def _is_open(request: Request) -> bool:
    # Not request.url: that is put together with the Host header, which anybody can choose.
    path = request.scope["path"]
    if path == "/metrics":
        return request.client is not None and request.client.host in _LOOPBACK
    return path in _OPEN or path.startswith("/static/")


class LoginGate:
    """Lets only people with a session through to anything that is not open to all.

    Docking stations come to the uploads with a token instead. Nothing of a body is read here.
    """

    def __init__(self, app: ASGIApp, database: Database, clock: Clock) -> None:
        self._app = app
        self._database = database
        self._clock = clock

    def _user(self, token: str) -> User | None:
        with self._database.read() as session:
            return user_of(session, self._clock, token)

    def _station(self, token: str) -> Station | None:
        with self._database.read() as session:
            return station_of(session, token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with the person in the request's state, or send to the login."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        if not _is_open(request) and not await self._let_in(request):
            await _turned_away(request)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _let_in(self, request: Request) -> bool:
        station_token = _station_token(request)
        if station_token is not None:
            # Its cookie, if it has one, counts for nothing: the origin was not checked.
            request.state.station = await run_in_threadpool(self._station, station_token)
            return request.state.station is not None
        token = request.cookies.get(COOKIE, "")
        request.state.user = await run_in_threadpool(self._user, token) if token else None
        return request.state.user is not None


def _turned_away(request: Request) -> Response:
    if _is_transfer(request):
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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse."""
        if scope["type"] == "http":
            request = Request(scope)
            # No page of an other site can make a browser send our token; it knows none.
            comes_by_itself = _station_token(request) is None
            unsafe = request.method not in _SAFE_METHODS and comes_by_itself
            if unsafe and not _is_ours(request):
                response = refusal(self._pages.page(request), InputError("foreign_origin"))
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)
