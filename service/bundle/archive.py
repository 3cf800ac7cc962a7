"""The zip file of a bundle: nothing compressed, always in the same order, written in one go."""

import errno
import hashlib
import io
import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from ingest.errors import FootageAltered
from ingest.files import disk_errors, fsync_directory
from service.bundle.piece import Measured

Content = Mapping[str, bytes | Measured]
"""What stands in the archive by its path: small files as they are, large ones to be read."""
_NO_LINK = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS})
"""What file systems of memory sticks answer to a hard link (link(2))."""
_MODE = 0o100644 << 16
"""A plain file that everybody may read, as Unix programs store it."""
_ZIP64 = 1 << 31
"""Bytes from which on a file has its size in 64 bits: zip keeps 32, and not every reader knows that
they are unsigned."""


def write_archive(path: Path, top: str, made: datetime, content: Content) -> None:
    """Write an archive, durable, under its name as a whole or not at all; it replaces none.

    Raises:
        DiskFull: it does not fit; nothing of it is left.
        FileExistsError: there is a file of that name.
        FootageAltered, EvidenceError: a file changed since it was measured.
    """
    with disk_errors(path):
        if path.exists():
            raise FileExistsError(path)
        temporary = _finished(path, top, made, content)
        try:
            _name(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    fsync_directory(path.parent)


def _name(temporary: Path, path: Path) -> None:
    """Give the archive its name; only sticks without hard links could replace what came since."""
    try:
        path.hardlink_to(temporary)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        temporary.rename(path)


def _finished(path: Path, top: str, made: datetime, content: Content) -> Path:
    """The durable archive under a name of its own beside `path`; nothing is left on failure."""
    with NamedTemporaryFile(
        dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False
    ) as file:
        temporary = Path(file.name)
        try:
            for _ in _written(file, top, made, content):
                pass
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            temporary.unlink()
            # Closing flushes what did not fit once more and fails once more.
            with suppress(OSError):
                file.close()
            raise
    return temporary


def archive(top: str, made: datetime, content: Content) -> Iterator[bytes]:
    """The same archive as a stream; it breaks off where a file changed since it was measured.

    Raises:
        FootageAltered, EvidenceError: that happened.
    """
    sink = _Sink()
    for _ in _written(sink, top, made, content):
        yield sink.taken()
    yield sink.taken()


class _Sink(io.RawIOBase):
    """Takes what is written until it is fetched; it cannot go back."""

    def __init__(self) -> None:
        super().__init__()
        self._held = bytearray()

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # zipfile gives it only bytes
        """Hold them."""
        self._held += data
        return len(data)

    def taken(self) -> bytes:
        """What was written since the last time."""
        data = bytes(self._held)
        self._held.clear()
        return data


def _written(file: IO[bytes] | _Sink, top: str, made: datetime, content: Content) -> Iterator[None]:
    """Write the archive block by block."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as target:
        for path in sorted(content):
            entry = zipfile.ZipInfo(f"{top}/{path}", made.timetuple()[:6])
            entry.external_attr = _MODE
            what = content[path]
            size = len(what) if isinstance(what, bytes) else what.size
            with target.open(entry, "w", force_zip64=size >= _ZIP64) as place:
                for block in _blocks(what):
                    place.write(block)
                    yield


def _blocks(what: bytes | Measured) -> Iterable[bytes]:
    """The bytes, hashed again on their way out."""
    if isinstance(what, bytes):
        yield what
        return
    digest = hashlib.sha256()
    for block in what.piece.blocks():
        digest.update(block)
        yield block
    if digest.hexdigest() != what.sha256:
        raise FootageAltered(path=what.piece.path)
