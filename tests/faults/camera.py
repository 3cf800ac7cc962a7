"""A simulated camera in a process of its own, so that it can be killed, stopped and told to fail.

    python -m tests.faults.camera PORT FILE [FILE AT_S]

It plays FILE, and from AT_S seconds on the second FILE, as `gate`, and does what lines on its
standard input say: the name of a fault of `CameraServer`, and its number where it has one.
"""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingest.clock import SystemClock
from service.demo.server import CameraServer
from service.demo.source import FileSource, Source, SwitchingSource

PROJECT = Path(__file__).parents[2]
MOUNT = "gate"


class CameraProcess:
    """Switched on by `start`; `url` stays the same."""

    def __init__(self, reel: Path, *, then: tuple[Path, float] | None = None) -> None:
        self._what = [str(reel), *(map(str, then) if then else ())]
        self._port = _free_port()
        self.process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """The address of its stream."""
        return f"rtsp://127.0.0.1:{self._port}/{MOUNT}"

    def start(self) -> None:
        """Switch on; clients can connect when it returns."""
        command = [sys.executable, "-m", "tests.faults.camera", str(self._port), *self._what]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "on\n"

    def do(self, fault: str) -> None:
        """Commit a fault; returns when it is committed."""
        assert self.process is not None
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{fault}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """It loses power; nothing happens when it is off."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


@contextmanager
def camera(reel: Path, *, then: tuple[Path, float] | None = None) -> Iterator[CameraProcess]:
    """A camera that is on for the duration of the block."""
    made = CameraProcess(reel, then=then)
    made.start()
    try:
        yield made
    finally:
        made.kill()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _source(what: list[str]) -> Source:
    first = FileSource.open(Path(what[0]))
    if len(what) == 1:
        return first
    return SwitchingSource(first, FileSource.open(Path(what[1])), float(what[2]))


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def main() -> None:
    """Send until standard input ends."""
    port, what = int(sys.argv[1]), sys.argv[2:]
    sources = {MOUNT: _source(what)}
    with CameraServer(sources, clock=SystemClock(), address=("127.0.0.1", port)) as server:
        _say("on")
        for line in sys.stdin:
            fault, *number = line.split()
            if fault == "lie":
                server.lie(float(number[0]))
            else:
                getattr(server, fault)(MOUNT, *map(float, number))
            _say("done")


if __name__ == "__main__":
    main()
