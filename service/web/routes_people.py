"""Accounts of others: for whoever keeps them."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from service.credentials import temporary_password
from service.errors import InputError
from service.people import (
    Facts,
    NewUser,
    add_user,
    change_user,
    close_user,
    facts_of,
    reopen_user,
    reset_password,
    user_named,
    users,
)
from service.roles import Permission, Role, is_officer, may_decide
from service.tables import User
from service.tokens import tokens
from service.web.deps import Answer, Parts, Web, permitted
from service.web.failures import message_of, status_of
from service.web.page import Page

router = APIRouter()

Keeper = Annotated[User, permitted(Permission.ACCOUNT_MANAGE)]


class PersonForm(BaseModel):
    """The form of an account, as typed."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(default="", max_length=64)
    name: str = Field(default="", max_length=100)
    role: str = Field(default="", max_length=20)
    unit: str = Field(default="", max_length=100)
    badge_no: str = Field(default="", max_length=40)
    badge_until: str = Field(default="", max_length=10)

    @property
    def facts(self) -> Facts:
        """What it says.

        Raises:
            InputError: the role or the last day of the 执法证 is none.
        """
        if self.role not in set(Role):
            raise InputError("bad_request", detail="role")
        try:
            until = date.fromisoformat(self.badge_until) if self.badge_until else None
        except ValueError as error:
            raise InputError("bad_request", detail="badge_until") from error
        return Facts(self.name, Role(self.role), self.unit, self.badge_no, until)


@dataclass(frozen=True, slots=True)
class Shown:
    """An account in the list; `expired` where an officer's 执法证 is out of date."""

    user: User
    expired: bool


def _filled(user: User) -> PersonForm:
    facts = facts_of(user)
    until = facts.badge_until.isoformat() if facts.badge_until else ""
    return PersonForm(
        id=user.id,
        name=facts.name,
        role=facts.role.value,
        unit=facts.unit,
        badge_no=facts.badge_no,
        badge_until=until,
    )


def _list_page(
    web: Web,
    page: Page,
    *,
    form: PersonForm | None = None,
    error: InputError | None = None,
    told: tuple[str, str] | None = None,
) -> Response:
    """The list; `told` is an account and its password, which is shown this once."""
    now = web.clock.now()
    with web.database.read() as session:
        facts = {
            "rows": [
                Shown(user, is_officer(user) and not may_decide(user, now))
                for user in users(session)
            ],
            "roles": list(Role),
            "form": form or PersonForm(role=Role.OFFICER.value),
            "told": told,
            "problem": message_of(error, page) if error else "",
        }
        return page.framed(session, "people.html", facts, status=status_of(error) if error else 200)


@router.get("/people", response_class=HTMLResponse)
def people(web: Parts, _keeper: Keeper, page: Answer) -> Response:
    """Every account, and the form of a new one."""
    return _list_page(web, page)


@router.post("/people", response_class=HTMLResponse)
def add_person(
    web: Parts, keeper: Keeper, page: Answer, form: Annotated[PersonForm, Form()]
) -> Response:
    """The list with the new account's first password, or the form with what was wrong."""
    first = temporary_password()
    try:
        with web.database.write() as session:
            new = NewUser(form.id, form.facts, first, must_change=True)
            user_id = add_user(session, web.clock, new, actor=keeper.id).id
    except InputError as error:
        return _list_page(web, page, form=form, error=error)
    return _list_page(web, page, told=(user_id, first))


def _person_page(
    web: Web,
    page: Page,
    user_id: str,
    *,
    form: PersonForm | None = None,
    error: InputError | None = None,
) -> Response:
    with web.database.read() as session:
        user = user_named(session, user_id)
        facts = {
            "person": user,
            "roles": list(Role),
            "form": form or _filled(user),
            "problem": message_of(error, page) if error else "",
        }
        return page.framed(session, "person.html", facts, status=status_of(error) if error else 200)


@router.get("/people/{user_id}", response_class=HTMLResponse)
def person(user_id: str, web: Parts, _keeper: Keeper, page: Answer) -> Response:
    """An account and what can be done with it."""
    return _person_page(web, page, user_id)


@router.post("/people/{user_id}", response_class=HTMLResponse)
def change_person(
    user_id: str, web: Parts, keeper: Keeper, page: Answer, form: Annotated[PersonForm, Form()]
) -> Response:
    """The account as it is now, or the form with what was wrong."""
    try:
        with web.database.write() as session:
            change_user(session, web.clock, user_id, form.facts, actor=keeper.id)
    except InputError as error:
        return _person_page(web, page, user_id, form=form, error=error)
    return RedirectResponse(f"/people/{user_id}", 303)


@router.post("/people/{user_id}/close")
def close_person(user_id: str, web: Parts, keeper: Keeper) -> Response:
    """Nobody comes in with this account any more."""
    with web.database.write() as session:
        close_user(session, web.clock, user_id, actor=keeper.id)
    return RedirectResponse(f"/people/{user_id}", 303)


@router.post("/people/{user_id}/reopen")
def reopen_person(user_id: str, web: Parts, keeper: Keeper) -> Response:
    """The account is in use again."""
    with web.database.write() as session:
        reopen_user(session, web.clock, user_id, actor=keeper.id)
    return RedirectResponse(f"/people/{user_id}", 303)


@router.post("/people/{user_id}/password", response_class=HTMLResponse)
def reset_person(user_id: str, web: Parts, keeper: Keeper, page: Answer) -> Response:
    """The list with the account's new password, which is shown this once."""
    first = temporary_password()
    with web.database.write() as session:
        reset_password(session, web.clock, user_id, first, actor=keeper.id)
    return _list_page(web, page, told=(user_id, first))


@router.get("/tokens", response_class=HTMLResponse)
def token_list(web: Parts, _keeper: Keeper, page: Answer) -> Response:
    """Every token of a program, and what it opens."""
    with web.database.read() as session:
        facts = {"rows": tokens(session), "now": web.clock.now()}
        return page.framed(session, "tokens.html", facts)
