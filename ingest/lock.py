"""One holder at a time among all processes of a machine; the kernel frees what a dead one held."""

import fcntl
from pathlib import Path
from types import TracebackType
from typing import Self


class Lock:
    """A lock named by a file (flock, advisory); hold it with `with` after `take` said True."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a+")

    def take(self) -> bool:
        """Whether the lock is ours now; never waits."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def sign(self, name: str) -> None:
        """Say who holds it; `holder` tells."""
        self._file.seek(0)
        self._file.truncate()
        self._file.write(name)
        self._file.flush()

    def __enter__(self) -> Self:
        """Hold on."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let go."""
        self._file.close()


def holder(path: Path) -> str | None:
    """What the holder of a lock signed with; None when nobody holds it."""
    try:
        # For reading only: a disk that takes no writes can still be asked.
        file = path.open()
    except FileNotFoundError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return file.read()
        return None
