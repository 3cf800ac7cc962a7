"""Draws people, vehicles and bags, and knows the boxes that they fill."""

from dataclasses import dataclass
from math import cos, pi, radians, sin
from random import Random

from service.demo.canvas import Canvas, Colour, Point, shaded
from service.demo.dice import dice
from service.demo.part import Pose, Role, person_height
from service.demo.tricycle import TRICYCLE_SIZE, draw_tricycle
from vision.boxes import Box
from vision.frame import Image

# All lengths below are in body heights of a person who stands at the same place.
REACH = 0.27
"""From the foot point to the hand that touches the ground, forwards."""

_SPINE = 0.32
"""From the hip to the neck."""

BAG_SIZE = (0.34, 0.29)
"""Width and height of a full 60-litre rubbish bag beside a person of 1.7 m."""

_VAN_SIZE = (2.35, 1.1)
"""A minivan: 4.0 m by 1.9 m."""

_CAR_SIZE = (2.6, 0.86)
"""A saloon: 4.4 m by 1.45 m."""

EXTENTS = {
    Role.PERSON: (0.3, 1.0),
    Role.CLEANER: (0.3, 1.0),
    Role.VAN: _VAN_SIZE,
    Role.CAR: _CAR_SIZE,
    Role.TRICYCLE: TRICYCLE_SIZE,
    Role.BAG: BAG_SIZE,
}
"""Width and height of what stands upright."""

_SKIN: Colour = (140, 175, 215)
_TYRE: Colour = (32, 32, 34)
_GLASS: Colour = (88, 80, 70)
_TOPS: tuple[Colour, ...] = (
    (58, 52, 168), (150, 92, 40), (70, 110, 62), (205, 205, 210), (50, 48, 50), (60, 150, 205),
    (140, 120, 175), (105, 60, 80),
)  # fmt: skip
_TROUSERS: tuple[Colour, ...] = ((60, 45, 38), (40, 40, 44), (85, 95, 110), (120, 88, 62))
_PAINTS: tuple[Colour, ...] = ((225, 228, 230), (168, 172, 175), (120, 70, 45), (48, 42, 120))
_BAGS: tuple[Colour, ...] = ((34, 30, 30), (44, 32, 28), (36, 44, 30))
_ORANGE: Colour = (20, 110, 240)
_STRIPE: Colour = (190, 240, 240)


def draw(image: Image, pose: Pose) -> None:
    """Paint `pose` onto `image` in place."""
    height, width = image.shape[:2]
    scale = pose.tall * person_height(pose.y) * height
    canvas = Canvas(image, (pose.x * width, pose.y * height), (pose.facing * scale, -scale))
    match pose.role:
        case Role.PERSON | Role.CLEANER:
            _draw_person(canvas, pose)
        case Role.VAN:
            _draw_van(canvas, _paint(pose))
        case Role.CAR:
            _draw_car(canvas, _paint(pose))
        case Role.TRICYCLE:
            draw_tricycle(canvas, _paint(pose))
        case Role.BAG:
            canvas.shadow((0.03, 0.01), (0.2, 0.05), 0.4)
            draw_bag(canvas, (0.0, 0.0), pose.look)


def box_of(pose: Pose, size: tuple[int, int]) -> Box:
    """The pixels that `pose` fills in a picture of `size` `(width, height)`, not clipped."""
    unit = pose.tall * person_height(pose.y) * size[1]
    x, y = pose.x * size[0], pose.y * size[1]
    if pose.role in (Role.PERSON, Role.CLEANER):
        joints = _joints(pose)
        reach = [side * pose.facing for side, _ in joints.outline]
        top = max(up for _, up in joints.outline)
        return Box(x + min(reach) * unit, y - top * unit, x + max(reach) * unit, y + 0.02 * unit)
    width, height = EXTENTS[pose.role]
    return Box(x - width / 2 * unit, y - height * unit, x + width / 2 * unit, y + 0.03 * unit)


def _paint(pose: Pose) -> Colour:
    """Of a vehicle."""
    return pose.colours[0] if pose.colours else dice(pose.look).choice(_PAINTS)


@dataclass(frozen=True, slots=True)
class _Joints:
    """Where a person's limbs bend; `(forwards, upwards)` from the foot point."""

    hip: Point
    neck: Point
    head: Point
    hands: tuple[Point, Point]
    elbows: tuple[Point, Point]
    knees: tuple[Point, Point]
    feet: tuple[Point, Point]

    @property
    def outline(self) -> tuple[Point, ...]:
        """Points that span the whole figure, flesh included."""
        chest = (self.neck[0] - 0.11, self.neck[1]), (self.neck[0] + 0.11, self.neck[1])
        crown = self.head[0], self.head[1] + 0.085
        soles = tuple((x + 0.06, y) for x, y in self.feet)
        back = self.hip[0] - 0.1, self.hip[1]
        return (*chest, back, crown, *soles, *self.hands, *self.feet, *self.knees)


def _towards(start: Point, length: float, angle: float) -> Point:
    """The end of a limb that hangs from `start`, `angle` radians forwards of straight down."""
    return start[0] + length * sin(angle), start[1] - length * cos(angle)


def _between(a: Point, b: Point, share: float) -> Point:
    """The point `share` of the way from `a` to `b`."""
    return a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])


def _joints(pose: Pose) -> _Joints:
    """The skeleton; the body rides on the legs so that the lower foot is on the ground."""
    back = -0.05 * pose.stoop
    far, near = _leg(pose, 0.0), _leg(pose, pi)
    height = -min(far[1][1], near[1][1])
    far_knee, far_foot, near_knee, near_foot = ((u + back, v + height) for u, v in (*far, *near))
    hip = (back, height)
    lean = radians(6 * pose.swing + 62 * pose.stoop)
    neck = _towards(hip, _SPINE, pi - lean)
    far_arm, near_arm = _arm(pose, neck, 0.0), _arm(pose, neck, pi)
    if pose.laden or pose.stoop:
        # The near hand keeps hold of the bag: it hangs at rest and meets the ground when stooping.
        rest = (neck[0] + 0.02, neck[1] - 0.33)
        hand = _between(rest, (REACH, BAG_SIZE[1]), pose.stoop)
        near_arm = _between(neck, hand, 0.5), hand
    return _Joints(
        hip=hip,
        neck=neck,
        head=_towards(neck, 0.1, pi - lean * 0.7),
        hands=(far_arm[1], near_arm[1]),
        elbows=(far_arm[0], near_arm[0]),
        knees=(far_knee, near_knee),
        feet=(far_foot, near_foot),
    )


def _leg(pose: Pose, side: float) -> tuple[Point, Point]:
    """Knee and foot below a hip at `(0, 0)`: a sine wave, and the knee bends on its way forward."""
    angle = pose.phase + side
    thigh = 0.45 * pose.swing * sin(angle) + 0.5 * pose.stoop
    bend = 0.8 * pose.swing * max(0.0, cos(angle)) + pose.stoop
    knee = _towards((0.0, 0.0), 0.25, thigh)
    return knee, _towards(knee, 0.25, thigh - bend)


def _arm(pose: Pose, neck: Point, side: float) -> tuple[Point, Point]:
    """Elbow and hand of a free arm, which swings against its leg."""
    angle = -0.5 * pose.swing * sin(pose.phase + side)
    elbow = _towards(neck, 0.17, angle)
    return elbow, _towards(elbow, 0.17, angle + 0.35 * pose.swing)


def _draw_person(canvas: Canvas, pose: Pose) -> None:
    """Far limbs first, then the body, then what is near."""
    joints = _joints(pose)
    rng = dice(pose.look)
    top, trousers = rng.choice(_TOPS), rng.choice(_TROUSERS)
    if pose.colours:
        top, trousers = pose.colours
    if pose.role is Role.CLEANER:
        top, trousers = _ORANGE, (110, 60, 40)
    canvas.shadow((-0.06, 0.0), (0.26, 0.055), 0.4 * pose.shade)
    for near in (0, 1):
        tone = 0.75 + 0.25 * near
        shoe = joints.feet[near]
        canvas.line((joints.hip, joints.knees[near]), 0.085, shaded(trousers, tone))
        canvas.line((joints.knees[near], shoe), 0.065, shaded(trousers, tone))
        canvas.line((shoe, (shoe[0] + 0.05, shoe[1])), 0.045, (28, 26, 30))
        if not near:
            _draw_arm(canvas, joints, near, shaded(top, 0.75))
    _draw_torso(canvas, joints, top)
    _draw_head(canvas, joints.head, pose, rng)
    if pose.role is Role.CLEANER:
        u, v = _between(joints.hip, joints.neck, 0.5)
        canvas.line(((u - 0.07, v), (u + 0.07, v)), 0.025, _STRIPE)
    if pose.laden:
        hand = joints.hands[1]
        draw_bag(canvas, (hand[0], hand[1] - BAG_SIZE[1]), pose.look)
    _draw_arm(canvas, joints, 1, shaded(top, 1.12))


def _draw_arm(canvas: Canvas, joints: _Joints, side: int, colour: Colour) -> None:
    """Sleeve and hand."""
    shoulder = (joints.neck[0], joints.neck[1] - 0.03)
    canvas.line((shoulder, joints.elbows[side], joints.hands[side]), 0.05, colour)
    canvas.ellipse(joints.hands[side], (0.025, 0.025), _SKIN)


def _draw_torso(canvas: Canvas, joints: _Joints, top: Colour) -> None:
    """A jacket: lit from the front, darker at the back."""
    (hx, hy), (nx, ny) = joints.hip, joints.neck
    # Towards the chest, square to the spine.
    fx, fy = (ny - hy) / _SPINE, (hx - nx) / _SPINE
    hem, collar = (hx + 0.03 * fy, hy - 0.03 * fx), joints.neck

    def across(start: Point, width: float) -> Point:
        return start[0] + width * fx, start[1] + width * fy

    canvas.line((joints.hip, joints.neck), 0.15, shaded(top, 0.82))
    for colour, low, high in ((top, 0.09, 0.1), (shaded(top, 0.75), -0.04, -0.05)):
        canvas.polygon(
            (across(hem, -0.09), across(hem, low), across(collar, high), across(collar, -0.1)),
            colour,
        )
    canvas.line((joints.neck, joints.head), 0.06, shaded(_SKIN, 0.85))


def _draw_head(canvas: Canvas, head: Point, pose: Pose, rng: Random) -> None:
    """A face towards the front, hair over the back, or the cleaner's hat."""
    x, y = head
    canvas.ellipse(head, (0.052, 0.068), _SKIN)
    hair = _ORANGE if pose.role is Role.CLEANER else rng.choice(((24, 22, 22), (34, 36, 44)))
    canvas.polygon(
        ((x - 0.058, y - 0.03), (x - 0.06, y + 0.04), (x - 0.03, y + 0.078),
         (x + 0.02, y + 0.08), (x + 0.056, y + 0.045), (x + 0.045, y + 0.025),
         (x - 0.005, y + 0.03), (x - 0.02, y - 0.03)),
        hair,
    )  # fmt: skip


def draw_bag(canvas: Canvas, foot: Point, look: int) -> None:
    """A tied plastic bag standing on `foot`: bulging, knotted, with a glossy fold."""
    rng = dice(look)
    colour = rng.choice(_BAGS)
    width, height = BAG_SIZE
    contour = (
        (-0.46, 0.02), (-0.5, 0.22), (-0.43, 0.48), (-0.24, 0.7), (-0.1, 0.8), (-0.15, 0.97),
        (-0.02, 0.9), (0.1, 1.0), (0.08, 0.79), (0.26, 0.68), (0.42, 0.46), (0.5, 0.2), (0.45, 0.0),
        (0.2, -0.03), (-0.2, -0.03),
    )  # fmt: skip
    wobble = [1 + rng.uniform(-0.06, 0.0) for _ in contour]
    outline = [
        (foot[0] + u * w * width, foot[1] + v * w * height)
        for (u, v), w in zip(contour, wobble, strict=True)
    ]
    canvas.polygon(outline, colour)
    for fold, tone in (
        (((-0.3, 0.15), (-0.28, 0.4), (-0.12, 0.62)), 3.2),
        (((0.1, 0.6), (0.2, 0.42), (0.16, 0.2)), 2.0),
        (((-0.1, 0.3), (0.0, 0.5)), 1.7),
    ):
        points = [(foot[0] + u * width, foot[1] + v * height) for u, v in fold]
        canvas.line(points, 0.018, shaded(colour, tone))


def _draw_wheels(canvas: Canvas, places: tuple[float, float]) -> None:
    """Two wheels with their hubs."""
    for place in places:
        canvas.ellipse((place, 0.15), (0.17, 0.17), _TYRE)
        canvas.ellipse((place, 0.15), (0.09, 0.09), (150, 150, 152))
        canvas.ellipse((place, 0.15), (0.035, 0.035), (90, 90, 92))


def _draw_van(canvas: Canvas, paint: Colour) -> None:
    """A minivan from its side (面包车), nose forwards."""
    canvas.shadow((0.0, 0.0), (1.28, 0.12), 0.5)
    canvas.polygon(
        ((-1.16, 0.15), (-1.17, 0.95), (-1.08, 1.07), (0.5, 1.1), (0.72, 1.03), (1.0, 0.66),
         (1.16, 0.56), (1.17, 0.18), (1.1, 0.13)),
        paint,
    )  # fmt: skip
    canvas.rectangle((-1.165, 0.13), (1.16, 0.3), shaded(paint, 0.72))
    for left, right in ((-1.08, -0.48), (-0.42, 0.16)):
        canvas.rectangle((left, 0.64), (right, 0.98), _GLASS)
        canvas.polygon(
            ((left + 0.1, 0.98), (left + 0.2, 0.98), (left + 0.1, 0.64), (left, 0.64)),
            shaded(_GLASS, 1.35),
        )
    canvas.polygon(((0.22, 0.64), (0.22, 0.98), (0.6, 0.98), (0.86, 0.64)), _GLASS)
    for seam in (-0.45, 0.19):
        canvas.line(((seam, 0.2), (seam, 1.02)), 0.01, shaded(paint, 0.6))
    canvas.line(((0.26, 0.55), (0.38, 0.55)), 0.025, shaded(paint, 0.5))
    canvas.ellipse((1.11, 0.48), (0.05, 0.06), (200, 235, 250))
    canvas.rectangle((-1.17, 0.45), (-1.12, 0.65), (40, 40, 190))
    _draw_wheels(canvas, (-0.75, 0.76))


def _draw_car(canvas: Canvas, paint: Colour) -> None:
    """A saloon from its side, nose forwards."""
    canvas.shadow((0.0, 0.0), (1.4, 0.1), 0.5)
    canvas.polygon(
        ((-1.29, 0.17), (-1.3, 0.5), (-0.95, 0.56), (-0.6, 0.83), (0.25, 0.85), (0.62, 0.56),
         (1.15, 0.49), (1.29, 0.36), (1.29, 0.16)),
        paint,
    )  # fmt: skip
    canvas.rectangle((-1.285, 0.15), (1.28, 0.27), shaded(paint, 0.7))
    canvas.polygon(((-0.8, 0.56), (-0.54, 0.78), (-0.16, 0.79), (-0.16, 0.56)), _GLASS)
    canvas.polygon(((-0.1, 0.56), (-0.1, 0.79), (0.22, 0.79), (0.48, 0.56)), _GLASS)
    canvas.line(((-0.13, 0.2), (-0.13, 0.8)), 0.012, shaded(paint, 0.6))
    canvas.ellipse((1.2, 0.42), (0.07, 0.04), (200, 235, 250))
    canvas.rectangle((-1.3, 0.4), (-1.2, 0.48), (40, 40, 190))
    _draw_wheels(canvas, (-0.82, 0.84))
