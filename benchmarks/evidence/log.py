"""What a signed log costs: acts per second, the tree of a million entries, hashing.

    python -m benchmarks.evidence.log [--seconds 20] [--entries 1000000] [--megabytes 512]
        [--folder DIR] [--json FILE]

- acts: processes that append one act in a transaction, again and again, each acknowledged under a
  signed checkpoint, beside a signer's process: one and nine processes without a pause, nine with
  pauses (together about 28 acts/s, more than a large office makes). The wait is from begin to
  acknowledgement. Beside it `unsealed`, the same commits with no signature, in the same run;
- tree: a million leaves: to the root by the frontier, with every subtree kept, and one proof each;
- hashing: a file hashed as the store does (`FolderStore.check`), SM3 beside it, and `sha256sum`.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.machine import machine
from ingest.clock import SystemClock
from service.database import Database, open_database
from service.evidence.log import MACHINE, Action, append
from service.evidence.signer import run_signer
from service.evidence.store import FolderStore
from service.ledger.calls import NoSignerError, ask
from service.ledger.merkle import Frontier, Tree, leaf, verify_consistency, verify_inclusion
from service.settings import Settings, load

SPAWN = multiprocessing.get_context("spawn")
PAUSE_S = 9 / 28
"""Between two acts of one of nine processes that make 28 in a second."""


def write(settings: Settings, sealed: bool, pause_s: float, seconds: float, waits: Any) -> None:
    """Acts for `seconds`; the milliseconds of each go into the queue `waits`."""
    database, clock, took = Database(settings), SystemClock(), []
    end = time.monotonic() + seconds
    while (began := time.monotonic()) < end:
        with database.write() if sealed else database.unsealed() as session:
            append(session, clock, actor=MACHINE, action=Action.VIEWED, subject="event")
        took.append((time.monotonic() - began) * 1000)
        time.sleep(pause_s)
    database.close()
    waits.put(took)


def acts(
    settings: Settings, processes: int, *, sealed: bool, pause_s: float, seconds: float
) -> dict[str, float]:
    """Acts per second of so many processes, and how long they waited."""
    waits = SPAWN.Queue()
    each = [
        SPAWN.Process(target=write, args=(settings, sealed, pause_s, seconds, waits))
        for _ in range(processes)
    ]
    for process in each:
        process.start()
    took = sorted(wait for _ in each for wait in waits.get())
    for process in each:
        process.join()
    return {
        "acts": len(took),
        "per_second": round(len(took) / seconds, 1),
        "median_ms": round(median(took), 1),
        "p99_ms": round(took[int(len(took) * 0.99)], 1),
        "worst_ms": round(took[-1], 1),
    }


def measure_acts(folder: Path, seconds: float) -> dict[str, Any]:
    """One and nine processes beside a signer, and the same without signatures."""
    settings = load(folder, {"LIUHEN_RESERVE_BYTES": "0"})
    open_database(settings, SystemClock()).close()
    signer = SPAWN.Process(target=run_signer, args=(settings,))
    signer.start()
    while True:
        try:
            ask(settings.run, "key")
            break
        except NoSignerError:
            time.sleep(0.1)
    found = {
        "one": acts(settings, 1, sealed=True, pause_s=0, seconds=seconds),
        "nine": acts(settings, 9, sealed=True, pause_s=0, seconds=seconds),
        "nine_paced": acts(settings, 9, sealed=True, pause_s=PAUSE_S, seconds=seconds),
        "one_unsealed": acts(settings, 1, sealed=False, pause_s=0, seconds=seconds),
        "nine_unsealed": acts(settings, 9, sealed=False, pause_s=0, seconds=seconds),
    }
    signer.terminate()
    signer.join()
    return found


def timed(act: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of processor time, and what came of it."""
    began = time.process_time()
    result = act()
    return round(time.process_time() - began, 3), result


def measure_tree(entries: int) -> dict[str, Any]:
    """The tree of so many entries, without the database."""
    leaves = [leaf(n.to_bytes(8, "big")) for n in range(entries)]
    frontier_s, frontier = timed(lambda: Frontier().extend(leaves))
    tree_s, tree = timed(lambda: Tree(leaves))
    at, old = entries // 3, entries // 2
    root = tree.root(entries)
    assert frontier.root() == root
    inclusion_s, path = timed(lambda: tree.inclusion_proof(at, entries))
    consistency_s, proof = timed(lambda: tree.consistency_proof(old, entries))
    assert verify_inclusion(leaves[at], at, entries, path, root)
    assert verify_consistency(old, entries, proof, tree.root(old), root)
    return {
        "entries": entries,
        "root_by_frontier_s": frontier_s,
        "tree_s": tree_s,
        "inclusion_proof_s": inclusion_s,
        "consistency_proof_s": consistency_s,
        "proof_hashes": [len(path), len(proof)],
    }


def measure_hashing(folder: Path, megabytes: int) -> dict[str, float]:
    """Seconds of wall time for one file, which is in the page cache."""
    store, path = FolderStore(folder), folder / "file"
    block = bytes(range(256)) * 4096
    with path.open("wb") as file:
        for _ in range(megabytes):
            file.write(block)
    sha256, size = store.adopt(path)
    found = {"megabytes": megabytes}

    def sm3() -> None:
        digest = hashlib.new("sm3")
        with path.open("rb") as stream:
            while data := stream.read(1 << 20):
                digest.update(data)

    subjects: dict[str, Callable[[], object]] = {
        "sha256sum_s": lambda: subprocess.run(["sha256sum", path], check=True, capture_output=True),
        "store_check_s": lambda: store.check(sha256),
        "sm3_s": sm3,
    }
    for name, act in subjects.items():
        took = []
        for _ in range(3):
            began = time.monotonic()
            act()
            took.append(time.monotonic() - began)
        found[name] = round(min(took), 3)
    assert size == megabytes << 20
    return {**found, "store_to_sha256sum": round(found["store_check_s"] / found["sha256sum_s"], 2)}


def main() -> None:
    """Print the figures, and keep them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--megabytes", type=int, default=512)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    told: dict[str, Any] = {
        "machine": machine(),
        "load": round(os.getloadavg()[0], 1),
        "seconds": asked.seconds,
    }
    with TemporaryDirectory(dir=asked.folder) as folder:
        told["acts"] = measure_acts(Path(folder), asked.seconds)
    told["tree"] = measure_tree(asked.entries)
    with TemporaryDirectory(dir=asked.folder) as folder:
        told["hashing"] = measure_hashing(Path(folder), asked.megabytes)
    print(json.dumps(told, indent=2))
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()
