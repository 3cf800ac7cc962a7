"""What the two verifiers of a bundle see, and whether they agree; how fast they read.

    python -m benchmarks.evidence.bundles [--count 1000] [--out FILE]

Prints the tamper matrix: expected, verify.py, verify.html, and the answers bytes, log, anchors,
clock of each as the first letters of holds, said, fails. Then `count` untouched bundles, each of
another log and other anchors, and `count` bundles mutated by chance, through both; every bundle
that is not as expected is named. Needs Chromium.
"""

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

from benchmarks.machine import machine
from tests.service.evidence.bundles import KEY, Files, bundle, lay, sealed
from tests.service.evidence.tampering import UNTOUCHED, mutation, story_of, tampered
from tests.service.evidence.verifiers import PageVerifier, answers, letters, verifier
from tests.window import window

LARGE = 256 << 20
"""Bytes of the film with which reading is timed: memory does not hold back the result."""


class Both:
    """The two verifiers on the same bundles."""

    def __init__(self, module: ModuleType, page: PageVerifier) -> None:
        self._module, self._page = module, page
        self.seconds = {"verify.py": 0.0, "verify.html": 0.0}

    def letters(self, files: Files) -> tuple[str, str]:
        """What verify.py and verify.html say."""
        with TemporaryDirectory() as folder:
            lay(files, Path(folder))
            began = time.monotonic()
            python = letters(answers(self._module, Path(folder)))
            middle = time.monotonic()
        browser = self._page.letters(files)
        self.seconds["verify.py"] += middle - began
        self.seconds["verify.html"] += time.monotonic() - middle
        return python, browser


def matrix(both: Both) -> Iterator[dict[str, Any]]:
    """Every cell of the tamper matrix."""
    for name, (files, expected) in tampered().items():
        python, browser = both.letters(files)
        yield {
            "case": name,
            "expected": expected,
            "verify.py": python,
            "verify.html": browser,
            "as_expected": python == browser == expected,
        }


def untouched(both: Both, count: int) -> dict[str, Any]:
    """False alarms on bundles that nobody touched."""
    wrong = []
    for seed in range(count):
        found = both.letters(bundle(story_of(random.Random(f"untouched {seed}"))))
        if found != (UNTOUCHED, UNTOUCHED):
            wrong.append({"seed": seed, "found": found})
    return {"count": count, "false_alarms": len(wrong), "wrong": wrong}


def mutated(both: Both, count: int) -> dict[str, Any]:
    """Whether both come to the same on bundles that were mutated by chance."""
    whole, said, differ, unseen = bundle(), Counter[str](), [], 0
    for seed in range(count):
        files = mutation(random.Random(f"mutated {seed}"), whole)
        python, browser = both.letters(files)
        said[python] += 1
        if python != browser:
            differ.append({"seed": seed, "verify.py": python, "verify.html": browser})
        unseen += files != whole and files.get("seal") == whole["seal"] and "f" not in python
    return {
        "count": count,
        "disagreements": len(differ),
        "differ": differ,
        "unseen_without_the_key": unseen,
        "said": dict(said.most_common()),
    }


_HASH = """async size => {
  const block = new Uint8Array(4 << 20), began = performance.now();
  const file = { path: "x", size, read: async (start, end) => block.subarray(0, end - start) };
  const { bundle } = await liuhen.examine([], "");
  await bundle.hash(file, () => {});
  return (performance.now() - began) / 1000;
}"""


def reading(module: ModuleType, page: Any) -> dict[str, float]:
    """Megabytes a second, hashing one large film."""
    with TemporaryDirectory() as folder:
        film = sealed({**bundle(), "derived/film.mp4": bytes(LARGE)}, KEY)
        lay(film, Path(folder))
        began = time.monotonic()
        answers(module, Path(folder))
        python_s = time.monotonic() - began
    browser_s = page.evaluate(_HASH, LARGE)
    return {
        "verify.py_mb_s": round(LARGE / 1e6 / python_s, 1),
        "verify.html_mb_s": round(LARGE / 1e6 / browser_s, 1),
    }


def main() -> None:
    """Print the result as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    module = verifier()
    with window() as (page, complaints):
        both = Both(module, PageVerifier(page, bundle()))
        cells = list(matrix(both))
        result = {
            "machine": machine(),
            "cells": len(cells),
            "cells_as_expected": sum(cell["as_expected"] for cell in cells),
            "untouched": untouched(both, asked.count),
            "mutated": mutated(both, asked.count),
            "seconds": {name: round(taken, 1) for name, taken in both.seconds.items()},
            "reading": reading(module, page),
            "complaints": complaints,
            "matrix": cells,
        }
    text = json.dumps(result, ensure_ascii=False, indent=1)
    print(text)
    if asked.out:
        asked.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
