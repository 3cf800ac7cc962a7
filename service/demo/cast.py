"""Who and what plays in a trial, told one after the other (glossary: 演员表)."""

from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf

from service.demo.canvas import Colour, shaded
from service.demo.dice import dice
from service.demo.load import Load, Shape, load_of
from service.demo.part import Mark, Part, Role, Stoop
from service.demo.place import place_of
from service.demo.trial import Laid, Player, Trial, reach
from service.demo.weather import Light, weather_of
from vision.zone import Zone

_PACE = (0.62, 0.98)
"""Body heights per second: 1.05 to 1.65 m/s."""
_BRAKING = ((0.0, 0.0), (2.0, 0.72), (3.2, 0.94), (4.2, 1.0))
"""How a vehicle comes to rest: seconds, and the share of its way."""
_LEAVING = ((0.0, 0.0), (1.2, 0.06), (2.4, 0.3), (4.2, 1.0))
_LENGTHS = {Role.VAN: 2.35, Role.CAR: 2.6, Role.TRICYCLE: 1.75}
_LIKE_GROUND = 0.3
"""Share of people, and of things, in a colour close to the ground's."""

Spot = tuple[float, float]
"""A place on the ground, in [0, 1] of width and height."""


class How(StrEnum):
    """What somebody does who stays."""

    STANDS = "stands"
    SQUATS = "squats"
    RETURNS = "returns"


@dataclass(frozen=True, slots=True)
class Manner:
    """How a thing is put down.

    Attributes:
        facing: 1 to the right, -1 to the left, 0 as it happens.
        waits_s: how long they stand there with it before.
        stays_s: how long they stay afterwards; None for a moment.
    """

    facing: int = 0
    waits_s: float = 0.0
    stays_s: float | None = None
    how: How = How.STANDS


class Cast:
    """Collects the players and loads of a trial; every chance falls by `rng` alone."""

    def __init__(
        self,
        kind: str,
        seed: int,
        attempt: int,
        light: Light,
        *,
        rain: float = 0.0,
        wind: float = 0.2,
    ) -> None:
        self.kind, self.seed = kind, seed
        self.rng = dice("trial", kind, seed, attempt, light)
        self.place = place_of(self.rng, wind=wind)
        self.weather = weather_of(self.rng, light, rain=rain)
        self.players: list[Player] = []
        self.laid: list[Laid] = []
        self.zones: list[Zone] = []
        self.over_s = 0.0

    def trial(self, seconds: float) -> Trial:
        """What has been told, as one value."""
        return Trial(
            self.kind, self.seed, seconds, self.place, self.weather, tuple(self.players),
            tuple(self.laid), tuple(self.zones),
        )  # fmt: skip

    def spot(self) -> Spot:
        """Somewhere on the ground, far or near."""
        far = max(0.47, self.place.wall_y + 0.1)
        return self.rng.uniform(0.25, 0.75), self.rng.uniform(far, 0.86)

    def spots(self, count: int) -> list[Spot]:
        """So many places side by side, in any order."""
        across = [0.2 + 0.6 * (n + self.rng.uniform(0.2, 0.8)) / count for n in range(count)]
        self.rng.shuffle(across)
        return [(x, self.spot()[1]) for x in across]

    def load(self, shapes: tuple[Shape, ...]) -> Load:
        """Something of one of these shapes; at times nearly as the ground."""
        return load_of(self.rng, shapes, self._like_ground())

    def bring(self, load: Load, spot: Spot, start_s: float, manner: Manner | None = None) -> Laid:
        """Somebody walks in at `start_s`, puts `load` down in that manner, and goes."""
        rng, (x, y), manner = self.rng, spot, manner or Manner()
        unit, facing = self.place.unit(y), manner.facing or rng.choice((1, -1))
        stand = x - facing * reach(load) * unit
        edge, home = self._edge(-facing, y), self._edge(rng.choice((1, -1)), y)
        speed = rng.uniform(*_PACE) * unit
        there_s = start_s + abs(stand - edge) / speed
        stoop, leaves_s = self._stoop(there_s + manner.waits_s, manner.stays_s)
        path = [Mark(start_s, edge, y + rng.uniform(-0.02, 0.04)), Mark(there_s, stand, y)]
        if manner.how is How.RETURNS:
            aside = stand - facing * rng.uniform(0.7, 2.0) * unit
            path += _stroll(Mark(stoop.end_s + 0.2, stand, y), aside, speed, leaves_s)
            leaves_s = path[-1].t_s + rng.uniform(1.0, 8.0)
        gone_s = leaves_s + abs(home - stand) / speed
        path += [Mark(leaves_s, stand, y), Mark(gone_s, home, y + rng.uniform(-0.02, 0.05))]
        squats = manner.how is How.SQUATS and leaves_s - stoop.end_s > 2
        squats_s = (stoop.end_s, leaves_s - 0.5) if squats else (0.0, 0.0)
        owner = Player(self._person(tuple(path)), (stoop,), rng.choice((0.3, 1.0, 1.0)), squats_s)
        self.players.append(owner)
        return self._lay(load, spot, stoop.down_s, owner, gone_s)

    def accompany(self, brought: Laid) -> None:
        """Another person who keeps beside who brought it, behind or at the other end."""
        owner = brought.bringer
        if owner is None:
            return
        part = owner.part
        unit = self.place.unit(brought.y)
        ahead = 1 if part.path[1].x > part.path[0].x else -1
        off = self.rng.choice((2 * reach(brought.load) * ahead, -0.5 * ahead)) * unit
        path = tuple(Mark(m.t_s, m.x + off, m.y - 0.012) for m in part.path)
        stoops = owner.stoops if off * ahead > 0 else ()
        self.players.append(Player(self._person(path), stoops))

    def unload(self, role: Role, load: Load, *, behind: bool) -> None:
        """A vehicle stops, its driver puts `load` beside or behind it, and it drives on."""
        rng = self.rng
        x, y = rng.uniform(0.35, 0.65), rng.uniform(max(0.55, self.place.wall_y + 0.15), 0.85)
        unit = self.place.unit(y)
        start_s, heading = rng.uniform(6, 12), rng.choice((1, -1))
        spot = self._unloaded_at(load, (x, y), _LENGTHS[role] / 2 * unit, behind=behind)
        out_s = start_s + _BRAKING[-1][0] + rng.uniform(1.5, 8.0)
        facing = 1 if spot[0] > x else -1
        stand = spot[0] - facing * reach(load) * unit, spot[1]
        out_x = stand[0] - 0.4 * facing * unit if behind else x
        way_s = max(0.8, abs(stand[0] - out_x) / (rng.uniform(*_PACE) * unit))
        stoop, leaves_s = self._stoop(out_s + way_s, None)
        hidden_y = min(y, spot[1]) - 0.004
        path = (
            Mark(out_s, out_x, hidden_y), Mark(out_s + way_s, *stand), Mark(leaves_s, *stand),
            Mark(leaves_s + way_s, out_x, hidden_y),
        )  # fmt: skip
        driver = Player(self._person(path), (stoop,))
        self.players.append(driver)
        off_s = path[-1].t_s + rng.uniform(1.0, 12.0)
        vehicle = self.drive(role, (x, y), start_s, off_s - start_s - 4.2, heading=heading)
        end_s = vehicle.part.leaves_s
        laid = self._lay(load, spot, stoop.down_s, driver, end_s)
        if behind:
            self.laid[-1] = replace(laid, seen_s=end_s - 1.8)

    def drive(
        self, role: Role, spot: Spot, start_s: float, stays_s: float, *, heading: int = 0
    ) -> Player:
        """A vehicle drives in, stops at `spot` for `stays_s`, and drives on."""
        heading = heading or self.rng.choice((1, -1))
        x, y = spot
        edge = 0.6 * _LENGTHS[role] * self.place.unit(y)
        from_x, to_x = (-edge, 1 + edge) if heading > 0 else (1 + edge, -edge)
        off_s = start_s + _BRAKING[-1][0] + stays_s
        path = [Mark(start_s + s, from_x + share * (x - from_x), y) for s, share in _BRAKING]
        path += [Mark(off_s + s, x + share * (to_x - x), y) for s, share in _LEAVING]
        player = Player(Part(role, self.rng.getrandbits(30), tuple(path), tall=self.place.tall))
        self.players.append(player)
        return player

    def park(self, role: Role, x: float, y: float) -> None:
        """A vehicle stands there from the beginning and for ever."""
        path = (Mark(-1.0, x, y), Mark(1e6, x, y))
        self.players.append(
            Player(Part(role, self.rng.getrandbits(30), path, tall=self.place.tall))
        )

    def traffic(self, people: float, vehicles: float, until_s: float) -> None:
        """So many people and vehicles a minute that pass, people at times together."""
        rng = self.rng
        at_s = rng.expovariate(people / 60) if people else until_s
        while at_s < until_s:
            y, way = rng.uniform(max(0.45, self.place.wall_y + 0.06), 0.95), rng.choice((1, -1))
            for n in range(rng.choice((1, 1, 1, 2, 3))):
                lane = y + 0.02 * n
                needs_s = 1.3 / (rng.uniform(*_PACE) * self.place.unit(lane))
                edges = self._edge(-way, lane), self._edge(way, lane)
                path = Mark(at_s + n, edges[0], lane), Mark(at_s + n + needs_s, edges[1], lane)
                self.players.append(Player(self._person(path)))
            at_s += rng.expovariate(people / 60)
        at_s = rng.expovariate(vehicles / 60) if vehicles else until_s
        while at_s < until_s:
            role, way = rng.choice((Role.CAR, Role.VAN, Role.TRICYCLE)), rng.choice((1, -1))
            y = rng.uniform(0.86, 0.99)
            edge = 0.6 * _LENGTHS[role] * self.place.unit(y)
            ends = (-edge, 1 + edge) if way > 0 else (1 + edge, -edge)
            path = Mark(at_s, ends[0], y), Mark(at_s + rng.uniform(2.0, 6.0), ends[1], y)
            part = Part(role, rng.getrandbits(30), path, tall=self.place.tall)
            self.players.append(Player(part))
            at_s += rng.expovariate(vehicles / 60)

    def wait(self, spot: Spot, start_s: float, stays_s: float, *, alights: bool = False) -> None:
        """Somebody walks to `spot`, or gets out of a car there, stands so long, and goes."""
        (x, y), rng = spot, self.rng
        speed = rng.uniform(*_PACE) * self.place.unit(y)
        edge, home = self._edge(rng.choice((1, -1)), y), self._edge(rng.choice((1, -1)), y)
        there_s = start_s + (0.1 if alights else abs(x - edge) / speed)
        path = (
            Mark(start_s, x if alights else edge, y), Mark(there_s, x, y),
            Mark(there_s + stays_s, x, y),
            Mark(there_s + stays_s + abs(x - home) / speed, home, y + rng.uniform(-0.02, 0.04)),
        )  # fmt: skip
        self.players.append(Player(self._person(path), restless=rng.choice((0.3, 1.0, 1.6))))

    def take(self, lying: Laid, at_s: float, role: Role) -> None:
        """Somebody comes for what lies there, lifts it at about `at_s`, and carries it off."""
        rng = self.rng
        facing, unit = rng.choice((1, -1)), self.place.unit(lying.y)
        stand = lying.x - facing * reach(lying.load) * unit
        edge, home = self._edge(-facing, lying.y), self._edge(rng.choice((1, -1)), lying.y)
        speed = rng.uniform(*_PACE) * unit
        stoop = Stoop(at_s - 0.8, at_s, at_s + 0.3, at_s + 1.0)
        path = (
            Mark(at_s - 1.0 - abs(stand - edge) / speed, edge, lying.y),
            Mark(at_s - 1.0, stand, lying.y), Mark(at_s + 1.2, stand, lying.y),
            Mark(at_s + 1.2 + abs(home - stand) / speed, home, lying.y + 0.01),
        )  # fmt: skip
        taker = Player(self._person(path, role), (stoop,))
        self.players.append(taker)
        self.laid.append(replace(lying, to_s=at_s + 0.2, taker=taker))

    def set_down(self, start_s: float, lies_s: float) -> None:
        """Somebody puts a thing down for so long, stands by, takes it up and goes on."""
        rng, (x, y) = self.rng, self.spot()
        load, facing, unit = (
            self.load((Shape.BAG, Shape.CARTON)),
            rng.choice((1, -1)),
            self.place.unit(y),
        )
        stand, speed = x - facing * reach(load) * unit, rng.uniform(*_PACE) * unit
        edge = self._edge(-facing, y)
        down_s = start_s + abs(stand - edge) / speed + 0.8
        lift_s = down_s + lies_s
        middle_s = (down_s + lift_s) / 2
        stoops = (
            Stoop(down_s - 0.6, down_s, down_s + 0.2, min(down_s + 0.8, middle_s + 0.3)),
            Stoop(max(lift_s - 0.8, middle_s - 0.3), lift_s - 0.1, lift_s + 0.2, lift_s + 0.9),
        )
        home = self._edge(facing, y)
        path = (
            Mark(start_s, edge, y), Mark(down_s - 0.8, stand, y), Mark(lift_s + 1.0, stand, y),
            Mark(lift_s + 1.0 + abs(home - stand) / speed, home, y),
        )  # fmt: skip
        owner = Player(self._person(path), stoops, restless=0.3)
        self.players.append(owner)
        self.laid.append(Laid(load, x, y, down_s, lift_s, owner, owner))

    def throw(self, can: Spot, start_s: float, *, leans: bool) -> None:
        """Somebody puts a bag into the bin, or leans it against its front."""
        rng, (x, y) = self.rng, can
        load, facing, unit = self.load((Shape.BAG,)), rng.choice((1, -1)), self.place.unit(y)
        stand, speed = x - facing * reach(load) * unit, rng.uniform(*_PACE) * unit
        edge, home = self._edge(-facing, y), self._edge(rng.choice((1, -1)), y)
        there_s = start_s + abs(stand - edge) / speed
        stoop = Stoop(there_s + 0.1, there_s + 0.7, there_s + 1.2, there_s + 1.8)
        leaves_s = there_s + rng.uniform(2.0, 6.0)
        path = (
            Mark(start_s, edge, y), Mark(there_s, stand, y), Mark(leaves_s, stand, y),
            Mark(leaves_s + abs(home - stand) / speed, home, y + 0.01),
        )  # fmt: skip
        owner = Player(self._person(path), (stoop,) if leans else ())
        self.players.append(owner)
        gone_s = inf if leans else stoop.down_s
        self.laid.append(Laid(load, x, y + 0.004, stoop.down_s, gone_s, owner))

    def sweep(self, start_s: float) -> float:
        """A cleaner walks across, stopping to bend down here and there; the end comes back."""
        rng, y = self.rng, self.spot()[1]
        way, unit = rng.choice((1, -1)), self.place.unit(y)
        x, home = self._edge(-way, y), self._edge(way, y)
        at_s, path, stoops = start_s, [Mark(start_s, x, y)], []
        while (home - x) * way > 0:
            x += way * rng.uniform(0.5, 2.5) * unit
            at_s += rng.uniform(1.5, 4.0)
            path.append(Mark(at_s, x, y))
            rest_s = rng.uniform(1.0, 14.0)
            bends_s = min(rest_s, rng.uniform(0.9, 3.0))
            stoops.append(Stoop(at_s, at_s + 0.3, at_s + bends_s - 0.3, at_s + bends_s))
            at_s += rest_s
            path.append(Mark(at_s, x, y))
        self.players.append(Player(self._person(tuple(path), Role.CLEANER), tuple(stoops)))
        return at_s

    def _unloaded_at(self, load: Load, stop: Spot, half: float, *, behind: bool) -> Spot:
        x, y = stop
        if behind:
            return x + self.rng.uniform(-0.5, 0.5) * half, y - self.rng.uniform(0.02, 0.05)
        unit = self.place.unit(y)
        off = half + (load.width / 2 + self.rng.uniform(0.1, 0.6)) * unit
        side = self.rng.choice((1, -1))
        return x + side * off, y + self.rng.uniform(-0.02, 0.04)

    def _stoop(self, there_s: float, stays_s: float | None) -> tuple[Stoop, float]:
        """How somebody who is there puts a thing down, and when they go."""
        rng = self.rng
        start_s = there_s + rng.uniform(0.0, 0.6)
        down_s = start_s + rng.uniform(0.4, 1.0)
        up_s = down_s + rng.uniform(0.2, 1.5)
        end_s = up_s + rng.uniform(0.4, 1.0)
        leaves_s = end_s + (rng.uniform(0.1, 2.0) if stays_s is None else stays_s + 0.1)
        return Stoop(start_s, down_s, up_s, end_s), leaves_s

    def _lay(self, load: Load, spot: Spot, down_s: float, owner: Player, gone_s: float) -> Laid:
        laid = Laid(load, *spot, from_s=down_s, bringer=owner, seen_s=down_s, deposit=True)
        self.laid.append(laid)
        self.over_s = max(self.over_s, gone_s)
        return laid

    def _edge(self, side: int, y: float) -> float:
        """Just outside of the picture, to the right (1) or to the left."""
        off = 1.2 * self.place.unit(y)
        return 1 + off if side > 0 else -off

    def _person(self, path: tuple[Mark, ...], role: Role = Role.PERSON) -> Part:
        rng = self.rng
        tops = self._like_ground()
        colours = (tops, shaded(self.place.tone, rng.uniform(0.5, 1.2))) if tops else ()
        tall = self.place.tall * rng.uniform(0.9, 1.08)
        return Part(role, rng.getrandbits(30), path, tall=tall, colours=colours)

    def _like_ground(self) -> Colour | None:
        near = shaded(self.place.tone, self.rng.choice((0.6, 0.75, 1.25, 1.4)))
        return near if self.rng.random() < _LIKE_GROUND else None


def _stroll(start: Mark, aside: float, speed: float, until_s: float) -> list[Mark]:
    """Away from `start` to `aside`, a while there, and back at `until_s` or later."""
    way_s = abs(aside - start.x) / speed
    back_s = max(start.t_s + way_s + 1.0, until_s - way_s)
    return [
        start,
        Mark(start.t_s + way_s, aside, start.y),
        Mark(back_s, aside, start.y),
        Mark(back_s + way_s, start.x, start.y),
    ]
