"""strace lets one system call of a short recording fail, or kills at it; then everything is asked.

The pattern is that of tessera's fault test: one run tells which calls there are, then each is
spoilt in a run of its own, and what is left on disk has to hold.
"""

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Literal, TypeAlias

from ingest.clock import SimulatedClock
from service.settings import load
from tests.faults.receipt import receipts, segments_in, unkept
from tests.faults.rig import Rig, opened
from tests.faults.short import run_short

Spoil: TypeAlias = Literal["EIO", "ENOSPC", "KILL"]
SPOILS: tuple[Spoil, ...] = ("EIO", "ENOSPC", "KILL")
_CALLS = ("write", "fsync", "openat", "link", "linkat", "rename", "renameat", "renameat2")
_CALLS += ("mkdir", "mkdirat", "unlink", "unlinkat", "chmod", "fchmodat")
"""By which files come to be what they are; which of them there are depends on the processor."""
_LINE = re.compile(r"^(?P<thread>\d+) +(?P<call>\w+)\((?P<rest>.*)$")
_STEM = re.compile(r"segments/(?P<stem>\w+/\d+/\d+)\.(?:mp4|idx)>")
_PATIENCE_S = 60.0


class NoTracingError(Exception):
    """strace is missing or not allowed here."""


@dataclass(frozen=True, slots=True)
class Call:
    """One system call of a recording: the `number`th of its name in its thread, from 1."""

    name: str
    number: int
    about: str


@dataclass(frozen=True, slots=True)
class Result:
    """What was left after one call was spoilt.

    Attributes:
        told, forgotten: groups of pictures that the recorder took for durable, and how many of them
            no index names.
        unkept: pieces that an index names and that are not there byte for byte.
        damage: what fsck calls damage.
        trusted: segments that were written to although a write or fsync of theirs had failed.
        groups: groups of pictures that can be read.
    """

    told: int
    forgotten: int
    unkept: int
    damage: tuple[str, ...]
    trusted: tuple[str, ...]
    groups: int

    @property
    def holds(self) -> bool:
        """Whether nothing that was promised is lost."""
        return not (self.forgotten or self.unkept or self.damage or self.trusted)


@dataclass(frozen=True, slots=True)
class Tracer:
    """Runs short recordings under strace, each in a copy of `template`."""

    template: Path
    folder: Path

    def calls(self) -> list[Call]:
        """The calls of an undisturbed recording that concern its home folder.

        Raises:
            NoTracingError: this machine lets us not trace.
        """
        home = self._run("undisturbed", None)
        counted: dict[tuple[str, str], int] = {}
        found: dict[tuple[str, int], Call] = {}
        for thread, name, rest in _traced(home):
            number = counted[thread, name] = counted.get((thread, name), 0) + 1
            if str(home) in rest:
                about = rest.partition(str(home))[2].split('"')[0].split(">")[0]
                found.setdefault((name, number), Call(name, number, about))
        if not found:
            raise NoTracingError("strace sees nothing")
        return list(found.values())

    def hasty(self) -> set[str]:
        """Segments of the undisturbed recording with a line written before its bytes were safe."""
        return _hasty(self.folder / "undisturbed")

    def spoil(self, call: Call, how: Spoil) -> Result:
        """Repeat the recording with one call spoilt, and ask what is left."""
        what = "signal=KILL" if how == "KILL" else f"error={how}"
        name = f"{call.name}-{call.number}-{how}"
        home = self._run(name, f"inject={call.name}:{what}:when={call.number}")
        try:
            return _asked(home)
        finally:
            shutil.rmtree(home)

    def _run(self, name: str, inject: str | None) -> Path:
        """One recording; its home folder, which holds `trace` and `told` besides."""
        home = self.folder / name
        shutil.copytree(self.template, home)
        ours, theirs = socket.socketpair()
        context = get_context("forkserver")
        context.set_forkserver_preload(["tests.faults.short"])
        child = context.Process(target=run_short, args=(home, theirs))
        with ours, theirs:
            child.start()
            theirs.close()
            ours.settimeout(_PATIENCE_S)
            assert ours.recv(64) == b"ready\n"
            assert child.pid is not None
            with Strace(child.pid, home / "trace", inject):
                ours.send(b"!")
                told = b"".join(iter(lambda: ours.recv(4096), b""))
                child.join(_PATIENCE_S)
                # Whatever fails, a recorder ends when it is told to.
                assert child.exitcode is not None
        (home / "told").write_bytes(told)
        return home


class Strace:
    """strace on a process: attached before the block, and after it gone with the process, or
    before that with `detach`.

    Raises:
        NoTracingError: it is missing or not allowed here.
    """

    def __init__(self, pid: int, log: Path, inject: str | None, *, detach: bool = False) -> None:
        self._detach = detach
        wanted = "trace=" + ",".join(f"?{name}" for name in _CALLS)
        command = ["strace", "-f", "-y", "-s", "0", "-o", str(log), "-e", wanted]
        command += ["-e", inject] if inject else []
        command += ["-p", str(pid)]
        try:
            self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        except FileNotFoundError as error:
            raise NoTracingError("strace is not installed") from error

    def __enter__(self) -> None:
        assert self._process.stderr is not None
        said = self._process.stderr.readline()
        if "attached" not in said:
            self._process.communicate()
            raise NoTracingError(said.strip())

    def __exit__(self, *_: object) -> None:
        if self._detach:
            self._process.terminate()
        try:
            self._process.communicate(timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


def _traced(home: Path) -> Iterator[tuple[str, str, str]]:
    """Thread, name and the rest of every call."""
    for line in (home / "trace").read_text().splitlines():
        found = _LINE.match(line)
        if found and " resumed>" not in line:
            yield found["thread"], found["call"], found["rest"]


def _hasty(home: Path) -> set[str]:
    unsafe: set[str] = set()
    found: set[str] = set()
    for _, name, rest in _traced(home):
        segment = _STEM.search(rest)
        if segment is None or name not in {"write", "fsync"}:
            continue
        stem, media = segment["stem"], segment[0].endswith(".mp4>")
        if media:
            (unsafe.add if name == "write" else unsafe.discard)(stem)
        elif name == "write" and stem in unsafe:
            found.add(stem)
    return found


def _asked(home: Path) -> Result:
    settings = load(home, {"LIUHEN_RESERVE_BYTES": "0"})
    told = [int(line) for line in (home / "told").read_text().splitlines()]
    named = {
        picture.monotonic_us
        for segment in segments_in(settings.segments)
        for gop in segment.gops
        for picture in gop.pictures
    }
    given = receipts(settings.segments)
    clock = SimulatedClock()
    # What the recorder's clock said at its end, and more.
    clock.sleep(3600)
    with opened(settings, clock) as database:
        made = Rig(settings, database, "rtsp://127.0.0.1/gate", clock)
        made.registrar.step()
        damage = tuple(made.damage())
    return Result(
        told=len(told),
        forgotten=sum(moment not in named for moment in told),
        unkept=unkept(settings.segments, given),
        damage=damage,
        trusted=tuple(sorted(_trusted(home))),
        groups=sum(map(len, given.values())) - len(given),
    )


def _trusted(home: Path) -> set[str]:
    """Segments that were written to after the kernel had refused something of theirs.

    A second fsync says nothing of what the first one could not write: its pages may be gone
    (fsync(2); Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020).
    """
    failed: set[str] = set()
    trusted: set[str] = set()
    for _, name, rest in _traced(home):
        segment = _STEM.search(rest)
        if segment is None or name not in {"write", "fsync"}:
            continue
        if segment["stem"] in failed:
            trusted.add(segment["stem"])
        if "= -1 E" in rest:
            failed.add(segment["stem"])
    return trusted
