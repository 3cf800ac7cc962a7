"""The only ways in which evidence is written: exclusive, idempotent, or whole or not at all.

Order everywhere: write, fsync the file, rename or link, fsync the directory; only then may a
row name the file (the create procedure of moonfire-nvr's design/schema.md).
"""

import errno
import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, NewType

from ingest.errors import DiskFailed, DiskFull, FootageAltered

Sha256 = NewType("Sha256", str)
"""64 lower-case hexadecimal digits."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_FAILED = frozenset(
    {
        *(errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM),
        *(errno.ENODEV, errno.ENXIO, errno.ESTALE, errno.EUCLEAN),
    }
)
"""What a disk answers that is broken, mounted read-only, not ours to write to, pulled out, a share
that is gone, or a file system that found itself damaged (errno(3); ext4 uses EUCLEAN for it)."""
_BLOCK = 1 << 20
"""Bytes per read while hashing: large enough that the system calls do not count."""


def sha256_bytes(data: bytes) -> Sha256:
    """Digest of `data`."""
    return Sha256(hashlib.sha256(data).hexdigest())


def sha256_stream(stream: BinaryIO) -> tuple[Sha256, int]:
    """Digest and number of the bytes from the stream's position to its end."""
    digest, size = hashlib.sha256(), 0
    while block := stream.read(_BLOCK):
        digest.update(block)
        size += len(block)
    return Sha256(digest.hexdigest()), size


def sha256_file(path: Path) -> tuple[Sha256, int]:
    """Digest and size of a file."""
    with path.open("rb") as stream:
        return sha256_stream(stream)


def fsync_directory(directory: Path) -> None:
    """Make the names in `directory` survive a power cut.

    Raises:
        DiskError: they may not.
    """
    with disk_errors(directory):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what a disk answers that is full or fails into `DiskError`; other errors pass."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull(path=path.name, folder=str(path.parent)) from error
        if error.errno in _FAILED:
            detail = os.strerror(error.errno)
            raise DiskFailed(path=path.name, folder=str(path.parent), detail=detail) from error
        raise


def make_directory(directory: Path) -> None:
    """Create `directory` and its parents, durable down to the first that existed."""
    missing = [directory, *directory.parents]
    missing = missing[: next(i for i, folder in enumerate(missing) if folder.exists())]
    for folder in reversed(missing):
        with disk_errors(folder):
            folder.mkdir(exist_ok=True)
        fsync_directory(folder.parent)


def write_temporary(directory: Path, stream: BinaryIO) -> tuple[Path, Sha256, int]:
    """Copy `stream` into a new durable file of `directory`; its path, digest and size.

    The caller renames or removes it. On failure nothing is left.

    Raises:
        DiskFull: the copy does not fit.
    """
    digest, size = hashlib.sha256(), 0
    with (
        disk_errors(directory / "temporary"),
        NamedTemporaryFile(dir=directory, suffix=".tmp", delete=False) as target,
    ):
        path = Path(target.name)
        try:
            while block := stream.read(_BLOCK):
                digest.update(block)
                size += len(block)
                target.write(block)
            target.flush()
            os.fsync(target.fileno())
        except BaseException:
            path.unlink()
            # Closing flushes what did not fit once more and fails once more.
            with suppress(OSError):
                target.close()
            raise
    return path, Sha256(digest.hexdigest()), size


def publish_idempotent(temporary: Path, target: Path, sha256: Sha256) -> bool:
    """Give a temporary file its final, read-only name; False when the same bytes stood there.

    The temporary name is gone afterwards.

    Raises:
        DiskFull: there is no room for the name.
        FootageAltered: other bytes stand under the name that these should have.
    """
    try:
        return link_idempotent(temporary, target, sha256)
    finally:
        temporary.unlink()


def link_idempotent(source: Path, target: Path, sha256: Sha256) -> bool:
    """Give a durable file a second, final name, read-only; False when the same bytes stood there.

    The caller has hashed the source and lets nobody write to it any more.

    Raises:
        DiskFull: there is no room for the name.
        FootageAltered: other bytes stand under the name that these should have.
    """
    source.chmod(0o444)
    new = True
    try:
        # Unlike rename, link never replaces what is there.
        with disk_errors(target):
            os.link(source, target)
    except FileExistsError:
        new = False
        if not source.samefile(target) and sha256_file(target)[0] != sha256:
            raise FootageAltered(path=target.name) from None
    # Also for a name that was there: who made it may have died before this line.
    fsync_directory(target.parent)
    return new


def create_exclusive(path: Path, data: bytes) -> bool:
    """Write a new durable read-only file; False when the name was taken (nothing is changed).

    Raises:
        DiskFull: it does not fit; nothing is left of it.
        DiskFailed: it is not durable, if it is there at all.
    """
    with disk_errors(path):
        if path.exists():
            return False
        temporary, _, _ = write_temporary(path.parent, io.BytesIO(data))
        try:
            temporary.chmod(0o444)
            os.link(temporary, path)
        except FileExistsError:
            return False
        finally:
            temporary.unlink()
    fsync_directory(path.parent)
    return True
