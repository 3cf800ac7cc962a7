"""The pages in a process of their own, to be killed."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ingest.clock import SystemClock

_SCRIPT = """
import sys
from pathlib import Path
import uvicorn
from ingest.clock import SystemClock
from service.database import open_database
from service.evidence.store import FolderStore
from service.settings import load
from service.web.app import create_app

settings, clock = load(Path(sys.argv[1]), {"LIUHEN_RESERVE_BYTES": "0"}), SystemClock()
database = open_database(settings, clock)
app = create_app(settings, database, FolderStore(settings.objects), clock)
uvicorn.run(app, port=int(sys.argv[2]), log_level="warning")
"""
_PATIENCE_S = 30.0


@dataclass
class PagesProcess:
    """Started, killed and started again at one port."""

    home: Path
    port: int
    running: subprocess.Popen[bytes] | None = None
    kills: int = 0
    clock: SystemClock = field(default_factory=SystemClock)

    def start(self) -> None:
        """Return when it answers."""
        self.running = subprocess.Popen([sys.executable, "-c", _SCRIPT, self.home, str(self.port)])
        began = self.clock.monotonic_us()
        while True:
            assert self.running.poll() is None, "the pages ended"
            assert self.clock.monotonic_us() - began < _PATIENCE_S * 1_000_000
            try:
                self.ask("GET", "/healthz", {})
            except OSError:
                self.clock.sleep(0.05)
            else:
                return

    def kill(self) -> None:
        """SIGKILL: nothing is flushed, nothing is closed in order."""
        assert self.running is not None
        os.kill(self.running.pid, signal.SIGKILL)
        self.running.wait()
        self.kills += 1

    def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> dict[str, str]:
        """Status and headers of an answer, in lower case."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE_S)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            answer.read()
        finally:
            connection.close()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return {**found, "status": str(answer.status)}

    def send_and_kill(
        self, path: str, headers: Mapping[str, str], body: bytes, *, after: int, wait_s: float
    ) -> None:
        """Send `after` bytes of a PATCH, wait, and kill the server with the rest unsent."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE_S)
        connection.putrequest("PATCH", path)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        try:
            connection.send(body[:after])
            self.clock.sleep(wait_s)
        finally:
            self.kill()
            connection.close()


@contextmanager
def pages_process(home: Path) -> Iterator[PagesProcess]:
    """Running pages over `home`; killed at the end, if not before."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port = trial.getsockname()[1]
    process = PagesProcess(home, port)
    process.start()
    try:
        yield process
    finally:
        if process.running is not None and process.running.poll() is None:
            process.kill()
