"""The course of a look-back as curves: clear, present and beside over time."""

import cv2
import numpy as np

from vision.course import UNMOVED, Course, Shares
from vision.frame import SECOND, Image

SIZE = 320, 200
_MARGIN_PX = 14
_MOST = 1.5
"""Top of the scale: shares end at 1, what stands beside may be more and is cut off."""
_CURVES = (("clear", (60, 200, 60)), ("present", (40, 40, 230)), ("beside", (230, 160, 40)))
"""Names of the shares and their colours (blue, green, red)."""


def plotted(course: Course) -> Image:
    """`(200, 320, 3)`: each share over time; upright lines at onset (yellow) and still (white)."""
    canvas = np.full((SIZE[1], SIZE[0], 3), 30, np.uint8)
    seconds = (course.times - course.times[0]) / SECOND
    span_s = max(float(seconds[-1]), 1e-3)
    across = (_MARGIN_PX + seconds / span_s * (SIZE[0] - 2 * _MARGIN_PX)).round().astype(int)
    for index, colour in ((course.onset, (0, 220, 255)), (course.still, (255, 255, 255))):
        if index < len(across):
            x = int(across[index])
            cv2.line(canvas, (x, _MARGIN_PX), (x, SIZE[1] - _MARGIN_PX), colour, 1)
    for level in (0.0, UNMOVED, 1.0):
        y = int(_rows(np.array([level]))[0])
        cv2.line(canvas, (_MARGIN_PX, y), (SIZE[0] - _MARGIN_PX, y), (80, 80, 80), 1)
    for n, (name, colour) in enumerate(_CURVES):
        points = np.stack([across, _rows(getattr(course, name))], axis=1).astype(np.int32)
        cv2.polylines(canvas, [points], isClosed=False, color=colour, thickness=1)
        cv2.putText(canvas, name, (20 + 80 * n, 11), cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, 1)
    return canvas


def _rows(shares: Shares) -> Shares:
    """Rows of the canvas for shares."""
    height = SIZE[1] - 2 * _MARGIN_PX
    rows: Shares = (_MARGIN_PX + (1 - np.clip(shares, 0, _MOST) / _MOST) * height).round()
    return rows
