"""An electric cargo tricycle (电动三轮车) with its driver, from its side."""

from service.demo.canvas import Canvas, Colour, shaded

TRICYCLE_SIZE = (1.75, 0.95)
"""Width and height in body heights: 3.0 m by 1.6 m with the driver's head."""

_TYRE: Colour = (34, 34, 36)
_JACKET: Colour = (96, 84, 70)
_FACE: Colour = (140, 175, 215)


def draw_tricycle(canvas: Canvas, paint: Colour) -> None:
    """Cargo box at the back, saddle, fork and handlebar; the nose points forwards."""
    canvas.shadow((0.0, 0.0), (0.92, 0.09), 0.5)
    canvas.line(((-0.1, 0.24), (0.5, 0.26), (0.72, 0.14)), 0.05, (52, 52, 54))
    canvas.polygon(((-0.87, 0.26), (-0.87, 0.56), (0.02, 0.56), (0.02, 0.26)), paint)
    canvas.rectangle((-0.87, 0.24), (0.02, 0.3), shaded(paint, 0.7))
    for seam in (-0.6, -0.3):
        canvas.line(((seam, 0.28), (seam, 0.55)), 0.015, shaded(paint, 0.75))
    canvas.polygon(((0.06, 0.3), (0.08, 0.42), (0.3, 0.42), (0.34, 0.28)), (48, 46, 50))
    canvas.line(((0.2, 0.42), (0.38, 0.36), (0.42, 0.2)), 0.09, (60, 52, 46))
    canvas.line(((0.18, 0.45), (0.24, 0.72)), 0.17, _JACKET)
    canvas.line(((0.26, 0.68), (0.4, 0.56), (0.52, 0.56)), 0.05, shaded(_JACKET, 1.15))
    canvas.ellipse((0.27, 0.85), (0.055, 0.07), _FACE)
    canvas.ellipse((0.25, 0.88), (0.06, 0.06), (40, 40, 44))
    canvas.line(((0.54, 0.58), (0.6, 0.36), (0.72, 0.14)), 0.05, shaded(paint, 0.9))
    canvas.ellipse((0.57, 0.46), (0.05, 0.06), (190, 220, 235))
    for place in (-0.5, 0.72):
        canvas.ellipse((place, 0.14), (0.14, 0.14), _TYRE)
        canvas.ellipse((place, 0.14), (0.06, 0.06), (150, 150, 152))
