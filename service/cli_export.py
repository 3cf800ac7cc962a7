"""`liuhen export`: evidence into one zip file that a stranger can verify."""

from pathlib import Path
from typing import Annotated

import typer

from ingest.clock import SystemClock
from service.bundle.export import Desk, export
from service.bundle.order import order, subject_named
from service.bundle.proofs import signing_key
from service.cli_home import Home, settings_of
from service.database import open_existing
from service.duty import Duty
from service.errors import InputError
from service.evidence.store import FolderStore
from service.ledger.keys import grouped
from service.people import user_named
from service.progress import bars
from service.terminal import plain, terminal
from service.texts import say_both

out = terminal()


def export_bundle(
    subject: Annotated[
        str, typer.Argument(metavar="ID", help="案件、事件或上传文件编号 / case, event or upload")
    ],
    home: Home,
    target: Annotated[Path, typer.Option("--out", help="压缩包 / the zip file, which is new")],
    reason: Annotated[str, typer.Option(help="事由 / why")],
    by: Annotated[str, typer.Option("--by", help="账号 / account of the person")],
) -> None:
    """导出证据包，任何人都能核验 / evidence in a bundle that anybody can verify."""
    settings, clock = settings_of(home), SystemClock()
    if target.exists():
        raise InputError("export_exists", path=str(target))
    if not target.absolute().parent.is_dir():
        raise InputError("export_folder", path=str(target.absolute().parent))
    database = open_existing(settings, clock)
    try:
        with database.read() as session:
            duty = Duty(user_named(session, by), "", "", "")
            wanted = order(session, duty, subject_named(session, subject), reason)
        desk = Desk(database, FolderStore(settings.objects), clock, settings)
        with bars() as show:
            made = export(desk, wanted, on_file=lambda done, total: show("export", done, total))
        made.write(target.absolute())
        with database.read() as session:
            fingerprint = grouped(signing_key(session))
    finally:
        database.close()
    told = say_both(
        "cli.exported", path=str(target), files=len(made.content), fingerprint=fingerprint
    )
    out.print(plain(told))
