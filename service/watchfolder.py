"""A docking station's folder: which files in it are complete, and what lies beside them.

Nothing here changes a file but `put_away`, which moves what is kept.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ingest.clock import Clock
from ingest.files import disk_errors, fsync_directory, make_directory
from ingest.sums import SUM_SUFFIXES
from service.sources import Source
from vision.frame import SECOND

_TEMPORARY = (".part", ".tmp", ".temp", ".crdownload", ".partial", ".filepart", ".swp", "~")
"""How programs name what they are still writing."""
TEXT_SUFFIXES = (".log", ".txt", ".gps", ".nmea", ".gpx", ".csv")
"""Side files in which a time may stand."""
_SIDE_SUFFIXES = (*SUM_SUFFIXES, *TEXT_SUFFIXES)
ORPHAN_S = 900.0
"""A side file whose video has not come by then is looked at by itself: nothing stays unseen."""

Shape = tuple[int, int, int]
"""Size, modification time in nanoseconds, and inode: what changes when a file does."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A complete file with its side files; `name` is its path below the folder, with `/`."""

    name: str
    path: Path
    shape: Shape
    sides: tuple[Path, ...]


@dataclass(slots=True)
class _Seen:
    shape: Shape
    since_us: int


@dataclass
class WatchFolder:
    """One source as it was at the last look, to see what has stopped growing."""

    source: Source
    clock: Clock
    _seen: dict[Path, _Seen] = field(default_factory=dict)

    def complete(self) -> list[Bundle]:
        """Files that have not changed for long enough, side files with them, oldest first.

        Raises:
            OSError: the folder is not there or cannot be read.
        """
        shapes = dict(_files(self.source))
        now = self.clock.monotonic_us()
        for path, shape in shapes.items():
            seen = self._seen.get(path)
            if seen is None or seen.shape != shape:
                self._seen[path] = _Seen(shape, now)
        for gone in self._seen.keys() - shapes.keys():
            del self._seen[gone]
        sides = _sides(shapes)
        ages = {path: (now - each.since_us) / SECOND for path, each in self._seen.items()}
        attached = {side for group in sides.values() for side in group}
        found = []
        for path, shape in shapes.items():
            group = (path, *sides.get(path, ()))
            least = self.source.stable_s
            if path in attached:
                continue
            if is_side(path):
                least = max(least, ORPHAN_S)
            if all(ages[each] >= least for each in group):
                name = path.relative_to(self.source.folder).as_posix()
                found.append(Bundle(name, path, shape, tuple(sides.get(path, ()))))
        return sorted(found, key=lambda bundle: bundle.shape[1])


def is_side(path: Path) -> bool:
    """Whether a file is one that comes beside a video."""
    return path.name.lower().endswith(_SIDE_SUFFIXES)


def is_temporary(name: str) -> bool:
    """Whether a file of this name is still being written by whoever gave it the name."""
    return name.startswith(".") or name.lower().endswith(_TEMPORARY)


def _files(source: Source) -> Iterator[tuple[Path, Shape]]:
    """Every regular file below the folder; links are not followed."""

    def refuse(error: OSError) -> None:
        raise error

    for folder, folders, names in os.walk(source.folder, onerror=refuse):
        here = Path(folder)
        folders[:] = [
            each for each in folders if not is_temporary(each) and here / each != source.done
        ]
        for name in names:
            if is_temporary(name):
                continue
            path = here / name
            try:
                found = path.lstat()
            except FileNotFoundError:
                continue
            if path.is_file() and not path.is_symlink():
                yield path, (found.st_size, found.st_mtime_ns, found.st_ino)


def _sides(shapes: dict[Path, Shape]) -> dict[Path, list[Path]]:
    """Side files by the file that they belong to: same folder, same stem or same whole name."""
    by_stem: dict[tuple[Path, str], Path] = {}
    for path in shapes:
        if not is_side(path):
            by_stem[path.parent, path.name.lower()] = path
            by_stem.setdefault((path.parent, path.stem.lower()), path)
    found: dict[Path, list[Path]] = {}
    for path in sorted(shapes):
        owner = by_stem.get((path.parent, path.stem.lower())) if is_side(path) else None
        if owner is not None:
            found.setdefault(owner, []).append(path)
    return found


def put_away(source: Source, path: Path, mark: str) -> None:
    """Move a kept file into the `done` folder; what has its name there is not replaced.

    Raises:
        OSError, DiskFull: it cannot be moved; it is where it was.
    """
    target = source.done / path.relative_to(source.folder)
    make_directory(target.parent)
    if target.exists():
        target = target.with_name(f"{target.stem}~{mark}{target.suffix}")
    if target.exists():
        raise FileExistsError(str(target))
    with disk_errors(target):
        path.rename(target)
    fsync_directory(target.parent)
