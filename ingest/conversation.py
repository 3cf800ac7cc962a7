"""What a confined child says, line by line, while somebody keeps an eye on it."""

import json
import os
import selectors
import subprocess
from collections.abc import Callable
from typing import Any

from ingest.errors import BrokenMedia

STALL_S = 600.0
"""Without a word for so long the child is stopped; at lowest priority on a busy machine each of its
CPU seconds can take a minute."""
TICK_S = 1.0
"""Between two looks at the child: so quickly a stop is obeyed."""


def listen(
    child: "subprocess.Popen[bytes]", name: str, on_tick: Callable[[float], None]
) -> dict[str, Any]:
    """The child's last word, once it has closed its mouth; empty when it said none.

    Each line of its output is JSON. `on_tick` hears at least once in `TICK_S` how many seconds of
    the file `name` are done (`done_s` of a line).

    Raises:
        BrokenMedia: it said nothing for `STALL_S`.
    """
    assert child.stdout is not None  # noqa: S101  it is a pipe
    pipe = child.stdout.fileno()
    said: dict[str, Any] = {}
    text, done_s, silent_s = b"", 0.0, 0.0
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            done_s = float(said.get("done_s", done_s))
            on_tick(done_s)
            if not selector.select(TICK_S):
                silent_s += TICK_S
                if silent_s > STALL_S:
                    raise BrokenMedia(name=name, detail="time limit")
                continue
            silent_s = 0.0
            heard = os.read(pipe, 1 << 16)
            if not heard:
                return said
            *lines, text = (text + heard).split(b"\n")
            if lines:
                said = json.loads(lines[-1])
