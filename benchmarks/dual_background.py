"""What a watch without layers sees: two running averages of the picture, a slow and a quick one."""

import cv2
import numpy as np

from vision.align import Floats
from vision.candidate import Candidate, Change, Kind
from vision.frame import CameraId, Frame, Instant, later, seconds_between
from vision.picture import as_mask, scale_of, shrink
from vision.region import Region, regions
from vision.scene import CHANGED_LEVELS, SEEN_LEVELS, difference
from vision.watch import WatchSettings

_SLOW_S = 60.0
"""Time constant of the slow average, that at which the watch's reference follows the light."""
_QUICK_SHARE = 0.25
"""Time constant of the quick average in settle times: after half of one it shows what came."""


class DualBackground:
    """Tells what the quick average shows and the slow one does not, lastingly (Porikli 2007).

    Stands where a `Watch` would, and knows no zones. Nothing is moved or lit as before, nothing
    that is found is followed; when the place was last clear is not known: a settle time before.
    """

    def __init__(self, camera: CameraId, settings: WatchSettings) -> None:
        self.camera = camera
        self.settings = settings
        self._slow: Floats | None = None

    def see(self, frame: Frame) -> list[Candidate]:
        """The candidates of this frame; what is told becomes part of the slow average."""
        image, settle_s = shrink(frame.image), self.settings.settle_s
        if self._slow is None:
            self._slow, self._quick = (image.astype(np.float32) for _ in range(2))
            self._held_s = np.zeros(image.shape[:2], np.float32)
            self._at = frame.at
            return []
        step_s = seconds_between(self._at, frame.at)
        self._at = frame.at
        cv2.accumulateWeighted(image, self._quick, min(1.0, step_s / (_QUICK_SHARE * settle_s)))
        cv2.accumulateWeighted(image, self._slow, min(1.0, step_s / _SLOW_S))
        slow, quick = (average.astype(np.uint8) for average in (self._slow, self._quick))
        came = difference(quick, slow) > CHANGED_LEVELS
        stays = difference(image, quick) <= SEEN_LEVELS
        self._held_s = np.where(came & stays, self._held_s + step_s, 0).astype(np.float32)
        due, nearly = (as_mask(self._held_s >= settle_s / share) for share in (2, 4))
        return [self._told(region, frame.at, frame.size) for region in regions(due, nearly)]

    def _told(self, region: Region, at: Instant, size: tuple[int, int]) -> Candidate:
        assert self._slow is not None
        inside = region.drawn((self._slow.shape[0], self._slow.shape[1])) > 0
        self._slow[inside] = self._quick[inside]
        self._held_s[inside] = 0
        onset, scale = later(at, -self.settings.settle_s), scale_of(size)
        return Candidate(
            camera=self.camera,
            kind=Kind.DUMPING,
            before=later(onset, -self.settings.settle_s),
            onset=onset,
            alarm=at,
            box=region.box.scaled(scale, scale).clipped(*size),
            size=size,
            change=Change.AMBIGUOUS,
            contrast=0.0,
        )
