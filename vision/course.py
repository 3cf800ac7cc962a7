"""How a place went from clear to occupied, read from a look-back (glossary: 经过)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vision.boxes import Box
from vision.frame import SECOND, Image, Instant
from vision.lookback import BESIDE, Lookback
from vision.picture import Bools
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

Shares = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """What the region and its surroundings showed, glimpse by glimpse.

    Attributes:
        before: the place while clear; `after`: the same with the thing.
        region: its box, in pixels of both.
        changed: share of the box that differs between them, in [0, 1].
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
    region: Box
    changed: float
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
        region=lookback.region,
        changed=share,
        times=times,
        clear=clear,
        present=present,
        beside=beside,
        clear_last=clear_last,
        onset=onset,
        still=_first(present >= UNMOVED, onset),
    )


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
