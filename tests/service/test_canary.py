"""A camera's password is in the secrets file and in memory, and in no third place."""

import multiprocessing
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from ingest.clock import SystemClock
from ingest.rtsp import RtspSource
from ingest.spool import Fact, FactKind, Spool
from service.camera import run_camera
from service.cameras import NewCamera, Plan, add_camera, plans
from service.demo.camera import SIMPLE, Equipment
from service.demo.digest import Login
from service.demo.server import CameraServer
from service.registrar import Registrar
from service.settings import load
from tests.ingest.certificate import certificate
from tests.ingest.clip import CAMERA, Recipe
from tests.ingest.live import ClipSource, everything_told, failure_of
from tests.service.installation import Installation

CLOCK = SystemClock()
CANARY = "c4nary/@:#"
"""With signs that addresses escape: `c4nary` is what is looked for."""
NAME = "LIUHEN_CAMERA_GATE"
CLIP = ClipSource.of(Recipe(count=40, gop=10, container="ts"))


@contextmanager
def street(equipment: Equipment = SIMPLE, *, password: str = CANARY) -> Iterator[CameraServer]:
    login = Login("cam", password)
    with CameraServer({"gate": CLIP}, clock=CLOCK, login=login, equipment=equipment) as server:
        yield server


def good(stack: ExitStack, folder: Path) -> str:
    return stack.enter_context(street()).url("gate")


def other_password(stack: ExitStack, folder: Path) -> str:
    return stack.enter_context(street(password="another")).url("gate")


def no_such_picture(stack: ExitStack, folder: Path) -> str:
    return stack.enter_context(street()).url("yard")


def refused(stack: ExitStack, folder: Path) -> str:
    with closing(socket.create_server(("127.0.0.1", 0))) as held:
        return f"rtsp://127.0.0.1:{held.getsockname()[1]}/gate"


def unreachable(stack: ExitStack, folder: Path) -> str:
    # Nobody has the address of everybody.
    return "rtsp://255.255.255.255/gate"


def stranger(stack: ExitStack, folder: Path) -> str:
    own = certificate(folder, "stranger")
    return stack.enter_context(street(Equipment(tls=own.context))).url("gate")


def silent(stack: ExitStack, folder: Path) -> str:
    """Open at first; then no packet for longer than the source waits."""
    server = stack.enter_context(street())
    timer = threading.Timer(4.0, server.stall, ["gate"])
    stack.callback(timer.join)
    timer.start()
    return server.url("gate")


PLACES = {
    "success": (good, FactKind.UP),
    "wrong password": (other_password, FactKind.DOWN),
    "no such picture": (no_such_picture, FactKind.DOWN),
    "refused": (refused, FactKind.DOWN),
    "unreachable": (unreachable, FactKind.DOWN),
    "not trusted": (stranger, FactKind.DOWN),
    "silent": (silent, FactKind.DOWN),
}


def plan_of(made: Installation, url: str, ca_file: Path) -> Plan:
    """The plan of a camera at `url` whose password is in the secrets file."""
    secrets = made.settings.secrets
    secrets.write_text(f'{NAME} = "{CANARY}"')
    secrets.chmod(0o600)
    given = {"LIUHEN_CAMERA_CA_FILE": str(ca_file), "LIUHEN_PACKET_AGE_S": "2"}
    settings = load(made.settings.home, given)
    with made.database.write() as session:
        new = NewCamera(CAMERA, "门口", url, "cam", NAME)
        add_camera(session, made.clock, new)
        (plan,) = plans(session, made.clock, settings).values()
    assert plan.address.password == CANARY
    return plan


def first_fact(plan: Plan, kind: FactKind) -> Fact:
    """The first thing of a kind that the camera's process, run as the service runs it, says."""
    process = multiprocessing.get_context("spawn").Process(target=run_camera, args=(plan,))
    process.start()
    try:
        deadline = time.monotonic() + 40
        while not (facts := [f for f in Spool(plan.spool).facts() if f.kind is kind]):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        process.terminate()
        process.join()
    return facts[0]


@pytest.mark.parametrize(("place", "kind"), PLACES.values(), ids=PLACES)
def test_no_log_file_row_or_error_holds_it(
    embedded: Installation,
    tmp_path: Path,
    place: object,
    kind: FactKind,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture,
) -> None:
    """Whatever becomes of the connection: logs, standard error, facts, rows, files, errors."""
    other = certificate(tmp_path, "other")
    with ExitStack() as stack:
        url = place(stack, tmp_path)  # type: ignore[operator]
        plan = plan_of(embedded, url, other.file)
        fact = first_fact(plan, kind)
        told = repr(plan) + repr(fact)
        if kind is FactKind.DOWN:
            told += told_of_failure(plan)
    Registrar(embedded.database, embedded.clock, embedded.settings).step()
    embedded.database.close()
    told += caplog.text + "".join(capfd.readouterr())
    assert "c4nary" not in told
    assert set(holders(embedded.settings.home)) == {embedded.settings.secrets}


def told_of_failure(plan: Plan) -> str:
    source = RtspSource(plan.camera, plan.address, CLOCK, packet_age_s=1, open_timeout_s=3)
    return everything_told(failure_of(source))


def holders(home: Path) -> Iterator[Path]:
    """The files that hold the password: database, journal, spool, segments, indexes."""
    for path in home.rglob("*"):
        if path.is_file() and b"c4nary" in path.read_bytes():
            yield path
