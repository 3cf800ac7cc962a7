"""Where originals, clips and documents are kept: by content, created once, never changed.

They are destroyed only for a row that says so: docs/design/storage.md, Deletion.
"""

import errno
import os
import re
from pathlib import Path
from typing import BinaryIO, Protocol

from ingest.errors import FootageAltered
from ingest.files import (
    Sha256,
    disk_errors,
    fsync_directory,
    link_idempotent,
    make_directory,
    publish_idempotent,
    sha256_file,
    sha256_stream,
    write_temporary,
)

_NO_LINK = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP})
"""The two names are on different disks, or the file system knows no hard links: copy."""

_NAME = re.compile(r"[0-9a-f]{64}")


class Store(Protocol):
    """The narrow interface; another engine or a fake stands behind it."""

    def add(self, stream: BinaryIO) -> tuple[Sha256, int]:
        """Keep the bytes of `stream`; their digest and size once they are durable.

        The same bytes twice are one object.

        Raises:
            DiskFull: they do not fit; nothing of them is left.
        """
        ...

    def adopt(self, path: Path) -> tuple[Sha256, int]:
        """Keep a finished file of ours without copying it, where that can be done.

        Its bytes are hashed as they are on the disk. Nobody may write to `path` any more; the
        caller removes that name when the row is committed. Doing it twice does no harm.

        Raises:
            DiskFull: there is no room; `path` is as it was.
        """
        ...

    def open(self, sha256: Sha256) -> BinaryIO:
        """The object for reading.

        Raises:
            KeyError: it is not here.
        """
        ...

    def path(self, sha256: Sha256) -> Path:
        """A file that holds the object, read-only, for programs that need one.

        Raises:
            KeyError: it is not here.
        """
        ...

    def check(self, sha256: Sha256) -> int:
        """Size of the object after hashing every byte of it.

        Raises:
            KeyError: it is not here.
            FootageAltered: its bytes are not what its name says.
        """
        ...

    def destroy(self, sha256: Sha256) -> None:
        """Remove an object for good; one that is gone already is fine.

        The caller has committed the row that allows it, and nothing vouches for the object.

        Raises:
            KeyError: that is no name of an object.
            DiskError: it may still be there.
        """
        ...


class FolderStore:
    """A store in a folder: `sha256/ab/abcdef...`, files read-only."""

    def __init__(self, root: Path) -> None:
        self._root = root / "sha256"
        make_directory(self._root)

    def _place(self, sha256: Sha256) -> Path:
        return self._root / sha256[:2] / sha256

    def add(self, stream: BinaryIO) -> tuple[Sha256, int]:
        """See `Store.add`."""
        temporary, sha256, size = write_temporary(self._root, stream)
        target = self._place(sha256)
        try:
            make_directory(target.parent)
        except BaseException:
            temporary.unlink()
            raise
        with disk_errors(target):
            publish_idempotent(temporary, target, sha256)
        return sha256, size

    def adopt(self, path: Path) -> tuple[Sha256, int]:
        """See `Store.adopt`."""
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
            sha256, size = sha256_stream(stream)
        target = self._place(sha256)
        make_directory(target.parent)
        try:
            link_idempotent(path, target, sha256)
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            with path.open("rb") as stream:
                return self.add(stream)
        return sha256, size

    def open(self, sha256: Sha256) -> BinaryIO:
        """See `Store.open`."""
        return self.path(sha256).open("rb")

    def path(self, sha256: Sha256) -> Path:
        """See `Store.path`."""
        place = self._place(sha256)
        if not place.is_file():
            raise KeyError(sha256)
        return place

    def check(self, sha256: Sha256) -> int:
        """See `Store.check`."""
        found, size = sha256_file(self.path(sha256))
        if found != sha256:
            raise FootageAltered(path=sha256)
        return size

    def destroy(self, sha256: Sha256) -> None:
        """See `Store.destroy`."""
        if not _NAME.fullmatch(sha256):
            # A row that somebody else wrote must not point us out of the store.
            raise KeyError(sha256)
        place = self._place(sha256)
        with disk_errors(place):
            place.unlink(missing_ok=True)
        if place.parent.is_dir():
            fsync_directory(place.parent)
