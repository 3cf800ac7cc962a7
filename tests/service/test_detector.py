"""Which weights judge is logged when it changes, and only then."""

import json

import numpy as np

from models.card import HeadFormat
from models.session import OnnxDetector
from service.detector import note_model, open_configured_detector
from service.evidence.log import Action
from service.settings import NO_MODEL, load
from tests.models.graphs import card, graph
from tests.service.installation import Installation


def a_detector(name: str, value: float) -> OnnxDetector:
    weights = graph(np.full((1, 6, 1), value, np.float32))
    return OnnxDetector(card(weights, HeadFormat.ULTRALYTICS_RAW, name=name), weights)


def test_each_change_once(installation: Installation) -> None:
    """Equal names with other bytes are another model; a restart is none."""
    first, second = a_detector("one", 0.1), a_detector("one", 0.2)
    for running in (None, None, first, first, second, None):
        with installation.database.write() as session:
            note_model(session, installation.clock, running)
    told = [json.loads(entry.body or "{}") for entry in installation.log(Action.MODEL_CHANGED)]
    assert [(each["model"], each["sha256"], each["before"]) for each in told] == [
        (NO_MODEL, "", ""),
        ("one", first.card.sha256, NO_MODEL),
        ("one", second.card.sha256, "one"),
        (NO_MODEL, "", "one"),
    ]


def test_none_is_asked_for_by_name(installation: Installation) -> None:
    """Running without a detector is a decision, not a slip of the pen."""
    settings = load(installation.settings.home, {"LIUHEN_MODEL": "none"})
    assert open_configured_detector(settings) is None
