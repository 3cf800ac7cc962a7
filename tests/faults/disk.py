"""Disks of our own, to be filled, broken and mended; only root can have them."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

_MIB = 1 << 20


class NoDiskError(Exception):
    """This machine lets us mount none; says why."""


def _run(*command: str | Path) -> None:
    try:
        subprocess.run([str(word) for word in command], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoDiskError(f"{command[0]} is not allowed here") from error


class SmallDisk:
    """16 MiB in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        _run("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", folder)

    def fail(self) -> None:
        """Fill it to the last byte."""
        with suppress(OSError), (self.folder / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(_MIB))

    def mend(self) -> None:
        """Make room again."""
        (self.folder / "filler").unlink()

    def close(self) -> None:
        """Unmount it."""
        _run("umount", "--lazy", self.folder)


class FrailDisk:
    """An ext4 of 64 MiB that turns read-only under those who write to it, as one does that found an
    error in itself (`errors=remount-ro`).
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._image = folder.with_name(f"{folder.name}.ext4")
        with self._image.open("wb") as image:
            image.truncate(64 * _MIB)
        _run("mkfs.ext4", "-q", "-F", self._image)
        _run("mount", "-o", "loop", self._image, folder)
        shutil.rmtree(folder / "lost+found")

    def fail(self) -> None:
        """From now on every write is refused, also by files that are open."""
        _run("mount", "-o", "remount,abort", self.folder)

    def mend(self) -> None:
        """Check and mount it again, as an administrator would; nothing may be open on it."""
        _run("umount", self.folder)
        subprocess.run(["e2fsck", "-fy", self._image], check=False, capture_output=True)
        _run("mount", "-o", "loop", self._image, self.folder)

    def close(self) -> None:
        """Unmount it."""
        _run("umount", "--lazy", self.folder)


Disk: TypeAlias = SmallDisk | FrailDisk


@contextmanager
def mounted(kind: type[Disk], folder: Path) -> Iterator[Disk]:
    """A disk at `folder` for the duration of the block.

    Raises:
        NoDiskError: none can be had.
    """
    folder.mkdir(parents=True, exist_ok=True)
    disk = kind(folder)
    try:
        yield disk
    finally:
        disk.close()
