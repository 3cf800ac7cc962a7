"""What a route is given: the application's parts, the person, and the page to fill."""

from dataclasses import dataclass
from typing import Annotated, Any, cast

from fastapi import Depends, Request

from ingest.clock import Clock
from service.database import Database
from service.duty import Duty
from service.errors import InputError
from service.evidence.store import Store
from service.law import Catalogue
from service.roles import Permission, require
from service.settings import Settings
from service.tables import User
from service.web.assets import Assets
from service.web.page import Page, Pages


@dataclass(frozen=True, slots=True)
class Web:
    """The parts that the routes of one application share."""

    settings: Settings
    database: Database
    store: Store
    clock: Clock
    law: Catalogue
    assets: Assets
    pages: Pages


def web_of(request: Request) -> Web:
    """The parts of the application that serves this request."""
    return cast("Web", request.app.state.web)


def current_duty(request: Request) -> Duty:
    """The person who is logged in, and why they say that they look.

    Raises:
        InputError: it is a program.
    """
    duty = getattr(request.state, "duty", None)
    if duty is None:
        raise InputError("no_access")
    return cast("Duty", duty)


def current_user(request: Request) -> User:
    """The person who is logged in.

    Raises:
        InputError: it is a program; what it may open says so itself.
    """
    return current_duty(request).user


def permitted(permission: Permission) -> Any:
    """A dependency: the person who is logged in, refused with `no_access` if the role lacks it."""

    def check(user: Annotated[User, Depends(current_user)]) -> User:
        require(user, permission)
        return user

    return Depends(check)


def page_for(
    request: Request,
    web: Annotated[Web, Depends(web_of)],
    duty: Annotated[Duty, Depends(current_duty)],
) -> Page:
    """The page that answers this request, in this person's language."""
    return web.pages.page(request, duty)


Parts = Annotated[Web, Depends(web_of)]
OnDuty = Annotated[Duty, Depends(current_duty)]
Person = Annotated[User, Depends(current_user)]
CaseReader = Annotated[User, permitted(Permission.CASE_SEE)]
CaseEditor = Annotated[User, permitted(Permission.CASE_EDIT)]
Viewer = Annotated[User, permitted(Permission.SEE_FOOTAGE)]
Answer = Annotated[Page, Depends(page_for)]
