"""Facts that a camera process leaves as files for the registrar, so that it needs no database."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

from ingest.files import create_exclusive, make_directory, sha256_bytes
from vision.frame import CameraId, Instant


class FactKind(StrEnum):
    """What a camera process has to say."""

    CANDIDATE = "candidate"
    CLEARED = "cleared"
    UP = "up"
    DOWN = "down"
    LOST = "lost"
    SLOW = "slow"
    MISSED = "missed"
    SKIPPED = "skipped"
    FAILED = "failed"
    HEALTH = "health"
    SUB_UP = "sub_up"
    SUB_DOWN = "sub_down"


@dataclass(frozen=True, slots=True)
class Fact:
    """One file of the spool."""

    path: Path
    kind: FactKind
    camera: CameraId
    at: Instant
    data: dict[str, Any]
    process: str
    number: int


class Spool:
    """A folder of facts, each written once and removed when it was entered."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._process = uuid4().hex
        self._numbers = count()
        make_directory(root)

    def put(self, kind: FactKind, camera: CameraId, at: Instant, data: Mapping[str, Any]) -> None:
        """Leave a fact, durable on return.

        Raises:
            DiskFull: it could not be written.
        """
        fact = {
            "kind": kind.value,
            "camera": camera,
            "at_us": at,
            "process": self._process,
            "number": next(self._numbers),
            "data": dict(data),
        }
        text = json.dumps(fact).encode()
        name = f"{at:017d}-{camera}-{kind.value}-{sha256_bytes(text)[:12]}.json"
        create_exclusive(self._root / name, text)

    def facts(self) -> list[Fact]:
        """What waits, oldest first; of one process in the order in which it was said.

        Times alone do not tell: the wall clock may have been set back in between.
        """
        found: list[Fact] = []
        for path in sorted(self._root.glob("*.json")):
            try:
                found.append(_fact(path))
            except (KeyError, ValueError, TypeError):
                self.set_aside(path)
        first: dict[str, Instant] = {}
        for fact in found:
            first.setdefault(fact.process, fact.at)
        return sorted(found, key=lambda fact: (first[fact.process], fact.process, fact.number))

    def set_aside(self, path: Path) -> None:
        """Keep a file that cannot be entered, out of the way of the others."""
        path.rename(path.with_suffix(".bad"))

    def aside(self) -> list[str]:
        """Names of the files that were set aside."""
        return sorted(path.name for path in self._root.glob("*.bad"))

    def remove(self, fact: Fact) -> None:
        """Forget a fact that is in the database now."""
        fact.path.unlink(missing_ok=True)


def _fact(path: Path) -> Fact:
    fact = json.loads(path.read_bytes())
    return Fact(
        path,
        FactKind(fact["kind"]),
        CameraId(fact["camera"]),
        Instant(fact["at_us"]),
        fact["data"],
        fact["process"],
        fact["number"],
    )
