"""`liuhen fsck`: compare what lies on disk with what storage promises."""

import json
from typing import Annotated

import typer

from ingest.clock import SystemClock
from ingest.fsck import Depth, Severity
from ingest.lock import Lock
from service.cli_home import Home, settings_of
from service.database import Database, open_existing
from service.errors import InputError
from service.fsck import Checker, Report, record, sentence
from service.mend import Mender
from service.settings import Settings
from service.terminal import plain, terminal
from service.texts import say, say_both

out = terminal()


def fsck(
    home: Home,
    sizes: Annotated[bool, typer.Option("--sizes", help="核对大小与索引 / sizes, indexes")] = False,
    deep: Annotated[bool, typer.Option("--deep", help="重算全部校验值 / hash everything")] = False,
    rate: Annotated[
        float, typer.Option(min=0, help="读取上限，MiB/秒，0 为不限 / MiB a second to read, 0: any")
    ] = 0.0,
    mend: Annotated[
        bool, typer.Option("--mend", help="修复遗留（服务须停止）/ mend leftovers, service stopped")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")] = False,
) -> None:
    """检查录像与存储是否完好 / check that recording and store are whole."""
    settings, clock = settings_of(home), SystemClock()
    depth = Depth.HASHES if deep else Depth.SIZES if sizes else Depth.PRESENCE
    database = open_existing(settings, clock)
    try:
        with Lock(settings.home / "LOCK") as lock:
            if mend and not lock.take():
                raise InputError("mend_running")
            checker = Checker(settings, database, clock, depth, bytes_per_s=rate * (1 << 20))
            report = checker.run()
            with database.write() as session:
                record(session, clock, report)
            mended = _mend(settings, database, report) if mend else 0
    finally:
        database.close()
    _tell(report, mended, as_json=as_json)
    raise typer.Exit(0 if report.holds else 1)


def _mend(settings: Settings, database: Database, report: Report) -> int:
    return len(Mender(settings, database, SystemClock()).mend(report.findings))


def _tell(report: Report, mended: int, *, as_json: bool) -> None:
    if as_json:
        found = report.to_json() | {"mended": mended}
        out.print_json(json.dumps(found, ensure_ascii=False))
        return
    for finding in report.findings:
        word = say(f"ring.{finding.severity.value}")
        told = f"{sentence(finding)} / {sentence(finding, 'en')}"
        out.print(plain(f"[{word} {finding.code.value} {finding.invariant}] {told}"))
    counts = {severity.value: report.count(severity) for severity in Severity}
    out.print(
        say_both(
            "cli.fsck_done",
            depth=report.depth.name.lower(),
            segments=report.segments,
            objects=report.objects,
            seconds=f"{report.seconds:.1f}",
            **counts,
        )
    )
    if mended:
        out.print(say_both("cli.fsck_mended", count=mended))
