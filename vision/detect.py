"""What a detector says about one picture, and the protocol that every detector keeps."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from vision.boxes import Box
from vision.frame import Image


class Label(StrEnum):
    """The classes that the rules know; a card maps a model's own classes to them."""

    PERSON = "person"
    BICYCLE = "bicycle"
    MOTORCYCLE = "motorcycle"
    CAR = "car"
    TRUCK = "truck"
    BUS = "bus"
    ANIMAL = "animal"
    BAG = "bag"
    RUBBISH = "rubbish"
    UMBRELLA = "umbrella"
    TABLE = "table"
    CHAIR = "chair"


VEHICLES = frozenset({Label.BICYCLE, Label.MOTORCYCLE, Label.CAR, Label.TRUCK, Label.BUS})


@dataclass(frozen=True, slots=True)
class Detection:
    """One thing that a detector saw; `score` in [0, 1] orders findings and proves nothing."""

    label: Label
    box: Box
    score: float


class Detector(Protocol):
    """Finds people, vehicles and bags in a picture; a table stands here in the tests."""

    def detect(self, image: Image) -> tuple[Detection, ...]:
        """Everything seen in `image` (`(H, W, 3)` uint8 BGR), boxes in its own pixels."""
        ...
