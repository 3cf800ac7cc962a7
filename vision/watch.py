"""The always-on look at one camera: the only stateful loop of vision."""

from dataclasses import dataclass

from vision.candidate import Candidate
from vision.frame import CameraId, Frame
from vision.zone import Zone


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """What a camera is watched for.

    Attributes:
        zones: empty means the whole picture is one `no_dump` zone.
        settle_s: seconds for which a thing must lie before it counts (留置时间).
    """

    zones: tuple[Zone, ...] = ()
    settle_s: float = 10.0


class Watch:
    """Looks at one camera's frames, about one in a second, and emits lasting changes."""

    def __init__(self, camera: CameraId, settings: WatchSettings) -> None:
        self.camera = camera
        self.settings = settings

    def see(self, frame: Frame) -> list[Candidate]:
        """The candidates that became due with this frame, most often none.

        Frames come in order of `at`, irregularly; two cameras never share a `Watch`.
        """
        raise NotImplementedError
