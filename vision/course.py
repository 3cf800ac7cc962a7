"""How a place went from clear to occupied, read from a look-back (glossary: 经过)."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vision.frame import SECOND, Image, Instant
from vision.lookback import BESIDE, Lookback
from vision.picture import Bools, as_mask
from vision.region import Region, surroundings
from vision.scene import CHANGED_LEVELS, difference

_SAME_LEVELS = 20
"""Levels by which a pixel may differ from a still picture of itself: codec, noise and dusk."""
_MOST = 0.6
"""Share of the changed pixels that decides whether the place looks clear or occupied."""
_SHOWING = 0.4
"""Share from which the thing is there though its bringer still hides the rest."""
UNMOVED = 0.85
"""Share from which the thing is there and lies as it stays; of a person who waits, some sways."""
_LAST_LOOKS = 5
"""The picture that stays is the median of so many: a passer-by is in fewer than half of them."""
_FIRST_LOOKS = 15
"""The clear picture likewise, spread over all looks before the change: people come and go there."""

_CLOSE, _OPEN = np.ones((5, 5), np.uint8), np.ones((3, 3), np.uint8)
"""Gaps up to four pixels of a crop are bridged, specks up to two go."""
_PART = 0.25
"""Patches of less than this share of the largest are noise and shadow, no part of the thing."""
_SEAM_PX = 3
"""The rim of a thing is mixed with what lies around it, and belongs to neither."""
_AROUND = 0.5
"""Width of the ring in which a change would be a larger one, in square roots of the area."""

Shares = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """What the region and its surroundings showed, glimpse by glimpse.

    Attributes:
        before: the place while clear; `after`: the same with the thing.
        thing: what differs between them inside the candidate's box; None where next to nothing.
        changed: share of the box that differs between them, in [0, 1].
        larger: share of the ring around the thing that differs too, in [0, 1].
        outside: pixels that differ and hang together with the thing, per pixel of it.
        times: `(N,)` int64, microseconds, the instants of the glimpses.
        clear, present: `(N,)`, share of the changed pixels that look as before, as after.
        beside: `(N,)`, pixels in the surroundings that look like neither, per changed pixel: what
            comes and goes next to the thing.
        clear_last: index of the last glimpse of the clear place; -1 when there is none.
        onset: index of the first glimpse of the thing after that; N when there is none.
        still: index of the first glimpse that shows nearly all of it as it stays; N likewise.
    """

    before: Image
    after: Image
    thing: Region | None
    changed: float
    larger: float
    outside: float
    times: npt.NDArray[np.int64]
    clear: Shares
    present: Shares
    beside: Shares
    clear_last: int
    onset: int
    still: int

    def within(self, index: int, start_s: float, end_s: float) -> Bools:
        """`(N,)`, which glimpses lie so many seconds from that of `index`, both ends included."""
        offset = (self.times - self.times[index]) / SECOND
        inside: Bools = (offset >= start_s) & (offset <= end_s)
        return inside


def read(lookback: Lookback, before: Instant) -> Course | None:
    """The course of events; None when no glimpse is as old as `before`, or nothing came later."""
    images = [glimpse.image for glimpse in lookback.glimpses]
    times = np.array([glimpse.at for glimpse in lookback.glimpses], np.int64)
    old = [image for image, at in zip(images, times, strict=True) if at <= before]
    if not old or len(old) == len(images):
        return None
    clear_image, after = (
        _median(old[:: -(-len(old) // _FIRST_LOOKS)]),
        _median(images[-_LAST_LOOKS:]),
    )
    x0, y0, x1, y1 = (round(v) for v in lookback.region.xyxy)
    inside = np.zeros(after.shape[:2], np.bool_)
    inside[y0:y1, x0:x1] = True
    differs = np.maximum(difference(after, clear_image), difference(clear_image, after))
    changed = inside & (differs > CHANGED_LEVELS)
    thing = _outlined(changed)
    reach = round(BESIDE * lookback.region.area**0.5)
    around = np.zeros_like(inside)
    around[max(0, y0 - reach) : y1 + reach, max(0, x0 - reach) : x1 + reach] = True
    around &= ~inside
    rows = [_shares(image, clear_image, after, changed, around) for image in images]
    clear, present, beside = (np.array(column) for column in zip(*rows, strict=True))
    is_clear = (clear >= _MOST) & (clear > present)
    clear_last = int(np.flatnonzero(is_clear)[-1]) if is_clear.any() else -1
    onset = _first(present >= _SHOWING, clear_last + 1)
    share = float(changed.sum() / max(1, inside.sum()))
    return Course(
        before=clear_image,
        after=after,
        thing=thing,
        changed=share,
        larger=0.0 if thing is None else _larger(thing, differs > CHANGED_LEVELS),
        outside=0.0 if thing is None else _outside(thing, differs > CHANGED_LEVELS),
        times=times,
        clear=clear,
        present=present,
        beside=beside,
        clear_last=clear_last,
        onset=onset,
        still=_first(present >= UNMOVED, onset),
    )


def _outlined(changed: Bools) -> Region | None:
    """The large patches of `changed` as one region; None when there are none."""
    mask = cv2.morphologyEx(as_mask(changed), cv2.MORPH_CLOSE, _CLOSE)
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, _OPEN)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return None
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    large = as_mask((areas >= _PART * areas.max())[labels])
    x, y, width, height = cv2.boundingRect(large)
    return Region(x, y, large[y : y + height, x : x + width].copy())


def _larger(thing: Region, differs: Bools) -> float:
    shape = differs.shape[0], differs.shape[1]
    ring = surroundings(thing, shape, max(_SEAM_PX + 1, round(_AROUND * thing.area**0.5)))
    ring &= ~surroundings(thing, shape, _SEAM_PX)
    return float(differs[ring > 0].mean()) if ring.any() else 0.0


def _outside(thing: Region, differs: Bools) -> float:
    whole = cv2.morphologyEx(as_mask(differs), cv2.MORPH_CLOSE, _CLOSE)
    drawn = thing.drawn((differs.shape[0], differs.shape[1]))
    _, labels = cv2.connectedComponents(cv2.bitwise_or(whole, drawn))
    joined = np.isin(labels, np.unique(labels[drawn > 0]))
    return float(joined.sum() / max(1, thing.area)) - 1


def _first(condition: Bools, start: int) -> int:
    """Index of the first True from `start` on; the length when there is none."""
    hits = np.flatnonzero(condition[start:])
    return start + int(hits[0]) if hits.size else len(condition)


def _median(images: list[Image]) -> Image:
    middle: Image = np.median(np.stack(images), axis=0).astype(np.uint8)
    return middle


def _shares(
    image: Image,
    before: Image,
    after: Image,
    changed: Bools,
    around: Bools,
) -> tuple[float, float, float]:
    """`(clear, present, beside)` of one glimpse."""
    from_before, from_after = difference(image, before), difference(image, after)
    as_before, as_after = from_before <= _SAME_LEVELS, from_after <= _SAME_LEVELS
    size = max(1, int(changed.sum()))
    clear = (as_before & (from_before < from_after) & changed).sum()
    present = (as_after & (from_after < from_before) & changed).sum()
    beside = (~as_before & ~as_after & around).sum()
    return float(clear / size), float(present / size), float(beside / size)
