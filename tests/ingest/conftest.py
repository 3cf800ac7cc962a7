"""A disk so small that it fills up."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PAGE = 4096
"""Bytes that a file in memory grows by."""


@dataclass(frozen=True)
class SmallDisk:
    """A folder with a file system of its own."""

    root: Path

    @property
    def _filler(self) -> Path:
        return self.root / "filler"

    def leave(self, pages: int) -> None:
        """Fill it up but for some pages."""
        self.free()
        free = os.statvfs(self.root).f_bavail
        self._filler.write_bytes(bytes((free - pages) * PAGE))

    def free(self) -> None:
        """Make room again."""
        self._filler.unlink(missing_ok=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """1 MiB, mounted for one test; only root can do that."""
    root = tmp_path / "disk"
    root.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(root)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a full disk needs the right to mount a tmpfs")
    try:
        yield SmallDisk(root)
    finally:
        subprocess.run(["umount", str(root)], check=True, capture_output=True)
