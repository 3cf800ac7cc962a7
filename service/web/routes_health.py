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
from service.heartbeat import silent
from service.status import Readiness, readiness
from service.web.deps import Parts

router = APIRouter()


class _Gauges(Collector):
    """One look at the installation as metrics."""

    def __init__(self, now: Readiness) -> None:
        self._now = now

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
        build = GaugeMetricFamily("liuhen_build_info", "What runs here.", labels=["version"])
        build.add_metric([version("liuhen")], 1)
        yield build


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
        now = readiness(session)
    registry = CollectorRegistry()
    registry.register(_Gauges(now))
    return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
