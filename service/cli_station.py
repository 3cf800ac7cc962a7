"""`liuhen station`: docking stations that upload, and how their files' names are read."""

from typing import Annotated

import typer
from rich.table import Table

from ingest.clock import SystemClock
from service.cli_home import Home, settings_of
from service.database import open_database, open_existing
from service.errors import InputError
from service.stations import add_station, revoke_station, stations
from service.terminal import cell, plain, terminal
from service.texts import say_both
from service.times import beijing_date_clock
from vision.frame import Instant

app = typer.Typer(no_args_is_help=True)
out = terminal()
StationId = Annotated[str, typer.Argument(help="编号 / id")]


@app.command("add")
def add(
    station: StationId,
    home: Home,
    place: Annotated[str, typer.Option(help="放置地点 / where it stands")],
) -> None:
    """新增采集工作站，显示一次其令牌 / add a docking station and show its token once."""
    clock = SystemClock()
    database = open_database(settings_of(home), clock)
    try:
        with database.write() as session:
            token = add_station(session, clock, station, place)
    finally:
        database.close()
    out.print(plain(say_both("cli.station_added", station=station)))
    out.print(plain(token))


@app.command("list")
def list_stations(home: Home) -> None:
    """列出采集工作站 / list the docking stations."""
    database = open_existing(settings_of(home), SystemClock())
    table = Table("编号", "地点", "新增", "作废")
    with database.read() as session:
        for each in stations(session):
            revoked = beijing_date_clock(Instant(each.revoked_us)) if each.revoked_us else ""
            added = beijing_date_clock(Instant(each.added_us))
            table.add_row(*map(cell, (each.id, each.place, added, revoked)))
    database.close()
    out.print(table)


@app.command("revoke")
def revoke(station: StationId, home: Home) -> None:
    """作废采集工作站的令牌 / make a docking station's token void."""
    clock = SystemClock()
    database = open_existing(settings_of(home), clock)
    try:
        with database.write() as session:
            revoke_station(session, clock, station)
    finally:
        database.close()
    out.print(plain(say_both("cli.station_revoked", station=station)))


@app.command("test-name")
def test_name(
    source: Annotated[str, typer.Argument(help="投放目录名 / name of the watch folder")],
    name: Annotated[str, typer.Argument(help="文件名 / file name")],
    home: Home,
) -> None:
    """试读文件名 / show what a watch folder reads from a file name."""
    found = next((each for each in settings_of(home).sources if each.name == source), None)
    if found is None:
        raise InputError("no_source", source=source)
    facts = found.read_name(name)
    if facts.device_id is None and facts.officer is None and facts.at is None:
        out.print(plain(say_both("cli.name_unread")))
        raise typer.Exit(1)
    at = beijing_date_clock(facts.at) if facts.at is not None else "-"
    out.print(plain(say_both("cli.name_device", device=facts.device_id or "-")))
    out.print(plain(say_both("cli.name_officer", officer=facts.officer or "-")))
    out.print(plain(say_both("cli.name_time", at=at)))
