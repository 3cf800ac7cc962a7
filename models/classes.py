"""The classes of the street detector, and where each comes from."""

from dataclasses import dataclass

from vision.detect import Label


@dataclass(frozen=True, slots=True)
class StreetClass:
    """One class of the network.

    Attributes:
        coco: its number among COCO's 80 classes (from 0); None: COCO has nothing like it.
        label: what the rules call it.
    """

    name: str
    coco: int | None
    label: Label


BAG = "bag_of_rubbish"

STREET_CLASSES = (
    StreetClass("person", 0, Label.PERSON),
    StreetClass("bicycle", 1, Label.BICYCLE),
    StreetClass("motorcycle", 3, Label.MOTORCYCLE),
    StreetClass("car", 2, Label.CAR),
    StreetClass("truck", 7, Label.TRUCK),
    StreetClass("bus", 5, Label.BUS),
    StreetClass(BAG, None, Label.RUBBISH),
    StreetClass("umbrella", 25, Label.UMBRELLA),
    StreetClass("table", 60, Label.TABLE),
    StreetClass("chair", 56, Label.CHAIR),
    StreetClass("bird", 14, Label.ANIMAL),
    StreetClass("cat", 15, Label.ANIMAL),
    StreetClass("dog", 16, Label.ANIMAL),
    StreetClass("horse", 17, Label.ANIMAL),
    StreetClass("sheep", 18, Label.ANIMAL),
    StreetClass("cow", 19, Label.ANIMAL),
    StreetClass("elephant", 20, Label.ANIMAL),
    StreetClass("bear", 21, Label.ANIMAL),
    StreetClass("zebra", 22, Label.ANIMAL),
    StreetClass("giraffe", 23, Label.ANIMAL),
    StreetClass("backpack", 24, Label.BAG),
    StreetClass("handbag", 26, Label.BAG),
    StreetClass("suitcase", 28, Label.BAG),
)
"""In the order of the network's outputs. There are no data for tricycles and vans: a van is a
car or a truck here and an electric tricycle a motorcycle, a truck or nothing. Umbrellas, tables
and chairs are COCO's; a hand cart has no data either. Animals stay apart as COCO has them."""

BAG_NUMBER = next(i for i, each in enumerate(STREET_CLASSES) if each.name == BAG)
"""The output of rubbish bags."""
