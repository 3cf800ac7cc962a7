"""The command `liuhen`. Exit 0: fine; 1: something found wrong; 2: wrong usage."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ingest.clock import SystemClock
from ingest.errors import IngestError
from models.errors import ModelError
from service import cli_camera, cli_user
from service.alarms import Trouble, raise_alarm
from service.analyze import Request, analyze_all
from service.cli_demo import demo, simulate
from service.cli_home import Home, settings_of
from service.database import open_database, open_existing
from service.doctor import examine
from service.errors import InputError, ServiceError
from service.evidence.store import FolderStore
from service.evidence.verify import verify
from service.progress import bars
from service.supervisor import free_socket, serving, wait_for_signal
from service.texts import say_both
from service.uploads import HandOver, take_in
from service.zones import read_zones
from vision.watch import WatchSettings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    # A traceback with local variables could show a password.
    pretty_exceptions_enable=False,
    help="留痕 Liuhen：从摄像头到案卷 / from a street camera to a case file",
)
app.add_typer(cli_camera.app, name="camera", help="摄像头 / cameras")
app.add_typer(cli_user.app, name="user", help="账号 / accounts")
config = typer.Typer(no_args_is_help=True)
app.add_typer(config, name="config", help="配置 / settings")
app.command("demo")(demo)
app.command("simulate")(simulate)

out = Console(highlight=False, soft_wrap=True)
Files = Annotated[list[Path], typer.Argument(metavar="FILE...", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")]


def sentence(error: Exception) -> str:
    """What a person reads of an error, Chinese and English in one line."""
    if isinstance(error, (IngestError, ServiceError)):
        return say_both(f"error.{error.code}", **error.facts)
    return str(error)


@app.command()
def serve(
    home: Home,
    host: Annotated[str | None, typer.Option(help="监听地址 / address to listen at")] = None,
    port: Annotated[int | None, typer.Option(help="端口 / port of the pages")] = None,
) -> None:
    """启动服务：录像、分析、网页 / record, watch and serve the pages."""
    settings = settings_of(home)
    changed = {"host": host or settings.host, "port": settings.port if port is None else port}
    settings = settings.model_copy(update=changed)
    listener = free_socket(settings.host, settings.port)
    with serving(settings, listener):
        address, taken = listener.getsockname()[:2]
        out.print(say_both("cli.serving", url=f"http://{address}:{taken}"))
        wait_for_signal()


@app.command()
def analyze(
    videos: Files,
    zones: Annotated[Path | None, typer.Option(help="区域文件 / JSON file with zones")] = None,
    settle: Annotated[
        float, typer.Option(min=0.5, max=3600, help="留置时间（秒）/ seconds a thing must lie")
    ] = 10.0,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="结果文件 / where to write results"),
    ] = None,
    model: Annotated[str, typer.Option(help="模型卡或权重文件 / model card or weights")] = "",
    weights: Annotated[
        list[Path] | None, typer.Option(help="权重目录 / folder with weights")
    ] = None,
) -> None:
    """分析视频文件 / find dumping in video files."""
    folders = tuple(weights or ()) + _weights_of_environment()
    settings = WatchSettings(read_zones(zones) if zones else (), settle)
    request = Request(settings, model, folders)
    missing = [path for path in videos if not path.is_file()]
    if missing:
        raise InputError("no_file", path=str(missing[0]))
    with bars() as show:
        results = analyze_all(
            videos,
            request,
            workers=max(1, min(os.cpu_count() or 1, len(videos))),
            on_progress=lambda p: show(p.path.name, p.done_s, p.total_s),
        )
    reports = [result for result in results if not isinstance(result, Exception)]
    for path, result in zip(videos, results, strict=True):
        if isinstance(result, Exception):
            _complain(path, result)
            continue
        out.print(say_both("cli.analyzed", name=path.name, count=len(result.events)))
        for event in result.events:
            out.print(f"  {'；'.join(event.reasons)}")
    if json_file:
        text = {"clips": [report.to_json() for report in reports]}
        json_file.write_text(json.dumps(text, ensure_ascii=False, indent=1), encoding="utf-8")
    raise typer.Exit(0 if len(reports) == len(videos) else 1)


def _weights_of_environment() -> tuple[Path, ...]:
    found = os.environ.get("LIUHEN_WEIGHTS", "")
    return tuple(Path(folder) for folder in found.split(os.pathsep) if folder)


def _complain(path: Path, error: Exception) -> None:
    """One sentence about a file; what is not one of our errors is a bug and passes."""
    if not isinstance(error, (IngestError, ServiceError, ModelError)):
        raise error
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"{path.name}: {sentence(error)}")


@app.command()
def ingest(
    files: Files,
    home: Home,
    device: Annotated[str | None, typer.Option(help="设备编号 / recorder's number")] = None,
    officer: Annotated[str | None, typer.Option(help="执法队员账号 / officer's account")] = None,
) -> None:
    """收入执法记录仪、摄像机文件 / take in files of recorders and camcorders."""
    settings, clock = settings_of(home), SystemClock()
    database, store = open_database(settings, clock), FolderStore(settings.objects)
    failed = False
    for path in files:
        hand_over = HandOver(path, device, officer)
        try:
            kept = take_in(database, store, clock, settings, hand_over)
        except (IngestError, ServiceError) as error:
            _complain(path, error)
            failed = True
            continue
        out.print(say_both("cli.ingested", name=path.name, sha256=kept.sha256))
        if not kept.media["complete"]:
            out.print(say_both("cli.incomplete", name=path.name))
            failed = True
    database.close()
    raise typer.Exit(1 if failed else 0)


@app.command("verify")
def verify_all(home: Home, as_json: AsJson = False) -> None:
    """核验：重算全部校验值 / hash everything again and check the log."""
    settings, clock = settings_of(home), SystemClock()
    database = open_existing(settings, clock)
    with bars() as show:
        report = verify(
            database,
            FolderStore(settings.objects),
            on_progress=lambda done, total: show("verify", done, total),
        )
    with database.write() as session:
        for fault in report.faults:
            raise_alarm(session, clock, Trouble.EVIDENCE_BROKEN, fault)
    database.close()
    if as_json:
        out.print_json(json.dumps(report.to_json(), ensure_ascii=False))
    else:
        out.print(
            say_both("cli.verified", objects=report.objects, entries=report.entries)
            if report.holds
            else say_both("cli.not_verified", count=len(report.faults))
        )
        for fault in report.faults:
            out.print(f"  {fault}")
    raise typer.Exit(0 if report.holds else 1)


@config.command("check")
def config_check(home: Home) -> None:
    """检查配置 / check the settings."""
    settings = settings_of(home)
    for name, value in settings.model_dump(exclude={"database_url"}).items():
        out.print(f"{name} = {value}")


@app.command()
def doctor(home: Home, as_json: AsJson = False) -> None:
    """自检：版本、数据库、磁盘、模型 / versions, database, disk, model."""
    findings = examine(settings_of(home))
    if as_json:
        out.print_json(json.dumps([finding.to_json() for finding in findings]))
    else:
        table = Table("", "", "")
        for finding in findings:
            table.add_row("✓" if finding.good else "✗", finding.subject, finding.detail)
        out.print(table)
    raise typer.Exit(0 if all(finding.good for finding in findings) else 1)


def main() -> None:
    """Run the command line; every refusal is one sentence, never a traceback."""
    try:
        app()
    except (IngestError, ServiceError, ModelError) as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(sentence(error))
        sys.exit(2 if isinstance(error, InputError) else 1)
