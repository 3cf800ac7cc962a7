"""`liuhen user`: accounts."""

import os
from typing import Annotated

import typer
from rich.table import Table

from ingest.clock import SystemClock
from service.cli_home import Home, settings_of
from service.database import open_database, open_existing
from service.people import NewUser, Role, add_user, users
from service.terminal import cell, plain, terminal
from service.texts import say_both

app = typer.Typer(no_args_is_help=True)
out = terminal()

PASSWORD = "LIUHEN_NEW_PASSWORD"  # noqa: S105  the name of a variable
"""Where a script puts the password of a new account; a person is asked for it."""


@app.command("add")
def add(
    user: Annotated[str, typer.Argument(help="账号 / account")],
    home: Home,
    name: Annotated[str, typer.Option(help="姓名 / name")],
    role: Annotated[Role, typer.Option(help="角色 / role")] = Role.OFFICER,
    badge: Annotated[str | None, typer.Option(help="执法证号 / badge number")] = None,
) -> None:
    """新增账号；密码从终端或 LIUHEN_NEW_PASSWORD 读取 / add an account."""
    password = os.environ.get(PASSWORD) or typer.prompt(
        "密码 / password", hide_input=True, confirmation_prompt=True
    )
    clock = SystemClock()
    database = open_database(settings_of(home), clock)
    try:
        with database.write() as session:
            add_user(session, clock, NewUser(user, name, role, password, badge))
    finally:
        database.close()
    out.print(plain(say_both("cli.user_added", user=user)))


@app.command("list")
def list_users(home: Home) -> None:
    """列出账号 / list the accounts."""
    database = open_existing(settings_of(home), SystemClock())
    table = Table("账号", "姓名", "角色", "执法证号")
    with database.read() as session:
        for user in users(session):
            table.add_row(*map(cell, (user.id, user.name, user.role, user.badge_no or "")))
    database.close()
    out.print(table)
