"""Makes review copies in a confined child of the lowest priority: recording never waits for one,
and whatever a stranger's file does to a decoder, it does it there.
"""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ingest import errors
from ingest.conversation import listen
from ingest.errors import BrokenMedia, DiskFull, MediaError
from ingest.probe import confine, leave_network
from ingest.transcode import Stretch, Transcoded, transcode

MEMORY_BYTES = 2 << 30
"""Address space: 16 reference pictures of 10-bit 4K take 400 MB; a bomb of 8K ends here."""
LEAST_CPU_S = 120
"""To find the start in a file of hours without an index."""
CPU_PER_S = 20
"""CPU seconds allowed for each of the copy; docs/design/derived.md has what it takes."""
MAX_BYTES = 4 << 30
"""Twice what half an hour takes at the highest rate."""
_NICE = 19
"""The lowest priority that there is (sched(7))."""


def transcode_confined(
    source: Path,
    target: Path,
    stretch: Stretch,
    *,
    told: str,
    on_tick: Callable[[float], None],
) -> Transcoded:
    """As `transcode`, in a child with limits.

    `on_tick` hears at least once a second how many seconds are done; what it raises ends the
    child and passes. `target` may hold half a copy after any exception.

    Raises:
        MediaError: as `transcode`; a child that died of its limits is `BrokenMedia`.
        DiskFull: the copy does not fit.
    """
    arguments = [source, target, stretch.start_us, stretch.end_us, told]
    with subprocess.Popen(  # noqa: S603  our own interpreter and module
        [sys.executable, "-I", "-m", "ingest.transcoder", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # As in `ingest.probe`: no secrets, and no thread per core.
        env={"OPENBLAS_NUM_THREADS": "1"},
    ) as child:
        try:
            answer = listen(child, source.name, on_tick)
            code = child.wait()
        finally:
            child.kill()
    if code != 0:
        raise BrokenMedia(name=source.name, detail=f"limit reached ({code})")
    if "error" in answer:
        raise getattr(errors, answer["error"])(**answer["facts"])
    return Transcoded(**answer["copy"])


def _confine(stretch: Stretch) -> None:
    leave_network()
    os.nice(_NICE)
    confine(MEMORY_BYTES, LEAST_CPU_S + round(CPU_PER_S * stretch.length))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_BYTES, MAX_BYTES))


def _say(word: dict[str, Any]) -> None:
    # A parent that is gone breaks the pipe, and that ends us.
    sys.stdout.write(json.dumps(word) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Child: make the copy that the command line asks for; each line of output is JSON."""
    source, target, start_us, end_us, told = sys.argv[1:]
    stretch = Stretch(int(start_us), int(end_us))
    _confine(stretch)
    try:
        made = transcode(
            Path(source),
            Path(target),
            stretch,
            told=told,
            on_progress=lambda done_s: _say({"done_s": done_s}),
        )
    except (MediaError, DiskFull) as error:
        _say({"error": type(error).__name__, "facts": error.facts})
    except MemoryError:
        facts = {"name": Path(source).name, "detail": "memory limit"}
        _say({"error": BrokenMedia.__name__, "facts": facts})
    else:
        _say({"copy": asdict(made)})


if __name__ == "__main__":
    main()
