"""The prepared scenes: each a function of a seed that says who comes when."""

from collections.abc import Callable
from functools import lru_cache
from random import Random

from service.demo.dice import dice
from service.demo.figure import REACH
from service.demo.part import Mark, Part, Pose, Role, Stoop, person_height
from service.demo.scene import Drop, Scene, Script

SIZE = (640, 360)
"""Pixels of a street camera's sub-stream, the one that is analysed."""

PERIOD_S = 240.0
"""Four minutes: long enough to settle, be reviewed and be cleaned, short enough for a visitor."""

CLEANED_S = 150.0
"""When the cleaner lifts the bag: well after any settle time that a brigade sets."""

_WALK = 0.125
"""Picture widths per second: 1.4 m/s at mid-depth."""

_LANES = (0.50, 0.625)
"""The pavement on which people walk, in picture heights."""


def dumping(seed: int, *, size: tuple[int, int] = SIZE, period_s: float = PERIOD_S) -> Scene:
    """A person brings a bag at 8 s, puts it down at 13 s and is gone by 19 s.

    Others pass from 40 s on. A cleaner takes the bag at 150 s, and the next round brings another
    person to another place. A round shorter than 200 s has neither passers nor cleaner, and its
    bag vanishes at the end.
    """

    def script(number: int) -> Script:
        rng = dice("dumping", seed, number)
        return _dumping(rng, size, stands_s=0.6, period_s=period_s)

    return _scene("dumping", seed, size, period_s, script)


def lingering(seed: int, *, size: tuple[int, int] = SIZE, period_s: float = PERIOD_S) -> Scene:
    """As `dumping`, but the owner stands beside the bag for 8 s before going."""

    def script(number: int) -> Script:
        rng = dice("lingering", seed, number)
        return _dumping(rng, size, stands_s=8.0, period_s=period_s)

    return _scene("lingering", seed, size, period_s, script)


def passers(seed: int, *, size: tuple[int, int] = SIZE, period_s: float = PERIOD_S) -> Scene:
    """People and a few cars pass, one at a time or together; nothing is left."""

    def script(number: int) -> Script:
        rng = dice("passers", seed, number)
        return Script((*_passers(rng, 2.0, period_s), *_cars(rng, 5.0, period_s)))

    return _scene("passers", seed, size, period_s, script)


def parked_van(seed: int, *, size: tuple[int, int] = SIZE, period_s: float = PERIOD_S) -> Scene:
    """A van drives in at 6 s, stops at the kerb at 10 s and stays for ever; people pass."""
    place, look = 0.62, dice("van", seed, 0).getrandbits(30)

    def script(number: int) -> Script:
        rng = dice("parked_van", seed, number)
        end = Mark(period_s, place, 0.8)
        path: tuple[Mark, ...] = (Mark(0.0, place, 0.8), end)
        if number == 0:
            braking = ((6.0, -0.3), (8.0, 0.25), (9.0, 0.48), (9.7, 0.6), (10.3, place))
            path = (*(Mark(t_s, x, 0.8) for t_s, x in braking), end)
        return Script((Part(Role.VAN, look, path), *_passers(rng, 16.0, period_s)))

    return _scene("parked_van", seed, size, period_s, script)


def removal(seed: int, *, size: tuple[int, int] = SIZE, period_s: float = PERIOD_S) -> Scene:
    """A bag lies there from the start and a cleaner takes it at 20 s; later rounds only pass by."""

    def script(number: int) -> Script:
        rng = dice("removal", seed, number)
        if number:
            return Script(tuple(_passers(rng, 2.0, period_s)))
        thing = Pose(Role.BAG, rng.getrandbits(30), rng.uniform(0.4, 0.6), 0.55, facing=1)
        cleaner = _cleaner(thing, size, 20.0)
        return Script((_lying(thing, 0.0, 20.0), cleaner, *_passers(rng, 40.0, period_s)))

    return _scene("removal", seed, size, period_s, script)


PLOTS: dict[str, Callable[..., Scene]] = {
    plot.__name__: plot for plot in (dumping, lingering, passers, parked_van, removal)
}
"""The prepared scenes by name; each takes `(seed, *, size, period_s)`."""


def _scene(
    name: str, seed: int, size: tuple[int, int], period_s: float, script: Callable[[int], Script]
) -> Scene:
    """The scene; a script is asked for with every frame, so the latest rounds are kept."""
    return Scene(name, seed, size, period_s, lru_cache(maxsize=4)(script))


def _dumping(rng: Random, size: tuple[int, int], *, stands_s: float, period_s: float) -> Script:
    """Bag in at 8 s, on the ground at 13 s; the owner goes `stands_s` after letting go."""
    y, look = rng.uniform(0.5, 0.58), rng.getrandbits(30)
    facing = rng.choice((1, -1))
    edge = 0.5 - 0.56 * facing
    x = edge + facing * rng.uniform(0.48, 0.58)
    stoop = Stoop(12.4, 13.0, 13.5, 14.0)
    leaves_s = 14.0 + stands_s
    home = edge if rng.random() < 0.5 else edge + 1.12 * facing
    gone_s = leaves_s + min(4.4, abs(home - x) / _WALK)
    path = (
        Mark(8.0, edge, y + 0.06), Mark(12.3, x, y), Mark(leaves_s, x, y),
        Mark(gone_s, home, y + 0.07),
    )  # fmt: skip
    owner = Part(Role.PERSON, look, path, laden_s=(8.0, stoop.down_s), stoop=stoop)
    thing = Pose(Role.BAG, look, x + facing * _reach(y, size), y, facing)
    cleaned = period_s >= CLEANED_S + 50.0
    lifted_s = CLEANED_S if cleaned else period_s
    parts = [owner, _lying(thing, stoop.down_s, lifted_s)]
    if cleaned:
        parts += _passers(rng, 40.0, CLEANED_S - 15.0)
        parts += [_cleaner(thing, size, CLEANED_S), *_passers(rng, CLEANED_S + 15.0, period_s)]
    drop = Drop(thing, stoop.down_s, stoop.up_s, leaves_s, gone_s, lifted_s if cleaned else None)
    return Script(tuple(parts), (drop,))


def _reach(y: float, size: tuple[int, int]) -> float:
    """From a foot at `y` to the hand at the ground, in picture widths."""
    return REACH * person_height(y) * size[1] / size[0]


def _lying(thing: Pose, start_s: float, end_s: float) -> Part:
    """A bag that lies where `thing` says."""
    place = (Mark(start_s, thing.x, thing.y), Mark(end_s, thing.x, thing.y))
    return Part(thing.role, thing.look, place)


def _cleaner(thing: Pose, size: tuple[int, int], lifts_s: float) -> Part:
    """A cleaner who comes from the left, lifts `thing` at `lifts_s` and carries it on."""
    x = thing.x - _reach(thing.y, size)
    path = (
        Mark(lifts_s - 0.8 - (x + 0.06) / _WALK, -0.06, thing.y + 0.05),
        Mark(lifts_s - 0.8, x, thing.y),
        Mark(lifts_s + 0.9, x, thing.y),
        Mark(lifts_s + 0.9 + (1.06 - x) / _WALK, 1.06, thing.y + 0.06),
    )
    stoop = Stoop(lifts_s - 0.7, lifts_s, lifts_s + 0.3, lifts_s + 0.9)
    laden_s = (lifts_s, path[-1].t_s)
    return Part(Role.CLEANER, thing.look, path, laden_s=laden_s, stoop=stoop)


def _passers(rng: Random, start_s: float, end_s: float) -> list[Part]:
    """People who walk through between the two times, at times two or three together."""
    parts: list[Part] = []
    at_s = start_s + rng.uniform(0.0, 4.0)
    while True:
        speed = _WALK * rng.uniform(0.8, 1.25)
        needs_s = 1.2 / speed
        if at_s + needs_s + 2.0 > end_s:
            return parts
        edges = rng.choice(((-0.1, 1.1), (1.1, -0.1)))
        company = rng.choice((1, 1, 1, 2, 3))
        first = rng.uniform(_LANES[0], _LANES[1] - 0.025 * company)
        for n in range(company):
            y, delay_s = first + 0.03 * n, 0.7 * n * rng.random()
            path = (Mark(at_s + delay_s, edges[0], y), Mark(at_s + delay_s + needs_s, edges[1], y))
            parts.append(Part(Role.PERSON, rng.getrandbits(30), path))
        at_s += rng.uniform(6.0, 22.0)


def _cars(rng: Random, start_s: float, end_s: float) -> list[Part]:
    """Cars that drive through, 8 m/s, about three in two minutes."""
    parts: list[Part] = []
    at_s = start_s + rng.uniform(0.0, 20.0)
    while at_s + 4.0 < end_s:
        lane, edges = rng.choice(((0.86, (-0.4, 1.4)), (0.78, (1.4, -0.4))))
        path = (Mark(at_s, edges[0], lane), Mark(at_s + 3.0, edges[1], lane))
        parts.append(Part(Role.CAR, rng.getrandbits(30), path))
        at_s += rng.uniform(20.0, 60.0)
    return parts
