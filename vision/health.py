"""Whether a camera still shows its street, and shows it well (glossary: 画面异常)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

import cv2
import numpy as np
import numpy.typing as npt

from vision.frame import Frame, Image, Instant, Luma, seconds_between
from vision.picture import COLOURED, COLOURLESS, grey, shrink

Floats = npt.NDArray[np.float32]


class Ailment(StrEnum):
    """What is wrong with the picture; the service's catalogue has the words for each."""

    COVERED = "covered"
    FROZEN = "frozen"
    DARK = "dark"
    TURNED = "turned"
    DEFOCUSED = "defocused"
    CUT = "cut"


_SIZE = 160, 90
"""Width and height of the picture that is judged, in pixels: 12 by 12 of 1080p each."""
_ACROSS, _DOWN = 16, 9
"""Cells of that picture: 10 by 10 pixels, as large as a person at mid-depth."""
_DARK_LEVELS = 32.0
"""95th percentile of luma below which nothing can be seen: 130 and more in ten real clips, one of
them infrared, and 1 where a clip fades to black."""
_AROUND_PX = 9
"""What is recognised is how a pixel differs from the mean of so many around it, both ways: a lamp
that is switched on, a cloud or infrared light change that less than the luma itself."""
_STRUCTURE_LEVELS, _FLAT_LEVELS = 4.0, 1.5
"""Deviation of that inside a cell from which there is something to recognise, and below which
there is nothing: noise of sigma 20 leaves 1 of it of 1080p."""
_LOST_SHARE = 0.3
"""A cell has lost its structure when less than this share of the deviation is left."""
_LEAST_STRUCTURED = 0.15
"""Share of cells with structure below which one place cannot be told from another: a bare wall.
A real clip of a plain floor has 0.04, nine others 0.33 to 0.94."""
_COVERED_SHARE = 0.8
"""Share of those cells that must have lost it; behind a truck before the lens of a real clip some
0.2 have, and 1 where it fades to black."""
_FLAT_SHARE = 0.97
"""A picture that is as flat as this shows no street, even if the camera never showed one; the plain
floor of a real clip: 0.82."""
_COARSELY_LIKE = 0.8
"""Correlation of the cells' means with the view's from which a picture without structure is out of
focus rather than covered."""
_LIKE = 0.6
"""Correlation of a cell with itself from which it shows the same place."""
_SAME_SHARE, _ELSE_SHARE = 0.75, 0.45
"""Share of such cells between two looks of one view, most often 0.85 and more, and 0.61 where
people come close; and between two views, 0.38 to 0.39 over three real cuts (a frame around the
picture stays). As a truck fills the picture it is 0.42 and more, and never once and then over."""
_TURNED_SHARE = 0.25
"""Below this a standing picture is of another place; 0.30 behind the truck that fills one."""
_LEAST_SHIFT = 0.03
"""Of the picture's width: zones no longer lie where they were drawn. Held phones drift by 0.024."""
_SHIFT_GAIN = 0.2
"""A shift is believed when it makes so many more cells alike."""
_BLURRED = 0.6
"""Fine contrast relative to coarse, as a share of what it was: 0.93 to 1.31 in ten real clips."""
_ROW_STEP, _FINE_PX, _COARSE_PX, _LEAST_STEP = 24, 1, 4, 4.0
"""Sharpness is read in every 24th row, between pixels one and four apart, where the latter differ
by 4 levels on average."""
_LEAST_SHARP_CELLS = 14
"""A tenth of the cells must have such contrast, or nothing is said about sharpness."""
_SAMPLE_PX = 12
"""Every twelfth pixel both ways is compared as it came: no sensor gives 14,400 equal ones twice."""
_LEARN_S = 300.0
"""Time constant at which the view follows the light: shadows move in minutes, hands in seconds."""
_HOLD_S: Mapping[Ailment, float] = {
    Ailment.COVERED: 20.0,
    Ailment.FROZEN: 60.0,
    Ailment.DARK: 20.0,
    Ailment.TURNED: 60.0,
    Ailment.DEFOCUSED: 60.0,
    Ailment.CUT: 30.0,
}
"""Seconds for which each must be seen: a bus stops before the lens for half a minute, a camera is
blind for seconds as it switches to infrared, autofocus hunts, lightning lasts for one look."""
_CLEAR_S = 10.0
"""An ailment is over when it was not seen for so long."""
_ACCEPTED_S = 24 * 3600.0
"""What a camera has shown for a day is its view from now on, whoever turned it."""
_OF_THE_VIEW = frozenset({Ailment.TURNED, Ailment.CUT})
"""What is wrong with the direction of the camera, and not with its picture."""


@dataclass(frozen=True, slots=True)
class Ailing:
    """One ailment that is there now, and since when."""

    ailment: Ailment
    since: Instant


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What the camera shows when all is well.

    Attributes:
        luma: `(90, 160)` float32.
        edges: `(144, 100)` float32, for each cell by how much its pixels differ from what lies
            around them.
        sharpness: fine contrast relative to coarse; NaN where too little of the picture has any.
    """

    luma: Floats
    edges: Floats
    sharpness: float

    @property
    def structure(self) -> Floats:
        """`(144,)`, deviation of the edges of each cell, in levels."""
        spread: Floats = self.edges.std(axis=1)
        return spread

    @property
    def can_tell(self) -> bool:
        """Whether enough of it holds something to recognise."""
        return float((self.structure >= _STRUCTURE_LEVELS).mean()) >= _LEAST_STRUCTURED


@dataclass(frozen=True, slots=True, eq=False)
class Health:
    """What was learnt of a camera's picture; `checked` makes the next one.

    Attributes:
        views: by whether they were filmed in infrared.
        before: the previous look, and how much of it was like the one before.
        samples: pixels of the previous look as they came.
        cut: when the picture was replaced at once; None while it shows the view.
        signs: since when and until when each sign was seen without a longer break.
        ailing: what is wrong, in the order in which it began.
    """

    views: Mapping[bool, View]
    infrared: bool
    at: Instant
    before: View
    like_before: float
    samples: Image | Luma
    cut: Instant | None = None
    signs: Mapping[Ailment, tuple[Instant, Instant]] = field(default_factory=dict)
    ailing: tuple[Ailing, ...] = ()


def checked(health: Health | None, frame: Frame, small: Image | None = None) -> Health:
    """`health` after one more look; frames come in order, about one in a second.

    `small` is the frame's analysis image, where somebody has it already.
    """
    luma, chroma = _reduced(shrink(frame.image) if small is None else small)
    whole = frame.image if frame.luma is None else frame.luma
    seen = View(luma, _edges(luma), _sharpness(whole))
    samples = whole[::_SAMPLE_PX, ::_SAMPLE_PX].copy()
    if health is None or health.samples.shape != samples.shape or _is_accepted(health, frame.at):
        infrared = chroma < COLOURLESS
        return Health({infrared: seen}, infrared, frame.at, seen, 1.0, samples)
    blind, like = _blind(health, seen), _alike(seen, health.before)
    found: set[Ailment] = set()
    if np.array_equal(samples, health.samples):
        found.add(Ailment.FROZEN)
    if blind is None:
        health = _switched(health, seen, chroma)
        health = _noticed_cut(health, seen, like, frame.at)
        found |= _signs_of_place(health, seen, like)
    else:
        found.add(blind)
    step_s = max(0.0, seconds_between(health.at, frame.at))
    health = replace(health, at=frame.at, before=seen, like_before=like, samples=samples)
    health = _diagnosed(health, found)
    well = health.cut is None and not found - {Ailment.FROZEN}
    return _learnt(health, seen, step_s) if well else health


def _is_accepted(health: Health, at: Instant) -> bool:
    """Whether another view has been shown for so long that it is the camera's view."""
    return any(
        each.ailment in _OF_THE_VIEW and seconds_between(each.since, at) >= _ACCEPTED_S
        for each in health.ailing
    )


def _reduced(image: Image) -> tuple[Floats, float]:
    """The picture that is judged, as luma, and its mean chroma in levels."""
    small = cv2.resize(image, _SIZE, interpolation=cv2.INTER_AREA)
    luma = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), (3, 3), 0)
    blue, green, red = cv2.split(small)
    most, least = cv2.max(cv2.max(blue, green), red), cv2.min(cv2.min(blue, green), red)
    return luma.astype(np.float32), float(cv2.mean(cv2.subtract(most, least))[0])


def _cells(values: Floats, down: int, across: int) -> Floats:
    """`(144, n)`: the values of each cell, what does not divide evenly left out."""
    high, wide = values.shape[0] // down, values.shape[1] // across
    whole = values[: high * down, : wide * across]
    cells = whole.reshape(down, high, across, wide).transpose(0, 2, 1, 3)
    return cells.reshape(down * across, high * wide)


def _sharpness(whole: Image | Luma) -> float:
    rows = whole[_ROW_STEP // 2 :: _ROW_STEP]
    rows = (rows if rows.ndim == 2 else grey(rows)).astype(np.float32)
    if rows.shape[0] < _DOWN or rows.shape[1] < 2 * _ACROSS:
        return float("nan")
    coarse_steps = np.abs(rows[:, _COARSE_PX:] - rows[:, :-_COARSE_PX])
    fine_steps = np.abs(rows[:, _FINE_PX:] - rows[:, :-_FINE_PX])[:, : coarse_steps.shape[1]]
    fine, coarse = (_cells(v, _DOWN, _ACROSS).mean(axis=1) for v in (fine_steps, coarse_steps))
    clear = coarse > _LEAST_STEP
    if np.count_nonzero(clear) < _LEAST_SHARP_CELLS:
        return float("nan")
    return float(np.median(fine[clear] / coarse[clear]))


def _edges(luma: Floats) -> Floats:
    """`(144, 100)`: for each cell, by how much its pixels differ from what lies around them."""
    around = cv2.blur(luma, (_AROUND_PX, _AROUND_PX)).astype(np.float32)
    return _cells(luma - around, _DOWN, _ACROSS)


def _alike(seen: View, view: View) -> float:
    """Share of the structured cells of `view` that `seen` shows too, in [0, 1]; 1 where none is."""
    structured = view.structure >= _STRUCTURE_LEVELS
    if not structured.any():
        return 1.0
    return float((_correlation(seen.edges, view.edges)[structured] >= _LIKE).mean())


def _correlation(a: Floats, b: Floats) -> Floats:
    """`(N,)` in [-1, 1], the normalised correlation of each row of `a` with that of `b`."""
    a, b = (v - v.mean(axis=1, keepdims=True) for v in (a, b))
    energy = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    found: Floats = (a * b).sum(axis=1) / np.maximum(energy, 1.0)
    return found


def _blind(health: Health, seen: View) -> Ailment | None:
    """Whether there is nothing to recognise at all, and why."""
    if np.percentile(seen.luma, 95) < _DARK_LEVELS:
        return Ailment.DARK
    view = health.views[health.infrared]
    was, now = view.structure, seen.structure
    structured = was >= _STRUCTURE_LEVELS
    if structured.mean() < _LEAST_STRUCTURED:
        return Ailment.COVERED if (now < _FLAT_LEVELS).mean() >= _FLAT_SHARE else None
    lost = now < np.maximum(_FLAT_LEVELS, _LOST_SHARE * was)
    if lost[structured].mean() < _COVERED_SHARE:
        return None
    means = (_cells(v, _DOWN, _ACROSS).mean(axis=1)[None] for v in (seen.luma, view.luma))
    coarse = float(_correlation(*means)[0])
    return Ailment.DEFOCUSED if coarse >= _COARSELY_LIKE else Ailment.COVERED


def _switched(health: Health, seen: View, chroma: float) -> Health:
    """The view of the light in which the camera films now, day or infrared."""
    infrared = chroma < (COLOURLESS if not health.infrared else COLOURED)
    if infrared == health.infrared:
        return health
    views = {infrared: seen} | dict(health.views)
    return replace(health, views=views, infrared=infrared, before=seen, cut=None)


def _noticed_cut(health: Health, seen: View, like: float, at: Instant) -> Health:
    """Remember when a steady picture was replaced at once, until the view is back."""
    if health.cut is not None:
        back = _alike(seen, health.views[health.infrared]) >= _ELSE_SHARE
        return replace(health, cut=None) if back else health
    steady = health.like_before >= _SAME_SHARE and health.before.can_tell
    return replace(health, cut=at) if steady and like < _ELSE_SHARE else health


def _signs_of_place(health: Health, seen: View, like: float) -> set[Ailment]:
    """What a picture with something in it says against the view."""
    view = health.views[health.infrared]
    if not view.can_tell:
        return set()
    share = _alike(seen, view)
    moved = share < _SAME_SHARE and _is_shifted(seen, view, share)
    still = like >= _SAME_SHARE
    if health.cut is not None and share < _ELSE_SHARE and not moved:
        return {Ailment.CUT} if still else set()
    if moved or (still and share < _TURNED_SHARE):
        return {Ailment.TURNED}
    if share >= _ELSE_SHARE and seen.sharpness < _BLURRED * view.sharpness:
        return {Ailment.DEFOCUSED}
    return set()


def _is_shifted(seen: View, view: View, share: float) -> bool:
    """Whether more than `share` of the view is there, but elsewhere in the picture."""
    window = cv2.createHanningWindow(_SIZE, cv2.CV_32F)
    # OpenCV 5.0 multiplies its inputs by the window in place.
    (dx, dy), _ = cv2.phaseCorrelate(view.luma.copy(), seen.luma.copy(), window)
    if max(abs(dx), abs(dy)) < _LEAST_SHIFT * _SIZE[0]:
        return False
    back = np.array([[1, 0, -dx], [0, 1, -dy]], np.float32)
    moved = cv2.warpAffine(seen.luma, back, _SIZE, borderMode=cv2.BORDER_REPLICATE)
    luma = moved.astype(np.float32, copy=False)
    there = replace(seen, luma=luma, edges=_edges(luma))
    return _alike(there, view) >= share + _SHIFT_GAIN


def _diagnosed(health: Health, found: set[Ailment]) -> Health:
    """Ailments begin when their sign has held long enough and end when it has been away."""
    signs = {
        ailment: span
        for ailment, span in health.signs.items()
        # Where nobody looked, nothing was well again.
        if ailment in found or seconds_between(span[1], health.at) < _CLEAR_S
    }
    for ailment in found:
        signs[ailment] = (signs.get(ailment, (health.at, health.at))[0], health.at)
    held = tuple(
        Ailing(ailment, since)
        for ailment, (since, last) in signs.items()
        if seconds_between(since, last) >= _HOLD_S[ailment]
    )
    return replace(health, signs=signs, ailing=tuple(sorted(held, key=lambda a: a.since)))


def _learnt(health: Health, seen: View, step_s: float) -> Health:
    """Follow the light while nothing is wrong."""
    view = health.views[health.infrared]
    weight = min(1.0, step_s / _LEARN_S)
    luma = view.luma + weight * (seen.luma - view.luma)
    sharpness = view.sharpness + weight * (seen.sharpness - view.sharpness)
    if np.isnan(sharpness):
        sharpness = view.sharpness if np.isnan(seen.sharpness) else seen.sharpness
    views = dict(health.views) | {health.infrared: View(luma, _edges(luma), sharpness)}
    return replace(health, views=views)
