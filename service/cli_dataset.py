"""`liuhen dataset`: pictures for training the detector, from what officers decided."""

from pathlib import Path
from typing import Annotated

import typer

from ingest.clock import SystemClock
from service.cli_home import Home, settings_of
from service.database import open_existing
from service.evidence.store import FolderStore
from service.labelled import Request, export
from service.terminal import plain, terminal
from service.texts import say_both

app = typer.Typer(no_args_is_help=True)
out = terminal()


@app.callback()
def dataset() -> None:
    """标注集：用审核结论训练检测模型 / labelled pictures from review verdicts."""


@app.command("export")
def export_dataset(
    folder: Annotated[Path, typer.Argument(help="新目录 / folder to make")],
    home: Home,
    by: Annotated[str, typer.Option("--by", help="账号 / account of the person")],
    reason: Annotated[str, typer.Option(help="理由 / why")],
) -> None:
    """导出已审核事件的图片和标注 / write pictures and labels of decided events."""
    settings = settings_of(home)
    database = open_existing(settings, clock := SystemClock())
    try:
        store = FolderStore(settings.objects)
        made = export(database, store, clock, settings, Request(folder, by, reason))
    finally:
        database.close()
    told = {
        "learnt": sum(each.has_bag and not each.is_held_out for each in made),
        "grounds": sum(not each.has_bag and not each.is_held_out for each in made),
        "held_out": sum(each.is_held_out for each in made),
    }
    out.print(plain(say_both("cli.dataset_made", path=str(folder), **told)))
