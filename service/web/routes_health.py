"""What machines ask: alive, ready, and the metrics."""

import shutil
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import OperationalError

from service.alarms import Trouble
from service.evidence.standing import LogStanding, log_standing
from service.heartbeat import silent
from service.status import Readiness, readiness
from service.web.deps import Parts
from vision.frame import SECOND

router = APIRouter()


class _Gauges(Collector):
    """One look at the installation as metrics."""

    def __init__(self, now: Readiness, log: LogStanding) -> None:
        self._now = now
        self._log_now = log

    def collect(self) -> Iterator[GaugeMetricFamily]:
        alarms = GaugeMetricFamily("liuhen_alarm", "Open alarms.", labels=["key"])
        counts = Counter(alarm.key for alarm in self._now.alarms)
        for trouble in Trouble:
            alarms.add_metric([trouble.value], counts[trouble.value])
        yield alarms
        yield GaugeMetricFamily(
            "liuhen_queue_items", "Events that wait for review.", self._now.pending_events
        )
        yield GaugeMetricFamily(
            "liuhen_jobs_waiting", "Jobs that are not finished.", self._now.waiting_jobs
        )
        yield from self._scrub()
        yield from self._log()
        build = GaugeMetricFamily("liuhen_build_info", "What runs here.", labels=["version"])
        build.add_metric([version("liuhen")], 1)
        yield build

    def _log(self) -> Iterator[GaugeMetricFamily]:
        standing = self._log_now
        yield GaugeMetricFamily("liuhen_log_entries", "Entries of the log.", standing.entries)
        yield GaugeMetricFamily("liuhen_log_signed", "Entries that are signed.", standing.signed)
        seen = GaugeMetricFamily(
            "liuhen_anchor_timestamp_seconds",
            "When an anchor outside saw a checkpoint last.",
            labels=["kind", "name"],
        )
        for each in standing.anchors:
            if each.at is not None:
                seen.add_metric([each.kind, each.name], each.at / SECOND)
        yield seen

    def _scrub(self) -> Iterator[GaugeMetricFamily]:
        scrub = self._now.scrub
        if scrub is None:
            return
        yield GaugeMetricFamily(
            "liuhen_scrub_objects", "Objects hashed again in this round.", scrub.objects
        )
        yield GaugeMetricFamily(
            "liuhen_scrub_objects_total", "Objects that this round takes.", scrub.total
        )
        if scrub.finished is not None:
            yield GaugeMetricFamily(
                "liuhen_scrub_finished_timestamp_seconds",
                "When a round over the store was finished last.",
                scrub.finished / SECOND,
            )


@router.get("/healthz")
def alive() -> PlainTextResponse:
    """The process answers."""
    return PlainTextResponse("ok\n")


@router.get("/readyz")
def ready(web: Parts) -> JSONResponse:
    """Whether officers can work; 503 when not. Only kinds of alarms: anybody may ask this."""
    try:
        with web.database.read() as session:
            now = readiness(session)
    except OperationalError:
        return JSONResponse({"ready": False, "alarms": ["database"]}, 503)
    # Seen here, not in a row: neither a full disk nor a process that stands still can write one.
    full = shutil.disk_usage(web.settings.home).free < web.settings.reserve_bytes
    stopped = silent(web.settings.home, web.clock)
    keys = {alarm.key for alarm in now.alarms} | {f"silent:{name}" for name in stopped}
    keys |= {Trouble.DISK_FULL.value} if full else set()
    fit = now.ready and not full and not stopped
    return JSONResponse({"ready": fit, "alarms": sorted(keys)}, 200 if fit else 503)


@router.get("/metrics")
def metrics(web: Parts) -> Response:
    """The metrics in Prometheus' text format."""
    with web.database.read() as session:
        now, log = readiness(session), log_standing(session, web.settings)
    registry = CollectorRegistry()
    registry.register(_Gauges(now, log))
    return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
