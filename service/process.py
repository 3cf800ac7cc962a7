"""How a child process of the service ends: when it is told to, or when its parent is gone."""

import signal
import threading
from multiprocessing import parent_process


def end_with_parent(stop: threading.Event) -> None:
    """Set `stop` when the parent process is gone, however it went."""
    parent = parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        stop.set()

    threading.Thread(target=wait, name="parent", daemon=True).start()


def stop_on_signal(stop: threading.Event) -> None:
    """Set `stop` on SIGTERM; SIGINT from a terminal reaches the parent, which tells us."""
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
