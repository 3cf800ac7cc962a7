"""`liuhen user`: accounts."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text
from sqlmodel import Session

from ingest.clock import SystemClock
from service.cli_home import Home, settings_of
from service.database import open_database, open_existing
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
from service.roles import Role
from service.tables import User
from service.terminal import cell, plain, terminal
from service.texts import say, say_both

app = typer.Typer(no_args_is_help=True)
out = terminal()

PASSWORD = "LIUHEN_NEW_PASSWORD"  # noqa: S105  the name of a variable
"""Where a script puts the password of a new account; a person is asked for it."""

Account = Annotated[str, typer.Argument(help="账号 / account")]
Unit = Annotated[str, typer.Option(help="单位 / unit, such as a squad")]
Badge = Annotated[str, typer.Option(help="执法证号 / badge number")]
Until = Annotated[
    str, typer.Option("--badge-until", help="执法证有效期至 / its last day, as 2027-12-31")
]


def _day(text: str) -> date | None:
    """The day that was typed; None for nothing.

    Raises:
        InputError: it is none.
    """
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise InputError("day", text=text) from error


def _new_password() -> str:
    return os.environ.get(PASSWORD) or str(
        typer.prompt("密码 / password", hide_input=True, confirmation_prompt=True)
    )


@contextmanager
def _changing(home: Home) -> Iterator[tuple[Session, SystemClock]]:
    """A transaction on the installation that is there."""
    clock = SystemClock()
    database = open_existing(settings_of(home), clock)
    try:
        with database.write() as session:
            yield session, clock
    finally:
        database.close()


@app.command("add")
def add(  # noqa: PLR0913, PLR0917  one parameter for each option of the command line
    user: Account,
    home: Home,
    name: Annotated[str, typer.Option(help="姓名 / name")],
    role: Annotated[Role, typer.Option(help="岗位 / role")] = Role.OFFICER,
    unit: Unit = "",
    badge: Badge = "",
    badge_until: Until = "",
) -> None:
    """新增账号；密码从终端或 LIUHEN_NEW_PASSWORD 读取 / add an account."""
    facts = Facts(name, role, unit, badge, _day(badge_until))
    password = _new_password()
    clock = SystemClock()
    database = open_database(settings_of(home), clock)
    try:
        with database.write() as session:
            add_user(session, clock, NewUser(user, facts, password, must_change=True))
    finally:
        database.close()
    out.print(plain(say_both("cli.user_added", user=user)))


@app.command("set")
def change(  # noqa: PLR0913, PLR0917  one parameter for each option of the command line
    user: Account,
    home: Home,
    name: Annotated[str | None, typer.Option(help="姓名 / name")] = None,
    role: Annotated[Role | None, typer.Option(help="岗位 / role")] = None,
    unit: Annotated[str | None, typer.Option(help="单位 / unit")] = None,
    badge: Annotated[str | None, typer.Option(help="执法证号 / badge number")] = None,
    badge_until: Annotated[str | None, typer.Option(help="执法证有效期至 / its last day")] = None,
) -> None:
    """修改账号；空值表示清除 / change an account; an empty text unsets a value."""
    given: dict[str, Any] = {"name": name, "role": role, "unit": unit, "badge_no": badge}
    changed = {key: value for key, value in given.items() if value is not None}
    if badge_until is not None:
        changed["badge_until"] = _day(badge_until)
    with _changing(home) as (session, clock):
        change_user(session, clock, user, replace(facts_of(user_named(session, user)), **changed))
    out.print(plain(say_both("cli.user_changed", user=user)))


@app.command("close")
def close(user: Account, home: Home) -> None:
    """停用账号并结束其登录 / close an account and end its sessions."""
    with _changing(home) as (session, clock):
        close_user(session, clock, user)
    out.print(plain(say_both("cli.user_closed", user=user)))


@app.command("reopen")
def reopen(user: Account, home: Home) -> None:
    """恢复已停用的账号 / open a closed account again."""
    with _changing(home) as (session, clock):
        reopen_user(session, clock, user)
    out.print(plain(say_both("cli.user_reopened", user=user)))


@app.command("reset")
def reset(user: Account, home: Home) -> None:
    """重置密码，本人首次登录时须修改 / give a new password, to be changed at the first login."""
    password = _new_password()
    with _changing(home) as (session, clock):
        reset_password(session, clock, user, password)
    out.print(plain(say_both("cli.user_reset", user=user)))


@app.command("list")
def list_users(home: Home) -> None:
    """列出账号 / list the accounts."""
    database = open_existing(settings_of(home), SystemClock())
    table = Table("账号", "姓名", "岗位", "单位", "执法证")
    with database.read() as session:
        for user in users(session):
            table.add_row(*_row(user))
    database.close()
    out.print(table)


def _row(user: User) -> tuple[Text, ...]:
    state = [] if user.active else [say("people.closed")]
    badge = [user.badge_no, user.badge_until or ""] if user.badge_no else []
    role = cell(say(f"role.{user.role}"), *state)
    return cell(user.id), cell(user.name), role, cell(user.unit or ""), cell(*badge)
