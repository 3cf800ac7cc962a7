"""Trials in which nothing is dumped, however much happens: each a function of a seed."""

from collections.abc import Callable
from dataclasses import replace
from math import exp, floor, sin

from service.demo.cast import Cast
from service.demo.deed import SMALL
from service.demo.part import Role
from service.demo.place import Fixture, Standing
from service.demo.trial import Laid, Trial
from service.demo.weather import Beam, Light
from vision.zone import Zone, ZoneKind

SECONDS = 600.0
"""Of a trial: long enough for several of the things that it is about."""


def street(cast: Cast) -> None:
    """People and vehicles pass, under the camera's clock."""
    cast.traffic(4.0, 1.5, SECONDS)
    cast.weather = replace(cast.weather, clock=True)


def removal(cast: Cast) -> None:
    """What lies there from the beginning is taken away, by a cleaner or by anybody."""
    at_s = cast.rng.uniform(30, 90)
    for spot in cast.spots(3):
        cast.take(Laid(cast.load(SMALL), *spot), at_s, cast.rng.choice((Role.CLEANER, Role.PERSON)))
        at_s += cast.rng.uniform(60, 170)


def picked_up(cast: Cast) -> None:
    """People put something down for 1 to 6 s and take it up again."""
    at_s = cast.rng.uniform(10, 40)
    while at_s < SECONDS - 60:
        cast.set_down(at_s, cast.rng.uniform(1.0, 6.0))
        at_s += cast.rng.uniform(40, 90)


def waiting(cast: Cast) -> None:
    """People stand for half a minute to four minutes, alone or two together."""
    at_s = cast.rng.uniform(5, 30)
    while at_s < SECONDS - 100:
        x, y = cast.spot()
        stays_s = cast.rng.uniform(30, 240)
        for n in range(cast.rng.choice((1, 1, 2))):
            cast.wait((x + n * 0.6 * cast.place.unit(y), y + 0.01 * n), at_s + 2.0 * n, stays_s)
        at_s += cast.rng.uniform(40, 120)


def stopping(cast: Cast) -> None:
    """Vehicles stop for a quarter of a minute to three, or stay; some drivers walk off."""
    at_s = cast.rng.uniform(8, 30)
    while at_s < SECONDS - 60:
        y = cast.rng.uniform(max(0.55, cast.place.wall_y + 0.15), 0.92)
        spot = cast.rng.uniform(0.2, 0.8), y
        stays_s = cast.rng.choice((cast.rng.uniform(15, 180), SECONDS))
        role = cast.rng.choice((Role.VAN, Role.CAR, Role.TRICYCLE))
        cast.drive(role, spot, at_s, min(stays_s, 180.0 if at_s < 400 else SECONDS))
        if cast.rng.random() < 0.4:
            cast.wait((spot[0], y - 0.01), at_s + 6.0, 0.5, alights=True)
        at_s += cast.rng.uniform(200, 260)


def cleaner(cast: Cast) -> None:
    """A cleaner works along the street, stops, bends down, and takes what lies there."""
    at_s = 20.0
    while at_s < SECONDS - 120:
        at_s = cast.sweep(at_s) + cast.rng.uniform(10, 60)
    spot = cast.spot()
    cast.take(Laid(cast.load(SMALL), *spot), cast.rng.uniform(200, 400), Role.CLEANER)


def binned(cast: Cast) -> None:
    """People put rubbish into a bin inside of a bin zone; what does not fit leans on it."""
    x, y = cast.spot()
    unit, high = cast.place.unit(y), cast.place.unit(y) * 16 / 9
    can = Standing(Fixture.BIN, x, y, cast.rng.getrandbits(30))
    cast.place = replace(cast.place, standing=(*cast.place.standing, can))
    left, right, top, bottom = x - 0.55 * unit, x + 0.55 * unit, y - 0.95 * high, y + 0.12 * high
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    points = tuple((min(1.0, max(0.0, u)), min(1.0, max(0.0, v))) for u, v in corners)
    cast.zones.append(Zone("bin", ZoneKind.BIN, points))
    at_s = cast.rng.uniform(10, 40)
    while at_s < SECONDS - 60:
        cast.throw((x, y), at_s, leans=cast.rng.random() < 0.25)
        at_s += cast.rng.uniform(30, 100)


def shadow(cast: Cast) -> None:
    """The sharp shadow of a house creeps over the ground, and people throw theirs."""
    speed = cast.rng.uniform(0.01, 0.06) * cast.rng.choice((1, -1)) / 60
    start = cast.rng.uniform(0.1, 0.8)
    cast.weather = replace(
        cast.weather,
        sun=cast.rng.uniform(0.35, 0.6),
        shade_x=lambda t_s: max(0.001, start + speed * t_s),
    )


def clouds(cast: Cast) -> None:
    """Clouds pass before the sun: within seconds it is darker by up to 40 %."""
    depth, first, second = cast.rng.uniform(0.15, 0.4), *(cast.rng.uniform(0, 6) for _ in range(2))

    def level(t_s: float) -> float:
        veil = sin(t_s / 17 + first) + sin(t_s / 41 + second)
        return 1 - depth / (1 + exp(-6 * veil))

    cast.weather = replace(cast.weather, level=level)


def headlights(cast: Cast) -> None:
    """Headlights sweep across the ground, some of cars that are seen; one car waits, lit."""
    beams, at_s = [], 5.0
    while at_s < SECONDS:
        takes_s, y = cast.rng.uniform(1.5, 7.0), cast.rng.uniform(0.5, 0.9)
        beams.append(Beam(at_s, at_s + takes_s, y, cast.rng.random() < 0.5))
        at_s += cast.rng.uniform(5, 40)
    cast.weather = replace(cast.weather, beams=tuple(beams))


def rain(cast: Cast) -> None:
    """Rain with wind."""
    cast.weather = replace(cast.weather, rain=cast.rng.uniform(0.3, 1.0), shake_px=0.8)
    cast.place = replace(cast.place, wind=0.7)


def leaves(cast: Cast) -> None:
    """A gusty wind in bushes and trees, some in the middle of the picture."""
    more = tuple(
        Standing(cast.rng.choice((Fixture.TREE, Fixture.BUSH)), *spot, cast.rng.getrandbits(30))
        for spot in cast.spots(3)
    )
    place = cast.place
    cast.place = replace(place, wind=cast.rng.uniform(0.6, 1.4), standing=(*place.standing, *more))


def board(cast: Cast) -> None:
    """A lit advertisement changes every few seconds or every minute, in no zone."""
    x, y = cast.spot()
    it = Standing(Fixture.BOARD, x, min(y, 0.6), cast.rng.getrandbits(30))
    cast.place = replace(cast.place, standing=(*cast.place.standing, it))


def exposure(cast: Cast) -> None:
    """The camera's exposure steps up and down by up to a third."""
    period_s, depth = cast.rng.uniform(20, 90), cast.rng.uniform(0.15, 0.35)
    seed = cast.seed

    def level(t_s: float) -> float:
        number = floor(t_s / period_s)
        return 1.0 + depth * ((number * 7 + seed) % 5 - 2) / 2

    cast.weather = replace(cast.weather, level=level)


def switch(cast: Cast) -> None:
    """The camera changes to infrared and back."""
    start_s = cast.rng.uniform(100, 250)
    span_s = (start_s, start_s + cast.rng.uniform(60, 250))
    cast.weather = replace(cast.weather, infrared_s=span_s)


def shake(cast: Cast) -> None:
    """The mast sways in gusts by up to four pixels."""
    cast.weather = replace(cast.weather, shake_px=cast.rng.uniform(1.5, 4.0))
    cast.traffic(2.0, 1.0, SECONDS)


CALMS: dict[str, Callable[[Cast], None]] = {
    calm.__name__: calm
    for calm in (
        street, removal, picked_up, waiting, stopping, cleaner, binned, shadow, clouds, headlights,
        rain, leaves, board, exposure, switch, shake,
    )
}  # fmt: skip
"""The kinds of trial without a dumping, by name."""

BY_DAY, BY_NIGHT = frozenset({"shadow", "clouds"}), frozenset({"headlights"})
"""Kinds that only one of them has."""


def kinds(light: Light) -> list[str]:
    """The kinds that there are in that light."""
    missing = BY_NIGHT if light is Light.DAY else BY_DAY
    return [kind for kind in CALMS if kind not in missing]


def calm(kind: str, seed: int, light: Light) -> Trial:
    """The trial of that kind and seed; whatever it is about, some people and vehicles pass."""
    cast = Cast(kind, seed, 0, light)
    CALMS[kind](cast)
    cast.traffic(cast.rng.choice((0.3, 1.0, 2.0)), 0.5, SECONDS)
    return cast.trial(SECONDS)
