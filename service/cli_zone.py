"""`liuhen camera zone`: what may not be dumped where, and when."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ingest.clock import SystemClock
from service.cameras import camera_of
from service.cli_home import AsJson, Home, settings_of
from service.database import open_existing
from service.terminal import cell, plain, terminal
from service.texts import say, say_both
from service.zones import ZonePlan, read_zones, set_zones, zone_plans

Id = Annotated[str, typer.Argument(help="编号 / id")]

app = typer.Typer(no_args_is_help=True)
out = terminal()


@app.command("list")
def show(camera: Id, home: Home, as_json: AsJson = False) -> None:
    """列出区域；--json 输出即区域文件 / list the zones; with --json as a file to edit."""
    database = open_existing(settings_of(home), SystemClock())
    try:
        with database.read() as session:
            camera_of(session, camera)
            plans = zone_plans(session, camera)
    finally:
        database.close()
    if as_json:
        zones = {"zones": [plan.to_json() for plan in plans]}
        out.print_json(json.dumps(zones, ensure_ascii=False))
    elif plans:
        out.print(_table(plans))
    else:
        out.print(plain(say_both("cli.zones_none", camera=camera)))


def _table(plans: tuple[ZonePlan, ...]) -> Table:
    table = Table("名称 name", "类别 kind", "时段 hours", "顶点 corners")
    for plan in plans:
        kind = f"zone.{plan.zone.kind.value}"
        hours = (*plan.hours, plan.time_zone) if plan.hours else (say("zone.always"),)
        corners = " ".join(f"{x:.2f},{y:.2f}" for x, y in plan.zone.points)
        table.add_row(
            cell(plan.zone.name), cell(say(kind), say(kind, "en")), cell(*hours), cell(corners)
        )
    return table


@app.command("set")
def change(
    camera: Id,
    file: Annotated[Path, typer.Argument(help="区域文件 / JSON file with zones")],
    home: Home,
) -> None:
    """以文件中的区域替换全部区域 / make the zones of a file those of a camera."""
    wanted, clock = read_zones(file), SystemClock()
    database = open_existing(settings_of(home), clock)
    try:
        with database.write() as session:
            camera_of(session, camera)
            done = set_zones(session, clock, camera, wanted)
    finally:
        database.close()
    out.print(
        plain(
            say_both(
                "cli.zones_set",
                camera=camera,
                added=len(done.added),
                ended=len(done.ended),
                kept=len(done.kept),
            )
        )
    )
