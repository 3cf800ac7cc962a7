"""What can go wrong with bytes and time.

    IngestError
    ├── MediaError            the input is wrong
    │   ├── NotMedia          not a video, whatever its name says
    │   ├── EmptyFile         no bytes in it
    │   └── BrokenMedia       a video that cannot be read to its end
    ├── AddressError          a camera address that is not one of ours to open
    ├── CameraError           the world failed; trying again makes sense
    │   ├── CameraUnreachable
    │   │   └── CameraUntrusted   no TLS there, or a certificate that does not verify
    │   ├── CameraRefused     wrong user or password
    │   └── CameraSilent      connected, but no packet came for too long
    ├── DiskError             the world failed; nothing that was there is lost
    │   ├── DiskFull          there is no room
    │   └── DiskFailed        the disk refuses: broken, read-only, gone
    ├── PartBusy              somebody else writes the file just now
    └── FootageError          evidence does not hold
        ├── NoFootage         nothing was recorded then
        └── FootageAltered    the bytes on disk are not the bytes that were recorded

`code` names the sentence for people in the service's catalogue; `facts` fill its blanks.
"""

from typing import ClassVar


class IngestError(Exception):
    """Base of everything that ingest raises on purpose."""

    code: ClassVar[str] = "ingest"

    def __init__(self, **facts: str | int) -> None:
        self.facts = facts
        told = ", ".join(f"{name}={value}" for name, value in facts.items())
        super().__init__(f"{type(self).__name__}({told})")

    def __reduce__(self) -> tuple[object, ...]:
        """Pickled by its facts, so that it crosses from a child process whole."""
        return _rebuilt, (type(self), self.facts)


def _rebuilt(kind: type["IngestError"], facts: dict[str, str | int]) -> "IngestError":
    return kind(**facts)


class MediaError(IngestError):
    """The file is not one that can be taken in as it is."""


class NotMedia(MediaError):
    """Not a video, whatever its name says."""

    code = "not_media"


class EmptyFile(MediaError):
    """The file has no bytes."""

    code = "empty_file"


class BrokenMedia(MediaError):
    """A video whose structure or pictures cannot be read."""

    code = "broken_media"


class AddressError(IngestError):
    """Not an rtsp:// or rtsps:// address, or one that carries a password."""

    code = "camera_address"


class CameraError(IngestError):
    """A live source failed; trying again makes sense."""


class CameraUnreachable(CameraError):
    """No connection, or it broke."""

    code = "camera_unreachable"


class CameraUntrusted(CameraUnreachable):
    """No encrypted connection: no TLS there, or a certificate that nobody named vouches for.

    Neither user nor password was sent.
    """

    code = "camera_untrusted"


class CameraRefused(CameraError):
    """The camera did not accept user and password."""

    code = "camera_refused"


class CameraSilent(CameraError):
    """The connection stands, but no packet came for too long."""

    code = "camera_silent"


class DiskError(IngestError):
    """A write failed; what had been written before is intact."""


class DiskFull(DiskError):
    """A write failed for lack of space."""

    code = "disk_full"


class DiskFailed(DiskError, OSError):
    """A write failed although there may be space: a broken disk, a read-only one, no permission.

    An `OSError` still for those who do not care which.
    """

    code = "disk_failed"


class PartBusy(IngestError):
    """Another writer holds the part file; nothing was changed."""

    code = "part_busy"


class FootageError(IngestError):
    """What was recorded is not there or not what it was."""


class NoFootage(FootageError):
    """Nothing was recorded in that interval."""

    code = "no_footage"


class FootageAltered(FootageError):
    """Bytes on disk differ from the hash taken when they were recorded."""

    code = "footage_altered"
