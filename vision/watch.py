"""The always-on look at one camera: the only stateful loop of vision."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from vision.candidate import Candidate, Change, Clearing, Kind
from vision.change import SAME, kind_of_change, likeness
from vision.frame import CameraId, Frame, Image, Instant, seconds_between
from vision.picture import Mask, as_mask, scale_of, shrink
from vision.region import MOST_AREA, Region, overlap, regions, surroundings
from vision.scene import CHANGED_LEVELS, SEEN_LEVELS, Look, Scene
from vision.settling import (
    PART_SHARE,
    Settling,
    followed,
    found,
    hides,
    is_part,
    refreshed,
    ripened,
)
from vision.zone import Zone, is_heap, was_watched, watched

_STILL_S = 1.5
"""A pixel that keeps its value so long is not of a walking person; less for a short settle time."""
_UNSURE_FACTOR = 2.0
"""A change of unclear sign, and what may be a waiting person, must last so many settle times."""
_AGAIN_FACTOR, _MOST_REPORTS = 2, 4
"""What still lies there is reported again after twice the time, three times in all, and once more
when it lies alone at last: the first look-back may have met it hidden or in a crowd. The same act
is known by its onset and place."""
_LEAST_LOOKS = 3
"""In fewer looks than that nothing has been seen to lie still, however far apart they are."""
_ALONE_SHARE = 0.05
"""With less change around it than that, a thing lies alone."""
_TOGETHER_S = 1.0
"""What came to rest within so long of each other may be one thing; what did not is another."""
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
        self.cleared: tuple[Clearing, ...] = ()
        """Of what it had told, what went with the last look."""

    def see(self, frame: Frame, small: Image | None = None) -> list[Candidate]:
        """The candidates that became due with this frame, most often none.

        Frames come in order of `at`, irregularly; two cameras never share a `Watch`. `small` is
        the frame's analysis image, where somebody has it already.
        """
        small, scene = shrink(frame.image) if small is None else small, self._scene
        self.cleared = ()
        if scene is None or scene.reference.shape != small.shape or scene.is_over(frame.at):
            self._begin(small, frame.at)
            return []
        look = scene.look(small, frame.at, [thing.region.box for thing in self._things])
        found = [] if look is None else self._follow(look, scene, frame.size)
        if scene.is_faded and all(thing.told_alone for thing in self._things):
            # A grey reference shows less than one in colour, and nothing waits to be told in grey.
            self._begin(small, frame.at)
        return found

    def _begin(self, small: Image, at: Instant) -> None:
        self._scene, self._things = Scene(small, at), []

    def _follow(self, look: Look, scene: Scene, size: tuple[int, int]) -> list[Candidate]:
        kept = [(thing, followed(thing, look)) for thing in self._things]
        self.cleared = tuple(
            Clearing(self._candidate(thing, look, scene, size), look.at)
            for thing, now in kept
            if now is None and thing.reported
        )
        self._things = [now for _, now in kept if now is not None]
        for region in self._still_regions(look):
            self._meet(region, look)
        due = [thing for thing in self._things if self._is_due(thing, look, scene)]
        return [self._report(thing, look, scene, size) for thing in due if thing in self._things]

    def _still_regions(self, look: Look) -> list[Region]:
        still_s = min(_STILL_S, self.settings.settle_s / 2)
        allowed = watched(self.settings.zones, look.change.shape, look.at)
        settled = as_mask(look.age >= self.settings.settle_s)
        allowed &= as_mask(look.age >= still_s) & (settled | ~look.restless)
        strong = as_mask(look.change > CHANGED_LEVELS) & allowed
        if not strong.any():
            return []
        loose = as_mask(look.change > SEEN_LEVELS) & allowed
        apart = list(regions(strong, loose, _seams(look)))
        whole = regions(strong, loose)
        shape = look.change.shape
        return apart + [r for r in whole if all(overlap(r, a, shape) < PART_SHARE for a in apart)]

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
        again = thing.reported and not thing.told_alone and self._is_alone(thing, look)
        due_s = max(self.settings.settle_s, 0.0 if again else _AGAIN_FACTOR * thing.told_s)
        over = (thing.reports >= _MOST_REPORTS and not again) or thing.looks < _LEAST_LOOKS
        if over or thing.seen != look.at or stayed_s < due_s or not self._is_apart(thing, look):
            return False
        change, _ = self._change(thing, look, scene)
        clear = change is Change.ADDED and not thing.region.is_upright
        if stayed_s < (1.0 if clear else _UNSURE_FACTOR) * self.settings.settle_s:
            return False
        zones, shape = self.settings.zones, look.change.shape
        if change is Change.REMOVED or not was_watched(zones, thing.region, shape, thing.onset):
            scene.absorb(thing.region.drawn(shape))
            self._things.remove(thing)
            return False
        return True

    def _is_apart(self, thing: Settling, look: Look) -> bool:
        """Whether nothing moves around the region and it is not part of a larger change."""
        ring = self._ring(thing, look)
        with_it = np.abs(look.age - seconds_between(thing.onset, look.at)) <= _TOGETHER_S
        one = as_mask((look.change > SEEN_LEVELS) & (with_it | (look.age < _TOGETHER_S)))
        return cv2.countNonZero(one & ring) <= _APART_SHARE * cv2.countNonZero(ring)

    def _is_alone(self, thing: Settling, look: Look) -> bool:
        """Whether nothing at all has changed around the thing."""
        ring = self._ring(thing, look)
        changed = cv2.countNonZero(as_mask(look.change > SEEN_LEVELS) & ring)
        return changed <= _ALONE_SHARE * cv2.countNonZero(ring)

    def _ring(self, thing: Settling, look: Look) -> Mask:
        """The surroundings of the thing without other things that were reported."""
        region = thing.region
        reach = max(_LEAST_RING_PX, round(_RING * region.area**0.5))
        ring = surroundings(region, look.change.shape, reach)
        for other in self._things:
            if other.reported:
                ring[other.region.window] &= ~other.region.mask
        return ring

    def _report(
        self, thing: Settling, look: Look, scene: Scene, size: tuple[int, int]
    ) -> Candidate:
        """The candidate for `thing`; the parts of it that were followed too are forgotten."""
        shape = look.change.shape
        others = [o for o in self._things if not is_part(o.region, thing.region, shape)]
        told_s = seconds_between(thing.onset, look.at)
        told = replace(
            thing,
            reports=thing.reports + 1,
            told_s=told_s,
            told_alone=self._is_alone(thing, look),
        )
        self._things = [*others, told]
        return self._candidate(thing, look, scene, size)

    def _candidate(
        self, thing: Settling, look: Look, scene: Scene, size: tuple[int, int]
    ) -> Candidate:
        change, gained = self._change(thing, look, scene)
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
            heap=self._is_on_heap(thing, look),
        )

    def _change(self, thing: Settling, look: Look, scene: Scene) -> tuple[Change, float]:
        """As `_change_of`; among things like itself a thing stands out as little as its absence."""
        change, gained = _change_of(thing, look, scene)
        if self._is_on_heap(thing, look) and not _is_nothing_new(thing, look, scene):
            return Change.AMBIGUOUS, gained
        return change, gained

    def _is_on_heap(self, thing: Settling, look: Look) -> bool:
        return is_heap(self.settings.zones, thing.region, look.change.shape, thing.onset)


def _seams(look: Look) -> Mask:
    """Where neighbouring pixels came to rest at different times: borders between things."""
    age = cv2.medianBlur(look.age, 5)
    steps = cv2.morphologyEx(age, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    return as_mask(steps > _TOGETHER_S)


def _change_of(thing: Settling, look: Look, scene: Scene) -> tuple[Change, float]:
    """The kind of change and the contrast gained; what is nothing new counts as gone."""
    change, gained = kind_of_change(thing.region, look.image, scene.reference)
    return (Change.REMOVED if _is_nothing_new(thing, look, scene) else change), gained


def _is_nothing_new(thing: Settling, look: Look, scene: Scene) -> bool:
    """Whether it is a surface in another light, was there when the scene began, or fills so much
    of the picture that it is the scene."""
    region, window = thing.region, thing.region.window
    same = likeness(look.image[window], scene.reference[window], region.mask) >= SAME
    too_large = region.area > MOST_AREA * look.change.size
    return same or thing.onset <= scene.started or too_large
