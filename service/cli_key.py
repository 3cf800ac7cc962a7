"""`liuhen key` and `liuhen signer`: who signs the log."""

from typing import Annotated

import typer
from rich.table import Table

from ingest.clock import SystemClock
from service.cli_home import Home, settings_of
from service.database import open_existing
from service.evidence.keys import log_key, rotate_key
from service.evidence.signer import run_signer
from service.ledger.keys import grouped
from service.ledger.succession import keys_of
from service.terminal import cell, plain, terminal
from service.texts import say_both
from service.times import beijing_date_clock
from vision.frame import Instant

app = typer.Typer(no_args_is_help=True)
out = terminal()


@app.command("show")
def show(home: Home) -> None:
    """显示日志签名密钥的指纹 / show the fingerprints of the keys that sign the log."""
    database = open_existing(settings_of(home), SystemClock())
    table = Table("指纹", "启用", "停用")
    with database.read() as session:
        for key in keys_of(session):
            since = beijing_date_clock(Instant(key.since_us))
            until = beijing_date_clock(Instant(key.until_us)) if key.until_us else ""
            table.add_row(*map(cell, (grouped(key.fingerprint), since, until)))
        verifier = log_key(session)
    database.close()
    out.print(table)
    out.print(plain(verifier.to_text()))


@app.command("rotate")
def rotate(
    home: Home,
    reason: Annotated[str, typer.Option(help="理由 / why")],
    by: Annotated[str, typer.Option("--by", help="账号 / account of the person")],
) -> None:
    """更换日志签名密钥 / change the key that signs the log."""
    settings, clock = settings_of(home), SystemClock()
    database = open_existing(settings, clock)
    try:
        key = rotate_key(database, clock, settings, actor=by, reason=reason)
    finally:
        database.close()
    out.print(say_both("cli.key_rotated", fingerprint=grouped(key.fingerprint)))


def signer(home: Home) -> None:
    """单独运行签名程序 / run the signer by itself, with a user of its own."""
    run_signer(settings_of(home))
