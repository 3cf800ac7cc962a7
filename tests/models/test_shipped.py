"""The detector that ships: the file of its card, small enough, and seeing what it is for."""

from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from models.card import built_in_cards, load_card
from models.classes import STREET_CLASSES
from models.session import OnnxDetector, open_detector
from models.weights_file import find_weights
from service.demo.plot import dumping
from service.demo.street import render
from service.settings import Settings
from vision.boxes import Box, iou
from vision.detect import Label

MOST_BYTES = 13 << 20
"""What a fresh machine may have to fetch for it."""

pytestmark = pytest.mark.wheel


@pytest.fixture(scope="module")
def street() -> OnnxDetector:
    return open_detector("liuhen-street")


def test_a_fresh_machine_has_it(street: OnnxDetector) -> None:
    """It is the default and needs nothing but the package; opening it proves hash and shapes."""
    assert Settings(home=Path("/")).model == street.card.name
    assert find_weights(street.card).stat().st_size <= MOST_BYTES


def test_the_card_names_the_classes_as_training_did(street: OnnxDetector) -> None:
    """A network's output 4 is a truck here only because the card says so."""
    assert street.card.head.classes == len(STREET_CLASSES)
    for number, each in enumerate(STREET_CLASSES):
        if each.label in street.card.labels:
            assert number in street.card.labels[each.label]


def test_no_weights_without_a_card() -> None:
    """Whatever ships is described: licence, origin, failures."""
    folder = Path(str(resources.files("models") / "weights"))
    files = {file.name for file in folder.iterdir() if file.suffix == ".onnx"}
    assert files <= {card.file for card in built_in_cards()}
    assert load_card("liuhen-street").file in files


def test_it_sees_the_simulated_street(street: OnnxDetector) -> None:
    """The bag where it lies, the person who brings it, and nothing in a grey picture.

    No measure of quality (docs/design/detector.md has those): only that this file, prepared and
    read as its card says, is a detector of these things at all.
    """
    scene = dumping(7)
    truth = scene.truth[0]
    coming = street.detect(render(scene, truth.contact_s - 2))
    assert Label.PERSON in {found.label for found in coming}
    lying = street.detect(render(scene, truth.contact_s + 10))
    bags = [found.box for found in lying if found.label is Label.RUBBISH]
    assert max(iou(box, Box(*truth.box_xyxy)) for box in bags) > 0.5
    assert street.detect(np.full((360, 640, 3), 127, np.uint8)) == ()
