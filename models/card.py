"""Model cards: which weights these are, what they take and give, under which terms.

A card is a TOML file; `models/cards` holds the built-in ones. Nothing about a model is guessed:
what its card does not say, the model does not do.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, NewType

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from models.errors import CardInvalid
from vision.detect import Label

Sha256 = NewType("Sha256", str)
"""64 lower-case hexadecimal digits."""

# A misspelt key would silently leave a default or a wish unfulfilled.
_STRICT = ConfigDict(extra="forbid")

_Unit = Annotated[float, Field(ge=0, le=1)]
_Pixels = Annotated[int, Field(gt=0, le=8192)]


class Channels(StrEnum):
    """Order of the colours in the network's input."""

    BGR = "bgr"
    RGB = "rgb"


class Place(StrEnum):
    """Where the picture lies in the padded input."""

    TOP_LEFT = "top-left"
    CENTRE = "centre"


class HeadFormat(StrEnum):
    """How the output tensor is laid out; `models/heads.py` reads each.

    `yolox`: `(1, N, 5 + C)`, offsets on the grids of strides 8, 16 and 32.
    `ultralytics-raw`: `(1, 4 + C, N)`, centre and size in input pixels.
    `ultralytics-end2end`: `(1, N, 6)`, corners in input pixels, score, class; already suppressed.
    """

    YOLOX = "yolox"
    ULTRALYTICS_RAW = "ultralytics-raw"
    ULTRALYTICS_END2END = "ultralytics-end2end"


@dataclass(frozen=True, slots=True)
class Preparation:
    """How a picture becomes the input: `(1, 3, height, width)` float32, 0-255 over `divide_by`."""

    __pydantic_config__ = _STRICT

    width: _Pixels
    height: _Pixels
    channels: Channels
    place: Place
    pad: Annotated[int, Field(ge=0, le=255)]
    divide_by: Annotated[float, Field(gt=0)]


@dataclass(frozen=True, slots=True)
class Head:
    """How the output becomes boxes: its layout, its number of classes, the two thresholds."""

    __pydantic_config__ = _STRICT

    format: HeadFormat
    classes: Annotated[int, Field(gt=0)]
    score_threshold: _Unit
    nms_iou: _Unit


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure that was measured: on `n` pictures of `on`, under the conditions in `metric`."""

    __pydantic_config__ = _STRICT

    metric: str
    value: float
    n: Annotated[int, Field(gt=0)]
    on: str


@dataclass(frozen=True, slots=True)
class Card:
    """Everything that is known about one weights file.

    Attributes:
        file: name (no folder) under which the weights are looked for.
        sha256: of the weights; no other bytes are ever loaded under this card.
        labels: the model's own class numbers behind each label; classes not named are dropped.
        thresholds: scores below which a label is dropped where the head's threshold is too low.
        training_data: what it learnt from, with the terms of that data where known.
        known_failures: sentences for whoever relies on it.
    """

    __pydantic_config__ = _STRICT

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    file: Annotated[str, Field(pattern=r"^[^/\\]+\.onnx$")]
    sha256: Annotated[Sha256, Field(pattern=r"^[0-9a-f]{64}$")]
    licence: str
    source: str
    training_data: str
    known_failures: tuple[str, ...]
    input: Preparation
    head: Head
    labels: dict[Label, tuple[Annotated[int, Field(ge=0)], ...]]
    thresholds: dict[Label, _Unit] = field(default_factory=dict)
    measured: tuple[Measured, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a class that the head does not have or that two labels claim."""
        numbers = [number for group in self.labels.values() for number in group]
        if any(number >= self.head.classes for number in numbers):
            msg = f"a label names a class beyond {self.head.classes - 1}: {sorted(numbers)}"
            raise ValueError(msg)
        if len(set(numbers)) != len(numbers):
            msg = f"two labels claim the same class: {sorted(numbers)}"
            raise ValueError(msg)


_CARD = TypeAdapter(Card)


def load_card(name_or_path: str | Path) -> Card:
    """The built-in card of that name, or the card in a `.toml` file.

    Raises:
        CardInvalid: there is none, or the file is not a card; the message names the entry.
    """
    if str(name_or_path).endswith(".toml"):
        return _parse(Path(name_or_path))
    built_in = {Path(file.name).stem: file for file in _built_in_files()}
    if str(name_or_path) not in built_in:
        known = ", ".join(sorted(built_in))
        msg = (
            f"没有名为“{name_or_path}”的模型说明卡，内置的有：{known}"
            f" / no model card named {name_or_path!r}; built in: {known}"
        )
        raise CardInvalid(msg)
    return _parse(built_in[str(name_or_path)])


def built_in_cards() -> tuple[Card, ...]:
    """Every card that ships with the program, by name."""
    return tuple(_parse(file) for file in _built_in_files())


def _built_in_files() -> Iterator[Traversable]:
    folder = resources.files("models") / "cards"
    files = (file for file in folder.iterdir() if file.name.endswith(".toml"))
    return iter(sorted(files, key=lambda file: file.name))


def _parse(file: Traversable) -> Card:
    try:
        return _CARD.validate_python(tomllib.loads(file.read_text(encoding="utf-8")))
    except ValidationError as e:
        wrong = "; ".join(_entry(error["loc"]) + ": " + error["msg"] for error in e.errors())
        msg = f"模型说明卡 {file.name} 内容有误（{wrong}）/ model card {file.name}: {wrong}"
        raise CardInvalid(msg) from e
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
        msg = f"无法读取模型说明卡 {file.name} / cannot read model card {file.name}: {e}"
        raise CardInvalid(msg) from e


def _entry(location: tuple[int | str, ...]) -> str:
    """The place of an error as an installer would write it, e.g. `input.width`."""
    return ".".join(str(part) for part in location) or "card"
