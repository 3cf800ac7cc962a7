"""Ctrl-C, and even kill -9 of the service, leave no process behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

LIUHEN = Path(sys.executable).with_name("liuhen")


def group(leader: int) -> list[int]:
    """Living processes of the leader's process group."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[2]) == leader and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def wait_until(what: str, seconds: float, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.2)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize(
    ("number", "everybody"),
    [(signal.SIGINT, True), (signal.SIGTERM, False), (signal.SIGKILL, False)],
    ids=["Ctrl-C in the terminal", "TERM to the service", "KILL to the service"],
)
def test_nothing_is_left(tmp_path: Path, number: signal.Signals, everybody: bool) -> None:
    with subprocess.Popen(
        [str(LIUHEN), "demo", "--folder", str(tmp_path / "demo"), "--port", "0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as demo:
        segments = tmp_path / "demo" / "home" / "segments"
        wait_until("recording", 60, lambda: len(list(segments.glob("*/*/*.mp4"))) == 3)
        assert len(group(demo.pid)) > 5
        (os.killpg if everybody else os.kill)(demo.pid, number)
        code = demo.wait(40)
        wait_until("the end of every process", 20, lambda: not group(demo.pid))
    assert code == (-signal.SIGKILL if number is signal.SIGKILL else 0)
