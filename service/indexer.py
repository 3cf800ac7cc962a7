"""Looks through a recorder file for people, vehicles and bags, in a confined child of the lowest
priority: whatever a stranger's file does to a decoder, it does it there.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ingest import errors
from ingest.conversation import listen
from ingest.decode import Turns
from ingest.errors import BrokenMedia, MediaError
from ingest.media import key_pictures
from ingest.probe import confine, leave_network
from models.session import open_detector
from vision.appearance import Content, appearances
from vision.detect import Detection, Detector
from vision.frame import Instant, later

EVERY_S = 2.0
"""Seconds between two looks at least. Only key frames are looked at; where they are rarer, so are
looks."""
MEMORY_BYTES = 8 << 30
"""Address space: what ONNX Runtime reserves, and a 4K decoder beside it."""
CPU_S = 6 * 3600
"""CPU seconds for a file; docs/design/detection.md has what an hour of video takes."""
_NICE = 19
"""The lowest priority that there is (sched(7))."""


def index(path: Path, detector: Detector, on_second: Callable[[float], None]) -> Content:
    """Look at a key frame in `EVERY_S`; `on_second` hears how far it is.

    Raises:
        MediaError: the file is not a video that can be read.
    """
    count = 0

    def looks() -> Iterator[tuple[Instant, tuple[Detection, ...]]]:
        nonlocal count
        turns = Turns(EVERY_S)
        for seconds, picture in key_pictures(path):
            at = later(Instant(0), seconds)
            if not picture.is_corrupt and turns.take(at):
                count += 1
                image = picture.to_ndarray(format="bgr24").astype(np.uint8, copy=False)
                yield at, detector.detect(image)
                on_second(seconds)

    found = tuple(appearances(looks()))
    return Content(found, count)


def index_confined(
    path: Path, model: str, weights: tuple[Path, ...], *, on_tick: Callable[[float], None]
) -> Content:
    """As `index`, in a child with limits.

    `on_tick` hears at least once a second how many seconds are done; what it raises ends the child
    and passes.

    Raises:
        MediaError: as `index`; a child that died of its limits is `BrokenMedia`.
    """
    with subprocess.Popen(  # noqa: S603  our own interpreter and module
        [sys.executable, "-I", "-m", "service.indexer", str(path), model, *map(str, weights)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # As in `ingest.probe`: no secrets, and no thread per core.
        env={"OPENBLAS_NUM_THREADS": "1"},
    ) as child:
        try:
            answer = listen(child, path.name, on_tick)
            code = child.wait()
        finally:
            child.kill()
    if code != 0:
        raise BrokenMedia(name=path.name, detail=f"limit reached ({code})")
    if "error" in answer:
        raise getattr(errors, answer["error"])(**answer["facts"])
    return Content.from_json(answer["index"])


def _say(word: dict[str, Any]) -> None:
    # A parent that is gone breaks the pipe, and that ends us.
    sys.stdout.write(json.dumps(word) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Child: look through the file that the command line names; each line of output is JSON."""
    path, model, *weights = sys.argv[1:]
    leave_network()
    os.nice(_NICE)
    detector = open_detector(model, [Path(each) for each in weights], threads=1)
    confine(MEMORY_BYTES, CPU_S)
    try:
        found = index(Path(path), detector, lambda done_s: _say({"done_s": done_s}))
    except MediaError as error:
        _say({"error": type(error).__name__, "facts": error.facts})
    except MemoryError:
        facts = {"name": Path(path).name, "detail": "memory limit"}
        _say({"error": BrokenMedia.__name__, "facts": facts})
    else:
        _say({"index": found.to_json()})


if __name__ == "__main__":
    main()
