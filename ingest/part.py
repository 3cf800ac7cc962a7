"""A file while it arrives in parts: one writer, explicit places, durable before it counts."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from ingest.errors import FootageAltered, PartBusy
from ingest.files import disk_errors, fsync_directory


class Part:
    """The only writer of a part file, from the moment it is opened until `close`.

    Raises:
        PartBusy: another process or another request writes it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        with disk_errors(path):
            # A file object: it is closed, and the lock freed, even if nobody ever calls `close`.
            self._file = os.fdopen(os.open(path, flags, 0o600), "r+b", buffering=0)
        self._end = 0
        try:
            # The kernel lets go of it when this process dies, however it dies.
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise PartBusy(path=path.name) from None

    def resume(self, committed: int) -> None:
        """Cut off whatever lies behind `committed`, the bytes that were acknowledged.

        Raises:
            FootageAltered: the disk holds less than was acknowledged.
        """
        if os.fstat(self._file.fileno()).st_size < committed:
            raise FootageAltered(path=self._path.name)
        os.ftruncate(self._file.fileno(), committed)
        self._end = committed
        if committed == 0:
            # Before the first byte is acknowledged the file's name must be durable, too.
            fsync_directory(self._path.parent)

    def write(self, data: bytes) -> None:
        """Put `data` behind what is there; not yet durable.

        Raises:
            DiskFull: it does not fit; `resume` takes away what was written of it.
        """
        rest = memoryview(data)
        with disk_errors(self._path):
            while rest:
                written = os.pwrite(self._file.fileno(), rest, self._end)
                self._end += written
                rest = rest[written:]

    def sync(self) -> int:
        """Make everything durable; the number of bytes, which may now be acknowledged.

        Raises:
            DiskFull: the disk could not take it.
        """
        with disk_errors(self._path):
            os.fdatasync(self._file.fileno())
        return self._end

    def close(self) -> None:
        """Let others write."""
        self._file.close()

    def __enter__(self) -> Self:
        """Hold it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """See `close`."""
        self.close()
