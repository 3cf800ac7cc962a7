"""How a child process of the service begins and ends."""

import logging
import signal
import threading
from multiprocessing import parent_process


def begun(name: str) -> threading.Event:
    """Set up logging under `name`; an event that is set when the process is to end.

    That is on SIGTERM, or when the parent is gone, however it went. SIGINT from a terminal reaches
    the parent, which tells us.
    """
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s {name} %(message)s")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_outlive, args=(stop,), name="parent", daemon=True).start()
    return stop


def _outlive(stop: threading.Event) -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        stop.set()
