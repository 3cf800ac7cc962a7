"""What a watch has learnt, as plain values and arrays, and a watch again (glossary: 值守记忆)."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt

from vision.boxes import Box
from vision.frame import Instant
from vision.health import Ailing, Ailment, Health, View
from vision.region import Region
from vision.scene import Scene
from vision.settling import Settling
from vision.watch import Watch

_KINDS: Mapping[str, type] = {
    kind.__name__: kind for kind in (Scene, Settling, Region, Box, Health, View, Ailing)
}
"""Whose values are kept and made again; anything else is refused."""
_ENUMS: Mapping[str, type[StrEnum]] = {Ailment.__name__: Ailment}
_GIVEN = frozenset({"camera", "settings", "cleared"})
"""What a watch is given at its start, and what it says of its last look: it learns neither."""


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """Plain values (what JSON holds) in which a number stands for each of the arrays."""

    values: Any
    arrays: tuple[npt.NDArray[Any], ...]


def memory_of(watch: Watch, health: Health | None) -> Memory:
    """All that was learnt, copied; later looks do not change it."""
    arrays: list[npt.NDArray[Any]] = []
    learnt = {name: value for name, value in vars(watch).items() if name not in _GIVEN}
    values = {"watch": _plain(learnt, arrays), "health": _plain(health, arrays)}
    return Memory(values, tuple(arrays))


def remember(watch: Watch, memory: Memory) -> Health | None:
    """Make `watch` go on where that of `memory` stood; its health.

    Raises:
        ValueError, KeyError, TypeError, IndexError: it is not what `memory_of` makes of this
            version (`layout`); `watch` is then as it was.
    """
    learnt = _made(memory.values["watch"], memory.arrays)
    health = _made(memory.values["health"], memory.arrays)
    if not isinstance(learnt, dict) or learnt.keys() != vars(watch).keys() - _GIVEN:
        msg = "not what a watch learns"
        raise ValueError(msg)
    if not isinstance(health, (Health, type(None))):
        raise TypeError(health)
    vars(watch).update(learnt)
    return health


def layout() -> str:
    """A name for what is remembered in which fields; another version of the program has another."""
    scene = Scene(np.zeros((8, 8, 3), np.uint8), Instant(0))
    of_kinds = {
        name: sorted(vars(scene)) if kind is Scene else [field.name for field in fields(kind)]
        for name, kind in _KINDS.items()
    }
    return sha256(repr(sorted(of_kinds.items())).encode()).hexdigest()[:16]


def _plain(value: Any, arrays: list[npt.NDArray[Any]]) -> Any:
    """`value` as JSON holds it; lists stand for themselves, everything else says what it is."""
    if isinstance(value, StrEnum):
        return {"enum": type(value).__name__, "value": value.value}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.ndarray):
        arrays.append(value.copy())
        return {"array": len(arrays) - 1}
    if isinstance(value, (list, tuple)):
        values = [_plain(each, arrays) for each in value]
        return {"values": values, "fixed": isinstance(value, tuple)}
    if isinstance(value, Mapping):
        return {"dict": [[_plain(key, arrays), _plain(value[key], arrays)] for key in value]}
    name = type(value).__name__
    if _KINDS.get(name) is not type(value):
        msg = f"{name} is not among what is remembered"
        raise TypeError(msg)
    names = [field.name for field in fields(value)] if is_dataclass(value) else list(vars(value))
    return {"kind": name, "fields": {each: _plain(getattr(value, each), arrays) for each in names}}


def _made(plain: Any, arrays: tuple[npt.NDArray[Any], ...]) -> Any:
    """The value of which `_plain` made `plain`."""
    if not isinstance(plain, dict):
        return plain
    match plain:
        case {"enum": kind, "value": value}:
            return _ENUMS[kind](value)
        case {"array": number}:
            return arrays[number]
        case {"values": values, "fixed": fixed}:
            several = [_made(each, arrays) for each in values]
            return tuple(several) if fixed else several
        case {"dict": pairs}:
            return {_made(key, arrays): _made(value, arrays) for key, value in pairs}
        case {"kind": kind, "fields": named}:
            return _filled(_KINDS[kind], {n: _made(v, arrays) for n, v in named.items()})
        case _:
            raise ValueError(plain)


def _filled(kind: type, named: Mapping[str, Any]) -> Any:
    """A value of `kind` with these fields; checks of its own are not made again."""
    made: Any = object.__new__(kind)
    for name, value in named.items():
        object.__setattr__(made, name, value)
    return made
