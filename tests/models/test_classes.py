"""The street's classes, as the network, COCO and the rules number them."""

from pathlib import Path

import pytest

from models.card import load_card
from models.classes import BAG, BAG_NUMBER, STREET_CLASSES
from models.draft_card import draft_card
from vision.detect import Label


def test_each_class_once() -> None:
    """Two outputs for one class of COCO would share its boxes."""
    known = [each.coco for each in STREET_CLASSES if each.coco is not None]
    assert len(set(known)) == len(known)
    assert len({each.name for each in STREET_CLASSES}) == len(STREET_CLASSES)
    assert [each.name for each in STREET_CLASSES if each.coco is None] == [BAG]
    assert STREET_CLASSES[BAG_NUMBER].name == BAG


def test_coco_is_numbered_as_the_other_card_numbers_it() -> None:
    """One mistaken number would teach dogs as people: both tables say the same label."""
    card = load_card("yolox-nano-coco")
    label_of = {number: label for label, numbers in card.labels.items() for number in numbers}
    for each in STREET_CLASSES:
        assert label_of.get(each.coco, each.label) == each.label


@pytest.mark.parametrize(("classes", "rubbish"), [(len(STREET_CLASSES), (BAG_NUMBER,)), (80, None)])
def test_an_exports_card_is_a_card(
    tmp_path: Path, classes: int, rubbish: tuple[int, ...] | None
) -> None:
    """What the exporter writes opens as it is, with COCO's numbers for a graph of COCO's."""
    file = tmp_path / "mine.toml"
    file.write_text(draft_card("mine", b"weights", classes=classes, source="a test"))
    card = load_card(file)
    assert card.labels.get(Label.RUBBISH) == rubbish
    assert len(card.labels[Label.ANIMAL]) == 10
