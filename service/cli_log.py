"""`liuhen log`: what a person does to the log as a whole."""

from pathlib import Path
from typing import Annotated

import typer

from ingest.clock import SystemClock
from service.cli_home import Home, settings_of
from service.database import open_existing
from service.evidence.keys import accept_log
from service.evidence.tiles import write_tiles
from service.terminal import plain, terminal
from service.texts import say_both

app = typer.Typer(no_args_is_help=True)
out = terminal()


@app.command("accept")
def accept(
    home: Home,
    reason: Annotated[str, typer.Option(help="理由 / why")],
    by: Annotated[str, typer.Option("--by", help="账号 / account of the person")],
) -> None:
    """确认与此前签名不一致的日志 / accept a log that does not continue what was signed."""
    clock = SystemClock()
    database = open_existing(settings_of(home), clock)
    try:
        size = accept_log(database, clock, actor=by, reason=reason)
    finally:
        database.close()
    out.print(say_both("cli.log_accepted", size=size))


@app.command("tiles")
def tiles(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="目标目录 / where to write")],
    home: Home,
) -> None:
    """导出日志（tlog-tiles 格式） / write the log as tlog-tiles."""
    database = open_existing(settings_of(home), SystemClock())
    try:
        with database.read() as session:
            files, size = write_tiles(session, folder)
    finally:
        database.close()
    out.print(plain(say_both("cli.tiles_written", files=files, size=size, path=str(folder))))
