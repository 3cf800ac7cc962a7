"""The always-on look at one camera: the only stateful loop of vision."""

from dataclasses import dataclass, replace

import cv2

from vision.candidate import Candidate, Change, Kind
from vision.change import SAME, kind_of_change, likeness
from vision.frame import CameraId, Frame, seconds_between
from vision.picture import as_mask, scale_of, shrink
from vision.region import MOST_AREA, Region, regions, surroundings
from vision.scene import CHANGED_LEVELS, SEEN_LEVELS, Look, Scene
from vision.settling import (
    PART_SHARE,
    Settling,
    followed,
    found,
    hides,
    refreshed,
    ripened,
)
from vision.zone import Zone, watched

_STILL_S = 1.5
"""A pixel that keeps its value so long is not of a walking person; less for a short settle time."""
_UNSURE_FACTOR = 2.0
"""A change of unclear sign, and what may be a waiting person, must last so many settle times."""
_AGAIN_FACTOR, _MOST_REPORTS = 2, 3
"""What still lies there is reported again after twice the time, three times in all: the first
look-back may have met it hidden or in a crowd. The same act is known by its onset and place."""
_QUIET_SHARE = 0.03
"""Motion in less than this share of the surroundings is noise."""
_RING, _LEAST_RING_PX = 0.5, 4
"""Width of those surroundings, in square roots of the region's area, and in analysis pixels."""
_APART_SHARE = 0.15
"""With more change around it, a region is the still part of something larger, of a person say."""


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
        self._scene: Scene | None = None
        self._things: list[Settling] = []

    def see(self, frame: Frame) -> list[Candidate]:
        """The candidates that became due with this frame, most often none.

        Frames come in order of `at`, irregularly; two cameras never share a `Watch`.
        """
        small, scene = shrink(frame.image), self._scene
        if scene is None or scene.reference.shape != small.shape or scene.is_over(frame.at):
            self._scene, self._things = Scene(small, frame.at), []
            return []
        look = scene.look(small, frame.at, [thing.region.box for thing in self._things])
        return [] if look is None else self._follow(look, scene, frame.size)

    def _follow(self, look: Look, scene: Scene, size: tuple[int, int]) -> list[Candidate]:
        kept = [followed(thing, look) for thing in self._things]
        self._things = [thing for thing in kept if thing is not None]
        for region in self._still_regions(look):
            self._meet(region, look)
        due = [thing for thing in self._things if self._is_due(thing, look, scene)]
        return [self._report(thing, look, scene, size) for thing in due if thing in self._things]

    def _still_regions(self, look: Look) -> list[Region]:
        still_s = min(_STILL_S, self.settings.settle_s / 2)
        allowed = watched(self.settings.zones, look.change.shape)
        settled = as_mask(look.age >= self.settings.settle_s)
        allowed &= as_mask(look.age >= still_s) & (settled | ~look.restless)
        strong = as_mask(look.change > CHANGED_LEVELS) & allowed
        return list(regions(strong, as_mask(look.change > SEEN_LEVELS) & allowed))

    def _meet(self, region: Region, look: Look) -> None:
        """Follow `region` from now on, unless it is known and looks as it did."""
        known = [thing for thing in self._things if hides(thing, region, look)]
        if any(thing.reported for thing in known):
            self._things = [refreshed(t, region, look) if t in known else t for t in self._things]
            return
        self._things = [thing for thing in self._things if thing not in known]
        same = [thing for thing in known if thing.seen == look.at]
        self._things += [ripened(t, region, look) for t in same] or [found(region, look)]

    def _is_due(self, thing: Settling, look: Look, scene: Scene) -> bool:
        """Whether `thing` has lain there long enough, by itself, and was not there before."""
        stayed_s = seconds_between(thing.onset, look.at)
        due_s = max(self.settings.settle_s, _AGAIN_FACTOR * thing.told_s)
        if thing.reports >= _MOST_REPORTS or thing.seen != look.at or stayed_s < due_s:
            return False
        change, _ = _change(thing, look, scene)
        if change is Change.REMOVED:
            scene.absorb(thing.region.drawn(look.change.shape))
            self._things.remove(thing)
            return False
        unsure = change is Change.AMBIGUOUS or thing.region.is_upright
        wait = _UNSURE_FACTOR if unsure else 1.0
        return stayed_s >= wait * self.settings.settle_s and self._is_apart(thing.region, look)

    def _is_apart(self, region: Region, look: Look) -> bool:
        """Whether nothing moves around the region and it is not part of a larger change."""
        reach = max(_LEAST_RING_PX, round(_RING * region.area**0.5))
        ring = surroundings(region, look.change.shape, reach)
        for other in self._things:
            if other.reported:
                ring[other.region.window] &= ~other.region.mask
        moving = cv2.countNonZero(look.moving & ring)
        changed = cv2.countNonZero(as_mask(look.change > SEEN_LEVELS) & ring)
        size = cv2.countNonZero(ring)
        return moving <= _QUIET_SHARE * size and changed <= _APART_SHARE * size

    def _report(
        self, thing: Settling, look: Look, scene: Scene, size: tuple[int, int]
    ) -> Candidate:
        """The candidate for `thing`; the parts of it that were followed too are forgotten."""
        drawn = thing.region.drawn(look.change.shape)
        others = [o for o in self._things if o is not thing and o.region.share(drawn) < PART_SHARE]
        told_s = seconds_between(thing.onset, look.at)
        self._things = [*others, replace(thing, reports=thing.reports + 1, told_s=told_s)]
        change, gained = _change(thing, look, scene)
        scale = scale_of(size)
        return Candidate(
            camera=self.camera,
            kind=Kind.DUMPING,
            before=thing.before,
            onset=thing.onset,
            alarm=look.at,
            box=thing.region.box.moved(*look.shift).scaled(scale, scale).clipped(*size),
            size=size,
            change=change,
            contrast=gained,
        )


def _change(thing: Settling, look: Look, scene: Scene) -> tuple[Change, float]:
    """The kind of change and the contrast gained.

    Also gone are a surface in another light, what the scene began with, and what fills so much
    of the picture that it is the scene.
    """
    region = thing.region
    change, gained = kind_of_change(region, look.image, scene.reference)
    window = region.window
    same = likeness(look.image[window], scene.reference[window], region.mask) >= SAME
    if same or thing.onset <= scene.started or region.area > MOST_AREA * look.change.size:
        return Change.REMOVED, gained
    return change, gained
