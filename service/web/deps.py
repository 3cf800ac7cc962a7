"""What a route is given: the application's parts, the person, and the page to fill."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from ingest.clock import Clock
from service.database import Database
from service.errors import InputError
from service.evidence.store import Store
from service.law import Catalogue
from service.people import sees_footage
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


def current_user(request: Request) -> User:
    """The person who is logged in; the gate has let nobody else through."""
    return cast("User", request.state.user)


def viewer(user: Annotated[User, Depends(current_user)]) -> User:
    """A person who may see footage and cases.

    Raises:
        InputError: this one may not.
    """
    if not sees_footage(user):
        raise InputError("no_access")
    return user


def page_for(
    request: Request,
    web: Annotated[Web, Depends(web_of)],
    user: Annotated[User, Depends(current_user)],
) -> Page:
    """The page that answers this request, in this person's language."""
    return web.pages.page(request, user)


Parts = Annotated[Web, Depends(web_of)]
Person = Annotated[User, Depends(current_user)]
Viewer = Annotated[User, Depends(viewer)]
Answer = Annotated[Page, Depends(page_for)]
