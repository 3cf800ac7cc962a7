"""Taking segments out of the ring: destroyed where a row says so, set aside where nothing does.

Nothing here decides: the row that allows a removal is committed before (docs/design/storage.md).
"""

import errno
import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path

from ingest.files import (
    create_exclusive,
    disk_errors,
    fsync_directory,
    make_directory,
    publish_idempotent,
    sha256_file,
    write_temporary,
)

SUFFIXES = (".idx", ".mp4")
"""In the order of their removal: without its index a media file is nothing that anybody reads."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,40}/[0-9]{8}/[0-9]{1,20}")


def is_id(name: str) -> bool:
    """Whether `name` is one that the recorder gives: `<camera>/<yyyymmdd>/<start>`."""
    return _ID.fullmatch(name) is not None


class Ring:
    """The files below `root`, and `quarantine` for those that nothing acknowledged."""

    def __init__(self, root: Path, quarantine: Path) -> None:
        self._root = root
        self._quarantine = quarantine

    def free(self) -> int:
        """Bytes that are free on the disk of the ring."""
        return shutil.disk_usage(self._root).free

    def remove(self, ids: Iterable[str], *, empty_before: str) -> tuple[list[str], list[str]]:
        """Unlink segments; those that are durably gone, and why others are not.

        A file that is gone already is fine. Folders of days (`yyyymmdd`) before `empty_before` go
        when nothing is left in them.
        """
        gone, failed = [], []
        for folder, names in groupby(sorted(ids), key=lambda name: name.rpartition("/")[0]):
            place = self._root / folder
            try:
                removed = list(names)
                for name in removed:
                    self._remove(name)
                if place.is_dir():
                    self._sync(place)
                    if place.name < empty_before:
                        self._drop(place)
            except OSError as error:
                failed.append(f"{folder}: {os.strerror(error.errno or 0)}")
            else:
                gone += removed
        return gone, failed

    def _remove(self, name: str) -> None:
        if not is_id(name):
            # A row that somebody else wrote must not point us out of the ring.
            raise PermissionError(1, name)
        for suffix in SUFFIXES:
            self._unlink(self._root / f"{name}{suffix}")

    def _unlink(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def _sync(self, folder: Path) -> None:
        fsync_directory(folder)

    def _drop(self, folder: Path) -> None:
        """Remove a day's folder when it is empty."""
        if next(folder.iterdir(), None) is None:
            folder.rmdir()
            fsync_directory(folder.parent)

    def set_aside(self, name: str, why: Mapping[str, str | int]) -> dict[str, str]:
        """Move a segment's files into the quarantine with a note; the SHA-256 of each.

        The caller holds the camera's lock. Nothing is replaced: a move that a crash cut off is
        finished by the next one.

        Raises:
            DiskFull: there is no room for the note.
            OSError: other files stand under the name, or a disk failed.
        """
        there = [self._root / f"{name}{suffix}" for suffix in SUFFIXES]
        hashes = {path.name: str(sha256_file(path)[0]) for path in there if path.is_file()}
        target = (self._quarantine / name).parent
        make_directory(target)
        note = {"segment": name, **why, "sha256": hashes}
        create_exclusive(
            self._quarantine / f"{name}.json", json.dumps(note, ensure_ascii=False).encode()
        )
        for path in there:
            if path.is_file():
                _move(path, target / path.name)
        fsync_directory(target)
        fsync_directory(there[0].parent)
        return hashes

    def was_set_aside(self, name: str) -> bool:
        """Whether a segment of that name lies in the quarantine."""
        return (self._quarantine / f"{name}.json").is_file()


def _move(path: Path, target: Path) -> None:
    """As rename, which would replace what stands at the target."""
    try:
        with disk_errors(target):
            os.link(path, target)
    except FileExistsError:
        if sha256_file(path) != sha256_file(target):
            raise
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy(path, target)
    path.unlink()


def _copy(path: Path, target: Path) -> None:
    """The ring may be a disk of its own."""
    with path.open("rb") as stream:
        temporary, sha256, _ = write_temporary(target.parent, stream)
    with disk_errors(target):
        publish_idempotent(temporary, target, sha256)
