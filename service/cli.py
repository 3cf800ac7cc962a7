"""The command `liuhen`. Exit 0: fine; 1: something found wrong; 2: wrong usage."""

import errno
import json
import os
import socket
import sys
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer
from rich.table import Table

from ingest.clock import SystemClock
from ingest.errors import IngestError
from models.errors import ModelError
from service import (
    cli_camera,
    cli_dataset,
    cli_hold,
    cli_key,
    cli_log,
    cli_station,
    cli_tls,
    cli_token,
    cli_user,
)
from service.analyze import Request, analyze_all
from service.cameras import check_settle
from service.cli_demo import demo, simulate
from service.cli_export import export_bundle
from service.cli_fsck import fsck
from service.cli_home import AsJson, Home, settings_of
from service.cli_witness import witness
from service.database import open_database, open_existing
from service.detector import open_configured_detector
from service.doctor import examine
from service.errors import InputError, ServiceError, WorldError
from service.evidence.store import FolderStore
from service.evidence.verify import record, verify
from service.explain import Explanation, write_index
from service.health import spell_words
from service.progress import bars
from service.settings import NO_MODEL, SHIPPED_MODEL
from service.supervisor import free_socket, serving, wait_for_signal
from service.terminal import cell, plain, terminal
from service.texts import say_both
from service.uploads import HandOver, name_of, take_in
from service.zones import read_zones
from vision.watch import WatchSettings
from vision.zone import Zone

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    # A traceback with local variables could show a password.
    pretty_exceptions_enable=False,
    help="留痕 Liuhen：从摄像头到案卷 / from a street camera to a case file",
)
app.add_typer(cli_camera.app, name="camera", help="摄像头 / cameras")
app.add_typer(cli_station.app, name="station", help="采集工作站 / docking stations")
app.add_typer(cli_user.app, name="user", help="账号 / accounts")
app.add_typer(cli_token.app, name="token", help="程序令牌 / tokens of programs")
app.add_typer(cli_tls.app, name="tls", help="网页证书 / certificate of the pages")
app.add_typer(cli_dataset.app, name="dataset", help="标注集 / labelled pictures")
app.add_typer(cli_hold.app, name="hold", help="保全 / holds")
app.add_typer(cli_key.app, name="key", help="签名密钥 / keys of the log")
app.add_typer(cli_log.app, name="log", help="日志 / the log")
config = typer.Typer(no_args_is_help=True)
app.add_typer(config, name="config", help="配置 / settings")
app.command("demo")(demo)
app.command("simulate")(simulate)
app.command("fsck")(fsck)
app.command("signer")(cli_key.signer)
app.command("witness")(witness)
app.command("export")(export_bundle)

out, complaints = terminal(), terminal(stderr=True)
Files = Annotated[list[Path], typer.Argument(metavar="FILE...", show_default=False)]


def sentence(error: Exception) -> str:
    """What a person reads of an error, Chinese and English in one line."""
    if isinstance(error, (IngestError, ServiceError)):
        return plain(say_both(f"error.{error.code}", **error.facts))
    return plain(str(error))


@app.command()
def serve(
    home: Home,
    host: Annotated[str | None, typer.Option(help="监听地址 / address to listen at")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="端口 / port of the pages")
    ] = None,
) -> None:
    """启动服务：录像、分析、网页 / record, watch and serve the pages."""
    settings = settings_of(home)
    changed = {"host": host or settings.host, "port": settings.port if port is None else port}
    settings = settings.model_copy(update=changed)
    # A model that cannot be used ends the command here, not a process again and again.
    open_configured_detector(settings)
    listener = free_socket(settings.host, settings.port)
    with serving(settings, listener):
        address, taken = listener.getsockname()[:2]
        if listener.family == socket.AF_INET6:
            address = f"[{address}]"
        scheme = "http" if settings.tls_cert is None else "https"
        out.print(say_both("cli.serving", url=f"{scheme}://{address}:{taken}"))
        wait_for_signal()


@app.command()
def analyze(  # noqa: PLR0913, PLR0917  one parameter for each option of the command line
    videos: Files,
    zones: Annotated[Path | None, typer.Option(help="区域文件 / JSON file with zones")] = None,
    settle: Annotated[float, typer.Option(help="留置时间（秒）/ seconds a thing must lie")] = 10.0,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="结果文件 / where to write results"),
    ] = None,
    model: Annotated[
        str, typer.Option(help="模型卡或权重文件，none 为不用 / model card or weights, or none")
    ] = SHIPPED_MODEL,
    weights: Annotated[
        list[Path] | None, typer.Option(help="权重目录 / folder with weights")
    ] = None,
    explain: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="写出分析过程的目录 / folder for what each layer saw"),
    ] = None,
) -> None:
    """分析视频文件 / find dumping in video files."""
    folders = tuple(weights or ()) + _weights_of_environment()
    check_settle(settle)
    settings = WatchSettings(_zones(zones), settle)
    chosen = "" if model == NO_MODEL else model
    request = Request(settings, chosen, folders, explain=explain)
    for path in videos:
        _check_no_folder(path)
        if not path.is_file():
            raise InputError("no_file", path=str(path))
    if json_file:
        _check_result_file(json_file, videos)
    if explain:
        _make_folder(explain)
    with bars() as show:
        results = analyze_all(
            videos,
            request,
            workers=max(1, min(os.cpu_count() or 1, len(videos))),
            on_progress=lambda p: show(name_of(p.path), p.done_s, p.total_s),
        )
    reports = [result for result in results if not isinstance(result, Exception)]
    for path, result in zip(videos, results, strict=True):
        if isinstance(result, Exception):
            _complain(path, result)
            continue
        told = say_both("cli.analyzed", name=name_of(path), count=len(result.events))
        out.print(plain(told))
        for event in result.events:
            out.print(f"  {'；'.join(event.reasons)}")
        for spell in result.health:
            out.print(f"  {spell_words(spell)}")
    if explain:
        write_index(explain, [Explanation(explain, path, settings) for path in videos])
        out.print(plain(say_both("explain.written", path=str(explain / "index.html"))))
    if json_file:
        _write_result(json_file, {"clips": [report.to_json() for report in reports]})
    raise typer.Exit(0 if len(reports) == len(videos) else 1)


def _zones(path: Path | None) -> tuple[Zone, ...]:
    return tuple(plan.zone for plan in read_zones(path)) if path else ()


def _make_folder(path: Path) -> None:
    """A folder that can be written into.

    Raises:
        InputError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        trial = _temporary_beside(path / "index.html")
        trial.touch(exist_ok=False)
        trial.unlink()
    except OSError as error:
        raise InputError("explain_folder", path=str(path), detail=str(error.strerror)) from error


def _check_no_folder(path: Path) -> None:
    if path.is_dir():
        raise InputError("is_folder", path=str(path))


def _temporary_beside(target: Path) -> Path:
    return target.with_name(f".liuhen-{uuid4().hex}.tmp")


def _is_replaced(target: Path) -> bool:
    """Whether a result takes the target's place; devices and pipes are written into."""
    return target.is_file() or not target.exists()


def _check_result_file(target: Path, videos: list[Path]) -> None:
    """Find out before the work whether its result can be written.

    Raises:
        InputError: it cannot, or an original would be lost.
    """
    try:
        if target.exists() and any(target.samefile(video) for video in videos):
            raise InputError("result_is_input", path=str(target))
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if _is_replaced(target):
            trial = _temporary_beside(target.resolve())
            trial.touch(exist_ok=False)
            trial.unlink()
    except OSError as error:
        raise InputError("result_file", path=str(target), detail=str(error.strerror)) from error


def _write_result(target: Path, result: dict[str, Any]) -> None:
    """Put the result in place as a whole; an older one stays until then.

    Bytes of a file's name that are not UTF-8 become JSON's escapes of single surrogates, which
    Python reads as the same name again.

    Raises:
        WorldError: it could not be written.
    """
    text = json.dumps(result, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace")
    try:
        if not _is_replaced(target):
            target.write_bytes(text)
            return
        final = target.resolve()
        temporary = _temporary_beside(final)
        try:
            temporary.write_bytes(text)
            temporary.replace(final)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise WorldError("result_file", path=str(target), detail=str(error.strerror)) from error


def _weights_of_environment() -> tuple[Path, ...]:
    found = os.environ.get("LIUHEN_WEIGHTS", "")
    return tuple(Path(folder) for folder in found.split(os.pathsep) if folder)


def _complain(path: Path, error: Exception) -> None:
    """One sentence about a file; what is not one of our errors is a bug and passes."""
    if not isinstance(error, (IngestError, ServiceError, ModelError)):
        raise error
    complaints.print(f"{plain(name_of(path))}: {sentence(error)}")


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
            _check_no_folder(path)
            kept = take_in(database, store, clock, settings, hand_over)
        except (IngestError, ServiceError) as error:
            _complain(path, error)
            failed = True
            continue
        name = name_of(path)
        out.print(plain(say_both("cli.ingested", name=name, sha256=kept.sha256)))
        if not kept.media["complete"]:
            out.print(plain(say_both("cli.incomplete", name=name)))
            failed = True
    database.close()
    raise typer.Exit(1 if failed else 0)


@app.command("verify")
def verify_all(
    home: Home,
    recent: Annotated[
        bool, typer.Option("--recent", help="只核对上次核验之后的 / only what came since the last")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """核验：重放日志，逐行比对，重算全部校验值 / replay the log, compare rows, hash everything."""
    settings, clock = settings_of(home), SystemClock()
    database = open_existing(settings, clock)
    with bars() as show:
        report = verify(
            database,
            FolderStore(settings.objects),
            whole=not recent,
            objects=not recent,
            on_progress=lambda done, total: show("verify", done, total),
        )
    if as_json:
        out.print_json(json.dumps(report.to_json(), ensure_ascii=False))
    else:
        out.print(
            say_both("cli.verified", **report.counts)
            if report.holds
            else say_both("cli.not_verified", count=len(report.faults))
        )
        for fault in report.faults:
            out.print(f"  {plain(fault)}")
    # Said first: a log that must not be signed takes no entry either.
    with database.write() as session:
        record(session, clock, report)
    database.close()
    raise typer.Exit(0 if report.holds else 1)


@config.command("check")
def config_check(home: Home) -> None:
    """检查配置 / check the settings."""
    settings = settings_of(home)
    for name, value in settings.model_dump(exclude={"database_url"}).items():
        out.print(plain(f"{name} = {value}"))


@app.command()
def doctor(home: Home, as_json: AsJson = False) -> None:
    """自检：版本、数据库、磁盘、模型 / versions, database, disk, model."""
    findings = examine(settings_of(home))
    if as_json:
        out.print_json(json.dumps([finding.to_json() for finding in findings]))
    else:
        table = Table("", "", "")
        for finding in findings:
            mark = "✓" if finding.good else "✗"
            table.add_row(mark, cell(finding.subject), cell(finding.detail))
        out.print(table)
    raise typer.Exit(0 if all(finding.good for finding in findings) else 1)


def main() -> None:
    """Run the command line; every refusal is one sentence, never a traceback."""
    try:
        app()
    except (IngestError, ServiceError, ModelError) as error:
        complaints.print(sentence(error))
        sys.exit(2 if isinstance(error, InputError) else 1)
