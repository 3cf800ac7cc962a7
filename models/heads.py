"""What a network's output tensor means: one pure function for each layout a card may name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
import numpy.typing as npt

from models.card import Card, Head, HeadFormat, Preparation
from models.errors import ModelMismatch
from models.letterbox import Boxes

Floats = npt.NDArray[np.float32]

_STRIDES = (8, 16, 32)
"""Grid steps of YOLOX's three levels in input pixels (Ge et al. 2021, arXiv 2107.08430)."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What lies at or above the score threshold, before classes are mapped or boxes suppressed.

    Attributes:
        boxes: `(N, 4)` float32, `(x_min, y_min, x_max, y_max)` in input pixels.
        scores: `(N,)` float32 in [0, 1].
        classes: `(N,)` int64, the model's own class numbers.
    """

    boxes: Boxes
    scores: Floats
    classes: npt.NDArray[np.int64]

    def take(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Self:
        """The findings that a mask or positions pick."""
        return type(self)(self.boxes[which], self.scores[which], self.classes[which])


def check_shape(card: Card, shape: tuple[int, ...]) -> None:
    """Return if an output of `shape` can be read as the card says.

    Raises:
        ModelMismatch: it cannot; the message has both shapes.
    """
    classes, rows = card.head.classes, shape[1] if len(shape) == 3 else 0
    match card.head.format:
        case HeadFormat.YOLOX:
            wanted: tuple[int, ...] = (1, len(_grid(card.input)[0]), 5 + classes)
        case HeadFormat.ULTRALYTICS_RAW:
            wanted = (1, 4 + classes, shape[-1] if len(shape) == 3 else 0)
        case HeadFormat.ULTRALYTICS_END2END:
            wanted = (1, rows, 6)
    if shape != wanted:
        said = "x".join(str(n) if n else "N" for n in wanted)
        found = "x".join(str(n) for n in shape)
        msg = (
            f"模型 {card.name} 的输出形状为 {found}，与说明卡（{card.head.format}，{said}）不符"
            f" / model {card.name} gives {found}, its card says {card.head.format}: {said}"
        )
        raise ModelMismatch(msg)


def decode(output: Floats, prepared: Preparation, head: Head) -> Findings:
    """The findings in `output`, whose shape `check_shape` accepted for the same card.

    Boxes that are inside out, empty or not finite are left out: a network may say anything.
    """
    found = _DECODERS[head.format](output[0], prepared, head.score_threshold)
    boxes = found.boxes
    sound = np.isfinite(boxes).all(axis=1) & (boxes[:, :2] < boxes[:, 2:]).all(axis=1)
    return found.take(np.flatnonzero(sound))


def suppress(found: Findings, groups: Sequence[int], head: Head) -> Findings:
    """Of the findings of one group that overlap by more than the card allows, only the best.

    `groups` has a number for each finding; findings of different groups never touch each other.
    """
    if not groups:
        return found
    corners = found.boxes
    sized = np.concatenate((corners[:, :2], corners[:, 2:] - corners[:, :2]), axis=1)
    kept = cv2.dnn.NMSBoxesBatched(
        sized.tolist(), found.scores.tolist(), list(groups), head.score_threshold, head.nms_iou
    )
    return found.take(np.asarray(kept, np.intp))


def _yolox(rows: Floats, prepared: Preparation, threshold: float) -> Findings:
    by_class = rows[:, 5:] * rows[:, 4:5]
    classes = by_class.argmax(axis=1)
    scores = by_class.max(axis=1)
    kept = scores >= threshold
    cells, strides = (part[kept] for part in _grid(prepared))
    with np.errstate(over="ignore"):  # decode() drops what is not finite
        centres = (rows[kept, :2] + cells) * strides
        sizes = np.exp(rows[kept, 2:4]) * strides
    return Findings(_corners(centres, sizes), scores[kept], classes[kept])


def _ultralytics_raw(columns: Floats, _: Preparation, threshold: float) -> Findings:
    classes = columns[4:].argmax(axis=0)
    scores = columns[4:].max(axis=0)
    kept = scores >= threshold
    rows = columns[:4, kept].T
    return Findings(_corners(rows[:, :2], rows[:, 2:]), scores[kept], classes[kept])


def _ultralytics_end2end(rows: Floats, _: Preparation, threshold: float) -> Findings:
    kept = rows[rows[:, 4] >= threshold]
    return Findings(kept[:, :4], kept[:, 4], kept[:, 5].astype(np.int64))


_DECODERS: dict[HeadFormat, Callable[[Floats, Preparation, float], Findings]] = {
    HeadFormat.YOLOX: _yolox,
    HeadFormat.ULTRALYTICS_RAW: _ultralytics_raw,
    HeadFormat.ULTRALYTICS_END2END: _ultralytics_end2end,
}


def _grid(prepared: Preparation) -> tuple[Floats, Floats]:
    """`(N, 2)` cell numbers `(x, y)` and `(N, 1)` strides, in the order of YOLOX's rows."""
    cells, strides = [], []
    for stride in _STRIDES:
        rows, columns = prepared.height // stride, prepared.width // stride
        y, x = np.mgrid[:rows, :columns]
        cells.append(np.stack((x.ravel(), y.ravel()), axis=1))
        strides.append(np.full((rows * columns, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)


def _corners(centres: Floats, sizes: Floats) -> Boxes:
    return np.concatenate((centres - sizes / 2, centres + sizes / 2), axis=1)
