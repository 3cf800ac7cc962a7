"""How a place went from clear to occupied, read from a look-back (glossary: 经过)."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vision.boxes import Box
from vision.candidate import Candidate
from vision.frame import SECOND, Image, Instant, later
from vision.lookback import BESIDE, Lookback
from vision.picture import Bools, as_mask
from vision.region import Region, surroundings
from vision.scene import CHANGED_LEVELS, difference

_SAME_LEVELS = 20
"""Levels by which a pixel may differ from a still picture of itself: codec, noise and dusk."""
_MOST = 0.6
"""Share of a thing's pixels that decides whether the place looks clear or occupied."""
_SHOWING = 0.4
"""Share from which the thing is there though its bringer still hides the rest."""
UNMOVED = 0.85
"""Share from which the thing is there and lies as it stays; of a person who waits, some sways."""
_ROUNDING_S = 0.05
"""The watch counts in seconds of 32 bits, which are so far off ten days after it began."""
_LOOKS = 15
"""A still picture is the median of so many looks, spread over the time in which the place was
clear, or the thing there: a passer-by is in fewer than half of them."""
_AFTER_S = 3.0
"""The picture of the thing at rest is of the last seconds: more than a passer-by needs to pass."""
_KEPT = 0.8
"""A pixel has come to rest when it looks the same in four of five looks since: a fifth may be
hidden by passers-by."""
_TOGETHER_S = 0.8
"""A thing comes to rest in one go: its pixels do within so long of the
typical one."""
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
    """What the thing's place and its surroundings showed, glimpse by glimpse.

    Attributes:
        before: the place while clear; `after`: the same with the thing.
        thing: what came to rest together inside the candidate's box.
        larger: share of the ring around the thing that came with it or has not come to rest.
        outside: pixels of that kind that hang together with the thing, per pixel of it.
        times: `(N,)` int64, microseconds, the instants of the glimpses.
        clear, present: `(N,)`, share of the thing's pixels that look as before, as after.
        beside: `(N,)`, pixels in the surroundings that look like neither, per pixel of the thing:
            what comes and goes next to it.
        clear_last: index of the last glimpse of the clear place; -1 when there is none.
        onset: index of the first glimpse of the thing after that; N when there is none.
        still: index of the first glimpse that shows nearly all of it as it stays; N likewise.
    """

    before: Image
    after: Image
    thing: Region
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


def has_both(candidate: Candidate, lookback: Lookback) -> bool:
    """Whether there are glimpses of the time before the candidate and of the thing at rest."""
    times = [glimpse.at for glimpse in lookback.glimpses]
    return any(at <= _clear_until(candidate) for at in times) and any(
        at > _settled(candidate) for at in times
    )


def read(candidate: Candidate, lookback: Lookback, levels: int = CHANGED_LEVELS) -> Course | None:
    """The course of events; None when nothing that differs from before by more than `levels` came
    to rest there, or the glimpses do not tell (`has_both`)."""
    if not has_both(candidate, lookback):
        return None
    times = np.array([glimpse.at for glimpse in lookback.glimpses], np.int64)
    images = np.stack([glimpse.image for glimpse in lookback.glimpses])
    before = _median(images[times <= _clear_until(candidate)])
    after = _median(images[times > _settled(candidate)])
    changed = np.maximum(difference(after, before), difference(before, after)) > levels
    rest = _rest(images, times, after)
    mine = changed & rest.reached & _inside(lookback.region, changed.shape)
    if not mine.any():
        return None
    at_s = _typical(rest.since_s[mine])
    thing = _outlined(mine & (np.abs(rest.since_s - at_s) <= _TOGETHER_S))
    if thing is None:
        return None
    one = changed & (~rest.reached | (np.abs(rest.since_s - at_s) <= 2 * _TOGETHER_S))
    body = (thing.drawn(changed.shape) > 0) & changed
    around = _around(thing, changed.shape)
    rows = [_shares(image, before, after, body, around) for image in images]
    clear, present, beside = (np.array(column) for column in zip(*rows, strict=True))
    # Something like it may have been there before. Later than half of the time since, whoever
    # passes in the colours of the ground would move the onset.
    middle_s = (at_s + (times[-1] - times[0]) / SECOND) / 2
    early = times - times[0] <= middle_s * SECOND
    clear_last = _last((clear >= _MOST) & (clear > present) & early)
    onset = _first(present >= _SHOWING, clear_last + 1)
    return Course(
        before=before,
        after=after,
        thing=thing,
        larger=_larger(thing, one),
        outside=_outside(thing, one),
        times=times,
        clear=clear,
        present=present,
        beside=beside,
        clear_last=clear_last,
        onset=onset,
        still=_first(present >= UNMOVED, onset),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Rest:
    """`since_s`, `(H, W)`: seconds from the first glimpse to when a pixel came to rest, if it
    did (`reached`)."""

    since_s: Shares
    reached: Bools


def _rest(images: npt.NDArray[np.uint8], times: npt.NDArray[np.int64], after: Image) -> _Rest:
    """When each pixel began to look as it stays: the split of the looks that explains most."""
    count = len(images)
    as_after = np.stack([difference(image, after) <= _SAME_LEVELS for image in images])
    total = as_after.sum(axis=0, dtype=np.int32)
    earlier = np.zeros_like(total)
    best, steps, since = total.copy(), np.zeros_like(total), total.copy()
    for k in range(1, count):
        earlier += as_after[k - 1]
        explained = k - earlier + total - earlier
        better = explained > best
        best[better], steps[better], since[better] = explained[better], k, (total - earlier)[better]
    return _Rest((times[steps] - times[0]) / SECOND, since >= _KEPT * (count - steps))


def _clear_until(candidate: Candidate) -> Instant:
    return later(candidate.before, _ROUNDING_S)


def _settled(candidate: Candidate) -> Instant:
    """Since when the picture of the thing at rest is taken: its bringer may have stood by till
    shortly before the alarm."""
    middle = (candidate.onset + candidate.alarm) // 2
    return max(Instant(middle), later(candidate.alarm, -_AFTER_S))


def _typical(seconds: npt.NDArray[np.float64]) -> float:
    """The middle of the window in which most pixels came to rest."""
    order = np.sort(seconds)
    ends = np.searchsorted(order, order + 2 * _TOGETHER_S, side="right")
    start = int(np.argmax(ends - np.arange(len(order))))
    return float(np.median(order[start : ends[start]]))


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
    # What looks inside as the ground did before is the thing all the same.
    outlines, _ = cv2.findContours(large, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    full = np.zeros_like(large)
    cv2.drawContours(full, outlines, -1, 255, cv2.FILLED)
    x, y, width, height = cv2.boundingRect(full)
    return Region(x, y, full[y : y + height, x : x + width].copy())


def _inside(box: Box, shape: tuple[int, ...]) -> Bools:
    """`(H, W)` of a picture of `shape`: the pixels of `box`."""
    x0, y0, x1, y1 = (round(v) for v in box.clipped(shape[1], shape[0]).xyxy)
    inside = np.zeros(shape[:2], np.bool_)
    inside[y0:y1, x0:x1] = True
    return inside


def _around(thing: Region, shape: tuple[int, int]) -> Bools:
    """The surroundings of the thing without its rim."""
    box = thing.box.grown(BESIDE * thing.box.area**0.5)
    rim = cv2.dilate(thing.drawn(shape), _CLOSE)
    around: Bools = _inside(box, shape) & (rim == 0)
    return around


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


def _last(condition: Bools) -> int:
    """Index of the last True; -1 when there is none."""
    hits = np.flatnonzero(condition)
    return int(hits[-1]) if hits.size else -1


def _first(condition: Bools, start: int) -> int:
    """Index of the first True from `start` on; the length when there is none."""
    hits = np.flatnonzero(condition[start:])
    return start + int(hits[0]) if hits.size else len(condition)


def _median(images: npt.NDArray[np.uint8]) -> Image:
    """Of up to `_LOOKS` of the images, spread evenly."""
    middle: Image = np.median(images[:: -(-len(images) // _LOOKS)], axis=0).astype(np.uint8)
    return middle


def _shares(
    image: Image,
    before: Image,
    after: Image,
    thing: Bools,
    around: Bools,
) -> tuple[float, float, float]:
    """`(clear, present, beside)` of one glimpse."""
    from_before, from_after = difference(image, before), difference(image, after)
    as_before, as_after = from_before <= _SAME_LEVELS, from_after <= _SAME_LEVELS
    size = max(1, int(thing.sum()))
    clear = (as_before & (from_before < from_after) & thing).sum()
    present = (as_after & (from_after < from_before) & thing).sum()
    beside = (~as_before & ~as_after & around).sum()
    return float(clear / size), float(present / size), float(beside / size)
