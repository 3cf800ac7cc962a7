"""A look at a stranger's file in a child process with limits: whatever it does to a parser, it
does it there.
"""

import ctypes
import json
import resource
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from ingest import errors
from ingest.errors import BrokenMedia, MediaError
from ingest.media import Media, describe

MEMORY_BYTES = 1 << 30
"""Enough to demux 4K video, too little for a bomb to hurt the machine."""
CPU_S = 120
"""Demuxing 4 GB takes seconds; a parser that loops is stopped."""
WALL_S = 300
"""Slow disks; a parser that waits for ever is stopped."""


_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
"""linux/sched.h; `os.unshare` comes with Python 3.12."""


def leave_network() -> bool:
    """Put this process into a network of its own with nothing in it; False where that is refused.

    Needs root, or a system that gives user name spaces to everybody. Where neither is so (some
    hardened kernels and containers), what is left is that FFmpeg may open local files only.
    """
    unshare = getattr(ctypes.CDLL(None, use_errno=True), "unshare", None)
    if unshare is None:
        return False
    return any(unshare(what) == 0 for what in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET))


def confine(memory_bytes: int = MEMORY_BYTES, cpu_s: int = CPU_S) -> None:
    """Limit this process for good."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def probe(path: Path) -> Media:
    """What `describe` says, found out in a confined child.

    Raises:
        MediaError: as `describe`; a child that died of its limits is `BrokenMedia`.
    """
    try:
        done = subprocess.run(  # noqa: S603  our own interpreter and module
            [sys.executable, "-I", "-m", "ingest.probe", str(path)],
            capture_output=True,
            timeout=WALL_S,
            check=False,
            # No secrets within reach of a stranger's file; and NumPy starts a thread per core,
            # whose address space alone would pass the limit on a large machine.
            env={"OPENBLAS_NUM_THREADS": "1"},
        )
    except subprocess.TimeoutExpired as error:
        raise BrokenMedia(name=path.name, detail="time limit") from error
    if done.returncode != 0:
        raise BrokenMedia(name=path.name, detail=f"parser ended with {done.returncode}")
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise getattr(errors, answer["error"])(**answer["facts"])
    return Media(**{**answer, "audio": tuple(answer["audio"])})


def main() -> None:
    """Child: describe the file named on the command line as JSON."""
    leave_network()
    confine()
    try:
        answer = asdict(describe(Path(sys.argv[1])))
    except MediaError as error:
        answer = {"error": type(error).__name__, "facts": error.facts}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
