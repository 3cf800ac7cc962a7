"""Trials in which something is dumped: each a function of a seed (glossary: 试验)."""

from collections.abc import Callable
from dataclasses import replace

from service.demo.cast import Cast, How, Manner
from service.demo.load import Shape
from service.demo.part import Role
from service.demo.place import Fixture, Standing
from service.demo.trial import Laid, Trial, Truth
from service.demo.weather import Light

SMALL = (Shape.BAG, Shape.SACK, Shape.CARTON)
BULKY = (Shape.SOFA, Shape.MATTRESS, Shape.RUBBLE)
_AFTER_S = 32.0
"""So long a trial goes on after the last one who dumped is gone: a thing of unclear sign needs two
settle times."""
LEAST_SHARE, LEAST_SHOWN, LEAST_CONTRAST = 0.0011, 0.5, 14.0
"""A thing that the bars are about covers so much of the picture, one and a half times the rule's
least; half of it is seen; and it differs by so many levels from what it covers: the rule's limits
are 0.0007 and 9."""
_TRIES = 30


def bag(cast: Cast) -> None:
    """Somebody brings a bag, a sack or a carton and goes at once."""
    cast.bring(cast.load(SMALL), cast.spot(), cast.rng.uniform(6, 14))


def lingers(cast: Cast) -> None:
    """The owner stays beside it for 5 to 60 s, standing or squatting, or comes back to it."""
    manner = Manner(stays_s=cast.rng.uniform(5, 60), how=cast.rng.choice(list(How)))
    cast.bring(cast.load(SMALL), cast.spot(), cast.rng.uniform(6, 12), manner)


def pair(cast: Cast) -> None:
    """Two people bring it, side by side or one at each end."""
    load, manner = cast.load((*SMALL, *BULKY)), Manner(stays_s=cast.rng.uniform(0, 8))
    cast.accompany(cast.bring(load, cast.spot(), cast.rng.uniform(6, 12), manner))


def several(cast: Cast) -> None:
    """Two or three people put something down at different places within a minute."""
    at_s = cast.rng.uniform(5, 10)
    for spot in cast.spots(cast.rng.choice((2, 3))):
        manner = Manner(stays_s=cast.rng.choice((0.0, 0.0, 6.0)))
        cast.bring(cast.load(SMALL), spot, at_s, manner)
        at_s += cast.rng.uniform(6, 18)


def bulky(cast: Cast) -> None:
    """Furniture or rubble, wider than who brings it."""
    manner = Manner(stays_s=cast.rng.choice((0.0, 4.0)))
    cast.bring(cast.load(BULKY), cast.spot(), cast.rng.uniform(6, 14), manner)


def from_van(cast: Cast) -> None:
    """A van stops, its driver unloads beside it, and it leaves."""
    cast.unload(Role.VAN, cast.load((*SMALL, *BULKY)), behind=False)


def from_tricycle(cast: Cast) -> None:
    """The same with a tricycle."""
    cast.unload(Role.TRICYCLE, cast.load((*SMALL, Shape.RUBBLE)), behind=False)


def behind_van(cast: Cast) -> None:
    """A van hides what is unloaded until it leaves."""
    cast.unload(Role.VAN, cast.load((*SMALL, Shape.RUBBLE)), behind=True)


def added(cast: Cast) -> None:
    """Put beside, or against, things that lie there already."""
    x, y = cast.spot()
    unit = cast.place.unit(y)
    side = cast.rng.choice((1, -1))
    left = x
    for _ in range(cast.rng.randrange(2, 6)):
        old = cast.load(SMALL)
        left += side * unit * (0.4 + cast.rng.uniform(0.0, 0.25))
        cast.laid.append(Laid(old, left, y + cast.rng.uniform(-0.02, 0.02)))
    cast.bring(cast.load(SMALL), (x, y), cast.rng.uniform(6, 14), Manner(side))


def hidden(cast: Cast) -> None:
    """A bollard, a trunk or a parked car stands before a part of it."""
    x, y = cast.spot()
    load = cast.load((*SMALL, Shape.RUBBLE))
    unit, side = cast.place.unit(y), cast.rng.choice((1, -1))
    what = cast.rng.choice((Fixture.BOLLARD, Fixture.TREE, None))
    if what is None:
        off = 1.3 + load.width * cast.rng.uniform(0.1, 0.25)
        cast.park(Role.CAR, x + side * off * unit, y + 0.02)
    else:
        off = load.width * cast.rng.uniform(0.3, 0.45)
        post = Standing(what, x + side * off * unit, y + 0.02, cast.rng.getrandbits(30))
        cast.place = replace(cast.place, standing=(*cast.place.standing, post))
    cast.bring(load, (x, y), cast.rng.uniform(6, 14), Manner(side))


def present(cast: Cast) -> None:
    """Who brings it is in the picture from the first look on: on the way, or standing there."""
    rng = cast.rng
    if rng.random() < 0.5:
        cast.bring(cast.load(SMALL), cast.spot(), -rng.uniform(1, 4))
    else:
        manner = Manner(waits_s=rng.uniform(45, 90))
        cast.bring(cast.load(SMALL), cast.spot(), -rng.uniform(30, 40), manner)


DEEDS: dict[str, Callable[[Cast], None]] = {
    deed.__name__: deed
    for deed in (
        bag, lingers, pair, several, bulky, from_van, from_tricycle, behind_van, added, hidden,
        present,
    )
}  # fmt: skip
"""The kinds of trial with a dumping, by name."""


def deed(kind: str, seed: int, light: Light, *, rain: float = 0.0) -> Trial:
    """The trial of that kind and seed.

    What would be too small or too faint to claim is drawn again with other dice: the limits are
    the rule's own assumptions, and a trial says with its truth how near to them it is.
    """
    for attempt in range(_TRIES):
        cast = Cast(kind, seed, attempt, light, rain=rain)
        DEEDS[kind](cast)
        cast.traffic(cast.rng.choice((0.0, 1.0, 3.0)), 0.3, cast.over_s + _AFTER_S)
        trial = cast.trial(cast.over_s + _AFTER_S)
        if all(map(_is_seen, trial.truths())):
            return trial
    msg = f"no {kind} {seed} that can be seen in {_TRIES} tries"
    raise ValueError(msg)


def _is_seen(truth: Truth) -> bool:
    return (
        truth.share >= LEAST_SHARE
        and truth.shown >= LEAST_SHOWN
        and truth.contrast >= LEAST_CONTRAST
    )
