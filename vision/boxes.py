"""Pure geometry of boxes in pixels of the original frame."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned box `(x0, y0)-(x1, y1)` in pixels, right and bottom edges excluded.

    Raises:
        ValueError: the box is inside out.
    """

    x0: float
    y0: float
    x1: float
    y1: float

    def __post_init__(self) -> None:
        """Refuse a box that is inside out."""
        if self.x1 < self.x0 or self.y1 < self.y0:
            msg = f"box is inside out: {self.xyxy}"
            raise ValueError(msg)

    @property
    def xyxy(self) -> tuple[float, float, float, float]:
        """`(x_min, y_min, x_max, y_max)`."""
        return self.x0, self.y0, self.x1, self.y1

    @property
    def width(self) -> float:
        """Width in pixels."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """Height in pixels."""
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        """Area in square pixels."""
        return self.width * self.height

    @property
    def centre(self) -> tuple[float, float]:
        """`(x, y)` of the middle."""
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def grown(self, pixels: float) -> Self:
        """The box with every side moved outwards by `pixels`."""
        return type(self)(self.x0 - pixels, self.y0 - pixels, self.x1 + pixels, self.y1 + pixels)

    def moved(self, dx: float, dy: float) -> Self:
        """The box shifted right by `dx` and down by `dy` pixels."""
        return type(self)(self.x0 + dx, self.y0 + dy, self.x1 + dx, self.y1 + dy)

    def clipped(self, width: float, height: float) -> Self:
        """The part of the box inside a frame of `width` by `height` pixels; may be empty."""
        x0, x1 = (min(max(x, 0.0), width) for x in (self.x0, self.x1))
        y0, y1 = (min(max(y, 0.0), height) for y in (self.y0, self.y1))
        return type(self)(x0, y0, x1, y1)

    def scaled(self, factor_x: float, factor_y: float) -> Self:
        """The box in a frame whose axes are stretched by the factors."""
        return type(self)(
            self.x0 * factor_x, self.y0 * factor_y, self.x1 * factor_x, self.y1 * factor_y
        )

    def union(self, other: "Box") -> Self:
        """The smallest box that holds both."""
        return type(self)(
            min(self.x0, other.x0),
            min(self.y0, other.y0),
            max(self.x1, other.x1),
            max(self.y1, other.y1),
        )


def intersection(a: Box, b: Box) -> float:
    """Area that both boxes cover, in square pixels."""
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    return max(0.0, width) * max(0.0, height)


def iou(a: Box, b: Box) -> float:
    """Intersection over union, in [0, 1]; 0 for two empty boxes."""
    shared = intersection(a, b)
    union = a.area + b.area - shared
    return shared / union if union > 0 else 0.0


def gap(a: Box, b: Box) -> float:
    """Shortest distance between the boxes in pixels; 0 when they touch or overlap."""
    dx = max(0.0, a.x0 - b.x1, b.x0 - a.x1)
    dy = max(0.0, a.y0 - b.y1, b.y0 - a.y1)
    return float((dx * dx + dy * dy) ** 0.5)
