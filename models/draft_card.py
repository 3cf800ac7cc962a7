"""The beginning of a model card for what was exported; a person completes it."""

from collections.abc import Mapping
from hashlib import sha256

from models.classes import STREET_CLASSES
from vision.detect import Label

_COCO_CLASSES = 80

_TEMPLATE = """\
name = "{name}"
file = "{name}.onnx"
sha256 = "{sha256}"
licence = "AGPL-3.0"
source = "{source}"
training_data = "see run.json of the run"
known_failures = ["Nothing was measured yet: python -m models.evaluate {name}.toml"]

[input]
width = 416
height = 416
channels = "rgb"
place = "centre"
pad = 114
divide_by = 255.0

[head]
format = "ultralytics-raw"
classes = {classes}
score_threshold = 0.35
nms_iou = 0.6

[labels]
{labels}
"""


def draft_card(name: str, weights: bytes, *, classes: int, source: str) -> str:
    """TOML of a card for a graph of the street's classes, or of COCO's if it has 80.

    Licence, source and training data are those of `models.train` with ultralytics' start weights.
    """
    lines = (f"{label} = {numbers}" for label, numbers in _labels(classes).items())
    return _TEMPLATE.format(
        name=name,
        sha256=sha256(weights).hexdigest(),
        classes=classes,
        source=source,
        labels="\n".join(lines),
    )


def _labels(classes: int) -> Mapping[Label, list[int]]:
    found: dict[Label, list[int]] = {}
    for number, each in enumerate(STREET_CLASSES):
        output = each.coco if classes == _COCO_CLASSES else number
        if output is not None:
            found.setdefault(each.label, []).append(output)
    return found
