"""Every failure as a page that says what to do next, and never more than that."""

import logging
import secrets

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest.errors import CameraError, DiskError, FootageError, IngestError
from service.errors import EvidenceError, InputError, ServiceError, WorldError
from service.web.page import Page, Pages

_log = logging.getLogger(__name__)

_STATUS = {
    "not_an_officer": 403,
    "badge_expired": 403,
    "foreign_case": 403,
    "no_access": 403,
    "own_account": 403,
    "foreign_origin": 403,
    "no_event": 404,
    "no_camera": 404,
    "no_case": 404,
    "no_user": 404,
    "not_found": 404,
    "method": 405,
    "no_deletion": 404,
    "no_hold": 404,
    "deletion_same_person": 403,
    "recycled": 410,
    "destroyed": 410,
    "too_large": 413,
    "already_decided": 409,
    "exhibit_exists": 409,
    "case_closed": 409,
    "copy_queue_full": 429,
    "login_locked": 429,
}


Expected = ServiceError | IngestError
"""What is raised on purpose: a code of the catalogue, and the facts for its blanks."""

_WORLD = (WorldError, CameraError, DiskError)
_EVIDENCE = (EvidenceError, FootageError)


def status_of(error: Expected) -> int:
    """The HTTP status that says what kind of error it is."""
    if isinstance(error, _WORLD):
        return 503
    if isinstance(error, _EVIDENCE):
        return 500
    return _STATUS.get(error.code, 400)


def message_of(error: Expected, page: Page) -> str:
    """The error in the person's language."""
    return page.words(f"error.{error.code}", **error.facts)


def refusal(page: Page, error: Expected) -> HTMLResponse:
    """The page that says what was refused and why."""
    status = status_of(error)
    facts = {
        "title": page.words(f"failure.{status}"),
        "message": message_of(error, page),
        "grave": isinstance(error, _EVIDENCE),
    }
    return page.bare("failure.html", facts, status=status)


class UnexpectedFailures:
    """The outer loop of a request: what nobody expected is logged under a number.

    The number is all that the browser is told. FastAPI's own handler stands outside of our
    middleware, so its answer would lack the strict headers.
    """

    def __init__(self, app: ASGIApp, pages: Pages) -> None:
        self._app = app
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; answer with a number when that fails."""
        started = False

        async def send_noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        except Exception:
            number = secrets.token_hex(4)
            _log.exception("failure %s: %r", number, scope.get("path"))
            if started or scope["type"] != "http":
                raise
            page = self._pages.page(Request(scope))
            facts = {
                "title": page.words("failure.500"),
                "message": page.words("error.internal", number=number),
                "grave": False,
            }
            response = page.bare("failure.html", facts, status=500)
            await response(scope, receive, send)


def answer_failures(app: FastAPI, pages: Pages) -> None:
    """Make the application answer expected failures with pages."""

    def page_of(request: Request) -> Page:
        return pages.page(request, getattr(request.state, "duty", None))

    async def refuse(request: Request, error: Exception) -> HTMLResponse:
        assert isinstance(error, Expected)  # noqa: S101  # registered for these only
        if status_of(error) >= 500:
            _log.error("%r: %s", request.scope["path"], error)
        return refusal(page_of(request), error)

    async def refuse_fields(request: Request, error: Exception) -> HTMLResponse:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        fields = ", ".join(str(each["loc"][-1]) for each in error.errors())
        return refusal(page_of(request), InputError("bad_request", detail=fields))

    async def refuse_http(request: Request, error: Exception) -> HTMLResponse:
        assert isinstance(error, HTTPException)  # noqa: S101
        known = {
            404: InputError("not_found"),
            405: InputError("method"),
            413: InputError("too_large"),
        }
        fallback = InputError("bad_request", detail=str(error.status_code))
        response = refusal(page_of(request), known.get(error.status_code, fallback))
        response.headers.update(error.headers or {})  # such as Allow, RFC 9110 section 15.5.6
        return response

    app.add_exception_handler(ServiceError, refuse)
    app.add_exception_handler(IngestError, refuse)
    app.add_exception_handler(RequestValidationError, refuse_fields)
    app.add_exception_handler(HTTPException, refuse_http)
