"""Ultralytics as most people use it: its own network and tracker, in torch. Needs `train`."""

from pathlib import Path

from models.ultralytics import YOLO, torch
from vision.boxes import Box
from vision.detect import Detection, Label
from vision.frame import Image

LABELS = {
    "person": Label.PERSON,
    "backpack": Label.BAG,
    "handbag": Label.BAG,
    "suitcase": Label.BAG,
}
"""Names of COCO's classes, and what they are here."""


class Tracked:
    """What the tracker follows, picture by picture of one stream; everything else as it comes."""

    def __init__(self, weights: Path) -> None:
        """Load `weights`, of which the first picture, a blank one, is not the stream's.

        One thread, as the other detectors have.
        """
        torch.set_num_threads(1)
        self._model = YOLO(weights)
        blank = torch.zeros((384, 640, 3), dtype=torch.uint8).numpy()
        self.detect(blank)

    def detect(self, image: Image) -> tuple[Detection, ...]:
        """Everything with a name in `LABELS` that the tracker has a number for."""
        (result,) = self._model.track(image, persist=True, verbose=False)
        if result.boxes.id is None:
            return ()
        named = [(result.names[int(row[-1])], row) for row in result.boxes.data.tolist()]
        return tuple(
            Detection(LABELS[name], Box(*row[:4]), row[-2]) for name, row in named if name in LABELS
        )
