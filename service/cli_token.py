"""`liuhen token`: tokens of programs."""

from typing import Annotated

import typer
from rich.table import Table

from ingest.clock import SystemClock
from service.cli_home import Home, settings_of
from service.database import open_existing
from service.terminal import cell, plain, terminal
from service.texts import say_both
from service.times import beijing_date_clock
from service.tokens import NewToken, Scope, add_token, revoke_token, tokens
from vision.frame import Instant

app = typer.Typer(no_args_is_help=True)
out = terminal()
TokenId = Annotated[str, typer.Argument(help="编号 / id")]


@app.command("add")
def add(
    token: TokenId,
    home: Home,
    purpose: Annotated[str, typer.Option(help="用途 / what it is for")],
    scope: Annotated[list[Scope], typer.Option(help="权限，可多次 / what it opens, repeatable")],
    days: Annotated[int, typer.Option(help="有效天数 / days until it expires")] = 365,
) -> None:
    """新增程序令牌，显示一次 / add a token of a program and show it once."""
    clock = SystemClock()
    database = open_existing(settings_of(home), clock)
    try:
        with database.write() as session:
            text = add_token(session, clock, NewToken(token, purpose, frozenset(scope), days))
    finally:
        database.close()
    out.print(plain(say_both("cli.token_added", token=token)))
    out.print(plain(text))


@app.command("list")
def list_tokens(home: Home) -> None:
    """列出程序令牌 / list the tokens of programs."""
    database = open_existing(settings_of(home), SystemClock())
    table = Table("编号", "用途", "权限", "到期", "作废")
    with database.read() as session:
        for each in tokens(session):
            revoked = beijing_date_clock(Instant(each.revoked_us)) if each.revoked_us else ""
            expires = beijing_date_clock(Instant(each.expires_us))
            scopes = ", ".join(each.scopes)
            table.add_row(*map(cell, (each.id, each.purpose, scopes, expires, revoked)))
    database.close()
    out.print(table)


@app.command("revoke")
def revoke(token: TokenId, home: Home) -> None:
    """作废程序令牌 / make a program's token void."""
    clock = SystemClock()
    database = open_existing(settings_of(home), clock)
    try:
        with database.write() as session:
            revoke_token(session, clock, token)
    finally:
        database.close()
    out.print(plain(say_both("cli.token_revoked", token=token)))
