"""`liuhen serve`: the pages here; a process for each camera, registrar, look-backs and intake.

A process that ends is started again after a wait; the others never notice.
"""

import contextlib
import errno
import logging
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

import uvicorn

from ingest.clock import SystemClock
from ingest.lock import Lock
from service.alarms import Trouble, raise_alarm
from service.camera import run_camera
from service.cameras import Plan, plans
from service.copying import NAME as REVIEW_COPY
from service.copying import run_copying
from service.database import Database, open_database
from service.errors import InputError, ServiceError, WorldError
from service.evidence.anchors import NAME as ANCHORS
from service.evidence.anchors import run_anchors
from service.evidence.signer import NAME as SIGNER
from service.evidence.signer import run_signer
from service.evidence.store import FolderStore
from service.heartbeat import beat
from service.intake import run_intake
from service.keeper import NAME as KEEPER
from service.keeper import run_keeper
from service.lookback import run_lookback
from service.mend import mend_at_start
from service.registrar import run_registrar
from service.settings import Settings
from service.settings_log import log_settings
from service.tls import check_exposure, context_of
from service.web.app import create_app

ROUND_S = 1.0
"""Between two looks at the children and at the camera rows."""
RESTART_S = 2.0
"""A child that ends at once must not spin the machine."""
STOP_S = 8.0
"""A child that was told to stop and has not is killed: nothing acknowledged is lost by that."""

log = logging.getLogger(__name__)


@dataclass
class Child:
    """A process that is kept running."""

    name: str
    target: Callable[..., None]
    argument: Any
    process: SpawnProcess | None = None
    not_before_us: int = 0

    def start(self, context: SpawnContext) -> None:
        """Begin a new process."""
        self.process = context.Process(target=self.target, args=(self.argument,), name=self.name)
        self.process.start()

    def is_running(self) -> bool:
        """Whether the process has been started and has not ended."""
        return self.process is not None and self.process.is_alive()


@dataclass
class Supervisor:
    """Keeps the right children running until `stop`."""

    settings: Settings
    database: Database
    clock: SystemClock = field(default_factory=SystemClock)
    stop: threading.Event = field(default_factory=threading.Event)
    _children: dict[str, Child] = field(default_factory=dict)
    _context: SpawnContext = field(default_factory=lambda: multiprocessing.get_context("spawn"))

    def run(self) -> None:
        """Start what is missing, restart what ended, until `stop`; then end everything."""
        fixed = {
            **self._signer(),
            ANCHORS: Child(ANCHORS, run_anchors, self.settings),
            "registrar": Child("registrar", run_registrar, self.settings),
            "look-back": Child("look-back", run_lookback, self.settings),
            REVIEW_COPY: Child(REVIEW_COPY, run_copying, self.settings),
            "intake": Child("intake", run_intake, self.settings),
            KEEPER: Child(KEEPER, run_keeper, self.settings),
        }
        self._children |= fixed
        for name in fixed:
            beat(self.settings.home, name, self.clock)
        try:
            while True:
                self._round()
                if self.stop.wait(ROUND_S):
                    break
        finally:
            self._end(list(self._children.values()))

    def _signer(self) -> dict[str, Child]:
        """The signer, unless it runs apart with its own user."""
        child = Child(SIGNER, run_signer, self.settings)
        return {SIGNER: child} if self.settings.signer == "child" else {}

    def _round(self) -> None:
        """The outermost loop: whatever goes wrong in a round, the next one is made."""
        try:
            self._follow_cameras()
            for child in self._children.values():
                self._keep(child)
        except Exception:
            log.exception("a round of the supervisor failed")

    def _follow_cameras(self) -> None:
        """One child for each enabled camera; a changed plan gets a new process."""
        try:
            with self.database.write() as session:
                wanted = plans(session, self.clock, self.settings)
        except ServiceError as error:
            log.warning("cameras stay as they are: %s", error)
            return
        running = {name: c for name, c in self._children.items() if isinstance(c.argument, Plan)}
        changed = [
            child
            for child in running.values()
            if child.argument.camera not in wanted
            or wanted[child.argument.camera] not in {None, child.argument}
        ]
        self._end(changed)
        for child in changed:
            del self._children[child.name]
        for camera, plan in wanted.items():
            if plan is None:
                continue
            name = f"camera-{camera}"
            self._children.setdefault(name, Child(name, run_camera, plan))

    def _tell_ended(self, name: str, code: int | None) -> None:
        try:
            with self.database.write() as session:
                raise_alarm(session, self.clock, Trouble.PROCESS_ENDED, name, code=str(code))
        except ServiceError as error:
            log.warning("that %s ended could not be told: %s", name, error)

    def _keep(self, child: Child) -> None:
        now, code = self.clock.monotonic_us(), None
        if child.is_running() or now < child.not_before_us:
            return
        if child.process is not None:
            code = child.process.exitcode
            log.warning("%s ended with %s; starting it again", child.name, code)
        child.not_before_us = now + round(RESTART_S * 1_000_000)
        # First: a camera waits for no database.
        ended = child.process is not None
        child.start(self._context)
        if ended:
            self._tell_ended(child.name, code)

    def _end(self, children: list[Child]) -> None:
        """Cameras first, so that the registrar can enter what they closed."""
        order = sorted(children, key=lambda child: not isinstance(child.argument, Plan))
        for stage in (True, False):
            stopping = [
                child.process
                for child in order
                if isinstance(child.argument, Plan) is stage and child.process is not None
            ]
            for process in stopping:
                process.terminate()
            for process in stopping:
                process.join(STOP_S)
                if process.is_alive():
                    process.kill()
                    process.join()


def free_socket(host: str, port: int) -> socket.socket:
    """A listening socket of the pages; port 0 takes any.

    A name with addresses of both kinds is listened at with IPv4.

    Raises:
        InputError: the host is unknown, the port is taken, or the system allows no listening.
    """
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        raise InputError("host_unknown", host=host) from error
    family, kind, protocol, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise not_listening(error, host, port) from error
    return listener


def not_listening(error: OSError, host: str, port: int) -> InputError:
    """Why nobody can listen at an address, as a sentence."""
    if isinstance(error, socket.gaierror):
        return InputError("host_unknown", host=host)
    if error.errno == errno.EADDRINUSE:
        return InputError("port_taken", port=port)
    # Not its own words: those of asyncio hold the address a second time.
    detail = os.strerror(error.errno) if error.errno else str(error)
    return InputError("not_listening", host=host, port=port, detail=detail)


@contextlib.contextmanager
def serving(settings: Settings, listener: socket.socket) -> Iterator[Database]:
    """The whole service, pages on `listener`, for the duration of the block.

    Raises:
        ServiceError: the database or the store is not fit to be used, a service runs on this
            home already, or other machines would see the pages in the clear.
    """
    clock = SystemClock()
    with contextlib.ExitStack() as stack:
        stack.callback(listener.close)
        check_exposure(settings, listener.getsockname()[0])
        tls = context_of(settings)
        database = stack.enter_context(contextlib.closing(open_database(settings, clock)))
        # Held until the last child is gone: two recorders on one home would spoil their work.
        lock = stack.enter_context(Lock(settings.home / "LOCK"))
        if not lock.take():
            raise InputError("already_running", path=str(settings.home))
        try:
            with database.write() as session:
                log_settings(session, clock, settings)
        except WorldError as error:
            # A signer that is not there yet: recording matters more, and an alarm tells of it.
            log.warning("the log has no signature yet: %s", error)
        mend_at_start(settings, database, clock)
        app = create_app(settings, database, FolderStore(settings.objects), clock)
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=settings.behind_proxy,
            ssl_context_factory=None if tls is None else lambda _config, _default: tls,
        )
        server = _Server(config)
        supervisor = Supervisor(settings, database)
        threads = [
            threading.Thread(target=supervisor.run, name="supervisor"),
            threading.Thread(target=server.run, args=([listener],), name="pages"),
        ]
        for thread in threads:
            thread.start()
        try:
            yield database
        finally:
            server.should_exit = True
            supervisor.stop.set()
            for thread in threads:
                thread.join()


class _Server(uvicorn.Server):
    """A uvicorn in a thread: signals belong to the main thread, which ends us in order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def wait_for_signal() -> None:
    """Return on Ctrl-C or SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
